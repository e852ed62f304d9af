"""The user's own model with named components substituted; everything else runs as it is, and is left as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from elbocheck.errors import UsageError
from elbocheck.models.script import Script
from elbocheck.models.source import Names, caller, names_of_call
from elbocheck.models.streams import state_kept, streams_still
from elbocheck.roles import parse_role

__all__ = ["Returns", "kept", "returns", "substitution"]

_ABSENT = object()
_HERE = str(Path(__file__).parent)


@dataclass(frozen=True)
class Returns:
    """What a substituted component returns, in terms of roles."""

    names: Names


def returns(*roles: str, **members: str) -> Returns:
    """Say what a component of a model returns.

    Args:
        *roles: one role for a single tensor, several for a tuple of them, e.g. `returns("q_loc", "q_log_var", "z")`.
        **members: members of a mapping or an output object, each with its role, e.g. `returns(recon="prediction")`.

    Raises:
        UsageError: an unknown role, none at all, or both a tuple and members.
    """
    for role in (*roles, *members.values()):
        parse_role(role)
    if bool(roles) == bool(members):
        raise UsageError(
            'returns() takes roles or members, e.g. returns("q_loc", "q_log_var") or returns(recon="prediction")'
        )
    if members:
        return Returns(dict(members))
    return Returns(roles[0] if len(roles) == 1 else roles)


def substitution(
    model: Any, parts: Mapping[str, Returns], script: Script
) -> Callable[[], AbstractContextManager[None]]:
    """Return a context in which components of a model are replaced by answers of the script.

    Args:
        model: the user's.
        parts: path of a component to what it returns; `__call__` is the model itself.
        script: holds the tensors.

    Raises:
        UsageError: the model has no such component, with the closest match, or one that cannot be replaced.
    """
    places = {path: _place(model, path) for path in parts}

    @contextmanager
    def replaced() -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(streams_still())
            for path, (owner, name) in places.items():

                def reply(*given: Any, path: str = path, **__: Any) -> Any:
                    return script.answer(path, names_of_call(caller(_HERE)), given)

                stack.enter_context(_replaced(owner, name, reply))
            yield

    return replaced


def _place(model: Any, path: str) -> tuple[Any, str]:
    """Return the object and the attribute to replace: the method that a component runs when it is called, where it has one."""
    *way, last = path.split(".")
    owner = model
    for name in way:
        owner = _member(owner, name, path)
    part = model if last == "__call__" else _member(owner, last, path)
    for method in ("call", "forward"):  # Keras layers and torch modules keep their own __call__ around it
        if not isinstance(part, type) and callable(getattr(type(part), method, None)):
            return part, method
    if not hasattr(owner, "__dict__"):
        raise UsageError(
            f"component {path!r} of {type(owner).__name__} cannot be replaced, for its attributes are fixed: let the loss "
            "take the model as an argument, and leave out model=... (--model)"
        )
    return owner, last


def _member(owner: Any, name: str, path: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        near = get_close_matches(name, dir(owner), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "name an attribute of the model"
        raise UsageError(f"no component {path!r} in {type(owner).__name__}: {hint}") from None


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    own = vars(owner)
    before = own.get(name, _ABSENT)
    object.__setattr__(owner, name, value)
    try:
        yield
    finally:
        if before is _ABSENT:
            object.__delattr__(owner, name)
        else:
            object.__setattr__(owner, name, before)


@contextmanager
def kept(model: Any) -> Iterator[None]:
    """Put the attributes, the mode and the variables of a model and its parts back as they were."""
    parts = [part for part in _parts(model) if hasattr(part, "__dict__")]
    attributes = [(part, dict(vars(part)), _copies(vars(part))) for part in parts]
    variables = [(v, _content(v)) for v in _variables(model)]
    try:
        with state_kept(model):
            yield
    finally:
        for variable, content in variables:
            _refill(variable, content)
        for part, before, copies in attributes:
            _restore(part, before, copies)


def _parts(model: Any) -> Iterator[Any]:
    """Yield the model and the modules or layers in it."""
    for method in ("modules", "_flatten_layers"):  # torch, Keras
        found = getattr(model, method, None)
        if callable(found):
            yield from found()
            return
    yield model


def _copies(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in attributes.items() if isinstance(value, list | dict | set)}


def _plain(value: Any) -> Any:
    """Return the members of a container, by key where it has keys."""
    return dict(value) if isinstance(value, dict) else list(value)


def _same(value: Any, copy: Any) -> bool:
    """Whether a container holds the very objects that it held."""
    pairs = (value.items(), copy.items()) if isinstance(value, dict) else (value, copy)
    return len(value) == len(copy) and all(a is b for a, b in zip(*map(_flat, pairs), strict=True))


def _flat(members: Any) -> Iterator[Any]:
    for member in members:
        yield from member if isinstance(member, tuple) else (member,)


def _restore(part: Any, before: Mapping[str, Any], copies: Mapping[str, Any]) -> None:
    own = vars(part)
    for name in [name for name in own if name not in before]:
        object.__delattr__(part, name)
    for name, value in before.items():
        if own.get(name, _ABSENT) is not value:
            object.__setattr__(part, name, value)
    for name, copy in copies.items():
        value = before[name]
        if not _same(value, copy):
            value.clear()
            value.extend(copy) if isinstance(value, list) else value.update(copy)


def _variables(model: Any) -> list[Any]:
    """Return the tensors that a model keeps: parameters and buffers, weights and the states of seed generators."""
    if callable(getattr(model, "buffers", None)):  # torch; its state_dict leaves out buffers that are not persistent
        return [*model.parameters(), *model.buffers()]
    try:
        found = getattr(model, "variables", ())
    except ValueError:  # a flax module keeps none: they are arguments of its methods
        return []
    return [v for v in found if hasattr(v, "assign")] if isinstance(found, list | tuple) else []


def _content(variable: Any) -> Any:
    return variable.detach().clone() if hasattr(variable, "clone") else variable.numpy().copy()


def _refill(variable: Any, content: Any) -> None:
    if hasattr(variable, "copy_"):
        variable.detach().copy_(content)
    else:
        variable.assign(content)
