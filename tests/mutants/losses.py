"""Right VAE losses in torch, and the twelve one-line bugs planted into them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LOG_2PI = 1.8378770664093453


def kl_terms(mu: Tensor, logvar: Tensor) -> Tensor:
    """Return the KL of each latent."""
    return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp())


# --- right variants ---


def right_bce_sum(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Sums over everything, probabilities."""
    return F.binary_cross_entropy(recon_x, x, reduction="sum") + kl_terms(mu, logvar).sum()


def right_bce_batch_mean(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Mean over the batch, probabilities."""
    bce = F.binary_cross_entropy(recon_x, x, reduction="none").flatten(1).sum(1)
    return (bce + kl_terms(mu, logvar).sum(1)).mean()


def right_logits_sum(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Sums over everything, logits."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + kl_terms(mu, logvar).sum()


def right_logits_per_datum(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """One value per datum."""
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    return bce + kl_terms(mu, logvar).sum(1)


def right_logits_scaled(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Everything in nats per pixel."""
    bce = F.binary_cross_entropy_with_logits(logits, x)
    return bce + kl_terms(mu, logvar).sum(1).mean() / x[0].numel()


def right_gaussian_sum(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Half the squared error, summed, no constant."""
    return 0.5 * F.mse_loss(recon_x, x, reduction="sum") + kl_terms(mu, logvar).sum()


def right_gaussian_full(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The full Gaussian density at sigma = 1."""
    nll = 0.5 * ((x - recon_x) ** 2 + LOG_2PI)
    return (nll.flatten(1).sum(1) + kl_terms(mu, logvar).sum(1)).mean()


def right_gaussian_small_sigma(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor, sigma: float = 0.1) -> Tensor:
    """The full Gaussian density at sigma = 0.1."""
    nll = 0.5 * ((x - recon_x) / sigma) ** 2 + 0.5 * LOG_2PI + torch.log(torch.tensor(sigma, dtype=x.dtype))
    return (nll.flatten(1).sum(1) + kl_terms(mu, logvar).sum(1)).mean()


def right_gaussian_learned(x: Tensor, x_mu: Tensor, x_logvar: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """A Gaussian decoder with a learned variance."""
    nll = 0.5 * (LOG_2PI + x_logvar + (x - x_mu) ** 2 * torch.exp(-x_logvar))
    return (nll.flatten(1).sum(1) + kl_terms(mu, logvar).sum(1)).mean()


def right_gaussian_scaled(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Twice the negative ELBO at sigma = 1: the squared error plus twice the KL."""
    return (F.mse_loss(recon_x, x, reduction="none").flatten(1).sum(1) + 2 * kl_terms(mu, logvar).sum(1)).mean()


def right_huber(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """A Huber likelihood at a fixed knot."""
    rec = F.huber_loss(recon_x, x, reduction="none", delta=0.5).flatten(1).sum(1)
    return (rec + kl_terms(mu, logvar).sum(1)).mean()


def right_log_std(recon_x: Tensor, x: Tensor, mu: Tensor, log_std: Tensor) -> Tensor:
    """The posterior's scale as a log standard deviation."""
    kl = 0.5 * (mu**2 + torch.exp(2 * log_std) - 1) - log_std
    return (0.5 * ((recon_x - x) ** 2).flatten(1).sum(1) + kl.sum(1)).mean()


# --- planted bugs: one line of a right loss changed ---


def bug_kl_sign(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The KL's sign is lost."""
    return F.binary_cross_entropy(recon_x, x, reduction="sum") + 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def bug_kl_missing_half(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The half of the KL is missing."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + 2 * kl_terms(mu, logvar).sum()


def bug_pixel_mean(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The mean of the reconstruction is taken over pixels too."""
    return F.binary_cross_entropy_with_logits(logits, x) + kl_terms(mu, logvar).sum(1).mean()


def bug_latent_mean(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The mean of the KL is taken over latents."""
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    return (bce + kl_terms(mu, logvar).mean(1)).mean()


def bug_batch_sum(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The KL is summed over the batch."""
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
    return bce.mean() + kl_terms(mu, logvar).sum()


def bug_log_var_as_log_std(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The exponential reads the log variance as a log standard deviation."""
    kl = -0.5 * (1 + logvar - mu.pow(2) - (2 * logvar).exp())
    return 0.5 * F.mse_loss(recon_x, x, reduction="sum") + kl.sum()


def bug_exp_for_square(recon_x: Tensor, x: Tensor, mu: Tensor, std: Tensor) -> Tensor:
    """The variance of a standard deviation is taken as its exponential."""
    kl = -0.5 * (1 + 2 * torch.log(std) - mu.pow(2) - std.exp())
    return 0.5 * F.mse_loss(recon_x, x, reduction="sum") + kl.sum()


def bug_double_sigmoid(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The logits are squashed twice."""
    bce = F.binary_cross_entropy_with_logits(torch.sigmoid(logits), x, reduction="sum")
    return bce + kl_terms(mu, logvar).sum()


def bug_swapped(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Data and prediction are exchanged."""
    return F.binary_cross_entropy(x, recon_x, reduction="sum") + kl_terms(mu, logvar).sum()


def bug_detached_kl(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The KL carries no gradient."""
    return F.binary_cross_entropy(recon_x, x, reduction="sum") + kl_terms(mu, logvar).sum().detach()


def bug_target_broadcast(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """A column of predictions meets a row of targets."""
    rec = 0.5 * (recon_x.reshape(-1, 1) - x.reshape(-1)).pow(2).sum()
    return rec + kl_terms(mu, logvar).sum()


def bug_gray(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Right on binary data, verified for gray values."""
    return right_bce_sum(recon_x, x, mu, logvar)


def bug_constant_of_another_sigma(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The curvature is that of sigma = 0.1, the constant that of sigma = 1."""
    nll = 0.5 * ((x - recon_x) / 0.1) ** 2 + 0.5 * LOG_2PI
    return (nll.flatten(1).sum(1) + kl_terms(mu, logvar).sum(1)).mean()


def bug_clamp(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The probabilities are clamped at 1e-4."""
    return right_bce_sum(recon_x.clamp(1e-4, 1 - 1e-4), x, mu, logvar)
