"""Bounds from a decoder's outputs, as training computes them; and models whose evidence and bounds are known exactly.

Every answer of a model is an `Enclosure`: a ball that contains the truth, in nats.
"""

from elbocheck.estimators.bernoulli_logit import BernoulliLogit
from elbocheck.estimators.beta_bernoulli import BetaBernoulli
from elbocheck.estimators.gamma_poisson import GammaPoisson
from elbocheck.estimators.linear_gaussian import GaussianPosterior, LinearGaussian
from elbocheck.estimators.sampled import elbo, elbo_and_grad
from elbocheck.estimators.weighted import importance_weighted, importance_weighted_and_grad

__all__ = [
    "BernoulliLogit", "BetaBernoulli", "GammaPoisson", "GaussianPosterior", "LinearGaussian", "elbo", "elbo_and_grad",
    "importance_weighted", "importance_weighted_and_grad",
]  # fmt: skip
