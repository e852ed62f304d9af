"""What a loss is told or remembers besides its tensors: the mode, the step of a schedule, the seed of its noise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from inspect import Parameter
from typing import TYPE_CHECKING, Any

from elbocheck.memory import STEPS, Forgetful, bound, copied
from elbocheck.roles import STATE_NAMES, STATES, Key, Role, spelled

if TYPE_CHECKING:
    from elbocheck.loss import Loss

Function = Callable[..., Any]

LATE = STEPS[-1]
"""A step by which every schedule has ended."""
_OUT_OF_TRAINING = ("eval", "evaluat", "validation", "inference", "deterministic")


def states(
    parameters: Iterable[Parameter], given: dict[Key, Role], fixed: dict[Key, Any], keywords: Iterable[str] = ()
) -> dict[Key, Role]:
    """Find the arguments that tell a loss its state, and give them values: training, late, and the seed 0.

    Args:
        parameters: the named arguments.
        given: roles that a person gave; those of states are taken out.
        fixed: arguments with a value; those of states are put in, unless a person gave one or the loss has its own.
        keywords: further names that the loss looks up.

    Returns:
        Argument to role, of those that nobody has set.
    """
    own: dict[Key, Any] = {**{p.name: p.default for p in parameters}, **dict.fromkeys(keywords, Parameter.empty)}
    told = {key: given.pop(key) for key in list(given) if given[key] in STATES}
    found: dict[Key, Role] = {}
    for key in (*own, *(k for k in told if k not in own)):
        role = told.get(key) or (None if key in given else STATE_NAMES.get(spelled(str(key))))
        if role is None or key in fixed:
            continue
        default = own.get(key, Parameter.empty)
        if key not in told and not _is_state(role, default):
            continue
        found[key] = role
        if (value := _value(role, key, default)) is not None:
            fixed[key] = value
    return found


def _is_state(role: Role, default: Any) -> bool:
    """Tell whether an argument of that name and default is what its name says: `step=0.1` is the step of something else."""
    if default is Parameter.empty or default is None:
        return True
    if role is Role.TRAINING or isinstance(default, bool):
        return role is Role.TRAINING and isinstance(default, bool)
    return isinstance(default, int) and (role is Role.SEED or default in (0, 1))  # n_iter=20 is how often to repeat


def _value(role: Role, key: Key, default: Any) -> Any:
    """Return the value that a state is read at; None where the loss's own is kept."""
    if role is Role.TRAINING:
        return None if default is not Parameter.empty else not str(key).removeprefix("is_").startswith(_OUT_OF_TRAINING)
    if role is Role.SEED:
        return 0 if default is Parameter.empty or (default is None and key != "rng") else None
    return None if default is None else LATE


@dataclass(frozen=True)
class Situation:
    """A loss in one state.

    Attributes:
        label: the state in words.
        loss: the loss in it.
        step: the step, where that is the state.
    """

    label: str
    loss: Loss
    step: int = 0


def modes(loss: Loss) -> Iterator[tuple[Situation, Situation]]:
    """Yield each way to tell a loss that it trains, with the loss told so and told otherwise."""
    for key in _of(loss, Role.TRAINING):
        yield tuple(Situation(f"{key} = {on}", told(loss, {key: on})) for on in (True, False))  # type: ignore[misc]
    if _owner(loss.function) is not None:
        yield (
            Situation("after .train()", replace(loss, function=_in_mode(loss.function, training=True))),
            Situation("after .eval()", replace(loss, function=_in_mode(loss.function, training=False))),
        )


def steps(loss: Loss) -> Iterator[list[Situation]]:
    """Yield each schedule that a loss may follow, as the loss at steps of it: by an argument, or by its own counter."""
    for key in _of(loss, Role.STEP):
        yield [Situation(f"{key} = {step}", told(loss, {key: step}), step) for step in STEPS]
    if loss.counter is not None:
        states = loss.counter.states.items()
        yield [Situation(f"call {n + 1}", replace(loss, function=state), n) for n, state in states]


def told(loss: Loss, values: Mapping[Key, Any]) -> Loss:
    """Return the loss with arguments that are no tensors set."""
    return replace(loss, binding=replace(loss.binding, constants={**loss.binding.constants, **values}))


def earlier(loss: Loss) -> Iterator[Loss]:
    """Yield the loss at earlier and earlier steps, for one that cannot be called at the last."""
    keys = [key for key in _of(loss, Role.STEP) if key in loss.binding.assumed]
    for step in reversed(STEPS[:-1] if keys else ()):
        yield told(loss, dict.fromkeys(keys, step))


def quiet(loss: Loss) -> str | None:
    """Say how a person puts a loss into evaluation, where dropout and the like are off; None where it has no mode."""
    for key in _of(loss, Role.TRAINING):
        return f"--set {key}={str(key).removeprefix('is_').startswith(_OUT_OF_TRAINING)}"
    return "call .eval() on it first" if _owner(loss.function) is not None else None


def _of(loss: Loss, role: Role) -> list[Key]:
    return [key for key, found in loss.binding.states.items() if found is role]


def _owner(function: Any) -> Any:
    """Return the object with a mode that a loss is, belongs to, or holds in its closure; None where there is none."""
    if isinstance(function, Forgetful):
        return _owner(function.template)
    if isinstance(function, partial):
        return _owner(function.func)
    held = [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if bound(cell)]
    for found in (function, getattr(function, "__self__", None), *held):
        if isinstance(getattr(found, "training", None), bool) and not isinstance(found, type):
            return found
    return None


@dataclass(frozen=True)
class _InMode:
    """A loss whose owner is in one mode during each call, and as it was after it."""

    function: Function
    training: bool

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with _mode(_owner(self.function), training=self.training):
            return self.function(*args, **kwargs)


def _in_mode(function: Function, *, training: bool) -> Function:
    if not isinstance(function, Forgetful):
        return _InMode(function, training)
    return _Anew(function.template, training)


@dataclass(frozen=True)
class _Anew:
    """The same for a loss that starts every call from one state."""

    template: Function
    training: bool

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _InMode(copied(self.template), self.training)(*args, **kwargs)


@contextmanager
def _mode(owner: Any, *, training: bool) -> Iterator[None]:
    """Put an object, and all modules in it, into a mode; put each back into its own, whatever happens."""
    inside = [owner, *(owner.modules() if callable(getattr(owner, "modules", None)) else ())]
    before = [(one, one.training) for one in inside if isinstance(getattr(one, "training", None), bool)]
    try:
        switch = getattr(owner, "train" if training else "eval", None)
        if callable(switch):
            switch()
        else:
            owner.training = training
        yield
    finally:
        for one, mode in before:
            one.training = mode
