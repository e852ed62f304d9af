"""Mixtures: whether components that differ are mixed, each weighed once."""

from __future__ import annotations

from collections.abc import Iterator

from elbocheck.bounds import UNMIXED
from elbocheck.checks.case import Case, Check, Skip, finding
from elbocheck.roles import Role
from elbocheck.verdict import Finding, Outcome

CODES = ("ELB216", "ELB407")
MIX = "Take the log of the weighed mean of the components:\n    nll = -logsumexp(log_weights + log_prob_of_each, axis)"


def run(case: Case) -> Iterator[Finding]:
    """Name what a loss makes of its components instead of their mixture."""
    r = case.anatomy.reconstruction
    assert r is not None
    if r.mixture is None or r.mixed_as not in UNMIXED:
        return
    if r.mixed_as == "over-counted":
        weights, shared = case.names.get(Role.MIXTURE, "the weights"), r.mixture.sharing(case.probe.layout.event)
        yield finding(
            "ELB216",
            f"The log weight of a component, by {weights}, is added to each of the {shared} elements that share one: it counts "
            f"{shared} times instead of once.",
            Outcome.FAIL,
        )
    else:
        yield finding("ELB407", f"As its components differ, {UNMIXED[r.mixed_as]}.", Outcome.FAIL, None, MIX)


def skipped(case: Case) -> Skip | None:
    """Tell why there is nothing to mix."""
    r = case.anatomy.reconstruction
    return Skip("the loss takes no components") if r is None or r.mixture is None else None


CHECK = Check("mixtures", CODES, run, skipped)
