"""The loss of TensorFlow's tutorial "Convolutional Variational Autoencoder": a function of a model and images.

It calls `model.encode`, `model.reparameterize` and `model.decode`, draws one sample, and is the exact negative ELBO of a
Bernoulli decoder on binarised images.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf


def log_normal_pdf(sample: Any, mean: Any, logvar: Any, raxis: int = 1) -> Any:
    """Return log N(sample; mean, e^logvar) of each datum in nats."""
    log2pi = tf.math.log(2.0 * np.pi)
    return tf.reduce_sum(-0.5 * ((sample - mean) ** 2.0 * tf.exp(-logvar) + logvar + log2pi), axis=raxis)


def compute_loss(model: Any, x: Any) -> Any:
    """Return the mean over the batch of -log p(x|z) - log p(z) + log q(z|x) for images x of shape (B, H, W, C)."""
    mean, logvar = model.encode(x)
    z = model.reparameterize(mean, logvar)
    x_logit = model.decode(z)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(logits=x_logit, labels=x)
    logpx_z = -tf.reduce_sum(cross_entropy, axis=[1, 2, 3])
    logpz = log_normal_pdf(z, 0.0, 0.0)
    logqz_x = log_normal_pdf(z, mean, logvar)
    return -tf.reduce_mean(logpx_z + logpz - logqz_x)
