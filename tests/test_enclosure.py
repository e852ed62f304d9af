"""Balls: they contain the truth, and what makes them silently wrong cannot be written."""

import doctest
from typing import Any

import pytest
from flint import acb, arb

from elbocheck.enclosure import Balls, balls, enclose, integrals, integrate, summate, taylor
from elbocheck.errors import OracleError
from elbocheck.precision import context
from elbocheck.tails import Exponential, Gaussian, Geometric, LogConcave, Power

INF = float("inf")
FALLS = LogConcave()

# name, function of the vocabulary, points, truth by mpmath's own functions
PRIMITIVES: list[tuple[str, Any, tuple[float, ...], Any]] = [
    ("abs", lambda m, x: abs(x), (-3.0, 0.0, 2.5), lambda c, x: abs(x)),
    ("maximum", lambda m, x: m.maximum(x, m.exact(1)), (-3.0, 2.5), lambda c, x: max(x, 1)),
    ("minimum", lambda m, x: m.minimum(x, m.exact(1)), (-3.0, 2.5), lambda c, x: min(x, 1)),
    ("log", lambda m, x: m.log(x), (1e-300, 0.5, 1e300), lambda c, x: c.ln(x)),
    ("sqrt", lambda m, x: m.sqrt(x), (1e-300, 0.5, 1e300), lambda c, x: c.power(x, c.mpf(1) / 2)),
    ("power", lambda m, x: m.power(x, m.rational(1, 3)), (1e-300, 8.0), lambda c, x: c.cbrt(x)),
    ("exp", lambda m, x: m.exp(x), (-700.0, 0.0, 1e3), lambda c, x: c.power(c.e, x)),
    ("expm1", lambda m, x: m.expm1(x), (-50.0, 1e-200, 3.0), lambda c, x: c.expm1(x)),
    ("log1p", lambda m, x: m.log1p(x), (-0.9, 1e-200, 1e9), lambda c, x: c.log1p(x)),
    ("softplus", lambda m, x: m.softplus(x), (-800.0, 0.0, 800.0), lambda c, x: c.log1p(c.exp(x))),
    ("sigmoid", lambda m, x: m.sigmoid(x), (-800.0, 0.0, 40.0), lambda c, x: (1 + c.tanh(x / 2)) / 2),
    ("log_cosh", lambda m, x: m.log_cosh(x), (-9.0, 1e-150, 0.3, 900.0), lambda c, x: c.ln(c.cosh(x))),
    ("charbonnier", lambda m, x: m.charbonnier(x), (-9.0, 1e-150, 1e20), lambda c, x: c.hypot(1, x) - 1),
    (
        "huber",
        lambda m, x: m.huber(x, m.exact(2)),
        (-9.0, 1.5, 2.0),
        lambda c, x: x * x / 2 if abs(x) <= 2 else 2 * abs(x) - 2,
    ),
    ("erf", lambda m, x: m.erf(x), (-2.0, 1e-100, 5.0), lambda c, x: 1 - c.erfc(x)),
    (
        "erfc",
        lambda m, x: m.erfc(x),
        (-2.0, 30.0),
        lambda c, x: c.gammainc(0.5, x * x) / c.sqrt(c.pi) if x > 0 else 1 + c.erf(-x),
    ),
    ("lgamma", lambda m, x: m.lgamma(x), (1e-9, 0.5, 1e9), lambda c, x: c.ln(c.gamma(x)) if x < 1e5 else c.loggamma(x)),
    ("digamma", lambda m, x: m.digamma(x), (1e-9, 0.5, 1e9), lambda c, x: c.psi(0, x)),
    ("sinh", lambda m, x: m.sinh(x), (-40.0, 1e-200, 3.0), lambda c, x: c.sinh(x)),
    ("cosh", lambda m, x: m.cosh(x), (-40.0, 3.0), lambda c, x: c.cosh(x)),
    ("expm1_ratio", lambda m, x: m.expm1_ratio(x), (-40.0, 1e-200, 3.0), lambda c, x: c.expm1(x) / x),
    (
        "hyp0f1",
        lambda m, x: m.hyp0f1(m.exact(3), x),
        (1e-9, 4.0, 1e4),
        lambda c, x: 2 * c.besseli(2, 2 * c.sqrt(x)) / x,
    ),
    ("bessel_k", lambda m, x: m.bessel_k(1, x), (1e-9, 4.0, 1e4), lambda c, x: c.besselk(1, x) * c.exp(x)),
]
primitives = pytest.mark.parametrize(
    ("name", "function", "points", "truth"), PRIMITIVES, ids=[row[0] for row in PRIMITIVES]
)


