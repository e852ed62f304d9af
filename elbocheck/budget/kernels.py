"""Kernels of densities: ulps of float64 over the whole domain of the parameters, subnormal results included."""

from collections.abc import Mapping
from types import MappingProxyType

from elbocheck.budget.distance import Budget

__all__ = ["KERNELS"]

KERNELS: Mapping[str, Budget] = MappingProxyType(
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
        "poisson.energy": Budget(3, "deviance 3u, the logarithm and the rest u; sum of positive terms", of_terms=True),
        "poisson.energy_by_rate": Budget(2, "difference, quotient"),
        "poisson.energy_log_rate": Budget(4, "exp u of a share, poisson.energy", of_terms=True),
        "poisson.energy_log_rate_by_log_rate": Budget(6, "exp or expm1 2u, difference", of_terms=True),
        "binomial.energy": Budget(
            6, "a quarter of an ulp of e**-|l|, times its slope; two deviances 3u; sum of positive terms", of_terms=True
        ),
        "binomial.energy_by_logits": Budget(
            20, "two sigmoids 4u and products of n p (1 - p), of which a rounding of logits excuses u/2", of_terms=True
        ),
        "binomial.energy_probs": Budget(
            3, "two deviances 3u of what their means exceed, exact; log u; sum of positive terms", of_terms=True
        ),
        "binomial.energy_probs_by_probs": Budget(4, "n p - x rounded once, difference, product, quotient"),
        "negative_binomial.energy": Budget(
            4, "two deviances 3u of what their means exceed, u; log u; softplus 3u at 0; positive terms", of_terms=True
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
    }
)
