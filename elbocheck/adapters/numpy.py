"""NumPy: arrays as they are; no derivative."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lgamma
from types import SimpleNamespace
from typing import Any

import numpy as np

from elbocheck.adapters import Array, freeze_numpy
from elbocheck.adapters.kit import Contender, Formula, Kit


class NumPy:
    """The adapter of losses that take and return NumPy arrays."""

    name = "numpy"
    differentiates = False

    def owns(self, value: object) -> bool:
        """Tell whether `value` is an array, a NumPy scalar or a Python number."""
        return isinstance(value, np.ndarray | np.generic | float | int | complex)

    def tensor(self, array: Array) -> Array:
        """Return a copy, so that a loss that writes into its argument harms nothing."""
        return array.copy()

    def array(self, value: Any) -> Array:
        """Return the value as an array."""
        return np.asarray(value)

    def gradient(self, call: Callable[[Mapping[str, Any]], Any], inputs: Mapping[str, Array]) -> dict[str, Array]:
        """NumPy has no derivative."""
        raise NotImplementedError(f"NumPy losses have no gradient in {', '.join(inputs)}: {call!r}")

    def seed(self, seed: int) -> None:
        """Seed NumPy's global generator."""
        freeze_numpy(seed)


ADAPTER = NumPy()


def arrays_kit(name: str, special: Callable[[Array], Array]) -> Kit:
    """The kit of NumPy's functions and one for log Gamma."""
    functions = {word: getattr(np, word) for word in ("abs", "exp", "log", "log1p", "where")}
    m = SimpleNamespace(**functions, relu=lambda a: np.maximum(a, 0.0), lgamma=special)

    def each(formula: Formula, x: Array, moving: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(formula(m, x, moving))

    def sums(formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
        return {name: lambda: formula(m, x, moving).sum(-1)}

    return Kit(name, each, sums, lambda _formula, _x, _moving: {}, lambda _count: None)


KIT = arrays_kit("numpy", np.vectorize(lgamma))
