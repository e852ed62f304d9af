"""One file a framework, four verbs each: array in, NumPy out, value and gradient, compile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from elbocheck.adapters import keras_stream
from elbocheck.adapters.framework import Adapter, Array, refuse_old
from elbocheck.errors import UsageError

__all__ = ["FRAMEWORKS", "Adapter", "Array", "adapter", "brought", "candidates", "generators_kept", "owner"]

FRAMEWORKS = ("torch", "jax", "tensorflow")
"""Frameworks with an adapter, besides NumPy."""

_LIBRARIES = {
    **dict.fromkeys(("pyro", "torchvision", "lightning", "pytorch_lightning", "diffusers", "pythae"), "torch"),
    **dict.fromkeys(("jaxlib", "optax", "flax", "haiku", "numpyro", "equinox", "distrax", "chex"), "jax"),
    **dict.fromkeys(("tf_keras", "tensorflow_probability", "sonnet"), "tensorflow"),
    "tensorflow_probability.substrates.jax": "jax",
    "tensorflow_probability.substrates.numpy": "numpy",
}
"""Which framework speaks from a library built on it."""


def adapter(name: str, device: str | None = None) -> Adapter:
    """Return the adapter called `name`; a framework is imported only here.

    Args:
        name: of the framework.
        device: where its tensors are made, e.g. `cuda:0`; by default where the framework makes them.

    Raises:
        UsageError: an unknown framework, one that is not installed or too old, a device that is not there.
    """
    if name == "keras":
        name = _behind_keras()
    if name not in ("numpy", *FRAMEWORKS):
        raise UsageError(f"unknown framework {name!r}: choose from numpy, {', '.join(FRAMEWORKS)} or keras")
    found = brought(name)
    return found if device is None else found.on(device)


def brought(name: str) -> Adapter:
    """Return the adapter in the file of that name.

    Raises:
        UsageError: its framework is not installed, does not import, or is too old.
    """
    try:
        found: Adapter = import_module(f"elbocheck.adapters.{name}").ADAPTER
    except ModuleNotFoundError as missing:
        raise UsageError(f"{missing.name} is not installed: pip install 'elbocheck[{name}]' brings it") from missing
    except (ImportError, AttributeError) as broken:  # built for another NumPy, or from before what the adapter calls
        raise UsageError(f"{name} as it is installed cannot be used ({broken}): reinstall or update it") from broken
    refuse_old(found)
    return found


def owner(value: Any) -> Adapter:
    """Return the adapter of the framework that a tensor is of; NumPy's for what is of none."""
    loaded = (brought(name) for name in FRAMEWORKS if name in sys.modules)
    return next((found for found in loaded if found.owns(value)), brought("numpy"))


@contextmanager
def generators_kept() -> Iterator[None]:
    """Leave NumPy's global generator and those of Keras and the frameworks that are loaded as they were."""
    state = np.random.get_state()
    with ExitStack() as stack:
        stack.enter_context(keras_stream.kept())
        for name in FRAMEWORKS:
            if name in sys.modules:
                stack.enter_context(brought(name).keeping())
        try:
            yield
        finally:
            np.random.set_state(state)


def candidates(function: Callable[..., Any]) -> list[str]:
    """List the frameworks that `function` may speak, most likely first; only loaded ones are considered.

    First those that it names itself, then those of its module, then NumPy, then whatever else is loaded.
    """
    loaded = [name for name in FRAMEWORKS if name in sys.modules]
    plain = plain_function(function)
    own = {type(function).__module__}  # what jax.jit or tf.function returned
    named, around = (set(map(_framework, homes)) for homes in (own | _homes(_named(plain)), _homes(_around(plain))))
    speaks = [name for name in loaded if name in named]
    speaks += [name for name in loaded if name in around and name not in speaks]
    return speaks + ["numpy"] + [name for name in loaded if name not in speaks]


def plain_function(function: Any) -> Any:
    """Return the plain function under a partial, a bound method, a callable object or a decorator."""
    plain = getattr(function, "__wrapped__", function)  # jax.jit
    plain = getattr(plain, "func", plain)  # functools.partial
    plain = getattr(plain, "__func__", plain)  # bound method
    if not hasattr(plain, "__globals__"):
        kind = type(plain)
        plain = next((f for f in (getattr(kind, n, None) for n in ("forward", "call")) if f), kind.__call__)
    return getattr(plain, "__wrapped__", plain)


def _named(plain: Any) -> Iterator[Any]:
    """Yield what the names in a function's own code stand for."""
    code: Any = getattr(plain, "__code__", None)
    known = getattr(plain, "__globals__", {})
    cells = [cell.cell_contents for cell in getattr(plain, "__closure__", None) or () if _full(cell)]
    yield from cells
    pending = [code] if isinstance(code, CodeType) else []
    while pending:
        one = pending.pop()
        pending += [inner for inner in one.co_consts if isinstance(inner, CodeType)]
        yield from (known[name] for name in one.co_names if name in known)


def _full(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # asking is what raises
    except ValueError:
        return False
    return True


def _around(plain: Any) -> Iterator[Any]:
    yield plain
    yield from getattr(plain, "__globals__", {}).values()


def _homes(values: Iterator[Any]) -> set[str]:
    """Return the names of the modules that values are or come from."""
    homes = {v.__name__ if isinstance(v, ModuleType) else getattr(v, "__module__", None) for v in values}
    return {home for home in homes if isinstance(home, str)}


def _framework(home: str) -> str:
    """Return the framework that a module belongs to, or the module's top level."""
    top = home.partition(".")[0]
    if top == "keras" and "keras" in sys.modules:
        return _behind_keras()
    longest = ".".join(home.split(".")[:3])
    return _LIBRARIES.get(longest) or _LIBRARIES.get(top, top)


def _behind_keras() -> str:
    """Return the framework that Keras runs on here."""
    try:
        return str(import_module("keras").backend.backend())
    except ModuleNotFoundError as missing:
        raise UsageError(f"{missing.name} is not installed: pip install 'elbocheck[keras]' brings it") from missing
