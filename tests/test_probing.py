"""The measurements on their own: fits, exponents, structure, families, divergences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck.anatomy import Anatomy
from elbocheck.loss import Loss
from elbocheck.monomial import Monomial
from elbocheck.probing import curve, divergence, likelihood
from elbocheck.probing.corruption import classify
from elbocheck.probing.cost import sample
from elbocheck.probing.curves import Grid
from elbocheck.probing.dissect import dissect
from elbocheck.probing.fit import Model, linear, scanned, shaped
from elbocheck.probing.probe import Probe, argument_of, log_var_of, spread_of
from elbocheck.probing.reduction import exponent, plainest
from elbocheck.roles import Role
from elbocheck.shapes import Layout

FLOAT64 = np.dtype(np.float64)


def probed(function: Any, **layout: Any) -> Probe:
    """Return the probe of a loss."""
    return Probe(Loss.of(function), Layout(**layout), FLOAT64)


def taken_apart(function: Any, **layout: Any) -> Anatomy:
    """Return the anatomy of a loss."""
    return dissect(probed(function, **layout), seed=0)


def test_a_fit_that_overflows_explains_nothing() -> None:
    """And says so without a warning: columns that are nearly one, values near the end of the floats."""
    columns = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-13], [1.0, 1.0]])
    assert not linear(columns, np.array([1e300, -1e300, 1e300]), np.ones(3)).explains


def test_a_linear_fit_returns_exact_weights() -> None:
    """Weight and constant come back, and the residual is within the noise."""
    x = np.linspace(1, 5, 20)
    fit = linear(np.stack([x**2, np.ones(20)], axis=1), 3 * x**2 - 7, 1e-12 * np.ones(20))
    assert fit.explains
    assert np.allclose(fit.coefficients, [3, -7])


def test_a_wrong_model_is_not_explained() -> None:
    """A cubic is no parabola."""
    x = np.linspace(1, 5, 20)
    assert not linear(np.stack([x**2, np.ones(20)], axis=1), x**3, 1e-12 * np.ones(20)).explains


def test_what_is_not_finite_is_not_fitted() -> None:
    """Infinite columns give a fit that explains nothing, not an exception."""
    fit = linear(np.array([[np.inf, 1.0], [1.0, 1.0]]), np.ones(2), np.ones(2))
    assert not fit.explains


def test_a_shape_parameter_is_recovered_and_stays_in_its_grid() -> None:
    """A scan and Gauss-Newton find theta inside the grid and never leave it."""
    u = np.geomspace(1e-2, 1e2, 80)
    model = Model(lambda t: (np.sqrt(u**2 + t**2),), [], np.ones((80, 1)), (Grid("t", np.geomspace(0.1, 10, 9)),))
    noise = 1e-10 * np.ones(80)

    def found(truth: float) -> tuple[float, bool]:
        values = 2 * np.sqrt(u**2 + truth**2) + 1
        (theta,), fit = shaped(model, values, noise, scanned(model, values, noise)[0])
        return theta, fit.explains

    assert found(0.7) == (pytest.approx(0.7), True)
    assert found(100.0) == (10.0, False)


@pytest.mark.parametrize(("after", "power"), [(3.0, 0), (6.0, 1), (12.0, 2), (1.5, -1), (4.3, None), (-3.0, None)])
def test_exponents_are_whole_or_none(after: float, power: int | None) -> None:
    """A ratio that is no power of two is no exponent."""
    assert exponent(3.0, after) == power


def test_powers_of_a_fixed_size_are_the_plainest() -> None:
    """A weight of 784 at D = 784 is D; one of 1/100352 at B = 128 known is 1/(128 D)."""
    assert plainest(Monomial(784.0, {}, 1e-12), {"D": 784}).formula == "D"
    assert plainest(Monomial(1 / 100352, {"B": 1}, 1e-12), {"D": 784}).formula == "B/(128*D)"


@pytest.mark.parametrize(
    "role", [Role.Q_SCALE, Role.Q_VAR, Role.Q_LOG_SCALE, Role.Q_LOG_VAR, Role.P_SCALE, Role.LOG_VAR]
)
def test_scale_arguments_convert_both_ways(role: Role) -> None:
    """argument_of inverts log_var_of, and spread_of is its standard deviation."""
    log_var = np.array([-2.0, 0.0, 1.3])
    argument = argument_of(role, log_var)
    assert np.allclose(log_var_of(role, argument), log_var)
    assert np.allclose(spread_of(role, argument), np.exp(log_var / 2))


def kl(mu: Any, log_var: Any) -> Any:
    """Return the KL of each latent."""
    return 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var)


def squared(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Sums over everything."""
    return np.sum((x - x_hat) ** 2) + np.sum(kl(mu, log_var))


def test_total_weights_are_formulas_in_the_sizes() -> None:
    """Sums over B, D and L, and the squared error's factor 2 over its energy."""
    anatomy = taken_apart(squared)
    assert anatomy.reconstruction is not None
    assert anatomy.regulariser is not None
    assert anatomy.reconstruction.weight.formula == "2*B*D"
    assert anatomy.regulariser.weight.formula == "B*L"


