"""Which argument of a loss plays which role: its name read in context, unless a person says otherwise."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from elbocheck.errors import UsageError
from elbocheck.naming import in_context
from elbocheck.roles import (
    NAMES,
    POSTERIOR_SCALES,
    PREDICTIONS,
    STATE_NAMES,
    WEIGHTS,
    Key,
    Role,
    parse_role,
    spelled,
)
from elbocheck.situations import states
from elbocheck.sources import members, names_in_source


@dataclass(frozen=True)
class Binding:
    """What each argument is: a role that probing varies, or a constant that it keeps.

    Attributes:
        roles: argument to role, in the order of the call.
        constants: arguments that keep one value: set by a person, or assumed.
        defaults: arguments left at the default the loss gives them, for the report.
        positional: names of the leading arguments that must be passed by position.
        labels: names that the loss's own source gives to positions, for the report.
        assumed: constants that nobody set: weights that the loss gives no default, and states.
        states: arguments that tell the loss its mode, its step or its seed.
        packed: arguments that the loss takes apart, with the place of the data in them and how many members it takes.
    """

    roles: Mapping[Key, Role]
    constants: Mapping[Key, Any]
    defaults: Mapping[str, Any]
    positional: tuple[Key, ...] = ()
    labels: Mapping[Key, str] = field(default_factory=dict)
    assumed: frozenset[Key] = frozenset()
    states: Mapping[Key, Role] = field(default_factory=dict)
    packed: Mapping[Key, tuple[int, int]] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """Role to argument name; an argument without one is called by its role."""
        return {
            role.value: key if isinstance(key, str) else self.labels.get(key, role.value)
            for key, role in self.roles.items()
        }


def bind(
    function: Callable[..., Any],
    roles: Mapping[Key, str | float] | None = None,
    constants: Mapping[Key, Any] | None = None,
) -> Binding:
    """Decide the role of every argument of `function`.

    Args:
        function: the loss.
        roles: overrides, argument (name or position) to role; a number fixes the argument instead.
        constants: arguments to keep at a value.

    Returns:
        The binding.

    Raises:
        UsageError: an unknown role or argument, or an argument whose role no rule decides (with the flag to type).
    """
    given, fixed = _split(roles or {}, constants or {})
    parameters = _parameters(function)
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    takes_any = len(named) < len(parameters)
    by_position = [p.name for p in named if p.kind is not p.KEYWORD_ONLY]
    if not takes_any:
        _refuse_strangers([*given, *fixed], [p.name for p in named], len(by_position))
    _by_name(given, fixed, by_position)
    told = set(fixed)
    open_names = [n for n in names_in_source(function, parameters)[1] if n in STATE_NAMES] if takes_any else []
    state = states(named, given, fixed, open_names)
    found, defaults, unresolved = _sorted(named, given, fixed)
    labels: Mapping[Key, str] = {}
    if takes_any:
        _bind_open_arguments(function, parameters, given, fixed, found)
        labels = names_in_source(function, parameters)[0]
    _refuse_unresolved(function, unresolved, found, takes_any)
    positional: list[Key] = [p.name for p in named if p.kind is p.POSITIONAL_ONLY]
    if any(isinstance(key, int) for key in (*found, *fixed)):  # what stands before *args goes by position too
        positional = [*by_position]
    roles_found = in_context(found, given, fixed)
    packed = {key: parts for key, role in roles_found.items() if role is Role.X and (parts := members(function, key))}
    assumed = frozenset(set(fixed) - told)
    return Binding(roles_found, fixed, defaults, tuple(positional), labels, assumed, state, packed)


def _sorted(
    named: list[inspect.Parameter], given: Mapping[Key, Role], fixed: dict[Key, Any]
) -> tuple[dict[Key, Role], dict[str, Any], list[str]]:
    """Sort named arguments into roles, defaults kept and undecided ones; a weight without a default is fixed at 1."""
    found: dict[Key, Role] = {}
    defaults: dict[str, Any] = {}
    unresolved: list[str] = []
    optional = _optional_tensors(named, given)
    for name, parameter in ((p.name, p) for p in named if p.name not in fixed):
        role = given.get(name) or NAMES.get(spelled(name))
        if name not in given and parameter.default is not parameter.empty and name not in optional:
            defaults[name] = parameter.default
        elif role is not None:
            found[name] = role
        elif spelled(name) in WEIGHTS:
            fixed[name] = 1.0
        else:
            unresolved.append(name)
    return found, defaults, unresolved


def _by_name(given: dict[Key, Role], fixed: dict[Key, Any], names: Sequence[str]) -> None:
    """Turn positions into names where the argument has one; refuse what is said twice."""
    for table in (given, fixed):
        for place in [key for key in table if isinstance(key, int) and key < len(names)]:
            if names[place] in table:
                raise UsageError(f"argument {names[place]!r} is given twice, by name and as position {place}: keep one")
            table[names[place]] = table.pop(place)
    for key in [key for key in given if key in fixed]:
        raise UsageError(
            f"argument {key!r} has both the role {given[key].value!r} and the value {fixed[key]!r}: keep one"
        )


def _split(roles: Mapping[Key, str | float], constants: Mapping[Key, Any]) -> tuple[dict[Key, Role], dict[Key, Any]]:
    given: dict[Key, Role] = {}
    fixed = {_key(key): value for key, value in constants.items()}
    for key, role in roles.items():
        if isinstance(role, str):
            given[_key(key)] = parse_role(role)
        else:
            fixed[_key(key)] = role
    return given, fixed


def _key(key: Key) -> Key:
    return int(key) if isinstance(key, str) and key.isdecimal() else key


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(getattr(function, "forward", function)).parameters.values())
    except (TypeError, ValueError):  # built-in functions without a signature take what they are given
        return [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]


def _optional_tensors(named: Sequence[inspect.Parameter], given: Mapping[Key, Role]) -> set[str]:
    """Return the arguments whose None still stands for a tensor: of a posterior, the only data, the only prediction."""
    roles = {p.name: given.get(p.name) or NAMES.get(spelled(p.name)) for p in named}
    absent = {p.name: roles[p.name] for p in named if p.default is None and p.name not in given}
    found = {name for name, role in absent.items() if role in POSTERIOR_SCALES | {Role.Q_LOC}}
    for group in (PREDICTIONS, {Role.X}):
        ours = [name for name, role in roles.items() if role in group]
        found |= set(ours) & set(absent) if len(ours) == 1 else set()
    return found


def _refuse_strangers(keys: Iterable[Key], names: Sequence[str], count: int) -> None:
    takes = ", ".join(names) or "no arguments"
    for key in keys:
        if isinstance(key, int) and key >= count:
            raise UsageError(f"no argument at position {key}: the loss takes {takes}, the first is at position 0")
        if isinstance(key, str) and key not in names:
            near = get_close_matches(key, names, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"the loss has no argument {key!r}: it takes {takes}{hint}")


def _bind_open_arguments(
    function: Callable[..., Any],
    parameters: list[inspect.Parameter],
    given: Mapping[Key, Role],
    fixed: dict[Key, Any],
    found: dict[Key, Role],
) -> None:
    """Bind what goes into `*args` and `**kwargs`: what a person said first, then the names in the loss's own source."""
    named = {p.name for p in parameters}
    open_roles = {key: role for key, role in given.items() if key not in named and key not in found}
    if not open_roles and not found:
        positions, keywords = names_in_source(function, parameters)
        open_roles = {place: NAMES[name] for place, name in positions.items() if name in NAMES}
        for name in keywords:
            if spelled(name) in NAMES:
                open_roles[name] = NAMES[spelled(name)]
            elif spelled(name) in WEIGHTS and name not in fixed:
                fixed[name] = 1.0
    found.update(sorted(open_roles.items(), key=lambda item: (isinstance(item[0], str), item[0])))


