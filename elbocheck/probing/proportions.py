"""Readings of proportions, data strictly between 0 and 1, by their mean: the beta density of a fixed precision.

Mean m and precision c are the concentrations m c and (1 - m) c (Ferrari & Cribari-Neto, Beta regression for modelling rates and
proportions, Journal of Applied Statistics (2004), eq. (4)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.candidate import Candidate
from elbocheck.probing.curves import Grid
from elbocheck.probing.data_terms import log_both, log_gamma, log_of
from elbocheck.probing.points import Points

PRECISIONS = Grid("precision", np.geomspace(1e-2, 1e6, 65))


def proportions(where: str) -> Iterator[Candidate]:
    """List the readings for predictions that may lie there: `real` or `unit`."""
    if where == "unit":
        yield from _beta("mean", lambda p: (p, 1 - p))
    elif where == "real":
        yield from _beta("logits_of_mean", lambda r: (_sigmoid(r), _sigmoid(-r)))


def _sigmoid(v: Array) -> Array:
    """Return 1 / (1 + e^-v), which keeps its digits where it is small; NaN where a gamma function of it would overflow."""
    with np.errstate(over="ignore"):
        found = 1 / (1 + np.exp(-v))
    return np.where(found > np.finfo(np.float32).tiny, found, np.nan)


def _beta(parameter: str, means: Callable[[Array], tuple[Array, Array]]) -> Iterator[Candidate]:
    """List the density, and its energy alone: the same for any precision, which the data's own term tells.

    Args:
        parameter: what the prediction is.
        means: the prediction to the mean, and to 1 less it.
    """

    def terms(points: Points, precision: float | Array) -> tuple[Array, ...]:
        one, zero = (precision * mean for mean in means(points.prediction))
        return -one * log_of(points.x), -zero * log_of(1 - points.x), log_gamma(one), log_gamma(zero)

    def parts(points: Points, precision: Array) -> tuple[Array, ...]:
        return (np.asarray(sum(terms(points, precision), -log_gamma(precision))),)

    def inner(points: Points, precision: float) -> Array:
        return np.asarray(np.sum(np.abs(terms(points, precision)), axis=0))

    def slopes(points: Points) -> tuple[Array, ...]:
        return (np.sum(terms(points, 1.0)[:2], axis=0),)

    yield Candidate("beta", parts, parameter, (PRECISIONS,), guarded=True, datum=log_both, inner=inner)
    yield Candidate(
        "beta",
        slopes,
        parameter,
        normalizer=lambda p: np.sum(terms(p, 1.0)[2:], axis=0),
        guarded=True,
        datum=log_both,
        reread=_precise,
        extra=1,
    )


def _precise(candidate: Candidate, x: Array, datum: Array) -> tuple[Candidate, float, dict[str, float]] | None:
    """Read the precision off log x + log(1 - x), which is there once, while the slopes are there as often as it says."""
    slope, _ = np.polyfit(log_both(x, {}), datum, 1)
    return (candidate, float(slope), {"precision": float(1 / slope)}) if slope > 0 else None
