"""Special functions: ulps against ball arithmetic, NaN and limits."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.kernels import bessel, gamma, gauss, logistic
from elbocheck.kernels.lift import Lifted

Rng = np.random.Generator
Point = tuple[float, ...]
COUNT = 300
INF = math.inf


# --- Truths: the definitions, in balls. ---


def _half_square(x: arb) -> arb:
    return x * x / 2


def _upper(x: arb) -> arb:
    """1 - Phi(x), also where arb's own erfc gives up."""
    if not x.is_finite():
        return arb(0) if x > 0 else arb(1)
    if x < 1:
        return (x / arb(2).sqrt()).erfc() / 2
    return (-_half_square(x)).exp() * _half_square(x).hypgeom_u(arb(1) / 2, arb(1) / 2) / (2 * arb.pi().sqrt())


def _mass(a: arb, b: arb) -> arb:
    return _upper(a) - _upper(b) if a > 0 else _upper(-b) - _upper(-a)


def _phi(x: arb) -> arb:
    return (-_half_square(x)).exp() / (2 * arb.pi()).sqrt()


def _erfcx(x: arb) -> arb:
    return 2 * (x * x).exp() * _upper(x * arb(2).sqrt())


def _log_ndtr(x: arb) -> arb:
    return (-_upper(x)).log1p() if x > 0 else _upper(-x).log()


def _log1mexp(x: arb) -> arb:
    return (-(-x).expm1()).log() if x < 1 else (-(-x).exp()).log1p()


def _log_expm1_ratio(x: arb) -> arb:
    return _log1mexp(x) + x - x.log() if x > 0 else _log1mexp(-x) - (-x).log()


def _log_sigmoid_difference(a: arb, b: arb) -> arb:
    return _log1mexp(b - a) - a.exp().log1p() - (-b).exp().log1p()


def _stirling_error(x: arb) -> arb:
    return (x + 1).lgamma() - ((x + arb(1) / 2) * x.log() - x + (2 * arb.pi()).log() / 2)


def _true(truth: Callable[..., arb], point: Point) -> tuple[float, float]:
    """Truth at a point as the nearest float and what it lacks: the precision doubles until the ball is tight."""
    for bits in (2**k for k in range(9, 15)):
        with flint.ctx.workprec(bits):
            ball = truth(*map(arb, point))
            if ball.rel_accuracy_bits() > 128 or ball.is_exact():
                middle = ball.mid()
                nearest = float(middle)
                return nearest, 0.0 if math.isinf(nearest) else float(middle - arb(nearest))
    raise AssertionError(f"no tight truth at {point}: {ball}")


# --- Domains: random points of every region, and by hand the borders of regions, zeros and ends. ---


def _log_uniform(low: float, high: float) -> Callable[[Rng], float]:
    return lambda rng: float(10.0 ** rng.uniform(low, high))


def _either(*samplers: Callable[[Rng], float]) -> Callable[[Rng], float]:
    return lambda rng: samplers[rng.integers(len(samplers))](rng)


def _signed(sampler: Callable[[Rng], float]) -> Callable[[Rng], float]:
    return lambda rng: sampler(rng) * float(rng.choice([-1.0, 1.0]))


def _uniform(low: float, high: float) -> Callable[[Rng], float]:
    return lambda rng: float(rng.uniform(low, high))


def _near(*centres: float) -> Callable[[Rng], float]:
    return lambda rng: float(rng.choice(centres)) * (1.0 + float(rng.standard_normal()) * 10.0 ** rng.uniform(-16, -2))


def _columns(*samplers: Callable[[Rng], float]) -> Callable[[Rng], Point]:
    return lambda rng: tuple(sampler(rng) for sampler in samplers)


def _exceeding(rng: Rng) -> Point:
    """A mean known by its excess, and what that lacks."""
    x, mean = _deviating(rng)
    excess = mean - x
    return x, x + excess, excess, excess * rng.uniform(-1.0, 1.0) * 2.0**-53


def _deviating(rng: Rng) -> Point:
    mean = _either(_log_uniform(-290, 290), _log_uniform(-3, 3))(rng)
    return mean * _either(_near(1.0, 0.25, 0.5, 2.0, 4.0), _log_uniform(-6, 6))(rng), mean


def _interval(low: Callable[[Rng], float], width: Callable[[Rng], float]) -> Callable[[Rng], Point]:
    """Ends a < b, in either tail."""

    def sample(rng: Rng) -> Point:
        a = low(rng)
        b = max(a + width(rng), math.nextafter(a, INF))
        return (a, b) if rng.random() < 0.5 else (-b, -a)

    return sample


def _order(rng: Rng) -> float:
    return 0.5 * math.floor(10.0 ** rng.uniform(0.0, 3.6)) - 0.5


