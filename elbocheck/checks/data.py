"""The data that were declared, against the domain of the likelihood."""

from __future__ import annotations

from collections.abc import Iterator

from elbocheck.checks.case import Case, Check, Skip, finding
from elbocheck.verdict import Finding


def run(case: Case) -> Iterator[Finding]:
    """Yield data outside the Bernoulli's domain."""
    if case.intent.data_range is None:
        message = f"The data are declared {case.intent.data_kind}, and a Bernoulli scores values in [0, 1]."
        yield finding("ELB803", message)
        return
    low, high = case.intent.data_range
    if low < 0 or high > 1:
        name = case.names.get("x", "x")
        worst = high if high > 1 else low
        yield finding(
            "ELB803",
            f"The data run from {low:g} to {high:g}, and a Bernoulli scores values in [0, 1]: beyond, the loss has no lower end.",
            None,
            f"{name} = {worst:g}",
        )


def skipped(case: Case) -> Skip | None:
    """Skip where there is nothing to compare."""
    if case.model.family != "bernoulli":
        return Skip("the likelihood accepts every real number" if case.model.family else "no likelihood was identified")
    if case.intent.data_range is None and case.intent.data_kind not in ("counts", "real"):
        return Skip("declare it: --data FILE, or --data-range LOW HIGH", told=True)
    return None


CHECK = Check("data in the domain", ("ELB803",), run, skipped)
