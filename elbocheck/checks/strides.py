"""Other memory: views with strides, broadcast and read-only arrays give what a fresh copy of them gives."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from itertools import product

import numpy as np

from elbocheck.adapters import Array
from elbocheck.checks.case import Case, Check, Skip, finding
from elbocheck.errors import ElbocheckError
from elbocheck.probing.batches import same, told
from elbocheck.probing.probe import Probe
from elbocheck.probing.structure import random_point
from elbocheck.roles import Role
from elbocheck.verdict import Finding, Outcome

NAME = "memory"
_REMEDY = "Use .reshape(...) instead of .view(...), and write to a new tensor instead of into an argument."


def transposed(array: Array) -> Array:
    """Return a view with its axes stored in reverse, as a permuted or channels-last tensor has."""
    return array.copy(order="F")


def strided(array: Array) -> Array:
    """Return a view of every second number; between them stand others of the same kind, which no loss should read."""
    view: Array = np.stack([array, np.roll(array, 1)], axis=-1)[..., 0]
    return view


def broadcast(array: Array) -> Array:
    """Return the first datum as the whole batch, stored once."""
    if not array.ndim:
        return array.copy()
    first = array[:1].copy()
    return np.lib.stride_tricks.as_strided(first, array.shape, (0, *first.strides[1:]))


def read_only(array: Array) -> Array:
    """Return an array that may not be written into, as one that is mapped from a file."""
    fixed = array.copy()
    fixed.flags.writeable = False
    return fixed


MEMORY: Mapping[str, Callable[[Array], Array]] = {
    "transposed views": transposed,
    "strided views": strided,
    "broadcast arrays": broadcast,
    "read-only arrays": read_only,
}
"""What is done to every argument, by what it is then."""


def run(case: Case) -> Iterator[Finding]:
    """Yield the first kind of memory in which the loss is another one; one that raises is a note, for those who ask."""
    arrays = case.probe.inputs(random_point(case.probe, np.random.default_rng(case.seed)))
    raised: Finding | None = None
    written = bool(
        case.loss.mutated(arrays)
    )  # a defect with a rule of its own: that numbers stored once change with it
    groups = [group for group in ({Role.X} & set(arrays), set(arrays) - {Role.X}) if group]
    for (name, laid), group in product(MEMORY.items(), groups):  # all at once, they would still meet their partners
        if written and laid is broadcast:
            continue
        try:
            expected, found = _both(case.probe, _laid(arrays, group, laid))
        except ElbocheckError as error:
            raised = raised or _raised(case, arrays, name, error)
            continue
        if not same(case.probe, found, expected):
            message = (
                f"{name.capitalize()} give {found.sum():.9g}, the same numbers in fresh arrays {expected.sum():.9g}."
            )
            yield finding("ELB007", message, None, name, _REMEDY)
            return
    if raised is not None and NAME in case.variants:
        yield raised


def _laid(arrays: Mapping[Role, Array], group: Container[Role], laid: Callable[[Array], Array]) -> dict[Role, Array]:
    """Return copies of arrays, those of a group in another memory."""
    return {role: laid(array) if role in group else array.copy() for role, array in arrays.items()}


def _both(probe: Probe, arrays: Mapping[Role, Array]) -> tuple[Array, Array]:
    """Return the loss of fresh copies of arrays, and of the arrays themselves.

    Raises:
        CallError: it raised.
    """
    probe.points += 2
    fresh = probe.loss({role: np.array(array, order="C") for role, array in arrays.items()})
    there = probe.loss.in_memory(arrays)
    return fresh.value, there.value


def _raised(case: Case, arrays: Mapping[Role, Array], name: str, error: ElbocheckError) -> Finding:
    """Name the arguments that raise by themselves: loud, at once, with the framework's own remedy, so no more than a note."""
    alone = [role for role in sorted(arrays) if _raises(case.probe, _laid(arrays, {role}, MEMORY[name]))]
    shown = ", ".join(case.names.get(role.value, role.value) for role in alone) or "all arguments"
    message = f"With {name} for {shown} the loss {told(error)}."
    return finding("ELB007", message, Outcome.NOTE, f"{shown}: {name}", _REMEDY)


def _raises(probe: Probe, arrays: Mapping[Role, Array]) -> bool:
    try:
        probe.loss.in_memory(arrays)
    except ElbocheckError:
        return True
    return False


def skipped(case: Case) -> Skip | None:
    """Skip frameworks whose tensors have no strides."""
    if case.loss.adapter.shared(np.zeros(1)) is None:
        return Skip(f"tensors of {case.loss.adapter.name} have no strides")
    return None


CHECK = Check("other memory", ("ELB007",), run, skipped)