def _bessel(rng: Rng) -> Point:
    nu = _order(rng)
    borders = (4.0 * (nu + 1.0) ** 0.5, max(20.0, (nu + 1.0) ** 2), max(20.0, (nu + 2.0) ** 2))
    return nu, _either(_log_uniform(-3, 4), _log_uniform(-150, 15), _near(*borders))(rng)


ANY_POSITIVE = _either(_log_uniform(-300, 300), _log_uniform(-3, 3))
GAUSS_INTERVALS = _interval(
    _either(_uniform(-8, 8), _signed(_log_uniform(-300, 10))), _either(_log_uniform(-16, 1.5), _log_uniform(-1, 1))
)
HALF_LINES = tuple(ends for x in (-30.0, -0.3, 0.0, 0.3, 5.0) for ends in ((-INF, x), (x, INF)))
GAUSS_POINTS = (
    *HALF_LINES,
    (-1e-300, 1e-200),
    (0.0, 1e-300),
    (0.0, 2.0**0.5),
    (-1.0, 1.0),
    (1e10, 1e10 + 2e-6),
    (-1e10, -5e9),
)
LOGIT_ENDS = (1e-5, -1e-5, 1.0, -1.0, 1e308, -1e308, 5e-320, 2.0, -2.0, 745.0, -745.0)


@dataclass(frozen=True)
class Special:
    """A kernel, its truth in balls, a sampler and hand-picked points; and the size of what cancels."""

    kernel: Callable[..., float]
    truth: Callable[..., arb]
    sample: Callable[[Rng], Point]
    points: tuple[Point, ...] = ()
    terms: Callable[..., float] = lambda *point: 0.0

    def __str__(self) -> str:
        return self.kernel.__name__


