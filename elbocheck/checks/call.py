"""The call itself: repeatable, leaves its arguments alone, keeps their dtype."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from math import log2

import numpy as np

from elbocheck.checks.case import Case, Check, finding
from elbocheck.errors import CallError
from elbocheck.floats import eps, name_of
from elbocheck.implied import nat
from elbocheck.mass import Status
from elbocheck.member import family
from elbocheck.probing.normalizer import normalizer
from elbocheck.probing.probe import DATA, Probe
from elbocheck.roles import Role
from elbocheck.verdict import Finding, Outcome


def run(case: Case) -> Iterator[Finding]:
    """Yield what is wrong with a single call."""
    probe = case.probe
    inputs = probe.inputs(probe.off_prior)
    values = [case.loss(inputs).value for _ in range(3)]
    if any(not np.array_equal(v, values[0], equal_nan=True) for v in values):
        yield finding(
            "ELB002", f"Three calls with one input and one seed gave {values[0].sum():.9g} and {values[-1].sum():.9g}."
        )
    if changed := [r for r in sorted(case.loss.roles) if r in _written(case)]:
        yield finding("ELB003", f"The loss writes into {', '.join(case.names.get(r.value, r.value) for r in changed)}.")
    yield from _ordinary(case)
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        yield from _dtype(Probe(case.loss, probe.layout, dtype))


def _written(case: Case) -> set[Role]:
    """Return the roles that the loss writes into, at ordinary values and at ends where it may clip in place."""
    found: set[Role] = set()
    for edge in (None, 0.0, 1.0, 40.0):
        values: dict[Role, float] = {} if edge is None else {r: edge for r in case.loss.roles if r is not Role.X}
        with suppress(CallError):
            found |= set(case.loss.mutated(case.probe.inputs(values)))
    return found


def _ordinary(case: Case) -> Iterator[Finding]:
    """Yield a value that is not finite although every argument is ordinary."""
    if case.anatomy.reconstruction is None:
        return
    density = family(case.anatomy.reconstruction.density)
    for x in (0.0, 1.0):
        if density is not None and not density.holds(x):
            continue
        value = case.probe({Role.X: x})
        if not np.isfinite(value):
            if density is not None or not _density(case):
                yield _undefined(case, x, value, known=density is not None)
            return


def _density(case: Case) -> bool:
    """Tell whether exp(-loss) has one mass whatever the prediction: a density that ends where the loss is not finite."""
    if not case.anatomy.structure.separable or not case.anatomy.structure.homogeneous:
        return False
    found = normalizer(case.probe, None, "real", nat(case.anatomy, case.model))
    return found.status is Status.OK and found.spread == 0


def _undefined(case: Case, x: float, value: float, *, known: bool) -> Finding:
    """Report a datum at which the loss is not finite: a fault, unless all data of an unknown family may lie inside."""
    where = f"{case.names.get('x', 'x')} = {x:g}"
    message = f"The loss is {value} at {where}, everything else ordinary"
    inside = all(np.isfinite(case.probe({Role.X: within})) for within in DATA[1])
    if known or not inside:
        return finding("ELB006", f"{message}.", None, where)
    message += ", and finite between 0 and 1: right for positive data or for proportions, wrong for pixels."
    return finding("ELB006", message, Outcome.WARN, where)


def _dtype(probe: Probe) -> Iterator[Finding]:
    """Yield a result in another dtype than the arguments: wider is a note, narrower loses digits."""
    try:
        result = probe.loss(probe.inputs({}))
    except CallError:
        return
    given, got = name_of(probe.dtype), name_of(result.value.dtype)
    if not result.exact_dtype or given == got or got == _declared(probe):
        return
    wider = eps(result.value.dtype) < eps(probe.dtype)
    lost = round(log2(eps(result.value.dtype) / eps(probe.dtype)))
    yield finding(
        "ELB005",
        f"{given} arguments give a {got} loss" + ("." if wider else f": {lost} bits are lost."),
        Outcome.NOTE if wider else Outcome.WARN,
    )


def _declared(probe: Probe) -> str | None:
    """Return the dtype that the loss says it computes in, as the losses of Keras do: it is no surprise then."""
    said = getattr(probe.loss.function, "dtype", None)
    return said if isinstance(said, str) else None


CHECK = Check("the call itself", ("ELB002", "ELB003", "ELB005", "ELB006"), run)
