"""Logarithms of differences of exponentials and of sigmoids: bins of a logistic, the continuous Bernoulli."""

import math

from elbocheck.kernels.elementary import softplus
from elbocheck.kernels.libm import expm1_minus

__all__ = ["continuous_bernoulli_mean", "log1mexp", "log_expm1_ratio", "log_sigmoid_difference"]

LOG_TWO = 0.6931471805599453


def log1mexp(x: float) -> float:
    """Log(1 - e**-x), x > 0: log(-expm1(-x)) up to log 2, where 1 - e**-x cancels; log1p(-e**-x) above, where the
    logarithm of a number close to 1 would (Mächler)."""
    if x == 0.0:
        return -math.inf
    return math.log(-math.expm1(-x)) if x <= LOG_TWO else math.log1p(-math.exp(-x))


def log_expm1_ratio(logits: float) -> float:
    """Log((e**l - 1) / l), 0 at l = 0, the log normaliser of the continuous Bernoulli: log1p((e**l - 1 - l) / l) for
    |l| <= 1, two terms of the series where the numerator would underflow; outside, with 1 - e**-|l| under log1mexp so
    that e**l cannot overflow."""
    size = abs(logits)
    if size < 1e-5:
        return logits * (0.5 + logits / 24.0)
    if size <= 1.0:
        return math.log1p(expm1_minus(logits) / logits)
    return max(logits, 0.0) + (log1mexp(size) - math.log(size)) if size < math.inf else logits


def continuous_bernoulli_mean(logits: float) -> float:
    """1 / (1 - e**-l) - 1/l, in (0, 1), 1/2 at l = 0, the derivative of `log_expm1_ratio`: at -n < 0 it is
    1/n - 1/(e**n - 1) = (e**n - 1 - n) / (n (e**n - 1)), the quotient where the difference cancels; at n its
    complement."""
    n = abs(logits)
    if n < 1e-5:
        return 0.5 + logits / 12.0
    below = expm1_minus(n) / (n * math.expm1(n)) if n < 2.0 else 1.0 / n - _reciprocal_expm1(n)
    return 1.0 - below if logits > 0.0 else below


def _reciprocal_expm1(n: float) -> float:
    """1 / (e**n - 1), n > 0, without overflow on the way to 0."""
    return math.exp(-n) / -math.expm1(-n)


def log_sigmoid_difference(a: float, b: float) -> float:
    """Log(sigmoid(b) - sigmoid(a)), a <= b: with (1 - e**-(b - a)) / ((1 + e**a) (1 + e**-b)) all three logarithms are
    negative, so that nothing cancels however narrow the bin or far the tail."""
    if a == b:
        return -math.inf
    if not a < b:
        return math.nan
    return log1mexp(b - a) - softplus(a) - softplus(-b)
