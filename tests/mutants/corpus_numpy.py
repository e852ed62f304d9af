"""Losses in NumPy, as different people write them."""
import math
from collections import namedtuple
from dataclasses import dataclass
from functools import partial

import numpy as np

EPS = 1e-7
LOG2PI = math.log(2 * math.pi)
original_dim = 784


# ---------------------------------------------------------------- the sound ones
def vae_loss(recon_x, x, mu, logvar):
    recon_x = np.clip(recon_x, EPS, 1 - EPS)
    bce = -np.sum(x * np.log(recon_x) + (1 - x) * np.log(1 - recon_x))
    kld = -0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar))
    return bce + kld


def loss_with_logits(logits, x, mean, log_var):
    ce = np.maximum(logits, 0) - logits * x + np.log1p(np.exp(-np.abs(logits)))
    bce = ce.sum(axis=1).mean()
    kld = (-0.5 * (1 + log_var - mean ** 2 - np.exp(log_var))).sum(axis=1).mean()
    return bce + kld, bce, kld


def keras_style(y_true, y_pred, z_mean, z_log_var):
    reconstruction_loss = 0.5 * np.sum(np.square(y_true - y_pred), axis=-1)
    kl_loss = 1 + z_log_var - np.square(z_mean) - np.exp(z_log_var)
    kl_loss = np.sum(kl_loss, axis=-1)
    kl_loss *= -0.5
    return reconstruction_loss + kl_loss


def compute_loss(x, x_decoded_mean, z_mean, z_log_var):
    x = x.reshape(-1, 784)
    x_decoded_mean = x_decoded_mean.reshape(-1, 784)
    xent_loss = original_dim * np.mean(np.square(x - x_decoded_mean), axis=-1)
    kl_loss = -0.5 * np.sum(1 + z_log_var - np.square(z_mean) - np.exp(z_log_var), axis=-1)
    return np.mean(xent_loss + kl_loss)


def fixed_sigma_dict(recons, inputs, mu, log_var, sigma=0.1):
    nll = 0.5 * ((inputs - recons) / sigma) ** 2 + math.log(sigma) + 0.5 * LOG2PI
    nll = nll.reshape(len(nll), -1).sum(1).mean()
    kld = np.mean(-0.5 * np.sum(1 + log_var - mu ** 2 - np.exp(log_var), axis=1), axis=0)
    return {"loss": nll + kld, "Reconstruction_Loss": nll, "KLD": kld}


Terms = namedtuple("Terms", "loss nll kl")


def hetero_gaussian(x, x_mean, x_log_var, z_mean, z_log_var):
    nll = 0.5 * (LOG2PI + x_log_var + (x - x_mean) ** 2 * np.exp(-x_log_var))
    nll = nll.sum(-1)
    kl = 0.5 * (np.exp(z_log_var) + z_mean ** 2 - 1.0 - z_log_var).sum(-1)
    return Terms(np.mean(nll + kl), np.mean(nll), np.mean(kl))


@dataclass
class LossOutput:
    loss: float
    recon: float
    kl: float


def loss_from_sigma(x_hat, x, mu, sigma):
    n = x.shape[0]
    recon = ((x_hat - x) ** 2).sum() / n
    kl = (0.5 * (mu ** 2 + sigma ** 2 - 1) - np.log(sigma)).sum() / n
    return LossOutput(loss=recon + kl, recon=recon, kl=kl)


def loss_log_std(x, x_rec, mean, log_std):
    rec = 0.5 * np.sum((x - x_rec) ** 2, axis=1)
    kl = -0.5 * np.sum(1 + 2 * log_std - mean ** 2 - np.exp(2 * log_std), axis=1)
    return (rec + kl).mean()


def loss_variance(x, x_rec, q_mu, q_var):
    rec = np.sum((x - x_rec) ** 2, axis=1) / 2
    kl = np.sum(q_mu ** 2 + q_var - np.log(q_var) - 1, axis=1) / 2
    return np.mean(rec + kl)


def _beta_vae(x, x_hat, mu, logvar, beta):
    rec = 0.5 * ((x - x_hat) ** 2).sum(axis=1)
    kl = 0.5 * (mu ** 2 + np.exp(logvar) - 1 - logvar).sum(axis=1)
    return np.mean(rec + beta * kl)


beta_vae_one = partial(_beta_vae, beta=1.0)
beta_vae_four = partial(_beta_vae, beta=4.0)


class Criterion:
    def __init__(self, weight=1.0):
        self.weight = weight

    def __call__(self, logits, target, mu, logvar):
        nll = np.logaddexp(0, logits) - target * logits
        kl = -0.5 * (1 + logvar - mu * mu - np.exp(logvar))
        return (nll.sum() + self.weight * kl.sum()) / len(target)

    def loss(self, logits, target, mu, logvar):
        return self(logits, target, mu, logvar)


criterion = Criterion()


