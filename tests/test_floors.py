"""Free bits of any ordinary height, and a posterior whose variance is no argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck import Outcome, verify

DTYPES = ("float64", "float32")


def recon(x: Any, logits: Any) -> Any:
    """Return the cross entropy of each datum."""
    return np.sum(np.maximum(logits, 0) - x * logits + np.log1p(np.exp(-np.abs(logits))), axis=1)


def kl(mu: Any, log_var: Any) -> Any:
    """Return the KL of each latent."""
    return 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var)


PER: dict[str, tuple[Callable[[Any, float], Any], str]] = {
    "latent": (lambda k, least: np.mean(np.sum(np.maximum(k, least), axis=1)), "each latent"),
    "latent of the batch": (lambda k, least: np.sum(np.maximum(np.mean(k, axis=0), least)), "each latent"),
    "datum": (lambda k, least: np.mean(np.maximum(np.sum(k, axis=1), least)), "each datum"),
    "batch": (lambda k, least: np.maximum(np.mean(np.sum(k, axis=1)), least), "the whole batch"),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("floor", [1e-3, 0.01, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("per", PER)
def test_a_floor_is_found(per: str, floor: float, dtype: str) -> None:
    """From a thousandth of a nat to ten, and whose floor it is."""
    floored, whose = PER[per]
    verdict = verify(
        lambda x, logits, mu, log_var: np.mean(recon(x, logits)) + floored(kl(mu, log_var), floor), dtype=dtype
    )
    assert verdict.codes == ("ELB306",), str(verdict)
    message = verdict.findings[0].message
    assert message.startswith(f"The KL of {whose} never counts less than")
    assert f"{floor:g}" in message
    assert verdict.bound.value == "exact", str(verdict)


@pytest.mark.parametrize("floor", [1e-3, 1.0])
def test_a_floor_of_a_sum_over_the_batch_moves_with_the_batch(floor: float) -> None:
    """A mean over 128 data has 1/128 of it."""
    verdict = verify(
        lambda x, logits, mu, log_var: np.sum(recon(x, logits)) + np.maximum(np.sum(kl(mu, log_var)), floor)
    )
    assert verdict.codes == ("ELB306",)
    assert "B = 128" in verdict.findings[0].message


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("per", PER)
def test_a_floor_is_in_nats_of_the_kl_whatever_weighs_it(per: str, dtype: str) -> None:
    """Both terms at a fifth: the floor is as high, and ordinary scales cost what they should."""
    floored, _ = PER[per]
    verdict = verify(
        lambda x, logits, mu, log_var: (np.mean(recon(x, logits)) + floored(kl(mu, log_var), 0.5)) / 5, dtype=dtype
    )
    assert set(verdict.codes) == {"ELB306", "ELB112"}, str(verdict)
    (found,) = (f for f in verdict.findings if f.code == "ELB306")
    assert "less than 1/2 = 0.5 (nats)" in found.message


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_floor_under_a_mean_over_the_latents_is_one(dtype: str) -> None:
    """The truth of a stressed scale is that of the mean."""
    verdict = verify(
        lambda x, x_hat, mu, log_var: np.mean(
            np.mean((x - x_hat) ** 2, axis=1) + np.maximum(np.mean(kl(mu, log_var), axis=1), 0.5)
        ),
        dtype=dtype,
    )
    assert set(verdict.codes) == {"ELB103", "ELB306"}, str(verdict)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("per", PER)
def test_a_floor_under_a_learned_prior_is_one(per: str, dtype: str) -> None:
    """World models have both; a KL to the standard prior is still not the one to the prior that is passed."""
    floored, whose = PER[per]

    def between(mu: Any, log_var: Any, prior_mu: Any, prior_log_var: Any) -> Any:
        apart = (mu - prior_mu) ** 2 * np.exp(-prior_log_var)
        return 0.5 * (prior_log_var - log_var + np.exp(log_var - prior_log_var) + apart - 1)

    def loss(x: Any, logits: Any, mu: Any, log_var: Any, prior_mu: Any, prior_log_var: Any) -> Any:
        return np.mean(recon(x, logits)) + floored(between(mu, log_var, prior_mu, prior_log_var), 0.3)

    def wrong(x: Any, logits: Any, mu: Any, log_var: Any, prior_mu: Any, prior_log_var: Any) -> Any:
        return np.mean(recon(x, logits)) + floored(between(mu, log_var, prior_mu, -prior_log_var), 0.3)

    verdict = verify(loss, dtype=dtype)
    assert verdict.codes == ("ELB306",), str(verdict)
    assert verdict.findings[0].message.startswith(f"The KL of {whose}")
    assert "ELB212" in verify(wrong, dtype=dtype).codes


SCALES: dict[str, Callable[..., Any]] = {
    "log_std": lambda x, logits, mu, log_std: np.mean(
        recon(x, logits) + np.sum(np.maximum(kl(mu, 2 * log_std), 0.01), 1)
    ),
    "std": lambda x, logits, mu, std: np.mean(recon(x, logits) + np.sum(np.maximum(kl(mu, 2 * np.log(std)), 0.01), 1)),
    "rho": lambda x, logits, mu, rho: np.mean(
        recon(x, logits) + np.sum(np.maximum(kl(mu, 2 * np.log(np.logaddexp(0, rho))), 0.01), 1)
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SCALES)
def test_a_low_floor_is_found_however_the_scale_is_given(name: str, dtype: str) -> None:
    """A logarithm, a standard deviation, a raw value."""
    assert "ELB306" in verify(SCALES[name], dtype=dtype).codes


def test_torch_clamps_are_floors() -> None:
    """As it is written in torch, with its gradient."""
    torch = pytest.importorskip("torch")

    def loss(x: Any, logits: Any, mu: Any, log_var: Any) -> Any:
        divergence = 0.5 * (mu**2 + log_var.exp() - 1 - log_var)
        nll = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
        return (nll + divergence.clamp(min=0.01).sum(1)).mean()

    assert verify(loss, framework="torch").codes == ("ELB306",)


NO_FLOOR: dict[str, Callable[[Any], Any]] = {
    "none": lambda k: k,
    "a guard against a negative KL": lambda k: np.maximum(k, 0),
    "a guard against rounding": lambda k: np.maximum(k, 1e-7),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NO_FLOOR)
def test_a_guard_is_no_floor(name: str, dtype: str) -> None:
    """A KL is not negative anyway."""
    guard = NO_FLOOR[name]
    verdict = verify(
        lambda x, logits, mu, log_var: np.mean(recon(x, logits) + np.sum(guard(kl(mu, log_var)), 1)), dtype=dtype
    )
    assert "ELB306" not in verdict.codes, str(verdict)
    assert not [f for f in verdict.findings if f.outcome is not Outcome.NOTE], str(verdict)


def test_a_spike_at_the_prior_is_no_floor() -> None:
    """Only the point itself is raised: nothing is flat."""

    def loss(x: Any, logits: Any, mu: Any, log_var: Any) -> Any:
        k = kl(mu, log_var)
        return np.mean(recon(x, logits) + np.sum(k + 0.02 * np.exp(-1e4 * k), 1))

    verdict = verify(loss)
    assert "ELB306" not in verdict.codes
    assert verdict.bound.value == "not-a-bound"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("variance", [1.0, 0.01])
def test_a_penalty_on_the_mean_is_a_posterior_of_fixed_variance(variance: float, dtype: str) -> None:
    """It is said in a note; the bound is known up to the constant of the variance that nobody told."""

    def loss(x: Any, logits: Any, mu: Any) -> Any:
        return np.mean(recon(x, logits) + np.sum(kl(mu, np.log(variance).astype(mu.dtype)), axis=1))

    verdict = verify(loss, dtype=dtype)
    assert [(f.code, f.outcome) for f in verdict.findings] == [("ELB208", Outcome.NOTE)], str(verdict)
    assert verdict.bound.value == "constant"
    assert verdict.model is not None
    assert verdict.model.divergence == "KL(N(mu, s^2) || N(0, 1))"
    assert verdict.model.beta is not None
    assert verdict.model.beta.equals(1.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_scale_that_is_taken_and_not_used_is_missing(dtype: str) -> None:
    """The same penalty, with a variance among the arguments that nothing depends on."""

    def loss(x: Any, logits: Any, mu: Any, log_var: Any) -> Any:
        return np.mean(recon(x, logits) + 0.5 * np.sum(mu**2 + 0 * log_var, axis=1))

    verdict = verify(loss, dtype=dtype)
    assert [(f.code, f.outcome) for f in verdict.findings] == [("ELB208", Outcome.FAIL)], str(verdict)
    assert verdict.bound.value == "not-a-bound"


@pytest.mark.parametrize(
    ("divergence", "code"),
    [
        (lambda mu: -0.5 * np.sum(mu**2, axis=1), "ELB205"),
        (lambda mu: np.sum(np.abs(mu), axis=1), ""),
        (lambda mu: np.sum(np.cosh(mu), axis=1), ""),
        (lambda mu: 0.5 * np.mean(mu**2, axis=1), "ELB102"),
        (lambda mu: 0.5 * np.sum(mu**2 - 1, axis=1), "ELB211"),
    ],
)
def test_a_wrong_penalty_on_the_mean_is_named(divergence: Callable[[Any], Any], code: str) -> None:
    """No KL, the wrong sign, a mean over latents; a constant that no variance has."""
    assert code in [f.code for f in verify(lambda x, logits, mu: np.mean(recon(x, logits) + divergence(mu))).findings]
