"""Published losses that are functions of arrays, each written from its formula in NumPy.

Names follow what people call the arguments; what a loss divides by, sums over or forgets is what was published.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
LOG_2PI = math.log(2 * math.pi)


def kl_terms(mu: Array, logvar: Array) -> Array:
    """Return the KL of each latent to the standard normal prior."""
    return -0.5 * (1 + logvar - mu**2 - np.exp(logvar))


def softplus(v: Array) -> Array:
    """Return log(1 + e^v)."""
    return np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v)))


def sigmoid(v: Array) -> Array:
    """Return 1 / (1 + e^-v)."""
    return 0.5 * (1 + np.tanh(v / 2))


def cross_entropy(logits: Array, x: Array) -> Array:
    """Return the stable sigmoid cross-entropy of each element."""
    return softplus(logits) - x * logits


def log_normal(v: Array, loc: Any, log_var: Any) -> Array:
    """Return the log density of a normal, its constant included."""
    return -0.5 * (LOG_2PI + log_var + (v - loc) ** 2 * np.exp(-log_var))


def tf_cvae(logits: Array, x: Array, z: Array, mean: Array, logvar: Array) -> Any:
    """S1: a one-sample estimate, sums over a datum, mean over the batch."""
    log_px = -np.sum(cross_entropy(logits, x), axis=-1)
    log_pz = np.sum(log_normal(z, 0.0, 0.0 * logvar), axis=1)
    log_qz = np.sum(log_normal(z, mean, logvar), axis=1)
    return -np.mean(log_px + log_pz - log_qz)


def keras_cvae(data: Array, reconstruction: Array, z_mean: Array, z_log_var: Array) -> Any:
    """T3: cross-entropy averaged over channels, summed over the image; probabilities held off 0 and 1 by 1e-7."""
    p = np.clip(reconstruction, 1e-7, 1 - 1e-7)
    entropy = -np.mean(data * np.log(p) + (1 - data) * np.log(1 - p), axis=-1)
    return np.mean(np.sum(entropy, axis=(1, 2))) + np.mean(np.sum(kl_terms(z_mean, z_log_var), axis=1))


def flax_log_sigmoid(logits: Array, labels: Array, mean: Array, logvar: Array) -> Any:
    """T4: log(1 - p) as log(-expm1(log p))."""
    log_p = -softplus(-logits)
    entropy = -(labels * log_p + (1 - labels) * np.log(-np.expm1(log_p)))
    return np.mean(np.sum(entropy, axis=-1)) + np.mean(np.sum(kl_terms(mean, logvar), axis=-1))


def nnx_toy(logits: Array, x: Array, mean: Array, logvar: Array) -> Any:
    """T5: the mean cross-entropy plus a tenth of the mean KL."""
    return np.mean(cross_entropy(logits, x)) + 0.1 * np.mean(kl_terms(mean, logvar))


def haiku(logits: Array, x: Array, mean: Array, log_stddev: Array) -> Any:
    """T6: x l - log(1 + e^l) summed, the posterior's scale as a log standard deviation."""
    log_likelihood = np.sum(x * logits - np.logaddexp(0.0, logits), axis=-1)
    kl = 0.5 * np.sum(mean**2 + np.exp(2 * log_stddev) - 1 - 2 * log_stddev, axis=-1)
    return -np.mean(log_likelihood - kl)


def hips(x: Array, logits: Array, z: Array, mean: Array, log_std: Array) -> Any:
    """T8: pixels of -1 and 1, a sampled KL, nats per pixel."""
    log_px = np.sum(-np.logaddexp(0.0, -x * logits), axis=-1)
    log_pz = np.sum(log_normal(z, 0.0, 0.0 * log_std), axis=-1)
    log_qz = np.sum(log_normal(z, mean, 2 * log_std), axis=-1)
    return -np.mean(log_px + log_pz - log_qz) / x.shape[-1]


def lightning(x_hat: Array, x_log_scale: Array, x: Array, z: Array, mu: Array, std: Array) -> Any:
    """T9: a Gaussian of learned scale, a sampled KL; the mean of a loss that is logged as an elbo."""
    recon = np.sum(0.5 * (LOG_2PI + ((x - x_hat) * np.exp(-x_log_scale)) ** 2) + x_log_scale, axis=-1)
    log_qz = log_normal(z, mu, 2 * np.log(std))
    log_pz = log_normal(z, 0.0, 0.0 * std)
    return np.mean(np.sum(log_qz - log_pz, axis=-1) + recon)


