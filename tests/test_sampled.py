"""Fused ELBOs and importance-weighted bounds: against exact models, central differences and the same sums by hand."""

from __future__ import annotations

import doctest
import math
from typing import Any

import numpy as np
import pytest

from elbocheck.budget import BUDGETS, QUOTIENT, ulp_distance
from elbocheck.densities import (
    Density,
    bernoulli,
    continuous_bernoulli,
    discretized_logistic,
    huber,
    laplace,
    normal,
    student_t,
)
from elbocheck.divergences import normal_standard
from elbocheck.errors import ParameterError, UsageError
from elbocheck.estimators import (
    LinearGaussian,
    elbo,
    elbo_and_grad,
    importance_weighted,
    importance_weighted_and_grad,
    sampled,
)
from elbocheck.kernels.threads import threads

B, K, D, L = 5, 6, 37, 4
RNG = np.random.default_rng(8)
LOC, LOG_VAR = RNG.normal(size=(B, L)), 0.5 * RNG.normal(size=(B, L))
EPS, EPS_K = RNG.normal(size=(B, L)), RNG.normal(size=(B, K, L))
X, OUT, OUT_K = RNG.normal(size=(B, D)), RNG.normal(size=(B, D)), RNG.normal(size=(B, K, D))
LIKELIHOODS: dict[Density, tuple[Any, str, dict[str, float]]] = {
    normal: (X, "loc", {"scale": 0.7}),
    bernoulli: (np.rint(abs(X) % 1), "logits", {}),
    huber: (X, "loc", {"scale": 0.7, "delta": 1.3}),
    laplace: (X, "loc", {"scale": 0.7}),
    student_t: (X, "loc", {"scale": 0.7, "df": 4.5}),
    continuous_bernoulli: (abs(X) % 1, "logits", {}),
    discretized_logistic: (np.floor(abs(X * 90)) % 256, "loc", {"scale": 0.9, "levels": 256.0}),
}
each = pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=lambda density: density.name)


