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
    assert verdict.model.divergence == "KL(N(mu, e^log_var) || N(0, 1))"
