"""What a loss remembers between calls: a copy that starts anew, the numbers that it counts, the states it passes through.

A counter in the owner of a method, in a callable object, in a closure, in a global variable or on the function itself makes
equal calls give different values. A copy of the loss before each call makes it a function again; setting the counter in
the copy shows the loss at any step of its schedule.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from elbocheck.adapters import Array

Function = Callable[..., Any]
STEPS = (0, 1, 10, 100, 1_000, 10_000, 99_999, 999_999)
"""Steps at which a schedule is looked at. Those far out are 1 below a round number: a cyclical one is at its end there."""
WALK = 4_096
"""Calls made to follow a state that is no counter."""
_DEPTH = 6
_MOST = 32
"""Members of a list that are looked at."""

Evaluate = Callable[[Function], Array | None]
"""A call of a loss on one input; None where it fails."""


@dataclass(frozen=True)
class Forgetful:
    """A loss that starts every call from one state.

    Attributes:
        template: the loss in that state, which is never called itself.
    """

    template: Function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call a copy."""
        return copied(self.template)(*args, **kwargs)


@dataclass(frozen=True)
class Counter:
    """What changes a loss from call to call.

    Attributes:
        names: of the numbers that count.
        states: the loss after that many calls, the latest last.
    """

    names: tuple[str, ...]
    states: Mapping[int, Forgetful]


def copied(function: Function, memo: dict[int, Any] | None = None) -> Function:
    """Return the loss with all state that it can reach copied; code, modules and classes are shared.

    Raises:
        Exception: whatever a member raises that cannot be copied.
    """
    memo = {} if memo is None else memo
    if isinstance(function, partial):
        rest, named = copy.deepcopy((function.args, function.keywords), memo)
        return partial(copied(function.func, memo), *rest, **named)
    if isinstance(function, MethodType):
        return MethodType(function.__func__, copy.deepcopy(function.__self__, memo))
    if isinstance(function, FunctionType):
        return _rebuilt(function, memo)
    found: Function = copy.deepcopy(function, memo)
    return found


def _rebuilt(function: FunctionType, memo: dict[int, Any]) -> FunctionType:
    """Return a function with its own closure, defaults, attributes and global variables."""
    if id(function) in memo:
        known: FunctionType = memo[id(function)]
        return known
    space = memo.setdefault(id(function.__globals__), dict(function.__globals__))
    cells = tuple(CellType() for _ in function.__closure__ or ())
    new = FunctionType(function.__code__, space, function.__name__, None, cells)
    memo[id(function)] = new
    new.__defaults__, new.__kwdefaults__ = copy.deepcopy((function.__defaults__, function.__kwdefaults__), memo)
    new.__dict__.update({name: _value(v, memo) for name, v in vars(function).items()})
    for cell, old in zip(cells, function.__closure__ or (), strict=True):
        if bound(old):
            cell.cell_contents = _value(old.cell_contents, memo)
    for name in _globals(function):
        space[name] = _value(function.__globals__[name], memo)
    return new


def _value(value: Any, memo: dict[int, Any]) -> Any:
    """Return a copy of what a function reaches; functions of other modules, modules and classes are shared."""
    if isinstance(value, FunctionType):
        ours = id(value.__globals__) in memo or value.__closure__
        return _rebuilt(value, memo) if ours else value
    return value if isinstance(value, ModuleType | type) else copy.deepcopy(value, memo)


def bound(cell: CellType) -> bool:
    """Tell whether a name of the enclosing function has a value, None included."""
    try:
        return (cell.cell_contents, True)[1]
    except ValueError:
        return False


def _globals(function: FunctionType) -> Iterator[str]:
    """Yield the global variables that a function, or one made in it, names: modules and classes left out."""
    for name in dict.fromkeys(_names(function.__code__)):
        value = function.__globals__.get(name)
        if value is not None and not isinstance(value, ModuleType | type):
            yield name


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


@dataclass(frozen=True)
class _Number:
    """A number where it is kept: `holder[key]`, the attribute of an object with slots, or the content of a cell."""

    holder: Any
    key: Any
    value: float

    def put(self, value: float) -> None:
        """Set it, as a number of the same kind."""
        if isinstance(self.holder, CellType):
            self.holder.cell_contents = _like(self.holder.cell_contents, value)
        elif isinstance(self.holder, dict | list):
            self.holder[self.key] = _like(self.holder[self.key], value)
        else:
            setattr(self.holder, self.key, _like(getattr(self.holder, self.key), value))


def _like(old: Any, value: float) -> Any:
    whole = round(value) if value == round(value) else value
    return type(old)(whole) if isinstance(old, int | float | np.generic) else old * 0 + whole


def _numbers(function: Function) -> dict[str, _Number]:
    """Return the numbers that a loss can reach, by where they are."""
    return dict(_found(None, None, function, "", set(), _DEPTH))


def _found(holder: Any, key: Any, value: Any, path: str, seen: set[int], depth: int) -> Iterator[tuple[str, _Number]]:
    if holder is not None and (number := _number(value)) is not None:
        yield path, _Number(holder, key, number)
        return
    if depth == 0 or id(value) in seen or isinstance(value, ModuleType | type | str | bytes):
        return
    seen.add(id(value))
    for name, inside, place, member in _members(value):
        yield from _found(inside, place, member, f"{path}.{name}" if path else name, seen, depth - 1)


def _number(value: Any) -> float | None:
    """Return a scalar, or the one element of an array, as a float; None for what is no number, a truth value among them."""
    if isinstance(value, bool | np.bool_) or getattr(value, "shape", ()) not in ((), (1,)):
        return None
    if isinstance(value, int | float) or (hasattr(value, "item") and hasattr(value, "dtype")):
        try:
            return float(value if isinstance(value, int | float) else value.item())
        except (TypeError, ValueError, OverflowError):
            return None
    return None


