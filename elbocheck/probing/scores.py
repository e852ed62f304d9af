"""Readings of a loss that scores classes: linear in the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.probing.candidate import Candidate, Reading, squashed
from elbocheck.probing.data_terms import log_choices
from elbocheck.probing.fit import Shapes
from elbocheck.probing.points import Points


def scores(where: str) -> Iterator[Candidate]:
    """List the readings for predictions that may lie there: `real` or `unit`."""
    if where == "unit":
        yield Candidate("bernoulli", _bernoulli_probs, "probs", guarded=True)
        yield Candidate("bernoulli", _exchanged(_bernoulli_probs), "probs", swapped=True, guarded=True)
        yield Candidate("continuous_bernoulli", _continuous(_bernoulli_probs, _log_odds), "probs", guarded=True)
        yield Candidate("binomial", _binomial_probs, "probs", guarded=True, datum=log_choices, read=_trials, extra=1)
        return
    yield Candidate("bernoulli", _bernoulli_logits, "logits", guarded=True)
    yield Candidate("bernoulli", squashed(_bernoulli_logits), "logits", link="sigmoid", guarded=True)
    yield Candidate("bernoulli", _exchanged(_bernoulli_logits), "logits", swapped=True, guarded=True)
    yield Candidate("bernoulli", _exchanged(_bernoulli_probs), "probs", swapped=True, guarded=True)
    yield Candidate("continuous_bernoulli", _continuous(_bernoulli_logits, lambda r: r), "logits", guarded=True)
    yield Candidate("binomial", _binomial_logits, "logits", guarded=True, datum=log_choices, read=_trials, extra=1)


def _softplus(v: Array) -> Array:
    return np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v)))


def _log_odds(p: Array) -> Array:
    return np.log(p) - np.log1p(-p)


def _bernoulli_logits(points: Points) -> tuple[Array, ...]:
    x, logits = points.x, points.prediction
    return (np.maximum(logits, 0) - x * logits + np.log1p(np.exp(-np.abs(logits))),)


def _bernoulli_probs(points: Points) -> tuple[Array, ...]:
    x, probs = points.x, points.prediction
    return (-(_times_log(x, probs) + _times_log(1 - x, 1 - probs)),)


def _times_log(a: Array, b: Array) -> Array:
    """Return a log b, 0 where a is 0, NaN below 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((a == 0) & (b >= 0), 0.0, a * np.log(b))


def _exchanged(parts: Callable[[Points], tuple[Array, ...]]) -> Callable[..., tuple[Array, ...]]:
    return lambda p: parts(replace(p, x=p.prediction, prediction=p.x))


def _continuous(
    parts: Callable[[Points], tuple[Array, ...]], logits: Callable[[Array], Array]
) -> Callable[..., tuple[Array, ...]]:
    """Add the log normaliser of the continuous Bernoulli (Loaiza-Ganem & Cunningham 2019, eq. 4): -log C(logits)."""

    def whole(points: Points) -> tuple[Array, ...]:
        half = np.abs(logits(points.prediction)) / 2
        small = np.minimum(half, 0.1) ** 2
        series = small * (1 / 6 - small * (1 / 180 - small * (1 / 2835 - small / 37800)))  # log(sinh h / h)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.log(-np.expm1(-2 * half) / (2 * half)) + half
        return (parts(points)[0] - _softplus(2 * half) + half + np.where(half < 0.1, series, far),)

    return whole


def _binomial_logits(points: Points) -> tuple[Array, ...]:
    return _softplus(points.prediction), -points.x * points.prediction


def _binomial_probs(points: Points) -> tuple[Array, ...]:
    with np.errstate(divide="ignore"):
        odds = _log_odds(points.prediction)
        return -np.log1p(-points.prediction), -points.x * odds


def _trials(weights: Array, _names: Sequence[str], _shapes: Shapes) -> Reading:
    """Read n log(1 + e^l) - x l."""
    count = float(weights[0] / weights[1]) if weights[1] else 0.0
    if not (count > 1.5 and abs(count - round(count)) <= budget.DECLARED * count):
        return np.nan, {}
    return float(weights[1]), {"total_count": float(round(count))}
