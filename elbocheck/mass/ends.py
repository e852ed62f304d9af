"""Whether the mass toward an end of a ray is finite: decided on the energy, not on its exponential.

With d the distance along the ray and s = log d toward infinity, -log d toward the centre, the log-mass per
e-fold is m(s) = log d - energy. Mass is finite if m falls at least linearly: beyond s it is exp(m(s)) / -slope.
A slope of 0 (energy log d) is infinite mass, and so is one that is 0 to rounding.
"""

from dataclasses import dataclass
from enum import Enum
from math import exp, inf, log, sqrt

import numpy as np

from elbocheck.budget import ENDS_CREEP, ENDS_DEVIATIONS, ENDS_ZERO, MASS_ROUNDINGS
from elbocheck.mass.meter import Wide

__all__ = ["FADED", "End", "Fate", "judge", "mass_of"]

FADED = 80.0
"""Nats below the largest log-mass where what follows a falling one is nothing in any float type's precision."""


class Fate(Enum):
    """What becomes of the mass toward an end."""

    FINITE = 0
    INFINITE = 1
    UNKNOWN = 2


@dataclass(frozen=True)
class End:
    """What is beyond the last point looked at.

    Attributes:
        fate: whether its mass is finite.
        log_rest: the logarithm of that mass, in nats.
        share: of it that may be wrong.
    """

    fate: Fate
    log_rest: float = -inf
    share: float = 0.0


@dataclass(frozen=True)
class _Line:
    """A straight line through log-masses: slope, its uncertainty, last value."""

    slope: float
    doubt: float
    last: float


def judge(s: Wide, m: Wide, best: float, rounding: float) -> End:
    """Decide from log-masses per e-fold, ordered toward the end.

    Args:
        s: e-folds, increasing.
        m: log-masses, in nats; -inf where the density has vanished.
        best: the largest log-mass anywhere.
        rounding: of the log-masses, in nats.
    """
    if m[-1] < best - FADED and m[-1] < m[0]:
        return End(Fate.FINITE)
    if not np.isfinite(m).all():  # an infinity among them, or a density that vanishes here and there
        return End(Fate.UNKNOWN)
    whole, (first, _, final) = _line(s, m, rounding), [_line(*pair, rounding) for pair in _thirds(s, m)]
    bend = final.slope - first.slope
    if abs(bend) <= max(final.doubt + first.doubt, ENDS_CREEP * abs(final.slope)):
        bent = abs(bend) > final.doubt + first.doubt
        return _straight(final if bent else whole, abs(bend) if bent else 0.0, rounding, float(np.abs(s).max()))
    if abs(final.slope) <= ENDS_ZERO:  # what bent is the rest of the density, and that is over
        return End(Fate.INFINITE)
    if bend < 0 and final.slope < -final.doubt:  # falls faster and faster: the line is a bound
        return End(Fate.FINITE, final.last - log(-final.slope), 1.0)
    rises = bend > 0 and final.slope > final.doubt
    return End(Fate.INFINITE if rises else Fate.UNKNOWN)  # else it falls ever slower, or may yet fall


def _straight(line: _Line, bend: float, rounding: float, far: float) -> End:
    """What a power law leads to, of which a little bend may be left."""
    if line.slope < -line.doubt:
        steady = MASS_ROUNDINGS * rounding / far  # a rounded exponent, which no residual shows
        share = (line.doubt + bend + steady) / -line.slope + ENDS_DEVIATIONS * rounding
        return End(Fate.FINITE, line.last - log(-line.slope), share)
    clear = line.slope > line.doubt or line.doubt < ENDS_ZERO
    return End(Fate.INFINITE if clear else Fate.UNKNOWN)


def _thirds(s: Wide, m: Wide) -> list[tuple[Wide, Wide]]:
    return list(zip(np.array_split(s, 3), np.array_split(m, 3), strict=True))


def _line(s: Wide, m: Wide, rounding: float) -> _Line:
    """Least squares; the doubt is what the residuals, or rounding, leave of the slope."""
    centre, span = s.mean(), s - s.mean()
    square = float(span @ span)
    if not square > 0:  # one point has no slope
        return _Line(0.0, inf, float(m[-1]))
    slope = float(span @ (m - m.mean())) / square  # about the mean: a constant of 1e6 nats must cost no digits
    residual = m - m.mean() - slope * span
    noise = max(float(np.sqrt(residual @ residual / max(1, s.size - 2))), rounding)
    last = float(m.mean() + slope * (s[-1] - centre))
    return _Line(slope, ENDS_DEVIATIONS * noise / sqrt(square), last)


def mass_of(end: End, reference: float) -> tuple[float, float]:
    """The mass beyond an end and its error, both as a multiple of exp(reference)."""
    rest = exp(min(end.log_rest - reference, FADED))
    return rest, rest * end.share
