"""World Models (Ha & Schmidhuber 2018): squared error plus a KL that never counts less than half a nat per latent."""

from __future__ import annotations

import numpy as np

from elbocheck.gallery.divergence import Array, kl_terms

KL_TOLERANCE = 0.5


def vae_loss(y: Array, x: Array, mu: Array, logvar: Array) -> np.floating:
    """Return the batch mean of SSE + max(KL, L/2)."""
    squared = np.sum((x - y) ** 2, axis=-1)
    divergence = np.maximum(np.sum(kl_terms(mu, logvar), axis=1), KL_TOLERANCE * mu.shape[1])
    return np.mean(squared) + np.mean(divergence)
