"""Threads for loops over rows: the caller works, and others help where that is worth it.

Machine code runs without the interpreter's lock. No OpenMP (it kills forked children) and no `parallel=True` (a second of
compiling for each kernel). A row is computed by one thread from first to last element, so that results do not depend on
how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from math import isfinite
from time import perf_counter
from typing import Any

from elbocheck.errors import UsageError
from elbocheck.kernels.watchers import Watcher, watchers

__all__ = ["shared", "thread_count", "threads"]

PIECE = 1 << 14
"""Elements of half of what is worth sharing at the least, and of what a loop is first timed by."""
PIECES = 4
"""Of each thread, where there is much to do."""
WORTH = 3e-4
"""Seconds of work that sleeping threads are woken for, and that pieces last."""
LONG = 6e-4
"""Seconds of work, several pieces, that are worth a thread that may be late: the caller does what it leaves."""
LITTLE = 4e-5
"""Seconds of work that is handed to threads that watch."""
BEGUN = 1e-5
"""Seconds until such a thread has begun."""

VARIABLE = "ELBOCHECK_NUM_THREADS"
_limit: ContextVar[int | None] = ContextVar("threads", default=None)


def thread_count() -> int:
    """How many threads loops may use: of `threads`, of the environment variable ELBOCHECK_NUM_THREADS, or the processors
    that this process may run on."""
    return _limit.get() or _default()


@cache
def _default() -> int:
    asked = os.environ.get(VARIABLE)
    if asked is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not asked.isdecimal() or int(asked) < 1:
        raise UsageError(f"{VARIABLE} must be an integer >= 1, got {asked!r}")
    return int(asked)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Limit the threads of everything called inside; results do not depend on it.

    Example:
        >>> with threads(1):
        ...     thread_count()
        1
    """
    if count < 1:
        raise UsageError(f"threads must be >= 1, got {count!r}")
    token = _limit.set(count)
    try:
        yield
    finally:
        _limit.reset(token)


def shared(work: Callable[[int, int], float], count: int, weight: int, loop: Any) -> bool:
    """Call work(first, last) on consecutive parts of range(count), whose elements weigh `weight` each, and wait.

    The work is taken piece by piece by whoever is free: a thread that is slow to begin delays nothing.

    Args:
        work: fills a part, and returns a finite number if all of it is.
        count: how much there is.
        weight: numbers in each.
        loop: what the work calls: how long a number takes it is known once it has been called.

    Returns:
        Whether every part returned a finite number.
    """
    if count * weight < 2 * PIECE or count < 2 or (limit := thread_count()) == 1:
        return isfinite(work(0, count))
    first, well = 0, True
    if loop not in _pace:
        first, started = max(PIECE // weight, 1), perf_counter()
        well = isfinite(work(0, first))
        _pace[loop] = (perf_counter() - started) / (first * weight)
    left = _pace[loop] * weight * (count - first)
    asked = [h for h in watchers(limit - 1) if _worth(h, left) and h.free.acquire(blocking=False)]
    good, spent = _together(work, [*_parts(first, count, left, len(asked) + 1)], asked)
    at_most = SLOWER * _pace[loop] if not asked else _pace[loop]  # what help cost is no reason to ask for more
    _pace[loop] = min(spent * (len(asked) + 1) / ((count - first) * weight), at_most)
    for helper in asked:
        helper.judge(spent - left)
    return well and good


_pace: dict[Any, float] = {}
"""Seconds that a number takes, by loop."""
SLOWER = 1.05
"""Times as long as it took, what a number may be taken to: on a busy core it takes longer for a while, and help is none."""


def _worth(helper: Watcher, left: float) -> bool:
    """Tell whether to ask for help; who would have to be woken for too little is woken for the next time, if that is soon."""
    if left < LITTLE or (left < LONG and helper.shunned):
        return False
    if left >= WORTH or not helper.asleep:
        return True
    if helper.soon():
        helper.wake()
    return False


def _together(
    work: Callable[[int, int], float], parts: list[tuple[int, int]], asked: list[Watcher]
) -> tuple[bool, float]:
    """Do all parts with helpers, which are free again afterwards; return whether all is finite, and the seconds spent."""
    left, good = iter(parts), []

    def run() -> None:
        for start, stop in left:
            good.append(isfinite(work(start, stop)))

    started = perf_counter()
    try:
        for helper in asked:
            helper.hand(run)
        run()
    finally:
        for helper in asked:
            try:
                helper.wait()
            finally:
                helper.free.release()
    return all(good), perf_counter() - started


def _parts(first: int, count: int, left: float, workers: int) -> Iterator[tuple[int, int]]:
    """Cut what is left: one part each where it is little, the caller's longer by what the others lose before they begin."""
    if workers == 1:
        yield first, count
        return
    pieces = max(1, min(PIECES, int(left / WORTH)))
    rest = count - first
    longer = int(rest * min(BEGUN / left, 1.0) * (workers - 1) / workers) if pieces == 1 else 0
    step = -(-(rest - longer) // (workers * pieces))
    start = first
    while start < count:
        stop = min(start + step + (longer if start == first else 0), count)
        yield start, stop
        start = stop
