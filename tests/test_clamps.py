"""Clamps on a scale: where the value is held and its gradient is not, or is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from elbocheck import Finding, Outcome, verify

torch = pytest.importorskip("torch", reason="torch is not installed")


def kl(mu: Any, logvar: Any) -> Any:
    """The KL of a batch."""
    return -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())


def clamped(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """An ordinary clamp, as latent-diffusion autoencoders have it."""
    return 0.5 * torch.sum((x - recon_x) ** 2) + kl(mu, logvar.clamp(-30.0, 20.0))


def tight(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A clamp among everyday values."""
    return 0.5 * torch.sum((x - recon_x) ** 2) + kl(mu, logvar.clamp(-6.0, 2.0))


def in_secret(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A clamp that the gradient does not see."""
    held = logvar.clone()
    with torch.no_grad():
        held.clamp_(-18.0, 18.0)
    return 0.5 * torch.sum((x - recon_x) ** 2) + kl(mu, held)


def floored(x_loc: Any, x: Any, x_scale: Any) -> Any:
    """A floor under the decoder's scale."""
    s = x_scale.clamp(min=1e-4)
    return (0.5 * ((x - x_loc) / s) ** 2 + torch.log(s)).sum()


def plain(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """No clamp."""
    return 0.5 * torch.sum((x - recon_x) ** 2) + kl(mu, logvar)


def free_bits(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Free bits: flat near the prior, not far from it."""
    each = -0.5 * (1 + logvar - mu**2 - logvar.exp())
    return 0.5 * torch.sum((x - recon_x) ** 2) + torch.clamp(each, min=0.5).sum()


def learned(x_loc: Any, x: Any, x_log_scale: Any) -> Any:
    """A learned scale without a clamp."""
    return (0.5 * ((x - x_loc) * torch.exp(-x_log_scale)) ** 2 + x_log_scale).sum()


def smooth(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A softplus that flattens out far below: its slope is there, and less than the rounding of the value."""
    return 0.5 * torch.sum((x - recon_x) ** 2) + kl(mu, torch.nn.functional.softplus(logvar + 6.0) - 6.0)


def stepped(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Flat from 7 to 17, rising again beyond."""
    inside = (logvar > 7.0) & (logvar < 17.0)
    return 0.5 * torch.sum((x - recon_x) ** 2) + kl(mu, torch.where(inside, torch.full_like(logvar, 7.0), logvar))


def _found(loss: Callable[..., Any]) -> list[Finding]:
    return [f for f in verify(loss).findings if f.code == "ELB510"]


@pytest.mark.parametrize(
    ("loss", "outcome", "says"),
    [
        (clamped, Outcome.NOTE, "gradient is 0"),
        (tight, Outcome.WARN, "gradient is 0"),
        (in_secret, Outcome.NOTE, "the gradient goes on"),
        (floored, Outcome.NOTE, "gradient is 0"),
        (torch.nn.GaussianNLLLoss(), Outcome.NOTE, "the gradient goes on"),
    ],
    ids=["clamped", "tight", "secret", "floored", "GaussianNLLLoss"],
)
def test_a_clamp_is_named_with_its_gradient(loss: Callable[..., Any], outcome: Outcome, says: str) -> None:
    """Loud among everyday values only."""
    (found,) = _found(loss)
    assert found.outcome is outcome
    assert says in found.message


def test_the_diagonal_gaussian_of_diffusers_is_clamped() -> None:
    """Its log variance is held in [-30, 20], and its gradient is 0 beyond."""
    vae = pytest.importorskip("diffusers.models.autoencoders.vae", reason="diffusers is not installed")

    def divergence(mu: Any, logvar: Any) -> Any:
        parameters = torch.cat([mu, logvar], dim=1)[:, :, None, None]
        return vae.DiagonalGaussianDistribution(parameters).kl()

    (found,) = _found(divergence)
    assert "gradient is 0" in found.message


@pytest.mark.parametrize("loss", [plain, free_bits, learned, smooth, stepped], ids=lambda f: f.__name__)
def test_a_scale_without_a_clamp_is_silent(loss: Callable[..., Any]) -> None:
    """A floor under the KL is none on its scale."""
    assert _found(loss) == []
