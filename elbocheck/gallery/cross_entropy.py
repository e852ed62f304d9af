"""Sigmoid cross-entropy: a Bernoulli on {0, 1}, and no density on the gray values between."""

from __future__ import annotations

import numpy as np

from elbocheck.gallery.divergence import Array


def from_logits(logits: Array, labels: Array) -> np.floating:
    """Return the stable form max(l, 0) - l x + log(1 + e^-|l|), summed over a datum, averaged over the batch."""
    costs = np.maximum(logits, 0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))
    return np.mean(np.sum(costs, axis=-1))
