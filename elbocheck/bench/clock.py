"""Timing: contenders take turns, so that what slows the machine slows all of them; and what its memory can do."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from elbocheck.kernels.threads import thread_count

__all__ = ["Timing", "bandwidth", "race"]

TURN = 2e-3  # seconds that one turn should take at least
WARM = 3e-3  # seconds of calls that precede those of a turn: wide vectors are slow for 2 ms on a core that had none for a while
REST = 8e-3  # seconds before a turn where threads are shared: OpenMP's watch for work for 5 ms, on cores the next would use
MEMORY = 1 << 23  # numbers of the arrays that bandwidth is measured on: 64 MB each


@dataclass(frozen=True)
class Timing:
    """One contender's turns, in seconds per call.

    Attributes:
        best: the fastest.
        median: the middle one.
        spread: the distance between the quartiles, relative to the median.
        turns: all.
    """

    best: float
    median: float
    spread: float
    turns: tuple[float, ...]


def race(contenders: Mapping[str, Callable[[], Any]], seconds: float, rounds: int = 40) -> dict[str, Timing]:
    """Let contenders take turns, in another order every round, until time or rounds are over.

    Args:
        contenders: calls without arguments, by name; each has been called before.
        seconds: to spend at most, but for three rounds.
        rounds: to do at most.
    """
    counts = {name: _calls(call) for name, call in contenders.items()}
    turns: dict[str, list[float]] = {name: [] for name in contenders}
    started, names = time.perf_counter(), list(contenders)
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - started > seconds:
            break
        for name in names[done % len(names) :] + names[: done % len(names)]:
            turns[name].append(_turn(contenders[name], counts[name]))
    return {name: _timing(tuple(taken)) for name, taken in turns.items()}


def ratio(one: Timing, other: Timing) -> float:
    """How many times as long the first takes: the median over pairs of turns of one round."""
    return statistics.median(a / b for a, b in zip(one.turns, other.turns, strict=True))


def _calls(call: Callable[[], Any]) -> int:
    return max(1, round(TURN / max(_turn(call, 1), 1e-7)))


def _turn(call: Callable[[], Any], count: int) -> float:
    """Seconds of a call, after some that are not counted: after whom its turn comes does not matter."""
    ready = time.perf_counter() + (REST if thread_count() > 1 else 0.0)
    while time.perf_counter() < ready:
        pass  # a core that sleeps is slow for a while
    warm = time.perf_counter() + WARM
    call()
    while time.perf_counter() < warm:
        call()
    started = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - started) / count


def _timing(turns: tuple[float, ...]) -> Timing:
    low, middle, high = statistics.quantiles(turns, n=4) if len(turns) > 1 else (turns * 3)
    return Timing(min(turns), middle, (high - low) / middle, turns)


def bandwidth(threads: int) -> tuple[float, float]:
    """Bytes a second that this machine reads, and that it moves when it copies (read and written), the best of a few."""
    source = np.ones(MEMORY)
    target = np.empty_like(source)
    edges = [MEMORY * k // threads for k in range(threads + 1)]
    parts = [slice(*edges[k : k + 2]) for k in range(threads)]
    with ThreadPoolExecutor(threads) as pool:

        def best(work: Callable[[slice], Any]) -> float:
            return min(_turn(lambda: list(pool.map(work, parts)), 1) for _ in range(9))

        reading = best(lambda part: source[part].max())
        copying = best(lambda part: np.copyto(target[part], source[part]))
    return source.nbytes / reading, 2 * source.nbytes / copying
