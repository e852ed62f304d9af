"""High-precision numbers: right, or an error."""

import doctest
import math
from typing import Any

import mpmath
import pytest

from elbocheck.errors import OracleError
from elbocheck.precision import (
    Certified,
    agree,
    certified,
    context,
    derivative,
    integrate,
    numbers,
    quadrature,
    summate,
)
from elbocheck.tails import Geometric, LogConcave


def _bell(loc: str, scale: str) -> Any:
    def integrand(ctx: Any, t: Any) -> Any:
        return ctx.exp(-(((t - ctx.mpf(loc)) / ctx.mpf(scale)) ** 2) / 2)

    return integrand


def _bell_breaks(loc: str, scale: str) -> Any:
    return lambda ctx: [
        -ctx.inf,
        *(ctx.mpf(loc) + ctx.mpf(scale) * step for step in (-8, -4, -2, 0, 2, 4, 8)),
        ctx.inf,
    ]


def _within(found: Certified, truth: Any, digits: int) -> bool:
    ctx = context(3 * digits)
    distance = abs(ctx.convert(found.value) - truth(ctx))
    return bool(distance <= found.error and found.error <= abs(truth(ctx)) * ctx.mpf(10) ** -digits)


@pytest.mark.parametrize(
    "function",
    [
        lambda ctx: ctx.log(1 / (1 + ctx.exp(-200))),
        lambda ctx: ctx.exp(ctx.mpf(1e-160)) - 1 - ctx.mpf(1e-160),
        lambda ctx: 1 - ctx.erf(20),
    ],
)
def test_precision_rises_until_cancellation_is_over(function: Any) -> None:
    """What is 0 or plainly wrong at 60 digits, and at 120 again, comes out right."""
    found = agree(function, 30)
    assert found.value != 0
    assert abs(found.value - function(context(6000))) <= found.error
    assert abs(function(context(60)) - found.value) > found.error


def test_zero_is_believed_only_from_the_highest_precision() -> None:
    """A true zero carries the precision that it was seen at as its error."""
    found = agree(lambda ctx: ctx.mpf(3) - 3, 20)
    assert found.value == 0
    assert 0 < found.error < 1e-300


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda ctx: ctx.mpf(ctx.dps), "no agreement"),
        (lambda ctx: ctx.log(-1), "not a real number"),
        (lambda ctx: ctx.nan, "not a real number"),
    ],
)
def test_what_does_not_agree_is_an_error(function: Any, text: str) -> None:
    """Disagreement never yields a number."""
    with pytest.raises(OracleError, match=text):
        agree(function, 20)


@pytest.mark.parametrize(("loc", "scale"), [("0", "1"), ("3", "0.01"), ("1e6", "1"), ("1e100", "1e-3"), ("0", "1e150")])
def test_an_integral_is_right_wherever_the_mass_is(loc: str, scale: str) -> None:
    """Narrow, wide, and far bells, on which mpmath alone is confidently wrong, come out with an honest
    error."""
    integrand = _bell(loc, scale)
    found = integrate(integrand, _bell_breaks(loc, scale), 30, LogConcave())
    assert _within(found, lambda ctx: ctx.mpf(scale) * ctx.sqrt(2 * ctx.pi), 30)


def test_the_maximum_is_divided_out() -> None:
    """An integral of 1e-604 is known to relative digits."""
    found = integrate(lambda ctx, t: (t * (1 - t)) ** 999, lambda ctx: [ctx.mpf(k) / 16 for k in range(17)], 20)
    assert _within(found, lambda ctx: ctx.beta(1000, 1000), 20)


def test_an_unsplit_kink_is_named() -> None:
    """The rules disagree on the panel that hides the kink, and the error says which."""
    with pytest.raises(OracleError, match=r"part from 0\.\d+ to 0\.\d+ disagrees"):
        integrate(lambda ctx, t: abs(t - ctx.mpf(1) / 3), lambda ctx: [-1, 0, 1, 2], 15)


def test_cancelling_panels_cost_digits_but_not_accuracy() -> None:
    """The integral of an odd function plus a small even one is the small one."""
    found = integrate(lambda ctx, t: t + ctx.mpf(10) ** -40 * t**2, lambda ctx: [-1, 0, 1], 20)
    assert _within(found, lambda ctx: 2 * ctx.mpf(10) ** -40 / 3, 20)


