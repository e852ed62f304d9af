"""The gamma function and its relatives, without the cancellation that differences of log Gamma suffer.

All rest on Stirling's remainder, delta(x) = log Gamma(x) - [(x - 1/2) log x - x + log(2 pi)/2] > 0: it is what is left
once everything that can cancel has been cancelled by hand.
"""

import math

from elbocheck.kernels.elementary import difference, finite, minus_log1p, minus_log1p_parts
from elbocheck.kernels.libm import log_of_normal, log_parts
from elbocheck.kernels.primitives import CAREFUL, EACH, ROUNDED, by_type, exponent, fma, fraction, polynomial

__all__ = [
    "deviance", "deviance_from_excess", "digamma", "digamma_step", "log_beta", "log_gamma",
    "log_gamma_of_one_plus", "log_gamma_step",
    "log_minus_digamma", "log_root", "stirling_error", "stirling_error_from_one",
]  # fmt: skip

LOG_ROOT_TWO_PI = 0.9189385332046728
LOG_TWO = 0.6931471805599453
TWO_PI, TWO_PI_REST = 6.283185307179586, by_type(2.4492935982947064e-16, -1.748455600074497e-07)
DOWN, DOWN_REST = (
    -0.3068528194400547,
    by_type(2.3190468138462996e-17, -1.904654299957768e-09),
)  # log 2 - 1, and what it lacks
UP, UP_REST = -0.19314718055994531, by_type(4.565107477165917e-18, 1.904654299957768e-09)  # 1/2 - log 2
DIGAMMA_ROOT = 1.4616321449683622  # nearest double of the positive root
DIGAMMA_ROOT_REST = 9.549995429965697e-17  # what it lacks

LARGE = 10.0  # from here ten terms of Stirling's series are right to 2**-55
STIRLING = (  # B_2k / (2k (2k - 1)) of delta(x) in 1/x**(2k - 1), highest first
    -174611 / 125400, 43867 / 244188, -3617 / 122400, 1 / 156, -691 / 360360,
    1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12,
)  # fmt: skip
STIRLING_SLOPE = (  # B_2k / 2k of log x - 1/(2x) - digamma(x) in 1/x**(2k), highest first
    -174611 / 6600, 43867 / 14364, -3617 / 8160, 1 / 12, -691 / 32760,
    1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12,
)  # fmt: skip
REMAINDER_NEAR = by_type(  # of x delta(x) in t = 1/x, 1/4 <= t <= 1, delta(x + 1) in the notation above: 2**-58; 2**-32
    float64=(
        -1.753905427773536e-07, -3.778374783030681e-06, 6.10881873540096e-05, -0.00038409490646957716,
        0.0014509361507799947, -0.0037760206500277505, 0.0072185964999852475, -0.010461430342633858,
        0.011593544058913318, -0.009648056847803118, 0.005612298483870011, -0.0017620543165808031,
        -9.543090497955551e-05, -0.00010929618773345659, 0.0008118375530178279, -2.232794292393048e-06,
        -0.0027775868498182716, -1.0159555794640987e-08, 0.08333333358662724,
    ),
    float32=(
        -5.2719197800574525e-05, 0.000342722723683504, -0.0009557514556841465, 0.0013148438527682054,
        -0.00017567777740550166, -0.002741186506732232, -4.318897894368211e-06, 0.08333355403764373,
    ),
)  # fmt: skip
REMAINDER_FAR = by_type(  # the same in t**2, t <= 1/4: 2**-58; 2**-30
    float64=(
        0.9681319724814134, -0.4778932871131226, 0.12660033298383416, -0.02732260565940391, 0.0063453543621395615,
        -0.0019162615804971684, 0.0008417350928435848, -0.0005952379792552695, 0.0007936507932090508,
        -0.0027777777777771187, 0.08333333333333333,
    ),
    float32=(-0.0005072432694543613, 0.0007904263133432977, -0.002777738915517338, 0.08333333325969461),
)  # fmt: skip
LOG_GAMMA = by_type(  # of log Gamma(1 + x) / (x (x - 1)), 0 <= x <= 1: 2**-59; 2**-28
    float64=(
        -7.989687305460328e-06, 9.604392605595761e-05, -0.000549035711166359, 0.001995209074700719,
        -0.005210592174996595, 0.01051566338612208, -0.01729771223708167, 0.02428227267616242,
        -0.030376882063401972, 0.03527065749371245, -0.039350078540229254, 0.04324605582709406,
        -0.04750671817688966, 0.052550042842026294, -0.05877711399964832, 0.06673164750014611,
        -0.07731816292679544, 0.09223900820351257, -0.11514654255634088, 0.1554342658638369, -0.24525136852257967,
        0.5772156649015329,
    ),
    float32=(
        -0.0015262858638444943, 0.009317027364061575, -0.02664753543990187, 0.04939818162861358,
        -0.070931139590975, 0.09072364360604848, -0.11493294997177074, 0.15541864851226841, -0.24525091947266153,
        0.5772156627527223,
    ),
)  # fmt: skip
GUDERMANN = tuple(1.0 / k for k in range(57, 1, -2))  # of (atanh(r) / r - 1) / r**2 in r**2, highest first
GUDERMANN_FROM_ONE = GUDERMANN[-18:]  # enough for r <= 1/3
DIGAMMA_TAYLOR = (  # of (digamma(1 + r + z) - digamma(1 + r)) / z at the root r in z, highest first
    3.0259866069106846e-13, -7.448921271170873e-13, 1.833669574785134e-12, -4.5138863432781286e-12,
    1.1111757552226734e-11, -2.735385546236437e-11, 6.733788627268473e-11, -1.6577065288159067e-10,
    4.08099443984292e-10, -1.0047053252261424e-09, 2.473612210913063e-09, -6.090500964947203e-09,
    1.499735247478639e-08, -3.6934557862649377e-08, 9.097694978453553e-08, -2.241523416103308e-07,
    5.524792977920754e-07, -1.3624395717959079e-06, 3.3623594458438883e-06, -8.306859775003972e-06,
    2.055414125395239e-05, -5.097190255450742e-05, 0.0001268167281965579, -0.0003170368244016943,
    0.0007983109588290198, -0.0020324818225491725, 0.00526559187211755, -0.014039965293930434,
    0.03939709733579885, -0.12251567278862602, 0.49958821066342546,
)  # fmt: skip


