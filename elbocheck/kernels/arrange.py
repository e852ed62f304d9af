"""Arrays of any shapes as the rows that loops read: what varies along the last axis, and what does not.

How depends on shapes and dtypes only, and is worked out once for each combination; nothing is copied that is a float array
of the right type, whole and contiguous.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import prod
from operator import call, itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elbocheck.errors import UsageError
from elbocheck.kernels._jit import Layout

__all__ = ["TIERS", "Plan", "Ready", "Rows", "arrange", "arrange_together", "made_ready", "result_dtype", "spelled"]

TIERS = ("exact", "fast")
"""exact: float32 is computed in float64 and rounded once. fast: float32 is computed in float32."""

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
WEAK = (float, int, bool)  # Python's numbers follow the arrays
Spec = tuple[tuple[int, ...], Any, bool]  # shape, dtype or None of a Python number, contiguous and aligned
FEW = 1 << 12  # rows whose parameter is kept for the next call
NUMBER: Spec = ((), None, True)
Step = Callable[[Any], NDArray[Any]]


class Rows(NamedTuple):
    """Broadcast arguments of a loop.

    Attributes:
        plan: what depends on shapes and dtypes only.
        arrays: (count, size) where an argument varies along a row, (count,) where it does not.
    """

    plan: Plan
    arrays: tuple[NDArray[Any], ...]

    def part(self, first: int, last: int) -> tuple[NDArray[Any], ...]:
        """The arrays of a part of each row."""
        return tuple(a[:, first:last] if a.ndim == 2 else a for a in self.arrays)

    def cut(self, size: int) -> tuple[int, tuple[NDArray[Any], ...], tuple[NDArray[Any], ...]]:
        """One row as rows of a size, how many and their arrays, and the arrays of what is left."""
        count = self.plan.size // size
        arrays = self.part(0, count * size)
        whole = tuple(a.reshape(count, size) if a.ndim == 2 else np.repeat(a, count) for a in arrays)
        return count, whole, self.part(count * size, self.plan.size)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How arrays of given shapes and dtypes become rows.

    Attributes:
        shape: of the broadcast arguments.
        count: how many rows there are.
        size: how many numbers a row has.
        dtype: of the result, by NumPy's promotion.
        layout: what a loop over the rows is compiled for.
        steps: what is done to each argument.
        outer: the shape of sums over rows.
        stored: dtype that results are stored in at first.
        final: whether sums over rows are not rounded to another, nor made a scalar.
    """

    shape: tuple[int, ...]
    count: int
    size: int
    dtype: np.dtype[Any]
    layout: Layout
    steps: tuple[Step, ...]
    outer: tuple[int, ...]
    stored: np.dtype[Any]
    final: bool


class Ready(NamedTuple):
    """Arguments whose shapes and dtypes are known: how they become rows.

    Attributes:
        plan: of the arguments in the loop's order.
        pick: from what is given and the constants to the loop's arguments.
        steps: what is done to each then; None if nothing is.
        fill: from numbers to constants.
        constants: of numbers that are known.
    """

    plan: Plan
    pick: Callable[[Any], tuple[Any, ...]]
    steps: tuple[Step, ...] | None
    fill: tuple[Step, ...]
    constants: tuple[NDArray[Any], ...] = ()

    def __call__(self, given: Sequence[Any]) -> tuple[NDArray[Any], ...]:
        """The arrays of `Rows`."""
        arrays = self.pick((*given, *self.constants))
        return arrays if self.steps is None else tuple(map(call, self.steps, arrays))

    def filled(self, numbers: Iterable[float]) -> Ready:
        """The same with the numbers among the arguments."""
        return Ready(*self[:-1], tuple(map(call, self.fill, numbers)))