def log_normal(z, mean, logvar):
    return -0.5 * ((z - mean) ** 2 * np.exp(-logvar) + logvar + LOG2PI)


def mc_elbo(x, x_logit, z, mean, logvar):
    cross_ent = np.maximum(x_logit, 0) - x_logit * x + np.log1p(np.exp(-np.abs(x_logit)))
    logpx_z = -cross_ent.sum(axis=1)
    logpz = log_normal(z, 0.0, 0.0 * logvar).sum(axis=1)
    logqz_x = log_normal(z, mean, logvar).sum(axis=1)
    return -np.mean(logpx_z + logpz - logqz_x)


def keyword_only(*, inputs, outputs, z_mean, z_log_var):
    d = inputs.shape[1]
    rec = 0.5 * np.mean((inputs - outputs) ** 2)
    kl = -0.5 * np.mean(np.sum(1 + z_log_var - z_mean ** 2 - np.exp(z_log_var), axis=1))
    return rec + kl / d


def as_python_float(x, reconstruction, mu, log_var):
    total = 0.5 * np.sum((x - reconstruction) ** 2) + 0.5 * np.sum(np.exp(log_var) + mu ** 2 - 1 - log_var)
    return float(total)


def huber_vae(x, x_pred, mu, logvar, delta=1.0):
    r = np.abs(x - x_pred)
    h = np.where(r <= delta, 0.5 * r ** 2, delta * (r - 0.5 * delta))
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - logvar - 1, axis=1)
    return np.mean(h.sum(axis=1) + kl)


def pseudo_doubled_huber(x, x_pred, mu, logvar):
    # r^2 inside, 2|r| - 1 outside: twice Huber, and twice the KL
    r = np.abs(x_pred - x)
    h = np.where(r < 1, r ** 2, 2 * r - 1)
    return h.sum() + np.sum(mu ** 2 + np.exp(logvar) - logvar - 1)


def kl_divergence(mu, logvar):
    return -0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar), axis=-1)


def gaussian_nll(y_true, y_pred, log_var):
    return np.mean(np.sum(0.5 * (log_var + (y_true - y_pred) ** 2 / np.exp(log_var) + LOG2PI), axis=-1))


def image_sse(images, reconstructions, means, log_vars):
    def sse(target, pred):
        return np.sum((target - pred) ** 2, axis=(1, 2, 3))
    kl = -0.5 * np.sum(1 + log_vars - means ** 2 - np.exp(log_vars), axis=1)
    return np.sum(sse(images, reconstructions) + kl)


def fixed_batch_size(logits, x, mu, logvar, batch_size=128):
    nll = np.sum(np.logaddexp(0, logits) - x * logits)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar)
    return (nll + kl) / batch_size


def learned_prior(x, x_hat, mu, logvar, prior_mu, prior_logvar):
    rec = 0.5 * ((x - x_hat) ** 2).sum(-1)
    kl = 0.5 * (prior_logvar - logvar + (np.exp(logvar) + (mu - prior_mu) ** 2) * np.exp(-prior_logvar) - 1).sum(-1)
    return (rec + kl).mean()


def bits_per_dim(x, x_logits, z_mu, z_logvar):
    n, d = x.shape
    nll = (np.logaddexp(0, x_logits) - x * x_logits).sum()
    kl = -0.5 * (1 + z_logvar - z_mu ** 2 - np.exp(z_logvar)).sum()
    return (nll + kl) / (n * d * math.log(2))


def twice_everything(x, recon_x, mu, logvar):
    """SSE without its half and KL without its half: 2 * (-ELBO) at unit variance."""
    return np.sum((x - recon_x) ** 2) - np.sum(1 + logvar - mu ** 2 - np.exp(logvar))


# ---------------------------------------------------------------- one fault each
def loss_a1(x, x_hat, mu, logvar):
    mse = np.mean((x - x_hat) ** 2)
    kl = np.mean(-0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar), axis=1))
    return mse + kl


def loss_a2(inputs, outputs, z_mean, z_log_var):
    rec = np.sum((inputs - outputs) ** 2, axis=-1)
    kl = -0.5 * np.mean(1 + z_log_var - z_mean ** 2 - np.exp(z_log_var), axis=-1)
    return np.mean(rec + kl)


def loss_a3(y_pred, y_true, mu, log_var):
    rec = 0.5 * np.mean((y_pred - y_true) ** 2)
    kl = -0.5 * np.mean(1 + log_var - mu ** 2 - np.exp(log_var))
    return {"loss": rec + kl, "rec": rec, "kl": kl}


def loss_a4(x, x_hat, mu, logvar):
    rec = 0.5 * np.sum((x - x_hat) ** 2)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return rec + kl


def loss_a5(x, x_hat, mu, logvar):
    rec = 0.5 * np.mean((x.reshape(-1, 1) - x_hat.ravel()) ** 2) * x[0].size
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return rec + kl.mean()


