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

from elbocheck.floats import eps

__all__ = ["BUDGETS", "Budget", "ulp_distance"]


@dataclass(frozen=True)
class Budget:
    """An allowance in ulps, and why so much.

    Attributes:
        ulps: of the result.
        why: the derivation.
        of_terms: relative accuracy is out of reach, for a sum cancels beside a root or an exponent is steep: a density's
            kernel is then excused by what the rounding of its arguments moves the result by (`certify.kernels`), a
            special function by the size of its largest term.
    """

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
        "normal.energy": Budget(2, "remainders of difference, quotient and square are put back: one sum"),
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
        "huber.energy": Budget(3, "the same; or one sum and one product of what they leave"),
        "huber.energy_by_loc": Budget(3, "u 2u, quotient"),
        "huber.energy_by_scale": Budget(6, "u 2u twice, quotient, product"),
        "huber.energy_by_delta": Budget(3, "u 2u, difference", of_terms=True),
        "huber.normalizer": Budget(
            16,
            "mass: erf of a rounded argument 6u or tails 6u, sum, product: 8u, where a rounding of scale excuses u/4 to u/2",
            of_terms=True,
        ),
        "huber.normalizer_by_scale": Budget(1, "quotient"),
        "huber.normalizer_by_delta": Budget(15, "tails 6u, mass 7u, product, quotient"),
        "laplace.energy": Budget(2, "difference, quotient"),
        "laplace.energy_by_loc": Budget(1, "quotient"),
        "laplace.energy_by_scale": Budget(3, "difference, two quotients"),
        "laplace.normalizer": Budget(2, "log of an exact product 2u"),
        "laplace.normalizer_by_scale": Budget(1, "quotient"),
        "asymmetric_laplace.energy": Budget(4, "u 2u, 1 - quantile, product"),
        "asymmetric_laplace.energy_by_loc": Budget(2, "1 - quantile, quotient"),
        "asymmetric_laplace.energy_by_scale": Budget(5, "u 2u, 1 - quantile, quotient, product"),
        "asymmetric_laplace.energy_by_quantile": Budget(2, "u 2u"),
        "asymmetric_laplace.normalizer": Budget(3, "log 2u of a quotient whose roundings are put back: one sum"),
        "asymmetric_laplace.normalizer_by_scale": Budget(1, "quotient"),
        "asymmetric_laplace.normalizer_by_quantile": Budget(4, "two differences from 1, product, quotient"),
        "epsilon_insensitive.energy": Budget(
            2, "remainders of u and of the difference are put back: one sum; not in float32", of_terms=True
        ),
        "epsilon_insensitive.energy_by_loc": Budget(1, "quotient; float32 may miss the side of a kink", of_terms=True),
        "epsilon_insensitive.energy_by_scale": Budget(3, "u 2u, quotient; the same", of_terms=True),
        "epsilon_insensitive.energy_by_epsilon": Budget(0, "constant; the same", of_terms=True),
        "epsilon_insensitive.normalizer": Budget(3, "log 2u of a product whose roundings are put back: one sum"),
        "epsilon_insensitive.normalizer_by_scale": Budget(1, "quotient"),
        "epsilon_insensitive.normalizer_by_epsilon": Budget(2, "sum, quotient"),
        "logistic.energy": Budget(6, "u 2u, share of a sum of positive terms of condition 1; exp and log1p 4u; sum"),
        "logistic.energy_by_loc": Budget(5, "u 2u, tanh 2u, quotient"),
        "logistic.energy_by_scale": Budget(8, "u 2u twice, tanh 2u, quotient, product"),
        "logistic.normalizer": Budget(2, "log 2u"),
        "logistic.normalizer_by_scale": Budget(1, "quotient"),
        "log_cosh.energy": Budget(11, "u 2u and sinh 2u, both squared; product; log1p 2u of condition below 1"),
        "log_cosh.energy_by_loc": Budget(5, "u 2u, tanh 2u, quotient"),
        "log_cosh.energy_by_scale": Budget(8, "u 2u twice, tanh 2u, quotient, product"),
        "log_cosh.normalizer": Budget(
            6, "log of a product 1.5u, where a rounding of scale excuses u/4 to u/2; log 2u of less", of_terms=True
        ),
        "log_cosh.normalizer_by_scale": Budget(1, "quotient"),
        "charbonnier.energy": Budget(9, "u 2u twice; root of 1 + v**2 2u, sum, two quotients, product"),
        "charbonnier.energy_by_loc": Budget(6, "u 2u, root 2u, two quotients"),
        "charbonnier.energy_by_scale": Budget(9, "u 2u twice, root 2u, two quotients, product"),
        "charbonnier.energy_by_delta": Budget(
            8, "u to the fourth, as far as ulps of x and scale; r 3u squared, v/q 3u, three products", of_terms=True
        ),
        "charbonnier.normalizer": Budget(
            8, "log of a product 5u, log1p 2u; sum, as far as an ulp of scale moves it", of_terms=True
        ),
        "charbonnier.normalizer_by_scale": Budget(1, "quotient"),
        "charbonnier.normalizer_by_delta": Budget(9, "sums of positive terms 3u and 4u; or two 4u; two quotients"),
        "student_t.energy": Budget(5, "w with its remainders u, log1p 2u, sum, one fused product"),
        "student_t.energy_by_loc": Budget(8, "u 2u of condition below 1, df + 1, product, sum 2u, two quotients"),
        "student_t.energy_by_scale": Budget(10, "u 2u twice, df + 1, product, sum 2u, two quotients, product"),
        "student_t.energy_by_df": Budget(
            14, "w 7u, t - log(1 + t) 5u; or log 2u less 1/df u, both up to 740, df excusing a part", of_terms=True
        ),
        "student_t.normalizer": Budget(
            12, "log of a product 4u, where a rounding of scale excuses u/4 to u/2; excess 2u of a share", of_terms=True
        ),
        "student_t.normalizer_by_scale": Budget(1, "quotient"),
        "student_t.normalizer_by_df": Budget(6, "three products, sum and quotient; sum of positive terms that fall"),
        "cauchy.energy": Budget(7, "u 2u twice, product, log1p 2u"),
        "cauchy.energy_by_loc": Budget(6, "u 2u of condition below 1, sum 2u, two quotients"),
        "cauchy.energy_by_scale": Budget(9, "u 2u twice, sum 2u, two quotients, product"),
        "cauchy.normalizer": Budget(
            6, "log of a product 1.5u, where a rounding of scale excuses u/4 to u/2; log 2u of less", of_terms=True
        ),
        "cauchy.normalizer_by_scale": Budget(1, "quotient"),
        "generalized_normal.energy": Budget(
            4, "u 2u, which an ulp of x and one of scale move as far; power 2u", of_terms=True
        ),
        "generalized_normal.energy_by_loc": Budget(
            11, "power 2u, root, quotient, squared; products; u as the energy", of_terms=True
        ),
        "generalized_normal.energy_by_scale": Budget(11, "as generalized_normal.energy_by_loc", of_terms=True),
        "generalized_normal.energy_by_power": Budget(
            9, "power 2u twice, log 2u, two products; u as the energy", of_terms=True
        ),
        "generalized_normal.normalizer": Budget(
            16, "log 2u and log_gamma 4u of 40, where roundings of power excuse 15u; sum", of_terms=True
        ),
        "generalized_normal.normalizer_by_scale": Budget(1, "quotient"),
        "generalized_normal.normalizer_by_power": Budget(
            12,
            "digamma 5u; 1/power u times 2.8 where that is not moved by an ulp of power; sum, two quotients",
            of_terms=True,
        ),
        "exponential.energy": Budget(1, "product"),
        "exponential.energy_by_rate": Budget(0, "the argument itself"),
        "exponential.normalizer": Budget(1, "log"),
        "exponential.normalizer_by_rate": Budget(1, "quotient"),
        "exponential.energy_log_rate": Budget(6, "exp 2u, product: 3u; twice where exp is split"),
        "exponential.energy_log_rate_by_log_rate": Budget(6, "the same"),
        "exponential.normalizer_log_rate": Budget(0, "the argument itself"),
        "exponential.normalizer_log_rate_by_log_rate": Budget(0, "constant"),
        "exponential.energy_scale": Budget(1, "quotient"),
        "exponential.energy_scale_by_scale": Budget(2, "two quotients"),
        "exponential.normalizer_scale": Budget(1, "log"),
        "exponential.normalizer_scale_by_scale": Budget(1, "quotient"),
        "gamma.energy": Budget(5, "log 2u, concentration - 1, two products, difference", of_terms=True),
        "gamma.energy_by_concentration": Budget(1, "log"),
        "gamma.energy_by_rate": Budget(0, "the argument itself"),
        "gamma.normalizer": Budget(
            12,
            "log Gamma 2u, log 2u, product; or quotient, log 2u and product beside Stirling's 4u; sums",
            of_terms=True,
        ),
        "gamma.normalizer_by_concentration": Budget(
            7, "log of a quotient 2u, log - digamma 5u; or log 2u beside an exact 1/a; sums", of_terms=True
        ),
        "gamma.normalizer_by_rate": Budget(1, "quotient"),
        "weibull.energy": Budget(8, "power 2u, log 2u, sums 2u, product, difference", of_terms=True),
        "weibull.energy_by_scale": Budget(
            14,
            "power 3u, k - 1, product, difference, quotient; or power 3u, root, quotient, squared; products",
            of_terms=True,
        ),
        "weibull.energy_by_concentration": Budget(
            10, "log z 3u, in the exponent of expm1 times 1.6; or power 3u less 1; product", of_terms=True
        ),
        "weibull.normalizer": Budget(3, "log 2u of a quotient whose rounding is put back: one sum"),
        "weibull.normalizer_by_scale": Budget(1, "quotient"),
        "weibull.normalizer_by_concentration": Budget(1, "quotient"),
        "log_normal.energy": Budget(
            8, "log 2u of loc's size, where roundings of loc and x excuse a half; square u, sum", of_terms=True
        ),
        "log_normal.energy_by_loc": Budget(8, "the same, difference, two quotients", of_terms=True),
        "log_normal.energy_by_scale": Budget(10, "the same, squared", of_terms=True),
        "log_normal.normalizer": Budget(5, "normal.normalizer"),
        "log_normal.normalizer_by_scale": Budget(1, "quotient"),
        "log_normal.energy_log_scale": Budget(
            32,
            "at the root beside loc = log_scale = 0 log 2u, exp 2u, product and square are 12u of 2, x excuses 3u/8",
            of_terms=True,
        ),
        "log_normal.energy_log_scale_by_loc": Budget(
            10, "log_normal.energy_by_loc, exp 2u, product, twice", of_terms=True
        ),
        "log_normal.energy_log_scale_by_log_scale": Budget(12, "as log_normal.energy_log_scale", of_terms=True),
        "log_normal.normalizer_log_scale": Budget(3, "two sums, exact where they cancel, constant to 2**-106"),
        "log_normal.normalizer_log_scale_by_log_scale": Budget(0, "constant"),
        "beta.energy": Budget(5, "two logs 2u, differences from 1, products, sum", of_terms=True),
        "beta.energy_by_concentration1": Budget(1, "log"),
        "beta.energy_by_concentration0": Budget(1, "log1p"),
        "beta.normalizer": Budget(
            14,
            "beside the root, log a 2u and log_gamma_step of several terms 4u meet, where a rounding of a excuses two fifths",
            of_terms=True,
        ),
        "beta.normalizer_by_concentration1": Budget(6, "special.digamma_step"),
        "beta.normalizer_by_concentration0": Budget(6, "special.digamma_step"),
        "continuous_bernoulli.energy": Budget(5, "bernoulli.energy"),
        "continuous_bernoulli.energy_by_logits": Budget(
            12, "bernoulli.energy_by_logits; x - 1/2 cancels too", of_terms=True
        ),
        "continuous_bernoulli.normalizer": Budget(
            4, "polynomial 3u of a lesser term, sum; or log1p and log 2u of one sign, sum"
        ),
        "continuous_bernoulli.normalizer_by_logits": Budget(
            6, "series 3u, two products, sum; or sinh 2u, two quotients, difference"
        ),
        "continuous_bernoulli.energy_probs": Budget(5, "bernoulli.energy_probs"),
        "continuous_bernoulli.energy_probs_by_probs": Budget(4, "bernoulli.energy_probs_by_probs"),
        "continuous_bernoulli.normalizer_probs": Budget(8, "logits 4u, of condition below 1/2; normalizer 6u"),
        "continuous_bernoulli.normalizer_probs_by_probs": Budget(
            12, "logits 4u, of condition 1; by_logits 6u, two quotients"
        ),
        "truncated_normal.energy": Budget(5, "normal.energy"),
        "truncated_normal.energy_by_loc": Budget(3, "normal.energy_by_loc"),
        "truncated_normal.energy_by_scale": Budget(6, "normal.energy_by_scale"),
        "truncated_normal.energy_by_low": Budget(0, "constant"),
        "truncated_normal.energy_by_high": Budget(0, "constant"),
        "truncated_normal.normalizer": Budget(
            20,
            "mass: ends 2u, two erfcx 4u of one sign or exp 3u and weights; log 2u; square, difference",
            of_terms=True,
        ),
        "truncated_normal.normalizer_by_loc": Budget(
            12, "mass 8u; sum and product 3u in the exponent, expm1 2u, product, quotient", of_terms=True
        ),
        "truncated_normal.normalizer_by_scale": Budget(
            12, "mass 8u, its second moment as much, two quotients", of_terms=True
        ),
        "truncated_normal.normalizer_by_low": Budget(
            12, "mass 8u; exponent 3u, exp 2u, products, quotient", of_terms=True
        ),
        "truncated_normal.normalizer_by_high": Budget(12, "as truncated_normal.normalizer_by_low", of_terms=True),
        "poisson.energy": Budget(6, "deviance of the rounded argument; log 2u; sum of positive terms", of_terms=True),
        "poisson.energy_by_rate": Budget(2, "difference, quotient"),
        "poisson.energy_log_rate": Budget(6, "exp 2u, deviance, log 2u; sum of positive terms", of_terms=True),
        "poisson.energy_log_rate_by_log_rate": Budget(6, "exp or expm1 2u, difference", of_terms=True),
        "binomial.energy": Budget(
            20, "beside the mode, as far as binomial.energy_by_logits; positive terms", of_terms=True
        ),
        "binomial.energy_by_logits": Budget(
            20, "two sigmoids 4u and products of n p (1 - p), of which a rounding of logits excuses u/2", of_terms=True
        ),
        "binomial.energy_probs": Budget(
            10, "two deviances of means 2u and 1u off, each 8u of a share; log 2u; positive terms", of_terms=True
        ),
        "binomial.energy_probs_by_probs": Budget(4, "n p - x rounded once, difference, product, quotient"),
        "negative_binomial.energy": Budget(
            14,
            "two deviances of means 6u off, each of a sum, a sigmoid 4u and a product; positive terms",
            of_terms=True,
        ),
        "negative_binomial.energy_by_total_count": Budget(
            20, "softplus 4u, digamma step 6u, difference", of_terms=True
        ),
        "negative_binomial.energy_by_logits": Budget(14, "two sigmoids 4u, two products, difference", of_terms=True),
        "discretized_logistic.energy": Budget(
            12, "ends 2u in an exponent, exp, log1p and log1mexp 2u; positive terms", of_terms=True
        ),
        "discretized_logistic.energy_by_loc": Budget(
            12, "ends 2u in exponents, expm1, two sigmoids, products", of_terms=True
        ),
        "discretized_logistic.energy_by_scale": Budget(
            24, "ends 2u, sigmoids 4u, three products each 3u, sum of both signs", of_terms=True
        ),
        # Elementary functions: ulps of the type computed in.
        "libm.float64": Budget(1, "a polynomial of a reduced argument, both known to a share of an ulp, and one sum"),
        "libm.log1p_unit": Budget(
            1.5, "at e = 1 the square and the polynomial 3u of what is a third of e, and one sum"
        ),
        "libm.float32": Budget(1.1, "the same, with less to spare in the reduction"),
        # Loops: ulps of the type of the result, of what elements give in float64.
        "loop.sum": Budget(3, "blocks summed in vectors and added with compensation; elements within 2u, most less"),
        "loop.equals": Budget(5, "the same, where every element and every fold is off the same way"),
        "loop.bound": Budget(4, "two sums, their difference; the logarithm of a mean 2u"),
        "loop.weights": Budget(8, "the exponential of a difference of two bounds"),
        "loop.fast": Budget(2, "float32: exp, log1p and a sum; a difference and a quotient"),
        "loop.fast_square": Budget(4, "float32: a difference and a quotient, twice, and a product"),
        # Special functions: ulps of float64 over their whole domain.
        "special.log_gamma": Budget(4, "the platform's lgamma: glibc states 4, 1.9 measured"),
        "special.stirling_error": Budget(
            8, "1/w**2 of w, a sum of 3u, hence 7u, over two thirds of a sum of positive terms of 6u; sum"
        ),
        "special.stirling_error_from_one": Budget(3, "1/x u, a polynomial led by its constant 2u, product"),
        "special.log_gamma_of_one_plus": Budget(4, "x - 1, two products, a polynomial led by its constant 2u"),
        "special.deviance_from_excess": Budget(8, "special.deviance"),
        "special.deviance": Budget(8, "t, a quotient u, times 2.6; t - log(1 + t) 5u; product"),
        "special.log_beta": Budget(
            6, "log of a quotient 3u, log1p 3u, two products; terms of one sign but log sqrt(2 pi)", of_terms=True
        ),
        "special.log_gamma_step": Budget(
            8, "log 2u, product, t - log(1 + t) 6u of a lesser term, log1p 2u, three sums", of_terms=True
        ),
        "special.digamma": Budget(5, "1/(x r) 2u, Taylor 2u, sum, product; z is exact to u"),
        "special.log_minus_digamma": Budget(
            8, "t - log(1 + t) 6u of a rounded argument, twice that where t is small; sum of positive terms"
        ),
        "special.digamma_step": Budget(6, "three roundings a term, sum of ten positive terms that fall"),
        "special.erfcx": Budget(4, "exp 2u, erfc 2u, product; or a polynomial led by its constant 2u, sum, quotient"),
        "special.log_ndtr": Budget(6, "exp and its correction 3u, erfcx 4u less what x = 0 shares with it, product"),
        "special.log_ndtr_difference": Budget(
            6, "two tails as special.log_ndtr, over a logarithm that exceeds them; sum"
        ),
        "special.log_ndtr_difference_by_high": Budget(
            9, "root of the ratio 2u, squared; hazard: erfcx 3u, rest 5u times 0.6; two products, quotient"
        ),
        "special.log_ndtr_difference_by_low": Budget(9, "as special.log_ndtr_difference_by_high"),
        "special.log1mexp": Budget(3, "expm1 or exp 2u, log 2u, over a condition below 1"),
        "special.log_expm1_ratio": Budget(5, "series 4u or log1mexp 3u, quotient, log1p times 1.4; sum"),
        "special.continuous_bernoulli_mean": Budget(5, "series 3u, expm1 2u, product, quotient"),
        "special.log_sigmoid_difference": Budget(4, "log1mexp 3u, softplus 4u: shares of a sum of one sign; two sums"),
        "special.log_bessel_growth": Budget(
            8, "hypot 2u, its root of a share 4u, log1p 2u, product; fifty roundings of u at random in the descent"
        ),
        "special.bessel_ratio": Budget(
            8, "three roundings a step, each step passing on ratio**2 < 0.94 of the error, at random"
        ),
        "KL(normal || standard normal).kl": Budget(4, "e**s - 1 - s 2u, one fused product of positive terms"),
        "KL(normal || standard normal).kl_by_loc": Budget(0, "the argument itself"),
        "KL(normal || standard normal).kl_by_log_var": Budget(5, "expm1 2u; two exps 2u and a product above 700"),
        "KL(normal || standard normal).kl_scale": Budget(
            5, "log 2u of condition 1.2, fused products, difference; or t - log(1 + t) 3u"
        ),
        "KL(normal || standard normal).kl_scale_by_scale": Budget(4, "difference, sum, quotient, product"),
    }
)