@primitives
def test_primitives_contain_the_truth(name: str, function: Any, points: tuple[float, ...], truth: Any) -> None:
    """Values at real points, against mpmath's own functions at many more digits."""
    for x in points:
        found = enclose(lambda m, x=x: function(m, m.exact(x)), 40)
        ctx = context(100 if name in ("lgamma", "digamma", "bessel_k") else 700)
        assert found.digits >= 40 or found.ball == 0
        assert (
            abs(ctx.mpf(str(found.ball.mid().str(60, radius=False))) - truth(ctx, ctx.mpf(x)))
            <= abs(truth(ctx, ctx.mpf(x))) * ctx.mpf(10) ** -39
        )


@primitives
def test_derivatives_contain_the_truth(name: str, function: Any, points: tuple[float, ...], truth: Any) -> None:
    """First and second Taylor coefficients against differences of mpmath's functions."""
    if name == "digamma":
        return
    for x in (p for p in points if 1e-3 < abs(p) < 20 and (name, p) != ("huber", 2.0)):
        found = taylor(lambda m, x=x: function(m, m.variable(x)), 30, 3, floor=1e-40)
        ctx = context(160)
        step = ctx.mpf(10) ** -40
        low, at, high = (truth(ctx, ctx.mpf(x) + k * step) for k in (-1, 0, 1))
        for ball, slope in ((found[1], (high - low) / (2 * step)), (found[2], (high - 2 * at + low) / step**2)):
            assert abs(ctx.mpf(ball.ball.mid().str(50, radius=False)) - slope) <= (1 + abs(slope)) * ctx.mpf(10) ** -28


@pytest.mark.parametrize("name", ["abs", "maximum", "minimum", "log", "sqrt", "power", "log1p", "huber", "lgamma"])
def test_the_flag_is_forced_where_a_function_is_not_analytic(name: str) -> None:
    """On a ball about the kink or the cut the analytic value is not a number, the plain one is a hull."""
    function = next(row[1] for row in PRIMITIVES if row[0] == name)
    centre = {"maximum": 1, "minimum": 1, "log1p": -1, "huber": 2}.get(name, 0)
    wide = acb(arb(centre, 0.1), arb(0, 0.1))
    strict, plain = Balls(analytic=True), Balls()
    assert not function(strict, balls.Ball(wide, strict)).raw.is_finite()
    if name in ("abs", "maximum", "minimum", "huber"):
        assert function(plain, balls.Ball(acb(arb(centre, 0.1)), plain)).raw.is_finite()


@pytest.mark.parametrize(
    ("misuse", "text"),
    [
        (lambda m, t: t if t > 0 else -t, "compared with 0"),
        (lambda m, t: max(t, 1), "compared with"),
        (lambda m, t: t if t else -t, "truth value"),
        (lambda m, t: t**0.5, "m.power or m.sqrt"),
        (lambda m, t: t * 0.1, r"bare float 0\.1"),
        (lambda m, t: float(t) * t, "read as a float"),
        (lambda m, t: t + "1", "a number comes from"),
        (lambda m, t: t == 1, "compared with 1"),
    ],
)
def test_what_makes_balls_wrong_cannot_be_written(misuse: Any, text: str) -> None:
    """A branch on a midpoint, a root without its flag and a decimal read as a float are errors."""
    with pytest.raises(OracleError, match=text):
        integrate(misuse, lambda m: [m.exact(0), m.exact(1)], 20)


TAILS = [
    ("Gaussian", lambda m, t: m.exp(-t * t / 2), Gaussian, lambda m: m.exact(1), "2.50662827463100050242"),
    ("exponential", lambda m, t: m.exp(-abs(t)), Exponential, lambda m: m.exact(1), "2.00000000000000000000"),
    ("power", lambda m, t: 1 / (1 + t**20), Power, lambda m: m.exact(19), "2.0082484079079745"),
]


@pytest.mark.parametrize(("name", "integrand", "tail", "argument", "truth"), TAILS, ids=[row[0] for row in TAILS])
def test_stated_tails_bound_what_is_left(name: str, integrand: Any, tail: Any, argument: Any, truth: str) -> None:
    """Each tail object closes an integral over the line."""
    found = integrate(
        integrand, lambda m: [-INF, *(m.exact(k) for k in (-4, -1, 0, 1, 4)), INF], 12, tail(argument(Balls()))
    )
    assert abs(float(found[0].ball.mid()) - float(truth)) < 1e-12
    assert found[0].digits >= 12


