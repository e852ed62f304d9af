"""Exact answers of models, each against a second route; and the checks themselves against planted faults."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from elbocheck import enclosure, precision
from elbocheck.domain import REAL
from elbocheck.enclosure import Ball, Balls, Enclosure, enclose, integrate, trapezoid
from elbocheck.enclosure.balls import working
from elbocheck.errors import OracleError, ParameterError
from elbocheck.estimators import (
    BernoulliLogit,
    BetaBernoulli,
    GammaPoisson,
    LinearGaussian,
    arguments,
    bernoulli_logit,
    beta_bernoulli,
    condensed,
    gamma_poisson,
    iwae,
    linear_gaussian,
    several,
)
from elbocheck.oracle import exact, require_overlap
from elbocheck.tails import LogConcave

INF = math.inf
DIGITS = 30
STEPS = (-8, -4, -2, -1, 0, 1, 2, 4, 8)


# --- What is compared: two enclosures of one number, known well enough to tell. ---


def same(one: Enclosure, other: Enclosure, digits: float = DIGITS) -> None:
    """Raise unless both are known to the digits and can be the same number."""
    assert min(one.digits, other.digits) >= digits, (str(one), str(other))
    require_overlap("test", "one", one, "other", other)


def plus(*parts: Enclosure) -> Enclosure:
    """The sum."""
    return enclosure.total(parts)


def minus(one: Enclosure, other: Enclosure) -> Enclosure:
    """The difference."""
    return enclosure.total([one, enclosure.negative(other)])


def scaled(one: Enclosure, factor: float) -> Enclosure:
    """A multiple."""
    return enclose(lambda m: Ball(one.ball, m) * m.exact(factor), 1, floor=1.0)


def mpmath_ball(number: precision.Certified) -> Enclosure:
    """What mpmath found, as a ball."""
    return enclosure.from_exact(*number.exact(), number.how)


# --- The linear-Gaussian model. ---

SHAPES = ((1, 1), (3, 1), (2, 4), (6, 3))


def gaussian(size: int, latents: int) -> tuple[LinearGaussian, np.ndarray, np.ndarray, np.ndarray]:
    """A model, an observation, and loc and scale of a posterior."""
    local = np.random.default_rng(size)
    model = LinearGaussian(local.normal(size=(size, latents)), local.normal(size=size), local.uniform(0.2, 2, size))
    return model, local.normal(size=size), local.normal(size=latents), local.uniform(0.1, 2, latents)


def dense(m: Any, model: LinearGaussian, x: Any) -> tuple[Any, Any]:
    """The D x D covariance of x, and x - b."""
    weights, wide = exact(m, model.weights), exact(m, model.scale)
    rows = [
        [condensed.dot(one, two) + (wide[i] ** 2 if i == j else 0) for j, two in enumerate(weights)]
        for i, one in enumerate(weights)
    ]
    return rows, [m.exact(at) - m.exact(b) for at, b in zip(x, model.bias, strict=True)]


def dense_evidence(m: Any, model: LinearGaussian, x: Any) -> Any:
    """The log density of N(b, W W' + diag(scale**2))."""
    rows, away = dense(m, model, x)
    return -(condensed.dot(away, m.solve(rows, away)) + m.log_det(rows) + len(away) * m.log(2 * m.pi)) / 2


@pytest.mark.parametrize("shape", SHAPES)
def test_gaussian_evidence_is_that_of_the_dense_covariance(shape: tuple[int, int]) -> None:
    """By balls and by mpmath's LU decomposition."""
    model, x, _, _ = gaussian(*shape)
    point = x.tolist()
    found = model.log_evidence(x)
    same(found, enclose(lambda m: dense_evidence(m, model, point), DIGITS))
    same(found, mpmath_ball(precision.agree(lambda ctx: dense_evidence(ctx, model, point), DIGITS)))


@pytest.mark.parametrize("shape", SHAPES)
def test_gaussian_posterior_is_that_of_the_dense_covariance(shape: tuple[int, int]) -> None:
    """Mean W' C^-1 (x - b), covariance I - W' C^-1 W."""
    model, x, _, _ = gaussian(*shape)
    found = model.posterior(x)

    def entry(m: Any, i: int, j: int | None) -> Any:
        rows, away = dense(m, model, x.tolist())
        columns = list(zip(*exact(m, model.weights), strict=True))
        if j is None:
            return condensed.dot(columns[i], m.solve(rows, away))
        return int(i == j) - condensed.dot(columns[i], m.solve(rows, columns[j]))

    for i in range(shape[1]):
        same(found.loc[i], enclose(lambda m, i=i: entry(m, i, None), DIGITS))
        for j in range(shape[1]):
            same(found.covariance[i][j], enclose(lambda m, i=i, j=j: entry(m, i, j), DIGITS))


def gaussian_elbo_and_gap_make_the_evidence() -> None:
    """ELBO + KL(q || posterior) = log p(x), for both kinds of q, and the gap is not negative."""
    for shape in SHAPES:
        model, x, loc, scale = gaussian(*shape)
        root = np.round(64 * np.random.default_rng(1).normal(size=(shape[1], shape[1]))) / 64
        for q in ({"scale": scale}, {"covariance": root @ root.T + np.eye(shape[1])}):
            elbo, gap = model.elbo(x, loc, **q), model.gap(x, loc, **q)
            assert gap.ball > 0
            same(plus(elbo, gap), model.log_evidence(x))


def test_gaussian_elbo_and_gap_make_the_evidence() -> None:
    """See the function."""
    gaussian_elbo_and_gap_make_the_evidence()


def test_a_diagonal_covariance_is_a_scale() -> None:
    """The two ways to give q, with squares that floats hold."""
    model, x, loc, _ = gaussian(2, 4)
    scale = np.array([0.5, 1.0, 2.0, 0.25])
    same(model.elbo(x, loc, scale), model.elbo(x, loc, covariance=np.diag(scale**2)))


def test_the_posterior_has_no_gap() -> None:
    """M = 4 and v = 2: the posterior N(1/2, 1/4) in floats; every bound is the evidence."""
    model, x = LinearGaussian([[1.0], [1.0], [1.0]], [0.0, 0.0, 0.0], 1.0), [1.0, 0.5, 0.5]
    assert model.gap(x, [0.5], [0.5]).small(several.NEGLIGIBLE)
    same(model.elbo(x, [0.5], [0.5]), model.log_evidence(x))
    for bound in model.iwae(x, [0.5], [0.5], (1, 2, 100)):
        same(bound, model.log_evidence(x), 25)


# --- Conjugate models: quadrature of the joint density. ---


def _logit_breaks(m: Any) -> list[Any]:
    return [-INF, *(m.exact(step) for step in STEPS), INF]


def _beta_part(a: float, b: float, zeros: int, ones: int, mean_of: Any = None) -> Enclosure:
    """The integral of theta**(a - 1 + ones) (1 - theta)**(b - 1 + zeros), times a function, over t = logit theta."""

    def integrand(m: Any, t: Any) -> Any:
        log_theta, log_rest = -m.softplus(-t), -m.softplus(t)
        value = m.exp((m.exact(a) + ones) * log_theta + (m.exact(b) + zeros) * log_rest)
        return value if mean_of is None else value * mean_of(m, log_theta, log_rest)

    return integrate(integrand, _logit_breaks, DIGITS + 5, LogConcave())[0]


@pytest.mark.parametrize(("a", "b", "c", "d"), [(1.0, 1.0, 2.5, 1.5), (0.3, 2.0, 3.0, 4.0), (5.0, 0.7, 7.0, 2.5)])
def test_beta_bernoulli_is_the_quadrature_of_its_joint_density(a: float, b: float, c: float, d: float) -> None:
    """Evidence, and ELBO as the mean of log p(x, theta) - log q(theta)."""
    x, model = [1, 0, 1, 1, 0], BetaBernoulli(a, b)
    prior, q = _beta_part(a, b, 0, 0), _beta_part(c, d, 0, 0)
    same(model.log_evidence(x), minus(enclosure.log(_beta_part(a, b, 2, 3)), enclosure.log(prior)))

    def log_ratio(m: Any, log_theta: Any, log_rest: Any) -> Any:
        a1, b1, c1, d1 = map(m.exact, (a, b, c, d))
        return (a1 + 3 - c1) * log_theta + (b1 + 2 - d1) * log_rest

    mean = enclosure.quotient(_beta_part(c, d, 0, 0, log_ratio), q)
    elbo = model.elbo(x, c, d)
    same(elbo, plus(mean, enclosure.log(q), enclosure.negative(enclosure.log(prior))))
    same(plus(elbo, model.gap(x, c, d)), model.log_evidence(x))
    assert model.gap(x, c, d).ball > 0


def test_the_order_of_draws_and_the_posterior() -> None:
    """Uniform prior: k ones among n have mass 1/((n + 1) binomial(n, k)); at the posterior there is no gap."""
    same(BetaBernoulli(1, 1).log_evidence([1, 0, 0]), enclose(lambda m: -m.log(m.exact(12)), DIGITS))
    model, x = BetaBernoulli(0.5, 2), [1, 1, 0]
    assert [float(one.ball) for one in model.posterior(x)] == [2.5, 3.0]
    assert model.gap(x, 2.5, 3.0).small(several.NEGLIGIBLE)


@pytest.mark.parametrize(("a", "b", "c", "d"), [(1.0, 1.0, 6.0, 3.5), (0.375, 2.0, 3.0, 4.0), (9.0, 0.5, 14.0, 3.0)])
def test_gamma_poisson_is_the_quadrature_of_its_joint_density(a: float, b: float, c: float, d: float) -> None:
    """Evidence and ELBO over t = log rate."""
    x, model = [2, 0, 3], GammaPoisson(a, b)

    def part(shape: float, rate: float, more: int, count: int, mean_of: Any = None) -> Enclosure:
        def integrand(m: Any, t: Any) -> Any:
            value = m.exp((m.exact(shape) + more) * t - (m.exact(rate) + count) * m.exp(t))
            return value if mean_of is None else value * mean_of(m, t)

        return integrate(integrand, _logit_breaks, DIGITS + 5, LogConcave())[0]

    def log_ratio(m: Any, t: Any) -> Any:
        a1, b1, c1, d1 = map(m.exact, (a, b, c, d))
        return (a1 + 5 - c1) * t - (b1 + 3 - d1) * m.exp(t)

    prior, q = part(a, b, 0, 0), part(c, d, 0, 0)
    factorials = enclose(lambda m: -m.log(m.exact(2 * 6)), DIGITS + 5)
    joint = plus(enclosure.log(part(a, b, 5, 3)), factorials)
    same(model.log_evidence(x), minus(joint, enclosure.log(prior)))
    mean = plus(enclosure.quotient(part(c, d, 0, 0, log_ratio), q), factorials)
    same(model.elbo(x, c, d), plus(mean, enclosure.log(q), enclosure.negative(enclosure.log(prior))))
    same(plus(model.elbo(x, c, d), model.gap(x, c, d)), model.log_evidence(x))
    assert [float(one.ball) for one in model.posterior(x)] == [a + 5, b + 3]
    assert model.gap(x, a + 5, b + 3).small(several.NEGLIGIBLE)


# --- The Bernoulli decoder. ---


def normal_mean(m: Any, u: Any, value: Any) -> Any:
    """A value times the standard normal density."""
    return value * m.exp(-u * u / 2) / m.sqrt(2 * m.pi)


def logit_means_are_panels_of_gauss_legendre(loc: float, scale: float) -> None:
    """E softplus, E sigmoid and E sigmoid' = E u sigmoid / scale."""
    found = enclosure_of_means(loc, scale)
    marks = sorted({*map(float, STEPS), *(k - loc / scale for k in (-4 / scale, 0.0, 4 / scale))})
    functions = (
        lambda m, t, u: m.softplus(t),
        lambda m, t, u: m.sigmoid(t),
        lambda m, t, u: m.sigmoid(t) * m.sigmoid(-t),
    )
    for one, function in zip(found, functions, strict=True):

        def integrand(m: Any, u: Any, function: Any = function) -> Any:
            return normal_mean(m, u, function(m, m.exact(loc) + m.exact(scale) * u, u))

        other = integrate(integrand, lambda m: [-INF, *map(m.exact, marks), INF], DIGITS, LogConcave())[0]
        same(one, other)


def enclosure_of_means(loc: float, scale: float) -> list[Enclosure]:
    """The three means by the lattice."""
    return several.enclose_all(
        lambda m: trapezoid.normal_means_of_softplus(m, m.exact(loc), m.exact(scale)), DIGITS, floor=0.0
    )


@pytest.mark.parametrize(
    ("loc", "scale"), [(0.3, 1.0), (-3.0, 0.125), (40.0, 1.5), (-60.0, 1.0), (2.0, 12.0), (0.0, 300.0)]
)
def test_logit_means_are_panels_of_gauss_legendre(loc: float, scale: float) -> None:
    """Narrow, wide and far; 300 is past the lattice."""
    logit_means_are_panels_of_gauss_legendre(loc, scale)


def test_a_logit_without_spread_is_a_point() -> None:
    """Scale 0: the functions themselves."""
    softplus, sigmoid, slope = enclosure_of_means(1.5, 0.0)
    same(softplus, enclose(lambda m: m.softplus(m.exact(1.5)), DIGITS))
    same(sigmoid, enclose(lambda m: m.sigmoid(m.exact(1.5)), DIGITS))
    same(slope, enclose(lambda m: m.sigmoid(m.exact(1.5)) * m.sigmoid(m.exact(-1.5)), DIGITS))


def test_lattice_and_panels_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scale by both ways that the library has."""
    lattice = enclosure_of_means(-7.0, 20.0)
    monkeypatch.setattr(trapezoid, "WIDE", 10)
    for one, other in zip(lattice, enclosure_of_means(-7.0, 20.0), strict=True):
        same(one, other)


def test_mpmath_agrees_on_a_mean() -> None:
    """E sigmoid'(t) = E u sigmoid(t)/scale (Stein), by two rules of mpmath."""

    def integrand(ctx: Any, u: Any) -> Any:
        return normal_mean(ctx, u, u * ctx.sigmoid(ctx.exact(0.25) + u * 2) / 2)

    seen = precision.integrate(integrand, lambda ctx: [-INF, *map(ctx.exact, STEPS), INF], 20, LogConcave())
    same(enclosure_of_means(0.25, 2.0)[2], mpmath_ball(seen), 20)


def decoder(size: int, latents: int) -> tuple[BernoulliLogit, np.ndarray, np.ndarray, np.ndarray]:
    """A decoder, an observation, and loc and scale of a posterior."""
    local = np.random.default_rng(size + latents)
    model = BernoulliLogit(local.normal(size=(size, latents)), local.normal(size=size))
    return model, local.integers(0, 2, size), local.normal(size=latents), local.uniform(0.3, 1.5, latents)


@pytest.mark.parametrize("latents", [1, 2])
def test_the_elbo_is_below_the_evidence(latents: int) -> None:
    """By more than either is uncertain."""
    model, x, loc, scale = decoder(5, latents)
    assert model.elbo(x, loc, scale).ball < model.log_evidence(x).ball


def test_the_elbo_in_one_dimension_is_the_mean_of_the_log_ratio() -> None:
    """One quadrature of q log(p/q), not term by term."""
    model, x, loc, scale = decoder(3, 1)
    signs = [1 if one else -1 for one in x]

    def integrand(m: Any, u: Any) -> Any:
        s = m.exact(float(scale[0]))
        z = m.exact(float(loc[0])) + s * u
        logits = [
            (w[0] * z + b) * sign
            for w, b, sign in zip(exact(m, model.weights), exact(m, model.bias), signs, strict=True)
        ]
        return normal_mean(m, u, condensed.total(-m.softplus(-t) for t in logits) + (u * u - z * z) / 2 + m.log(s))

    ball = integrate(integrand, lambda m: [-INF, *map(m.exact, STEPS), INF], DIGITS, LogConcave())[0]
    same(model.elbo(x, loc, scale), ball)


def the_gradient_is_the_slope_of_the_elbo(latents: int = 2) -> None:
    """Central differences of the ELBO in every argument, at 70 digits."""
    model, x, loc, scale = decoder(3, latents)
    given = {"loc": loc, "scale": scale, "weights": np.array(model.weights), "bias": np.array(model.bias)}
    coarse = {name: np.round(2**20 * value) / 2**20 for name, value in given.items()}  # so that steps are exact

    def elbo(values: dict[str, np.ndarray]) -> Enclosure:
        return BernoulliLogit(values["weights"], values["bias"]).elbo(x, values["loc"], values["scale"], 70)

    found = BernoulliLogit(coarse["weights"], coarse["bias"]).elbo_grad(x, coarse["loc"], coarse["scale"])
    step = 2.0**-30
    for name, value in coarse.items():
        for at in np.ndindex(value.shape):

            def moved(by: float, name: str = name, at: Any = at) -> Enclosure:
                shifted = {key: array.copy() for key, array in coarse.items()}
                shifted[name][at] += by
                return elbo(shifted)

            first, second = (scaled(minus(moved(h), moved(-h)), 0.5 / h) for h in (step, 2 * step))
            gap = (
                first.ball - second.ball
            ).abs_upper()  # four times the error less the error: three times what first has
            one = found[name][at[0]] if len(at) == 1 else found[name][at[0]][at[1]]
            assert one.digits >= DIGITS
            assert abs(one.ball - first.ball) <= gap


def test_the_gradient_is_the_slope_of_the_elbo() -> None:
    """See the function."""
    the_gradient_is_the_slope_of_the_elbo()


def test_a_latent_without_weight_has_the_gradient_of_the_prior() -> None:
    """No logit moves: d/dloc = -loc, d/dscale = 1/scale - scale; nothing is divided by the spread."""
    found = BernoulliLogit([[0.0]], [0.5]).elbo_grad([1], [0.25], [2.0])
    assert float(found["loc"][0].ball) == -0.25
    assert float(found["scale"][0].ball) == -1.5


def evidence_is_the_quadrature_of_the_joint_density() -> None:
    """One latent: panels over z; two latents with parallel weights are one."""
    slopes, bias, x = [0.25, -0.125, 0.5, 0.0], [0.25, 1.0, -2.0, 0.75], [1, 0, 0, 1]

    def integrand(m: Any, z: Any) -> Any:
        value = m.exact(1)
        for w, b, one in zip(slopes, bias, x, strict=True):
            value = value * m.sigmoid((m.exact(w) * z * 5 + m.exact(b)) * (1 if one else -1))
        return normal_mean(m, z, value)

    marks = [-INF, -8, -4, -2, -1, -0.5, 0, 0.5, 1, 2, 4, 8, INF]
    truth = enclosure.log(
        integrate(integrand, lambda m: [t if abs(t) == INF else m.exact(t) for t in marks], 35, LogConcave())[0]
    )
    same(BernoulliLogit([[5 * w] for w in slopes], bias).log_evidence(x), truth)
    same(BernoulliLogit([[3 * w, 4 * w] for w in slopes], bias).log_evidence(x), truth)


def test_evidence_is_the_quadrature_of_the_joint_density() -> None:
    """See the function."""
    evidence_is_the_quadrature_of_the_joint_density()


def test_evidence_of_separate_latents_factors() -> None:
    """Each dimension hangs on one latent; without a bias one dimension has the mass 1/2."""
    both = BernoulliLogit([[1.5, 0.0], [-0.75, 0.0], [0.0, 2.0]], [0.5, 0.25, 0.0]).log_evidence([1, 1, 0])
    first = BernoulliLogit([[1.5], [-0.75]], [0.5, 0.25]).log_evidence([1, 1])
    same(both, plus(first, enclose(lambda m: -m.log(m.exact(2)), DIGITS)))


def test_masses_of_all_observations_sum_to_one() -> None:
    """Two dimensions, two latents, four observations."""
    model = BernoulliLogit([[1.0, -0.5], [0.75, 2.0]], [0.25, -1.0])
    parts = [model.log_evidence([i, j]) for i in (0, 1) for j in (0, 1)]
    mass = enclose(lambda m: condensed.total(m.exp(Ball(part.ball, m)) for part in parts), 29)
    same(mass, enclose(lambda m: m.exact(1), DIGITS), 29)


def test_a_rare_observation_has_its_digits() -> None:
    """The error is relative to an evidence of e**-3000."""
    model = BernoulliLogit([[0.25]] * 60, [-50.0] * 60)
    assert model.log_evidence([1] * 60).digits >= DIGITS
    assert float(model.log_evidence([1] * 60).ball) < -2000


# --- Importance-weighted bounds. ---


def tensor_bound(model: BernoulliLogit, x: Any, loc: float, scale: float, count: int) -> float:
    """IWAE_2 or IWAE_3 by a sum over all pairs or triples of nodes, in float64."""
    u = np.arange(-36, 37) / 4.5
    z = loc + scale * u
    logits = (2 * np.asarray(x) - 1) * (z[:, None] * np.array(model.weights)[:, 0] + np.array(model.bias))
    weight = np.exp((u * u - z * z) / 2 + np.log(scale) - np.logaddexp(0, -logits).sum(1))
    mass = np.exp(-u * u / 2) / math.sqrt(2 * math.pi) / 4.5
    sums, masses = weight, mass
    for _ in range(count - 1):
        sums, masses = sums[..., None] + weight, masses[..., None] * mass
    return float((masses * np.log(sums / count)).sum())


def bounds_are_those_of_tensor_sums() -> None:
    """K = 2 and 3, to the accuracy of float64 sums."""
    model, x, loc, scale = BernoulliLogit([[1.25], [-0.75], [0.5]], [0.0, -0.25, 0.5]), [1, 0, 1], 0.75, 0.625
    found = model.iwae(x, [loc], [scale], (2, 3))
    for count, bound in zip((2, 3), found, strict=True):
        assert abs(float(bound.ball) - tensor_bound(model, x, loc, scale, count)) < 2.0**-42


def test_bounds_are_those_of_tensor_sums() -> None:
    """See the function."""
    bounds_are_those_of_tensor_sums()


@pytest.mark.parametrize("scale", [0.5, 1.125])
def test_bounds_rise_from_the_elbo_to_the_evidence(scale: float) -> None:
    """K = 1 is the ELBO, each K is above the one before, all are below log p(x); q narrower and wider than it should be."""
    counts = (1, 2, 3, 5, 10, 50, 1000) if scale < 1 else (1, 2, 1000)
    for model, x in (
        (BernoulliLogit([[1.25], [-0.75]], [0.0, -0.25]), [1, 0]),
        (LinearGaussian([[1.25], [0.5]], [0.0, 0.25], [0.75, 1.5]), [0.5, -1.0]),
    ):
        found = model.iwae(x, [0.25], [scale], counts)
        assert min(bound.digits for bound in found) >= 25
        same(found[0], model.elbo(x, [0.25], [scale]), 25)
        rising = [*found, model.log_evidence(x)]
        assert all(low.ball < high.ball for low, high in pairwise(rising))


def test_samples_come_back_in_their_order() -> None:
    """Unsorted and repeated numbers of samples."""
    model = LinearGaussian([[1.0]], [0.0], 1.0)
    five, two, again = model.iwae([0.5], [0.25], [0.75], (5, 2, 5), 10)
    assert two.ball < five.ball
    assert five == again


# --- Arguments. ---


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: LinearGaussian([1.0], [0.0], 1.0), r"weights must have shape \('any', 'any'\), got \(1,\)"),
        (lambda: LinearGaussian([[1.0]], [0.0, 1.0], 1.0), r"bias must have shape \(1,\), got \(2,\)"),
        (lambda: LinearGaussian([[1.0]], [0.0], 0.0), "scale must be > 0, got 0.0"),
        (lambda: LinearGaussian([[math.nan]], [0.0], 1.0), "weights must be in .* got nan"),
        (lambda: LinearGaussian([["a"]], [0.0], 1.0), "weights must be an array of numbers, got"),
        (lambda: LinearGaussian([[2**53 + 1]], [0.0], 1.0), "weights must be numbers that float64 holds exactly, got"),
        (lambda: LinearGaussian([[1.0]], [0.0], 1.0).elbo([0.0], [0.0]), "give scale or covariance, got scale=None"),
        (lambda: LinearGaussian([[1.0]], [0.0], 1.0).elbo([0.0], [0.0], [-1.0]), "scale must be > 0, got -1.0"),
        (
            lambda: LinearGaussian([[1.0, 0.0]], [0.0], 1.0).elbo(
                [0.0], [0.0, 0.0], covariance=[[1.0, 0.5], [0.25, 1.0]]
            ),
            r"covariance must be symmetric, got 0.25 at \[1, 0\] and 0.5 at \[0, 1\]",
        ),
        (
            lambda: LinearGaussian([[1.0, 0.0]], [0.0], 1.0).gap(
                [0.0], [0.0, 0.0], covariance=[[1.0, 2.0], [2.0, 4.0]]
            ),
            "covariance must be positive definite, got the pivot 0.0 in row 1",
        ),
        (
            lambda: LinearGaussian([[1.0, 0.0]], [0.0], 1.0).iwae([0.0], [0.0, 0.0], [1.0, 1.0]),
            "iwae takes one latent, got 2",
        ),
        (lambda: BernoulliLogit([[1.0]], [0.0]).elbo([0.5], [0.0], [1.0]), "x must be 0 or 1, got 0.5"),
        (
            lambda: BernoulliLogit([[1.0]], [0.0]).elbo([1], [0.0], [1.0], 0),
            "digits must be a whole number from 1 to 1000, got 0",
        ),
        (lambda: BernoulliLogit([[1.0] * 3], [0.0]).log_evidence([1]), "log_evidence takes up to 2 latents, got 3"),
        (
            lambda: BernoulliLogit([[1.0]], [0.0]).iwae([1], [0.0], [1.0], (2, 0)),
            "samples must be whole numbers above 0, got 0",
        ),
        (
            lambda: BernoulliLogit([[1.0]], [0.0]).iwae([1], [0.0], [1.0], ()),
            r"samples must name at least one number, got \(\)",
        ),
        (lambda: BetaBernoulli(0.0, 1.0), "beta_bernoulli: a must be > 0, got 0.0"),
        (lambda: BetaBernoulli(1.0, 1.0).elbo([2], 1.0, 1.0), "x must be 0 or 1, got 2.0"),
        (lambda: BetaBernoulli(1.0, 1.0).gap([1], 1.0, -1.0), "d must be > 0, got -1.0"),
        (lambda: GammaPoisson(1.0, 1.0).log_evidence([1.5]), "x must be an integer >= 0, got 1.5"),
        (lambda: GammaPoisson(1.0, 1.0).log_evidence([]), r"x must have shape \('any',\), got \(0,\)"),
    ],
)
def test_a_bad_argument_is_shown(call: Callable[[], Any], text: str) -> None:
    """The message names the argument and its value."""
    with pytest.raises(ParameterError, match=text):
        call()


