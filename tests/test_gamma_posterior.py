"""A gamma posterior by concentration and rate: its KL to the gamma prior that a loss holds."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma
from typing import Any

import numpy as np
import pytest

from elbocheck import Outcome, verify
from elbocheck.kernels.gamma import digamma

DTYPES = ("float64", "float32")
_psi = np.vectorize(digamma, otypes=[np.float64])
_log_gamma = np.vectorize(lgamma, otypes=[np.float64])


def elbo(x: Any, x_hat: Any, divergence: Any) -> Any:
    """Return the batch mean of half the squared error and the divergence, in the dtype of the data."""
    total = np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + np.sum(divergence, axis=1))
    return total.astype(x.dtype)


def kl(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Return KL(Gamma(a, b) || Gamma(c, d)) for each latent."""
    a, b, c, d = (np.asarray(v, dtype=np.float64) for v in (a, b, c, d))
    return (a - c) * _psi(a) - _log_gamma(a) + _log_gamma(c) + c * (np.log(b) - np.log(d)) + a * (d / b - 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("prior", [(1.0, 1.0), (2.0, 3.0), (0.3, 0.3)])
def test_the_prior_of_a_gamma_posterior_is_found(prior: tuple[float, float], dtype: str) -> None:
    """Concentration and rate of the prior come back, and nothing is said against a right loss."""

    def loss(x: Any, x_hat: Any, q_concentration: Any, q_rate: Any) -> Any:
        return elbo(x, x_hat, kl(q_concentration, q_rate, *prior))

    verdict = verify(loss, dtype=dtype)
    assert not [f for f in verdict.findings if f.outcome is not Outcome.NOTE], str(verdict)
    assert verdict.bound.value == "constant", str(verdict)
    assert verdict.model is not None
    text = str(verdict.model.divergence)
    assert text.startswith("KL(Gamma(q_concentration, q_rate) || Gamma(")
    found = [float(number) for number in text.removesuffix("))").rpartition("(")[2].split(",")]
    assert [round(number, 4) for number in found] == list(prior)
    assert verdict.model.scale.equals(1.0)


WRONG: dict[str, tuple[Callable[..., Any], str]] = {
    "sign": (lambda x, x_hat, q_concentration, q_rate: elbo(x, x_hat, -kl(q_concentration, q_rate, 2, 3)), "ELB205"),
    "reversed": (lambda x, x_hat, q_concentration, q_rate: elbo(x, x_hat, kl(2, 3, q_concentration, q_rate)), "ELB206"),
    "absent": (lambda x, x_hat, q_concentration, q_rate: elbo(x, x_hat, 0 * q_concentration * q_rate), "ELB207"),
    "no divergence": (lambda x, x_hat, q_concentration, q_rate: elbo(x, x_hat, (q_concentration / q_rate) ** 2), ""),
    "log of the concentration for psi": (
        lambda x, x_hat, q_concentration, q_rate: elbo(
            x, x_hat, kl(q_concentration, q_rate, 2, 3) + 0.1 * np.log(q_concentration)
        ),
        "",
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_divergence_is_named(name: str, dtype: str) -> None:
    """The planted fault gets its code, or is left undecided where nothing is known of it; it is never a bound."""
    loss, code = WRONG[name]
    verdict = verify(loss, dtype=dtype)
    assert code in [f.code for f in verdict.findings], str(verdict)
    assert verdict.bound.value == "not-a-bound", str(verdict)


def test_a_mean_over_latents_is_named() -> None:
    """The weight of a gamma's KL moves with the sizes as any other."""

    def loss(x: Any, x_hat: Any, q_concentration: Any, q_rate: Any) -> Any:
        return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1)) + np.mean(kl(q_concentration, q_rate, 2, 3))

    assert "ELB102" in verify(loss).codes
