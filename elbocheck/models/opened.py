"""From what a person points at to a loss of tensors: a function of a model, a model with components, or neither."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elbocheck.adapters import adapter, candidates
from elbocheck.errors import CallError, UsageError
from elbocheck.loss import Loss
from elbocheck.models.compiled import is_trainer, training_loss
from elbocheck.models.components import Returns, kept, substitution
from elbocheck.models.distributions import density_loss, is_distribution
from elbocheck.models.lowered import Lowered
from elbocheck.models.probe_model import ProbeModel
from elbocheck.models.script import Script
from elbocheck.models.source import Names
from elbocheck.roles import NAMES, VARIABLES, Key, Role, spelled
from elbocheck.shapes import Layout, Shape, filled, layouts, ordinary

__all__ = ["Asked", "opened"]

Roles = Mapping[Key, str | float]


@dataclass(frozen=True)
class Asked:
    """What a person said about a loss.

    Attributes:
        function: what they pointed at.
        roles: argument (name or position) to role; a number fixes it.
        constants: arguments to keep at a value.
        framework: its name, where they gave it.
        shapes: of one datum, prediction or latent vector, by role.
        device: where tensors are made.
        model: their own model, where components of it are replaced.
        components: path of a component to what it returns.
    """

    function: Callable[..., Any]
    roles: Roles
    constants: Mapping[Key, Any]
    framework: str | None
    shapes: Mapping[Role, Shape]
    device: str | None = None
    model: Any = None
    components: Mapping[str, Returns] | None = None


@contextmanager
def opened(asked: Asked) -> Iterator[tuple[Callable[..., Any], Roles]]:
    """Yield a loss of tensors, with the roles that are known of its arguments; the user's model is left as it was.

    Raises:
        UsageError: a model is needed and its parts cannot be told; components without a model.
        CallError: the loss fails with every probe model.
    """
    asked = _as_function(asked)
    signature, name = _model_argument(asked)
    parts = _parts(asked, takes_model=name is not None)
    script = Script(answers={path: told.names for path, told in parts.items()})
    roles = {key: role for key, role in asked.roles.items() if key != name}
    if asked.model is not None:
        script.roles = {role: Role(role) for told in parts.values() for role in _leaves(told.names)}
        fixed = _unknown_states(asked, signature) | ({} if name is None else {name: asked.model})
        around = substitution(asked.model, parts, script)
        lowered = Lowered(asked.function, signature or inspect.Signature(), fixed, script, around)
        lowered.dtype = getattr(asked.model, "compute_dtype", None)
        with kept(asked.model):
            yield lowered, _known(script, roles)
    elif name is not None and signature is not None:
        lowered = _probed(asked, roles, signature, name, script)
        yield lowered, _known(script, roles)
    else:
        yield asked.function, asked.roles


def _as_function(asked: Asked) -> Asked:
    """Return the loss of a distribution or of a compiled model as a function."""
    if is_distribution(asked.function):
        return replace(asked, function=density_loss(asked.function))
    if is_trainer(asked.function):
        return replace(asked, function=training_loss(asked.function), model=asked.model or asked.function)
    return asked


def _parts(asked: Asked, *, takes_model: bool) -> Mapping[str, Returns]:
    """Return the parts of the model to replace; raise UsageError where they go with no model, or a model with none."""
    parts = asked.components or {}
    for path, told in parts.items():
        if not isinstance(told, Returns):
            raise UsageError(
                f"component {path!r} is {told!r}: write returns('q_loc', 'q_log_var'), roles in their order"
            )
    if parts and asked.model is None and not takes_model:
        raise UsageError(f"components {', '.join(parts)} of no model: give model=..., or --model FILE.py:NAME")
    if not parts and asked.model is not None:
        raise UsageError(
            f"no component of {type(asked.model).__name__} to replace: name those whose output the loss is a function of, "
            'e.g. components={"encoder": returns("q_loc", "q_log_var"), "decoder": returns("probs")}'
        )
    return parts


def _unknown_states(asked: Asked, signature: inspect.Signature | None) -> dict[str, Any]:
    """Return an empty mapping for each argument that holds a model's variables, which its replaced parts do not read."""
    named = enumerate(signature.parameters if signature is not None else ())
    said = {*asked.roles, *asked.constants}
    return {name: {} for place, name in named if spelled(name) in VARIABLES and not {name, place} & said}


