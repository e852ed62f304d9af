"""exp, expm1, log and log1p without branches, in float32 and float64, right to less than one ulp.

Numba calls the platform's for each number in turn; these LLVM turns into vector instructions, and they give the same bits
on every platform. What `math.exp` stands for in a kernel is the function of this file once it is compiled. The tables are
minimax polynomials (Remez), those of float32 shorter; each says its error relative to the function. Subnormal arguments
and results, infinities and NaN are right; a comparison that NaN fails keeps it.

Sources: Cody and Waite, Software manual for the elementary functions (1980), for the reductions; the forms of log and log1p
after Ng's fdlibm.
"""

from math import inf, nan

from elbocheck.kernels.primitives import (
    ROUNDED,
    SHIFTER,
    by_type,
    exponent,
    fma,
    fraction,
    polynomial,
    two_to,
    two_to_minus,
)

__all__ = [
    "ceil", "exp", "exp_coarse", "exp_of_negative", "exp_of_negative_parts", "expm1", "expm1_minus", "half_expm1", "half_expm1_minus_parts",
    "log", "log1p", "log1p_parts", "log1p_unit", "log_of_normal", "log_parts", "reciprocal_from_one",
]  # fmt: skip

LOG_TWO, INVERSE_LOG_TWO = 0.6931471805599453, 1.4426950408889634
# log 2 in two parts, the first with so few bits that k times it is exact, in three where expm1 needs them.
LOG_TWO_HIGH = by_type(float64=float.fromhex("0x1.62e42fefa3800p-1"), float32=float.fromhex("0x1.62e400p-1"))
LOG_TWO_LOW = by_type(float64=float.fromhex("0x1.ef35793c76730p-45"), float32=float.fromhex("0x1.7f7d1cf79abcap-20"))
# Beyond these the result overflows, or is 0, or -1.
TOP = by_type(float64=710.8, float32=89.7)
BOTTOM = by_type(float64=-750.0, float32=-106.0)
FLAT = by_type(float64=-60.0, float32=-30.0)
MOST = -700.0  # or minus this, the most that a result rounded to float32 may need
# Where a power of two would be subnormal or infinite; what it is then multiplied by, and its logarithm.
HIGH = by_type(float64=708.0, float32=87.0)
LOW = by_type(float64=-707.0, float32=-86.0)
GUARD = by_type(float64=80.0, float32=30.0)
GUARD_STEPS = by_type(float64=80, float32=30)
GUARD_UP = by_type(float64=2.0**80, float32=2.0**30)
GUARD_DOWN = by_type(float64=2.0**-80, float32=2.0**-30)
TINY = by_type(float64=2.0**-60, float32=2.0**-30)  # below, e**x - 1 and log(1 + x) are x
SMALLEST_NORMAL = by_type(float64=2.0**-1022, float32=2.0**-126)