def log_cosh_alpha(recons: Array, x: Array, mu: Array, log_var: Array) -> Any:
    """T13: log cosh(alpha t)/alpha with its exponential written out, averaged; the KL summed over latents."""
    alpha = x.dtype.type(100.0)
    t = recons - x
    recon = np.mean(alpha * t + np.log(1 + np.exp(-2 * alpha * t)) - np.log(x.dtype.type(2.0))) / alpha
    return recon + np.mean(np.sum(kl_terms(mu, log_var), axis=1))


def vanilla_train(recons: Array, x: Array, mu: Array, log_var: Array, kld_weight: float = 2.5e-4) -> Any:
    """T14: the mean squared error over everything, a KL per datum of a small weight."""
    return np.mean((recons - x) ** 2) + kld_weight * np.mean(np.sum(kl_terms(mu, log_var), axis=1))


def draw_step(logits: Array, x: Array, mu: Array, sigma: Array) -> Any:
    """T15: one step; a half is taken off the KL once, where it belongs to every latent."""
    kl = 0.5 * np.sum(mu**2 + sigma**2 - 2 * np.log(sigma), axis=1) - 0.5
    return np.mean(np.sum(cross_entropy(logits, x), axis=-1) + kl)


def bernoulli_sum(logits: Array, x: Array, mu: Array, logvar: Array) -> Any:
    """T7, T10, T17: cross-entropy from logits plus KL, sums over a datum."""
    return np.mean(np.sum(cross_entropy(logits, x), axis=-1) + np.sum(kl_terms(mu, logvar), axis=1))


def squashed_l2(logits: Array, x: Array, mu: Array, logvar: Array) -> Any:
    """T17: the squared error of the squashed logits."""
    return np.mean(np.sum((x - sigmoid(logits)) ** 2, axis=-1) + np.sum(kl_terms(mu, logvar), axis=1))


def beta_vae(logits: Array, x: Array, mu: Array, logvar: Array, beta: float = 4.0) -> Any:
    """T18: Higgins et al. 2017."""
    return np.mean(np.sum(cross_entropy(logits, x), axis=-1) + beta * np.sum(kl_terms(mu, logvar), axis=1))


def burgess(logits: Array, x: Array, mu: Array, logvar: Array) -> Any:
    """T19: Burgess et al. 2018, the KL of the batch pulled to 25 nats with a gain of 1000."""
    kl = np.mean(np.sum(kl_terms(mu, logvar), axis=1))
    return np.mean(np.sum(cross_entropy(logits, x), axis=-1)) + 1000.0 * np.abs(kl - 25.0)


def bins_without_tails(x: Array, x_mean: Array, x_logvar: Array, mu: Array, logvar: Array) -> Any:
    """T20: a logistic over 256 bins of [0, 1], open ends left out, a guard in the logarithm."""
    scale, width = np.exp(x_logvar), 1 / 256
    low = (np.floor(x / width) * width - x_mean) / scale
    log_px = np.log(sigmoid(low + width / scale) - sigmoid(low) + 1e-7)
    return np.mean(-np.sum(log_px, axis=-1) + np.sum(kl_terms(mu, logvar), axis=1))


def bins_with_tails(x: Array, x_mean: Array, x_log_scale: Array) -> Any:
    """T21: one logistic over 256 levels in [-1, 1], the first and the last bin open."""
    inverse = np.exp(-x_log_scale)
    upper, lower = (x - x_mean + 1 / 255) * inverse, (x - x_mean - 1 / 255) * inverse
    inside = np.log(np.maximum(sigmoid(upper) - sigmoid(lower), 1e-12))
    log_px = np.where(x < -0.999, -softplus(-upper), np.where(x > 0.999, -softplus(lower), inside))
    return -np.sum(log_px, axis=-1)


