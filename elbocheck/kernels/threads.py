"""Threads for loops over rows: the caller works, and a pool helps where that is worth it.

Machine code runs without the interpreter's lock. No OpenMP (it kills forked children) and no `parallel=True` (a second of
compiling for each kernel). A row is computed by one thread from first to last element, so that results do not depend on
how many there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from math import isfinite
from time import perf_counter

from elbocheck.errors import UsageError

__all__ = ["shared", "thread_count", "threads"]

PIECE = 1 << 14
"""Elements that the caller computes before it asks for help."""
PIECES = 4
"""Of each thread, of what is left then, where that is much."""
WORTH = 3e-4
"""Seconds of work that others are woken for, and that pieces last: to wake a thread, and to be woken by it, takes 50 microseconds each."""

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


def shared(work: Callable[[int, int], float], count: int, weight: int) -> bool:
    """Call work(first, last) on consecutive parts of range(count), whose elements weigh `weight` each, and wait.

    The caller takes the first piece, and knows from its time whether others are worth waking. The rest is taken piece by
    piece by whoever is free: a thread that is slow to wake delays nothing.

    Returns:
        Whether every part returned a finite number.
    """
    if count * weight < 2 * PIECE or count < 2 or (limit := thread_count()) == 1:
        return isfinite(work(0, count))
    first = max(PIECE // weight, 1)
    started = perf_counter()
    well = isfinite(work(0, first))
    left = (perf_counter() - started) * (count - first) / first
    if left < WORTH:
        return isfinite(work(first, count)) and well
    step = -(-(count - first) // (limit * max(1, min(PIECES, int(left / WORTH)))))
    starts = iter(range(first, count, step))

    def run() -> bool:
        good = True
        for start in starts:
            good &= isfinite(work(start, min(start + step, count)))
        return good

    helpers = [_pool(limit - 1).submit(run) for _ in range(limit - 1)]
    own = run()
    others = [helper.result() for helper in helpers if not helper.cancel()]  # every one that began is waited for
    return all((well, own, *others))


@cache
def _pool(size: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(size, thread_name_prefix="elbocheck")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of its parent's threads
