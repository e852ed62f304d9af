"""Loops over rows that kernels are lifted with. Names that are not defined here stand for kernels.

Every argument is a tuple of arrays: of shape (rows, size) where it varies along a row, of shape (rows,) where it does not.
A loop fills the rows from `first` to `last`, so that threads may share the work: each row is computed by one of them, and
comes out the same whoever does it.

A sum is taken in blocks, each in vectors, whose results are added with compensation: its error does not grow with length.
"""

from __future__ import annotations

from typing import Any

from elbocheck.kernels._jit import Layout
from elbocheck.kernels.primitives import add, at, put, ready, row_of

__all__ = ["one_group", "row_sum", "sums", "values"]

BLOCK = 512
ZERO = 0.0


def element(*arguments: Any) -> Any:
    """Stand in for the kernel that replaces it."""
    raise NotImplementedError(f"a loop was called uncompiled with {arguments}")


def values(out: Any, arguments: Any, size: int, first: int, last: int) -> None:
    """out[i, j] = element(arguments[i, j])."""
    ready()
    for i in range(first, last):
        row, target = row_of(arguments, i), row_of(out, i)
        for j in range(size):
            put(target, j, (element(*at(row, j, ZERO)),))


def row_sum(row: Any, size: int) -> Any:
    """The sum of element along a row, compensated between blocks."""
    ready()
    total, lost = ZERO, ZERO
    for start in range(0, size, BLOCK):
        part = ZERO
        for j in range(start, min(start + BLOCK, size)):
            part = add(part, element(*at(row, j, ZERO)))
        longer = total + part
        moved = longer - total
        lost += (total - (longer - moved)) + (part - moved)
        total = longer
    return total + lost if total - total == ZERO else total


def sums(out: Any, arguments: Any, size: int, first: int, last: int) -> None:
    """out[i] = the sum over j of element(arguments[i, j])."""
    ready()
    for i in range(first, last):
        put(row_of(out, i), 0, (row_sum(row_of(arguments, i), size),))


def group(types: Any, layout: Layout) -> Any:
    """The type of a tuple of arguments."""
    stored, computed = getattr(types, layout.stored), getattr(types, layout.computed)
    return types.Tuple(
        [
            types.Array(stored, 2, "A", readonly=True) if vary else types.Array(computed, 1, "A", readonly=True)
            for vary in layout.varies
        ]
    )


def one_group(types: Any, layout: Layout) -> Any:
    """The signature of loops over one tuple of arguments."""
    result = types.Tuple([types.Array(getattr(types, layout.result), 2, "A")])
    return types.void(result, group(types, layout), types.intp, types.intp, types.intp)
