"""Elementary and special functions, loops and divergences: ulps, each with its derivation."""

from collections.abc import Mapping
from types import MappingProxyType

from elbocheck.budget.distance import Budget

__all__ = ["FUNCTIONS", "RECORDED"]

FUNCTIONS: Mapping[str, Budget] = MappingProxyType(
    {
        # Elementary functions: ulps of the type computed in.
        "libm.float64": Budget(1, "a polynomial of a reduced argument, both known to a share of an ulp, and one sum"),
        "libm.log1p_unit": Budget(
            1.5, "at e = 1 the square and the polynomial 3u of what is a third of e, and one sum"
        ),
        "libm.float32": Budget(1.1, "the same, with less to spare in the reduction"),
        # Loops: ulps of the type of the result, of what elements give in float64.
        "loop.sum": Budget(3, "blocks summed in vectors and added with compensation; elements within 2u, most less"),
        "loop.of_one_size": Budget(2, "three or four roundings of u, where the terms of a divergence are of one size"),
        "loop.bound": Budget(4, "two sums, their difference; the logarithm of a mean 2u"),
        "loop.weights": Budget(8, "the exponential of a difference of two bounds"),
        "loop.fast": Budget(2, "float32: exp, log1p and a sum; remainders put back: two roundings, normaliser u, sum"),
        # Special functions: ulps of float64 over their whole domain.
        "special.log_gamma": Budget(4, "the platform's lgamma: glibc states 4, 1.9 measured"),
        "special.stirling_error": Budget(
            8, "1/w**2 of w, a sum of 3u, hence 7u, over two thirds of a sum of positive terms of 6u; sum"
        ),
        "special.stirling_error_from_one": Budget(3, "1/x u, a polynomial led by its constant 2u, product"),
        "special.log_gamma_of_one_plus": Budget(4, "x - 1, two products, a polynomial led by its constant 2u"),
        "special.deviance_from_excess": Budget(3, "special.deviance"),
        "special.deviance": Budget(
            3, "two sums; of what t, its product and a logarithm lack, put back, u; a cubic term 3u of a third"
        ),
        "special.log_root": Budget(0.6, "half an ulp of the sum, and of what the logarithm still lacks a tenth"),
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
        "KL(normal || standard normal).kl": Budget(
            2, "a square, the rest of e**s - 1 - s, its sum with loc**2/2, the whole: u each"
        ),
        "KL(normal || standard normal).kl_by_loc": Budget(0, "the argument itself"),
        "KL(normal || standard normal).kl_by_log_var": Budget(5, "expm1 2u; two exps 2u and a product above 700"),
        "KL(normal || standard normal).kl_scale": Budget(
            2, "scale**2/2 less the head of a log, loc**2/2 less the rest, their sum: u each; or t - log(1 + t) 3u"
        ),
        "KL(normal || standard normal).kl_scale_by_scale": Budget(4, "difference, sum, quotient, product"),
    }
)


RECORDED = 0.5
"""What an error in ulps that was recorded on one machine may differ by on another: its exp, log and lgamma are other ones."""