def log_gamma(x: float) -> float:
    """Log Gamma(x), x > 0: the platform's, within two ulps also beside its zeros 1 and 2."""
    return math.lgamma(x)


def log_gamma_of_one_plus(x: float) -> float:
    """Log Gamma(1 + x), 0 <= x <= 1, as x (x - 1) times a polynomial: right beside both zeros."""
    return x * (x - 1.0) * polynomial(LOG_GAMMA, x)


def stirling_error(x: float) -> float:
    """Log Gamma(x + 1) - [(x + 1/2) log x - x + log(2 pi)/2], x > 0: below 1, delta(x) - delta(x + 1) = (x + 1/2)
    log(1 + 1/x) - 1 leads there through positive terms; below 0.15 the definition, whose terms are positive there once
    log x and log(2 pi) share one logarithm."""
    if x == 0.0:
        return math.inf
    if x < 0.15:
        return x - x * math.log(x) - 0.5 * math.log(TWO_PI * x) + log_gamma_of_one_plus(x)
    error = stirling_error_from_one(x if x >= 1.0 else x + 1.0)
    return error if x >= 1.0 else _stirling_descent(x) + error


def stirling_error_from_one(x: float) -> float:
    """The same for x >= 1, a polynomial on each side of 4."""
    t = 1.0 / x
    return t * (polynomial(REMAINDER_NEAR, t) if x < 4.0 else polynomial(REMAINDER_FAR, t * t))


def _stirling_descent(x: float) -> float:
    """Delta(x) - delta(x + 1) = (x + 1/2) log(1 + 1/x) - 1, 0.15 <= x < 1. With r = 1/(2x + 1) it is atanh(r)/r - 1
    (Gudermann), and with s the half angle, atanh(r) = 2 atanh(s), it is s**2 + (1 + s**2)(atanh(s)/s - 1)."""
    r = 1.0 / (2.0 * x + 1.0 + 2.0 * math.sqrt(x * (x + 1.0)))
    square = r * r
    return square + (1.0 + square) * square * polynomial(GUDERMANN, square)


def deviance(x: float, mean: float) -> float:
    """Half the Poisson deviance, x log(x/mean) + mean - x >= 0, x >= 0, mean > 0."""
    excess, lost = difference(mean, x)
    return deviance_from_excess(x, mean, excess, finite(lost))


