"""The same data in batches of other sizes: one alone, two, and more than a byte can count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isfinite, prod

import numpy as np

from elbocheck.adapters import Array
from elbocheck.errors import CallError, ElbocheckError
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import exponent
from elbocheck.probing.structure import random_point
from elbocheck.roles import Role

Point = Mapping[Role, Array]

MANY = 257
"""A batch that no power of two divides and no byte counts."""
LARGEST = 2**20
"""Values of a call above which a large batch costs more than it tells."""


@dataclass(frozen=True)
class Misfit:
    """A batch size at which a loss is not what its data cost elsewhere.

    Attributes:
        size: of the batch.
        found: what it gives, per datum; None where it raises.
        expected: what the same data give in batches of another size.
        other: that size.
        error: what was raised.
        how: what it was compiled with, where it is as it should be without that.
    """

    size: int
    found: float | None
    expected: float
    other: int
    error: str = ""
    how: str = ""


def chosen(point: Point, rows: Sequence[int], count: int) -> dict[Role, Array]:
    """Return the point with a batch made of some of its data, in every argument alike."""
    return {role: a[list(rows)] if a.ndim and a.shape[0] == count else a for role, a in point.items()}


def worth(probe: Probe, point: Point, rows: Sequence[int], power: int = 1) -> float:
    """Return what some data cost together: the total of a call, freed of how the batch is reduced.

    Raises:
        ElbocheckError: the loss raised, or asked a model that is stood for what it asks in some calls only.
    """
    layout = replace(probe.layout, batch=len(rows))
    values = chosen(point, rows, probe.layout.batch)
    probe.points += 1
    value = probe.loss(probe.inputs(values, layout)).value
    return float(np.sum(value, dtype=np.float64)) * float(len(rows)) ** (1 - power)


def growth(probe: Probe, point: Point) -> int | None:
    """Return p where all terms of a loss grow as B^p, None where they do not grow alike or hang on the order.

    A constant beside them, or a term that is reduced in another way, is told by a batch of each datum twice.
    """
    rows = [*range(probe.layout.batch)]
    try:
        once, rolled, twice = (worth(probe, point, order) for order in (rows, [*rows[1:], rows[0]], rows + rows))
    except ElbocheckError:
        return None
    power = exponent(once, twice)
    allowed = 4 * probe.floor + float(probe.noise(once, twice))
    if power is None or abs(rolled - once) > allowed or abs(twice - once * 2.0**power) > allowed * 2.0**power:
        return None
    return power


def misfits(probe: Probe, working: Probe, seed: int, sizes: Sequence[int]) -> Iterator[Misfit]:
    """Yield the sizes at which data do not cost what they cost in a batch of another size.

    Args:
        probe: the loss.
        working: it in the dtype that people train in.
        seed: of the data.
        sizes: to try; the largest in the dtype of training, where a datum is not too large for it.
    """
    point = random_point(probe, np.random.default_rng(seed))
    if (power := growth(probe, point)) is None:
        return
    each, whole = _each(probe, point, power), range(probe.layout.batch)
    if _off(probe, each, worth(probe, point, whole, power), power):  # what couples data is no matter of their number
        return
    for size in sizes:
        if size < MANY:
            yield from _misfit(probe, point, power, each, size)
        elif size * prod(probe.layout.shape(Role.X)[1:]) <= LARGEST:
            each = each if working is probe else _each(working, point, power)
            yield from _misfit(working, point, power, each, size)


def _each(probe: Probe, point: Point, power: int) -> Array:
    """Return what each datum costs, in a batch that it fills."""
    count = probe.layout.batch
    return np.array([worth(probe, point, [row] * count, power) / count for row in range(count)])


def _misfit(probe: Probe, point: Point, power: int, each: Array, size: int) -> Iterator[Misfit]:
    """Yield a batch of that size that does not cost the sum of what each of its data costs; its last is not its first."""
    count = probe.layout.batch
    rows = np.arange(size) * count // size
    expected = float(np.sum(each[rows]))
    swift = _swiftly(probe, point, power, rows) if probe.loss.adapter.compiles_shapes else ("", None)
    if swift[1] is not None and not _off(probe, each[rows], swift[1], power):
        return
    try:
        found = worth(probe, point, rows.tolist(), power)
    except ElbocheckError as error:
        yield Misfit(size, None, expected / size, count, told(error))
        return
    if _off(probe, each[rows], found, power):
        yield Misfit(size, found / size, expected / size, count)
    elif swift[1] is not None:
        yield Misfit(size, swift[1] / size, expected / size, count, how=swift[0])


def _swiftly(probe: Probe, point: Point, power: int, rows: Array) -> tuple[str, float | None]:
    """Return what data cost compiled as a whole, which takes less than compiling each operation for a new shape, and by what."""
    for name, compiler in probe.loss.adapter.compilers.items():
        with suppress(ElbocheckError):
            return name, worth(replace(probe, loss=replace(probe.loss, wrap=compiler)), point, rows.tolist(), power)
    return "", None


def _off(probe: Probe, each: Array, found: float, power: int) -> bool:
    """Tell whether data together cost another sum than each of them, beyond rounding; the probe's grain grows with them."""
    size, count, expected = len(each), probe.layout.batch, float(np.sum(each))
    rounding = float(replace(probe, layout=replace(probe.layout, batch=size)).noise(np.sum(np.abs(each)), found))
    grain = 4 * probe.floor * float(count) ** (1 - power) * max(1.0, size / count)
    return isfinite(expected) and not abs(found - expected) <= rounding + grain


def same(probe: Probe, found: Array, expected: Array) -> bool:
    """Tell whether two results are one, up to the rounding of a reordered sum; what should be NaN may be anything."""
    if found.shape != expected.shape:
        return False
    one, other = found.astype(np.float64), expected.astype(np.float64)
    allowed = probe.noise(one, other) + 4 * probe.floor
    with np.errstate(invalid="ignore"):  # of two infinities
        return bool(np.all((np.abs(one - other) <= allowed) | (one == other) | np.isnan(other)))


def told(error: ElbocheckError) -> str:
    """Return what became of a call, to follow "the loss"."""
    return error.what if isinstance(error, CallError) else f"cannot be called: {error}"
