"""Losses in PyTorch, as different people write them."""
import math
from collections import namedtuple
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence

LOG2PI = math.log(2.0 * math.pi)


# ---------------------------------------------------------------- the sound ones
def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction='sum')
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


def flat_logits(x_logits, x, z_mu, z_logvar):
    bce = F.binary_cross_entropy_with_logits(x_logits.flatten(1), x.flatten(1), reduction='none').sum(1).mean()
    kld = (-0.5 * (1 + z_logvar - z_mu ** 2 - z_logvar.exp()).sum(1)).mean()
    return bce + kld, bce, kld


def star_args(*args, **kwargs) -> dict:
    recons, input, mu, log_var = args[0], args[1], args[2], args[3]
    kld_weight = kwargs['M_N']
    recons_loss = F.mse_loss(recons, input, reduction='sum') / input.shape[0]
    kld_loss = torch.mean(-0.5 * torch.sum(1 + log_var - mu ** 2 - log_var.exp(), dim=1), dim=0)
    loss = recons_loss + kld_weight * kld_loss
    return {'loss': loss, 'Reconstruction_Loss': recons_loss.detach(), 'KLD': kld_loss.detach()}


class VAELoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.mse = nn.MSELoss(reduction='none')

    def forward(self, x_hat, x, mu, logvar):
        rec = 0.5 * self.mse(x_hat, x).sum(dim=[1, 2, 3])
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
        return (rec + kl).mean()


class WeightedVAELoss(nn.Module):
    def __init__(self, sigma):
        super().__init__()
        self.register_buffer('sigma', torch.as_tensor(float(sigma), dtype=torch.float64))

    def forward(self, reconstruction, target, mean, log_var):
        s = float(self.sigma)
        nll = (reconstruction - target).pow(2) / (2 * s * s) + math.log(s) + 0.5 * LOG2PI
        kl = 0.5 * (mean.pow(2) + log_var.exp() - 1 - log_var)
        return nll.sum() + kl.sum()


class TinyVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Linear(4, 2)

    def loss_function(self, recons, input, mu, log_var, kld_weight=1.0):
        nll = F.binary_cross_entropy_with_logits(recons, input, reduction='sum')
        kld = -0.5 * torch.sum(1 + log_var - mu ** 2 - log_var.exp())
        loss = (nll + kld_weight * kld) / input.size(0)
        return {'loss': loss, 'nll': nll.detach() / input.size(0), 'kld': kld.detach() / input.size(0)}


model = TinyVAE()


def dist_elbo(logits, x, mu, logvar):
    q = Normal(mu, torch.exp(0.5 * logvar))
    p = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    log_px = Bernoulli(logits=logits).log_prob(x).flatten(1).sum(-1)
    kl = kl_divergence(q, p).sum(-1)
    return -(log_px - kl).mean()


def learned_variance(x, x_mu, x_logvar, z_mu, z_logvar):
    nll = 0.5 * (LOG2PI + x_logvar + (x - x_mu).pow(2) * torch.exp(-x_logvar))
    kl = -0.5 * (1 + z_logvar - z_mu.pow(2) - z_logvar.exp())
    return nll.flatten(1).sum(1).mean() + kl.sum(1).mean()


def mc_kl(x_hat, x, z, mu, std):
    log_qz = Normal(mu, std).log_prob(z).sum(-1)
    log_pz = Normal(torch.zeros_like(mu), torch.ones_like(std)).log_prob(z).sum(-1)
    recon = 0.5 * (x - x_hat).pow(2).flatten(1).sum(-1)
    return (recon + log_qz - log_pz).mean()


def with_log_std(recon, data, mean, log_std):
    l2 = torch.sum((recon - data) ** 2, dim=-1) / 2
    kl = torch.sum(0.5 * mean ** 2 + 0.5 * torch.exp(2 * log_std) - 0.5 - log_std, dim=-1)
    return torch.mean(l2 + kl)


def with_std(x, x_recon, mu, sigma):
    rec = F.mse_loss(x, x_recon, reduction='none').sum(-1)
    kl = (-torch.log(sigma) + (sigma ** 2 + mu ** 2) / 2 - 0.5).sum(-1)
    return rec + kl


