"""NumPy: arrays as they are; no derivative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import lgamma
from typing import Any

import numpy as np

from elbocheck.adapters.framework import Adapter, Array, Leaves, functions


@dataclass(frozen=True)
class NumPy(Adapter):
    """The adapter of losses that take and return NumPy arrays."""

    def tensor(self, array: Array) -> Array:
        """Return a copy, so that a loss that writes into its argument harms nothing."""
        return array.copy()

    def shared(self, array: Array) -> Array:
        """Return the array itself."""
        return array

    def array(self, value: Any) -> Array:
        """Return the value as an array."""
        return np.asarray(value)

    def value_and_grad(self, function: Callable[..., Any], leaves: Leaves, *others: Any) -> tuple[Any, Leaves]:
        """NumPy has no derivative."""
        raise NotImplementedError(f"NumPy losses have no gradient in {', '.join(leaves)}: {function!r}")

    def ways(
        self, function: Callable[..., Any], _tensors: tuple[Any, ...], grad: bool
    ) -> dict[str, Callable[..., Any]]:
        """As it is."""
        return {} if grad else {self.name: function}


def with_gamma(name: str, log_gamma: Callable[[Array], Array]) -> NumPy:
    """The adapter of NumPy's functions and one for log Gamma."""
    found = functions(np, relu=lambda a: np.maximum(a, 0.0), lgamma=log_gamma, join=np.concatenate)
    kinds = (np.ndarray, np.generic, float, int, complex)
    return NumPy(name, found, kinds, np.__version__, "2.0", differentiates=False, dtypes=("float64", "float32"))


ADAPTER = with_gamma("numpy", np.vectorize(lgamma))
