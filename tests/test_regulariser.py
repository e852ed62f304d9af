"""What a loss pays for its posterior, read from calls: scales of every kind, other priors, noise passed in.

Every reading has right losses, which stay silent and are named, and wrong ones, which get their code, in both dtypes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from elbocheck import Outcome, Verdict, verify

Loss = Callable[..., Any]
DTYPES = ("float64", "float32")


def softplus(raw: Any) -> Any:
    """Return log(1 + e^raw) in the dtype of `raw`."""
    return np.logaddexp(raw.dtype.type(0), raw)


def terms(m: Any, var: Any, loc: float = 0.0, held: float = 1.0) -> Any:
    """Return KL(N(m, var) || N(loc, held)) of each latent."""
    loc, held = m.dtype.type(loc), m.dtype.type(held)
    return 0.5 * (((m - loc) ** 2 + var) / held - 1 - np.log(var) + np.log(held))


def sampled(z: Any, m: Any, scale: Any) -> Any:
    """Return log q(z) - log p(z) of each latent, for a standard prior."""
    return 0.5 * z**2 - 0.5 * ((z - m) / scale) ** 2 - np.log(scale)


def elbo(x: Any, x_hat: Any, divergence: Any) -> Any:
    """Return the batch mean of half the squared error and the divergence of each datum."""
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + np.sum(divergence, axis=1))


def loud(verdict: Verdict) -> list[str]:
    """Return the codes of what is more than a note."""
    return [f.code for f in verdict.findings if f.outcome is not Outcome.NOTE]


def test_a_bound_inside_is_no_slip() -> None:
    """As many functions of the log variance as it was probed at meet any values: no slip is named by them."""

    def bounded(x: Any, x_hat: Any, mu: Any, log_var: Any) -> Any:
        return elbo(x, x_hat, terms(mu, np.exp(10 * np.tanh(log_var / 10))))

    verdict = verify(bounded)
    assert verdict.codes == ()
    assert [f.outcome for f in verdict.findings] == [Outcome.INCONCLUSIVE]


RIGHT: dict[str, tuple[Loss, str]] = {
    "scale": (
        lambda x, x_hat, mu, rho: elbo(x, x_hat, terms(mu, softplus(rho) ** 2)),
        "KL(N(mu, softplus(rho)^2) || N(0, 1))",
    ),
    "variance": (
        lambda x, x_hat, mu, raw_scale: elbo(x, x_hat, terms(mu, softplus(raw_scale))),
        "KL(N(mu, softplus(raw_scale)) || N(0, 1))",
    ),
    "scale and a bit": (
        lambda x, x_hat, mu, pre_std: elbo(x, x_hat, terms(mu, (softplus(pre_std) + pre_std.dtype.type(1e-3)) ** 2)),
        "KL(N(mu, (softplus(pre_std) + 0.001)^2) || N(0, 1))",
    ),
    "called sigma": (
        lambda x, x_hat, mu, sigma: elbo(x, x_hat, terms(mu, softplus(sigma) ** 2)),
        "KL(N(mu, softplus(sigma)^2) || N(0, 1))",
    ),
    "called log_var": (
        lambda x, x_hat, mu, log_var: elbo(x, x_hat, terms(mu, softplus(log_var) ** 2)),
        "KL(N(mu, softplus(log_var)^2) || N(0, 1))",
    ),
    "called rho, a log scale": (
        lambda x, x_hat, mu, rho: elbo(x, x_hat, terms(mu, np.exp(2 * rho))),
        "KL(N(mu, e^(2 rho)) || N(0, 1))",
    ),
    "sample of a softplus": (
        lambda x, x_hat, mu, log_var, z: elbo(x, x_hat, sampled(z, mu, softplus(log_var))),
        "KL(N(mu, softplus(log_var)^2) || N(0, 1))",
    ),
    "shifted prior": (
        lambda x, x_hat, mu, log_var: elbo(x, x_hat, terms(mu, np.exp(log_var), loc=2.0)),
        "KL(N(mu, e^log_var) || N(2, 1))",
    ),
    "shifted and scaled prior": (
        lambda x, x_hat, mu, sigma: elbo(x, x_hat, terms(mu, sigma**2, loc=-1.5, held=4.0)),
        "KL(N(mu, sigma^2) || N(-1.5, 4))",
    ),
    "scaled prior": (
        lambda x, x_hat, mu, log_sigma: elbo(x, x_hat, terms(mu, np.exp(2 * log_sigma), held=0.25)),
        "KL(N(mu, e^(2 log_sigma)) || N(0, 0.25))",
    ),
    "softplus to a shifted prior": (
        lambda x, x_hat, mu, rho: elbo(x, x_hat, terms(mu, softplus(rho) ** 2, loc=1.0, held=0.25)),
        "KL(N(mu, softplus(rho)^2) || N(1, 0.25))",
    ),
    "shifted prior, no constant": (
        lambda x, x_hat, mu, log_var: elbo(x, x_hat, 0.5 * ((mu - 2) ** 2 + np.exp(log_var) - log_var)),
        "KL(N(mu, e^log_var) || N(2, 1))",
    ),
    "noise": (
        lambda x, x_hat, mu, log_var, eps: elbo(
            x, x_hat, sampled(mu + np.exp(log_var / 2) * eps, mu, np.exp(log_var / 2))
        ),
        "KL(N(mu, e^log_var) || N(0, 1))",
    ),
    "noise, its own density": (
        lambda x, x_hat, mu, std, noise: elbo(x, x_hat, 0.5 * ((mu + std * noise) ** 2 - noise**2) - np.log(std)),
        "KL(N(mu, std^2) || N(0, 1))",
    ),
    "noise and softplus": (
        lambda x, x_hat, mu, sigma, epsilon: elbo(
            x, x_hat, sampled(mu + softplus(sigma) * epsilon, mu, softplus(sigma))
        ),
        "KL(N(mu, softplus(sigma)^2) || N(0, 1))",
    ),
}
"""Right losses, and their divergence in words."""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_divergence_is_named_and_silent(name: str, dtype: str) -> None:
    """The divergence is read to its last number, and nothing is louder than a note."""
    loss, divergence = RIGHT[name]
    verdict = verify(loss, dtype=dtype)
    assert not loud(verdict), str(verdict)
    assert verdict.bound.value == "constant", str(verdict)
    assert verdict.model is not None
    sampled = ", estimated from" in str(verdict.model.divergence)
    assert (verdict.model.divergence or "").partition(", estimated from")[0] == divergence
    assert sampled == ("sampled" in loss.__code__.co_names or name == "noise, its own density")
    assert verdict.model.scale.equals(1.0)


WRONG: dict[str, tuple[Loss, str]] = {
    "softplus, log variance for log scale": (
        lambda x, x_hat, mu, rho: elbo(x, x_hat, 0.5 * (mu**2 + softplus(rho) ** 2 - 1 - np.log(softplus(rho)))),
        "ELB201",
    ),
    "softplus, no variance": (
        lambda x, x_hat, mu, rho: elbo(x, x_hat, 0.5 * (mu**2 - 1) - np.log(softplus(rho))),
        "ELB208",
    ),
    "softplus, reversed": (
        lambda x, x_hat, mu, rho: elbo(x, x_hat, 0.5 * (mu**2 + 1) / softplus(rho) ** 2 - 0.5 + np.log(softplus(rho))),
        "ELB206",
    ),
    "softplus, sign": (lambda x, x_hat, mu, rho: elbo(x, x_hat, -terms(mu, softplus(rho) ** 2)), "ELB205"),
    "shifted, log counted twice": (
        lambda x, x_hat, mu, log_var: elbo(x, x_hat, 0.5 * ((mu - 2) ** 2 + np.exp(log_var) - 1 - 2 * log_var)),
        "ELB212",
    ),
    "scaled, constant of another": (
        lambda x, x_hat, mu, log_var: elbo(x, x_hat, 0.5 * (mu**2 + np.exp(log_var) - 1 - 4 * log_var)),
        "ELB201",
    ),
    "noise at the wrong scale": (
        lambda x, x_hat, mu, log_var, eps: elbo(x, x_hat, 0.5 * ((mu + np.exp(log_var) * eps) ** 2 - eps**2 - log_var)),
        "ELB201",
    ),
    "noise, entropy dropped": (
        lambda x, x_hat, mu, log_var, eps: elbo(x, x_hat, 0.5 * ((mu + np.exp(log_var / 2) * eps) ** 2 - eps**2)),
        "ELB213",
    ),
    "noise, sign": (
        lambda x, x_hat, mu, log_var, eps: elbo(
            x, x_hat, -sampled(mu + np.exp(log_var / 2) * eps, mu, np.exp(log_var / 2))
        ),
        "ELB205",
    ),
}
"""Planted faults, and the code that names each."""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_divergence_is_named(name: str, dtype: str) -> None:
    """The planted fault gets its code."""
    loss, code = WRONG[name]
    verdict = verify(loss, dtype=dtype)
    assert code in verdict.codes, str(verdict)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_role_follows_the_values(dtype: str) -> None:
    """A log_var that enters through a softplus is reported as a raw scale."""
    roles: Mapping[str, str] = verify(RIGHT["called log_var"][0], dtype=dtype).roles
    assert roles["log_var"] == "q_raw_scale"


PULLED: dict[str, tuple[Loss, str, str]] = {
    "distance": (
        lambda x, x_hat, mu, log_var, C=25.0, gamma=1000.0: (
            elbo(x, x_hat, 0 * mu)
            + np.mean(gamma * np.abs(np.sum(terms(mu, np.exp(log_var)), axis=1) - x.dtype.type(C)), dtype=x.dtype)
        ),
        "1000 |KL(N(mu, e^log_var) || N(0, 1)) - 25|",
        "datum",
    ),
    "capacity passed": (
        lambda x, x_hat, mu, rho, capacity: (
            elbo(x, x_hat, 0 * mu)
            + np.mean(np.abs(np.sum(terms(mu, softplus(rho) ** 2), axis=1) - x.dtype.type(capacity)))
        ),
        "|KL(N(mu, softplus(rho)^2) || N(0, 1)) - 1|",
        "datum",
    ),
    "beyond ordinary posteriors": (
        lambda x, x_hat, mu, log_var: (
            elbo(x, x_hat, 0 * mu) + 10 * np.mean(np.abs(np.sum(terms(mu, np.exp(log_var)), axis=1) - 500))
        ),
        "10 |KL(N(mu, e^log_var) || N(0, 1)) - 500|",
        "datum",
    ),
    "square": (
        lambda x, x_hat, mu, log_var: (
            elbo(x, x_hat, 0 * mu) + 3 * np.mean((np.sum(terms(mu, np.exp(log_var)), axis=1) - 2) ** 2)
        ),
        "3 (KL(N(mu, e^log_var) || N(0, 1)) - 2)^2",
        "datum",
    ),
    "each latent": (
        lambda x, x_hat, mu, log_var: elbo(x, x_hat, 100 * np.abs(terms(mu, np.exp(log_var)) - x.dtype.type(0.5))),
        "100 |KL(N(mu, e^log_var) || N(0, 1)) - 1/2| for each latent",
        "latent",
    ),
    "the whole batch": (
        lambda x, x_hat, mu, log_var: (
            elbo(x, x_hat, 0 * mu) + 100 * np.abs(np.mean(np.sum(terms(mu, np.exp(log_var)), axis=1)) - 5)
        ),
        "100 |KL(N(mu, e^log_var) || N(0, 1)) - 5| for the whole batch",
        "the whole batch",
    ),
}
"""KLs that are pulled to a target, in words, and what is pulled."""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PULLED)
def test_a_capacity_is_found(name: str, dtype: str) -> None:
    """Target and weight are read; such a loss is no bound, and nothing else is said of it."""
    loss, divergence, pulled = PULLED[name]
    verdict = verify(loss, dtype=dtype)
    assert verdict.codes == ("ELB305",), str(verdict)
    assert verdict.bound.value == "not-a-bound"
    assert verdict.model is not None
    assert verdict.model.divergence == divergence
    assert f"KL of {'each ' if pulled != 'the whole batch' else ''}{pulled} is pulled" in verdict.findings[0].message


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_only_resembles_a_capacity_is_none(dtype: str) -> None:
    """A KL of the wrong sign falls for ever, free bits never fall: neither has a target."""
    flipped = verify(lambda x, x_hat, mu, log_var: elbo(x, x_hat, -terms(mu, np.exp(log_var))), dtype=dtype)
    hinged = verify(
        lambda x, x_hat, mu, log_var: (
            elbo(x, x_hat, 0 * mu) + np.mean(np.maximum(np.sum(terms(mu, np.exp(log_var)), axis=1), 4))
        ),
        dtype=dtype,
    )
    assert "ELB205" in flipped.codes
    assert "ELB306" in hinged.codes
    assert "ELB305" not in {*flipped.codes, *hinged.codes}
