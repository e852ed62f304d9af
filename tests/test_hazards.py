"""The measured traps of high-precision integration: the naive call is confidently wrong, ours is right or says it cannot.

Naive calls are made as a careful person would make them: mpmath at 50 digits with its own error estimate, Arb at 200 bits.
"""

from collections.abc import Callable
from typing import Any

import flint
import mpmath
import pytest
from flint import acb, arb

from elbocheck.densities import beta, cauchy, gamma, huber, laplace, logistic, normal, student_t, von_mises_fisher
from elbocheck.enclosure import Balls, Enclosure, enclose, integrate, log
from elbocheck.errors import OracleError
from elbocheck.oracle import Member
from elbocheck.precision import agree, derivative
from elbocheck.precision import integrate as by_mpmath
from elbocheck.tails import LogConcave, Power

INF = float("inf")
FALLS = LogConcave()
DIGITS = 45


def naive() -> Any:
    """A private mpmath context of 50 digits."""
    ctx = mpmath.MPContext()
    ctx.dps = 50
    return ctx


def bell(c: Any, x: Any, loc: Any, scale: Any) -> Any:
    """A normal density, in mpmath."""
    return c.exp(-(((x - loc) / scale) ** 2) / 2) / (scale * c.sqrt(2 * c.pi))


def student(c: Any, x: Any) -> Any:
    """Student's density with half a degree of freedom, in mpmath."""
    nu = c.mpf(1) / 2
    return (1 + x * x / nu) ** (-(nu + 1) / 2) / (c.sqrt(nu) * c.beta(c.mpf(1) / 2, nu / 2))


def sphere(c: Any, t: Any) -> Any:
    """The marginal of a von Mises-Fisher density with concentration 10,000 on the sphere, in mpmath."""
    return c.mpf(10000) * c.exp(10000 * (t - 1)) / (1 - c.exp(-20000))


def bumps(m: Any, t: Any) -> Any:
    """Half a bell at 0 and half a narrow one at 50, in the vocabulary."""
    narrow = ((t - 50) * 1000) ** 2 / 2
    return (m.exp(-t * t / 2) + 1000 * m.exp(-narrow)) / (2 * m.sqrt(2 * m.pi))


def bump_breaks(m: Any) -> list[Any]:
    """Both of them."""
    near = [m.exact(50) + m.rational(k, 1000) for k in (-8, -4, -2, 0, 2, 4, 8)]
    return [-INF, *(m.exact(k) for k in (-8, -4, -2, 0, 2, 4, 8, 16, 32)), *near, m.exact(64), INF]


def certified(density: Any, *values: float) -> Enclosure:
    """The integral of a normalised density: what the two engines and the closed form agree on."""
    member = Member(density.forms[0], values)
    ball, closed = member.mass(DIGITS)[0], member.closed(member.form.log_mass, DIGITS)[0]
    assert log(ball).holds(closed)
    assert log(member.witness(DIGITS)).holds(closed)
    assert ball.digits >= DIGITS
    return ball


# name, naive integral with its claimed error, ours; the truth of all is 1
INTEGRALS: list[tuple[str, Callable[[Any], tuple[Any, Any]], Callable[[], Any]]] = [
    (
        "a narrow bump far away",
        lambda c: c.quad(lambda x: (bell(c, x, 0, 1) + bell(c, x, 50, c.mpf("1e-3"))) / 2, [-c.inf, c.inf], error=True),
        lambda: integrate(bumps, bump_breaks, DIGITS, FALLS)[0],
    ),
    (
        "N(1e6, 1) on the line",
        lambda c: c.quad(lambda x: bell(c, x, 10**6, 1), [-c.inf, c.inf], error=True),
        lambda: certified(normal, 1e6, 1.0),
    ),
    (
        "N(3, 0.01) on the line",
        lambda c: c.quad(lambda x: bell(c, x, 3, c.mpf("0.01")), [-c.inf, c.inf], error=True),
        lambda: certified(normal, 3.0, 0.01),
    ),
    (
        "N(0.5, 0.001) on the line",
        lambda c: c.quad(lambda x: bell(c, x, c.mpf("0.5"), c.mpf("0.001")), [-c.inf, c.inf], error=True),
        lambda: certified(normal, 0.5, 0.001),
    ),
    (
        "Student with half a degree of freedom, with breaks",
        lambda c: c.quad(lambda x: student(c, x), [-c.inf, -8, -1, 0, 1, 8, c.inf], error=True),
        lambda: certified(student_t, 0.0, 1.0, 0.5),
    ),
    (
        "Beta(1/2, 1/2), with breaks",
        lambda c: c.quad(lambda x: 1 / (c.pi * c.sqrt(x * (1 - x))), [0, c.mpf(1) / 4, c.mpf(3) / 4, 1], error=True),
        lambda: certified(beta, 0.5, 0.5),
    ),
    (
        "Gamma(0.01), with breaks",
        lambda c: c.quad(
            lambda x: x ** (c.mpf("0.01") - 1) * c.exp(-x) / c.gamma(c.mpf("0.01")), [0, 1, 8, c.inf], error=True
        ),
        lambda: certified(gamma, 0.01, 1.0),
    ),
    (
        "a sharp logistic by Gauss-Legendre, with breaks",
        lambda c: c.quad(lambda x: c.sech((x - 5) * 5000) ** 2 * 2500, [4, 5, 6], error=True, method="gauss-legendre"),
        lambda: certified(logistic, 5.0, 1e-4),
    ),
    (
        "a concentrated von Mises-Fisher by Gauss-Legendre, with breaks",
        lambda c: c.quad(lambda t: sphere(c, t), [-1, 0, 1], error=True, method="gauss-legendre"),
        lambda: certified(von_mises_fisher, (0.0, 0.0, 1.0), 1e4),
    ),
    (
        "Huber's density, kinks not split",
        lambda c: c.quad(
            lambda x: (
                c.exp(-(x * x / 2 if abs(x) <= 1 else abs(x) - c.mpf(1) / 2))
                / (c.sqrt(2 * c.pi) * c.erf(1 / c.sqrt(2)) + 2 * c.exp(-c.mpf(1) / 2))
            ),
            [-c.inf, 0, c.inf],
            error=True,
        ),
        lambda: certified(huber, 0.0, 1.0, 1.0),
    ),
]