def huber_half(x_hat, x, mu, logvar):
    rec = F.huber_loss(x_hat, x, reduction='sum', delta=0.5) / x.shape[0]
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / x.shape[0]
    return rec + kl


def smooth_l1_tenth(x_hat, x, mu, logvar):
    rec = F.smooth_l1_loss(x_hat, x, reduction='none', beta=0.1).flatten(1).sum(1)
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
    return torch.mean(rec + kl)


def _beta_bce(x_hat, x, mu, logvar, *, beta=1.0, reduction='mean'):
    nll = F.softplus(x_hat) - x * x_hat
    kl = 0.5 * (mu ** 2 + logvar.exp() - logvar - 1)
    per_datum = nll.flatten(1).sum(1) + beta * kl.sum(1)
    return per_datum.mean() if reduction == 'mean' else per_datum


elbo_per_datum = partial(_beta_bce, reduction='none')
beta4 = partial(_beta_bce, beta=4.0)


def mse_times_numel(output, target, mu, logvar):
    mse = F.mse_loss(output, target) * target[0].numel()
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum(dim=1).mean()
    return mse + kl


def bce_mean_2017(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 784))
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    KLD /= x.view(-1, 784).size(0) * 784
    return BCE + KLD


@dataclass
class VAEOutput:
    loss: torch.Tensor
    recon_loss: torch.Tensor
    kl_loss: torch.Tensor


def dataclass_out(recon_x, x, mu, log_var, sigma=0.5):
    d = x[0].numel()
    sse = (recon_x - x).pow(2).reshape(x.shape[0], -1).sum(1)
    recon_loss = (sse / (2 * sigma ** 2) + d * math.log(sigma) + 0.5 * d * LOG2PI).mean()
    kl_loss = (-0.5 * torch.sum(1 + log_var - mu ** 2 - log_var.exp(), dim=1)).mean()
    return VAEOutput(loss=recon_loss + kl_loss, recon_loss=recon_loss, kl_loss=kl_loss)


ELBO = namedtuple('ELBO', ['nelbo', 'nll', 'kld'])


def namedtuple_out(means, log_vars, reconstruction, inputs):
    nll = 0.5 * (reconstruction - inputs).square().sum(1)
    kld = 0.5 * (means.square() + log_vars.exp() - log_vars - 1).sum(1)
    return ELBO(nll + kld, nll, kld)


class ReconLoss(nn.Module):
    def forward(self, y_pred, y_true):
        return 0.5 * ((y_pred - y_true) ** 2).flatten(1).sum(1).mean()


def kl_only(mu, log_std):
    return torch.sum(-log_std + 0.5 * (torch.exp(2 * log_std) + mu ** 2) - 0.5)


def harmless_broadcast(x_hat, x, mu, logvar):
    rec = 0.5 * F.mse_loss(x_hat, x, reduction='sum') / x.size(0)
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum(1)
    return (rec + kl).mean()


@torch.no_grad()
def validation_nelbo(logits, labels, mu, logvar):
    nll = F.binary_cross_entropy_with_logits(logits, labels, reduction='sum')
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (nll + kl).item() / labels.shape[0]


def l1_vae(x_hat, x, mu, logvar):
    rec = F.l1_loss(x_hat, x, reduction='none').sum(1)
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum(1)
    return (rec + kl).mean()


def hierarchical(x_hat, x, q_mu, q_logvar, p_mu, p_logvar):
    q = Normal(q_mu, (0.5 * q_logvar).exp())
    p = Normal(p_mu, (0.5 * p_logvar).exp())
    return (0.5 * (x - x_hat).pow(2).sum(-1) + kl_divergence(q, p).sum(-1)).sum()


def per_dimension(dec_mean, x, enc_mean, enc_logvar):
    ndim = x[0].numel()
    rec = F.mse_loss(dec_mean, x, reduction='none').flatten(1).sum(1) / 2
    kl = (enc_mean ** 2 + enc_logvar.exp() - 1 - enc_logvar).sum(1) / 2
    return ((rec + kl) / ndim).mean()


