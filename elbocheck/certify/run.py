"""Run certificates: a list of independent tasks, on as many processes as asked, in a fixed order of results."""

from __future__ import annotations

import platform
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np

from elbocheck import __version__
from elbocheck.certify.kernels import beyond, measure, mismatch
from elbocheck.certify.members import Fact, divergence_facts, facts, subject
from elbocheck.certify.named import NAMED
from elbocheck.certify.references import Reference, density_references, divergence_references
from elbocheck.certify.table import KernelRow, Row, Table
from elbocheck.densities import DENSITIES
from elbocheck.divergences import DIVERGENCES
from elbocheck.errors import UsageError
from elbocheck.oracle import require_digits

__all__ = ["certify", "names"]

PACKAGES = ("numpy", "numba", "mpmath", "python-flint")
SAMPLE = 12  # points of each kernel at which its ball is held against mpmath
DTYPES = ("float64", "float32")

Progress = Callable[[int, int, str], None]


def names() -> list[str]:
    """What can be certified, in the order of the table."""
    return [one.name for one in (*DENSITIES, *DIVERGENCES, *NAMED)]


@dataclass(frozen=True)
class Task:
    """One piece of work: a member of a form, a named certificate, or a kernel in a dtype."""

    owner: str
    row: str
    kind: str
    index: int
    points: int
    digits: int
    seed: int


def certify(
    chosen: Sequence[str] = (),
    *,
    digits: int = 50,
    points: int = 2,
    ulp_points: int = 10_000,
    jobs: int = 1,
    seed: int = 0,
    progress: Progress = lambda _done, _all, _name: None,
) -> Table:
    """Certify densities, divergences and the named questions.

    Args:
        chosen: names; all where empty.
        digits: decimal digits asked of every ball, 1 to 1000.
        points: random members of each form.
        ulp_points: random points of each energy and divergence in each dtype; a tenth of them of each normaliser, a
            twentieth of each derivative.
        jobs: processes.
        seed: of every random choice.
        progress: called with (done, all, name) after each task.

    Raises:
        UsageError: for a name that does not exist, with the closest match.
        ParameterError: for digits out of range.

    Example:
        >>> certify(["bernoulli"], points=1, ulp_points=100).faults
        ()
    """
    require_digits(digits)
    tasks = [task for name in _known(chosen) for task in _tasks(name, digits, points, ulp_points, seed)]
    results: dict[str, list[Any]] = defaultdict(list)
    with _pool(jobs) as pool:
        outcomes = pool.map(_work, tasks) if pool else map(_work, tasks)
        for done, (task, outcome) in enumerate(zip(tasks, outcomes, strict=True), start=1):
            results[task.row].extend(outcome)
            progress(done, len(tasks), task.row)
    rows = tuple(_row(name, found) for name, found in results.items())
    return Table(_versions(), digits, seed, rows)


def _pool(jobs: int) -> AbstractContextManager[Executor | None]:
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) if jobs > 1 else nullcontext()


def _known(chosen: Sequence[str]) -> list[str]:
    known = names()
    for name in chosen:
        if name not in known:
            near = get_close_matches(name, known, 1, 0.4)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UsageError(f"no certificate {name!r}: {hint}there are {', '.join(known)}")
    return [name for name in known if not chosen or name in chosen]


def _tasks(name: str, digits: int, points: int, ulp_points: int, seed: int) -> Iterator[Task]:
    for density in (d for d in DENSITIES if d.name == name):
        for i, form in enumerate(density.forms):
            for k in range(points):
                yield Task(name, subject(density, form), "member", i, 1, digits, seed + 1000 * k)
    for divergence in (d for d in DIVERGENCES if d.name == name):
        for i in range(len(divergence.forms)):
            for k in range(points):
                yield Task(name, name, "divergence", i, 1, digits, seed + 1000 * k)
    if any(named.name == name for named in NAMED):
        yield Task(name, name, "named", 0, 8 * points, digits, seed)
    for i, reference in enumerate(_references(name)):
        if ulp_points:
            yield Task(name, reference.owner, "kernel", i, max(1, ulp_points // reference.share), digits, seed)


def _references(name: str) -> list[Reference]:
    found = [r for d in DENSITIES if d.name == name for r in density_references(d)]
    return found + [r for d in DIVERGENCES if d.name == name for r in divergence_references(d)]


def _work(task: Task) -> list[Any]:
    rng = np.random.default_rng((task.seed, task.index))
    if task.kind == "member":
        density = next(d for d in DENSITIES if d.name == task.owner)
        return list(facts(density, density.forms[task.index], rng, task.digits))
    if task.kind == "divergence":
        divergence = next(d for d in DIVERGENCES if d.name == task.owner)
        return list(divergence_facts(divergence, divergence.forms[task.index], rng, task.digits))
    if task.kind == "named":
        named = next(one for one in NAMED if one.name == task.owner)
        return list(named.facts(rng, task.points, task.digits))
    reference = _references(task.owner)[task.index]
    fault = mismatch(reference, SAMPLE, task.seed + 1)
    found = []
    for dtype in DTYPES:
        worst = measure(reference, dtype, task.points, task.seed)
        wrong = fault or beyond(reference, dtype, worst)
        found.append(KernelRow(reference.name, dtype, worst.ulps, worst.at, worst.points, wrong))
    return found


def _row(name: str, found: list[Fact | KernelRow]) -> Row:
    proofs = [one for one in found if isinstance(one, Fact)]
    sound = [one for one in proofs if one.fault is None]
    normalisers = [one for one in sound if one.quantity == sound[0].quantity] if sound else []
    times = [1e3 * one.seconds for one in normalisers] or [0.0]
    least = min(((one.digits, f"{name}: {one.quantity} at {_short(one.at)}") for one in proofs), default=(0.0, name))
    return Row(
        name=name,
        points=len({str(one.at) for one in proofs}),
        facts=len(proofs),
        digits=min((one.digits for one in normalisers), default=0.0),
        fewest=least,
        milliseconds=(median(times), max(times)),
        route=max((one.route for one in normalisers), key=len, default="none"),
        faults=tuple(f"{one.quantity} at {_short(one.at)}: {one.fault}" for one in proofs if one.fault),
        kernels=tuple(one for one in found if isinstance(one, KernelRow)),
    )


def _short(at: dict[str, Any]) -> str:
    return ", ".join(
        f"{name}={value!r}" if isinstance(value, float) else f"{name}={value}" for name, value in at.items()
    )


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in PACKAGES}
    return {"elbocheck": __version__, "python": platform.python_version(), **packages, "system": sys.platform}
