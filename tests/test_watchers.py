"""Threads that stand by: everything is done once, errors arrive, nothing is kept, and bad help is not asked for again."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep

import numpy as np
import pytest

import elbocheck.kernels.threads
from elbocheck.densities import student_t
from elbocheck.kernels.threads import shared, threads
from elbocheck.kernels.watchers import PATIENCE, SHARE, Watcher, watchers
from elbocheck.kernels.watching import per_microsecond, until, watch

RNG = np.random.default_rng(7)
ENOUGH = 1 << 20


@pytest.fixture(autouse=True)
def _little_is_worth_sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand over everything, to helpers that nothing is held against."""
    for least in ("WORTH", "LITTLE"):
        monkeypatch.setattr(elbocheck.kernels.threads, least, 1e-9)
    watchers.cache_clear()


def test_a_watch_ends_with_a_turn_or_with_patience() -> None:
    """A new turn is returned, the old one where none comes; that a turn is done is seen."""
    mail = np.zeros(32, np.int64)
    assert watch(mail, 0, 16, 0, 10, 0) == 0
    mail[0] = 5
    assert watch(mail, 0, 16, 3, 10, 2) == 5
    assert mail[16] == 3
    assert (until(mail, 16, 3, 10), until(mail, 16, 4, 10)) == (1, 0)
    assert 1 <= per_microsecond() < 1000


def test_both_do_their_share() -> None:
    """Every part is computed once, and a helper takes some of it."""
    done: list[tuple[int, int]] = []

    def work(first: int, last: int) -> float:
        sleep(1e-2)
        done.append((first, last))
        return 0.0

    with threads(2):
        for _ in range(3):
            done.clear()
            assert shared(work, 100, ENOUGH, work)
            assert sorted(done)[0][0] == 0
            assert sum(last - first for first, last in done) == 100
    assert len(done) > 1


def test_an_error_of_a_part_is_raised_wherever_it_arises() -> None:
    """In the caller's part or a helper's; the helper serves on."""
    for wrong in (0, 99):

        def work(first: int, last: int, wrong: int = wrong) -> float:
            sleep(1e-2)
            if first <= wrong < last:
                raise MemoryError("no room")
            return 0.0

        with threads(2), pytest.raises(MemoryError, match="no room"):
            shared(work, 100, ENOUGH, work)
    with threads(2):
        assert shared(lambda _first, _last: 0.0, 100, ENOUGH, "fine")


def test_no_array_is_kept() -> None:
    """What a call worked on is free when it returns, or as soon as a helper that began nothing has looked at it."""

    class Held:
        pass

    held = Held()
    gone = weakref.ref(held)
    with threads(2):
        shared(lambda _first, _last, held=held: 0.0 if held else 1.0, 100, ENOUGH, "held")  # type: ignore[misc]
    del held
    ended = perf_counter() + 5
    while gone() is not None and perf_counter() < ended:
        sleep(1e-3)
    assert gone() is None


def test_help_that_was_none_is_not_asked_for() -> None:
    """For a time that makes its cost a small share, and longer where it adds up; gains pay it back."""
    helper = Watcher()
    assert not helper.shunned
    helper.judge(-1.0)
    assert not helper.shunned
    helper.judge(2e-3)
    assert helper.shunned
    sleep(2e-3 / SHARE)
    assert not helper.shunned
    helper.judge(2e-3)
    sleep(2e-3 / SHARE)
    assert helper.shunned


def test_a_helper_falls_asleep_and_wakes() -> None:
    """It does not spin for ever."""
    helper = Watcher()
    done: list[int] = []
    for turn in range(3):
        ended = perf_counter() + 5
        while not helper.asleep and perf_counter() < ended:
            sleep(PATIENCE / 1e6)
        assert helper.asleep
        helper.hand(lambda turn=turn: done.append(turn))  # type: ignore[misc]
        while len(done) <= turn and perf_counter() < ended:
            sleep(1e-4)
        helper.wait()
    assert done == [0, 1, 2]


def test_many_callers_get_what_one_gets() -> None:
    """A helper serves one caller at a time; the others work alone."""
    x, loc = RNG.normal(size=(2, 64, 2000))
    with threads(1):
        alone = student_t.log_prob_sum(x, loc=loc, scale=1.0, df=3.0)

    def call(_k: int) -> bool:
        with threads(2):
            return np.array_equal(student_t.log_prob_sum(x, loc=loc, scale=1.0, df=3.0), alone)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(200)))


FORKED = """
import os
import numpy as np
import elbocheck.kernels.threads
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
