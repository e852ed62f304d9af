"""The squared error as a likelihood: a * SSE is a Gaussian with sigma^2 = 1/(2a), up to (D/2) log(2 pi sigma^2) nats."""

from __future__ import annotations

import math

import numpy as np

from elbocheck.gallery.divergence import Array, kl_terms


def sse(prediction: Array, target: Array) -> np.floating:
    """Return the squared error, summed: sigma^2 = 1/2."""
    return np.sum((target - prediction) ** 2)


def half_sse(prediction: Array, target: Array) -> np.floating:
    """Return half of it: sigma^2 = 1."""
    return 0.5 * sse(prediction, target)


def mse(prediction: Array, target: Array) -> Array:
    """Return the mean over the pixels of each datum: sigma^2 = D/2."""
    return np.mean((target - prediction) ** 2, axis=-1)


def batch_mse(prediction: Array, target: Array) -> np.floating:
    """Return the mean over batch and pixels: sigma^2 = D/2."""
    return np.mean((target - prediction) ** 2)


def sse_with_constant(prediction: Array, target: Array) -> np.floating:
    """Return the negative log density at sigma^2 = 1/2."""
    return sse(prediction, target) + target.size * 0.5 * math.log(math.pi)


def half_sse_with_constant(prediction: Array, target: Array) -> np.floating:
    """Return the negative log density at sigma = 1."""
    return half_sse(prediction, target) + target.size * 0.5 * math.log(2 * math.pi)


def mse_with_constant(prediction: Array, target: Array) -> Array:
    """Return the negative log density of each datum at sigma^2 = D/2."""
    pixels = target.shape[-1]
    return mse(prediction, target) + pixels * 0.5 * math.log(math.pi * pixels)


def vae_loss(recon_x: Array, x: Array, mu: Array, log_var: Array) -> np.floating:
    """Return half the squared error plus KL, averaged over the batch: sigma = 1, the constant dropped."""
    return np.mean(np.sum(0.5 * (x - recon_x) ** 2, axis=-1) + np.sum(kl_terms(mu, log_var), axis=-1))