def _refuse_unresolved(
    function: Callable[..., Any], unresolved: list[str], found: Mapping[Key, Role], takes_any: bool
) -> None:
    if not unresolved and found:
        return
    if unresolved:
        flags = " ".join(f"--role {argument}=ROLE" for argument in unresolved)
        raise UsageError(
            f"cannot tell the role of {', '.join(map(repr, unresolved))} in {_named(function)}: "
            f"type {flags} (or --set NAME=VALUE for a constant); roles are {', '.join(Role)}"
        )
    if not takes_any:
        raise UsageError(
            f"nothing varies in {_named(function)}: a loss takes data, a prediction or the parameters of a posterior; "
            "say which argument is one with --role NAME=ROLE"
        )
    raise UsageError(
        f"cannot tell what {_named(function)} takes: give the roles by position, "
        "e.g. --role 0=prediction --role 1=x --role 2=q_loc --role 3=q_log_var, constants by --set NAME=VALUE"
    )


def _named(function: Callable[..., Any]) -> str:
    """Return the loss's name and signature on one line."""
    name = getattr(function, "__name__", type(function).__name__)
    try:
        signature = str(inspect.signature(getattr(function, "forward", function)))
    except (TypeError, ValueError):
        signature = "(...)"
    return name + " ".join(signature.split())
