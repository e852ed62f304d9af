"""The end-to-end VAE of the Keras guide on subclassing: a mean squared error plus a mean KL.

It reads like a plain VAE, and is the exact ELBO of a Gaussian decoder with sigma^2 = D/(2 L): 12.25 at 784 pixels and
32 latents, on data in [0, 1].
"""

from __future__ import annotations

import numpy as np

from elbocheck.gallery.divergence import Array, kl_terms


def vae_loss(reconstructed: Array, x: Array, z_mean: Array, z_log_var: Array) -> np.floating:
    """Return mean((x - r)^2) over batch and pixels, plus the mean KL over batch and latents."""
    return np.mean((x - reconstructed) ** 2) + np.mean(kl_terms(z_mean, z_log_var))