def sse_beta_four(x_hat, x, mu, logvar, beta=4.0):
    rec = F.mse_loss(x_hat, x, reduction='sum')
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return rec + beta * kl


# ---------------------------------------------------------------- one fault each
def loss_b1(*args, **kwargs):
    recons = args[0]
    input = args[1]
    mu = args[2]
    log_var = args[3]
    kld_weight = kwargs['M_N']
    recons_loss = F.mse_loss(recons, input)
    kld_loss = torch.mean(-0.5 * torch.sum(1 + log_var - mu ** 2 - log_var.exp(), dim=1), dim=0)
    loss = recons_loss + kld_weight * kld_loss
    return {'loss': loss, 'Reconstruction_Loss': recons_loss.detach(), 'KLD': kld_loss.detach()}


def loss_b2(logits, x, mu, logvar):
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction='sum') / x.shape[0]
    kld = -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


class LossB3(nn.Module):
    def __init__(self):
        super().__init__()
        self.rec = nn.MSELoss()

    def forward(self, inputs, reconstruction, z_mean, z_log_var):
        rec = self.rec(reconstruction, inputs)
        kl = -0.5 * torch.mean(1 + z_log_var - z_mean ** 2 - torch.exp(z_log_var))
        return rec + kl, rec, kl


def loss_b4(logits, x, mu, logvar):
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction='none').flatten(1).sum(1).mean()
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


def loss_b5(logits, x, mu, logvar):
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction='sum')
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
    return torch.mean(bce + kld)


def loss_b6(x_hat, x, mu, logvar):
    rec = 0.5 * ((x.unsqueeze(1) - x_hat) ** 2).sum(-1).mean()
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()
    return rec + kld


def loss_b7(x, x_mu, x_logvar, z_mu, z_logvar):
    nll = ((x - x_mu).pow(2) / x_logvar.exp() + x_logvar + LOG2PI).sum(1)
    kl = -0.5 * (1 + z_logvar - z_mu.pow(2) - z_logvar.exp()).sum(1)
    return (nll + kl).mean()


def loss_b8(logits, x, mu, logvar, kl_weight=0.1):
    nll = F.binary_cross_entropy_with_logits(logits, x, reduction='sum') / len(x)
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(x)
    return nll + kl_weight * kl


BATCH_SIZE = 128


def loss_b9(logits, x, mu, logvar):
    nll = F.binary_cross_entropy_with_logits(logits, x, reduction='none').sum(1).mean()
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / BATCH_SIZE
    return nll + kl


def loss_b10(x_hat, x, mu, log_var):
    rec = 0.5 * (x_hat - x).pow(2).sum(1)
    std = torch.exp(log_var)
    kl = 0.5 * (mu ** 2 + std ** 2 - log_var - 1).sum(1)
    return (rec + kl).mean()


def loss_b11(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x, reduction='sum')
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE - KLD


def loss_b12(x_hat, x, mu, logvar):
    prior = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    posterior = Normal(mu, torch.exp(0.5 * logvar))
    rec = 0.5 * (x_hat - x).pow(2).sum(1)
    return (rec + kl_divergence(prior, posterior).sum(1)).mean()


def loss_b13(logits, x, mu, logvar, kl_weight=0.0):
    nll = F.binary_cross_entropy_with_logits(logits, x, reduction='sum') / len(x)
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(x)
    return nll + kl_weight * kl


def loss_b14(x_hat, x, mu, logvar):
    rec = 0.5 * (x_hat - x).pow(2).sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1).sum(1)
    return (rec + kl).mean()


def loss_b15(x_hat, x, mu, logvar):
    rec = 0.5 * (x_hat - x).pow(2).sum(1)
    kl = -torch.sum(1 + logvar - 0.5 * (mu.pow(2) + logvar.exp()), dim=1)
    return (rec + kl).mean()


def loss_b16(logits, x, mu, logvar, free_bits=0.25):
    nll = F.binary_cross_entropy_with_logits(logits, x, reduction='none').sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar)
    kl = torch.clamp(kl, min=free_bits).sum(1)
    return (nll + kl).mean()


