"""The bins of a likelihood of data on a grid: P(x) = F((x + w/2 - loc)/s) - F((x - w/2 - loc)/s), in plain numbers.

F is a distribution function that is symmetric, F(-v) = 1 - F(v). Where the first and the last bin are open, the
probabilities of all levels telescope to 1 whatever F; without, they miss both tails (Salimans et al. 2017, eq. 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.kernels.gauss import log_ndtr, log_ndtr_difference
from elbocheck.kernels.lift import lift

__all__ = ["SHAPES", "BinMass", "Bins", "Shape", "held"]


def held(energy: Array, guard: float, *, added: bool) -> Array:
    """Return -log of a probability that a guard holds, from -log of one that nothing holds.

    Args:
        energy: in nats.
        guard: epsilon; 0 where there is none.
        added: to the probability, else the least that it may be.
    """
    if not guard:
        return energy
    level = -log(guard)
    return np.asarray(-np.logaddexp(-energy, -level) if added else np.minimum(energy, level))


@dataclass(frozen=True)
class BinMass:
    """What exp(-loss) adds up to over all levels.

    Attributes:
        prediction: where.
        scale: of the likelihood there; None where it is not learned.
        mass: the sum.
        error: bound of its rounding.
    """

    prediction: float
    scale: float | None
    mass: float
    error: float


@dataclass(frozen=True)
class Bins:
    """The bins of a likelihood, in the data's own unit.

    Attributes:
        shape: the distribution function, a key of `SHAPES`.
        width: of a bin.
        error: its relative uncertainty.
        offset: of a bin's middle from its level.
        inside: a level that is neither the first nor the last.
        open: the first and the last bin extend to infinity.
        factor: the scale of the distribution function over the learned one; the scale itself where none is learned.
        constant: the loss of a call where all mass lies in the data's bins.
        guard: epsilon beside the probability inside the logarithm; 0 where there is none.
        added: it is added to the probability, else the least that it may be.
        low: the lowest level.
        step: between levels.
        levels: how many there are; 0: all integers.
        masses: over all levels, at some predictions.
    """

    shape: str
    width: float
    error: float
    offset: float
    inside: float
    open: bool
    factor: float
    constant: float
    guard: float
    added: bool = True
    low: float = 0.0
    step: float = 0.0
    levels: int = 0
    masses: tuple[BinMass, ...] = ()

    @property
    def high(self) -> float:
        """The highest level."""
        return self.low + self.step * (self.levels - 1)

    @property
    def worst(self) -> BinMass | None:
        """The largest mass that is above 1, else the least that is below; None where none is."""
        most = max(self.masses, key=lambda one: one.mass - one.error, default=None)
        if most is not None and most.mass - most.error > 1 + budget.BIN_MASS:
            return most
        least = min(self.masses, key=lambda one: one.mass + one.error, default=None)
        return least if least is not None and least.mass + least.error < 1 - budget.BIN_MASS else None

    def held(self, energy: Array) -> Array:
        """Return -log of a probability that the guard holds, from -log of one that nothing holds."""
        return held(energy, self.guard, added=self.added)

    def energy(self, x: Array, loc: Array, scale: Array, *, exact: bool = False) -> Array:
        """Return -log P of bins that are not open, in nats.

        Args:
            x: levels.
            loc: predictions.
            scale: of the distribution function.
            exact: of the family that an approximate distribution function stands for.
        """
        shape = SHAPES[self.shape]
        middle, half = x + self.offset - loc, self.width / 2
        return SHAPES[shape.stands_for or self.shape if exact else self.shape].bin(
            (middle - half) / scale, (middle + half) / scale
        )


@dataclass(frozen=True)
class Shape:
    """A distribution function.

    Attributes:
        family: of the discretised density.
        stands_for: the shape that it approximates; None where it is one itself.
        words: what it is.
    """

    family: str
    stands_for: str | None
    words: str

    def bin(self, low: Array, high: Array) -> Array:
        """Return -log(F(high) - F(low)), in nats."""
        return _BINS[self.words](np.asarray(low, np.float64), np.asarray(high, np.float64))

    def tail(self, high: Array) -> Array:
        """Return -log F(high), in nats."""
        return _TAILS[self.words](np.asarray(high, np.float64))


SHAPES: Mapping[str, Shape] = {
    "logistic": Shape("discretized_logistic", None, "the logistic distribution function"),
    "tanh": Shape("discretized_normal", "normal", "a tanh of a cubic"),
    "normal": Shape("discretized_normal", None, "the normal distribution function"),
}


def _softplus(v: Array) -> Array:
    return np.asarray(np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v))))


def _logistic(low: Array, high: Array) -> Array:
    """sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - e^(a - b)): nothing cancels."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return np.asarray(_softplus(-high) + _softplus(low) - np.log(-np.expm1(low - high)))


def _cubic(v: Array) -> Array:
    """Twice the argument of the tanh, of which (1 + tanh)/2 is the sigmoid (Page 1977)."""
    with np.errstate(over="ignore"):
        return np.asarray(2 * sqrt(2 / pi) * v * (1 + 0.044715 * v * v))


_NORMAL_BIN, _NORMAL_TAIL = lift(log_ndtr_difference), lift(log_ndtr)
_BINS: Mapping[str, Callable[[Array, Array], Array]] = {
    SHAPES["logistic"].words: _logistic,
    SHAPES["tanh"].words: lambda low, high: _logistic(_cubic(low), _cubic(high)),
    SHAPES["normal"].words: lambda low, high: -_NORMAL_BIN.wide(low, high),
}
_TAILS: Mapping[str, Callable[[Array], Array]] = {
    SHAPES["logistic"].words: lambda high: _softplus(-high),
    SHAPES["tanh"].words: lambda high: _softplus(-_cubic(high)),
    SHAPES["normal"].words: lambda high: -_NORMAL_TAIL.wide(high),
}