RECORDED = 0.5
"""What an error in ulps that was recorded on one machine may differ by on another: its exp, log and lgamma are other ones."""

# --- Probing: what a black-box loss may deviate by, and still be called this or that. ---

GUARDS = (0.0, 1e-6, 1e-3)
"""Deviations from a family, in nats per element among ordinary values, tried in this order.

0: rounding only. 1e-6: a guard such as log(p + 1e-8) moves nothing that training feels. 1e-3: a clamp at 1e-4 or so
still leaves the family unmistakable (the next family is more than 1e-2 away); the clamp is then a finding of its own."""

ABSENT = 1e-7
"""A basis function of the divergence counts as absent below this share of the largest coefficient: the condition number
of the twelve functions on the probing grid is about 1e5, which lifts float64 rounding to 1e-10."""

PRIOR = 1e-4
"""Mean, and variance less 1, below which a prior that a loss holds as numbers counts as N(0, 1): a guard inside the
logarithm moves a fitted coefficient by less, and nobody means a prior so near the standard one."""

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
    return float((8 + 4 * count**0.5) * eps(dtype))


def ratio_error(dtype: np.dtype[Any]) -> float:
    """Relative uncertainty below which no weight is claimed to be known: a thousand roundings in float64, forty in float32."""
    return 1e-12 if eps(dtype) < 1e-10 else 5e-6


