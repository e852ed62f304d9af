"""Readings of overdispersed counts: the negative binomial by its logits, its probability, or its mean.

-log p(x) = r log(1 + e^l) + x log(1 + e^-l) + log x! + log G(r) - log G(x + r), in which the mean is r e^l (Casella and
Berger, Statistical Inference (2002), eq. (3.2.10); Lopez et al. 2018 take the mean and r, which they call theta).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.probing.candidate import Candidate, Reading, alone
from elbocheck.probing.curves import Grid
from elbocheck.probing.data_terms import log_ascending, log_of
from elbocheck.probing.fit import Shapes
from elbocheck.probing.points import Points

TOTAL_COUNTS = Grid("total_count", np.geomspace(1e-4, 1e12, 97))
"""Below, the counts are all 0; above, a Poisson is met to rounding."""

VANISHED = -30.0
"""A log mean below which a count of 0 costs nothing that floats tell: such probes would outweigh all others."""


def overdispersed(where: str) -> Iterator[Candidate]:
    """List the readings for predictions that may lie there: `real`, `positive` or `unit`."""
    if where == "unit":
        yield _of_odds("probs", lambda p: log_of(p) - np.log1p(-p))
        yield _of_odds("failure_probs", lambda p: np.log1p(-p) - log_of(p))
    elif where == "real":
        yield _of_odds("logits", lambda r: r)
        yield _of_odds("failure_logits", lambda r: -r)
        yield _of_mean("log_mean", lambda r: r)
    else:
        yield _of_mean("mean", log_of)


def softplus(v: Array) -> Array:
    """Return log(1 + e^v)."""
    return np.asarray(np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v))))


def _of_odds(parameter: str, log_odds: Callable[[Array], Array]) -> Candidate:
    def parts(points: Points) -> tuple[Array, ...]:
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = log_odds(points.prediction)
        return softplus(odds), points.x * softplus(-odds)

    return Candidate("negative_binomial", parts, parameter, guarded=True, datum=log_ascending, read=_counted, extra=1)


def _counted(weights: Array, _names: Sequence[str], _shapes: Shapes) -> Reading:
    """Read r log(1 + e^l) + x log(1 + e^-l)."""
    if not weights[0] * weights[1] > 0:
        return np.nan, {}
    return float(weights[1]), {"total_count": float(weights[0] / weights[1])}


def _of_mean(parameter: str, log_mean: Callable[[Array], Array]) -> Candidate:
    def parts(points: Points, total_count: Array) -> tuple[Array, ...]:
        mean = log_mean(points.prediction)
        odds = np.where(mean > VANISHED, mean, np.nan) - np.log(total_count)
        return (total_count * softplus(odds) + points.x * softplus(-odds),)

    return Candidate(
        "negative_binomial",
        parts,
        parameter,
        (TOTAL_COUNTS,),
        guarded=parameter == "mean",
        datum=log_ascending,
        read=_finite if parameter == "mean" else _apart,
    )


def _finite(weights: Array, names: Sequence[str], shapes: Shapes) -> Reading:
    """Read r, unless it lies at the end of its grid: that is a Poisson, under a rounding which r log r excuses."""
    weight, found = alone(weights, names, shapes)
    return (np.nan if found["total_count"] >= TOTAL_COUNTS.values[-2] else weight), found


def _apart(weights: Array, names: Sequence[str], shapes: Shapes) -> Reading:
    """Read r, unless it is 1: log means are logits then, and called so."""
    weight, found = _finite(weights, names, shapes)
    return (np.nan if abs(found["total_count"] - 1) < budget.DECLARED else weight), found