EXP = by_type(  # of (e**r - 1 - r) / r**2 for |r| <= log(2)/2: 2**-63; 2**-34
    float64=(
        2.092888571754743e-09, 2.5114659316953516e-08, 2.755722657404781e-07, 2.755722726393689e-06,
        2.480158738246547e-05, 0.000198412699040607, 0.0013888888888853453, 0.008333333333313906,
        0.041666666666666734, 0.16666666666666688, 0.5,
    ),
    float32=(
        0.00019921477689501893, 0.0013948379098004645, 0.008333258694752411, 0.041666237324372656,
        0.16666666885230408, 0.5,
    ),
)  # fmt: skip
EXP_NARROW = (  # the same to 2**-46, for results rounded to float32
    2.757796582873929e-07, 2.762480029191022e-06, 2.4801620255799577e-05, 0.0001984120944782252, 0.0013888888846178868,
    0.008333333353240619, 0.04166666666677432, 0.16666666666649238, 0.5,
)  # fmt: skip
EXP_COARSE = (  # of e**r for |r| <= log(2)/2: 2**-34
    0.00019775180670687464, 0.0013948184422163158, 0.008333561077385037, 0.04166622540996956, 0.16666665126182884,
    0.5000000104539424, 1.0000000002430793, 0.9999999999616881,
)  # fmt: skip
EXP_REST = by_type(float64=EXP.float64[:-1], float32=EXP.float32[:-1])  # without the leading 1/2
ATANH = by_type(  # of (atanh(s)/s - 1) / s**2 in s**2, s <= (sqrt 2 - 1)/(sqrt 2 + 1): 2**-66; 2**-30
    float64=(
        0.06633563837534341, 0.06624190763135385, 0.07693583866313873, 0.09090886953094704, 0.1111111133134385,
        0.14285714284470086, 0.2000000000000335, 0.3333333333333333,
    ),
    float32=(0.14942586461792426, 0.1998854001562486, 0.3333338988072025),
)  # fmt: skip
ATANH_WIDE = by_type(  # the same for s <= 1/3: 2**-64; 2**-27
    float64=(
        0.08233827823117242, 0.034971177605309385, 0.05486284717098004, 0.05857975175048547, 0.06668402920454683,
        0.07692225965667081, 0.09090911601466573, 0.11111111062735382, 0.14285714286255008, 0.1999999999999699,
        0.33333333333333337,
    ),
    float32=(0.14012024224445235, 0.13999635289839552, 0.20010843847382256, 0.3333320668556187),
)  # fmt: skip
LOG1P_UNIT = by_type(  # of (e - log(1 + e)) / e**2 for 0 <= e <= 1: 2**-59; 2**-27
    float64=(
        1.6599055103684577e-05, -0.00019944938262388704, 0.0011396583402984632, -0.004139881695508557, 0.01080803203046918,
        -0.021808398505793292, 0.03587736542229732, -0.0503907076715638, 0.06310944644333817, -0.07341418725855568,
        0.0821264294373057, -0.09057474814881544, 0.09992647191804764, -0.11109850212751567, 0.12499835243084101,
        -0.14285698378514258, 0.1666666557891592, -0.1999999995044687, 0.24999999998632244, -0.3333333333331395,
        0.49999999999999906,
    ),
    float32=(  # found one after the other, each rounded before the next
        0.003306539496406913, -0.020150333642959595, 0.05756152793765068, -0.10670012980699539, 0.15349097549915314,
        -0.19693192839622498, 0.24958156049251556, -0.3333047032356262, 0.4999993145465851,
    ),
)  # fmt: skip
RECIPROCAL = by_type(  # of 1/y for 1 <= y <= 2: 2**-6.6; 2**-9.2
    float64=(0.32323232323232326, -1.4545454545454546, 2.121212121212121),
    float32=(-0.2218370883882149, 1.3310225303292895, -2.9393414211438476, 2.82842287694974),
)
AGAIN = by_type(float64=True, float32=False)


def ceil(x: float) -> float:
    """The smallest integer not below x, as a float, for |x| below a quarter of what holds every integer."""
    nearest = (x + SHIFTER) - SHIFTER
    return nearest if nearest >= x else nearest + 1.0


def exp(x: float) -> float:
    """e**x = 2**k e**r, |r| <= log(2)/2."""
    x = BOTTOM if x < BOTTOM else x
    x = TOP if x > TOP else x
    shifted = fma(x, INVERSE_LOG_TWO, SHIFTER)
    k = shifted - SHIFTER
    r = fma(k, -LOG_TWO_LOW, fma(k, -LOG_TWO_HIGH, x))
    value = fma(r, fma(r, polynomial(EXP, r), 1.0), 1.0)
    offset = -GUARD_STEPS if x > HIGH else (GUARD_STEPS if x < LOW else 0)
    factor = GUARD_UP if x > HIGH else (GUARD_DOWN if x < LOW else 1.0)
    return value * two_to(shifted, offset) * factor


def exp_parts(x: float) -> tuple[float, float]:
    """e**x and what the float lacks: what r and the last sum lost, the rest of the series rounded once."""
    x = BOTTOM if x < BOTTOM else x
    x = TOP if x > TOP else x
    shifted = fma(x, INVERSE_LOG_TWO, SHIFTER)
    k = shifted - SHIFTER
    whole = fma(k, -LOG_TWO_HIGH, x)
    r = fma(k, -LOG_TWO_LOW, whole)
    lost = fma(k, -LOG_TWO_LOW, whole - r)
    value = 1.0 + r
    short = fma(r * r, polynomial(EXP, r), ((1.0 - value) + r) + lost)
    offset = -GUARD_STEPS if x > HIGH else (GUARD_STEPS if x < LOW else 0)
    power = two_to(shifted, offset)
    factor = GUARD_UP if x > HIGH else (GUARD_DOWN if x < LOW else 1.0)
    return value * power * factor, short * power * factor


def exp_coarse(x: float) -> float:
    """e**x, in float64 to 2**-34, of x beyond 700 as there: for sums that are rounded to float32."""
    x = MOST if x < MOST else x
    x = -MOST if x > -MOST else x
    shifted = fma(x, INVERSE_LOG_TWO, SHIFTER)
    return two_to(shifted, 0) * polynomial(EXP_COARSE, fma(shifted - SHIFTER, -LOG_TWO, x))


