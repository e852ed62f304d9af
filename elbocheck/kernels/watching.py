"""How a caller and its helpers share the rows of a loop: in machine code, which holds no lock of the interpreter's.

A thread that sleeps takes 30 to 100 microseconds to wake; one that watches a word in memory, a fraction of one. Imported when
a thread first does so.

The caller lays a loop out on a mail (`_entrance`), opens the gate, and takes pieces from the front; who watches counts itself
as active, looks whether the gate is still open, and takes pieces from the back, so that in call after call each works on what
is near to it. A piece is taken by one of them: at most as many are as there are. Once none is left the caller shuts the gate
and waits until nobody is active: who comes later finds the gate shut and touches nothing, and nobody is waited for who has not
begun.
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

from elbocheck.kernels._entrance import LEADER, LEADING, MAIL, ROOM, called

__all__ = ["left", "letter_box", "per_microsecond", "watch"]

GATE, ACTIVE, TAKEN, BACK, SEATS = 0, 16, 32, 48, 64
"""Words that many threads write, apart in memory lest one thread's writing slow the other's reading: the number of the open
task or 0, how many work on it, how many pieces are taken, how many of them from the back, how many helpers may still come."""
FIRST, LAST, PIECES, FAILED, TASK, HELPERS, PATIENCE = range(80, 87)
"""Words that the caller writes before it opens the gate: the rows and the pieces, whether a result is not finite, the number of
the task; and of all its tasks, how many helpers there are and for how many pauses it watches them."""
WORD = 8  # bytes
_PAUSES = {"x86_64": "llvm.x86.sse2.pause", "AMD64": "llvm.x86.sse2.pause"}


def _place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.gep(data, [arguments[1]])


@intrinsic
def _seen(_typing: Any, mail: Any, place: Any) -> Any:
    """Return a word that another thread may have stored; of all such words, threads agree on the order."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_place(context, builder, signature, arguments), "seq_cst", WORD)

    return types.int64(mail, place), generate


@intrinsic
def _told(_typing: Any, mail: Any, place: Any, word: Any) -> Any:
    """Store a word for other threads to see, after all that was stored before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[2], _place(context, builder, signature, arguments), "seq_cst", WORD)
        return context.get_dummy_value()

    return types.void(mail, place, word), generate


@intrinsic
def _added(_typing: Any, mail: Any, place: Any, more: Any) -> Any:
    """Add to a word and return what it was, with no other thread in between."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("add", _place(context, builder, signature, arguments), arguments[2], "seq_cst")

    return types.int64(mail, place, more), generate


@intrinsic
def _pause(_typing: Any) -> Any:
    """Leave the core's other thread its turn, where the processor has a word for it."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        name = _PAUSES.get(platform.machine())
        if name is not None:
            builder.call(builder.module.declare_intrinsic(name, (), ir.FunctionType(ir.VoidType(), [])), [])
        return context.get_dummy_value()

    return types.void(), generate


def _compiled(function: Any, *arguments: Any) -> Any:
    signature = [types.int64(MAIL, *arguments)]
    try:
        return njit(signature, nogil=True, cache=True)(function)
    except (RuntimeError, OSError):  # no folder can be written
        return njit(signature, nogil=True)(function)


@njit
def _do(mail: Any, piece: int) -> None:
    first, rows, pieces = mail[FIRST], mail[LAST] - mail[FIRST], mail[PIECES]
    if not called(mail, first + rows * piece // pieces, first + rows * (piece + 1) // pieces):
        _told(mail, FAILED, 1)


@njit
def _left(mail: Any, patience: int) -> int:
    """Return 1 if nobody is at work any more and every result is finite, 0 if one is not; -1 where patience ends first."""
    for _ in range(patience):
        if _seen(mail, ACTIVE) == 0:
            return 1 - _seen(mail, FAILED)
        _pause()
    return -1


def _lead(mail: Any, first: int, last: int, pieces: int) -> int:
    """Have the rows of the loop that is laid out filled, the caller among those who do it; return what `left` does."""
    mail[FIRST], mail[LAST], mail[PIECES], mail[FAILED] = first, last, pieces, 0
    mail[TAKEN], mail[BACK], mail[SEATS] = 0, 0, mail[HELPERS]
    mail[TASK] += 1
    _told(mail, GATE, mail[TASK])
    piece = 0
    while _added(mail, TAKEN, 1) < pieces:
        _do(mail, piece)
        piece += 1
    _told(mail, GATE, 0)
    return _left(mail, mail[PATIENCE])


def _watch(mail: Any, patience: int) -> int:
    """Help with every task that is given until for so many pauses none is; return how many there were."""
    met = tasks = 0
    waited = 0
    while waited < patience:
        task = _seen(mail, GATE)
        if task != 0 and task != met:
            _added(mail, ACTIVE, 1)
            if _seen(mail, GATE) == task and _added(mail, SEATS, -1) > 0:
                while _added(mail, TAKEN, 1) < mail[PIECES]:
                    _do(mail, mail[PIECES] - 1 - _added(mail, BACK, 1))
                tasks += 1
            _added(mail, ACTIVE, -1)
            met, waited = task, 0
        _pause()
        waited += 1
    return tasks


lead, left, watch = (
    _compiled(_lead, *LEADING[1:]),
    _compiled(_left.py_func, types.int64),
    _compiled(_watch, types.int64),
)


def letter_box(helpers: int, patience: int) -> Any:
    """Return a mail of so many helpers, whom the caller watches for so many pauses."""
    mail = np.zeros(ROOM, np.int64)
    (code,) = lead.overloads.values()
    mail[LEADER] = code.library.get_pointer_to_function(code.fndesc.llvm_func_name)
    mail[HELPERS], mail[PATIENCE] = helpers, patience
    return mail


@cache
def per_microsecond() -> int:
    """Return how many pauses a microsecond has: from 7 to 70, by processor."""
    mail, count = np.zeros(ROOM, np.int64), 1 << 12
    mail[ACTIVE] = 1
    times = []
    for _ in range(5):
        started = perf_counter()
        left(mail, count)
        times.append(perf_counter() - started)
    return max(1, round(count / (1e6 * min(times))))
