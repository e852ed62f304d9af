"""The call itself: repeatable, leaves its arguments alone, keeps their dtype."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from elbocheck.checks.case import Case, Check, finding
from elbocheck.errors import CallError
from elbocheck.probing.probe import Probe
from elbocheck.verdict import Finding, Outcome


def run(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with a single call."""
    probe = case.probe
    inputs = probe.inputs({})
    values = [case.loss(inputs).value for _ in range(3)]
    if any(not np.array_equal(v, values[0], equal_nan=True) for v in values):
        yield finding("ELB002", f"Three calls with one input and one seed gave {values[0].sum():.9g} and {values[-1].sum():.9g}.")
    if changed := case.loss.mutated(inputs):
        yield finding("ELB003", f"The loss writes into {', '.join(case.names.get(r.value, r.value) for r in changed)}.")
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        yield from _dtype(Probe(case.loss, probe.layout, dtype))


def _dtype(probe: Probe) -> Iterator[Finding]:
    """Yield a result in another dtype than the arguments: wider is a note, narrower loses digits."""
    try:
        result = probe.loss(probe.inputs({}))
    except CallError:
        return
    if not result.exact_dtype or result.value.dtype == probe.dtype:
        return
    wider = result.value.dtype.itemsize > probe.dtype.itemsize
    yield finding(
        "ELB005",
        f"{probe.dtype} arguments give a {result.value.dtype} loss"
        + ("." if wider else f": {probe.dtype.itemsize * 8 - result.value.dtype.itemsize * 8} bits are lost."),
        Outcome.NOTE if wider else Outcome.WARN,
    )


CHECK = Check("the call itself", ("ELB002", "ELB003", "ELB005"), run)
