"""A loss of a model as a loss of tensors: what its model answers becomes arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any

from elbocheck.models.script import Script

__all__ = ["Lowered"]


class Lowered:
    """A loss whose model answers from a script; called with the tensors that stand in the answers, by name.

    Attributes:
        func: the loss as it was.
        script: what the model answers.
        dtype: the floats that a model says it computes in, as those of Keras do.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        signature: inspect.Signature,
        fixed: Mapping[str, Any],
        script: Script,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Keep the arguments `fixed` of a function (its model) at their values; enter `around` for every call."""
        self.func = function
        self.script = script
        self.dtype: str | None = None
        self._signature = signature
        self._fixed = fixed
        self._around = around
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__qualname__ = getattr(function, "__qualname__", self.__name__)

    @property
    def __signature__(self) -> inspect.Signature:
        """The arguments of the loss without its model, the tensors of the answers, the settings read from the model."""
        own = [p for p in self._signature.parameters.values() if p.name not in self._fixed]
        taken = {p.name for p in own}
        by_name = inspect.Parameter.KEYWORD_ONLY
        asked = [*self.script.roles, *self.script.settings]
        more = [inspect.Parameter(name, by_name) for name in asked if name not in taken]
        rest = [p for p in own if p.kind is p.VAR_KEYWORD]
        return inspect.Signature([*(p for p in own if p.kind is not p.VAR_KEYWORD), *more, *rest])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the loss; the script holds the tensors meanwhile."""
        tensors = {name: kwargs.pop(name) for name in self.script.roles if name in kwargs}
        settings = {name: kwargs.pop(name) for name in self.script.settings if name in kwargs}
        with self.script.holding(tensors, settings), self._around():
            positional, named = self._placed(args, kwargs)
            return self.func(*positional, **named)

    def _placed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of the loss with its model among them: by position where positions are used."""
        if not args:
            return [], {**kwargs, **self._fixed}
        rest = iter(args)
        placed: list[Any] = []
        for name, parameter in self._signature.parameters.items():
            if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                break
            if name in self._fixed:
                placed.append(self._fixed[name])
            else:
                placed += islice(rest, 1)
        return [*placed, *rest], kwargs