def exp_of_negative(x: float) -> float:
    """e**x for x <= 0, without what guards the other side; what float32 has no number for is not 0 where results are rounded to
    it."""
    least = MOST if ROUNDED else BOTTOM
    x = least if x < least else x
    shifted = fma(x, INVERSE_LOG_TWO, SHIFTER)
    k = shifted - SHIFTER
    r = fma(k, -LOG_TWO_LOW, fma(k, -LOG_TWO_HIGH, x))
    value = fma(r, fma(r, polynomial(EXP, r), 1.0), 1.0)
    if ROUNDED:
        return value * two_to(shifted, 0)
    return value * two_to(shifted, GUARD_STEPS if x < LOW else 0) * (GUARD_DOWN if x < LOW else 1.0)


def exp_of_negative_parts(x: float) -> tuple[float, float]:
    """The same and what the last sum lost, nearly all that the float lacks."""
    least = MOST if ROUNDED else BOTTOM
    x = least if x < least else x
    shifted = fma(x, INVERSE_LOG_TWO, SHIFTER)
    k = shifted - SHIFTER
    r = fma(k, -LOG_TWO_LOW, fma(k, -LOG_TWO_HIGH, x))
    slope = fma(r, polynomial(EXP, r), 1.0)
    value = fma(r, slope, 1.0)
    power = two_to(shifted, 0)
    if not ROUNDED:
        power = two_to(shifted, GUARD_STEPS if x < LOW else 0) * (GUARD_DOWN if x < LOW else 1.0)
    return value * power, fma(r, slope, 1.0 - value) * power


def expm1(x: float) -> float:
    """e**x - 1."""
    return x if abs(x) < TINY else 4.0 * _quarter(x)


def half_expm1(x: float) -> float:
    """(e**x - 1)/2: finite also where e**x is not."""
    return 0.5 * x if abs(x) < TINY else 2.0 * _quarter(x)


def _quarter(x: float) -> float:
    quarter, r, lost, main, error = _expm1(x)
    return main + fma(quarter, fma(r * r, polynomial(EXP, r), lost), error)


def expm1_minus(x: float) -> float:
    """e**x - 1 - x >= 0. Where a few more roundings do not show it is enough that x is r about 0."""
    if ROUNDED:
        near = FLAT if x < FLAT else x
        near = -MOST if near > -MOST else near
        shifted = fma(near, INVERSE_LOG_TWO, SHIFTER)
        r = fma(shifted - SHIFTER, -LOG_TWO, near)
        power = two_to(shifted, 0)
        return fma(power, r * r * polynomial(EXP_NARROW, r), fma(power, r, power - 1.0) - x)
    factor, square, rest, lost = half_expm1_minus_parts(x)
    return 2.0 * fma(factor, square, rest + lost)


def half_expm1_minus_parts(x: float) -> tuple[float, float, float, float]:
    """(e**x - 1 - x)/2 >= 0 as factor square + rest + what the rest lost, to be rounded with what else is added, finite also
    where e**x is not: the square that leads e**r - 1 - r is rounded once, with the rest of it; main - x/4 is exact where it
    cancels. What r lost counts e**r times, here to three terms."""
    quarter, r, lost, main, error = _expm1(x)
    short = lost * fma(r, fma(0.5, r, 1.0), 1.0)
    curved = fma(0.5 * r, r, fma(r * r, r * polynomial(EXP_REST, r), short))
    return quarter, 2.0 * curved, fma(-0.5, x, 2.0 * main), 2.0 * error


def _expm1(x: float) -> tuple[float, float, float, float, float]:
    """quarter = 2**(k-2), r and what it lost, of x = k log 2 + r; a quarter of e**x - 1 is quarter - 1/4 + quarter r, here with
    its rounding error, and quarter times e**r - 1 - r."""
    x = FLAT if x < FLAT else x
    x = TOP if x > TOP else x
    shifted = fma(x, INVERSE_LOG_TWO, SHIFTER)
    k = shifted - SHIFTER
    high = fma(k, -LOG_TWO_HIGH, x)
    r = fma(k, -LOG_TWO_LOW, high)
    lost = fma(k, -LOG_TWO_LOW, high - r)
    quarter = two_to(shifted, -2)
    start = quarter - 0.25
    main = fma(quarter, r, start)
    error = fma(quarter, r, start - main)
    return quarter, r, lost, main, error


