"""A KL that is estimated from a sample of the posterior: both densities there, and the sample drawn from the one it names."""

from __future__ import annotations

from collections.abc import Iterator

from elbocheck.anatomy import Regulariser
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.probing.estimates import NO_POSTERIOR, NO_PRIOR, OTHER_SPREAD
from elbocheck.roles import Role
from elbocheck.verdict import Finding

CODES = ("ELB201", "ELB203", "ELB213")

_LOST = {
    NO_POSTERIOR: "Its mean over z is that of -log p(z) alone: log q(z|x) is missing, and nothing keeps q from collapsing.",
    NO_PRIOR: "Its mean over z is that of log q(z|x) alone: -log p(z) is missing, and nothing ties q to the prior.",
}


def run(case: Case) -> Iterator[Finding]:
    """Name what is wrong with the estimate."""
    g = case.anatomy.regulariser
    if g is None:
        return
    if g.pattern in _LOST:
        yield finding("ELB213", _LOST[g.pattern])
    elif g.pattern == OTHER_SPREAD:
        scored = g.coefficients["scored"]
        seen = Role.EPS in case.loss.roles or g.scale_as is not None  # the draw itself
        named = seen and scored == 1.0  # the density reads the scale as its name says: the draw does not
        yield finding("ELB203" if named else "ELB201", _other_spread(case, g))


def _other_spread(case: Case, g: Regulariser) -> str:
    """Say how wide the sample is, and how wide its density or KL takes it to be."""
    name = case.names.get(str(g.scale_role), "t")
    whose = "its log density is taken for the variance" if g.scale_as is None else "its KL is that of the variance"
    if "drawn" in g.coefficients:
        drawn, scored = g.coefficients["drawn"], g.coefficients["scored"]
        return (
            f"z has the variance {_variance(drawn)}, but {whose} {_variance(scored)}, "
            f"t the log variance that {name} stands for."
        )
    times = number(g.coefficients["times"])
    return f"Where {name} = {number(g.coefficients['at'])} z has {times} times the standard deviation that the KL is taken for."


def _variance(exponent: float) -> str:
    return "e^t" if exponent == 1 else f"e^({exponent:g} t)"


def skipped(case: Case) -> Skip | None:
    """Skip where no sample is taken or drawn."""
    return None if case.loss.roles & {Role.Z, Role.EPS} else Skip("the KL takes no sample")


CHECK = Check("the estimate of the divergence", CODES, run, skipped)