RANGE = 2.0**-8
"""What a declared range of the data is known to: one of 256 levels more or less."""

WEIGHT_ULPS = 4.0
"""Ulps within which the weights of a usual loss are read: its own quotients and sums 2 or 3, our differences and powers 1."""

SQUARE = 1e-6
"""Distance of the general loss's power from 1, relative, below which it is a square: its curvature over the probes' twelve
decades tells 1e-12 in float64 and 1e-7 in float32."""

NORMALISER = 1e-3
"""Distance of the weight of a log normaliser from 1, relative to the energy: a missing or halved one is off by 0.5 or 1."""

BIN_MASS = 1e-4
"""Distance from 1 of what a likelihood adds up to over all levels of the data, below which a guard moves it and no tail is
missing: 1e-7 inside the logarithm of 256 bins is 2.6e-5, two tails left out at an ordinary scale more than 1e-2."""

BIN_NATS = 1e-2
"""What a bin may cost beside the named distribution function's, in nats, before it is said to be approximate: a tanh of a
cubic is off by 0.03 at two deviations and by nats at five."""

BIN_WIDTH = 1e-4
"""Relative uncertainty of a bin's width above which it tells no bins where another family explains the values to rounding: of
bins far narrower than their scale only the fourth power of width over scale differs from a parabola's."""