def deviance_from_excess(x: float, mean: float, excess: float, lost: float) -> float:
    """The same where the mean is known by its excess over x, which of a large x the mean itself does not tell, and by what
    that lacks: x (t - log(1 + t)) with t = excess/x within a factor 2; within 4, that about 2 mean or mean/2 and what moving
    the mean costs, all positive; outside, the definition. What is lost costs excess/mean of it."""
    if ROUNDED:
        value = x * _minus_log1p_from_afar(excess / x, mean / x)
        value = value if x > 0.0 and mean < math.inf else mean + 0.0 * x
        return value if excess == excess else excess
    near = -0.5 * x <= excess <= x
    above = excess < 0.0
    about = excess if near else fma(2.0, excess, x) if above else 0.5 * (excess - x)
    t = about / x
    step = fma(x, DOWN, -excess) + x * DOWN_REST if above else fma(x, UP, 0.5 * excess) + x * UP_REST
    step = 0.0 if near else step
    if EACH or CAREFUL:
        value, short = minus_log1p_parts(t)
        value = fma(x, value, step) + fma(lost + (fma(-t, x, about) if near else 0.0), excess / mean, x * short)
    else:
        value = x * minus_log1p(t) + step
    if x > 4.0 * mean or mean > 4.0 * x:
        value = _deviance_from_afar(x, mean, excess, lost)
    value = value if x > 0.0 and mean < math.inf else mean + 0.0 * x
    known = excess + lost
    return value if known == known else known


def _minus_log1p_from_afar(t: float, quotient: float) -> float:
    """t - log(1 + t) of 1 + t = quotient = g 2**k, which says the less of t the nearer they are, and t of it: where k is 0
    nothing cancels, elsewhere a few bits that rounding to float32 hides."""
    k = exponent(quotient)
    g = fraction(quotient)
    return fma(k, -LOG_TWO, quotient - g) + minus_log1p(t if k == 0.0 else g - 1.0)


def _deviance_from_afar(x: float, mean: float, excess: float, lost: float) -> float:
    """The definition, with what the mean, the quotient and its logarithm lack."""
    quotient = x / mean
    if CAREFUL and not 1e-300 < quotient < 1e300:
        return mean + x * (math.log(x) - math.log(mean) - 1.0)
    if EACH or CAREFUL:
        logarithm, rest = log_parts(quotient)
        step, low = difference(x, mean)
        off = (step + excess) + (low + lost)  # what the mean lacks of x + excess
        return fma(x, logarithm, excess) + ((fma(-quotient, mean, x) - quotient * off) + fma(x, rest, lost))
    return mean + x * (log_of_normal(quotient) - 1.0)


def log_root(x: float, top: float, bottom: float, more: float) -> float:
    """Log(2 pi x top/bottom)/2 + more: what the product and its logarithm lack is added with it."""
    whole, share = TWO_PI * x, top / bottom
    product = whole * share
    if EACH or CAREFUL:
        rest = fma(TWO_PI, x, -whole) + x * TWO_PI_REST
        rest = fma(rest, share, fma(whole, share, -product)) + whole * (fma(-share, bottom, top) / bottom)
        logarithm, short = log_parts(product)
        return fma(0.5, logarithm, fma(0.5, short + rest / product, more))
    return 0.5 * log_of_normal(product) + more


def log_beta(a: float, b: float) -> float:
    """Log B(a, b), a, b > 0. With a <= b: from a = 1 on Stirling's form, all of whose large terms are negative; below,
    log Gamma(1 + a) - log a - [log Gamma(a + b) - log Gamma(b)]; both below 1, log(1/a + 1/b) and log Gamma between 1 and 3.
    Zero along a curve through (1, 1), where the error is small against 1."""
    if a > b:
        a, b = b, a
    if a == 0.0 or b == math.inf:
        return 1.0 / a - b
    if b < 1.0:
        return math.log1p(a / b) - math.log(a) + (log_gamma(1.0 + a) + log_gamma(1.0 + b) - log_gamma(1.0 + a + b))
    if a < 1.0:
        return log_gamma(1.0 + a) - (math.log(a) + log_gamma_step(b, a))
    odds = a / b
    share = a / (a + b)
    remainder = stirling_error(a) + _stirling_drop(b, a)
    return (a - 0.5) * math.log(share) - b * math.log1p(odds) - 0.5 * math.log(b) + (LOG_ROOT_TWO_PI + remainder)


def log_gamma_step(x: float, h: float) -> float:
    """Log Gamma(x + h) - log Gamma(x), x > 0, h >= 0: the difference of two Stirling forms,
    h log(x + h) - x (t - log(1 + t)) - log(1 + t)/2 - [delta(x) - delta(x + h)], t = h/x; first one step up the
    recurrence where x < 1. Every term is a multiple of h, so that h may be tiny. A zero besides h = 0 exists where
    x < 1.46; there the error is small against log(1 + h/x)."""
    if h == 0.0 or x == math.inf or h == math.inf:
        return h * x if h > 0.0 else 0.0 * x
    if x < 1.0:
        ratio = h / x
        log_ratio = math.log1p(ratio) if ratio < math.inf else math.log(h) - math.log(x)
        return _log_gamma_step_from_one(x + 1.0, h) - log_ratio
    return _log_gamma_step_from_one(x, h)


