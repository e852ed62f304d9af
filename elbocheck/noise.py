"""Standard normal noise that a loss draws by itself, from a framework's global functions: replaced by an argument of ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Noise", "capturing"]

Loc, Scale = tuple[int, tuple[str, ...]], tuple[int, tuple[str, ...]]
_PLAIN: tuple[None, None] = (None, None)
_SHAPED = ((1, ("mean",)), (2, ("stddev",)))
_DRAWS: tuple[tuple[str, str, tuple[Any, Any]], ...] = (
    ("numpy.random", "randn", _PLAIN),
    ("numpy.random", "standard_normal", _PLAIN),
    ("numpy.random", "normal", ((0, ("loc",)), (1, ("scale",)))),
    ("torch", "randn", _PLAIN),
    ("torch", "randn_like", _PLAIN),
    ("torch", "normal", ((0, ("mean",)), (1, ("std",)))),
    ("torch.Tensor", "normal_", ((1, ("mean",)), (2, ("std",)))),
    ("jax.random", "normal", _PLAIN),
    ("tensorflow.random", "normal", _SHAPED),
    ("tensorflow.random", "stateless_normal", ((2, ("mean",)), (3, ("stddev",)))),
    ("tensorflow.compat.v1", "random_normal", _SHAPED),
    ("keras.random", "normal", _SHAPED),
    ("keras.backend", "random_normal", _SHAPED),
)
"""Home, name, and where a draw takes its mean and its standard deviation: position and names."""


@dataclass
class Noise:
    """The noise of one call.

    Attributes:
        values: a tensor of standard normal noise that stands for a draw of its shape; None: only watch.
        taken: the functions that drew in its shape, in order.
    """

    values: Any
    shape: tuple[int, ...]
    taken: list[str] = field(default_factory=list)

    def drawn(self, name: str, original: Any, loc: Any, scale: Any) -> Any:
        """Return ours where the draw has our shape, as far from `loc` and as wide as it was asked for.

        Axes of length one besides are no other shape: a latent of 1x1 maps, one sample of an importance-weighted bound.
        """
        shape = tuple(original.shape)
        if _long(shape) != _long(self.shape):
            return original
        self.taken.append(name)
        if self.values is None:
            return original
        values = self.values if shape == self.shape else _reshaped(self.values, shape)
        wide = values if scale is None else values * scale
        return wide if loc is None else wide + loc


def _long(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]


def _reshaped(values: Any, shape: tuple[int, ...]) -> Any:
    """Return the values with axes of length one put in or left out; TensorFlow has no method for it."""
    if hasattr(values, "reshape"):
        return values.reshape(shape)
    return sys.modules["tensorflow"].reshape(values, shape)


@contextmanager
def capturing(noise: Noise, names: dict[str, Any] | None = None) -> Iterator[None]:
    """Let `noise` stand for what the frameworks that are loaded draw from a normal distribution; undone afterwards.

    Args:
        noise: what is drawn instead.
        names: the globals of the loss, which may hold a function by a name of its own: `from torch import randn_like`.
    """
    with ExitStack() as stack:
        for home, name, (loc, scale) in _DRAWS:
            owner = _owner(home)
            original = getattr(owner, name, None)
            if original is not None:
                draw = _draw(noise, f"{home}.{name}", original, loc, scale)
                stack.enter_context(_replaced(owner, name, draw))
                stack.enter_context(_renamed(names or {}, [k for k, v in (names or {}).items() if v is original], draw))
        yield


def _owner(home: str) -> Any:
    """Return a module that is loaded already, or an attribute of one."""
    top, *way = home.split(".")
    found: Any = sys.modules.get(top)
    for part in way:
        found = getattr(found, part, None)
    return found


def _draw(noise: Noise, name: str, original: Callable[..., Any], loc: Any, scale: Any) -> Callable[..., Any]:
    busy: list[bool] = []  # a framework's function may call another of ours

    def draw(*args: Any, **kwargs: Any) -> Any:
        if busy:
            return original(*args, **kwargs)
        busy.append(True)
        try:
            found = original(*args, **kwargs)
        finally:
            busy.pop()
        given = noise.drawn(name, found, _argument(loc, args, kwargs), _argument(scale, args, kwargs))
        if name == "torch.Tensor.normal_" and given is not found:
            args[0].copy_(given.detach())
            return given
        return given

    return draw


def _argument(place: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if place is None:
        return None
    position, names = place
    named = next((kwargs[name] for name in names if name in kwargs), None)
    return args[position] if position < len(args) else named


@contextmanager
def _renamed(names: dict[str, Any], keys: Iterable[str], value: Any) -> Iterator[None]:
    before = {key: names[key] for key in keys}
    names.update(dict.fromkeys(before, value))
    try:
        yield
    finally:
        names.update(before)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    own = vars(owner)
    inherited = name not in own
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, before)
