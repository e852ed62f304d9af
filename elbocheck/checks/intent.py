"""What was declared with --expect, against what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose, sqrt

from elbocheck import budget
from elbocheck.bounds import bound
from elbocheck.checks.case import Case, Check, Skip, finding
from elbocheck.verdict import Finding, Outcome


def run(case: Case) -> Iterator[Finding]:
    """Yield each declaration that the measurement contradicts."""
    for name, declared in case.intent.expect.items():
        measured = _measured(case, name)
        if not _agree(measured, declared):
            yield finding("ELB008", f"Expected {name} = {declared}, measured {_shown(measured)}.", Outcome.FAIL)


def _measured(case: Case, name: str) -> str | float | None:
    model, sizes = case.model, case.model.sizes
    match name:
        case "family":
            return model.family
        case "beta":
            return None if model.beta is None else model.beta.at(sizes)
        case "sigma":
            return None if model.sigma2 is None or model.sigma2.coefficient < 0 else sqrt(model.sigma2.at(sizes))
        case "reduction":
            return model.reduction or model.divergence_reduction
        case "bound":
            return bound(case.anatomy, model, case.intent, case.probe.dtype)[0].value
    g = case.anatomy.regulariser
    if g is None or g.floor is None:
        return None
    return g.floor.coefficient if g.floor_per == "latent" else g.floor.at(sizes)


def _agree(measured: str | float | None, declared: str | float) -> bool:
    if isinstance(measured, str):
        return str(declared) in (measured, _batch(measured))
    try:
        return measured is not None and isclose(measured, float(declared), rel_tol=budget.DECLARED)
    except ValueError:
        return False


def _batch(reduction: str) -> str:
    """Return `sum`, `mean` or `none` over the batch."""
    return "none" if "one value" in reduction else reduction.rsplit(", ", 1)[-1].split(maxsplit=1)[0]


def _shown(measured: str | float | None) -> str:
    return "nothing of that kind" if measured is None else measured if isinstance(measured, str) else f"{measured:.9g}"


def skipped(case: Case) -> Skip | None:
    """Skip where nothing was declared."""
    return None if case.intent.expect else Skip("nothing was declared")


CHECK = Check("declared intent", ("ELB008",), run, skipped)
