"""`elbocheck bench`: reference kernels, the same formula in the installed frameworks, and the user's own loss, in one run.

Each cell of the table is a family, a dtype, and the value or the value with its gradient; its contenders take turns. Beside
the speed stands the largest error found on everyday points and on a few hard ones, in ulps of the dtype.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elbocheck import densities
from elbocheck.adapters.kit import KITS, Kit, kit
from elbocheck.bench.clock import Timing, bandwidth, race, ratio
from elbocheck.bench.formulas import WORKLOADS, Workload
from elbocheck.bench.theirs import Theirs
from elbocheck.budget import ulp_distance
from elbocheck.densities import Density
from elbocheck.enclosure import doubles
from elbocheck.errors import UsageError
from elbocheck.kernels.threads import thread_count, threads

__all__ = ["Bench", "Cell", "Entry", "bench"]

DTYPES = ("float32", "float64")
USUAL = ("bernoulli", "normal", "huber")
POINTS = 2000  # at which the errors are measured
BITS = 160
Contenders = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Entry:
    """One contender in one cell.

    Attributes:
        name: of the contender.
        timing: its turns.
        ratio: how many times as long as the fastest it takes, the median over pairs of turns.
        ulps: the largest error found, in ulps of the dtype; None where the values of single numbers are not seen.
        worst: x and the moving parameter there.
    """

    name: str
    timing: Timing
    ratio: float
    ulps: float | None
    worst: tuple[float, float] | None


@dataclass(frozen=True)
class Cell:
    """What took turns.

    Attributes:
        family: the density.
        dtype: of the arrays.
        what: "value" or "value and gradient".
        numbers: how many there are of x.
        moved: bytes that have to be read and written.
        entries: the contenders, the fastest first.
    """

    family: str
    dtype: str
    what: str
    numbers: int
    moved: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Bench:
    """All cells, and the machine they were timed on.

    Attributes:
        shape: of x.
        threads: how many each contender may use.
        reading: bytes a second that the machine reads.
        copying: bytes a second that it moves when it copies.
        missing: frameworks that are not installed.
        cells: the table.
    """

    shape: tuple[int, int]
    threads: int
    reading: float
    copying: float
    missing: tuple[str, ...]
    cells: tuple[Cell, ...]


def bench(
    target: Any = None,
    *,
    families: Sequence[str] = (),
    shape: tuple[int, int] = (128, 784),
    dtypes: Sequence[str] = (),
    against: Sequence[str] | None = None,
    threads_each: int = 1,
    seconds: float = 40.0,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> Bench:
    """Time reference kernels, frameworks and a loss.

    Args:
        target: a loss as `Theirs` reads it; None for the references alone.
        families: densities of `WORKLOADS`; by default the loss's own, or the usual three.
        shape: (batch, numbers of one datum).
        dtypes: by default the loss's working dtype float32, or both.
        against: frameworks; None for all that are installed.
        threads_each: threads of each contender.
        seconds: to spend on turns in all.
        seed: of the data.
        progress: called with what is done, of how much, and what comes.

    Raises:
        UsageError: for an unknown family, dtype or framework.
    """
    kits, missing = _kits(against)
    names = tuple(families) or ((target.family,) if target else USUAL)
    chosen = [_workload(name) for name in names]
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise UsageError(f"--dtype {dtype}: choose from {', '.join(DTYPES)}")
    if threads_each > thread_count():
        raise UsageError(f"--threads {threads_each}: this process may use {thread_count()}")
    cells: list[Cell] = []
    plan = [(w, d, g) for w in chosen for d in dtypes or (DTYPES[:1] if target else DTYPES) for g in (False, True)]
    with threads(threads_each), _affinity(threads_each):
        for one in kits:
            one.limit(threads_each)
        reading, copying = bandwidth(threads_each)
        for done, (workload, dtype, grad) in enumerate(plan):
            if progress:
                progress(done, len(plan), f"{workload.family} {dtype}")
            cells.append(_cell(workload, shape, np.dtype(dtype), grad, kits, target, seconds / len(plan), seed))
        if progress:
            progress(len(plan), len(plan), "done")
    return Bench(shape, threads_each, reading, copying, missing, tuple(cells))


def _kits(against: Sequence[str] | None) -> tuple[list[Kit], tuple[str, ...]]:
    if against is not None:
        return [kit(name) for name in against], ()
    found, missing = [], []
    for name in KITS:
        try:
            found.append(kit(name))
        except UsageError:
            missing.append(name)
    return found, tuple(missing)


def _workload(family: str) -> Workload:
    for workload in WORKLOADS:
        if workload.family == family:
            return workload
    raise UsageError(f"nothing to time for {family!r}: choose from {', '.join(w.family for w in WORKLOADS)}")


@contextlib.contextmanager
def _affinity(count: int) -> Iterator[None]:
    """Keep every thread of this process, the frameworks' own among them, on as many processors."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cell(
    workload: Workload, shape: tuple[int, int], dtype: np.dtype[Any], grad: bool, kits: list[Kit], target: Theirs | None,
    seconds: float, seed: int,
) -> Cell:  # fmt: skip
    density: Density = getattr(densities, workload.family)
    x, moving = (a.astype(dtype) for a in workload.draw(np.random.default_rng(seed), shape))
    contenders: Contenders = {
        f"elbocheck {tier}": _reference(density, workload, x, moving, tier, grad) for tier in ("fast", "exact")
    }
    owners = {}  # compiled or not, the arithmetic is the framework's
    for one in kits:
        theirs = (one.sums_and_grad if grad else one.sums)(workload.formula, x, moving)
        contenders.update(theirs)
        owners.update(dict.fromkeys(theirs, one.name))
    if target is not None and target.family == workload.family:
        contenders.update(target.contenders(x, moving, grad))
    for call in contenders.values():
        call()  # compiles
    timings = race(contenders, seconds)
    errors = {} if grad else _errors(density, workload, dtype, kits, target, seed)
    fastest = min(timings.values(), key=lambda timing: timing.best)
    entries = [
        Entry(name, timing, ratio(timing, fastest), *errors.get(owners.get(name, name), (None, None)))
        for name, timing in sorted(timings.items(), key=lambda item: item[1].best)
    ]
    moved = (3 if grad else 2) * x.nbytes
    return Cell(workload.family, dtype.name, "value and gradient" if grad else "value", x.size, moved, tuple(entries))


