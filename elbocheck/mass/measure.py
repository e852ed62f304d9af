"""The normaliser of a black box: log of the integral, or sum, of exp(-energy) over a support."""

from math import inf, nan

import numpy as np
from numpy.typing import DTypeLike

from elbocheck.domain import Integers, Interval
from elbocheck.errors import UsageError
from elbocheck.mass.counts import on_integers
from elbocheck.mass.effort import FULL
from elbocheck.mass.line import on_interval
from elbocheck.mass.meter import Energy, Meter
from elbocheck.mass.result import Mass, Status, Trouble

__all__ = ["log_mass"]


def log_mass(
    energy: Energy,
    support: Interval | Integers,
    *,
    dtype: DTypeLike = "float64",
    hint: float = 0.0,
) -> Mass:
    """Work out the mass of exp(-energy), or that it has none, by evaluating the energy.

    Args:
        energy: an unnormalised negative log density in nats, of a 1-D array of the dtype, element by element; NaN and
            infinity where there is none.
        support: an interval or a run of integers.
        dtype: what the energy is evaluated in, float32 or float64.
        hint: where to look first; finds peaks that a scan about 0 would step over.

    Returns:
        A status and, if ok, the logarithm of the mass and an absolute bound of its error, in nats.

    Raises:
        UsageError: for another support or dtype.

    Example:
        >>> from elbocheck.domain import REAL
        >>> mass = log_mass(lambda x: x**2 / 2, REAL)
        >>> f"{mass.status} {mass.log_value:.12f}"
        'ok 0.918938533205'
        >>> log_mass(lambda x: np.log1p(abs(x)), REAL).status.value
        'divergent'
    """
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise UsageError(f"dtype must be float32 or float64, got {kind}")
    if not isinstance(support, Interval | Integers):
        raise UsageError(f"the support must be an Interval or Integers, got {support!r}")
    effort = FULL
    meter = Meter(energy, kind, isinstance(support, Integers), effort.most, effort.octaves)
    try:
        if isinstance(support, Interval):
            value, error = on_interval(meter, support, hint, effort)
        else:
            value, error = on_integers(meter, support, hint, effort)
    except Trouble as trouble:
        value = inf if trouble.status is Status.DIVERGENT else nan
        return Mass(trouble.status, value, inf, trouble.where, meter.calls, meter.points)
    return Mass(Status.OK, value, error, "", meter.calls, meter.points)
