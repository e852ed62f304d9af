"""What the integral of exp(-energy) may deviate by, and when a slope is 0."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

__all__ = [
    "ENDS_CREEP",
    "ENDS_DEVIATIONS",
    "ENDS_ZERO",
    "MASS_NOISE",
    "MASS_ROUNDINGS",
    "MASS_SAFETY",
    "MASS_TARGETS",
    "mass_tolerance",
]

ENDS_DEVIATIONS = 4.0
"""Standard deviations of a fitted slope within which it is not told from 0: 1e-4 of Gaussian errors lie outside, and
rounding, which is bounded, does not."""

ENDS_ZERO = 1e-4
"""A slope of the log-mass that is known to be within this of 0 is 0: nobody writes an energy of 1.0001 log|x|, 1/log d is
never so small, and within the first floats about a pole the rest of the density moves a slope as far in float32."""

ENDS_CREEP = 0.05
"""Relative change of a slope over the last quarter of the range above which it is no power law: of 1/log d, whose mass
may be infinite, a fifth is lost there; of a power law's corrections less than a rounding."""

MASS_ROUNDINGS = 1.0
"""Systematic roundings of an energy that differences do not show (a squared scale, a constant), in spacings of it."""

MASS_NOISE = 2.0
"""Standard deviations of the measured noise of an energy that a bound allows for, all of one sign: a rounding's half
spacing is 1.7 of its own."""

MASS_SAFETY = 4.0
"""Factor between the difference of two nested rules and the bound: the difference is the error of the poorer one."""


def mass_tolerance(dtype: np.dtype[Any]) -> float:
    """Relative error at which a quadrature is done: rounding of the energies, a few spacings, prevails below it."""
    return 2.0**-47 if np.finfo(dtype).eps < 1e-10 else 2.0**-23


MASS_TARGETS: Mapping[str, float] = MappingProxyType({"float64": 1e-12, "float32": 1e-5})
"""Nats within which at least half of the bounds of random masses must lie: a bound that is honest should be of use too."""
