"""The order of a batch: exchanged data exchange their losses, and the sum of all stays what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from elbocheck.adapters import Array
from elbocheck.checks.case import Case, Check, Skip, finding
from elbocheck.probing.structure import random_point
from elbocheck.roles import Role
from elbocheck.verdict import Finding


def run(case: Case) -> Iterator[Finding]:
    """Yield a loss that counts data by their place; a cycle and one exchange generate every order of a batch."""
    probe, count = case.probe, case.probe.layout.batch
    point = random_point(probe, np.random.default_rng(case.seed))
    before = probe.raw(point)
    along = before.ndim > 0 and before.shape[0] == count
    for order in (np.roll(np.arange(count), 1), np.r_[1, 0, 2:count]):
        after = probe.raw(_ordered(point, order, count))
        expected = before[order] if along else before
        allowed = probe.noise(np.sum(np.abs(before)), np.sum(np.abs(after))) + 4 * probe.floor
        with np.errstate(invalid="ignore"):  # infinite before and after: outside of the support
            off = np.abs(after - expected)
        if np.any(off > allowed):
            yield finding("ELB308", _said(before, after, expected, along=along))
            return


def _ordered(point: Mapping[Role, Array], order: Array, count: int) -> dict[Role, Array]:
    """Return the point with its data in another order, in every argument alike."""
    return {role: a[order] if a.ndim and a.shape[0] == count else a for role, a in point.items()}


def _said(before: Array, after: Array, expected: Array, *, along: bool) -> str:
    if not along:
        return f"The same data in another order give {after.sum():.9g} where they gave {before.sum():.9g}."
    place = int(np.argmax(np.abs(after - expected).reshape(len(after), -1).max(axis=1)))
    was, now = expected[place].sum(), after[place].sum()
    return f"A datum that costs {was:.9g} in one order of the batch costs {now:.9g} as number {place} of another."


def skipped(case: Case) -> Skip | None:
    """Skip a batch of one."""
    return Skip("a batch of one has one order") if case.probe.layout.batch < 2 else None


CHECK = Check("order of the batch", ("ELB308",), run, skipped)
