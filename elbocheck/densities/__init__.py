"""The reference densities, one family per file."""

from elbocheck.densities.bernoulli import bernoulli
from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.huber import huber
from elbocheck.densities.normal import normal

__all__ = ["DENSITIES", "Density", "Form", "Parameter", "bernoulli", "huber", "normal"]

DENSITIES = (normal, bernoulli, huber)
