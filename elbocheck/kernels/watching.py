"""Watching a place in memory from machine code, which holds no lock of the interpreter's: imported when a thread first does so.

A thread that sleeps takes 30 to 100 microseconds to wake; one that watches, one.
"""

from __future__ import annotations

import platform
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["per_microsecond", "until", "watch"]

WORD = 8  # bytes
_PAUSES = {"x86_64": "llvm.x86.sse2.pause", "AMD64": "llvm.x86.sse2.pause"}
MAIL = types.Array(types.int64, 1, "C")


@intrinsic
def _seen(_typing: Any, mail: Any, place: Any) -> Any:
    """Return a number that another thread may have stored, and all that it had stored before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "acquire", WORD)

    return types.int64(mail, place), generate


@intrinsic
def _told(_typing: Any, mail: Any, place: Any, turn: Any) -> Any:
    """Store a number for another thread to see, after all that was stored before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        builder.store_atomic(arguments[2], builder.gep(data, [arguments[1]]), "release", WORD)
        return context.get_dummy_value()

    return types.void(mail, place, turn), generate


@intrinsic
def _pause(_typing: Any) -> Any:
    """Leave the core's other thread its turn, where the processor has a word for it."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        name = _PAUSES.get(platform.machine())
        if name is not None:
            builder.call(builder.module.declare_intrinsic(name, (), ir.FunctionType(ir.VoidType(), [])), [])
        return context.get_dummy_value()

    return types.void(), generate


def _compiled(function: Any, integers: int) -> Any:
    signature = [types.int64(MAIL, *[types.int64] * integers)]
    try:
        return njit(signature, nogil=True, cache=True)(function)
    except (RuntimeError, OSError):  # no folder can be written
        return njit(signature, nogil=True)(function)


def _watch(mail: Any, given: int, done: int, turn: int, patience: int, delay: int) -> int:
    """Say that a turn is done, and return the next one, somewhat later than it is given; the same where patience ends first."""
    _told(mail, done, turn)
    for _ in range(patience):
        if _seen(mail, given) != turn:
            for _ in range(delay):
                _pause()
            return _seen(mail, given)
        _pause()
    return turn


def _until(mail: Any, place: int, turn: int, patience: int) -> int:
    """Return 1 as soon as a turn is done; 0 where patience ends first."""
    for _ in range(patience):
        if _seen(mail, place) == turn:
            return 1
        _pause()
    return 0


watch, until = _compiled(_watch, 5), _compiled(_until, 3)


@cache
def per_microsecond() -> int:
    """Return how many pauses a microsecond has: from 7 to 40, by processor."""
    mail, count = np.ones(1, np.int64), 1 << 12
    times = []
    for _ in range(5):
        started = perf_counter()
        until(mail, 0, 0, count)
        times.append(perf_counter() - started)
    return max(1, round(count / (1e6 * min(times))))