def test_what_would_take_too_long_is_an_error() -> None:
    """Instead of a number after minutes."""
    with pytest.raises(OracleError, match="a weight of size 1e\\+09 asks for more than"):
        BernoulliLogit([[1e9]], [0.0]).log_evidence([1])


def test_models_are_values() -> None:
    """Equal and hashable, whatever they were built from."""
    assert BernoulliLogit(np.ones((2, 1)), np.zeros(2)) == BernoulliLogit([[1], [1]], [0, 0])
    assert len({LinearGaussian([[1.0]], [0.0], 1.0), LinearGaussian([[1.0]], [0.0], [1.0])}) == 1
    assert arguments.read("test", "x", np.float32([0.1]), (1,), REAL) == (float(np.float32(0.1)),)


# --- Planted faults: the checks above see them. ---


def test_a_lattice_too_coarse_for_its_claim_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The step doubled, the claimed error kept."""
    laid = trapezoid._lattice

    def coarse(scale: float) -> tuple[int, float]:
        per_unit, height = laid(scale)
        return per_unit // 2, height

    monkeypatch.setattr(trapezoid, "_lattice", coarse)
    monkeypatch.setattr(trapezoid, "strip_error", lambda size, height, step: size * 0)
    with pytest.raises(OracleError, match="exclude each other"):
        logit_means_are_panels_of_gauss_legendre(0.3, 1.0)


def test_a_coarse_lattice_is_wide_but_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the step doubled the error that is claimed grows with it, and still covers the truth."""
    truth = enclosure_of_means(0.3, 1.0)
    laid = trapezoid._lattice
    monkeypatch.setattr(trapezoid, "_lattice", lambda scale: (laid(scale)[0] // 2, laid(scale)[1]))
    with working(160):
        m = Balls()
        for ball, known in zip(trapezoid.normal_means_of_softplus(m, m.exact(0.3), m.exact(1.0)), truth, strict=True):
            assert ball.raw.contains(known.ball.mid())
            assert ball.raw.rad() > known.ball.rad()


def test_a_missing_tail_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last fifth of the nodes left out, what lies beyond still claimed to be next to nothing."""
    laid = trapezoid._weights

    def cut(per_unit: int, bits: int) -> tuple[list[Any], Any]:
        weights, beyond = laid(per_unit, bits)
        return weights[: len(weights) * 4 // 5], beyond

    monkeypatch.setattr(trapezoid, "_weights", cut)
    with pytest.raises(OracleError, match="exclude each other"):
        logit_means_are_panels_of_gauss_legendre(0.3, 1.0)


def test_a_strip_past_the_poles_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lattice laid as if the logistic functions were entire."""
    monkeypatch.setattr(trapezoid, "ANGLE", 9.0)
    with pytest.raises(OracleError, match="exclude each other"):
        logit_means_are_panels_of_gauss_legendre(2.0, 12.0)


def test_a_divergence_of_the_wrong_sign_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """ELBO + KL is no longer the evidence, and the gap is negative."""
    right = condensed.Condensed.gap
    monkeypatch.setattr(condensed.Condensed, "gap", lambda self, m, loc, covariance: -right(self, m, loc, covariance))
    with pytest.raises(AssertionError):
        gaussian_elbo_and_gap_make_the_evidence()


def test_a_gradient_of_the_wrong_sign_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """E sigmoid with a minus."""
    right = bernoulli_logit.normal_means_of_softplus

    def wrong(m: Any, loc: Any, scale: Any) -> Any:
        softplus, sigmoid, slope = right(m, loc, scale)
        return softplus, -sigmoid, slope

    monkeypatch.setattr(bernoulli_logit, "normal_means_of_softplus", wrong)
    with pytest.raises(AssertionError):
        the_gradient_is_the_slope_of_the_elbo(1)


def test_a_relative_error_left_out_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evidence on every second node, called exact."""
    right = trapezoid._Axis.of

    def coarse(slopes: list[Any]) -> Any:
        axis = right(slopes)
        return trapezoid._Axis(axis.step * 2, [factor**2 for factor in axis.factors], axis.error * 0)

    monkeypatch.setattr(trapezoid._Axis, "of", staticmethod(coarse))
    with pytest.raises(OracleError, match="exclude each other"):
        evidence_is_the_quadrature_of_the_joint_density()


@pytest.mark.parametrize("fault", ["lattice", "weight"])
def test_bounds_that_miss_the_elbo_are_an_error(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Half of the nodes, or a weight without its log scale: the built-in check names both numbers."""
    right = iwae.NormalLaplace.of

    def wrong(m: Any, ratio: Any) -> Any:
        if fault == "weight":
            return right(m, lambda n, u: ratio(n, u) - n.log(n.exact(0.75)))
        whole = right(m, ratio)
        return iwae.NormalLaplace(
            whole.sizes[::2], [2 * weight for weight in whole.weights[::2]], whole.error, whole.least, whole.reach
        )

    monkeypatch.setattr(iwae.NormalLaplace, "of", staticmethod(wrong))
    with pytest.raises(OracleError, match=r"IWAE_1 by Laplace transforms is .* but the ELBO is"):
        LinearGaussian([[1.25]], [0.0], 0.75).iwae([0.5], [0.25], [0.75], (2,), 10)


@pytest.mark.parametrize(
    "module", [beta_bernoulli, gamma_poisson, linear_gaussian, bernoulli_logit, several, arguments, iwae]
)
def test_examples_run(module: Any) -> None:
    """Examples in docstrings are true."""
    assert doctest.testmod(module).failed == 0