SPECIAL = (
    Special(
        gamma.log_gamma,
        lambda x: x.lgamma(),
        _columns(_either(ANY_POSITIVE, _near(1.0, 2.0))),
        ((1.0,), (2.0,), (1e300,)),
    ),
    Special(
        gamma.stirling_error,
        _stirling_error,
        _columns(_either(_log_uniform(-300, 15), _uniform(0, 12), _near(0.15, 1.0, 10.0))),
        ((1e-300,), (0.15,), (1.0,), (10.0,)),
    ),
    Special(
        gamma.stirling_error_from_one,
        _stirling_error,
        _columns(_either(_log_uniform(0, 15), _uniform(1, 12), _near(1.0, 4.0))),
        ((1.0,), (4.0,), (1e300,)),
    ),
    Special(
        gamma.log_gamma_of_one_plus,
        lambda x: (1 + x).lgamma(),
        _columns(_either(_uniform(0, 1), _log_uniform(-300, 0), lambda rng: 1.0 - float(rng.random()) * 1e-9)),
        ((1.0,), (5e-324,)),
    ),
    Special(
        gamma.deviance_from_excess,
        lambda x, _mean, excess, lost: x * (x / (x + excess + lost)).log() + excess + lost,
        _exceeding,
        ((1e15, 1e15, 1e-10, 1e-27), (1.0, 2.0, 1.0, 0.0), (4.0, 1.0, -3.0, 1e-16), (1.0, 4.0, 3.0, -1e-16)),
    ),
    Special(
        gamma.deviance,
        lambda x, mean: x * (x / mean).log() + mean - x,
        _deviating,
        ((1e-300, 1e300), (1e300, 1e-300), (1.0, 1.0 + 2.0**-52), (4.0, 1.0), (1.0, 4.0)),
    ),
    Special(
        gamma.log_root,
        lambda x, top, bottom, more: (2 * arb.pi() * x * top / bottom).log() / 2 + more,
        _columns(_log_uniform(0, 15), _log_uniform(0, 15), _log_uniform(-15, 0), _uniform(0, 0.1)),
        ((1.0, 1.0, 1.0, 0.0), (1.0, 1.0, 2.0, 0.1), (7.0, 3.0, 10.0, 0.03), (1e15, 1e300, 1e300, 1e-17)),
    ),
    Special(
        gamma.log_beta,
        lambda a, b: a.lgamma() + b.lgamma() - (a + b).lgamma(),
        _columns(_either(ANY_POSITIVE, _near(1.0, 10.0)), _either(ANY_POSITIVE, _near(1.0, 10.0))),
        ((1.0, 1.0), (1e-300, 1e-300), (1e300, 1e300), (1e-300, 1e300), (1.0, 1.0 + 2.0**-52)),
        lambda *point: 1.0,
    ),
    Special(
        gamma.log_gamma_step,
        lambda x, h: (x + h).lgamma() - x.lgamma(),
        _columns(
            _either(ANY_POSITIVE, _near(1.0, 10.0)), _either(ANY_POSITIVE, lambda rng: 0.5, _log_uniform(-20, 15))
        ),
        ((1.0, 1.0), (2.0, 1.0), (1e15, 0.5), (1e-3, 1e15), (1e-300, 1e-300), (3.5, 1e-300)),
        lambda x, h: math.log1p(min(h / x, 1e308)) if x < 2.0 else 0.0,
    ),
    Special(
        gamma.digamma,
        lambda x: x.digamma(),
        _columns(_either(ANY_POSITIVE, _near(gamma.DIGAMMA_ROOT, 1.0, 2.2, 10.0))),
        ((gamma.DIGAMMA_ROOT,), (math.nextafter(gamma.DIGAMMA_ROOT, INF),), (1e300,)),
    ),
    Special(
        gamma.log_minus_digamma,
        lambda x: x.log() - x.digamma(),
        _columns(_either(_log_uniform(0, 150), _log_uniform(0, 2))),
        ((1.0,), (9.999999999999998,), (10.0,), (1e300,)),
    ),
    Special(
        gamma.digamma_step,
        lambda x, h: (x + h).digamma() - x.digamma(),
        _columns(
            _either(_log_uniform(-100, 150), _uniform(0, 12)), _either(_log_uniform(-150, 150), _log_uniform(-20, 3))
        ),
        ((1.0, 1.0), (1e15, 0.5), (1e-3, 1e15)),
    ),
    Special(
        gauss.erfcx,
        _erfcx,
        _columns(_either(_uniform(-26.6, 30), _signed(_log_uniform(-300, 1)), _log_uniform(0, 300), _near(0.5, -0.5))),
        ((0.0,), (0.5,), (-0.5,), (1e308,)),
    ),
    Special(
        gauss.log_ndtr,
        _log_ndtr,
        _columns(_either(_uniform(-40, 38.5), lambda rng: -_log_uniform(-300, 150)(rng), _near(0.7, 2.0**-0.5))),
        ((0.0,), (38.48,), (-1e150,)),
    ),
    Special(gauss.log_ndtr_difference, lambda a, b: _mass(a, b).log(), GAUSS_INTERVALS, GAUSS_POINTS),
    Special(gauss.log_ndtr_difference_by_high, lambda a, b: _phi(b) / _mass(a, b), GAUSS_INTERVALS, GAUSS_POINTS),
    Special(gauss.log_ndtr_difference_by_low, lambda a, b: -_phi(a) / _mass(a, b), GAUSS_INTERVALS, GAUSS_POINTS),
    Special(
        logistic.log1mexp,
        _log1mexp,
        _columns(_either(_log_uniform(-300, 2.85), _uniform(0, 2), _near(math.log(2.0)))),
        ((5e-324,), (745.0,)),
    ),
    Special(
        logistic.log_expm1_ratio,
        _log_expm1_ratio,
        _columns(_signed(_either(_log_uniform(-300, 308), _log_uniform(-8, 3), _near(1e-5, 1.0)))),
        tuple((end,) for end in LOGIT_ENDS),
    ),
    Special(
        logistic.continuous_bernoulli_mean,
        lambda x: -1 / (-x).expm1() - 1 / x,
        _columns(_signed(_either(_log_uniform(-300, 15), _log_uniform(-8, 3), _near(1e-5, 2.0)))),
        tuple((end,) for end in LOGIT_ENDS if abs(end) < 1e308),
    ),
    Special(
        logistic.log_sigmoid_difference,
        _log_sigmoid_difference,
        _interval(
            _either(_uniform(-40, 40), _signed(_log_uniform(-10, 3))), _either(_log_uniform(-16, 2.5), _uniform(0, 5))
        ),
        (*HALF_LINES, (-700.0, -699.0), (0.0, 1e-300), (-40.0, 40.0), (1e3, 1e3 + 1e-9)),
    ),
    Special(
        bessel.log_bessel_growth,
        lambda nu, kappa: (kappa * kappa / 4).hypgeom_0f1(nu + 1).log(),
        _bessel,
        ((-0.5, 1e-3), (2000.0, 1e15), (49.5, 60.0), (50.0, 60.0), (0.0, 20.0), (3.3, 7.7)),
    ),
    Special(
        bessel.bessel_ratio,
        lambda nu, kappa: kappa.bessel_i(nu + 1) / kappa.bessel_i(nu),
        _bessel,
        ((-0.5, 19.0), (2000.0, 1e15), (49.5, 60.0), (50.0, 60.0), (0.0, 20.0), (3.3, 7.7)),
    ),
)


