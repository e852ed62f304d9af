"""The only table of error budgets: what a float computation may be off by, each entry with its derivation.

The unit of the derivations is u, the largest relative error of one rounding (2**-53 in float64). One ulp of a
result is more than u times the result, so k roundings cost at most k ulps. A library function (exp, log,
expm1, log1p, erf) is within one ulp, hence 2u. A factor that multiplies an error is the condition number of
the step that follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["BUDGETS", "Budget", "ulp_distance"]


@dataclass(frozen=True)
class Budget:
    """An allowance in ulps of the result or, where a sum may cancel, of its largest term; and why so much."""

    ulps: float
    why: str
    of_terms: bool = False


def ulp_distance(
    actual: ArrayLike,
    expected: ArrayLike,
    dtype: DTypeLike,
    *,
    remainder: ArrayLike = 0.0,
    magnitude: ArrayLike = 0.0,
) -> NDArray[np.float64]:
    """Distance in ulps of a dtype; infinities and NaNs are compared by kind before any distance.

    Args:
        actual: what was computed, in any float dtype, any shape.
        expected: what is true, in float64, broadcast against it.
        dtype: the float dtype whose spacing is the unit.
        remainder: what `expected` lacks: the truth is the sum of both.
        magnitude: size of the largest term of a sum that may cancel; the ulp is taken there if larger.

    Returns:
        The broadcast shape: 0 for equal infinities and for two NaNs, infinity for a difference in kind.

    Example:
        >>> ulp_distance([1.0, float("nan")], [1.0 + 2.0**-52, 1.0], "float64").tolist()
        [1.0, inf]
    """
    with np.errstate(over="ignore", invalid="ignore"):
        got, truth = np.broadcast_arrays(np.asarray(actual, np.float64), np.asarray(expected, np.float64))
        unit_at = np.maximum(np.abs(truth), np.asarray(magnitude, np.float64)).astype(dtype)
        rounded = truth.astype(dtype).astype(np.float64)  # beyond the largest float only infinity is right
        unit = np.spacing(np.where(np.isfinite(unit_at), unit_at, 1.0).astype(dtype)).astype(np.float64)
        distance: NDArray[Any] = np.abs((got - truth) - np.asarray(remainder, np.float64)) / unit
    same_kind = ((got == rounded) & np.isinf(got)) | (np.isnan(got) & np.isnan(truth))
    odd = ~np.isfinite(got) | ~np.isfinite(rounded)
    return np.where(odd, np.where(same_kind, 0.0, np.inf), distance)


# --- Kernels: ulps of float64 over the whole domain of the parameters, subnormal results included. ---

BUDGETS: Mapping[str, Budget] = MappingProxyType(
    {
        "rounding.float32": Budget(0.5 + 2**-20, "one rounding, of a value off by at most 2**8 float64 ulps"),
        "normal.energy": Budget(5, "z: difference and quotient 2u; its square twice that and a product"),
        "normal.energy_by_loc": Budget(3, "z 2u, quotient"),
        "normal.energy_by_scale": Budget(6, "z twice 2u, quotient, product"),
        "normal.normalizer": Budget(5, "log 2u times 1.7, constant, sum; or log of an exact product 2u, quotient, sum"),
        "normal.normalizer_by_scale": Budget(1, "quotient"),
        "normal.energy_log_var": Budget(15, "z: difference, exp 2u, product, squared: 9u; 15u where exp is split"),
        "normal.energy_log_var_by_loc": Budget(13, "difference, two exps 2u, two products: 7u; 13u where exp is split"),
        "normal.energy_log_var_by_log_var": Budget(15, "as normal.energy_log_var"),
        "normal.normalizer_log_var": Budget(3, "two sums, exact where they cancel, constant to 2**-106"),
        "normal.normalizer_log_var_by_log_var": Budget(0, "constant"),
        "bernoulli.energy": Budget(5, "exp and log1p 4u, beside two products; sum of positive terms"),
        "bernoulli.energy_by_logits": Budget(6, "1 - x, sigmoid 4u, difference", of_terms=True),
        "bernoulli.energy_probs": Budget(5, "log 2u, 1 - x, product; sum of positive terms"),
        "bernoulli.energy_probs_by_probs": Budget(4, "two differences, product, quotient"),
        "huber.energy": Budget(6, "u 2u, doubled by u - delta/2 >= u/2; difference, product"),
        "huber.energy_by_loc": Budget(3, "u 2u, quotient"),
        "huber.energy_by_scale": Budget(6, "u 2u twice, quotient, product"),
        "huber.energy_by_delta": Budget(3, "u 2u, difference", of_terms=True),
        "huber.normalizer": Budget(
            10,
            "mass: erf of a rounded argument 6u or tails 6u, sum; over log Z > 0.9; log 2u; sum",
            of_terms=True,
        ),
        "huber.normalizer_by_scale": Budget(1, "quotient"),
        "huber.normalizer_by_delta": Budget(15, "tails 6u, mass 7u, product, quotient"),
        "KL(normal || standard normal).kl": Budget(
            7, "series 4u, two products; or expm1 2u times 1.7, difference; sum of positive terms"
        ),
        "KL(normal || standard normal).kl_by_loc": Budget(0, "the argument itself"),
        "KL(normal || standard normal).kl_by_log_var": Budget(5, "expm1 2u; two exps 2u and a product above 700"),
        "KL(normal || standard normal).kl_scale": Budget(
            10, "at scale 1/2: three roundings times 1.2, log 2u times 2.2, difference; sum of positive terms"
        ),
        "KL(normal || standard normal).kl_scale_by_scale": Budget(4, "difference, sum, quotient, product"),
    }
)


# --- Probing: what a black-box loss may deviate by, and still be called this or that. ---

GUARDS = (0.0, 1e-6, 1e-3)
"""Deviations from a family, in nats per element among ordinary values, tried in this order.

