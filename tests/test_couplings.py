"""Regularisers of a whole batch (MMD, total correlation, moments) are said to be couplings, never a KL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck import Outcome, verify

PRIOR = np.random.default_rng(7).standard_normal((64, 8))


def elbo(x: Any, x_hat: Any, mu: Any, log_var: Any) -> Any:
    """Return the negative ELBO at sigma = 1, mean over the batch."""
    kl = 0.5 * np.sum(mu**2 + np.exp(log_var) - 1 - log_var, axis=1)
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + kl)


def kernel(one: Any, two: Any) -> Any:
    """Return the mean of a Gaussian kernel between two samples."""
    return np.mean(np.exp(-np.sum((one[:, None] - two[None]) ** 2, axis=-1) / one.shape[1]))


def mmd(z: Any, prior: Any = None) -> Any:
    """Return the squared maximum mean discrepancy between codes and a sample of the prior."""
    prior = PRIOR[: len(z), : z.shape[1]].astype(z.dtype) if prior is None else prior
    return kernel(z, z) + kernel(prior, prior) - 2 * kernel(z, prior)


def total_correlation(z: Any, mu: Any, log_var: Any) -> Any:
    """Return the minibatch estimate of the total correlation of the aggregated posterior, its constants left out."""
    each = -0.5 * ((z[:, None] - mu[None]) ** 2 * np.exp(-log_var[None]) + log_var[None])
    joint = np.log(np.mean(np.exp(np.sum(each, axis=-1)), axis=1))
    return np.mean(joint - np.sum(np.log(np.mean(np.exp(each), axis=1)), axis=-1))


def moments(mu: Any) -> Any:
    """Return the squared distance of the covariance of the means from the identity."""
    return np.sum((np.cov(mu.T) - np.eye(mu.shape[1])) ** 2).astype(mu.dtype)


def unbiased(z: Any, prior: Any) -> Any:
    """Return the unbiased estimate of the squared discrepancy, by the inverse multiquadratic kernel of a Wasserstein autoencoder."""

    def every(one: Any, two: Any) -> Any:
        return 2 * z.shape[1] / (2 * z.shape[1] + np.sum((one[:, None] - two[None]) ** 2, axis=-1))

    count, apart = len(z), 1 - np.eye(len(z), dtype=z.dtype)
    own = np.sum((every(z, z) + every(prior, prior)) * apart) / (count * (count - 1))
    return own - 2 * np.mean(every(z, prior))


def log_normal(z: Any, mu: Any, log_var: Any) -> Any:
    """Return the log density of every latent."""
    return -0.5 * ((z - mu) ** 2 * np.exp(-log_var) + log_var + np.log(2 * np.pi))


def decomposed(x: Any, x_hat: Any, mu: Any, log_var: Any, z: Any) -> Any:
    """Return the loss with mutual information, six times the total correlation and the latents' KLs, by minibatch weights."""
    pairs, count = log_normal(z[:, None], mu[None], log_var[None]), np.log(len(z) * 1000)
    own, prior = np.sum(log_normal(z, mu, log_var), axis=1), np.sum(log_normal(z, 0 * z, 0 * z), axis=1)
    joint = np.log(np.sum(np.exp(np.sum(pairs, axis=-1)), axis=1)) - count
    single = np.sum(np.log(np.sum(np.exp(pairs), axis=1)) - count, axis=-1)
    information, correlation, rest = own - joint, joint - single, single - prior
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + information + 6 * correlation + rest).astype(x.dtype)


def covariance(mu: Any, spread: Any = 0.0) -> Any:
    """Return the penalty on the covariance of the means, or of the aggregated posterior: far from diagonal, far from 1."""
    centred = mu - np.mean(mu, axis=0)
    whole = centred.T @ centred / len(mu) + spread * np.eye(mu.shape[1], dtype=mu.dtype)
    diagonal = np.diag(whole)
    return 10 * np.sum((whole - np.diag(diagonal)) ** 2) + 5 * np.sum((diagonal - 1) ** 2)