def _reference(density: Density, workload: Workload, x: Any, moving: Any, tier: str, grad: bool) -> Callable[[], Any]:
    parameters = {**workload.fixed, workload.moving: moving}
    if grad:
        return lambda: density.value_and_grad(x, workload.moving, tier=tier, **parameters)
    return lambda: density.log_prob_sum(x, tier=tier, **parameters)


def _errors(
    density: Density, workload: Workload, dtype: np.dtype[Any], kits: list[Kit], target: Theirs | None, seed: int
) -> dict[str, tuple[float, tuple[float, float]]]:
    """The largest error of each contender's single values, and where."""
    x, moving = workload.draw(np.random.default_rng(seed + 1), (POINTS,))
    hard = np.array(workload.hard).reshape(-1, 2)
    x, moving = (np.concatenate(pair).astype(dtype) for pair in ((hard[:, 0], x), (hard[:, 1], moving)))
    high, low, size = _truth(density, workload, x, moving)
    parameters: Mapping[str, Any] = {**workload.fixed, workload.moving: moving}
    found = {f"elbocheck {tier}": density.log_prob(x, tier=tier, **parameters) for tier in ("fast", "exact")}
    found.update({one.name: one.each(workload.formula, x, moving) for one in kits})
    worst = {name: _worst(values, high, low, size, dtype, x, moving) for name, values in found.items()}
    if target is not None and target.family == workload.family and (seen := target.each(x, moving, high)) is not None:
        worst[target.name] = _worst(seen, high[: seen.size], low[: seen.size], size[: seen.size], dtype, x, moving)
    return worst


def _truth(density: Density, workload: Workload, x: Any, moving: Any) -> tuple[Any, Any, Any]:
    """The log density at each point as a sum of two floats, and the size of its normaliser, which may cancel."""
    form = density.form((workload.moving, *workload.fixed))
    place = form.names.index(workload.moving)

    def value(m: Any, point: Any) -> Any:
        values = [m.exact(workload.fixed.get(name, 0.0)) for name in form.names]
        values[place] = m.exact(point[1])
        found = form.definition(m, m.exact(point[0]), *values)
        return found if form.log_mass is None else found - form.log_mass(m, *values)

    high, low = doubles(value, np.stack([x, moving], axis=1).astype(np.float64).tolist(), BITS, 1)
    return high, low, np.abs(density.log_normalizer(**{**workload.fixed, workload.moving: moving}))


def _worst(
    values: Any, high: Any, low: Any, size: Any, dtype: np.dtype[Any], x: Any, moving: Any
) -> tuple[float, tuple[float, float]]:
    errors = ulp_distance(values, high, dtype, remainder=low, magnitude=size)
    place = int(np.argmax(errors))
    return float(errors[place]), (float(x[place]), float(moving[place]))