0: rounding only. 1e-6: a guard such as log(p + 1e-8) moves nothing that training feels. 1e-3: a clamp at 1e-4 or so
still leaves the family unmistakable (the next family is more than 1e-2 away); the clamp is then a finding of its own."""

ABSENT = 1e-7
"""A basis function of the divergence counts as absent below this share of the largest coefficient: the condition number
of the twelve functions on the probing grid is about 1e5, which lifts float64 rounding to 1e-10."""

EXPONENT = 0.02
"""Distance of a measured exponent from an integer: a ratio of 1, 2 or 4 carries rounding of 1e-3 at the worst."""

EVERYDAY_NATS = 1e-6
"""What a value may be off by, per element and beyond conditioning, before it fails among everyday inputs."""

HEADROOM = 2.0**-4
"""An overflow is excused where the true value is above this share of the largest float: any formula that forms e^s
before it halves and adds loses a few bits of range."""


def sum_noise(count: int, dtype: np.dtype[Any]) -> float:
    """Rounding error of a sum of `count` terms, relative to the sum of their magnitudes.

    Each term carries a few roundings of its own (8); the sum adds them as a random walk (4 sqrt(count), four deviations).
    """
    return float((8 + 4 * count**0.5) * np.finfo(dtype).eps)


def ratio_error(dtype: np.dtype[Any]) -> float:
    """Relative uncertainty below which no weight is claimed to be known: a thousand roundings in float64, forty in float32."""
    return 1e-12 if np.finfo(dtype).eps < 1e-10 else 5e-6


NORMALISER = 1e-3
"""Distance of the weight of a log normaliser from 1, relative to the energy: a missing or halved one is off by 0.5 or 1."""

GRADIENT = 64.0
"""Gradients carry the rounding of every operation that the value went through, forwards and back."""

MATERIAL_NATS = 1e-2
"""A smooth guard that costs less than this among everyday inputs (log(p + 1e-8) at p = 1e-6) warns instead of failing."""

DECLARED = 1e-6
"""A declared number agrees with a measured one to the digits that people type."""

BOUNDED = 1e-3
"""Growth per e-fold of distance, relative to the whole rise, below which a loss is bounded: a logarithm that has risen
over 18 e-folds still grows by 1/18 of its rise per e-fold."""

QUOTIENT = 1e-4
"""What a central difference of the value may differ from its derivative by, relative: the step of 1e-4 leaves a third
derivative of 1e-8, and its division lifts rounding to 1e-10 in float64; a wrong factor or a detached term is off by far more."""

TYPED_CONSTANT = 1e-5
"""Relative rounding of a constant that still counts as the exact one: log(2 pi)/2 typed as 0.91893, or held in float32."""

CURVE = 1e-6
"""Relative agreement of a curve no family explains with a parabola or a common floor: rounding of differences at 1e-2,
where a rise of 1e-4 stands on values of order 1, is 1e-12."""