@pytest.mark.parametrize("special", SPECIAL, ids=str)
def test_special_functions_keep_every_bit_they_can(special: Special) -> None:
    """Over the whole domain, at the borders of regions and beside zeros, within the budget."""
    rng = np.random.default_rng(20)
    points = [*special.points, *(special.sample(rng) for _ in range(COUNT))]
    truths = np.array([_true(special.truth, point) for point in points])
    actual = Lifted(special.kernel)(*np.array(points).T)
    terms = [special.terms(*point) for point in points]
    errors = ulp_distance(actual, truths[:, 0], "float64", remainder=truths[:, 1], magnitude=terms)
    worst = int(np.argmax(errors))
    budget = BUDGETS[f"special.{special}"]
    assert errors[worst] <= budget.ulps, f"{special}{points[worst]} = {actual[worst]}, truly {truths[worst, 0]}"
    assert budget.of_terms == any(terms)


def test_every_special_function_is_measured() -> None:
    """What the modules export, what the table measures and what has a budget are the same."""
    exported = {name for module in (bessel, gamma, gauss, logistic) for name in module.__all__}
    budgeted = {key.removeprefix("special.") for key in BUDGETS if key.startswith("special.")}
    assert exported == {str(special) for special in SPECIAL} == budgeted


@pytest.mark.parametrize("special", SPECIAL, ids=str)
def test_nan_in_any_argument_stays_nan(special: Special) -> None:
    """No comparison swallows a NaN, whatever the other argument."""
    arity = special.kernel.__code__.co_argcount
    for at in range(arity):
        for other in (0.0, 1.0, -3.0, INF):
            arguments: list[Any] = [math.nan if k == at else other for k in range(arity)]
            assert np.isnan(Lifted(special.kernel)(*arguments)), arguments


LIMITS: tuple[tuple[Callable[..., float], Point, float], ...] = (
    (gamma.log_gamma, (INF,), INF),
    (gamma.stirling_error, (0.0,), INF),
    (gamma.stirling_error, (INF,), 0.0),
    (gamma.deviance, (0.0, 3.0), 3.0),
    (gamma.deviance, (3.0, 3.0), 0.0),
    (gamma.deviance, (3.0, INF), INF),
    (gamma.deviance, (INF, 3.0), INF),
    (gamma.log_beta, (0.0, 1.0), INF),
    (gamma.log_beta, (1.0, INF), -INF),
    (gamma.log_gamma_step, (3.0, 0.0), 0.0),
    (gamma.log_gamma_step, (3.0, INF), INF),
    (gamma.log_gamma_step, (0.0, 3.0), -INF),
    (gamma.digamma, (0.0,), -INF),
    (gamma.digamma, (INF,), INF),
    (gamma.digamma_step, (3.0, 0.0), 0.0),
    (gamma.digamma_step, (INF, 3.0), 0.0),
    (gamma.digamma_step, (3.0, INF), INF),
    (gauss.erfcx, (INF,), 0.0),
    (gauss.erfcx, (-INF,), INF),
    (gauss.log_ndtr, (INF,), 0.0),
    (gauss.log_ndtr, (-INF,), -INF),
    (gauss.log_ndtr_difference, (-INF, INF), 0.0),
    (gauss.log_ndtr_difference, (1.0, 1.0), -INF),
    (gauss.log_ndtr_difference, (2.0, 1.0), math.nan),
    (gauss.log_ndtr_difference, (1e200, INF), -INF),
    (gauss.log_ndtr_difference_by_high, (-INF, INF), 0.0),
    (gauss.log_ndtr_difference_by_high, (3.0, INF), 0.0),
    (gauss.log_ndtr_difference_by_low, (-INF, 3.0), 0.0),
    (logistic.log1mexp, (0.0,), -INF),
    (logistic.log1mexp, (INF,), 0.0),
    (logistic.log_expm1_ratio, (0.0,), 0.0),
    (logistic.log_expm1_ratio, (INF,), INF),
    (logistic.log_expm1_ratio, (-INF,), -INF),
    (logistic.continuous_bernoulli_mean, (0.0,), 0.5),
    (logistic.continuous_bernoulli_mean, (INF,), 1.0),
    (logistic.continuous_bernoulli_mean, (-INF,), 0.0),
    (logistic.log_sigmoid_difference, (-INF, INF), 0.0),
    (logistic.log_sigmoid_difference, (1.0, 1.0), -INF),
    (logistic.log_sigmoid_difference, (2.0, 1.0), math.nan),
    (bessel.log_bessel_growth, (3.0, 0.0), 0.0),
    (bessel.log_bessel_growth, (3.0, INF), INF),
    (bessel.bessel_ratio, (3.0, 0.0), 0.0),
    (bessel.bessel_ratio, (3.0, INF), 1.0),
)


@pytest.mark.parametrize(("kernel", "point", "limit"), LIMITS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_limits_are_reached(kernel: Callable[..., float], point: Point, limit: float) -> None:
    """Ends of the domain give the limit, and an interval turned round gives NaN."""
    assert ulp_distance(Lifted(kernel)(*point), limit, "float64") == 0.0