COUPLED: dict[str, Callable[..., Any]] = {
    "mmd alone": lambda x, x_hat, z: np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1)) + 10 * mmd(z),
    "mmd of the sample": lambda x, x_hat, mu, log_var, z: elbo(x, x_hat, mu, log_var) + 10 * mmd(z),
    "mmd of the means": lambda x, x_hat, mu, log_var: elbo(x, x_hat, mu, log_var) + 10 * mmd(mu),
    "mmd to a sample passed": lambda x, x_hat, z, prior_sample: (
        np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1)) + 10 * mmd(z, prior_sample)
    ),
    "mmd through noise": lambda x, x_hat, mu, log_var, eps: (
        elbo(x, x_hat, mu, log_var) + 10 * mmd(mu + np.exp(log_var / 2) * eps)
    ),
    "total correlation": lambda x, x_hat, mu, log_var, z: (
        elbo(x, x_hat, mu, log_var) + 5 * total_correlation(z, mu, log_var)
    ),
    "unbiased mmd of a sample and the prior's": lambda x, x_hat, z, p_z: (
        np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1)) + (10 * unbiased(z, p_z)).astype(x.dtype)
    ),
    "total correlation by minibatch weights": decomposed,
    "covariance of the means": lambda x, x_hat, mu, log_var: elbo(x, x_hat, mu, log_var) + covariance(mu),
    "covariance of the aggregated posterior": lambda x, x_hat, mu, log_var: (
        elbo(x, x_hat, mu, log_var) + covariance(mu, np.mean(np.exp(log_var), axis=0))
    ),
    "covariance of the sample": lambda x, x_hat, mu, log_var, z: elbo(x, x_hat, mu, log_var) + covariance(z),
    "the batch's mean variance": lambda x, x_hat, mu, log_var: (
        elbo(x, x_hat, mu, log_var) + np.sum((np.mean(np.exp(log_var), axis=0) - 0.5) ** 2)
    ),
    "sorted codes beside a sorted sample": lambda x, x_hat, z, p_z: (
        np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1)) + 10 * np.mean((np.sort(z, axis=0) - np.sort(p_z, axis=0)) ** 2)
    ),
    "moments of the means": lambda x, x_hat, mu, log_var: elbo(x, x_hat, mu, log_var) + moments(mu),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", COUPLED)
def test_a_coupling_is_reported_as_one(name: str, dtype: str) -> None:
    """It is no bound, the reason is the coupling, and no slip of a KL is claimed."""
    verdict = verify(COUPLED[name], dtype=dtype)
    assert verdict.bound.value == "not-a-bound", str(verdict)
    assert "depends on the posteriors of the others" in verdict.reason
    assert [f.code for f in verdict.findings if f.outcome is not Outcome.NOTE] == [""], str(verdict)
    assert verdict.findings[0].message.startswith("The divergence couples the data of a batch")
    assert verdict.model is not None
    assert str(verdict.model.divergence).endswith("a term that couples the data of a batch")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_no_coupling_is_not_called_one(dtype: str) -> None:
    """A sample that each datum keeps to itself couples nothing."""

    def loss(x: Any, x_hat: Any, mu: Any, log_var: Any, z: Any) -> Any:
        estimate = 0.5 * np.sum(z**2 - (z - mu) ** 2 * np.exp(-log_var) - log_var, axis=1)
        return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + estimate)

    verdict = verify(loss, dtype=dtype)
    assert verdict.bound.value == "constant", str(verdict)
    assert verdict.model is not None
    assert verdict.model.divergence == "KL(N(mu, e^log_var) || N(0, 1)), estimated from z"


def test_torch_couplings_are_named() -> None:
    """A kernel between a sample and the prior's, as it is written in torch."""
    torch = pytest.importorskip("torch")

    def loss(x: Any, x_hat: Any, mu: Any, log_var: Any, z: Any, prior_z: Any) -> Any:
        def mean(one: Any, two: Any) -> Any:
            return torch.exp(-(torch.cdist(one, two) ** 2) / 2).mean()

        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1)
        discrepancy = mean(z, z) + mean(prior_z, prior_z) - 2 * mean(z, prior_z)
        return (0.5 * ((x - x_hat) ** 2).sum(1) + kl).mean() + 10 * discrepancy

    verdict = verify(loss, framework="torch")
    assert "depends on the posteriors of the others" in verdict.reason, str(verdict)
    assert [f.code for f in verdict.findings if f.outcome is not Outcome.NOTE] == [""], str(verdict)
