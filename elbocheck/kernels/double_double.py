"""Double-double arithmetic with a running error bound: scalar kernels of numbers (high, low, error), good for 97 bits.

A number is high + low, |low| at most half an ulp of high, and lies within `error` of the true one. Every operation adds
what its arguments bring and what it rounds; where it cannot say, the error is infinite or NaN, never too small. Each is
straight-line code, so that LLVM makes vectors of loops over it.

Source: Joldes, Muller and Popescu, Tight and rigorous error bounds for basic building blocks of double-word arithmetic, ACM
TOMS 44 (2017), for sum, product and quotient; with u = 2**-53 they are off by 3 u**2, 5 u**2 and 10 u**2.
"""

from __future__ import annotations

import math
from math import inf

from elbocheck.kernels.primitives import SHIFTER, exponent, fma, polynomial, two_to, two_to_minus

__all__ = [
    "absolute", "choose", "difference", "exp", "expm1", "lgamma", "log", "log1p", "negative", "product", "quotient",
    "root", "total",
]  # fmt: skip

ROUNDED = 2.0**-102  # of a sum, product, quotient or root, relative
FUNCTION = 2.0**-97  # of exp, log and their like, relative; measured: 2**-100
TINY = 2.0**-1060  # what an underflow may have cost
FAR = 690.0  # beyond, powers of two overflow; before -FAR, there is nothing
NOTHING = 1e-299  # more than e**-FAR
SMALLEST, LARGEST = 2.0**-960, 2.0**960
INVERSE_LOG_TWO = 1.4426950408889634
LOG_TWO = (0.6931471805599453, 2.3190468138462996e-17, 5.707708438416212e-34)
LOG_ROOT_TWO_PI = (0.9189385332046728, -3.8782941580672414e-17)
STEPS = 2.0**-9  # nine halvings
LARGE = 40.0  # from here Stirling's series is right to 2**-105 with twelve terms
SHIFTS = 40
SERIES = (  # of (e**t - 1 - t)/t**2 from t**3 on, |t| <= log(2)/2**10, highest first
    1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0,
)  # fmt: skip
HALF = (0.5, 0.0)
SIXTH = (0.16666666666666666, 9.25185853854297e-18)
TWENTY_FOURTH = (0.041666666666666664, 2.3129646346357427e-18)
STIRLING = (  # B_2k/(2 k (2 k - 1)), k = 12 … 5
    -156.84828462600203, 13.402864044168393, -1.3924322169059011, 0.17964437236883057, -0.029550653594771242,
    0.00641025641025641, -0.0019175269175269176, 0.0008417508417508417,
)  # fmt: skip
STIRLING_FOURTH = (-0.0005952380952380953, 5.36938218754726e-20)
STIRLING_THIRD = (0.0007936507936507937, 6.883823317368282e-22)
STIRLING_SECOND = (-0.002777777777777778, 1.0601087908747154e-19)
STIRLING_FIRST = (0.08333333333333333, 4.625929269271485e-18)


def _two_sum(a: float, b: float) -> tuple[float, float]:
    high = a + b
    moved = high - a
    return high, (a - (high - moved)) + (b - moved)


def _quick(a: float, b: float) -> tuple[float, float]:
    """The same for |a| >= |b|."""
    high = a + b
    return high, b - (high - a)


def _add(a: float, al: float, b: float, bl: float) -> tuple[float, float]:
    high, low = _two_sum(a, b)
    rest, lost = _two_sum(al, bl)
    high, low = _quick(high, low + rest)
    return _quick(high, low + lost)


def _multiply(a: float, al: float, b: float, bl: float) -> tuple[float, float]:
    high = a * b
    return _quick(high, fma(a, b, -high) + fma(a, bl, al * b))


def _divide(a: float, al: float, b: float, bl: float) -> tuple[float, float]:
    first = a / b
    high, low = _multiply(b, bl, first, 0.0)
    rest, lost = _add(a, al, -high, -low)
    second = rest / b
    high, low = _multiply(b, bl, second, 0.0)
    rest, lost = _add(rest, lost, -high, -low)
    high, low = _quick(first, second)
    return _add(high, low, rest / b, 0.0)


def total(a: float, al: float, ae: float, b: float, bl: float, be: float) -> tuple[float, float, float]:
    """a + b."""
    high, low = _add(a, al, b, bl)
    return high, low, ae + be + abs(high) * ROUNDED