def _members(value: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield what is in an object: name, holder, key and member."""
    if isinstance(value, dict):
        yield from ((str(k), value, k, v) for k, v in value.items() if isinstance(k, str | int))
    elif isinstance(value, list | tuple):
        yield from ((str(i), value if isinstance(value, list) else None, i, v) for i, v in enumerate(value[:_MOST]))
    elif isinstance(value, partial):
        yield from (("func", None, None, value.func), ("arguments", None, None, (*value.args, value.keywords)))
    elif isinstance(value, MethodType):
        yield "self", None, None, value.__self__
    else:
        yield from ((k, vars(value), k, v) for k, v in getattr(value, "__dict__", {}).items())
        slots = [name for kind in type(value).__mro__ for name in _slots(kind) if hasattr(value, name)]
        yield from ((name, value, name, getattr(value, name)) for name in slots)
        if isinstance(value, FunctionType):
            yield from _of_function(value)


def _slots(kind: type) -> Iterable[str]:
    """Return the names of the attributes that a class of a person's own keeps outside of a dictionary."""
    names = vars(kind).get("__slots__", ())
    return () if kind.__module__ == "builtins" or isinstance(names, str) else names


def _of_function(function: FunctionType) -> Iterator[tuple[str, Any, Any, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if bound(cell):
            yield name, cell, None, cell.cell_contents
    yield from ((name, function.__globals__, name, function.__globals__[name]) for name in _globals(function))
    yield "defaults", None, None, function.__defaults__


def remembers(function: Function, evaluate: Evaluate) -> bool:
    """Tell whether a call of the loss changes a number that the loss can reach."""
    before = {path: n.value for path, n in _numbers(function).items()}
    evaluate(function)
    return any(path in before and before[path] != n.value for path, n in _numbers(function).items())


def counter(function: Function, evaluate: Evaluate) -> Counter | None:
    """Return what changes a loss from call to call; None where copies differ too, or where no number is the cause.

    Args:
        function: the loss.
        evaluate: calls it on one input.

    Raises:
        Exception: whatever is raised where the loss cannot be copied.
    """
    alone, again = evaluate(copied(function)), evaluate(copied(function))
    if not _equal(alone, again):
        return None
    steps = _steps(function, evaluate)
    if not steps:
        return None
    whole = {path: step for path, step in steps.items() if step > 0 and step == round(step)}
    states = _jumped(function, evaluate, whole)
    if not states and not _matter(function, evaluate, steps, alone):
        return None
    named, states = (whole, states) if states else (steps, _walked(function, evaluate))
    values = [evaluate(state) for state in states.values()]
    if all(_equal(value, values[0]) for value in values):
        return None
    return Counter(tuple(dict.fromkeys(path.rpartition(".")[2] for path in named)), states)


def _equal(one: Array | None, other: Array | None) -> bool:
    return one is not None and other is not None and np.array_equal(one, other, equal_nan=True)


def _steps(function: Function, evaluate: Evaluate) -> dict[str, float]:
    """Return by how much each number changes in a call, where those changes alone make the second call what it is."""
    walked = copied(function)
    before = _numbers(walked)
    evaluate(walked)
    after = _numbers(walked)
    changed = {path: n.value for path, n in after.items() if path in before and before[path].value != n.value}
    second = evaluate(walked)
    told = copied(function)
    numbers = _numbers(told)
    for path, value in changed.items():
        numbers[path].put(value)
    found = evaluate(told)
    same = _equal(second, found)
    return {path: value - before[path].value for path, value in changed.items()} if same else {}


def _jumped(function: Function, evaluate: Evaluate, whole: Mapping[str, float]) -> dict[int, Forgetful]:
    """Return the states that whole counters lead to, where a counter set ahead is as good as calls made."""
    start = {path: _numbers(function)[path].value for path in whole}
    if not whole or any(value % whole[path] for path, value in start.items()):
        return {}
    done = copied(function)
    for _ in range(3):
        evaluate(done)
    ahead = Forgetful(_set(function, {path: start[path] + 3 * step for path, step in whole.items()}))
    called, jumped = evaluate(done), evaluate(ahead)
    if not _equal(called, jumped):
        return {}
    states = {n: Forgetful(_set(function, {path: n * step for path, step in whole.items()})) for n in STEPS}
    return {n: state for n, state in states.items() if evaluate(state) is not None}


def _matter(function: Function, evaluate: Evaluate, changed: Iterable[str], alone: Array | None) -> bool:
    """Tell whether the value hangs on what changes: a running mean for the log is not followed for thousands of calls."""
    values = {path: _numbers(function)[path].value for path in changed}
    moved = ({path: far * (value + 1) for path, value in values.items()} for far in (2.0, 1e3))
    return not all(_equal(alone, evaluate(_set(function, there))) for there in moved)


def _set(function: Function, values: Mapping[str, float]) -> Function:
    """Return a copy of the loss with some of its numbers set."""
    there = copied(function)
    numbers = _numbers(there)
    for path, value in values.items():
        numbers[path].put(value)
    return there


def _walked(function: Function, evaluate: Evaluate) -> dict[int, Forgetful]:
    """Return the states that calls lead to."""
    walker, states = copied(function), {0: Forgetful(copied(function))}
    for n in range(1, WALK + 1):
        evaluate(walker)
        if n in STEPS or n == WALK:
            states[n] = Forgetful(copied(walker))
    return states