def moved(arrays: dict[str, Any], name: str, step: float) -> dict[str, Any]:
    """Return the arrays with one element of one of them moved."""
    copy = arrays[name].copy()
    copy.flat[copy.size // 2] += step
    return {**arrays, name: copy}


def agrees(call: Any, grad: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Hold one element of every derivative against a central difference."""
    assert set(grad) == set(arrays)
    for name, slope in grad.items():
        assert slope.shape == arrays[name].shape
        step = 1e-4
        quotient = (call(moved(arrays, name, step)).sum() - call(moved(arrays, name, -step)).sum()) / (2 * step)
        assert abs(quotient - slope.flat[slope.size // 2]) <= QUOTIENT * (1 + abs(quotient)), name


@each
@pytest.mark.parametrize("eps", [None, EPS], ids=["analytic", "sampled"])
def test_elbo_is_its_terms_and_its_gradient_its_slope(likelihood: Density, eps: Any) -> None:
    """Value from the separate terms, gradient from differences."""
    x, name, fixed = LIKELIHOODS[likelihood]
    arrays = {name: OUT, "q_loc": LOC, "q_log_var": LOG_VAR}

    def call(a: dict[str, Any]) -> Any:
        return elbo(likelihood, x, {**fixed, name: a[name]}, a["q_loc"], a["q_log_var"], eps=eps)

    value, grad = elbo_and_grad(likelihood, x, {**fixed, name: OUT}, LOC, LOG_VAR, eps=eps)
    gap = normal_standard.kl(loc=LOC, log_var=LOG_VAR)
    if eps is not None:
        z = LOC + np.exp(0.5 * LOG_VAR) * eps
        gap = normal.log_prob(z, loc=LOC, log_var=LOG_VAR) - normal.log_prob(z, loc=0.0, scale=1.0)
    terms = np.concatenate([likelihood.log_prob(x, **{**fixed, name: OUT}), -gap], axis=1)
    size = [math.fsum(map(abs, row)) + 4 * L for row in terms]
    assert (
        ulp_distance(value, [math.fsum(row) for row in terms], "float64", magnitude=size).max()
        <= BUDGETS["loop.bound"].ulps
    )
    assert ulp_distance(call(arrays), value, "float64", magnitude=size).max() <= BUDGETS["loop.sum"].ulps
    agrees(call, grad, arrays)


@each
def test_importance_weighted_bound_and_its_gradient(likelihood: Density) -> None:
    """Value from log-sum-exp of the weights, gradient from differences."""
    x, name, fixed = LIKELIHOODS[likelihood]
    arrays = {name: OUT_K, "q_loc": LOC, "q_log_var": LOG_VAR}

    def call(a: dict[str, Any]) -> Any:
        return importance_weighted(likelihood, x, {**fixed, name: a[name]}, a["q_loc"], a["q_log_var"], EPS_K)

    value, grad = importance_weighted_and_grad(likelihood, x, {**fixed, name: OUT_K}, LOC, LOG_VAR, EPS_K)
    weights = np.stack(
        [elbo(likelihood, x, {**fixed, name: OUT_K[:, k]}, LOC, LOG_VAR, eps=EPS_K[:, k]) for k in range(K)]
    )
    truth = np.logaddexp.reduce(weights) - math.log(K)
    assert ulp_distance(value, truth, "float64", magnitude=abs(weights).max()).max() <= BUDGETS["loop.bound"].ulps
    assert (
        ulp_distance(call(arrays), value, "float64", magnitude=abs(weights).max()).max() <= BUDGETS["loop.bound"].ulps
    )
    agrees(call, grad, arrays)


@pytest.mark.parametrize("tier", ["exact", "fast"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_that_weigh_nothing_are_nothing_wherever_they_come(dtype: Any, tier: str) -> None:
    """One whose energy overflows, first or last, leaves the other less log 2; and where there are only such, there is
    nothing."""
    far = np.sqrt(np.finfo(dtype).max) * 1e4
    loc = np.array([[0.0, far], [far, 0.0], [far, far]], dtype)[:, :, None]
    still, x = np.zeros((3, 1), dtype), np.zeros((3, 1), dtype)
    arguments = (normal, x, {"loc": loc, "scale": 1.0}, still, still, np.zeros((3, 2, 1), dtype))
    found, slopes = importance_weighted_and_grad(*arguments, tier=tier)
    alone = -0.5 * math.log(2 * math.pi) - math.log(2)
    if tier == "fast" or dtype is np.float64:  # float32 computed in float64 overflows only where it is stored
        assert found[2] == -np.inf
    assert ulp_distance(found[:2], alone, dtype).max() <= BUDGETS["loop.bound"].ulps
    np.testing.assert_array_equal(slopes["q_loc"][:2], 0.0)


def test_one_sample_is_the_elbo_and_many_approach_the_evidence() -> None:
    """K = 1 is the sampled ELBO; of a linear-Gaussian model with its own posterior every K gives the evidence."""
    one = importance_weighted(bernoulli, *_binary(OUT[:, None]), LOC, LOG_VAR, EPS[:, None])
    np.testing.assert_allclose(one, elbo(bernoulli, *_binary(OUT), LOC, LOG_VAR, eps=EPS), rtol=QUOTIENT**3)
    weight, bias, scale, x = 1.3, 0.2, 0.8, 0.9
    model = LinearGaussian([[weight]], [bias], scale)
    variance = 1 / (1 + (weight / scale) ** 2)
    loc = variance * weight * (x - bias) / scale**2
    z = loc + math.sqrt(variance) * EPS_K[:1, :, :1]
    found = importance_weighted(
        normal, [[x]], {"loc": weight * z + bias, "scale": scale}, [[loc]], [[math.log(variance)]], EPS_K[:1, :, :1]
    )
    assert abs(found[0] - float(model.log_evidence([x]).ball.mid())) <= QUOTIENT**3


def _binary(out: Any) -> tuple[Any, dict[str, Any]]:
    return LIKELIHOODS[bernoulli][0], {"logits": out}


def test_float32_and_fast() -> None:
    """float32 in, float32 out: exact is float64 rounded once, fast stays near; far weights do not overflow."""
    x, parameters = _binary(40 * OUT_K)
    given = [a.astype(np.float32) for a in (x, parameters["logits"], LOC, LOG_VAR, EPS_K)]
    wide = [a.astype(np.float64) for a in given]
    truth = importance_weighted(bernoulli, wide[0], {"logits": wide[1]}, *wide[2:])
    for tier, ulps in (("exact", BUDGETS["rounding.float32"].ulps), ("fast", BUDGETS["loop.weights"].ulps)):
        found = importance_weighted(bernoulli, given[0], {"logits": given[1]}, *given[2:], tier=tier)
        assert found.dtype == np.float32
        assert ulp_distance(found, truth, "float32").max() <= ulps


def test_threads_do_not_change_a_bit() -> None:
    """One and three threads."""
    x = np.rint(RNG.random((64, 900)))
    given = (
        x,
        {"logits": RNG.normal(size=(64, 8, 900))},
        RNG.normal(size=(64, 3)),
        RNG.normal(size=(64, 3)),
        RNG.normal(size=(64, 8, 3)),
    )
    seen = []
    for count in (1, 3):
        with threads(count):
            seen.append(importance_weighted_and_grad(bernoulli, *given))
    np.testing.assert_array_equal(seen[0][0], seen[1][0])
    for name, slope in seen[0][1].items():
        np.testing.assert_array_equal(slope, seen[1][1][name])


def test_bad_input_is_named() -> None:
    """Shapes that do not match, values outside their domain, parameters that do not vary."""
    x, parameters = _binary(OUT)
    with pytest.raises(UsageError, match=r"x has rows \(5,\), the posterior \(3,\)"):
        elbo(bernoulli, x, parameters, LOC[:3], LOG_VAR[:3])
    with pytest.raises(UsageError, match=r"shapes must be \(B, D\)"):
        importance_weighted(bernoulli, x, {"logits": OUT_K[:, :3]}, LOC, LOG_VAR, EPS_K)
    with pytest.raises(ParameterError, match="logits must be real, got inf"):
        elbo(bernoulli, x, {"logits": np.where(OUT > 1, np.inf, OUT)}, LOC, LOG_VAR)
    with pytest.raises(ParameterError, match="q_loc must be real, got nan"):
        elbo(bernoulli, x, parameters, LOC * np.nan, LOG_VAR)
    with pytest.raises(
        UsageError, match=r"wrt must name parameters that vary along the last axis \(loc\), got 'scale'"
    ):
        elbo_and_grad(normal, X, {"loc": OUT, "scale": 1.0}, LOC, LOG_VAR, wrt=["scale"])


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    assert doctest.testmod(sampled).failed == 0