def loss_b18(recon_x, x, mu, logvar):
    recon_x = torch.sigmoid(recon_x)
    nll = F.binary_cross_entropy_with_logits(recon_x, x, reduction='sum')
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (nll + kl) / x.shape[0]


def loss_b19(recon_x, x, mu, logvar):
    nll = F.binary_cross_entropy(x, recon_x, reduction='sum')
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return nll + kl


def loss_b20(logits, x, mu, logvar):
    w = torch.tensor(10.0, dtype=logits.dtype)
    nll = F.binary_cross_entropy_with_logits(logits, x, pos_weight=w, reduction='none').sum(1)
    kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1)
    return (nll + kl).mean()


def loss_b21(x_hat, x, mu, logvar, delta=0.5):
    err = (x_hat - x).abs()
    huber = torch.where(err < delta, 0.5 * err ** 2 / delta, delta * (err - 0.5 * delta))
    kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(1)
    return (huber.sum(1) + kl).mean()


def elbo_loss_b22(x_hat, x, mu, logvar):
    log_likelihood = -0.5 * ((x_hat - x).pow(2) + LOG2PI).sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (log_likelihood - kl).mean()


def loss_b23(x_hat, x, mu, logvar):
    rec = 1 - F.cosine_similarity(x_hat.flatten(1), x.flatten(1), dim=1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (rec + kl).mean()


def loss_b24(logits, x, mu, logvar):
    e = torch.exp(logits)
    p = e / (1 + e)
    p = torch.clamp(p, 1e-7, 1 - 1e-7)
    nll = -(x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (nll + kl).mean()


def loss_b25(logits, x, mu, logvar):
    nll = (torch.log(1 + torch.exp(logits)) - x * logits).sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (nll + kl).mean()


class _FastKL(torch.autograd.Function):
    @staticmethod
    def forward(ctx, mu, logvar):
        ctx.save_for_backward(mu, logvar)
        return 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)

    @staticmethod
    def backward(ctx, g):
        mu, logvar = ctx.saved_tensors
        g = g.unsqueeze(1)
        return g * mu, g * (logvar.exp() - 1)      # the half is lost


def loss_b26(x_hat, x, mu, logvar):
    rec = 0.5 * (x_hat - x).pow(2).sum(1)
    return (rec + _FastKL.apply(mu, logvar)).mean()


def loss_b27(logits, x, mu, logvar):
    sp = torch.where(logits > 0, logits + torch.log1p(torch.exp(-logits)), torch.log1p(torch.exp(logits)))
    nll = (sp - x * logits).sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (nll + kl).mean()


def loss_b29(x_hat, x, mu, logvar):
    rec = 0.5 * (x_hat - x).pow(2).sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    assert kl.max() < 50, 'KL exploded'
    return (rec + kl).mean()


def loss_b30(x_hat, x, mu, logvar):
    rec = 0.5 * (x_hat - x).pow(2).sum(1)
    kl = -0.5 * (1 + torch.log(logvar) - mu.pow(2) - logvar).sum(1)
    return (rec + kl).mean()


def loss_b31(recon_x, x, mu, logvar):
    recon_x.data.clamp_(1e-3, 1 - 1e-3)
    nll = -(x * torch.log(recon_x) + (1 - x) * torch.log(1 - recon_x)).sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (nll + kl).mean()


def loss_b32(x, x_mean, x_logvar, mu, logvar):
    nll = (0.5 * (x - x_mean).pow(2) / x_logvar.exp() + x_logvar).sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (nll + kl).mean()


def loss_b33(x_hat, x, mu, logvar):
    rec = 0.5 * (x_hat - x).pow(2).sum(1)
    with torch.no_grad():
        kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (rec + kl).mean()


def loss_b34(x_hat, x, mu, logvar):
    rec = torch.sqrt((x_hat - x).pow(2)).pow(2).sum(1) / 2
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (rec + kl).mean()


def loss_b35(x_hat, x, mu, logvar):
    rec = ((x_hat - x).pow(2) / x).sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (rec + kl).mean()
