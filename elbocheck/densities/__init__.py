"""The reference densities, one family per file."""

from elbocheck.densities import mixture
from elbocheck.densities.asymmetric_laplace import asymmetric_laplace
from elbocheck.densities.bernoulli import bernoulli
from elbocheck.densities.beta import beta
from elbocheck.densities.binomial import binomial
from elbocheck.densities.cauchy import cauchy
from elbocheck.densities.charbonnier import charbonnier
from elbocheck.densities.continuous_bernoulli import continuous_bernoulli
from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.discretized_logistic import discretized_logistic
from elbocheck.densities.epsilon_insensitive import epsilon_insensitive
from elbocheck.densities.exponential import exponential
from elbocheck.densities.gamma import gamma
from elbocheck.densities.generalized_normal import generalized_normal
from elbocheck.densities.huber import huber
from elbocheck.densities.laplace import laplace
from elbocheck.densities.log_cosh import log_cosh
from elbocheck.densities.log_normal import log_normal
from elbocheck.densities.logistic import logistic
from elbocheck.densities.multivariate_normal import multivariate_normal
from elbocheck.densities.negative_binomial import negative_binomial
from elbocheck.densities.normal import normal
from elbocheck.densities.poisson import poisson
from elbocheck.densities.student_t import student_t
from elbocheck.densities.truncated_normal import truncated_normal
from elbocheck.densities.von_mises_fisher import von_mises_fisher
from elbocheck.densities.weibull import weibull

__all__ = [
    "DENSITIES", "IDENTIFIED", "Density", "Form", "Parameter", "asymmetric_laplace", "bernoulli", "beta",
    "binomial", "cauchy", "charbonnier", "continuous_bernoulli", "discretized_logistic", "epsilon_insensitive",
    "exponential", "gamma", "generalized_normal", "huber", "laplace", "log_cosh", "log_normal", "logistic", "mixture",
    "multivariate_normal", "named", "negative_binomial", "normal", "poisson", "student_t", "truncated_normal",
    "von_mises_fisher", "weibull",
]  # fmt: skip

DENSITIES = (
    normal, bernoulli, huber, laplace, asymmetric_laplace, epsilon_insensitive, logistic, log_cosh, charbonnier,
    student_t, cauchy, generalized_normal, multivariate_normal, von_mises_fisher, exponential, gamma, weibull,
    log_normal, beta, continuous_bernoulli, truncated_normal, poisson, binomial, negative_binomial,
    discretized_logistic,
)  # fmt: skip

IDENTIFIED = (normal, bernoulli, huber)
"""Those that a loss is read as."""


def named(name: str) -> Density:
    """The density of that name."""
    return next(density for density in DENSITIES if density.name == name)
