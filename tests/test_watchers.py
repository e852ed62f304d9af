"""Threads that stand by: every row is filled once, infinities are noticed, nothing is kept, and bad help is not asked for again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pytest

import elbocheck.kernels.threads
import elbocheck.kernels.watchers
from elbocheck.densities import student_t
from elbocheck.errors import UsageError
from elbocheck.kernels._jit import Bound, Layout, compiled
from elbocheck.kernels.primitives import accumulate, at, row_of
from elbocheck.kernels.threads import alone, shared, thread_count, threads
from elbocheck.kernels.watchers import SHARE, Crew, crew

RNG = np.random.default_rng(7)
ENOUGH = 1 << 20
PATIENCE = 5e4  # microseconds
FIRST = 1.0


def _once(out: Any, arguments: Any, _size: int, first: int, last: int) -> Any:
    """Add each row's argument to its result: who fills a row twice is seen."""
    health = 0.0
    for i in range(first, last):
        row = row_of(arguments, i)
        accumulate(row_of(out, i), 0, row, FIRST)
        health += at(row, 0, FIRST)[0]
    return health


LOOP = compiled(Bound(_once, ()), (1,), Layout((True,), "float64", "float64", "float64"))


@pytest.fixture(autouse=True)
def _little_is_worth_sharing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Share everything, with helpers that nothing is held against, and that watch for long enough to be seen on a busy machine."""
    monkeypatch.setattr(elbocheck.kernels.watchers, "PATIENCE", PATIENCE)
    for least in ("WORTH", "LITTLE"):
        monkeypatch.setattr(elbocheck.kernels.threads, least, 1e-12)
    monkeypatch.setattr(elbocheck.kernels.threads, "LONG", 0.0)
    monkeypatch.setattr(elbocheck.kernels.threads, "_pace", {LOOP: 1e-12})
    crew.cache_clear()
    yield
    crew.cache_clear()


def filled(count: int, run: Callable[[tuple[Any, ...]], bool], given: Any = None) -> bool:
    """Whether a run over so many rows notices what is not finite, and fills each row once."""
    out, ones = np.zeros((count, 1)), np.ones((count, 1)) if given is None else given
    finite = run(((out,), (ones,), 1))
    assert np.array_equal(out, ones, equal_nan=True)
    return finite


def awake(helpers: Crew) -> bool:
    """Wake all, and tell whether one was seen to watch."""
    helpers.wake()
    ended = perf_counter() + 5
    while perf_counter() < ended:
        if helpers.awake:
            return True
        sleep(1e-5)
    return False


def fall_asleep(helpers: Crew) -> None:
    """Leave helpers without work for as long as they watch."""
    ended = perf_counter() + 5
    while helpers.awake and perf_counter() < ended:
        sleep(PATIENCE / 1e6)
    assert helpers.awake == 0


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_every_row_is_filled_once(limit: int) -> None:
    """However many share the work, task after task; what is not finite is noticed wherever it is."""
    with threads(limit):
        assert thread_count() == limit
        for count in [2, 3, 64, 1000] * 200:
            assert filled(count, lambda given, count=count: shared(LOOP, given, count, ENOUGH))  # type: ignore[misc]
        for wrong in (0, 31, 63):
            ones = np.ones((64, 1))
            ones[wrong] = np.nan
            assert not filled(64, lambda given: shared(LOOP, given, 64, ENOUGH), ones)
        assert filled(64, lambda given: shared(LOOP, given, 64, ENOUGH))
    with pytest.raises(UsageError, match="threads must be >= 1, got 0"), threads(0):
        pass


def test_helpers_take_what_is_left_from_the_back() -> None:
    """While the gate is open and a seat is free; else they touch nothing, and are not waited for."""
    from elbocheck.kernels import watching as w

    out, ones = np.zeros((8, 1)), np.ones((8, 1))
    mail, given = w.letter_box(1, 10), ((out,), (ones,), 1)
    assert LOOP(given, 0, 0, 1, mail) == 1
    mail[[w.FIRST, w.LAST, w.PIECES, w.SEATS]] = 2, 8, 3, 1
    assert w.watch(mail, 10) == 0, "the gate is shut"
    mail[w.GATE], mail[w.TAKEN] = 5, 1
    assert w.watch(mail, 10) == 1
    assert out[:, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]  # pieces of two rows, the first of which is another's
    assert (mail[w.ACTIVE], mail[w.BACK]) == (0, 2)
    assert w.watch(mail, 10) == 0, "no seat is left"
    assert LOOP(given, 0, 8, 4, mail) == 1
    assert (mail[w.GATE], mail[w.TASK]) == (0, 2)
    assert out[:, 0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    mail[w.ACTIVE] = 1
    assert LOOP(given, 0, 8, 4, mail) == -1, "one is still at work"
    assert w.left(mail, 10) == -1
    mail[w.ACTIVE] = 0
    assert w.left(mail, 10) == 1
    assert 1 <= w.per_microsecond() < 1000


def test_a_caller_waits_for_whoever_has_begun() -> None:
    """Longer than it watches, too; and what stops it meanwhile is raised when nobody writes into its arrays any more."""
    from elbocheck.kernels import watching as w

    helpers = crew(1)
    helpers.mail[w.ACTIVE] += 1  # as who has begun does

    def done() -> None:
        sleep(0.02)
        helpers.mail[w.ACTIVE] -= 1

    late = threading.Thread(target=done)
    started = perf_counter()
    late.start()
    with threads(2):
        assert filled(64, lambda given: shared(LOOP, given, 64, ENOUGH))
    assert perf_counter() - started > 0.015
    late.join()


def test_help_is_given() -> None:
    """Who watches takes part."""
    from elbocheck.kernels.watching import BACK

    helpers, ended = crew(1), perf_counter() + 60
    with threads(2):
        while (
            not helpers.mail[BACK] and perf_counter() < ended
        ):  # on busy cores it may come too late, but not each time
            assert awake(helpers)
            filled(50_000, lambda given: shared(LOOP, given, 50_000, ENOUGH))
    assert helpers.mail[BACK]


def test_no_array_is_kept() -> None:
    """What a call worked on is free when it returns."""
    out, ones = np.zeros((64, 1)), np.ones((64, 1))
    gone = weakref.ref(out)
    with threads(2):
        shared(LOOP, ((out,), (ones,), 1), 64, ENOUGH)
    del out
    assert gone() is None


def test_help_that_was_none_is_not_asked_for() -> None:
    """For a time that makes its cost a small share, twice as long the next time; once it helps that is forgotten."""
    helpers = Crew(0)
    assert not helpers.shunned(perf_counter())
    helpers.judge(-1.0)
    assert not helpers.shunned(perf_counter())
    helpers.judge(2e-3)
    assert helpers.shunned(perf_counter())
    sleep(2e-3 / SHARE)
    assert not helpers.shunned(perf_counter())
    helpers.judge(2e-3)
    sleep(2e-3 / SHARE)
    assert helpers.shunned(perf_counter())
    sleep(2e-3 / SHARE)
    helpers.judge(-1e-6)
    helpers.judge(1e-6)
    sleep(1e-4)
    assert not helpers.shunned(perf_counter())


def test_helpers_fall_asleep_and_wake() -> None:
    """They do not spin for ever."""
    helpers = crew(2)
    for _ in range(3):
        fall_asleep(helpers)
        assert awake(helpers)


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two cores to choose from"
)
def test_who_is_woken_begins_on_another_core() -> None:
    """Than its caller's, which Linux may leave it on for some calls."""
    helpers, mine = crew(1), os.sched_getaffinity(0)
    try:
        for core in sorted(mine)[:2]:
            fall_asleep(helpers)
            (helper,) = helpers._asleep
            os.sched_setaffinity(0, {core})
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "sched_getaffinity", lambda _process: mine)
                assert awake(helpers)
            assert os.sched_getaffinity(helper.number) == mine - {core}
    finally:
        os.sched_setaffinity(0, mine)


