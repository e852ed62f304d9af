"""Threads for loops over rows: the caller takes the first share, a pool the others.

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

from elbocheck.errors import UsageError

__all__ = ["shared", "thread_count", "threads"]

SHARE = 1 << 15
"""Elements that a thread is woken for: handing over takes 10 to 25 microseconds, as long as the arithmetic of so many."""

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

    Returns:
        Whether every part returned a finite number.
    """
    parts = min(count, count * weight // SHARE)
    if parts > 1:
        parts = min(parts, thread_count())
    if parts <= 1:
        return isfinite(work(0, count))
    edges = [count * k // parts for k in range(parts + 1)]
    others = [_pool(parts - 1).submit(work, *edges[k : k + 2]) for k in range(1, parts)]
    own = isfinite(work(0, edges[1]))
    theirs = [isfinite(other.result()) for other in others]  # every one is waited for
    return own and all(theirs)


@cache
def _pool(size: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(size, thread_name_prefix="elbocheck")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of its parent's threads
