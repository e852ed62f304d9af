"""Losses as people write them in their repositories, right ones and ones with the usual slips, each with its verdict."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck import verify

Loss = Callable[..., Any]


def kl(mu: Any, logvar: Any) -> Any:
    """Return the KL of each datum."""
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)


def bce(logits: Any, x: Any) -> Any:
    """Return the cross-entropy of each element."""
    return np.logaddexp(0, logits) - x * logits


def fixed_sigma(x: Any, x_hat: Any, mu: Any, logvar: Any, sigma: float = 0.1) -> Any:
    """The whole Gaussian density of a decoder with sigma = 0.1."""
    each = 0.5 * ((x - x_hat) / sigma) ** 2 + math.log(sigma) + 0.5 * math.log(2 * math.pi)
    return np.mean(np.sum(each, axis=-1) + kl(mu, logvar))


def learned_scale_without_half(x: Any, x_mu: Any, x_logvar: Any, z_mu: Any, z_logvar: Any) -> Any:
    """Twice the likelihood of a learned variance beside one KL."""
    return np.mean(np.sum(x_logvar + (x - x_mu) ** 2 / np.exp(x_logvar), axis=-1) + kl(z_mu, z_logvar))


def learned_laplace(x: Any, x_mu: Any, x_log_b: Any, mu: Any, logvar: Any) -> Any:
    """A Laplace decoder that predicts the logarithm of its scale."""
    each = np.abs(x - x_mu) * np.exp(-x_log_b) + x_log_b + math.log(2)
    return np.mean(np.sum(each, axis=-1) + kl(mu, logvar))


def student(x: Any, loc: Any, log_scale: Any, mu: Any, logvar: Any, df: float = 5.0) -> Any:
    """A Student decoder: loc and log_scale are its own, mu and logvar the posterior's."""
    constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    each = (df + 1) / 2 * np.log1p(((x - loc) * np.exp(-log_scale)) ** 2 / df) + log_scale - constant
    return np.mean(np.sum(each, axis=-1) + kl(mu, logvar))


def huber(x: Any, x_hat: Any, mu: Any, logvar: Any, delta: float = 0.5) -> Any:
    """A robust reconstruction."""
    e = np.abs(x - x_hat)
    return np.mean(np.sum(np.where(e <= delta, 0.5 * e**2, delta * (e - 0.5 * delta)), axis=-1) + kl(mu, logvar))


