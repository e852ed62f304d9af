"""The modified Bessel function of the second kind at hundreds of digits, where mpmath's own takes seconds to minutes.

Sources: Abramowitz and Stegun, 9.6.10-9.6.13 (series) and 9.7.2 (Hankel's expansion).
"""

from collections.abc import Callable

from elbocheck.arithmetic import Number

__all__ = ["scaled_bessel_k"]


def scaled_bessel_k(ctx: Number, finer: Callable[[int], Number], order: int, x: Number) -> Number:
    """K times e**x for x > 0: Hankel's expansion where it reaches rounding, else the series with digits to cancel.

    Args:
        ctx: the context of the result.
        finer: digits to a context of more digits.
        order: 0, 1, 2, …
        x: the argument.
    """
    far = x > 1.2 * ctx.dps + 20
    low, high = _hankel(ctx, x) if far else _series(finer(ctx.dps + int(0.9 * x) + 20), x)
    for n in range(1, order):
        low, high = high, low + 2 * n / x * high
    return +ctx.convert(high if order else low)


def _hankel(ctx: Number, x: Number) -> tuple[Number, Number]:
    """K_0 and K_1 times e**x for large x: the terms fall until there are 2 x of them, down to e**(-2 x)."""
    found = []
    for order in (0, 1):
        term = total = ctx.one
        k = 0
        while abs(term) > ctx.eps:
            k += 1
            term *= (4 * order**2 - (2 * k - 1) ** 2) / (8 * k * x)
            total += term
        found.append(total * ctx.sqrt(ctx.pi / (2 * x)))
    return found[0], found[1]


def _series(ctx: Number, x: Number) -> tuple[Number, Number]:
    """The same by powers of x**2/4; the part with the logarithm cancels all but e**(-2 x) of itself."""
    x = ctx.convert(x)
    q, log_half = x * x / 4, ctx.log(x / 2) + ctx.euler
    term, harmonic, k0, k1, k = ctx.one, ctx.zero, ctx.zero, ctx.zero, 0
    least = ctx.eps * ctx.exp(-2 * x) / (1 + abs(log_half))
    while k == 0 or term * (1 + harmonic) > least:
        k += 1
        k0 += term * (harmonic - log_half)
        harmonic += ctx.one / k
        k1 += term / k * (log_half - harmonic + ctx.one / (2 * k))
        term *= q / k**2
    return k0 * ctx.exp(x), (1 / x + x / 2 * k1) * ctx.exp(x)
