"""Losses of a residual u = x - loc: the energies of location families in nats, and bounded ones that no density has.

Each is written here once more, in NumPy and without its scale, since identifying must not wait for kernels to compile; a
test holds every one against the certified kernel of its density. Sources: those of the densities; Barron, A general and
adaptive robust loss function, CVPR (2019), for the general one (power = alpha/2); Holland & Welsch, Robust regression
using iteratively reweighted least-squares (1977), for Welsch and Tukey.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log

import numpy as np

from elbocheck.adapters import Array

__all__ = ["CURVES", "IMPROPER", "Curve", "Grid"]


@dataclass(frozen=True)
class Grid:
    """A free shape parameter, and where it is looked for.

    Attributes:
        name: of the parameter.
        values: increasing; a fit stays between the ends, beyond which the probes see one of the family's limits.
        positive: steps are taken in its logarithm.
    """

    name: str
    values: Array
    positive: bool = True

    def moved(self, shapes: tuple[float, ...], place: int, step: float) -> tuple[float, ...]:
        """Return the shapes with this one, at its place, a step further (in its logarithm where positive), on the grid."""
        moved = shapes[place] * np.exp(step) if self.positive else shapes[place] + step
        kept = float(np.clip(moved, self.values[0], self.values[-1]))
        return (*shapes[:place], kept, *shapes[place + 1 :])


@dataclass(frozen=True)
class Curve:
    """A family of losses of a residual.

    Attributes:
        name: the density whose energy it is, or the usual name of a loss that no density has.
        parts: (u, *shapes) to functions of which the loss is a linear combination with positive weights; arrays broadcast.
        shapes: what the parts depend on besides u.
        proper: exp(-loss) has a finite integral for some weights.
        kinks: (*shapes) to where a derivative jumps, in |u|.
        jump: (*shapes) to which derivative jumps there, and by how much.
        inner: (*shapes) to what textbook code adds to the curve and takes off again, as the 1 in sqrt(1 + v^2) - 1: its
            rounding stays.
        extra: parameters beyond the shapes: parts after the first.
    """

    name: str
    parts: Callable[..., tuple[Array, ...]]
    shapes: tuple[Grid, ...] = ()
    proper: bool = True
    kinks: Callable[..., tuple[float, ...]] = lambda *_: ()
    jump: Callable[..., tuple[int, float]] = lambda *_: (1, 1.0)
    inner: Callable[..., float] = lambda *_: 0.0
    extra: int = 0


def _huber(u: Array, delta: Array) -> Array:
    core = np.minimum(np.abs(u), delta)
    return core * (np.abs(u) - 0.5 * core)


def _charbonnier(u: Array, delta: Array) -> Array:
    return np.asarray(u * (u / (1 + np.hypot(1, u / delta))))


def _log_cosh(u: Array, scale: Array) -> Array:
    v = np.abs(u) / scale
    near = np.log1p(2 * np.sinh(np.minimum(v, 1.0) / 2) ** 2)  # no cancellation beside 0
    return np.where(v < 1, near, v + np.log1p(np.exp(-2 * v)) - log(2))


def _log_square(u: Array, scale: Array) -> Array:
    v = np.abs(u) / scale
    far = 2 * np.log(np.maximum(v, 1.0)) + np.log1p(np.maximum(v, 1.0) ** -2.0)
    return np.where(v < 1, np.log1p(np.minimum(v, 1.0) ** 2), far)


def _general(u: Array, power: Array, scale: Array) -> Array:
    """((1 + (u/scale)**2)**power - 1)/power: the logarithm at 0, Geman-McClure at -1, Charbonnier at 1/2, a square at 1."""
    return np.asarray(np.expm1(power * _log_square(u, scale)) / power)


def _tukey(u: Array, scale: Array) -> Array:
    v = np.minimum((u / scale) ** 2, 1.0)
    return np.asarray(v * (3 - 3 * v + v * v))  # 1 - (1 - v)**3


def _dead_zone(u: Array, epsilon: Array) -> Array:
    return np.asarray(np.maximum(np.abs(u) - epsilon, 0.0))


def _welsch(u: Array, scale: Array) -> Array:
    return np.asarray(-np.expm1(-0.5 * (u / scale) ** 2))


def _geman_mcclure(u: Array, scale: Array) -> Array:
    v = (u / scale) ** 2
    return np.asarray(v / (1 + v))


_SCALES = np.geomspace(1e-8, 1e6, 85)
_POWERS = np.geomspace(0.1, 10, 61)
_GENERAL = np.array(
    [-4.0, -2.0, -1.5, -0.7, -0.4, -0.2, -0.1, 0.1, 0.2, 0.35, 0.7, 0.9, 0.97, 1.03, 1.1, 1.2, 1.5, 2.0]
)  # finer beside the square, where the scale counts for little


_DELTA, _SCALE, _COARSE = Grid("delta", _SCALES), Grid("scale", _SCALES), Grid("scale", _SCALES[::2])


def _unit(*_shapes: float) -> float:
    return 1.0


def _one(curve: Callable[..., Array]) -> Callable[..., tuple[Array, ...]]:
    return lambda u, *shapes: (curve(u, *shapes),)


def _itself(*shapes: float) -> tuple[float, ...]:
    return shapes


CURVES: tuple[Curve, ...] = (
    Curve("normal", lambda u: (0.5 * u * u,)),
    Curve("laplace", lambda u: (np.abs(u),), kinks=lambda: (0.0,)),
    Curve("asymmetric_laplace", lambda u: (np.maximum(u, 0.0), np.maximum(-u, 0.0)), kinks=lambda: (0.0,), extra=1),
    Curve("huber", _one(_huber), (_DELTA,), kinks=_itself, jump=lambda _: (2, 1.0)),
    Curve("charbonnier", _one(_charbonnier), (_DELTA,), inner=lambda delta: delta**2),
    Curve("log_cosh", _one(_log_cosh), (_SCALE,), inner=_unit),
    Curve("cauchy", _one(_log_square), (_SCALE,), inner=_unit),
    Curve("generalized_normal", _one(lambda u, power: np.abs(u) ** power), (Grid("power", _POWERS),)),
    Curve("epsilon_insensitive", _one(_dead_zone), (Grid("epsilon", _SCALES),), kinks=_itself, inner=lambda e: e),
    Curve("welsch", _one(_welsch), (_SCALE,), proper=False, inner=_unit),
    Curve("geman_mcclure", _one(_geman_mcclure), (_SCALE,), proper=False, inner=_unit),
    Curve(
        "tukey",
        _one(_tukey),
        (_SCALE,),
        proper=False,
        kinks=_itself,
        jump=lambda scale: (3, 48 / scale**3),
        inner=_unit,
    ),
    Curve(
        "truncated_square",
        _one(lambda u, scale: np.minimum((u / scale) ** 2, 1.0)),
        (_SCALE,),
        proper=False,
        kinks=_itself,
        jump=lambda scale: (1, 2 / scale),
    ),
    Curve(
        "truncated_absolute",
        _one(lambda u, scale: np.minimum(np.abs(u) / scale, 1.0)),
        (_SCALE,),
        proper=False,
        kinks=_itself,
        jump=lambda scale: (1, 1 / scale),
    ),
    Curve(
        "barron",
        _one(_general),
        (Grid("power", _GENERAL, positive=False), _COARSE),
        inner=lambda power, _: 1 / abs(power),
    ),
)
"""Fewest parameters first."""

IMPROPER = frozenset(curve.name for curve in CURVES if not curve.proper)