def bins_of_pixel_cnn(x: Array, x_mean: Array, x_log_scale: Array, mu: Array, logvar: Array) -> Any:
    """T21, whole: log scales held above -7, and where a difference is 1e-5 or less the density times the width of a bin."""
    log_scale = np.maximum(x_log_scale, -7.0)
    inverse, centred = np.exp(-log_scale), x - x_mean
    upper, lower, middle = (centred + 1 / 255) * inverse, (centred - 1 / 255) * inverse, centred * inverse
    delta = sigmoid(upper) - sigmoid(lower)
    rare = middle - log_scale - 2 * softplus(middle) - math.log(127.5)
    inside = np.where(delta > 1e-5, np.log(np.maximum(delta, 1e-12)), rare)
    log_px = np.where(x < -0.999, -softplus(-upper), np.where(x > 0.999, -softplus(lower), inside))
    return np.mean(-np.sum(log_px, axis=-1) + np.sum(kl_terms(mu, logvar), axis=1))


def bins_of_a_tanh(x: Array, x_mean: Array, x_log_scale: Array) -> Any:
    """T22: a Gaussian over 256 levels whose distribution function is a tanh of a cubic."""

    def cdf(v: Array) -> Array:
        return 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))

    inverse = np.exp(-x_log_scale)
    upper, lower = cdf((x - x_mean + 1 / 255) * inverse), cdf((x - x_mean - 1 / 255) * inverse)
    inside = np.log(np.maximum(upper - lower, 1e-12))
    ends = np.log(np.maximum(upper, 1e-12)), np.log(np.maximum(1 - lower, 1e-12))
    return -np.sum(np.where(x < -0.999, ends[0], np.where(x > 0.999, ends[1], inside)), axis=-1)


def vdvae(logits: Array, x: Array, mu: Array, logvar: Array) -> dict[str, Any]:
    """T23: everything in nats per dimension, under the key elbo."""
    size = x.shape[-1]
    distortion = np.sum(cross_entropy(logits, x), axis=-1) / size
    rate = np.sum(kl_terms(mu, logvar), axis=1) / size
    return {"elbo": np.mean(distortion + rate), "distortion": np.mean(distortion), "rate": np.mean(rate)}


def bits_per_dim(recon_x: Array, x: Array, mu: Array, logvar: Array) -> Any:
    """T24: a Gaussian on dequantised bytes, -(log p - D log 256)/(D ln 2)."""
    size = x.shape[-1]
    nats = np.sum(0.5 * ((x - recon_x) ** 2 + LOG_2PI), axis=-1) + np.sum(kl_terms(mu, logvar), axis=1)
    return np.mean(nats + size * math.log(256)) / (size * math.log(2))


def sigma_vae(x_hat: Array, x_log_sigma: Array, x: Array, mu: Array, logvar: Array) -> Any:
    """T25: a learned sigma, everything summed."""
    rec = 0.5 * ((x - x_hat) / np.exp(x_log_sigma)) ** 2 + x_log_sigma + 0.5 * LOG_2PI
    return np.sum(rec) + np.sum(kl_terms(mu, logvar))


def sigma_vae_mse(x_hat: Array, x: Array, mu: Array, logvar: Array) -> Any:
    """T25, variant: the mean squared error, the KL summed over the batch."""
    return np.mean((x_hat - x) ** 2) + np.sum(kl_terms(mu, logvar))


def optimal_sigma(x_hat: Array, x: Array, mu: Array, logvar: Array) -> Any:
    """T26: sigma^2 is the mean squared error of the batch."""
    variance = np.mean((x - x_hat) ** 2)
    rec = 0.5 * (x - x_hat) ** 2 / variance + 0.5 * np.log(variance) + 0.5 * LOG_2PI
    return np.sum(rec) + np.sum(kl_terms(mu, logvar))


def two_stage(x: Array, x_hat: Array, x_log_scale: Array, mu_z: Array, sd_z: Array) -> Any:
    """T27: a learned gamma, (log 2 pi)/2 typed to five digits."""
    rec = np.sum(((x - x_hat) / np.exp(x_log_scale)) ** 2 / 2.0 + x_log_scale + 0.91893) / len(x)
    return rec + np.sum(mu_z**2 + sd_z**2 - 2 * np.log(sd_z) - 1) / 2.0 / len(x)


def log_c(logits: Array) -> Array:
    """Return log C of the continuous Bernoulli, by its series near logits of 0."""
    near = np.abs(logits) < 0.05
    safe = np.where(near, 1.0, np.abs(logits))
    far = np.log(safe) + np.log1p(np.exp(-safe)) - np.log(-np.expm1(-safe))
    return np.where(near, math.log(2) + logits**2 / 12 - 7 * logits**4 / 1440, far)