@pytest.mark.parametrize(
    "tail", [Gaussian(Balls().exact(1)), Exponential(Balls().exact(2)), Power(Balls().exact(4)), FALLS]
)
def test_a_tail_that_does_not_hold_is_an_error(tail: Any) -> None:
    """1/(1 + t**2) falls like none of these; a wrong statement is found further out."""
    with pytest.raises(OracleError, match="does not decay"):
        integrate(lambda m, t: 1 / (1 + t * t), lambda m: [-INF, m.exact(-1), m.exact(1), INF], 20, tail)


class Remains:
    """A tail that always leaves 2**-70."""

    def beyond(self, m: Any, _size: Any, _near: Any, _far: Any) -> Any:
        """See Tail."""
        return m.rational(1, 2**70)


def test_what_a_tail_leaves_is_in_the_ball() -> None:
    """Of an integral that is 0 the ball is exactly what both ends may hold."""
    found = integrate(
        lambda m, t: 0 * t,
        lambda m: [-INF, m.exact(0), m.exact(1), INF],
        5,
        Remains(),
        scale=enclose(lambda m: m.exact(1), 5),
    )
    assert found[0].ball.contains(2 * arb(2) ** -70)
    assert found[0].ball.contains(-2 * arb(2) ** -70)


@pytest.mark.parametrize(("before", "bounded"), [(1.0, False), (1.9, False), (2.5, True), (1e9, True)])
def test_a_geometric_tail_waits_until_the_pieces_fall(before: float, bounded: bool) -> None:
    """With ratios of at most 1/4 a weighted piece may be half of the one before, and no more."""
    m = Balls()
    tail = Geometric(lambda m, k: m.rational(1, 4))
    bound = tail.beyond(m, 9, [m.exact(1.0)], [m.exact(before)])
    assert (bound is not None) == bounded
    assert bound is None or bound[0].raw.contains(1)
    assert Geometric(lambda m, k: m.exact(1)).beyond(m, 9, [m.exact(0)], [m.exact(1)]) is None


@pytest.mark.parametrize(
    ("breaks", "tail", "text"),
    [
        (lambda m: [m.exact(0), m.exact(1), INF], None, "needs a tail"),
        (lambda m: [m.exact(0), m.exact(1), m.exact(1)], None, "must increase"),
        (lambda m: [m.exact(0)], None, "must increase"),
    ],
)
def test_breaks_and_tails_are_required(breaks: Any, tail: Any, text: str) -> None:
    """A forgotten tail is an error, not a smaller number."""
    with pytest.raises(OracleError, match=text):
        integrate(lambda m, t: m.exp(-t), breaks, 20, tail)


def test_divergence_and_time_are_limited() -> None:
    """1/t has no integral from 0, and what takes too long says so."""
    with pytest.raises(OracleError, match=r"not enclosed"):
        integrate(lambda m, t: 1 / t, lambda m: [m.exact(0), m.exact(1)], 10, seconds=2.0)


def test_a_number_that_is_not_real_is_no_number() -> None:
    """The logarithm of -2 has a real part, which is not the answer to anything."""
    with pytest.raises(OracleError, match="nan"):
        enclose(lambda m: m.log(m.exact(-2)), 20)
    with pytest.raises(OracleError, match="not known"):
        integrate(lambda m, t: m.log(t - 3), lambda m: [m.exact(0), m.exact(1)], 20)


def test_precision_is_restored() -> None:
    """flint's precision is global; what a caller had set is what they find again, also after an error."""
    import flint

    before = flint.ctx.prec
    integrate(lambda m, t: t, lambda m: [m.exact(0), m.exact(1)], 30)
    with pytest.raises(OracleError):
        integrate(lambda m, t: t > 0, lambda m: [m.exact(0), m.exact(1)], 30)
    assert flint.ctx.prec == before


@pytest.mark.parametrize("rate", [1e-9, 1.0, 77.5, 1e4])
def test_sums_and_their_derivatives(rate: float) -> None:
    """Poisson masses sum to 1 whatever the rate: both derivatives vanish."""
    start = int(rate)

    def first(m: Any) -> Any:
        lam = m.variable(rate)
        return m.exp(start * m.log(lam) - lam - m.lgamma(m.exact(start + 1)))

    ratio = lambda m, k: m.variable(rate) / (k + 1)  # noqa: E731  # a formula
    tail = Geometric(lambda m, k: m.exact(rate) / (k + 1))
    value, slope, bend = summate(first, ratio, start, 30, tail, order=3)
    assert value.ball.contains(1)
    assert value.digits >= 30
    assert slope.ball.contains(0)
    assert bend.ball.contains(0)


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    assert sum(doctest.testmod(module).failed for module in (balls, integrals)) == 0
