"""Threads that stand by: what a caller hands over is begun within microseconds while they watch, for a while after each task.

OpenMP's threads do the same. Nobody waits for one that has not begun, and who was late is not asked again for a while: on
busy cores the caller works alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from threading import Lock, Thread
from time import perf_counter, sleep

import numpy as np

__all__ = ["Watcher", "watchers"]

DELAY = 8.0
"""Microseconds until a helper asks for the interpreter's lock: by then the caller has let go of it, and nobody sleeps for it."""
PATIENCE = 500.0
"""Microseconds for which a helper watches."""
POLLED = 200.0
"""Microseconds for which a caller watches a helper before it sleeps for as long."""
SHARE, DEBT = 0.2, 0.02
"""Of the time, what help may cost where another process wants the core; the seconds that are remembered at the most."""
GIVEN, DONE = 0, 16  # apart in memory, lest one thread's writing slow the other's reading


@dataclass
class Task:
    """Work that is handed over.

    Attributes:
        run: what is to be done: nothing, where others have done it meanwhile.
        begun: whether somebody must wait for it.
        error: what it raised.
    """

    run: Callable[[], object]
    begun: bool = False
    error: BaseException | None = None

    def do(self) -> None:
        """Run it."""
        self.begun = True
        try:
            self.run()
        except BaseException as error:  # noqa: BLE001  # the caller's to raise
            self.error = error


IDLE = Task(lambda: None)


class Watcher:
    """A thread that stands by for one caller at a time.

    Attributes:
        free: held by the caller.
        asleep: whether it must be woken.
    """

    def __init__(self) -> None:
        self.free, self.asleep = Lock(), False
        self._mail, self._turn, self._task = np.zeros(DONE + 16, np.int64), 0, IDLE
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._debt, self._late, self._last = 0.0, 0.0, 0.0
        Thread(target=self._serve, name="elbocheck", daemon=True).start()

    @property
    def shunned(self) -> bool:
        """Whether its help was worse than none not long ago."""
        return perf_counter() < self._late

    def soon(self) -> bool:
        """Tell whether work comes often enough that it would still watch when the next comes."""
        now = perf_counter()
        last, self._last = self._last, now
        return now - last < 1e-6 * PATIENCE

    def wake(self) -> None:
        """Have it watch for a while."""
        self._bell.put(None)

    def hand(self, run: Callable[[], object]) -> None:
        """Hand over work; the caller holds `free`."""
        self._task = Task(run)
        self._turn += 1
        self._mail[GIVEN] = self._turn
        if self.asleep:
            self.wake()

    def wait(self) -> None:
        """Wait for what has begun."""
        task, self._task = self._task, IDLE  # which holds no arrays
        if not task.begun:
            return
        from elbocheck.kernels.watching import per_microsecond, until

        while not until(self._mail, DONE, self._turn, int(POLLED * per_microsecond())):
            sleep(1e-6 * POLLED)  # it may want this core
        if task.error is not None:
            raise task.error

    def judge(self, lost: float) -> None:
        """Note by how many seconds its help was worse than none: it is not asked again until that is a small share of the time."""
        self._debt = min(max(self._debt + lost, 0.0), DEBT)
        if lost > 0:
            self._late = perf_counter() + self._debt / SHARE

    def _serve(self) -> None:
        from elbocheck.kernels.watching import per_microsecond, watch

        patience, delay = (int(span * per_microsecond()) for span in (PATIENCE, DELAY))
        turn = 0
        while True:
            found = watch(self._mail, GIVEN, DONE, turn, patience, delay)
            if found == turn:
                self.asleep = True
                if self._mail[GIVEN] == turn:
                    self._bell.get()
                self.asleep = False
                continue
            turn = found
            self._task.do()


@cache
def watchers(count: int) -> tuple[Watcher, ...]:
    """Return so many helpers."""
    return tuple(Watcher() for _ in range(count))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=watchers.cache_clear)  # a child has none of its parent's threads