def difference(a: float, al: float, ae: float, b: float, bl: float, be: float) -> tuple[float, float, float]:
    """a - b."""
    high, low = _add(a, al, -b, -bl)
    return high, low, ae + be + abs(high) * ROUNDED


def product(a: float, al: float, ae: float, b: float, bl: float, be: float) -> tuple[float, float, float]:
    """a b."""
    high, low = _multiply(a, al, b, bl)
    return high, low, (abs(a) * be + abs(b) * ae + ae * be + abs(high) * ROUNDED) * 1.0000001 + TINY


def quotient(a: float, al: float, ae: float, b: float, bl: float, be: float) -> tuple[float, float, float]:
    """a/b."""
    high, low = _divide(a, al, b, bl)
    error = (ae + abs(high) * be) / abs(b) * 2.0 if be > 0.0 else ae / abs(b) * 1.0000001
    scale = abs(b)
    known = (be < 0.25 * scale) & (scale > SMALLEST) & (scale < LARGEST)
    return high, low, error + abs(high) * ROUNDED + TINY if known else inf


def negative(a: float, al: float, ae: float) -> tuple[float, float, float]:
    """-a."""
    return -a, -al, ae


def absolute(a: float, al: float, ae: float) -> tuple[float, float, float]:
    """|a|."""
    return (-a, -al, ae) if a < 0.0 else (a, al, ae)


def choose(
    s: float, _sl: float, se: float, a: float, al: float, ae: float, b: float, bl: float, be: float
) -> tuple[float, float, float]:
    """A where s >= 0, b elsewhere; nobody knows which where s may have either sign, unless it is 0."""
    high, low, error = (a, al, ae) if s >= 0.0 else (b, bl, be)
    return high, low, error if (abs(s) > 2.0 * se) | ((s == 0.0) & (se == 0.0)) else inf


def root(a: float, al: float, ae: float) -> tuple[float, float, float]:
    """The square root."""
    first = math.sqrt(a)
    square, lost = _multiply(first, 0.0, first, 0.0)
    rest, _ = _add(a, al, -square, -lost)
    high, low = _quick(first, 0.5 * rest / first)
    return high, low, ae / first + high * ROUNDED if (a > SMALLEST) & (ae < 0.25 * a) else inf


def _small_expm1(r: float, rl: float) -> tuple[float, float]:
    """e**r - 1 for |r| <= 0.36: the series of r/2**9, doubled as often by (1 + s)**2 - 1 = 2 s + s**2."""
    t, tl = STEPS * r, STEPS * rl
    high, low = _multiply(t, tl, polynomial(SERIES, t), 0.0)
    high, low = _add(high, low, TWENTY_FOURTH[0], TWENTY_FOURTH[1])
    high, low = _horner(high, low, t, tl, SIXTH)
    high, low = _horner(high, low, t, tl, HALF)
    square, lost = _multiply(t, tl, t, tl)
    high, low = _multiply(high, low, square, lost)
    high, low = _add(t, tl, high, low)
    high, low = _doubled(*_doubled(*_doubled(high, low)))  # spelled out: a loop inside keeps LLVM from making vectors
    high, low = _doubled(*_doubled(*_doubled(high, low)))
    return _doubled(*_doubled(*_doubled(high, low)))


def _doubled(high: float, low: float) -> tuple[float, float]:
    square, lost = _multiply(high, low, high, low)
    return _add(2.0 * high, 2.0 * low, square, lost)


def _horner(high: float, low: float, t: float, tl: float, coefficient: tuple[float, float]) -> tuple[float, float]:
    high, low = _multiply(high, low, t, tl)
    return _add(high, low, coefficient[0], coefficient[1])


def _reduced(a: float, al: float) -> tuple[float, float, float]:
    """k shifted to the lowest bits, and a - k log 2; 0 in place of what is too large."""
    inside = abs(a) < FAR
    shifted = fma(a if inside else 0.0, INVERSE_LOG_TWO, SHIFTER)
    k = shifted - SHIFTER
    high, low = _multiply(LOG_TWO[0], LOG_TWO[1], -k, 0.0)
    low = fma(-k, LOG_TWO[2], low)
    high, low = _add(a if inside else 0.0, al if inside else 0.0, high, low)
    return shifted, high, low


def exp(a: float, al: float, ae: float) -> tuple[float, float, float]:
    """e**a."""
    shifted, r, rl = _reduced(a, al)
    high, low = _small_expm1(r, rl)
    high, low = _add(1.0, 0.0, high, low)
    power = two_to(shifted, 0) if a > -FAR else 0.0
    error = high * power * (2.0 * ae + FUNCTION + abs(a) * ROUNDED) if a > -FAR else NOTHING
    return high * power, low * power, error if (a < FAR) & (ae < 0.25) else inf


