"""A Gaussian decoder that learns its noise."""

from __future__ import annotations

import numpy as np

from elbocheck.gallery.divergence import Array, kl_terms


def log_scale_dropped(x: Array, x_mu: Array, x_log_sigma: Array, mu: Array, logvar: Array) -> np.floating:
    """Return the quadratic term and the KL, without log sigma: training drives sigma to infinity."""
    quadratic = 0.5 * ((x - x_mu) / np.exp(x_log_sigma)) ** 2
    return np.mean(np.sum(quadratic, axis=-1) + np.sum(kl_terms(mu, logvar), axis=-1))
