"""The normal distribution function, its intervals and their derivatives, without cancellation or underflow.

An interval beside zero is reflected to 0 <= low < high. With its midpoint m and width w, phi(high)/phi(low) is
e**-(m w), so that m w decides: from 1 on the two tails are well apart, below the mass is the density at m times w times
a series.
"""

import math

from elbocheck.kernels.elementary import exp_minus_half_square, product_error
from elbocheck.kernels.primitives import polynomial

__all__ = [
    "erfcx", "log_ndtr", "log_ndtr_difference", "log_ndtr_difference_by_high", "log_ndtr_difference_by_low",
]  # fmt: skip

LOG_ROOT_TWO_PI = 0.9189385332046728
ROOT_HALF = 0.7071067811865476
ROOT_TWO_PI = 2.5066282746310007
ROOT_TWO_OVER_PI = 0.7978845608028654
ERFCX = (  # of (1 + 2x) erfcx(x) in t = (x - 4)/(x + 4), from its Chebyshev series, highest first
    -1.374652989001164e-10, -2.659599690242689e-10, 1.7903326159489847e-09, 3.1695881915648173e-09,
    -1.4709550868669278e-08, -2.05606492756992e-08, 1.1009737295274889e-07, 7.746992727017941e-08,
    -8.249198427508354e-07, 2.919733377963012e-07, 5.709206053072183e-06, -1.1221287012353486e-05,
    -2.4398944545280832e-05, 0.0001506214900124047, -0.0001992567757633648, -0.0007577732613730956,
    0.005031969992669933, -0.016197734059799265, 0.03716751553592911, -0.06633036581218697,
    0.09373283499843826, -0.10103906603630056, 0.0680970542546904, 0.015379652102619604,
    -0.1396211168405625, 1.2329951186255526,
)  # fmt: skip


def erfcx(x: float) -> float:
    """e**(x*x) erfc(x): the product up to 1/2; above, one polynomial in (x - 4)/(x + 4) over 1 + 2x, which carries the
    decay; below -1/2 the reflection 2 e**(x*x) - erfcx(-x), with the rounding error of x*x put back."""
    if x < -0.5:
        return 2.0 * _exp_square(x) - _erfcx_right(-x)
    return _erfcx_right(x)


def _erfcx_right(x: float) -> float:
    """The same for x >= -1/2."""
    if x < 0.5:
        return math.exp(x * x) * math.erfc(x)
    if x == math.inf:
        return 0.0
    t = (x - 4.0) / (x + 4.0)
    return 0.5 * polynomial(ERFCX, t) / (0.5 + x)


def _exp_square(x: float) -> float:
    square = x * x
    if not 1e-20 < square < 710.0:
        return math.exp(square)
    return math.exp(square) * (1.0 + product_error(x, x, square))


def _upper_tail(x: float) -> float:
    """Q(x) = 1 - Phi(x), x >= 0."""
    if x < 0.7:
        return 0.5 * math.erfc(x * ROOT_HALF)
    return 0.5 * exp_minus_half_square(x) * _erfcx_right(x * ROOT_HALF)


def log_ndtr(x: float) -> float:
    """Log Phi(x): log1p(-Q(x)) for x > 0; else -x*x/2 + log(erfcx(-x / sqrt 2) / 2), two terms of one sign."""
    if x > 0.0:
        return math.log1p(-_upper_tail(x))
    return -0.5 * x * x + math.log(0.5 * _erfcx_right(-x * ROOT_HALF))


def log_ndtr_difference(a: float, b: float) -> float:
    """Log(Phi(b) - Phi(a)), a <= b: across zero the sum of two masses or what two tails leave; beside it, with m and w,
    log Q(low) + log(1 - Q(high)/Q(low)) or -m*m/2 + log(w / sqrt(2 pi)) + log1p(series): terms of one sign."""
    if a < 0.0 < b:
        return _log_mass_across(a, b)
    low, high = (a, b) if a >= 0.0 else (-b, -a)
    if not low < high:
        return -math.inf if low == high else math.nan
    shift = _half_square_step(low, high)
    if shift >= 1.0:
        return log_ndtr(-low) + math.log1p(-math.exp(-shift) * _tail_ratio(low, high))
    middle = 0.5 * (low + high)
    width = high - low
    return math.log1p(_bump(middle, width)) + (math.log(width) - LOG_ROOT_TWO_PI) - 0.5 * middle * middle