def test_who_may_not_be_moved_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system forbids it; and nobody is moved by a caller that cannot tell its own core."""
    asked = []

    def forbidden(*arguments: Any) -> None:
        asked.append(arguments)
        raise PermissionError

    helpers = crew(1)
    monkeypatch.setattr(os, "sched_setaffinity", forbidden, raising=False)
    fall_asleep(helpers)
    assert awake(helpers)
    monkeypatch.setattr(elbocheck.kernels.watchers, "_current_core", lambda: lambda: -1)
    asked.clear()
    fall_asleep(helpers)
    assert awake(helpers)
    assert not asked


def test_all_are_woken_although_one_watches() -> None:
    """For work that is worth it, or that comes often."""
    helpers = crew(2)
    fall_asleep(helpers)
    next(iter(helpers._asleep)).bell.put(None)
    most, ended = 0, perf_counter() + 5
    with threads(3):
        while most < 2 and perf_counter() < ended:
            filled(64, lambda given: shared(LOOP, given, 64, ENOUGH))
            most = max(most, helpers.awake)
    assert most == 2


def test_many_callers_get_what_one_gets() -> None:
    """Helpers serve one caller at a time; the others work alone."""
    x, loc = RNG.normal(size=(2, 64, 2000))
    with threads(1):
        lonely = student_t.log_prob_sum(x, loc=loc, scale=1.0, df=3.0)

    def call(_k: int) -> bool:
        with threads(2):
            return np.array_equal(student_t.log_prob_sum(x, loc=loc, scale=1.0, df=3.0), lonely)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(200)))


def test_alone_is_the_same() -> None:
    """Without a mail."""
    assert filled(9, lambda given: alone(LOOP, given, 9))
    assert not filled(9, lambda given: alone(LOOP, given, 9), np.full((9, 1), np.inf))


FORKED = """
import os
import numpy as np
import elbocheck.kernels.threads
import elbocheck.kernels.watchers
from elbocheck.densities import student_t

elbocheck.kernels.threads.WORTH = elbocheck.kernels.threads.LITTLE = 1e-9
x, loc = np.random.default_rng(7).normal(size=(2, 64, 2000))


def value():
    with elbocheck.kernels.threads.threads(2):
        return student_t.log_prob_sum(x, loc=loc, scale=1.0, df=3.0)


before = value()
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(value(), before) else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_watchers_of_its_own() -> None:
    """It does not wait for threads that it has not."""
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=100)