STRUCTURES: dict[str, tuple[Any, dict[str, bool]]] = {
    "plain": (squared, {}),
    "product": (lambda x_hat, x, mu, log_var: np.sum((x - x_hat) ** 2) * (1 + np.sum(mu**2)), {"additive": False}),
    "norm": (
        lambda x_hat, x, mu, log_var: np.sum(np.sqrt(np.sum((x - x_hat) ** 2, axis=1))) + np.sum(mu**2),
        {"separable": False},
    ),
    "weighted": (
        lambda x_hat, x, mu, log_var: np.sum(np.arange(1, x.shape[1] + 1) * (x - x_hat) ** 2) + np.sum(mu**2),
        {"homogeneous": False},
    ),
    "batch": (
        lambda x_hat, x, mu, log_var: np.log(np.sum((x - x_hat) ** 2)) + np.sum(mu**2),
        {"separable": False, "batch_coupled": True},
    ),
    "broadcast": (
        lambda x_hat, x, mu, log_var: np.sum((x_hat[:, None] - x[None]) ** 2) + np.sum(mu**2),
        {"broadcast": True},
    ),
    "latents": (
        lambda x_hat, x, mu, log_var: np.sum((x - x_hat) ** 2) + np.sum(mu[:, 0] ** 2),
        {"latent_homogeneous": False},
    ),
    "coupled latents": (
        lambda x_hat, x, mu, log_var: np.sum((x - x_hat) ** 2) + np.sum(np.mean(mu, axis=0) ** 2),
        {"latent_coupled": True},
    ),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structure_is_seen(name: str) -> None:
    """Each departure from a sum over data, elements and latents is seen, and nothing else is."""
    function, departures = STRUCTURES[name]
    found = taken_apart(function).structure
    plain = {
        "additive": True,
        "separable": True,
        "homogeneous": True,
        "batch_coupled": False,
        "broadcast": False,
        "latent_homogeneous": True,
        "latent_coupled": False,
    }
    assert {name: getattr(found, name) for name in plain} == {**plain, **departures}


FAMILIES = {
    "normal": (lambda x_hat, x: np.sum((x - x_hat) ** 2), "normal", "identity"),
    "squashed": (lambda logits, x: np.sum((x - 1 / (1 + np.exp(-logits))) ** 2), "normal", "sigmoid"),
    "logits": (lambda logits, x: np.sum(np.logaddexp(0, logits) - x * logits), "bernoulli", "identity"),
    "probs": (lambda p, x: -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p)), "bernoulli", "identity"),
    "guarded": (lambda p, x: -np.sum(x * np.log(p + 1e-8) + (1 - x) * np.log(1 - p + 1e-8)), "bernoulli", "identity"),
    "signed": (lambda logits, x: np.sum(np.logaddexp(0, -x * logits)), "bernoulli", "identity"),
    "absolute": (lambda x_hat, x: np.sum(np.abs(x - x_hat)), "laplace", "identity"),
    "log-cosh": (lambda x_hat, x: np.sum(np.logaddexp(x - x_hat, x_hat - x)), "log_cosh", "identity"),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_told_apart(name: str) -> None:
    """The simplest family that explains every probe, or none."""
    function, density, link = FAMILIES[name]
    found = taken_apart(function).reconstruction
    assert found is not None
    assert (found.density, found.link) == (density, link)


@pytest.mark.parametrize("delta", [1e-3, 0.02, 0.7, 5.0, 200.0, 1000.0])
@pytest.mark.parametrize("weight", [1e-3, 1.0, 250.0])
def test_a_huber_knot_is_recovered(delta: float, weight: float) -> None:
    """The knot comes back to nine digits over six decades, whatever the weight."""

    def huber(x_hat: Any, x: Any) -> Any:
        u = np.abs(x - x_hat)
        return weight * np.sum(np.where(u <= delta, 0.5 * u**2, delta * (u - 0.5 * delta)))

    found = taken_apart(huber).reconstruction
    assert found is not None
    assert found.density == "huber"
    assert abs(found.shape["delta"] / delta - 1) < 1e-9