def _log_gamma_step_from_one(x: float, h: float) -> float:
    """The same where x >= 1."""
    t = h / x
    top = x + h
    lost = (x - (top - h)) if h > x else h - (top - x)
    log_top = math.log(top) + (lost / top if top < math.inf else 0.0)
    log_ratio = math.log1p(t)
    main = h * log_top - x * minus_log1p(t) if t <= 1.0 else h * (log_top - 1.0) + x * log_ratio
    return main - 0.5 * log_ratio - _stirling_drop(x, h)


def _stirling_drop(x: float, h: float) -> float:
    """Delta(x) - delta(x + h) >= 0, x >= 1, h >= 0: the series of both, subtracted term by term."""
    total = 0.0
    top = x + h
    while x < LARGE:
        r = 1.0 / (2.0 * x + 1.0)
        low = 1.0 / (2.0 * top + 1.0)
        gap = 2.0 * (h * low) * r * (r + low)  # r**2 - low**2
        square = r * r
        value = polynomial(GUDERMANN_FROM_ONE, square)
        total += gap * (value + low * low * _divided_difference(GUDERMANN_FROM_ONE, square, low * low))
        x += 1.0
        top += 1.0
    p = 1.0 / x
    q = 1.0 / top
    slope = _divided_difference(STIRLING, p * p, q * q)
    return total + (h / x) * q * (polynomial(STIRLING, p * p) + q * (p + q) * slope)


def _divided_difference(coefficients: tuple[float, ...], u: float, v: float) -> float:
    """(P(u) - P(v)) / (u - v), also at u = v: Horner's rule for P(v) and for the quotient at u, side by side."""
    value = 0.0
    quotient = 0.0
    for coefficient in coefficients:
        quotient = quotient * u + value
        value = value * v + coefficient
    return quotient


def digamma(x: float) -> float:
    """The derivative of log Gamma, x > 0: from 10 on Stirling's series; between 1 and 2.2 about the root r, whose
    second half is held, z [1/(x r) + Taylor of digamma(1 + x)]: both rise; elsewhere the recurrence leads there."""
    if x >= LARGE:
        return math.log(x) - log_minus_digamma(x)
    if x < 1.0:
        return _digamma_near_root(1.0, x) - 1.0 / x
    total = 0.0
    while x >= 2.2:
        x -= 1.0
        total += 1.0 / x
    return total + _digamma_near_root(0.0, x)


def log_minus_digamma(x: float) -> float:
    """Log x - digamma(x) for x >= 1: Stirling's series from 10 on; a step up takes away 1/x - log(1 + 1/x), so that below
    it is a sum of positive terms."""
    total = 0.0
    while x < LARGE:
        total += minus_log1p(1.0 / x)
        x += 1.0
    inverse = 1.0 / x
    return total + (0.5 * inverse + inverse * inverse * polynomial(STIRLING_SLOPE, inverse * inverse))


def _digamma_near_root(whole: float, part: float) -> float:
    """Digamma(whole + part) where the sum is within 1 and 2.2 and its rounding is to be avoided."""
    z = ((whole - DIGAMMA_ROOT) + part) - DIGAMMA_ROOT_REST
    return z * (1.0 / ((whole + part) * DIGAMMA_ROOT) + polynomial(DIGAMMA_TAYLOR, z))


def digamma_step(x: float, h: float) -> float:
    """Digamma(x + h) - digamma(x) >= 0, x > 0, h >= 0: the recurrence up to 10, Stirling's series subtracted term by
    term from there; all terms are positive."""
    if h == 0.0 or x == math.inf:
        return 0.0 * h if x == math.inf else 0.0 * x
    start, tail, total = digamma_step_parts(x, h)
    return total + (math.log1p(h / start) + tail)


def digamma_step_parts(x: float, h: float) -> tuple[float, float, float]:
    """The same, of finite x and h, as start, tail and total of log(1 + h/start) + tail + total: for what cancels the
    logarithm."""
    total = 0.0
    while x < LARGE:
        total += _reciprocal_drop(x, h)
        x += 1.0
    p = 1.0 / x
    q = 1.0 / (x + h)
    value = polynomial(STIRLING_SLOPE, p * p) + q * q * _divided_difference(STIRLING_SLOPE, p * p, q * q)
    return x, _reciprocal_drop(x, h) * (0.5 + (p + q) * value), total


def _reciprocal_drop(x: float, h: float) -> float:
    """1/x - 1/(x + h)."""
    return (h / (x + h) if h < math.inf else 1.0) / x