def all_means_of_one_size(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The mean error, and the KL divided by the number of data and pixels."""
    return np.mean((x - recon_x) ** 2) + np.sum(kl(mu, logvar)) / (len(x) * x[0].size)


def kl_over_the_batch(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The error per datum, the KL of all data."""
    return np.sum((x - recon_x) ** 2) / len(x) + np.sum(kl(mu, logvar))


def axes_exchanged(x: Any, logits: Any, mu: Any, logvar: Any) -> Any:
    """The KL summed over the batch and averaged over the latents."""
    each = -0.5 * (1 + logvar - mu**2 - np.exp(logvar))
    return np.mean(np.sum(bce(logits, x), axis=1)) + np.mean(np.sum(each, axis=0))


def scalar_and_vector(x: Any, logits: Any, mu: Any, logvar: Any) -> Any:
    """The reconstruction of the batch added to the KL of each datum."""
    return np.mean(np.sum(bce(logits, x)) + kl(mu, logvar))


def sign_of_the_kl(x: Any, logits: Any, mu: Any, logvar: Any) -> Any:
    """The short formula added where it is taken off."""
    return np.mean(np.sum(bce(logits, x), axis=1) - kl(mu, logvar))


def sigmoid_twice(probs: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Probabilities taken for logits after another sigmoid."""
    return np.mean(np.sum(bce(0.5 * (1 + np.tanh(probs / 2)), x), axis=1) + kl(mu, logvar))


def log_std_once(x: Any, x_hat: Any, mu: Any, std: Any) -> Any:
    """log std where log variance belongs."""
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + 0.5 * np.sum(mu**2 + std**2 - 1 - np.log(std), axis=1))


def prior_of_another_variance(x: Any, x_hat: Any, mu: Any, logvar: Any, prior_mu: Any, prior_logvar: Any) -> Any:
    """The distance of the means is not divided by the variance of the prior."""
    each = prior_logvar - logvar + np.exp(logvar - prior_logvar) + (mu - prior_mu) ** 2 - 1
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + 0.5 * np.sum(each, axis=1))


def prior_network(x: Any, logits: Any, q_mean: Any, q_var: Any, p_mean: Any, p_var: Any) -> Any:
    """A conditional prior."""
    each = np.log(p_var) - np.log(q_var) + q_var / p_var + (q_mean - p_mean) ** 2 / p_var - 1
    return np.mean(np.sum(bce(logits, x), axis=1) + 0.5 * np.sum(each, axis=1))


def prior_network_exchanged(x: Any, logits: Any, q_mean: Any, q_var: Any, p_mean: Any, p_var: Any) -> Any:
    """The same with the two distributions exchanged."""
    return prior_network(x, logits, p_mean, p_var, q_mean, q_var)


def weighted_classes(x: Any, p: Any, mu: Any, logvar: Any) -> Any:
    """Ones count five times."""
    return np.mean(-np.sum(5 * x * np.log(p) + (1 - x) * np.log(1 - p), axis=-1) + kl(mu, logvar))


def free_bits(x: Any, x_hat: Any, mu: Any, logvar: Any) -> Any:
    """Half a nat of each latent is free, on the mean of the batch."""
    each = -0.5 * (1 + logvar - mu**2 - np.exp(logvar))
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1)) + np.sum(np.maximum(np.mean(each, axis=0), 0.5))


def elbo(x: Any, logits: Any, mu: Any, logvar: Any) -> Any:
    """The bound itself."""
    return -np.mean(np.sum(bce(logits, x), axis=1) + kl(mu, logvar))


def covariance_penalty(recons: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """DIP-VAE: sums over the batch beside a penalty on the covariance of its means."""
    centred = mu - np.mean(mu, axis=0)
    moved = (
        centred.T @ centred / len(mu) + np.diag(np.mean(np.exp(log_var), axis=0)) - np.eye(mu.shape[1], dtype=mu.dtype)
    )
    return np.sum((recons - x) ** 2) + np.sum(kl(mu, log_var)) + 5 * np.sum(moved**2)


_NOT, _CONSTANT = "not-a-bound", "constant"
VERDICTS: dict[Loss, tuple[str, str | None, tuple[str, ...]]] = {
    fixed_sigma: ("exact", "normal", ()),
    learned_scale_without_half: (_NOT, "normal", ("ELB108",)),
    learned_laplace: ("exact", "laplace", ()),
    student: ("exact", "student_t", ()),
    huber: (_CONSTANT, "huber", ()),
    all_means_of_one_size: ("scaled", "normal", ("ELB107",)),
    kl_over_the_batch: ("scaled", "normal", ("ELB104",)),
    axes_exchanged: ("beta", "bernoulli", ("ELB104",)),
    scalar_and_vector: (_NOT, "bernoulli", ("ELB105",)),
    sign_of_the_kl: (_NOT, "bernoulli", ("ELB205",)),
    sigmoid_twice: ("exact", "bernoulli", ("ELB402",)),
    log_std_once: (_NOT, "normal", ("ELB201",)),
    prior_of_another_variance: (_NOT, "normal", ("ELB212",)),
    prior_network: ("exact", "bernoulli", ()),
    prior_network_exchanged: (_NOT, "bernoulli", ("ELB206",)),
    weighted_classes: ("not-a-density", None, ("ELB407",)),
    free_bits: (_CONSTANT, "normal", ("ELB306",)),
    elbo: ("exact", "bernoulli", ("ELB417",)),
    covariance_penalty: (_NOT, "normal", ("", "")),
}
"""Bound, family, and exactly the findings; without a code: undecided, and said so."""


@pytest.mark.parametrize("loss", VERDICTS, ids=lambda loss: loss.__name__)
def test_an_unseen_loss_gets_its_verdict(loss: Loss) -> None:
    """With no word on roles, and nothing but what is there."""
    verdict = verify(loss)
    assert verdict.model is not None
    found = (verdict.bound.value, verdict.model.family, tuple(sorted(f.code for f in verdict.findings)))
    assert found == VERDICTS[loss], str(verdict)


def test_nothing_is_claimed_of_weights_that_follow_no_power() -> None:
    """Beside a coupling that moves with the batch no sigma, beta or common factor is a property of the loss."""
    model = verify(covariance_penalty).model
    assert model is not None
    assert (model.sigma2, model.beta) == (None, None)


def test_a_bound_to_maximise_is_not_called_a_loss() -> None:
    """The reason says which of the two it is."""
    assert verify(elbo).reason == "the ELBO, to be maximised"