def made_ready(specs: Sequence[Spec], order: Sequence[int], tier: str) -> Ready:
    """How arguments become rows.

    Args:
        specs: of the arguments, in the order in which they will be given.
        order: for each argument of the loop, its place among them, all of them once.
        tier: one of `TIERS`.

    Raises:
        UsageError, TypeError: as arrange.
    """
    plan = _plan(tuple([specs[place] for place in order]), tier, False, False)
    steps = dict(zip(order, plan.steps, strict=True))
    numbers = [place for place, spec in enumerate(specs) if spec is NUMBER] if plan.count <= FEW else []
    after = {place: len(order) + k for k, place in enumerate(numbers)}
    left = tuple(_same if place in after else steps[place] for place in order)
    pick = itemgetter(*[after.get(place, place) for place in order])
    done = None if all(step is _same for step in left) else left
    return Ready(plan, pick, done, tuple(steps[place] for place in numbers))


def arrange(arguments: Sequence[ArrayLike], tier: str, *, flat: bool = False, wide: bool = False) -> Rows:
    """Broadcast arguments against each other and cut them into rows along the last axis.

    Args:
        arguments: arrays or numbers.
        tier: one of `TIERS`.
        flat: whether rows may be joined, because nothing is summed.
        wide: whether results are stored in float64 whatever the arguments are.

    Raises:
        UsageError: for an unknown tier.
        TypeError: for complex, extended or non-numeric input.
    """
    specs, given = spelled(arguments, numbers=False)
    plan = _plan(specs, tier, flat, wide)
    return Rows(plan, tuple(map(call, plan.steps, given)))


def arrange_together(groups: Sequence[Sequence[ArrayLike]], tier: str) -> list[Rows]:
    """The same of several groups, all in the one dtype in which they would be added up.

    Raises:
        UsageError, TypeError: as arrange.
    """
    read = [spelled(group, numbers=False) for group in groups]
    plans = _plans(tuple([specs for specs, _ in read]), tier)
    return [Rows(plan, tuple(map(call, plan.steps, given))) for plan, (_, given) in zip(plans, read, strict=True)]


def result_dtype(*arguments: ArrayLike) -> np.dtype[np.floating[Any]]:
    """The dtype of a result: the arrays decide, Python numbers follow, integers count as float64.

    Raises:
        TypeError: for complex, extended or non-numeric input.
    """
    return _promoted(tuple(None if type(a) in WEAK else np.asarray(a).dtype for a in arguments))


def spelled(arguments: Sequence[Any], numbers: bool = True) -> tuple[tuple[Any, ...], Sequence[Any]]:
    """What is to be known of arguments, and they as arrays or Python's numbers: in one loop, for with small batches it takes as
    long as the arithmetic.

    With `numbers` they stand for themselves, but a zero is spelled out: 0.0 == -0.0, which a result may tell.
    """
    specs: list[Any] = []
    for argument in arguments:
        kind = type(argument)
        if kind is np.ndarray:
            specs.append((argument.shape, argument.dtype, argument.flags.carray or _whole(argument)))
        elif kind in WEAK:
            specs.append((argument or repr(float(argument))) if numbers else NUMBER)
        else:
            return spelled([a if type(a) in WEAK else np.asarray(a) for a in arguments], numbers)
    return tuple(specs), arguments


def _whole(array: NDArray[Any]) -> bool:
    """Tell whether an array that may not be written is otherwise as carray says."""
    return array.flags.c_contiguous and array.flags.aligned


@lru_cache(maxsize=1024)
def _promoted(dtypes: tuple[Any, ...]) -> np.dtype[Any]:
    dtype = np.result_type(*(0.0 if one is None else one for one in dtypes))
    if dtype.kind in "biu":
        return FLOAT64
    if dtype.kind != "f" or dtype.itemsize > 8:
        raise TypeError(f"kernels take real numbers of up to 64 bits, got {dtype}")
    return dtype


