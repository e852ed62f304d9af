"""The KL of Kingma & Welling 2013, appendix B: KL(N(mu, sigma^2) || N(0, 1)) per latent, in nats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def kl_terms(mu: Array, log_var: Array) -> Array:
    """Return the KL of each latent, shape of `mu`."""
    return -0.5 * (1 + log_var - mu**2 - np.exp(log_var))
