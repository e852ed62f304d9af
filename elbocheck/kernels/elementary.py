"""Elementary functions where the textbook form cancels or overflows, as scalar kernels.

Each docstring states the form used and why. All are plain Python, compiled when a kernel that calls them is.
"""

import math

from elbocheck.kernels.libm import ATANH_WIDE, exp_of_negative, log1p_unit
from elbocheck.kernels.primitives import CAREFUL, EACH, by_type, fma, polynomial

__all__ = [
    "difference", "exp_minus_half_square", "finite", "half_square", "log_root_two_pi_times", "minus_log1p",
    "minus_log1p_parts", "product", "product_error", "ratio", "shrink", "sigmoid", "softplus", "square", "standardise",
]  # fmt: skip

ROOT_TWO_PI = 2.5066282746310007  # nearest double of sqrt(2 pi)
ROOT_TWO_PI_REST = by_type(
    float64=-1.8328579980459167e-16, float32=-2.866020366467347e-10
)  # what it lacks in each type
SMALL, LARGE = 1e-140, 1e140  # between these the error of a product is a float
LOG_ROOT_TWO_PI = 0.9189385332046728
LEAST = 1e-30  # from here the error of a product is a float32


def softplus(x: float) -> float:
    """Log(1 + e**x) as max(x, 0) + log1p(e**-|x|): both terms are positive, e**-|x| cannot overflow."""
    return (x if x > 0.0 else 0.0) + log1p_unit(exp_of_negative(-abs(x)))


def sigmoid(x: float) -> float:
    """1 / (1 + e**-x), for x < 0 as e**x / (1 + e**x) so that nothing overflows."""
    e = exp_of_negative(-abs(x))
    return 1.0 / (1.0 + e) if x >= 0.0 else e / (1.0 + e)


def minus_log1p(t: float) -> float:
    """t - log(1 + t) >= 0 for -1/2 <= t <= 1: with r = t / (2 + t), log(1 + t) = 2 atanh(r) and t - 2 r = t
    r."""
    r = t / (2.0 + t)
    square = r * r
    return r * (t - 2.0 * square * polynomial(ATANH_WIDE, square))


def minus_log1p_parts(t: float) -> tuple[float, float]:
    """The same, and what is lost of r, which shows once and more, and of the product that leads."""
    whole = 2.0 + t
    r = t / whole
    square, lead = r * r, r * t
    curved = square * polynomial(ATANH_WIDE, square)
    lost = fma(-r, whole, t) - r * (t - (whole - 2.0))
    return fma(-2.0 * r, curved, lead), fma(lost / whole, t - 6.0 * curved, fma(r, t, -lead))


def product(a: float, b: float) -> float:
    """a*b rounded, also where a tier lets products be rounded with a sum that they are part of."""
    return fma(a, b, 0.0)


def product_error(a: float, b: float, product: float) -> float:
    """a*b - fl(a*b), exactly."""
    return fma(a, b, -product)


def exp_minus_half_square(d: float) -> float:
    """e**(-d*d/2): the rounding error of d*d, hundreds of ulps of the result at d = 30, is put back."""
    if d > 40.0 or d < 1e-9:
        return math.exp(-0.5 * d * d)
    square = d * d
    return math.exp(-0.5 * square) * (1.0 - 0.5 * product_error(d, d, square))


def square(high: float, low: float) -> tuple[float, float]:
    """(high + low)**2, of a number and what it lacks, as such a pair."""
    found = high * high
    return found, finite(fma(high, high, -found) + 2.0 * (high * low))


def log_root_two_pi_times(scale: float) -> float:
    """Log(scale sqrt(2 pi)): log scale + log sqrt(2 pi) cancels near scale = 0.4, the log of the product
    does not."""
    if not (LEAST if EACH else 0.1) < scale < 0.8:
        return math.log(scale) + LOG_ROOT_TWO_PI
    product = scale * ROOT_TWO_PI
    rest = product_error(scale, ROOT_TWO_PI, product) + scale * ROOT_TWO_PI_REST
    return math.log(product) + rest / product


def standardise(x: float, loc: float, scale: float) -> float:
    """(x - loc) / scale, also where x - loc overflows and the quotient does not."""
    distance = x - loc
    if CAREFUL and math.isinf(distance) and not math.isinf(x) and not math.isinf(loc):
        return (0.5 * x - 0.5 * loc) / (0.5 * scale)
    return distance / scale


def ratio(x: float, loc: float, scale: float) -> tuple[float, float]:
    """(x - loc) / scale and what the float lacks: the remainders of the difference and of the quotient, which are exact.

    In float32, where half an ulp of float64 does not show, and in sums of the tier `fast`, nothing is said to be lacking.
    """
    quotient = standardise(x, loc, scale)
    if EACH:
        high, low = difference(x, loc)
        return quotient, finite((fma(-quotient, scale, high) + low) / scale)
    if not CAREFUL or not SMALL < abs(quotient) < LARGE or not SMALL < abs(scale) < LARGE:
        return quotient, 0.0
    high, low = difference(x, loc)
    return quotient, (fma(-quotient, scale, high) + low) / scale


def finite(low: float) -> float:
    """What a float lacks, or nothing where the float is infinite or NaN."""
    return low if abs(low) < math.inf else 0.0


def difference(x: float, loc: float) -> tuple[float, float]:
    """X - loc and what the float lacks (Knuth), or nothing where that is of no account."""
    high = x - loc
    if not CAREFUL and not EACH:
        return high, 0.0
    moved = high - x
    return high, (x - (high - moved)) - (loc + moved)


def half_square(high: float, low: float) -> float:
    """(high + low)**2 / 2, of a number and what it lacks."""
    if EACH:
        return high * fma(0.5, high, low)
    square = high * high
    if not CAREFUL or not SMALL < square < LARGE:
        return 0.5 * square
    return 0.5 * (square + (fma(high, high, -square) + 2.0 * (high * low)))


def shrink(value: float, log_var: float) -> float:
    """Value * e**(-log_var/2): split in two factors where one would overflow or lose bits as a subnormal."""
    if value == 0.0:
        return 0.0
    if abs(log_var) < 1400.0:
        return value * math.exp(-0.5 * log_var)
    quarter = math.exp(-0.25 * log_var)
    return value * quarter * quarter
