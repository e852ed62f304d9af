"""PyTorch: tensors on the CPU, gradients by autograd."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from elbocheck.adapters import Array, freeze_numpy


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

    def seed(self, seed: int) -> None:
        """Seed torch's and NumPy's global generators."""
        torch.manual_seed(seed)
        freeze_numpy(seed)


ADAPTER = Torch()
