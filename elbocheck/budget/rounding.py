"""What a value, a sum or a gradient may be off by for being computed in floats."""

from typing import Any

import numpy as np

from elbocheck.floats import eps

__all__ = [
    "EDGE_NATS",
    "EVERYDAY_NATS",
    "GRADIENT",
    "HEADROOM",
    "MATERIAL_NATS",
    "PROBED_CURVE",
    "PROBED_PART",
    "QUOTIENT",
    "SLOPE_STEP",
    "SPHERE_ULPS",
    "WEIGHT_ULPS",
    "ratio_error",
    "sum_noise",
]

EVERYDAY_NATS = 1e-6
"""What a value may be off by, per element and beyond conditioning, before it fails among everyday inputs."""

MATERIAL_NATS = 1e-2
"""A smooth guard that costs less than this among everyday inputs (log(p + 1e-8) at p = 1e-6) warns instead of failing."""

HEADROOM = 2.0**-4
"""An overflow is excused where the true value is above this share of the largest float: any formula that forms e^s
before it halves and adds loses a few bits of range."""


def sum_noise(count: int, dtype: np.dtype[Any]) -> float:
    """Rounding error of a sum of `count` terms, relative to the sum of their magnitudes.

    Each term carries a few roundings of its own (8); the sum adds them as a random walk (4 sqrt(count), four deviations).
    """
    return float((8 + 4 * count**0.5) * eps(dtype))


def ratio_error(dtype: np.dtype[Any]) -> float:
    """Relative uncertainty below which no weight is claimed to be known: a thousand roundings in float64, forty in float32."""
    return 1e-12 if eps(dtype) < 1e-10 else 5e-6


WEIGHT_ULPS = 4.0
"""Ulps within which the weights of a usual loss are read: its own quotients and sums 2 or 3, our differences and powers 1."""

GRADIENT = 64.0
"""Gradients carry the rounding of every operation that the value went through, forwards and back."""

QUOTIENT = 1e-4
"""What a central difference of the value may differ from its derivative by, relative: the step of 1e-4 leaves a third
derivative of 1e-8, and its division lifts rounding to 1e-10 in float64; a wrong factor or a detached term is off by far more."""

SLOPE_STEP = 1e-4
"""Step of the differences that stand for a reference's slope, relative to the parameter where it is positive: its third
derivative then counts 1e-8 and the reference's own rounding 1e-11."""

EDGE_NATS = 1e-3
"""What marks the first input at which a normaliser is wrong: a tenth of what is material, a hundred float32 roundings."""

PROBED_CURVE = 16.0
"""Ulps between a curve as the probes hold it and its density's certified energy: a quotient, log1p, expm1 or a power of its
own, at the condition of a logarithm of 24 decades. Noise allows for far more."""

PROBED_PART = 8.0
"""The same for the parts of other families, in ulps of their largest term: two values of two roundings each, subtracted."""

SPHERE_ULPS = 64.0
"""Ulps, of kappa far out and of the KL near the prior, of the KL on a sphere: kappa A and the log normaliser, 8 ulps each,
are of the size of kappa and cancel."""
