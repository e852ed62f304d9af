"""Batches of other sizes: data cost what they cost in the batch that was measured."""

from __future__ import annotations

from collections.abc import Iterator

from elbocheck.checks.case import Case, Check, Skip, finding
from elbocheck.floats import is_half
from elbocheck.probing.batches import MANY, Misfit, misfits
from elbocheck.verdict import Finding, Outcome

NAME = "batch"


def run(case: Case) -> Iterator[Finding]:
    """Yield the first size at which the loss raises or is another one."""
    few = case.loss.adapter.compiles_shapes and NAME not in case.variants
    working = case.probe if is_half(case.working.dtype) else case.working
    for misfit in misfits(case.probe, working, case.seed, (1,) if few else (1, 2, MANY)):
        yield _finding(misfit)
        return


def _finding(misfit: Misfit) -> Finding:
    """Say what a batch of that size gives: another value fails, an exception is loud enough by itself to warn."""
    where = f"a batch of {misfit.size}" + f" under {misfit.how}" * bool(misfit.how)
    if misfit.found is None:
        short = ", which the last batch of an epoch may be" if misfit.size < misfit.other else ""
        message = f"The loss runs for batches of {misfit.other} and {2 * misfit.other}; for {where}{short}, it {misfit.error}."
        return finding("ELB007", message, Outcome.WARN, where)
    message = (
        f"A datum costs {misfit.found:.9g} in {where}; the same in batches of {misfit.other}: {misfit.expected:.9g}."
    )
    return finding("ELB007", message, None, where)


def skipped(case: Case) -> Skip | None:
    """Skip a loss whose data have no cost of their own."""
    s, g = case.anatomy.structure, case.anatomy.regulariser
    together = g is not None and (g.floor_per == "batch" or (g.target is not None and g.target.per == "batch"))
    if s.batch_coupled or s.latent_coupled or s.broadcast or together:
        return Skip("what a datum costs depends on the others")
    return Skip("a batch of one is all there is") if case.probe.layout.batch < 2 else None


CHECK = Check("other batch sizes", ("ELB007",), run, skipped)
