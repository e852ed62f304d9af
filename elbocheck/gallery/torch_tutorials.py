"""Losses of widely copied tutorials, in torch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

BATCH_SIZE = 128


def _kl_terms(mu: Tensor, logvar: Tensor) -> Tensor:
    return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp())


def pytorch_examples(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Return BCE and KL, both summed over everything."""
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    return bce + torch.sum(_kl_terms(mu, logvar))


def pytorch_examples_2017(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Return the mean BCE, and the summed KL over the nominal batch and 784 pixels."""
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 784))
    return bce + torch.sum(_kl_terms(mu, logvar)) / (BATCH_SIZE * 784)


def sums(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Return cross-entropy from logits and KL, both summed over everything."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="sum") + torch.sum(_kl_terms(mu, logvar))


def gray_images(recon_x: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Return the mean squared error plus 0.1 times the KL averaged over batch and latents."""
    return F.mse_loss(recon_x, x) + 0.1 * torch.mean(_kl_terms(mu, logvar))


def latent_mean(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Return the cross-entropy summed over a datum, plus the KL averaged over batch and latents."""
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
    return bce + torch.mean(_kl_terms(mu, logvar))
