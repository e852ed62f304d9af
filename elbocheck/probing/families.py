"""What a reconstruction may be: the readings that fit a loss's arguments, simplest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from elbocheck.probing.candidate import Candidate, squashed
from elbocheck.probing.curves import CURVES
from elbocheck.probing.learned import log_normal, with_shape
from elbocheck.probing.negative_binomial import overdispersed
from elbocheck.probing.points import Points
from elbocheck.probing.positives import counts, durations
from elbocheck.probing.proportions import proportions
from elbocheck.probing.residuals import SQUASHED, located
from elbocheck.probing.scores import scores


def candidates(points: Points, where: str) -> Iterator[Candidate]:
    """List the readings that fit the loss's arguments, simplest first.

    Args:
        points: what was probed.
        where: where predictions may lie: `real`, `positive` or `unit`.
    """
    yield from sorted(_all(points, where), key=lambda c: c.complexity)


def _all(points: Points, where: str) -> Iterator[Candidate]:
    if points.shape is not None:
        yield from with_shape(points, where)
        return
    for curve in CURVES:
        yield from located(curve, points)
        if where == "real" and curve.name in SQUASHED:
            (plain,) = (c for c in located(curve, points) if c.scale_as is None)
            yield replace(plain, parts=squashed(plain.parts), link="sigmoid")
    if points.scale is not None or points.delta is not None:
        yield from (c for c in scores(where) if c.family == "bernoulli")
        yield from log_normal(points, where)
        return
    yield from scores(where)
    yield from counts(where)
    yield from overdispersed(where)
    yield from proportions(where)
    yield from durations(where)
