"""The modified Bessel functions of the von Mises-Fisher family: order nu >= -1/2, concentration kappa >= 0.

Orders from 50 on go by Debye's uniform expansion in 1/nu, whose logarithm has the Stirling series as its limit
kappa = 0, so that Gamma(nu + 1) joins without cancellation. Lower orders come down from there by the recurrence
1 / ratio(nu) = 2 (nu + 1) / kappa + ratio(nu + 1), which shrinks errors at every step.
"""

import math

from elbocheck.kernels.elementary import minus_log1p
from elbocheck.kernels.gamma import log_gamma, stirling_error

__all__ = ["bessel_ratio", "log_bessel_growth"]

HALF_LOG_FOUR_PI = 1.2655121234846454
HIGH_ORDER = 50.0  # from here eight terms of the uniform expansion are right to 2**-51, absolutely
DEBYE_TERMS = 8
# Of D_k(p) / p**k in p**2, where log(1 + u_1(p)/nu + ...) = sum of D_k(p) / nu**k; highest k and power first.
DEBYE = (
    80727925 / 4096, -48436755 / 512, 192309147 / 1024, -101540765 / 512, 243859359 / 2048, -20526309 / 512,
    7069979 / 1024, -244539 / 512, 23797 / 4096,
    -1282031525 / 688128, 256406305 / 32768, -432038457 / 32768, 1852155413 / 163840, -168434443 / 32768,
    38038059 / 32768, -3407083 / 32768, 375733 / 229376,
    19675 / 96, -11805 / 16, 65385 / 64, -5389 / 8, 1677 / 8, -405 / 16, 103 / 192,
    -82825 / 3072, 82825 / 1024, -44899 / 512, 186821 / 4608, -50049 / 7168, 1073 / 5120,
    565 / 128, -339 / 32, 531 / 64, -71 / 32, 13 / 128,
    -1105 / 1152, 221 / 128, -531 / 640, 25 / 384,
    5 / 16, -3 / 8, 1 / 16,
    -5 / 24, 1 / 8,
)  # fmt: skip
DEBYE_SLOPE = tuple(  # of p D_k'(p) / p**k, in the same order
    (3 * k - 2 * i) * DEBYE[(DEBYE_TERMS - k) * (DEBYE_TERMS + k + 3) // 2 + i]
    for k in range(DEBYE_TERMS, 0, -1)
    for i in range(k + 1)
)


def log_bessel_growth(nu: float, kappa: float) -> float:
    """Log(Gamma(nu + 1) (2/kappa)**nu I_nu(kappa)) = log 0F1(; nu + 1; kappa**2/4), 0 at 0, about kappa far out: the
    power series of positive terms while kappa**2 < 16 (nu + 1); Hankel's large-argument expansion far
    out; the uniform expansion between."""
    if kappa == 0.0 or kappa == math.inf:
        return kappa + 0.0 * nu
    if kappa * kappa < 16.0 * (nu + 1.0):
        return math.log1p(_series(nu, 0.25 * kappa * kappa))
    if _is_far(nu, kappa):
        rest = log_gamma(nu + 1.0) - (nu + 0.5) * math.log(0.5 * kappa) - HALF_LOG_FOUR_PI
        return kappa + (rest + math.log1p(_hankel(nu, kappa)))
    steps = max(0.0, math.ceil(HIGH_ORDER - nu))
    top = nu + steps
    ratio = _ratio_high(top, kappa)
    product = 1.0
    while steps > 0.0:  # 0F1 one order lower is greater by 1 + kappa ratio / (2 order)
        twice = 2.0 * (nu + steps)
        denominator = twice + kappa * ratio
        product *= denominator / twice
        ratio = kappa / denominator
        steps -= 1.0
    return _growth_high(top, kappa) + math.log(product)


def bessel_ratio(nu: float, kappa: float) -> float:
    """I_(nu+1)(kappa) / I_nu(kappa), in [0, 1), the derivative of `log_bessel_growth` by kappa: the continued fraction
    of positive terms, closed with the uniform expansion of a higher order; far out, where it does not shrink errors,
    the quotient of two of Hankel's expansions as what it lacks of 1."""
    if kappa == 0.0 or kappa == math.inf:
        return (0.0 if kappa == 0.0 else 1.0) + 0.0 * nu
    if _is_far(nu + 1.0, kappa):
        below = _hankel(nu, kappa)
        return 1.0 - (below - _hankel(nu + 1.0, kappa)) / (1.0 + below)
    steps = max(2.0, math.ceil(HIGH_ORDER - nu))
    ratio = _ratio_high(nu + steps, kappa)
    while steps > 0.0:
        ratio = kappa / (2.0 * (nu + steps) + kappa * ratio)
        steps -= 1.0
    return ratio if not ratio > 1.0 else 1.0  # tanh(18), at nu = -1/2, is within rounding of 1


def _is_far(nu: float, kappa: float) -> bool:
    """Whether Hankel's expansion converges to rounding: its terms shrink down to e**(-2 kappa), the first below 1/2."""
    return kappa > 20.0 and kappa > (nu + 1.0) ** 2


def _series(nu: float, z: float) -> float:
    """0F1(; nu + 1; z) - 1 by its power series, summed from the smallest term that matters."""
    term = 1.0
    k = 0.0
    while term > 1e-18 or k * (nu + k) < z:
        k += 1.0
        term *= z / (k * (nu + k))
    total = 1.0
    while k > 1.0:
        total = 1.0 + total * z / (k * (nu + k))
        k -= 1.0
    return total * z / (nu + 1.0)


def _hankel(nu: float, kappa: float) -> float:
    """I_nu(kappa) sqrt(2 pi kappa) e**-kappa - 1 by Hankel's expansion."""
    term = 1.0
    total = 0.0
    k = 0.5
    while abs(term) > 1e-18 and k < 40.0:
        term *= (k - nu) * (k + nu) / (kappa * (2.0 * k + 1.0))
        total += term
        k += 1.0
    return total


def _growth_high(nu: float, kappa: float) -> float:
    """`log_bessel_growth` for a high order: with s = sqrt(1 + (kappa/nu)**2) and t = (s - 1)/2 it is
    nu (2 t - log(1 + t)) - log(s)/2 and what Stirling's and Debye's series leave of each other."""
    z = kappa / nu
    s = math.hypot(1.0, z)
    t = 0.5 * z * (z / (1.0 + s))
    rate = t + minus_log1p(t) if t <= 1.0 else 2.0 * t - math.log1p(t)
    remainder = stirling_error(nu) + _debye(DEBYE, 1.0 / (nu * s), 1.0 / (s * s))
    return nu * rate - 0.5 * math.log1p(2.0 * t) + remainder


def _ratio_high(nu: float, kappa: float) -> float:
    """`bessel_ratio` for a high order: the derivative of `_growth_high`, term by term."""
    z = kappa / nu
    s = math.hypot(1.0, z)
    square = 1.0 / (s * s)
    return z * (1.0 / (1.0 + s) - square / nu * (0.5 + _debye(DEBYE_SLOPE, 1.0 / (nu * s), square)))


def _debye(coefficients: tuple[float, ...], w: float, square: float) -> float:
    """Sum over k of w**k times a polynomial of degree k in p**2, w = p/nu: Horner's rule in both."""
    total = 0.0
    index = 0
    for k in range(DEBYE_TERMS, 0, -1):
        row = 0.0
        for _ in range(k + 1):
            row = row * square + coefficients[index]
            index += 1
        total = (total + row) * w
    return total
