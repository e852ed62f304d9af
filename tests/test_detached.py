"""Value against gradient, one group of arguments at a time: stop-gradients that move the optimum, and those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from elbocheck import Outcome, verify

torch = pytest.importorskip("torch", reason="torch is not installed")


def error(recon_x: Any, x: Any) -> Any:
    """Half the squared error of each datum."""
    return 0.5 * torch.sum((x - recon_x) ** 2, dim=1)


def kl(mu: Any, logvar: Any, prior_mu: Any, prior_logvar: Any) -> Any:
    """KL of two diagonal normals."""
    apart = (mu - prior_mu) ** 2 * torch.exp(-prior_logvar)
    return 0.5 * torch.sum(prior_logvar - logvar + torch.exp(logvar - prior_logvar) + apart - 1, dim=1)


def balanced(recon_x: Any, x: Any, mu: Any, logvar: Any, prior_mu: Any, prior_logvar: Any, mix: float = 0.8) -> Any:
    """KL balancing: most of the slope moves the prior."""
    posterior, prior = (mu, logvar), (prior_mu, prior_logvar)
    held, fixed = (tuple(t.detach() for t in pair) for pair in (posterior, prior))
    return (error(recon_x, x) + mix * kl(*held, *prior) + (1 - mix) * kl(*posterior, *fixed)).mean()


def dreamer(recon_x: Any, x: Any, mu: Any, logvar: Any, prior_mu: Any, prior_logvar: Any) -> Any:
    """Weights that do not add up to 1."""
    posterior, prior = (mu, logvar), (prior_mu, prior_logvar)
    held, fixed = (tuple(t.detach() for t in pair) for pair in (posterior, prior))
    return (error(recon_x, x) + kl(*held, *prior) + 0.1 * kl(*posterior, *fixed)).sum()


def fixed_prior(recon_x: Any, x: Any, mu: Any, logvar: Any, prior_mu: Any, prior_logvar: Any) -> Any:
    """The prior gets nothing."""
    return (error(recon_x, x) + kl(mu, logvar, prior_mu.detach(), prior_logvar.detach())).mean()


def half_detached(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The scale of the posterior gets nothing, its mean does."""
    zero = torch.zeros_like(mu)
    return (error(recon_x, x) + kl(mu, logvar.detach(), zero, zero)).mean()


@pytest.mark.parametrize(
    ("loss", "shares"),
    [
        (balanced, ("(mu, logvar) gets 0.2", "(prior_mu, prior_logvar) 0.8")),
        (dreamer, ("gets 0.09091", ") 0.9091")),
        (fixed_prior, ("gets 1", ") 0:")),
        (half_detached, ("logvar is detached",)),
    ],
    ids=["balanced", "dreamer", "fixed", "half"],
)
def test_a_detached_part_is_named(loss: Callable[..., Any], shares: tuple[str, ...]) -> None:
    """With the groups, and the share of the slope that each gets."""
    verdict = verify(loss)
    (found,) = (f for f in verdict.findings if f.code in ("ELB304", "ELB601"))
    assert (found.code, found.outcome) == ("ELB304", Outcome.WARN)
    for share in shares:
        assert share in found.message


def whole(recon_x: Any, x: Any, mu: Any, logvar: Any, prior_mu: Any, prior_logvar: Any) -> Any:
    """A prior network, nothing detached."""
    return (error(recon_x, x) + kl(mu, logvar, prior_mu, prior_logvar)).mean()


def log_normal(z: Any, mu: Any, logvar: Any) -> Any:
    """Log density of each datum, its constant left out."""
    return -0.5 * torch.sum(logvar + (z - mu) ** 2 * torch.exp(-logvar), dim=1)


def sampled(recon_x: Any, x: Any, z: Any, mu: Any, logvar: Any) -> Any:
    """One draw, handed in."""
    zero = torch.zeros_like(mu)
    return (error(recon_x, x) + log_normal(z, mu, logvar) - log_normal(z, zero, zero)).mean()


def landing(recon_x: Any, x: Any, z: Any, mu: Any, logvar: Any) -> Any:
    """Sticking the landing: the score of the posterior is detached."""
    zero = torch.zeros_like(mu)
    return (error(recon_x, x) + log_normal(z, mu.detach(), logvar.detach()) - log_normal(z, zero, zero)).mean()


def landing_inside(recon_x: Any, x: Any, eps: Any, mu: Any, logvar: Any) -> Any:
    """The same with the noise handed in."""
    return landing(recon_x, x, mu + torch.exp(logvar / 2) * eps, mu, logvar)


def landing_std(recon_x: Any, x: Any, z: Any, mu: Any, std: Any) -> Any:
    """The same from a standard deviation."""
    return landing(recon_x, x, z, mu, 2 * torch.log(std))


def logged(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Detached members that are only returned."""
    zero = torch.zeros_like(mu)
    each = kl(mu, logvar, zero, zero)
    return {"loss": (error(recon_x, x) + each).mean(), "kl": each.mean().detach()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "loss", [whole, sampled, landing, landing_inside, landing_std, logged], ids=lambda f: f.__name__
)
def test_what_moves_no_optimum_is_silent(loss: Callable[..., Any], dtype: str) -> None:
    """A score of zero mean may be detached; a gradient that is the value's is right."""
    for seed in range(3):
        verdict = verify(loss, dtype=dtype, seed=seed)
        assert not {"ELB304", "ELB601"} & set(verdict.codes), str(verdict)


def test_a_slope_that_counts_twice_is_wrong_not_detached() -> None:
    """Shares of a split slope add up to 1; these do not."""

    def doubled(recon_x: Any, x: Any, mu: Any, logvar: Any, prior_mu: Any, prior_logvar: Any) -> Any:
        each = kl(mu, logvar, prior_mu, prior_logvar)
        return (error(recon_x, x) + 2 * each - each.detach()).mean()

    codes = verify(doubled).codes
    assert "ELB601" in codes
    assert "ELB304" not in codes


def test_a_detached_sample_is_still_seen() -> None:
    """Without the way through z the posterior gets no slope at all."""

    def cut(recon_x: Any, x: Any, eps: Any, mu: Any, logvar: Any) -> Any:
        z = (mu + torch.exp(logvar / 2) * eps).detach()
        return sampled(recon_x, x, z, mu, logvar)

    assert {"ELB304", "ELB601"} & set(verify(cut).codes)
