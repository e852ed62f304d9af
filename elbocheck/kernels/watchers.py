"""Threads that stand by: a loop that is laid out is begun within a microsecond while they watch, for a while after each task.

OpenMP's threads do the same. Nobody waits for one that has not begun, and where help cost more than it gave it is not asked for
again for a while: on busy cores the caller works alone. One that is woken begins on another core than its caller's: Linux may
put it on the same one and leave it there for some calls, which then take longer than without help.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from queue import SimpleQueue
from threading import Lock, Thread, get_native_id
from time import perf_counter, sleep
from typing import Any

__all__ = ["Crew", "crew"]

PATIENCE = 500.0
"""Microseconds for which a helper watches."""
POLLED = 200.0
"""Microseconds for which a caller watches its helpers before it sleeps for as long."""
SHARE = 0.2
"""Of the time, what help may cost where another process wants the core."""
STRIKES = 6
"""How often help that was worse than none, time after time, doubles the time for which it is not asked again."""


@dataclass(eq=False)
class Helper:
    """A thread that watches a mail.

    Attributes:
        asleep: who of all helpers must be woken.
        number: the operating system's, of the thread.
    """

    mail: Any
    asleep: set[Helper]
    bell: SimpleQueue[None] = field(default_factory=SimpleQueue)
    number: int = 0

    def __post_init__(self) -> None:
        Thread(target=self._serve, name="elbocheck", daemon=True).start()

    def _serve(self) -> None:
        from elbocheck.kernels.watching import per_microsecond, watch

        patience = int(PATIENCE * per_microsecond())
        self.number = get_native_id()
        while True:
            watch(self.mail, patience)
            self.asleep.add(self)
            self.bell.get()
            self.asleep.discard(self)


class Crew:
    """Helpers of one caller at a time.

    Attributes:
        free: held by the caller.
        mail: what the caller lays its loop out on.
    """

    def __init__(self, count: int) -> None:
        from elbocheck.kernels import watching

        self._left, self._patience = watching.left, int(POLLED * watching.per_microsecond())
        self.free, self.mail = Lock(), watching.letter_box(count, self._patience)
        self._asleep: set[Helper] = set()
        self._count = len([Helper(self.mail, self._asleep) for _ in range(count)])
        self._strikes, self._late, self._last = 0, 0.0, 0.0

    def shunned(self, now: float) -> bool:
        """Whether its help was worse than none not long ago."""
        return now < self._late

    @property
    def awake(self) -> int:
        """How many are."""
        return self._count - len(self._asleep)

    def soon(self, now: float) -> bool:
        """Tell whether work comes often enough that they would still watch when the next comes."""
        last, self._last = self._last, now
        return now - last < 1e-6 * PATIENCE

    def wake(self) -> None:
        """Have all watch for a while."""
        if not self._asleep:
            return
        others = _other_cores()
        for helper in tuple(self._asleep):
            if others:
                with suppress(OSError):  # where threads may not be moved they begin where the system puts them
                    os.sched_setaffinity(helper.number, others)
            helper.bell.put(None)

    def lead(self, loop: Any, given: tuple[Any, ...], first: int, last: int, pieces: int) -> bool:
        """Fill the rows of a loop, and tell whether all is finite; the caller holds `free`."""
        found = loop(given, first, last, pieces, self.mail)
        stopped: BaseException | None = None
        while found < 0:
            try:
                sleep(1e-6 * POLLED)  # a helper may want this core
            except BaseException as error:  # noqa: BLE001  # it still writes into the caller's arrays
                stopped = error
            found = self._left(self.mail, self._patience)
        if stopped is not None:
            raise stopped
        return bool(found)

    def judge(self, lost: float) -> None:
        """Note by how many seconds its help was worse than none: it is not asked again until that is a small share of the time,
        and a smaller one each time until it helps."""
        if lost <= 0:
            self._strikes = 0
            return
        self._late = perf_counter() + lost / SHARE * 2**self._strikes
        self._strikes = min(self._strikes + 1, STRIKES)


def _other_cores() -> set[int]:
    """Those that this thread may run on, but for the one that it is on; none where that cannot be told."""
    if not hasattr(os, "sched_getaffinity") or (here := _current_core()()) < 0:
        return set()
    return os.sched_getaffinity(0) - {here}


@cache
def _current_core() -> Callable[[], int]:
    """The C library's call for the core that a thread is on; one that never knows where there is none."""
    return getattr(ctypes.CDLL(None), "sched_getcpu", lambda: -1)


@cache
def crew(count: int) -> Crew:
    """Return so many helpers."""
    return Crew(count)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=crew.cache_clear)  # a child has none of its parent's threads
