"""Auto-Encoding Variational Bayes (Kingma & Welling 2013): estimators A (eq. 6) and B (eq. 10), decoders of appendix C.

`y` is what the decoder's multilayer perceptron returns: logits of C.1, or mean and log variance of C.2.
"""

from __future__ import annotations

import math

import numpy as np

from elbocheck.gallery.divergence import Array, kl_terms

LOG_2PI = math.log(2 * math.pi)


def bernoulli_estimator_b(x: Array, logits: Array, mu: Array, log_var: Array) -> np.floating:
    """Return the batch mean of the negative ELBO, KL in closed form, Bernoulli decoder."""
    log_likelihood = np.sum(x * logits - np.logaddexp(0, logits), axis=1)
    return np.mean(np.sum(kl_terms(mu, log_var), axis=1) - log_likelihood)


def gaussian_estimator_b(x: Array, x_mu: Array, x_log_var: Array, mu: Array, log_var: Array) -> np.floating:
    """Return the batch mean of the negative ELBO, KL in closed form, Gaussian decoder with a learned variance."""
    log_likelihood = -0.5 * np.sum(LOG_2PI + x_log_var + (x - x_mu) ** 2 / np.exp(x_log_var), axis=1)
    return np.mean(np.sum(kl_terms(mu, log_var), axis=1) - log_likelihood)


def bernoulli_estimator_a(x: Array, logits: Array, z: Array, mu: Array, log_var: Array) -> np.floating:
    """Return the batch mean of a one-sample estimate: log q(z|x) - log p(z) - log p(x|z)."""
    log_posterior = -0.5 * np.sum(LOG_2PI + log_var + (z - mu) ** 2 / np.exp(log_var), axis=1)
    log_prior = -0.5 * np.sum(LOG_2PI + z**2, axis=1)
    log_likelihood = np.sum(x * logits - np.logaddexp(0, logits), axis=1)
    return np.mean(log_posterior - log_prior - log_likelihood)