@pytest.mark.parametrize(("name", "call", "ours"), INTEGRALS, ids=[row[0] for row in INTEGRALS])
def test_naive_integrals_overclaim_and_ours_do_not(name: str, call: Any, ours: Any) -> None:
    """The naive value misses 1 by more than the digits of its context; Huber's at least says so."""
    ctx = naive()
    value, claimed = call(ctx)
    off = abs(value - 1)
    assert off > ctx.mpf(10) ** -DIGITS
    assert off > claimed or name.startswith("Huber")
    found = ours()
    assert found.digits >= DIGITS


def test_a_tiny_integral_is_known_to_its_own_digits() -> None:
    """t**999 (1 - t)**999 is 9.8e-604: mpmath stops at an absolute tolerance, at 8e-3 of the value."""
    ctx = naive()
    value = ctx.quad(lambda t: (t * (1 - t)) ** 999, [0, 1])
    truth = ctx.beta(1000, 1000)
    assert abs(value / truth - 1) > 1e-6
    ball = integrate(lambda m, t: (t * (1 - t)) ** 999, lambda m: [m.exact(0), m.exact(1)], DIGITS)[0]
    closed = enclose(lambda m: m.exp(2 * m.lgamma(m.exact(1000)) - m.lgamma(m.exact(2000))), DIGITS)
    assert ball.holds(closed)
    seen = by_mpmath(lambda c, t: (t * (1 - t)) ** 999, lambda c: [c.mpf(k) / 16 for k in range(17)], 30)
    assert abs(seen.value / truth - 1) < ctx.mpf(10) ** -29


def test_a_heavy_tail_is_integrated_in_its_own_variable() -> None:
    """x**-1.0001 from 1 on is 10,000, and mpmath says 124; with x = e**t it is an exponential."""
    ctx = naive()
    value, claimed = ctx.quad(lambda x: x ** -ctx.mpf("1.0001"), [1, ctx.inf], error=True)
    assert abs(value - 10000) > 100 * claimed
    breaks = lambda m: [m.exact(0), m.exact(1), m.exact(10000), INF]  # noqa: E731  # a list of points
    ball = integrate(lambda m, t: m.exp(-t * m.rational(1, 10000)), breaks, DIGITS, FALLS)[0]
    assert ball.ball.contains(10000)
    with pytest.raises(OracleError, match=r"does not decay|not enclosed"):
        integrate(
            lambda m, x: m.power(x, -m.rational(10001, 10000)), lambda m: [m.exact(1), m.exact(2), INF], 20, FALLS
        )


def test_a_divergent_integral_is_an_error() -> None:
    """1/x from 1 on has no value, and mpmath says 125."""
    ctx = naive()
    assert ctx.quad(lambda x: 1 / x, [1, ctx.inf]) < 1000
    for engine, breaks in (
        (integrate, lambda m: [m.exact(1), m.exact(2), INF]),
        (by_mpmath, lambda m: [m.exact(1), m.exact(2), m.inf]),
    ):
        with pytest.raises(OracleError, match=r"does not decay|disagrees"):
            engine(lambda m, x: 1 / x, breaks, 20, FALLS)


