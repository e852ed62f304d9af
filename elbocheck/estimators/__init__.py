"""Models whose evidence, ELBO and importance-weighted bounds are known exactly: what estimators are tested with.

Every answer is an `Enclosure`: a ball that contains the truth, in nats.
"""

from elbocheck.estimators.bernoulli_logit import BernoulliLogit
from elbocheck.estimators.beta_bernoulli import BetaBernoulli
from elbocheck.estimators.gamma_poisson import GammaPoisson
from elbocheck.estimators.linear_gaussian import GaussianPosterior, LinearGaussian

__all__ = ["BernoulliLogit", "BetaBernoulli", "GammaPoisson", "GaussianPosterior", "LinearGaussian"]
