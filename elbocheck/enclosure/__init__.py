"""python-flint's home: numbers enclosed in balls that contain them, by proof.

A ball is wrong only where it was misused: a root or an absolute value without the analytic flag, a branch on a midpoint,
a forgotten tail, a decimal read as a float. None of these can be written here: integrands get wrapped balls that know
the flag, refuse to be compared and refuse bare fractions, and an infinite end needs a tail.
"""

from elbocheck.enclosure.balls import Ball, Balls
from elbocheck.enclosure.bulk import doubles, known
from elbocheck.enclosure.enclosed import (
    Enclosure,
    enclose,
    from_exact,
    log,
    log_derivatives,
    negative,
    pair,
    quotient,
    taylor,
    total,
)  # fmt: skip
from elbocheck.enclosure.integrals import integrate, summate
from elbocheck.enclosure.laplace import NormalLaplace
from elbocheck.enclosure.trapezoid import goal, normal_mean_of_sigmoids, normal_means_of_softplus, within

__all__ = [
    "Ball",
    "Balls",
    "Enclosure",
    "NormalLaplace",
    "doubles",
    "enclose",
    "from_exact",
    "goal",
    "integrate",
    "known",
    "log",
    "log_derivatives",
    "negative",
    "normal_mean_of_sigmoids",
    "normal_means_of_softplus",
    "pair",
    "quotient",
    "summate",
    "taylor",
    "total",
    "within",
]