def continuous_bernoulli(logits: Array, x: Array, mu: Array, logvar: Array) -> Any:
    """T29: with its normaliser."""
    rec = cross_entropy(logits, x) - log_c(logits)
    return np.mean(np.sum(rec, axis=-1) + np.sum(kl_terms(mu, logvar), axis=1))


def latent_diffusion(x: Array, recon: Array, x_logvar: Array, mu: Array, logvar: Array) -> Any:
    """T31: absolute error over e^s, plus s; a KL of weight 1e-6."""
    nll = np.sum(np.abs(x - recon) / np.exp(x_logvar) + x_logvar) / len(x)
    return nll + 1e-6 * np.sum(kl_terms(mu, logvar)) / len(x)


# --- P2 and P3: the formulas of keras.losses and optax.losses ---


def keras_mse(y_true: Array, y_pred: Array) -> Any:
    """MeanSquaredError before its reduction."""
    return np.mean((y_true - y_pred) ** 2, axis=-1)


def keras_bce(y_true: Array, y_pred: Array) -> Any:
    """BinaryCrossentropy of probabilities, clipped at 1e-7."""
    p = np.clip(y_pred, 1e-7, 1 - 1e-7)
    return np.mean(-(y_true * np.log(p) + (1 - y_true) * np.log(1 - p)), axis=-1)


def keras_huber(y_true: Array, y_pred: Array) -> Any:
    """Huber at delta = 1."""
    size = np.abs(y_true - y_pred)
    return np.mean(np.where(size <= 1, 0.5 * size**2, size - 0.5), axis=-1)


def keras_log_cosh(y_true: Array, y_pred: Array) -> Any:
    """LogCosh in its stable form."""
    d = y_pred - y_true
    return np.mean(d + softplus(-2 * d) - d.dtype.type(math.log(2)), axis=-1)


def keras_poisson(y_true: Array, y_pred: Array) -> Any:
    """Poisson with 1e-7 inside the logarithm."""
    return np.mean(y_pred - y_true * np.log(y_pred + 1e-7), axis=-1)


def keras_kl(y_true: Array, y_pred: Array) -> Any:
    """KLDivergence of clipped probabilities."""
    p, q = np.clip(y_true, 1e-7, 1), np.clip(y_pred, 1e-7, 1)
    return np.sum(p * np.log(p / q), axis=-1)


def keras_cosine(y_true: Array, y_pred: Array) -> Any:
    """CosineSimilarity: minus the cosine of the angle."""
    lengths = [np.sqrt(np.maximum(np.sum(v**2, axis=-1, keepdims=True), 1e-12)) for v in (y_true, y_pred)]
    return -np.sum(y_true / lengths[0] * y_pred / lengths[1], axis=-1)


def optax_l2(predictions: Array, targets: Array) -> Any:
    """l2_loss: half the square of each element."""
    return 0.5 * (predictions - targets) ** 2


def optax_squared_error(predictions: Array, targets: Array) -> Any:
    """squared_error: the square of each element."""
    return (predictions - targets) ** 2


def optax_huber(predictions: Array, targets: Array, delta: float = 0.4) -> Any:
    """huber_loss: a clipped quadratic and a linear part."""
    size = np.abs(predictions - targets)
    quadratic = np.minimum(size, delta)
    return 0.5 * quadratic**2 + delta * (size - quadratic)


def optax_log_cosh(predictions: Array, targets: Array) -> Any:
    """log_cosh: log(e^d + e^-d) - log 2."""
    d = predictions - targets
    return np.logaddexp(d, -d) - d.dtype.type(math.log(2))


def optax_sigmoid_bce(logits: Array, labels: Array) -> Any:
    """sigmoid_binary_cross_entropy of each element."""
    return labels * softplus(-logits) + (1 - labels) * softplus(logits)


def optax_kl(log_probs: Array, targets: Array) -> Any:
    """kl_divergence of log predictions from targets, over the last axis."""
    safe = np.where(targets > 0, targets, 1.0)
    return np.sum(targets * (np.log(safe) - log_probs), axis=-1)


def optax_cosine(predictions: Array, targets: Array) -> Any:
    """cosine_distance: one minus the cosine."""
    lengths = np.linalg.norm(predictions, axis=-1), np.linalg.norm(targets, axis=-1)
    return 1 - np.sum(predictions * targets, axis=-1) / (lengths[0] * lengths[1] + 1e-12)