def test_a_fixed_precision_is_no_oracle() -> None:
    """log sigmoid(200) is 0 at 60 digits."""
    ctx = mpmath.MPContext()
    ctx.dps = 60
    assert ctx.log(1 / (1 + ctx.exp(-200))) == 0
    found = agree(lambda c: c.log(c.sigmoid(c.mpf(200))), 30)
    assert enclose(lambda m: m.log(m.sigmoid(m.exact(200))), 30).ball < 0
    assert -1.4e-87 < found.value < -1.3e-87


def test_differences_at_a_kink_are_an_error() -> None:
    """mpmath's derivative of |x - 1| at 1 is 0, the mean of both sides."""
    ctx = naive()
    assert ctx.diff(lambda x: abs(x - 1), 1) in (0, 1, -1)
    with pytest.raises(OracleError, match="by one step"):
        derivative(lambda c, x: abs(x - 1), 1.0, 2, 20)
    with pytest.raises(OracleError, match="no 20 digits"):
        Member(laplace.forms[0], (0.0, 1.0), place=0).definition(0.0, 20, order=2)


def raw(function: Callable[[Any, bool], Any], a: float, b: float) -> Any:
    """Arb's integral of a function written by hand, at 200 bits."""
    before, flint.ctx.prec = flint.ctx.prec, 200
    try:
        return acb.integral(function, a, b).real
    finally:
        flint.ctx.prec = before


def _if_on_a_midpoint(z: Any, _: bool) -> Any:
    return (-z if z.real.mid() > 0 else z).exp()


# name, a "certified" ball that excludes the truth, the truth's decimals, ours
MISUSES: list[tuple[str, Callable[[], Any], str, Callable[[], Enclosure]]] = [
    (
        "an absolute value without the flag",
        lambda: raw(lambda z, _: (z**3).real_abs(), -1, 1.5),
        "1.515625",
        lambda: integrate(lambda m, t: abs(t) ** 3, lambda m: [m.exact(-1), m.rational(3, 2)], 30)[0],
    ),
    (
        "a root without the flag",
        lambda: raw(lambda z, _: z.sqrt(), 0, 1),
        "0.666666666666666666666666666666666666666666666666666666666667",
        lambda: integrate(lambda m, t: m.sqrt(t), lambda m: [m.exact(0), m.exact(1)], 20)[0],
    ),
    (
        "a minimum without the flag",
        lambda: raw(lambda z, _: z.real_min(acb(0.3)), 0, 1),
        "0.255",
        lambda: integrate(lambda m, t: m.minimum(t, m.rational(3, 10)), lambda m: [m.exact(0), m.exact(1)], 30)[0],
    ),
    (
        "an if on a midpoint",
        lambda: raw(_if_on_a_midpoint, -1, 2),
        "1.4967852755919448",
        lambda: integrate(lambda m, t: m.exp(-abs(t)), lambda m: [m.exact(-1), m.exact(2)], 30)[0],
    ),
    (
        "a forgotten tail",
        lambda: raw(lambda z, _: 1 / (acb.pi() * (1 + z * z)), -1e6, 1e6),
        "1",
        lambda: log_free(certified(cauchy, 0.0, 1.0)),
    ),
    (
        "a decimal read as a float",
        lambda: raw(lambda z, _: arb(0.1) * z, 0, 1),
        "0.05",
        lambda: integrate(lambda m, t: m.rational(1, 10) * t, lambda m: [m.exact(0), m.exact(1)], 30)[0],
    ),
    (
        "swapped arguments of the incomplete gamma function",
        lambda: acb(3).gamma_upper(2).real,
        "0.6766764161830634594699974748624",
        lambda: integrate(
            lambda m, t: (m.exact(2) + t) ** 2 * m.exp(-t - 2), lambda m: [m.exact(0), m.exact(1), INF], 30, FALLS
        )[0],
    ),
]


def log_free(ball: Enclosure) -> Enclosure:
    """The Cauchy density's integral: the mass over its closed form pi."""
    return Enclosure(ball.ball / arb.pi(), ball.how)


@pytest.mark.parametrize(("name", "wrong", "truth", "ours"), MISUSES, ids=[row[0] for row in MISUSES])
def test_misused_balls_exclude_the_truth_and_ours_do_not(name: str, wrong: Any, truth: str, ours: Any) -> None:
    """Each misuse yields a small ball in the wrong place; the vocabulary cannot write it, or gets it right."""
    bad = wrong()
    with flint.ctx.workprec(300):
        known = arb(truth) * (2 if "gamma" in name else 1)
        with_room = known + arb(0, abs(known) * 1e-14)
    assert not bad.overlaps(known), bad
    assert ours().ball.overlaps(with_room)
    assert ours().digits >= 15


def test_a_power_tail_stated_too_steep_is_found_out() -> None:
    """A Cauchy integrand does not fall like t**-4."""
    with pytest.raises(OracleError, match="does not decay"):
        integrate(
            lambda m, t: 1 / (1 + t * t),
            lambda m: [-INF, m.exact(-1), m.exact(1), INF],
            20,
            Power(Balls().exact(4)),
        )