def expm1(a: float, al: float, ae: float) -> tuple[float, float, float]:
    """e**a - 1."""
    shifted, r, rl = _reduced(a, al)
    high, low = _small_expm1(r, rl)
    power = two_to(shifted, 0) if a > -FAR else 0.0
    grown = power * (1.0 + high)
    start, lost = _two_sum(power, -1.0)
    high, low = _add(start, lost, high * power, low * power)
    error = grown * (2.0 * ae + abs(a) * ROUNDED) + abs(high) * FUNCTION
    error = error if a > -FAR else NOTHING
    return high, low, error if (a < FAR) & (ae < 0.25) else inf


def _log_of_ratio(f: float, fl: float, k: float) -> tuple[float, float]:
    """Log((1 + f) 2**k), |f| < 0.42: one step of Newton's from the float."""
    first = math.log1p(f)
    high, low = _small_expm1(first, 0.0)
    rest, _ = _add(f, fl, -high, -low)
    high, low = _quick(first, rest / (1.0 + high))
    more, lost = _multiply(LOG_TWO[0], LOG_TWO[1], k, 0.0)
    return _add(more, fma(k, LOG_TWO[2], lost), high, low)


def log(a: float, al: float, ae: float) -> tuple[float, float, float]:
    """Log a."""
    inside = (a > SMALLEST) & (a < LARGEST)
    one, rest = (a, al) if inside else (1.0, 0.0)
    k = exponent(one)
    power = two_to_minus(k)
    f, fl = _add(one * power, rest * power, -1.0, 0.0)
    high, low = _log_of_ratio(f, fl, k)
    return high, low, ae / one * 2.0 + abs(high) * FUNCTION if inside & (ae < 0.25 * one) else inf


def log1p(a: float, al: float, ae: float) -> tuple[float, float, float]:
    """Log(1 + a)."""
    inside = (a > -1.0) & (a < LARGEST)
    one, rest = (a, al) if inside else (0.0, 0.0)
    near = (one > -0.25) & (one < 0.375)
    whole, lost = _add(1.0, 0.0, one, rest)
    k = 0.0 if near else exponent(whole)
    power = two_to_minus(k)
    f, fl = _add(whole * power, lost * power, -1.0, 0.0)
    high, low = _log_of_ratio(one if near else f, rest if near else fl, k)
    return high, low, ae / whole * 2.0 + abs(high) * FUNCTION if inside & (ae < 0.25 * whole) else inf


def lgamma(a: float, al: float, ae: float) -> tuple[float, float, float]:
    """Log Gamma(a), a > 0: Stirling's series from 40 on, less the logarithm of what leads there."""
    inside = (a > SMALLEST) & (a < 1e30)
    z, zl = (a, al) if inside else (1.0, 0.0)
    p, pl = 1.0, 0.0
    for _ in range(SHIFTS):
        below = z < LARGE
        more, lost = _multiply(p, pl, z, zl)
        p, pl = (more, lost) if below else (p, pl)
        more, lost = _add(z, zl, 1.0, 0.0)
        z, zl = (more, lost) if below else (z, zl)
    s, sl = _divide(1.0, 0.0, z, zl)
    w, wl = _multiply(s, sl, s, sl)
    high, low = polynomial(STIRLING, w), 0.0
    high, low = _horner(high, low, w, wl, STIRLING_FOURTH)
    high, low = _horner(high, low, w, wl, STIRLING_THIRD)
    high, low = _horner(high, low, w, wl, STIRLING_SECOND)
    high, low = _horner(high, low, w, wl, STIRLING_FIRST)
    high, low = _multiply(high, low, s, sl)
    grown, lost, _ = log(z, zl, 0.0)
    less, gone = _add(z, zl, -0.5, 0.0)
    grown, lost = _multiply(grown, lost, less, gone)
    less, gone = _add(z, zl, -LOG_ROOT_TWO_PI[0], -LOG_ROOT_TWO_PI[1])
    less, gone = _add(grown, lost, -less, -gone)
    high, low = _add(less, gone, high, low)
    path, rest, _ = log(p, pl, 0.0)
    high, low = _add(high, low, -path, -rest)
    error = 2.0 * ae * (abs(math.log(abs(a))) + 1.0 / abs(a)) + (abs(grown) + z + abs(path)) * FUNCTION
    return high, low, error if inside & (ae < 0.25 * a) else inf