def loss_a6(logits, targets, mu, logvar):
    nll = np.logaddexp(0, logits) - targets * logits
    kl = -(1 + logvar - mu ** 2 - np.exp(logvar))
    return (nll.sum(1) + kl.sum(1)).mean()


def loss_a7(x, x_hat, mu, logvar):
    rec = 0.5 * np.sum((x - x_hat) ** 2, axis=1)
    kl = 0.5 * np.sum(1 + logvar - mu ** 2 - np.exp(logvar), axis=1)
    return np.mean(rec + kl)


def loss_a8(x, x_hat, mu, logvar):
    rec = 0.5 * np.sum((x - x_hat) ** 2, axis=1)
    kl = 0.5 * np.sum(logvar + (1 + mu ** 2) / np.exp(logvar) - 1, axis=1)
    return np.mean(rec + kl)


def loss_a9(logits, x, mu, logvar):
    rec = np.sum(np.logaddexp(0, logits) - x * logits, axis=1)
    kl = -0.5 * np.sum(1 + logvar - np.exp(logvar), axis=1)
    return np.mean(rec + kl)


def loss_a10(x, x_hat, mu, logvar):
    rec = 0.5 * np.sum((x - x_hat) ** 2, axis=1)
    kl = -0.5 * np.sum((1 + logvar - mu ** 2) / np.exp(logvar), axis=1)
    return np.mean(rec + kl)


def loss_a11(x, x_hat, mu, logvar):
    noise = np.random.default_rng().normal(scale=0.05, size=x.shape)
    rec = 0.5 * np.sum((x + noise - x_hat) ** 2, axis=1)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(rec + kl)


def loss_a12(x, x_hat, mu, logvar):
    x_hat -= x
    rec = 0.5 * np.sum(x_hat ** 2, axis=1)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(rec + kl)


def loss_a13(x, x_hat, mu, logvar):
    rec = 0.5 * np.sum((x - x_hat) ** 2, axis=1)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(rec + kl).astype(np.float32)


def loss_a14(x, x_hat, mu, logvar):
    rec = 0.5 * np.sum((x - x_hat) ** 2)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=0)
    return rec + kl


def loss_a15(x, x_hat, mu, logvar, sigma=0.1):
    rec = 0.5 * ((x - x_hat) / sigma) ** 2 + 0.5 * math.log(2 * math.pi * sigma)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(rec.sum(axis=1) + kl)


def loss_a16(x, x_mean, x_log_var, z_mean, z_log_var):
    rec = 0.5 * np.sum((x - x_mean) ** 2 / np.exp(x_log_var) + LOG2PI, axis=1)
    kl = 0.5 * np.sum(z_mean ** 2 + np.exp(z_log_var) - 1 - z_log_var, axis=1)
    return np.mean(rec + kl)


def loss_a17(logits, x, mu, logvar):
    bce = -np.sum(x * np.log(logits) + (1 - x) * np.log(1 - logits), axis=1)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(bce + kl)


def loss_a18(recon_x, x, mu, logvar):
    p = np.clip(recon_x, 1e-3, 1 - 1e-3)
    bce = -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(bce + kl)


def loss_a19(recon_x, x, mu, logvar, eps=1e-8):
    bce = -np.sum(x * np.log(recon_x + eps) + (1 - x) * np.log(1 - recon_x - eps), axis=1)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(bce + kl)


def loss_a20(x, x_logits, z_mean, z_log_var):
    xent = original_dim * np.mean(np.logaddexp(0, x_logits) - x * x_logits, axis=-1)
    kl = -0.5 * np.sum(1 + z_log_var - z_mean ** 2 - np.exp(z_log_var), axis=-1)
    return np.mean(xent + kl)


def loss_a21(x, x_hat, mu, logvar, c=1.0):
    rec = np.sum(1 - np.exp(-0.5 * ((x - x_hat) / c) ** 2), axis=1)
    kl = 0.5 * np.sum(mu ** 2 + np.exp(logvar) - 1 - logvar, axis=1)
    return np.mean(rec + kl)


def loss_a22(x, x_hat, mu, logvar):
    rec = 0.5 * np.sum((x - x_hat) ** 2, axis=1)
    kl = -0.5 * np.sum(logvar - mu ** 2 - np.exp(logvar), axis=1)
    return np.mean(rec + kl)


def loss_a23(x, x_hat, mu, log_sigma):
    rec = 0.5 * np.sum((x - x_hat) ** 2, axis=1)
    kl = -0.5 * np.sum(1 + log_sigma - mu ** 2 - np.exp(2 * log_sigma), axis=1)
    return np.mean(rec + kl)


def loss_a24(x, x_mean, x_log_var, z_mean, z_log_var):
    nll = 0.5 * np.sum(np.log(2 * np.pi) + x_log_var + (x - x_mean) ** 2 * np.exp(-x_log_var), axis=1)
    kl = 0.5 * np.sum(z_mean ** 2 + np.exp(z_log_var) - 1 - z_log_var, axis=1)
    return np.mean(nll + kl)
