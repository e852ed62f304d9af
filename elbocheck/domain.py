"""Where a variable or a parameter may live: intervals and runs of integers, in plain Python.

Membership is written with comparisons only, so that the same line serves a float and a NumPy array.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf
from typing import Any, Protocol, TypeVar

from elbocheck.errors import ParameterError

__all__ = [
    "BINARY", "COUNTS", "NON_NEGATIVE", "OPEN_UNIT", "POSITIVE", "POSITIVE_DEFINITE", "REAL", "SPHERE", "UNIT",
    "Domain", "Integers", "Interval", "Parameter", "PositiveDefinite", "Sphere", "matching",
]  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """The numbers between two ends, each of which belongs to it or not; NaN never does.

    Example:
        >>> 0.0 in Interval(0.0, 1.0, True, False)
        True
    """

    low: float
    high: float
    closed_low: bool = False
    closed_high: bool = False

    def holds(self, values: Any) -> Any:
        """Membership of a float (a bool) or of every element of an array (an array of bools)."""
        above = values >= self.low if self.closed_low else values > self.low
        below = values <= self.high if self.closed_high else values < self.high
        return above & below

    def __contains__(self, value: float) -> bool:
        return bool(self.holds(value))

    def describe(self) -> str:
        """The domain as an error message says it: `> 0`, `in [0, 1]`, `real`."""
        if self.low == -inf and self.high == inf:
            return "real"
        if self.high == inf:
            return f"{'>=' if self.closed_low else '>'} {self.low:g}"
        if self.low == -inf:
            return f"{'<=' if self.closed_high else '<'} {self.high:g}"
        left, right = "[" if self.closed_low else "(", "]" if self.closed_high else ")"
        return f"in {left}{self.low:g}, {self.high:g}{right}"


@dataclass(frozen=True)
class Integers:
    """The integers from `low` to `high`, both included; `high` may be infinite."""

    low: int
    high: float

    def holds(self, values: Any) -> Any:
        """Membership of a float (a bool) or of every element of an array (an array of bools)."""
        return (values >= self.low) & (values <= self.high) & (values % 1 == 0)  # infinity % 1 is NaN

    def __contains__(self, value: float) -> bool:
        return bool(self.holds(value))

    def describe(self) -> str:
        """The domain as an error message says it: `0 or 1`, `an integer >= 0`."""
        if self.high == self.low + 1:
            return f"{self.low} or {self.high:g}"
        if self.high == inf:
            return f"an integer >= {self.low}"
        return f"an integer in [{self.low}, {self.high:g}]"


@dataclass(frozen=True)
class Sphere:
    """Vectors of length 1, to rounding."""

    low: float = -1.0
    high: float = 1.0

    def holds(self, values: Any) -> Any:
        """Membership of every vector along the last axis of an array."""
        return abs((values * values).sum(axis=-1) - 1.0) < UNIT_LENGTH

    def describe(self) -> str:
        """The domain as an error message says it."""
        return "a vector of length 1"


@dataclass(frozen=True)
class PositiveDefinite:
    """Symmetric matrices with positive eigenvalues."""

    low: float = -inf
    high: float = inf

    def holds(self, values: Any) -> Any:
        """Membership of every matrix in the last two axes of an array."""
        from numpy.linalg import eigvalsh

        mirrored = (values == values.swapaxes(-1, -2)).all(axis=(-1, -2))
        return mirrored & (eigvalsh(values) > 0).all(axis=-1)

    def describe(self) -> str:
        """The domain as an error message says it."""
        return "symmetric and positive definite"


UNIT_LENGTH = 1e-5  # what a float32 vector's squared length may be off by
Domain = Interval | Integers | Sphere | PositiveDefinite

REAL = Interval(-inf, inf)
POSITIVE = Interval(0.0, inf)
NON_NEGATIVE = Interval(0.0, inf, closed_low=True)
UNIT = Interval(0.0, 1.0, closed_low=True, closed_high=True)
OPEN_UNIT = Interval(0.0, 1.0)
BINARY = Integers(0, 1)
COUNTS = Integers(0, inf)
SPHERE = Sphere()
POSITIVE_DEFINITE = PositiveDefinite()


SPAN = (1e-30, 1e30)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A named argument of a density or a divergence and the domain it must lie in.

    Attributes:
        name: the argument.
        domain: where it must lie.
        span: the magnitudes over which kernels are certified, inside the domain and for both signs; 0 and 1 where
            they belong to the domain too.
        oracle_span: the same for oracles, where sums would take too long or digits run out; None for span.
        event_rank: 0 for a number, 1 for a vector, 2 for a matrix.
    """

    name: str
    domain: Domain
    span: tuple[float, float] = SPAN
    oracle_span: tuple[float, float] | None = None
    event_rank: int = 0

    def require(self, owner: str, values: Any) -> None:
        """Raise unless every element of a NumPy array lies in the domain.

        Raises:
            ParameterError: naming the argument, its first bad value and the domain.
        """
        inside = self.domain.holds(values)
        if not inside.all():
            bad = values[~inside][0].tolist()
            raise ParameterError(f"{owner}: {self.name} must be {self.domain.describe()}, got {bad!r}")


class Parametrised(Protocol):
    """What has an ordered tuple of parameters."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in the order of the kernel's arguments."""


F = TypeVar("F", bound=Parametrised)


def matching(owner: str, forms: tuple[F, ...], names: Iterable[str]) -> F:
    """The parametrisation whose parameters have exactly these names, in any order.

    Raises:
        ParameterError: listing the parametrisations there are and the closest match of each unknown name.
    """
    given = list(names)
    for form in forms:
        if {parameter.name for parameter in form.parameters} == set(given):
            return form
    choices = [tuple(parameter.name for parameter in form.parameters) for form in forms]
    known = sorted({name for choice in choices for name in choice})
    hints = [(name, get_close_matches(name, known, 1, 0.5)) for name in given if name not in known]
    hint = "".join(f"; for {name!r} did you mean {close[0]!r}?" for name, close in hints if close)
    offered = " or ".join(f"({', '.join(choice)})" for choice in choices)
    raise ParameterError(f"{owner} takes {offered}, got ({', '.join(given)}){hint}")
