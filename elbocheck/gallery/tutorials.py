"""Losses of widely copied tutorials, written in NumPy; `torch_tutorials` holds them in torch."""

from __future__ import annotations

import numpy as np

from elbocheck.gallery.divergence import Array, kl_terms

BATCH_SIZE = 128


def _binary_cross_entropy(probs: Array, target: Array) -> Array:
    """Return BCE per element, its logarithms held at -100 as torch holds them."""
    with np.errstate(divide="ignore"):
        log_p, log_q = np.maximum(np.log(probs), -100), np.maximum(np.log1p(-probs), -100)
    return -(target * log_p + (1 - target) * log_q)


def pytorch_examples(recon_x: Array, x: Array, mu: Array, logvar: Array) -> np.floating:
    """Return BCE and KL, both summed over everything."""
    return np.sum(_binary_cross_entropy(recon_x, x.reshape(-1, 784))) + np.sum(kl_terms(mu, logvar))


def pytorch_examples_2017(recon_x: Array, x: Array, mu: Array, logvar: Array) -> np.floating:
    """Return the mean BCE, and the summed KL over the nominal batch and 784 pixels."""
    bce = np.mean(_binary_cross_entropy(recon_x, x.reshape(-1, 784)))
    return bce + np.sum(kl_terms(mu, logvar)) / (BATCH_SIZE * 784)


def sums(logits: Array, x: Array, mu: Array, logvar: Array) -> np.floating:
    """Return cross-entropy from logits and KL, both summed over everything."""
    return np.sum(np.logaddexp(0, logits) - x * logits) + np.sum(kl_terms(mu, logvar))


def gray_images(recon_x: Array, x: Array, mu: Array, logvar: Array) -> np.floating:
    """Return the mean squared error plus 0.1 times the KL averaged over batch and latents."""
    return np.mean((recon_x - x) ** 2) + 0.1 * np.mean(kl_terms(mu, logvar))


def latent_mean(logits: Array, x: Array, mu: Array, logvar: Array) -> np.floating:
    """Return the cross-entropy summed over a datum, plus the KL averaged over batch and latents."""
    return np.sum(np.logaddexp(0, logits) - x * logits) / len(x) + np.mean(kl_terms(mu, logvar))
