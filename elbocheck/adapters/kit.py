"""What `elbocheck bench` asks of a framework: its array functions, and its ways to run a formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from elbocheck.adapters import Array
from elbocheck.errors import UsageError

__all__ = ["KITS", "Contender", "Kit", "kit"]

Formula = Callable[..., Any]
Contender = Callable[[], Any]


@dataclass(frozen=True)
class Kit:
    """How a framework runs a formula of x and one parameter.

    Attributes:
        name: of the framework, as reports print it.
        each: (formula, x, moving) to the values, as NumPy.
        sums: (formula, x, moving) to contenders by name: sums over the last axis, waited for.
        sums_and_grad: the same with the gradient by the moving parameter; empty where there is none.
        limit: set the number of threads.
    """

    name: str
    each: Callable[[Formula, Array, Array], Array]
    sums: Callable[[Formula, Array, Array], Mapping[str, Contender]]
    sums_and_grad: Callable[[Formula, Array, Array], Mapping[str, Contender]]
    limit: Callable[[int], None]


KITS = ("numpy", "scipy", "torch", "jax", "tensorflow")
"""The names that --against takes."""


def kit(name: str) -> Kit:
    """The kit of a framework, imported only here.

    Raises:
        UsageError: for an unknown name, or a framework that is not installed.
    """
    if name not in KITS:
        raise UsageError(f"unknown framework {name!r}: choose from {', '.join(KITS)}")
    try:
        found: Kit = import_module(f"elbocheck.adapters.{name}").KIT
    except ModuleNotFoundError as missing:
        raise UsageError(f"{missing.name} is not installed: pip install 'elbocheck[{name}]' brings it") from missing
    return found