GRADIENT = 64.0
"""Gradients carry the rounding of every operation that the value went through, forwards and back."""

MATERIAL_NATS = 1e-2
"""A smooth guard that costs less than this among everyday inputs (log(p + 1e-8) at p = 1e-6) warns instead of failing."""

DECLARED = 1e-6
"""A declared number agrees with a measured one to the digits that people type."""

PROPORTION = 1e-3
"""What the shares of a slope that a group of arguments gets in several directions may differ by: each is a claim over a
central difference known to QUOTIENT; mixes that people write (0.8, 1/1.1) are tenths."""

DRAWN = 0.01
"""What the standard deviation of a sample may differ by from that of the KL, relative: people add up to 1e-3 to one of the two,
float16 has three digits; a factor that is forgotten or too many changes it by tens of percent."""

SHARE = 1e-4
"""What the weights of a term in two states may differ by, relative: a difference of two values, in float32 of four digits, is
compared with another; schedules and modes change a weight by far more."""

BOUNDED = 1e-3
"""Growth per e-fold of distance, relative to the whole rise, below which a loss is bounded: a logarithm that has risen
over 18 e-folds still grows by 1/18 of its rise per e-fold."""

QUOTIENT = 1e-4
"""What a central difference of the value may differ from its derivative by, relative: the step of 1e-4 leaves a third
derivative of 1e-8, and its division lifts rounding to 1e-10 in float64; a wrong factor or a detached term is off by far more."""

