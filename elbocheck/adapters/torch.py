"""PyTorch: tensors on the CPU, gradients by autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from elbocheck.adapters import Array, freeze_numpy
from elbocheck.adapters.kit import Contender, Formula, Kit


class Torch:
    """The adapter of losses that take and return torch tensors."""

    name = "torch"
    differentiates = True

    def owns(self, value: object) -> bool:
        """Tell whether `value` is a torch tensor."""
        return isinstance(value, torch.Tensor)

    def tensor(self, array: Array) -> torch.Tensor:
        """Return a fresh tensor with the array's values and dtype."""
        return torch.from_numpy(array.copy())

    def array(self, value: Any) -> Array:
        """Return the tensor's values; bfloat16, which NumPy lacks, becomes float32."""
        if isinstance(value, torch.Tensor):
            plain = value.detach().cpu()
            return np.asarray((plain.float() if plain.dtype is torch.bfloat16 else plain).numpy())
        return np.asarray(value)

    def gradient(self, call: Callable[[Mapping[str, Any]], Any], inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return d sum(call(inputs)) / d input; zero where autograd finds no path."""
        leaves = {name: self.tensor(array).requires_grad_(True) for name, array in inputs.items()}
        value = call(leaves)
        if not isinstance(value, torch.Tensor) or not value.requires_grad:
            return {name: np.zeros_like(array) for name, array in inputs.items()}
        found = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
        return {
            name: np.zeros_like(array) if slope is None else self.array(slope)
            for (name, array), slope in zip(inputs.items(), found, strict=True)
        }

    def repeated_gradient(self, call: Callable[[Any], Any], leaf: torch.Tensor) -> Callable[[], Any]:
        """Return a call that evaluates and differentiates, with nothing around it, to be timed."""
        leaf.requires_grad_(True)

        def both() -> Any:
            value = call(leaf)
            return value, torch.autograd.grad(value.sum(), leaf)

        return both

    def seed(self, seed: int) -> None:
        """Seed torch's and NumPy's global generators."""
        torch.manual_seed(seed)
        freeze_numpy(seed)


ADAPTER = Torch()


_M = SimpleNamespace(
    **{name: getattr(torch, name) for name in ("abs", "exp", "log", "log1p", "lgamma", "relu", "where")}
)


def _each(formula: Formula, x: Array, moving: Array) -> Array:
    return np.asarray(formula(_M, torch.from_numpy(x), torch.from_numpy(moving)))


def _ways(function: Callable[..., Any], x: Any, moving: Any) -> Mapping[str, Contender]:
    """Eager, and compiled where that works."""
    found: dict[str, Contender] = {"torch": lambda: function(x, moving)}
    try:
        torch.compiler.reset()  # or it gives up, silently, after eight shapes
        compiled = torch.compile(function, dynamic=False)
        compiled(x, moving)
    except Exception:  # noqa: BLE001  # no compiler on this machine: torch raises what it likes
        return found
    return {**found, "torch.compile": lambda: compiled(x, moving)}


def _sums(formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
    def sums(x: torch.Tensor, moving: torch.Tensor) -> torch.Tensor:
        return formula(_M, x, moving).sum(-1)

    return _ways(sums, torch.from_numpy(x), torch.from_numpy(moving))


def _sums_and_grad(formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
    def sums(x: torch.Tensor, moving: torch.Tensor) -> torch.Tensor:
        return formula(_M, x, moving).sum(-1)

    def with_gradient(sums: Callable[..., Any], x: Any, leaf: Any) -> Any:
        value = sums(x, leaf)
        return value, torch.autograd.grad(value.sum(), leaf)

    data, leaf = torch.from_numpy(x), torch.from_numpy(moving).requires_grad_(True)
    found: dict[str, Contender] = {"torch": lambda: with_gradient(sums, data, leaf)}
    try:
        torch.compiler.reset()
        compiled = torch.compile(sums, dynamic=False)
        with_gradient(compiled, data, leaf)
    except Exception:  # noqa: BLE001  # no compiler on this machine: torch raises what it likes
        return found
    return {**found, "torch.compile": lambda: with_gradient(compiled, data, leaf)}


KIT = Kit("torch", _each, _sums, _sums_and_grad, torch.set_num_threads)
