"""torch.distributions turned into losses, -D(...).log_prob(x), in both dtypes: read right, and where float32 breaks is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from elbocheck import verify

torch = pytest.importorskip("torch")
D = torch.distributions

KNOWN: Mapping[str, tuple[Callable[..., Any], str]] = {
    "Normal": (lambda x, loc, scale: -D.Normal(loc, scale).log_prob(x), "Normal(loc=loc, scale=scale)"),
    "Laplace": (lambda x, loc, scale: -D.Laplace(loc, scale).log_prob(x), "Laplace(loc=loc, scale=scale)"),
    "Cauchy": (lambda x, loc, scale: -D.Cauchy(loc, scale).log_prob(x), "Cauchy(loc=loc, scale=scale)"),
    "StudentT": (
        lambda x, df, loc, scale: -D.StudentT(df, loc, scale).log_prob(x),
        "StudentT(loc=loc, scale=scale, df=df)",
    ),
    "StudentT of 3": (lambda x, loc: -D.StudentT(3.0, loc, 2.0).log_prob(x), "StudentT(loc=loc, df=3, scale=2)"),
    "Bernoulli": (lambda x, logits: -D.Bernoulli(logits=logits).log_prob(x), "Bernoulli(logits=logits)"),
    "Bernoulli by probs": (lambda x, probs: -D.Bernoulli(probs=probs).log_prob(x), "Bernoulli(probs=probs)"),
    "HalfNormal": (lambda x, scale: -D.HalfNormal(scale).log_prob(x), "HalfNormal(scale=scale)"),
    "Binomial": (
        lambda x, total_count, logits: -D.Binomial(total_count, logits=logits).log_prob(x),
        "Binomial(logits=logits, total_count=total_count)",
    ),
    "NegativeBinomial": (
        lambda x, total_count, probs: -D.NegativeBinomial(total_count, probs=probs).log_prob(x),
        "NegativeBinomial(probs=probs, total_count=total_count)",
    ),
    "Geometric": (
        lambda x, probs: -D.Geometric(probs=probs).log_prob(x),
        "NegativeBinomial(failure_probs=probs, total_count=1)",
    ),
    "Poisson": (lambda x, rate: -D.Poisson(rate).log_prob(x), "Poisson(rate=rate)"),
    "Exponential": (lambda x, rate: -D.Exponential(rate).log_prob(x), "Exponential(rate=rate)"),
    "Gamma": (
        lambda x, concentration, rate: -D.Gamma(concentration, rate).log_prob(x),
        "Gamma(rate=rate, concentration=concentration)",
    ),
    "Weibull": (
        lambda x, scale, concentration: -D.Weibull(scale, concentration).log_prob(x),
        "Weibull(scale=scale, concentration=concentration)",
    ),
    "LogNormal": (lambda x, loc, scale: -D.LogNormal(loc, scale).log_prob(x), "LogNormal(loc=loc, scale=scale)"),
    "Beta": (
        lambda x, concentration1, concentration0: -D.Beta(concentration1, concentration0).log_prob(x),
        "Beta(concentration1=concentration1, concentration0=concentration0)",
    ),
}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("dtype", ["float64", None])
def test_a_distribution_is_read(name: str, dtype: str | None) -> None:
    """Family and parameters, whole; what lgamma loses, or a squared scale, far out in float32 is a note."""
    loss, likelihood = KNOWN[name]
    found = verify(loss, framework="torch", dtype=dtype)
    assert found.model is not None
    assert (found.bound.value, found.model.likelihood, found.model.dropped) == ("likelihood-only", likelihood, 0.0)
    assert {f.outcome.value for f in found.findings} <= {"note"}
    clamped = {"ELB502"} if "probs" in name else set()
    assert set(found.codes) <= clamped | ({"ELB503", "ELB507"} if dtype is None else set())
    checked = {check.check: check.outcome.value for check in found.checks}
    assert checked["gradient"] in ("pass", "note")


UNKNOWN: Mapping[str, Callable[..., Any]] = {
    "Gumbel": lambda x, loc: -D.Gumbel(loc, 1.5).log_prob(x),
    "VonMises": lambda x, loc: -D.VonMises(loc, 2.0).log_prob(x),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_density_of_no_known_family_is_still_a_density(name: str) -> None:
    """Its mass is 1, over the line or over one turn, and nothing is said against it."""
    found = verify(UNKNOWN[name], framework="torch", dtype="float64")
    assert (found.bound.value, found.codes) == ("unidentified", ())
    assert "yet a density" in found.reason
    assert "the mass 1 " in found.reason


def test_the_normaliser_of_the_continuous_bernoulli_is_held_in_float32() -> None:
    """torch computes it from probabilities, which saturate at logits of 15.94: mass 0.159 at -100, gradient off."""
    found = verify(lambda x, logits: -D.ContinuousBernoulli(logits=logits).log_prob(x), framework="torch")
    said = {f.code: f for f in found.findings}
    assert set(said) == {"ELB407", "ELB502", "ELB601"}
    assert {f.outcome.value for f in said.values()} == {"fail"}
    assert "0.159 at -100" in said["ELB407"].message
    edge = float(str(said["ELB407"].counterexample).rsplit("=", 1)[1])
    assert 15.94 <= abs(edge) < 16.0


HUGE: Mapping[str, tuple[Callable[..., Any], str]] = {
    "StudentT": (lambda x, loc: -D.StudentT(1e8, loc, 1.0).log_prob(x), "-0.918939 nats at df = 1e+08"),
    "NegativeBinomial": (
        lambda x, logits: -D.NegativeBinomial(torch.tensor(1e8, dtype=logits.dtype), logits=logits).log_prob(x),
        "total_count = 1e+08",
    ),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_huge_shape_loses_its_digits_in_float32(name: str) -> None:
    """0.92 nats of a Student density; in float64 nothing is lost."""
    loss, text = HUGE[name]
    (said,) = verify(loss, framework="torch").findings
    assert (said.code, said.outcome.value) == ("ELB507", "warn")
    assert text in said.message
    assert verify(loss, framework="torch", dtype="float64").codes == ()