def log(x: float) -> float:
    """Log x."""
    tiny = x < SMALLEST_NORMAL
    scaled = x * GUARD_UP if tiny else x
    k = exponent(scaled)
    k = k - GUARD if tiny else k
    f = fraction(scaled) - 1.0
    value = fma(k, LOG_TWO_HIGH, f - _correction(f, k, 0.0))
    value = value if x < inf else x  # NaN too, which the bits lose
    return (-inf if x == 0.0 else nan) if x <= 0.0 else value


def log_of_normal(x: float) -> float:
    """Log x, x > 0; a normal number or infinity, where a few more roundings do not show. NaN stays."""
    if not ROUNDED:
        return log(x)
    k, f = exponent(x), fraction(x) - 1.0
    s, half = f / (2.0 + f), 0.5 * f * f
    square = s * s
    value = fma(k, LOG_TWO, f - fma(-s, fma(2.0 * square, polynomial(ATANH, square), half), half))
    return value if x < inf else x


def log_parts(x: float) -> tuple[float, float]:
    """Log x, x > 0, and what the float lacks: the errors of the last two sums."""
    tiny = x < SMALLEST_NORMAL
    scaled = x * GUARD_UP if tiny else x
    k = exponent(scaled)
    k = k - GUARD if tiny else k
    f = fraction(scaled) - 1.0
    correction = _correction(f, k, 0.0)
    near = f - correction
    value = fma(k, LOG_TWO_HIGH, near)
    rest = (fma(k, LOG_TWO_HIGH, -value) + near) + ((f - near) - correction)
    return value if x < inf else x, rest if x < inf else 0.0


def log1p(x: float) -> float:
    """Log(1 + x): (1 + x) 2**-k - 1 with its rounding error; the 1 is dropped beside a large x."""
    f, k, lost, _ = _reduced(x)
    value = fma(k, LOG_TWO_HIGH, f - _correction(f, k, lost))
    value = value if x < inf and abs(x) >= TINY else x
    return (-inf if x == -1.0 else nan) if x <= -1.0 else value


def log1p_parts(x: float, low: float) -> tuple[float, float]:
    """Log(1 + x + low), x >= 0 and low far below it, and what the float lacks: the errors of the last two sums."""
    f, k, lost, unit = _reduced(x)
    correction = _correction(f, k, fma(low, unit, lost))
    near = f - correction
    value = fma(k, LOG_TWO_HIGH, near)
    rest = (fma(k, LOG_TWO_HIGH, -value) + near) + ((f - near) - correction)
    apart = TINY <= x < inf
    return value if apart else x, rest if apart else low


def _reduced(x: float) -> tuple[float, float, float, float]:
    """f, k and lost of 1 + x = (1 + f + lost) 2**k, and 2**-k."""
    large = x > GUARD_UP
    scaled = x * GUARD_DOWN if large else x
    one = 0.0 if large else 1.0
    k = exponent(one + scaled)
    power = two_to_minus(k)
    start = one * power - 1.0
    f = fma(scaled, power, start)
    lost = fma(scaled, power, start - f)
    return f, k + GUARD if large else k, lost, power * GUARD_DOWN if large else power


def _correction(f: float, k: float, lost: float) -> float:
    """f - log(1 + f), 1 + f within sqrt(1/2) and sqrt(2), less what was lost and the low part of k log 2.

    With s = f/(2 + f), log(1 + f) = f - s (f - R); of what was lost, 1/(1 + f) to three terms is known well enough.
    """
    s = f / (2.0 + f)
    square = s * s
    half = 0.5 * f * f
    rest = 2.0 * square * polynomial(ATANH, square)
    low = fma(k, LOG_TWO_LOW, lost * fma(f, f - 1.0, 1.0))
    return half - fma(s, half + rest, low)


def log1p_unit(e: float) -> float:
    """Log(1 + e) for 0 <= e <= 1: e - e**2 P(e), without a division, which takes longer than the polynomial."""
    return fma(-e * e, polynomial(LOG1P_UNIT, e), e)


def reciprocal_from_one(y: float) -> float:
    """1/y for 1 <= y <= 2, without a division, which takes longer than all of this: what is wrong by h becomes wrong by
    h**3."""
    r = polynomial(RECIPROCAL, y)
    if AGAIN:
        r = _nearer(r, y)
    return _nearer(r, y)


def _nearer(r: float, y: float) -> float:
    h = fma(-r, y, 1.0)
    return fma(r, fma(h, h, h), r)