@pytest.mark.parametrize(
    ("breaks", "tail", "text"),
    [
        (lambda ctx: [0, 1, ctx.inf], None, "needs a tail bound"),
        (lambda ctx: [0, 1, 1, 2], None, "must increase"),
        (lambda ctx: [0], None, "must increase"),
        (lambda ctx: [1, 2, ctx.inf], LogConcave(), "does not decay"),
    ],
)
def test_misuse_is_an_error(breaks: Any, tail: Any, text: str) -> None:
    """Break points are required, in order, and an infinite end comes with a bound of its tail."""
    with pytest.raises(OracleError, match=text):
        integrate(lambda ctx, t: 1 + 0 * t, breaks, 15, tail)


def test_the_global_precision_is_never_touched() -> None:
    """Contexts are private: a user's mp.dps neither matters nor changes."""
    with mpmath.workdps(7):
        found = agree(lambda ctx: ctx.sqrt(2), 40)
        assert mpmath.mp.dps == 7
    assert abs(found.value**2 - 2) < 1e-39
    assert context(20).dps == 20


def test_a_certified_number_splits_into_two_floats() -> None:
    """The pair carries about 32 digits."""
    high, low = agree(lambda ctx: ctx.pi, 40).split()
    assert high == math.pi
    assert 0 < abs(low) < 2**-52


def test_certified_errors_add_up() -> None:
    """A difference has the sum of the errors, a logarithm the relative error."""
    ctx = context(30)
    difference = Certified(ctx.mpf(3), ctx.mpf("0.25"), "a") - Certified(ctx.mpf(1), ctx.mpf("0.5"), "b")
    assert (difference.value, difference.error) == (2, 0.75)


def test_exact_parts_travel_between_engines() -> None:
    """Mantissa and exponent carry a number and its error, sign and all."""
    ctx = context(30)
    number = Certified(-ctx.mpf(2) / 3, ctx.mpf(2) ** -90, "a")
    again = certified(*number.exact(), 30, "b")
    assert abs(again.value - number.value) <= again.error < 1e-26


@pytest.mark.parametrize("rate", [1e-9, 1.0, 300.0])
def test_sums_climb_from_the_mode(rate: float) -> None:
    """The Poisson masses sum to 1, their mean is the rate."""
    tail = Geometric(lambda m, k: m.exact(rate) / (k + 1))
    start = int(rate)

    def first(ctx: Any) -> Any:
        return ctx.exp(-ctx.mpf(rate) + start * ctx.log(ctx.mpf(rate)) - ctx.loggamma(start + 1))

    for weight, truth in ((None, 1.0), (lambda ctx, k: ctx.mpf(k), rate)):
        found = summate(first, lambda ctx, k: ctx.mpf(rate) / (k + 1), start, 20, tail, weight=weight)
        assert abs(found.value - truth) <= found.error <= 1e-20 * max(truth, 1.0)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("x", ["1e-40", "0.5", "30", "95", "1e6"])
def test_bessel_functions_by_series_and_expansion(order: int, x: str) -> None:
    """Both branches against mpmath's own slow function, at a precision where that is quick."""
    ctx = context(60)
    truth = ctx.besselk(order, ctx.mpf(x)) * ctx.exp(ctx.mpf(x))
    assert abs(ctx.bessel_k(order, ctx.mpf(x)) / truth - 1) < ctx.mpf(10) ** -57


def test_derivatives_by_two_steps() -> None:
    """Both orders, and a kink is an error, not an average."""
    assert abs(derivative(lambda ctx, x: ctx.exp(2 * x), 0.5, 1, 30).value - 2 * context(60).e) < 1e-30
    assert abs(derivative(lambda ctx, x: ctx.exp(2 * x), 0.5, 2, 30).value - 4 * context(60).e) < 1e-29
    still = derivative(lambda ctx, _x: ctx.pi, 1e-30, 2, 45)  # relative to pi / 1e-60
    assert abs(still.value) <= still.error < 1e-60
    with pytest.raises(OracleError, match="by one step"):
        derivative(lambda ctx, x: abs(x - 1), 1.0, 2, 20)


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    assert sum(doctest.testmod(module).failed for module in (numbers, quadrature)) == 0


def test_a_certified_number_shows_itself() -> None:
    """Twenty digits and the error; rounding keeps the promise, and an infinity is left alone."""
    ctx = context(1200)
    number = Certified(ctx.pi + 0, ctx.mpf(10) ** -40, "a")
    assert str(number) == "3.1415926535897932385 +/- 1e-40"
    again = number.rounded(20)
    assert again.value.context.dps < 50
    assert abs(again.value - ctx.pi) <= again.error < 1e-28
    assert Certified(ctx.inf, ctx.zero, "b").rounded(20).value == ctx.inf
