"""What `elbocheck bench` asks of a framework: its ways to run a formula over its array functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from elbocheck.adapters import FRAMEWORKS, brought
from elbocheck.adapters.framework import Adapter, Array, Leaves
from elbocheck.errors import UsageError

__all__ = ["KITS", "Contender", "Kit", "kit"]

Formula = Callable[..., Any]
Contender = Callable[[], Any]


@dataclass(frozen=True)
class Kit:
    """How a framework runs a formula of x and one parameter.

    Attributes:
        adapter: of the framework.
    """

    adapter: Adapter

    @property
    def name(self) -> str:
        """The framework's name, as reports print it."""
        return self.adapter.name

    def each(self, formula: Formula, x: Array, moving: Array) -> Array:
        """The values, as NumPy."""
        given = self.adapter.tensor(x), self.adapter.tensor(moving)
        with np.errstate(all="ignore"), self.adapter.calling(given):
            return self.adapter.array(formula(self.adapter.functions, *given))

    def sums(self, formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
        """Contenders by name: sums over the last axis, waited for."""
        m, given = self.adapter.functions, (self.adapter.tensor(x), self.adapter.tensor(moving))
        ways = self.adapter.ways(lambda x, moving: m.sum(formula(m, x, moving), -1), given, grad=False)
        return {name: partial(run, *given) for name, run in ways.items()}

    def sums_and_grad(self, formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
        """The same with the gradient by the moving parameter; empty where there is none."""
        m, given = self.adapter.functions, ({"moving": self.adapter.tensor(moving)}, self.adapter.tensor(x))

        def sums(leaves: Leaves, x: Any) -> Any:
            return m.sum(formula(m, x, leaves["moving"]), -1)

        return {name: partial(run, *given) for name, run in self.adapter.ways(sums, given, grad=True).items()}

    def limit(self, count: int) -> None:
        """Set the number of threads."""
        self.adapter.limit(count)


KITS = ("numpy", "scipy", *FRAMEWORKS)
"""The names that --against takes."""


def kit(name: str) -> Kit:
    """The kit of a framework, imported only here.

    Raises:
        UsageError: for an unknown name, or a framework that is not installed or too old.
    """
    if name not in KITS:
        raise UsageError(f"unknown framework {name!r}: choose from {', '.join(KITS)}")
    return Kit(brought(name))
