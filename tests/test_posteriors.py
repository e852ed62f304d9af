"""Encoders that return a distribution, which the loss samples from, measures and compares with the prior."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from elbocheck import verify
from elbocheck.errors import UsageError
from elbocheck.verdict import Bound

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries, while they are imported
torch: Any = None
jax: Any = None
dist: Any = None
"""Put in where a test needs them."""


def library(name: str, distributions: str) -> None:
    """Import a framework and its distributions under the names that the losses use, or skip."""
    pytest.importorskip(distributions, reason=f"{distributions} is not installed")
    module = sys.modules[__name__]
    setattr(module, name, importlib.import_module(name))
    module.dist = importlib.import_module(distributions)  # type: ignore[attr-defined]  # a name of this module


def energy(x: Any, x_hat: Any) -> Any:
    """Return half the squared error of each datum."""
    return 0.5 * ((x - x_hat) ** 2).sum(1)


def analytic(model: Any, x: Any) -> Any:
    """The library's own KL of each latent."""
    q = model.encode(x)
    z = q.rsample()
    p = dist.Normal(torch.zeros_like(z), torch.ones_like(z))
    return (energy(x, model.decode(z)) + dist.kl_divergence(q, p).sum(1)).mean()


def joined(model: Any, x: Any) -> Any:
    """The KL of the whole vector."""
    q = model.encode(x)
    z = q.rsample()
    p = dist.Independent(dist.Normal(torch.zeros_like(z), torch.ones_like(z)), 1)
    return (energy(x, model.decode(z)) + dist.kl_divergence(q, p)).mean()


def sampled(model: Any, x: Any) -> Any:
    """Both densities at a sample."""
    q = model.encode(x)
    z = q.rsample()
    p = dist.Normal(torch.zeros_like(z), torch.ones_like(z))
    return (energy(x, model.decode(z)) + (q.log_prob(z) - p.log_prob(z)).sum(1)).mean()


def moments(model: Any, x: Any) -> Any:
    """Its mean and standard deviation alone."""
    q = model.encode(x)
    kl = 0.5 * (q.mean**2 + q.stddev**2 - 1 - 2 * torch.log(q.stddev)).sum(1)
    return (energy(x, model.decode(q.mean)) + kl).mean()


@pytest.mark.parametrize("loss", [analytic, joined, sampled, moments], ids=lambda f: f.__name__)
def test_a_right_loss_of_a_distribution_is_read(loss: Any) -> None:
    """The KL to the prior, whichever way it is asked for."""
    library("torch", "torch.distributions")
    verdict = verify(loss)
    assert verdict.bound is Bound.CONSTANT, str(verdict)
    assert set(verdict.codes) <= {"ELB001", "ELB501", "ELB502"}, str(verdict)  # at scales that underflow
    assert verdict.model is not None
    assert str(verdict.model.divergence).startswith("KL(N(q_loc, q_scale^2) || N(0, 1))")


def numpyro_sampled(model: Any, x: Any, key: Any) -> Any:
    """NumPyro's densities at a sample, from a key."""
    q = model.encode(x)
    z = q.sample(key)
    p = dist.Normal(jax.numpy.zeros_like(z), 1.0)
    return (energy(x, model.decode(z)) + (q.log_prob(z) - p.log_prob(z)).sum(1)).mean()


def test_a_distribution_of_numpyro_is_read() -> None:
    """The same under JAX."""
    library("jax", "numpyro.distributions")
    verdict = verify(numpyro_sampled)
    assert verdict.bound is Bound.CONSTANT, str(verdict)


def doubled(model: Any, x: Any) -> Any:
    """Twice the KL."""
    q = model.encode(x)
    p = dist.Normal(torch.zeros_like(q.mean), torch.ones_like(q.mean))
    return (energy(x, model.decode(q.rsample())) + 2 * dist.kl_divergence(q, p).sum(1)).mean()


def wrong_way(model: Any, x: Any) -> Any:
    """KL(p || q)."""
    q = model.encode(x)
    p = dist.Normal(torch.zeros_like(q.mean), torch.ones_like(q.mean))
    return (energy(x, model.decode(q.rsample())) + dist.kl_divergence(p, q).sum(1)).mean()


def test_faults_beside_a_distribution_are_named() -> None:
    """A weight, and the wrong direction."""
    library("torch", "torch.distributions")
    assert "ELB10" in "".join(verify(doubled).codes), str(verify(doubled))
    assert any(code.startswith("ELB2") for code in verify(wrong_way).codes), str(verify(wrong_way))


def of_a_decoder(model: Any, x: Any) -> Any:
    """The family of a decoder's distribution cannot be told."""
    p = model.decode(x)
    return -p.log_prob(x).mean()


def test_a_decoder_s_distribution_is_not_guessed() -> None:
    """It could be any family."""
    library("torch", "torch.distributions")
    with pytest.raises(UsageError, match=r"model\.decode"):
        verify(of_a_decoder)