SLIPS = {
    "kl": (kl, "kl"),
    "log scale": (lambda m, s: 0.5 * (m**2 + np.exp(2 * s) - 1) - s, "kl"),
    "reversed": (lambda m, t: 0.5 * ((1 + m**2) * np.exp(-t) - 1 + t), "reversed"),
    "no m": (lambda m, t: 0.5 * (np.exp(t) - 1 - t) + 0 * m, "missing"),
    "no log": (lambda m, t: 0.5 * (m**2 + np.exp(t) - 1), "missing"),
    "no sigma": (lambda m, t: 0.5 * (m**2 - 1 - t), "missing"),
    "mixed": (lambda m, t: 0.5 * (m**2 + np.exp(2 * t) - 1 - t), "mixed-scales"),
    "half": (lambda m, t: 0.5 * (m**2 - 1 - t) + np.exp(t), "halved"),
    "quotient": (lambda m, t: -0.5 * (1 + t - m**2) / np.exp(t), "precedence"),
    "shifted": (lambda m, t: kl(m - 1, t) - 0.5 * t, "reference"),
    "another prior": (lambda m, t: kl(m - 1, t), "kl"),
    "exchanged": (lambda m, t: kl(t, m), "swapped"),
    "none": (lambda m, t: 0 * m + 0 * t, "absent"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_divergence_slips_are_told_apart(name: str) -> None:
    """Each known slip has its pattern."""
    function, pattern = SLIPS[name]
    probe = probed(lambda mu, log_var: np.sum(function(mu, log_var)))
    assert divergence.read(probe, sample(probe)).pattern == pattern


def test_classification_follows_the_coefficients() -> None:
    """The classifier reads relative coefficients, not the fit that made them."""
    assert classify({"m^2": 0.5, "e^t": 0.5})[:2] == ("missing", "log sigma^2")
    assert classify({"m^2": 0.5, "e^t": 1.0, "t": -0.5})[0] == "halved"
    assert classify({"m^2": 0.5, "e^{2t}": 0.5, "t": -0.5})[0] == "mixed-scales"


BOUNDED = {
    "welsch": (lambda x_hat, x: np.sum(1 - np.exp(-((x - x_hat) ** 2))), True),
    "tukey": (lambda x_hat, x: np.sum(1 - np.clip(1 - (x - x_hat) ** 2, 0, None) ** 3), True),
    "student": (lambda x_hat, x: np.sum(np.log1p((x - x_hat) ** 2)), False),
    "absolute": (lambda x_hat, x: np.sum(np.abs(x - x_hat)), False),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_bounded_losses_are_told_from_slow_ones(name: str) -> None:
    """A logarithm grows for ever; a bounded loss does not."""
    function, bounded = BOUNDED[name]
    assert curve.bounded(probed(function), Role.PREDICTION) is bounded


def test_the_mass_over_two_classes() -> None:
    """A Bernoulli has mass 1; a weight on one class makes it vary."""

    def weighted(logits: Any, x: Any, positive: float = 3.0) -> Any:
        return np.sum(positive * x * np.logaddexp(0, -logits) + (1 - x) * np.logaddexp(0, logits))

    mass = curve.binary_mass(probed(weighted), Role.LOGITS, closed=False)
    assert mass is not None
    assert mass[1] - mass[0] > 0.01


def test_a_kink_that_does_not_join_is_measured() -> None:
    """Quadratic over delta inside, delta times linear outside: a jump in slope at the knot."""

    def jump(x_hat: Any, x: Any, knot: float = 0.5) -> Any:
        u = np.abs(x - x_hat)
        return np.sum(np.where(u < knot, 0.5 * u**2 / knot, knot * (u - 0.5 * knot)))

    found = curve.core_and_tails(probed(jump), Role.PREDICTION)
    assert found is not None
    knot, curvature, slope = found
    assert abs(knot - 0.5) < 1e-3
    assert abs(slope / (curvature * knot) - 0.5) < 1e-2


def test_the_rounding_floor_is_measured() -> None:
    """A loss that hides large numbers has a larger floor than one that does not."""

    def hidden(x_hat: Any, x: Any) -> Any:
        return np.sum((x - x_hat) ** 2 + 1e6 - 1e6)

    assert probed(hidden).floor > 1e3 * probed(lambda x_hat, x: np.sum((x - x_hat) ** 2)).floor


def test_a_sample_is_integrated_over_its_noise() -> None:
    """With z as an argument a one-sample estimate is the KL exactly."""

    def estimate(z: Any, mu: Any, log_var: Any) -> Any:
        return 0.5 * np.sum(z**2 - log_var - (z - mu) ** 2 / np.exp(log_var))

    probe = probed(estimate)
    assert divergence.read(probe, sample(probe)).pattern == "kl"


SCALED: dict[str, Callable[[Any], Any]] = {
    "student_t": lambda u: 2.5 * np.log1p(u**2 / 4),
    "logistic": lambda u: np.abs(u) + 2 * np.log1p(np.exp(-np.abs(u))),
    "huber": lambda u: np.where(np.abs(u) < 0.7, 0.5 * u**2, 0.7 * (np.abs(u) - 0.35)),
    "none": lambda u: np.log(np.cosh(np.minimum(np.abs(u), 30.0))) + 0.1 * np.abs(u),
}


@pytest.mark.parametrize("log_term", [1.0, 0.5])
@pytest.mark.parametrize("name", SCALED)
def test_a_look_at_one_scale_rules_out_what_all_of_them_do(
    name: str, log_term: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same is read with the quick refusal of families as without it, whether the normaliser is right or not."""

    def loss(x: Any, x_mean: Any, x_log_scale: Any) -> Any:
        energy = SCALED[name]((x - x_mean) * np.exp(-x_log_scale)) + log_term * x_log_scale
        return np.mean(np.sum(energy, axis=1))

    quick = dissect(probed(loss), seed=0).reconstruction
    monkeypatch.setattr(likelihood, "_plausible", lambda *_: True)
    assert dissect(probed(loss), seed=0).reconstruction == quick