@lru_cache(maxsize=1024)
def _plan(specs: tuple[Spec, ...], tier: str, flat: bool, wide: bool) -> Plan:
    if tier not in TIERS:
        raise UsageError(f"tier must be 'exact' or 'fast', got {tier!r}")
    shape = np.broadcast_shapes(*(spec[0] for spec in specs))
    joined = flat and all(prod(own) == 1 or (own == shape and whole) for own, _, whole in specs)
    count, size = (1, prod(shape)) if joined else (prod(shape[:-1]), shape[-1] if shape else 1)
    varies = tuple(prod(own) != 1 and (joined or own[-1] != 1) for own, _, _ in specs)
    layout, dtype = _layout(specs, varies, tier, wide)
    whole = (1, size) if joined else shape
    steps = tuple(
        _varying(spec, whole, (count, size), np.dtype(layout.stored))
        if vary
        else _constant(spec, shape[:-1], count, np.dtype(layout.computed))
        for spec, vary in zip(specs, varies, strict=True)
    )
    stored, outer = np.dtype(layout.result), shape[:-1]
    return Plan(shape, count, size, dtype, layout, steps, outer, stored, stored == dtype and bool(outer))


@lru_cache(maxsize=1024)
def _plans(groups: tuple[tuple[Spec, ...], ...], tier: str) -> tuple[Plan, ...]:
    dtype = _promoted(tuple(spec[1] for specs in groups for spec in specs))

    def cast(spec: Spec) -> Spec:
        shape, given, contiguous = spec
        return spec if given is None else (shape, dtype, contiguous and given == dtype)

    return tuple(_plan(tuple(map(cast, specs)), tier, False, False) for specs in groups)


def _layout(specs: tuple[Spec, ...], varies: tuple[bool, ...], tier: str, wide: bool) -> tuple[Layout, np.dtype[Any]]:
    """What a loop is compiled for, and the dtype of its result by NumPy's promotion."""
    dtype = _promoted(tuple(spec[1] for spec in specs))
    narrow = all(spec[1] == FLOAT32 for spec, vary in zip(specs, varies, strict=True) if vary)
    stored = "float32" if narrow and dtype == FLOAT32 else "float64"
    computed = "float32" if tier == "fast" and stored == "float32" and not wide else "float64"
    result = "float32" if dtype == FLOAT32 and not wide else "float64"
    return Layout(varies, stored, result, computed, tier == "fast"), dtype


def _varying(spec: Spec, whole: tuple[int, ...], rows: tuple[int, int], dtype: np.dtype[Any]) -> Step:
    own, given, contiguous = spec
    if contiguous and given == dtype and prod(own) == prod(rows):
        return _same if own == rows else partial(np.reshape, shape=rows)
    return partial(_copied, whole=own if prod(own) == prod(rows) else whole, rows=rows, dtype=dtype)


def _same(array: Any) -> NDArray[Any]:
    return array


def _copied(array: Any, whole: tuple[int, ...], rows: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    found = np.broadcast_to(np.require(array, dtype, ["A"]), whole).reshape(rows)
    return found if found.strides[1] == found.itemsize else np.ascontiguousarray(found)


def _constant(spec: Spec, whole: tuple[int, ...], count: int, dtype: np.dtype[Any]) -> Step:
    if prod(spec[0]) != 1:
        return partial(_column, whole, count, dtype)
    return partial(_filled if spec[1] is None else _filled_with_item, count, dtype)


def _filled(count: int, dtype: np.dtype[Any], value: float) -> NDArray[Any]:
    make = _repeated if value and count <= FEW else _repeated.__wrapped__  # 0.0 == -0.0, which a result may tell
    return make(value, count, dtype)


def _filled_with_item(count: int, dtype: np.dtype[Any], array: NDArray[Any]) -> NDArray[Any]:
    return _filled(count, dtype, array.item())


@lru_cache(maxsize=64)
def _repeated(value: float, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    found = np.empty(count, dtype)
    with np.errstate(over="ignore"):
        found.fill(value)
    found.flags.writeable = False
    return found


def _column(whole: tuple[int, ...], count: int, dtype: np.dtype[Any], array: Any) -> NDArray[Any]:
    with np.errstate(over="ignore", under="ignore"):
        return np.broadcast_to(array[..., 0].astype(dtype), whole).reshape(count)
