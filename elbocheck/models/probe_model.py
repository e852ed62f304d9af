"""The probe model: stands for the user's model, answers every call from a script."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from elbocheck.errors import UsageError
from elbocheck.models.script import Script, part_kind
from elbocheck.models.source import caller, names_of_call, use_of
from elbocheck.roles import NAMES, STATE_NAMES, WEIGHTS, Role, spelled

__all__ = ["ProbeModel"]

_HERE = str(Path(__file__).parent)
_CHAINED = frozenset(
    ["train", "eval", "to", "cpu", "cuda", "double", "float", "half", "requires_grad_", "zero_grad", "bind", "build"]
)
"""Methods that return the model itself."""
_EMPTY = frozenset(["trainable_variables", "trainable_weights", "variables", "weights", "non_trainable_variables"])
_ITERATORS = frozenset(
    ["parameters", "named_parameters", "buffers", "named_buffers", "modules", "children", "named_children"]
)
_SIZES = frozenset(
    [
        "latent_dim",
        "latent_dims",
        "latent_size",
        "z_dim",
        "z_dims",
        "zdim",
        "dim_z",
        "n_latent",
        "n_latents",
        "num_latents",
    ]
)


_STATES: dict[Role, Any] = {Role.TRAINING: True, Role.STEP: 0}
"""Modes and steps that a loss may read from its model, with what they are while it is run for the first time."""
_PASS = "pass the model itself (model=..., or --model FILE.py:NAME) and say which parts to replace"


class _Part:
    """A part of a model that a loss calls, or reaches into."""

    def __init__(self, script: Script, path: str, own: Callable[..., Any] | None = None) -> None:
        self._script = script
        self._path = path
        self._own = own

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Part(self._script, f"{self._path}.{name}")

    def __call__(self, *given: Any, **named: Any) -> Any:
        if self._own is not None and part_kind(self._path) == "sample":
            self._script.sampler = partial(self._own, *given, **named)
        return self._script.answer(self._path, names_of_call(caller(_HERE)), given)


class ProbeModel:
    """An object that a loss takes for its model.

    What the loss calls is answered by the script; what it reads is a tensor by its name, a weight of 1, a size, or nothing
    (no variables, no extra losses). Methods of the model's own class that are no part of a model run as they are.
    """

    def __init__(self, script: Script, own: type | None = None, kind: type | None = None) -> None:
        """Stand for a model of class `own`, which isinstance takes for one of `kind`."""
        object.__setattr__(self, "_elbocheck", (script, own, kind or own))

    @property  # type: ignore[misc]  # isinstance asks for it
    def __class__(self) -> type:
        """The class of the model that it stands for."""
        kind = object.__getattribute__(self, "_elbocheck")[2]
        return kind if isinstance(kind, type) else ProbeModel

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Answer as the whole model."""
        script: Script = object.__getattribute__(self, "_elbocheck")[0]
        return script.answer("__call__", names_of_call(caller(_HERE)))

    def __getattr__(self, name: str) -> Any:
        """Answer what the loss asks of its model."""
        script, own, _ = object.__getattribute__(self, "_elbocheck")
        if name.startswith("__"):
            raise AttributeError(name)
        if name in script.written:
            return script.written[name]
        if name == "losses":  # of its layers: where a Keras model keeps its KL
            raise UsageError(f"the loss adds model.{name}, which only its own model has: {_PASS}")
        plain = spelled(name)
        theirs = inspect.getattr_static(own, name, None) if own is not None else None
        if name in script.answers or part_kind(name) is not None:
            return _Part(
                script, name, None if theirs is None else getattr(theirs, "__get__", lambda *_: None)(self, own)
            )
        if name in _CHAINED:
            return lambda *_, **__: self
        if name in _EMPTY or name in _ITERATORS:
            return [] if name in _EMPTY else lambda *_, **__: iter(())
        if theirs is not None and not isinstance(theirs, type):
            return theirs.__get__(self, own) if hasattr(theirs, "__get__") else theirs
        if plain in _SIZES:
            return script.tensor("z", Role.Z).shape[-1]
        return self._value(script, name, plain, use_of(caller(_HERE)))

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep what the loss sets on its model until the call ends."""
        object.__getattribute__(self, "_elbocheck")[0].written[name] = value

    def _value(self, script: Script, name: str, plain: str, use: str) -> Any:
        if use != "called" and (plain in WEIGHTS or name in script.given):
            return script.settings.setdefault(name, script.given.get(name, 1.0))
        if use != "called" and STATE_NAMES.get(plain) in _STATES:
            return script.settings.setdefault(name, script.given.get(name, _STATES[STATE_NAMES[plain]]))
        if use != "called" and plain in NAMES:
            return script.tensor(name, NAMES[plain])
        if use == "value":
            raise UsageError(f"the loss reads model.{name}, and its name does not tell what it is: {_PASS}")
        return _Part(script, name)
