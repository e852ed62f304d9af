"""Threads for loops over rows: the caller works, and others help where that is worth it.

Machine code runs without the interpreter's lock. No OpenMP (it kills forked children) and no `parallel=True` (a second of
compiling for each kernel). A row is computed by one thread from first to last element, so that results do not depend on
how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np

from elbocheck.errors import UsageError
from elbocheck.kernels.watchers import Crew, crew

__all__ = ["alone", "shared", "thread_count", "threads"]

PIECE = 1 << 14
"""Elements of half of what is worth sharing at the least, and of what a loop is first timed by."""
PIECES = 16
"""Of each thread at the most."""
SHORTEST = 4e-6
"""Seconds of work in a piece at the least."""
WORTH = 3e-4
"""Seconds of work that sleeping threads are woken for."""
LONG = 6e-4
"""Seconds of work, several pieces, that are worth a thread that may be late: the caller does what it leaves."""
LITTLE = 8e-6
"""Seconds of work that is shared with threads that watch."""
NOBODY = np.zeros(0, np.int64)
"""The mail of a loop that its caller runs alone."""

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


def alone(loop: Any, given: tuple[Any, ...], count: int) -> bool:
    """Fill all rows of a compiled loop, and tell whether every result is finite."""
    return bool(loop(given, 0, count, 0, NOBODY))


def shared(loop: Any, given: tuple[Any, ...], count: int, weight: int) -> bool:
    """Fill all rows of a compiled loop, whose elements weigh `weight` each, together with others where that is worth it.

    Args:
        loop: from `compiled`; how long a number takes it is known once it has been called.
        given: its results and arguments.
        count: how many rows there are.
        weight: numbers in each.

    Returns:
        Whether every result is finite.
    """
    if count * weight < 2 * PIECE or count < 2 or (limit := thread_count()) == 1:
        return alone(loop, given, count)
    first, well = 0, True
    if loop not in _pace:
        first, started = max(PIECE // weight, 1), perf_counter()
        well = alone(loop, given, first)
        _pace[loop] = (perf_counter() - started) / (first * weight)
    left = _pace[loop] * weight * (count - first)
    helpers, started = crew(limit - 1), perf_counter()
    workers = 1
    if _worth(helpers, left, started) and helpers.free.acquire(blocking=False):
        try:
            workers = limit
            each = max(1, min(int(left / (limit * SHORTEST)), PIECES))
            well &= helpers.lead(loop, given, first, count, min(limit * each, count - first))
        finally:
            helpers.free.release()
    else:
        well &= bool(loop(given, first, count, 0, NOBODY))
    spent = perf_counter() - started
    _pace[loop] = min(
        spent * workers / ((count - first) * weight), SLOWER * _pace[loop] if workers == 1 else _pace[loop]
    )
    if workers > 1:
        helpers.judge(spent - left)
    return well


_pace: dict[Any, float] = {}
"""Seconds that a number takes, by loop."""
SLOWER = 1.05
"""Times as long as it took, what a number may be taken to: on a busy core it takes longer for a while, and help is none."""


def _worth(helpers: Crew, left: float, now: float) -> bool:
    """Tell whether to ask for help; who would have to be woken for too little is woken for the next time, if that is soon."""
    if left < LITTLE or (left < LONG and helpers.shunned(now)):
        return False
    watching, soon = helpers.awake, helpers.soon(now)
    if left >= WORTH or soon:
        helpers.wake()
    return watching > 0 or left >= WORTH