def _known(script: Script, roles: Roles) -> Roles:
    """Return the roles of a model's answers, and what a person said of them."""
    known: dict[Key, str | float] = dict(script.roles.items())
    return {**known, **roles}


def _leaves(names: Names) -> Iterator[str]:
    if isinstance(names, str):
        yield names
    elif isinstance(names, dict | tuple):
        for one in names.values() if isinstance(names, dict) else names:
            yield from _leaves(one)


def _model_argument(asked: Asked) -> tuple[inspect.Signature | None, str | None]:
    """Return the signature of the loss, and the name of the argument that takes the model, where there is one."""
    try:
        signature = inspect.signature(getattr(asked.function, "forward", asked.function))
    except (TypeError, ValueError):
        return None, None
    for place, (name, parameter) in enumerate(signature.parameters.items()):
        said = asked.roles.get(name, asked.roles.get(place))
        if said == Role.MODEL:
            return signature, name
        plain = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        )
        if said is None and name not in asked.constants and plain and NAMES.get(spelled(name)) is Role.MODEL:
            return signature, name
    return signature, None


def _probed(asked: Asked, roles: Roles, signature: inspect.Signature, name: str, script: Script) -> Lowered:
    """Run the loss once with a probe model, at the first framework and sizes that it takes, to see what it asks for."""
    own = _owner(asked.function) if name == "self" else None
    taken = [*signature.parameters, *range(len(signature.parameters))]
    script.given = {key: value for key, value in asked.constants.items() if isinstance(key, str) and key not in taken}
    constants = {key: value for key, value in asked.constants.items() if key not in script.given}
    early = {key: role for key, role in roles.items() if key in taken}
    first: CallError | None = None
    for framework in [asked.framework] if asked.framework else candidates(asked.function):
        written = adapter(framework, asked.device).written(asked.function)
        fixed = {**_unknown_states(asked, signature), name: ProbeModel(script, own, _kind(framework))}
        lowered = Lowered(written, signature, fixed, script)
        loss = Loss.of(lowered, roles=early, constants=constants, framework=framework, device=asked.device)
        for layout in layouts(asked.shapes):
            try:
                _run_once(loss, script, layout)
            except CallError as error:
                first = first or error
            else:
                return lowered
    assert first is not None
    asked_for = f"; it called {', '.join(script.asked)}" if script.asked else "; it called nothing of its model"
    raise CallError(first.code, first.what + asked_for, first.remedy) from first


def _run_once(loss: Loss, script: Script, layout: Layout) -> None:
    dtype = np.dtype(np.float32 if loss.adapter.name != "numpy" else np.float64)

    def supply(role: Role) -> Any:
        return loss.adapter.tensor(filled(layout, {role: ordinary(role)}, dtype)[role])

    script.roles, script.settings, script.supply = {}, {}, supply
    try:
        loss(filled(layout, {role: ordinary(role) for role in loss.roles}, dtype))
    finally:
        script.supply = None


def _owner(function: Callable[..., Any]) -> type | None:
    """Return the class that a plain function was defined in, which a probe model stands for as `self`."""
    *way, _ = getattr(function, "__qualname__", "").split(".")
    found: Any = getattr(function, "__globals__", {})
    for part in way:
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
    return found if isinstance(found, type) else None


def _kind(framework: str) -> type | None:
    """Return what isinstance should take a probe model for: a torch module, a Keras model; None elsewhere."""
    for home, name in {"torch": (("torch.nn", "Module"),), "tensorflow": (("keras", "Model"),)}.get(framework, ()):
        kind = getattr(sys.modules.get(home), name, None)
        if isinstance(kind, type):
            return kind
    return None
