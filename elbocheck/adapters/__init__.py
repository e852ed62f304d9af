"""One file a framework, four verbs each: own, tensor, array, gradient (and a seed for what draws at random)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from elbocheck.errors import UsageError

Array = NDArray[Any]


class Adapter(Protocol):
    """How elbocheck speaks to one framework: NumPy in, NumPy out."""

    name: str
    differentiates: bool

    def owns(self, value: object) -> bool:
        """Tell whether `value` is a tensor of this framework."""

    def tensor(self, array: Array) -> Any:
        """Return a fresh tensor with the array's values and dtype, on the CPU."""

    def array(self, value: Any) -> Array:
        """Return a tensor's values as NumPy, in its own dtype."""

    def gradient(self, call: Callable[[Mapping[str, Any]], Any], inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return d sum(call(inputs)) / d input for every input; zero where nothing depends on it."""

    def seed(self, seed: int) -> None:
        """Seed the framework's own generator."""


FRAMEWORKS = ("torch",)
"""Frameworks with an adapter, besides NumPy."""


def adapter(name: str) -> Adapter:
    """Return the adapter called `name`; a framework is imported only here."""
    if name not in ("numpy", *FRAMEWORKS):
        raise UsageError(f"unknown framework {name!r}: choose from numpy, {', '.join(FRAMEWORKS)}")
    try:
        found: Adapter = import_module(f"elbocheck.adapters.{name}").ADAPTER
    except ModuleNotFoundError as missing:
        raise UsageError(f"{missing.name} is not installed: pip install 'elbocheck[{name}]' brings it") from missing
    return found


def candidates(function: Callable[..., Any]) -> list[str]:
    """List the frameworks that `function` may speak, most likely first; only loaded ones are considered."""
    loaded = [name for name in FRAMEWORKS if name in sys.modules]
    speaks = [name for name in loaded if _mentions(function, name)]
    return speaks + ["numpy"] + [name for name in loaded if name not in speaks]


def _mentions(function: Callable[..., Any], framework: str) -> bool:
    plain = getattr(function, "func", function)  # functools.partial
    plain = getattr(plain, "__func__", plain)  # bound method
    if not hasattr(plain, "__globals__"):
        plain = getattr(type(plain), "forward", None) or type(plain).__call__
    plain = getattr(plain, "__wrapped__", plain)
    origin = getattr(plain, "__module__", None) or ""
    values = getattr(plain, "__globals__", {}).values()
    homes = {getattr(v, "__name__", "") if isinstance(v, type(sys)) else getattr(v, "__module__", "") for v in values}
    return any(str(home or "").split(".")[0] == framework for home in {origin, *homes})


def freeze_numpy(seed: int) -> None:
    """Seed NumPy's global generator, which many losses draw from."""
    np.random.seed(seed % 2**32)