SLOPE_STEP = 1e-4
"""Step of the differences that stand for a reference's slope, relative to the parameter where it is positive: its third
derivative then counts 1e-8 and the reference's own rounding 1e-11."""

EDGE_NATS = 1e-3
"""What marks the first input at which a normaliser is wrong: a tenth of what is material, a hundred float32 roundings."""

TYPED_CONSTANT = 1e-5
"""Relative rounding of a constant that still counts as the exact one: log(2 pi)/2 typed as 0.91893, or held in float32."""

PROBED_CURVE = 16.0
"""Ulps between a curve as the probes hold it and its density's certified energy: a quotient, log1p, expm1 or a power of its
own, at the condition of a logarithm of 24 decades. Noise allows for far more."""

PROBED_PART = 8.0
"""The same for the parts of other families, in ulps of their largest term: two values of two roundings each, subtracted."""

CURVE = 1e-6
"""Relative agreement of a curve no family explains with a parabola or a common floor: rounding of differences at 1e-2,
where a rise of 1e-4 stands on values of order 1, is 1e-12."""

# --- Masses: what the integral of exp(-energy) may deviate by, and when a slope is 0. ---

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

SPHERE_ULPS = 64.0
"""Ulps, of kappa far out and of the KL near the prior, of the KL on a sphere: kappa A and the log normaliser, 8 ulps each,
are of the size of kappa and cancel."""

SCREENED = 4.0
"""Times the noise above which a fit to a part of the probes rules a family out: the noise of that part is reckoned with its
own coefficients, which differ from those of all probes by a fraction of their errors where the family is right."""