def log_ndtr_difference_by_high(a: float, b: float) -> float:
    """phi(b) / (Phi(b) - Phi(a)), a < b, the derivative of the log mass by its high end: the quotient formed with what
    is common to both cancelled by hand, so that it neither underflows nor overflows in the tails."""
    if a < 0.0 < b:
        return exp_minus_half_square(b) / (ROOT_TWO_PI * _mass_across(a, b))
    if a >= 0.0:
        root = _root_density_ratio(a, b)
        return _hazard(a, b) * root * root
    return _hazard(-b, -a)


def log_ndtr_difference_by_low(a: float, b: float) -> float:
    """-phi(a) / (Phi(b) - Phi(a)), a < b: the mirror image of the derivative by the high end."""
    return -log_ndtr_difference_by_high(-b, -a)


def _mass_across(a: float, b: float) -> float:
    """Phi(b) - Phi(a), a < 0 < b: two masses of one sign."""
    return 0.5 * (math.erf(b * ROOT_HALF) + math.erf(-a * ROOT_HALF))


def _log_mass_across(a: float, b: float) -> float:
    """Log(Phi(b) - Phi(a)), a < 0 < b."""
    mass = _mass_across(a, b)
    return math.log(mass) if mass < 0.5 else math.log1p(-(_upper_tail(b) + _upper_tail(-a)))


def _hazard(low: float, high: float) -> float:
    """phi(low) / (Phi(high) - Phi(low)), 0 <= low < high: by the tails where they are apart, else by the series."""
    if not low < high:
        return math.inf if low == high < math.inf else math.nan
    shift = _half_square_step(low, high)
    if shift >= 1.0:
        rest = 1.0 - math.exp(-shift) * _tail_ratio(low, high)
        return ROOT_TWO_OVER_PI / (_erfcx_right(low * ROOT_HALF) * rest)
    width = high - low
    middle = 0.5 * (low + high)
    return math.exp(0.5 * width * (middle - 0.25 * width)) / (width * (1.0 + _bump(middle, width)))


def _tail_ratio(low: float, high: float) -> float:
    """[Q(high) / phi(high)] / [Q(low) / phi(low)]."""
    return _erfcx_right(high * ROOT_HALF) / _erfcx_right(low * ROOT_HALF)


def _half_square_step(low: float, high: float) -> float:
    """(high**2 - low**2) / 2 as a product: the squares of close numbers cancel."""
    return (high - low) * (0.5 * low + 0.5 * high)


def _root_density_ratio(low: float, high: float) -> float:
    """Square root of phi(high) / phi(low), 0 <= low < high, which is not subnormal where the ratio times a hazard
    matters: the rounding errors of the exponent, hundreds of ulps of the result, are put back."""
    shift = _half_square_step(low, high)
    if not 1e-9 < shift < 1400.0:
        return math.exp(-0.5 * shift)
    width = high - low
    total = high + low
    width_error = (high - width) - low
    total_error = low - (total - high)
    error = product_error(width, total, width * total) + width * total_error + total * width_error
    return math.exp(-0.25 * (width * total)) * (1.0 - 0.25 * error)


def _bump(middle: float, width: float) -> float:
    """Mass / (density at the middle * width) - 1 = sum over k >= 1 of He_2k(middle) (width/2)**2k / (2k + 1)!, for
    width <= 2 middle and width * middle < 1; the Hermite polynomials, scaled by the power, by their recurrence."""
    half = 0.5 * width
    x = middle * half
    square = half * half
    previous, current = 1.0, x
    total = 0.0
    factor = 1.0
    for k in range(2, 26, 2):
        previous = x * current - (k - 1.0) * square * previous
        factor /= k * (k + 1.0)
        total += previous * factor
        current = x * previous - k * square * current
    return total
