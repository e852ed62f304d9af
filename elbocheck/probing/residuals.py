"""Readings of a loss of the residual x - prediction, over a scale where the loss takes one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.probing.candidate import Candidate, Reading, alone
from elbocheck.probing.curves import Curve
from elbocheck.probing.fit import Shapes
from elbocheck.probing.points import Points
from elbocheck.probing.probe import spread_of
from elbocheck.roles import Role

SQUASHED = ("normal", "laplace", "huber")
"""Families of pixels in [0, 1] whose loss may take the logits and squash them itself."""
SCALE_KINDS = ("log_var", "log_scale", "scale", "var")


def located(curve: Curve, points: Points) -> Iterator[Candidate]:
    """List the readings of a curve: one for each way in which a learned scale may be read."""
    kinds: tuple[str | None, ...] = (None,) if points.scale is None else (None, *SCALE_KINDS)
    learned = points.delta is not None and [g.name for g in curve.shapes] == ["delta"]
    for kind in kinds:
        yield Candidate(
            curve.name,
            _residual(curve, kind, learned=learned),
            shapes=() if learned else curve.shapes,
            scale_as=kind,
            normalizer=_normalizer(curve, kind, learned=learned),
            guarded=kind in ("scale", "var"),
            read=_READ.get(curve.name, alone),
            kinks=curve.kinks,
            inner=_inner(curve, learned=learned),
            extra=curve.extra,
        )


def _inner(curve: Curve, *, learned: bool) -> Callable[..., Array]:
    def inner(points: Points, *shapes: float) -> Array:
        return np.zeros_like(points.value) + (curve.inner(points.delta) if learned else curve.inner(*shapes))

    return inner


def _residual(curve: Curve, kind: str | None, *, learned: bool) -> Callable[..., tuple[Array, ...]]:
    def parts(points: Points, *shapes: Array) -> tuple[Array, ...]:
        u = points.x - points.prediction
        if kind is not None and points.scale is not None:
            u = u / spread_of(Role(kind), points.scale)
        return curve.parts(u, points.delta) if learned else curve.parts(u, *shapes)

    return parts


def _normalizer(curve: Curve, kind: str | None, *, learned: bool) -> Callable[[Points], Array] | None:
    """Return log scale, or the density's own log normaliser where its shape is learned too."""
    if kind is None and not learned:
        return None

    def normalizer(points: Points) -> Array:
        scale = np.ones_like(points.value) if kind is None else spread_of(Role(kind), np.asarray(points.scale))
        if not learned:
            return np.log(scale)
        from elbocheck.densities import named

        return named(curve.name).log_normalizer(loc=0.0, scale=scale, delta=np.asarray(points.delta))

    return normalizer


def _two_sided(weights: Array, _names: Sequence[str], _shapes: Shapes) -> Reading:
    above, below = map(float, weights)
    if not above * below > 0:
        return np.nan, {}
    return above + below, {"quantile": above / (above + below)}


def _general(weights: Array, names: Sequence[str], shapes: Shapes) -> Reading:
    """Read the general loss, unless it is a square: of a huge weight, whose rounding would explain whatever it misses."""
    weight, found = alone(weights, names, shapes)
    return (np.nan if abs(found["power"] - 1) < budget.SQUARE else weight), found


_READ = {"asymmetric_laplace": _two_sided, "barron": _general}
