"""PyTorch: gradients by autograd, eager and torch.compile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from elbocheck.adapters.framework import Adapter, Array, Leaves, by_kind, functions, lengthened, short, tried


@dataclass(frozen=True)
class Torch(Adapter):
    """The adapter of losses that take and return torch tensors."""

    def tensor(self, array: Array) -> torch.Tensor:
        """Return a fresh tensor with the array's values and dtype."""
        return torch.from_numpy(array.copy()).to(self.device, torch.bfloat16 if short(array) else None)

    def array(self, value: Any) -> Array:
        """Return the tensor's values."""
        if not isinstance(value, torch.Tensor):
            return np.asarray(value)
        plain = value.detach().cpu()
        return lengthened(plain.float().numpy()) if plain.dtype is torch.bfloat16 else np.asarray(plain.numpy())

    def value_and_grad(self, function: Callable[..., Any], leaves: Leaves, *others: Any) -> tuple[Any, Leaves]:
        """Return the value and the slope of its sum; None where autograd finds no path."""
        for leaf in leaves.values():
            leaf.requires_grad_(True)
        value = function(leaves, *others)
        if not isinstance(value, torch.Tensor) or not value.requires_grad:
            return value, {}
        slopes = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True)
        return value, dict(zip(leaves, slopes, strict=True))

    def ways(self, function: Callable[..., Any], tensors: tuple[Any, ...], grad: bool) -> dict[str, Callable[..., Any]]:
        """Eager, and torch.compile where that works."""
        run: Callable[..., Any] = partial(partial, self.value_and_grad) if grad else lambda plain: plain
        return {"torch": run(function), **tried("torch.compile", lambda: run(_compiled(function)), tensors)}

    def shared(self, array: Array) -> torch.Tensor:
        """Return a tensor in the array's memory; torch has no read-only ones."""
        return torch.from_numpy(array if array.flags.writeable else array.copy()).to(self.device)

    def devices(self) -> Mapping[str, Any]:
        """Return the CPU, CUDA's devices, the first also as `cuda`, and Apple's."""
        kinds = {"cpu": 1, "mps": int(torch.backends.mps.is_available()), "cuda": torch.cuda.device_count()}
        return by_kind((k, i, torch.device(k, i)) for k, count in kinds.items() for i in range(count))

    def seed(self, seed: int) -> None:
        """Seed torch's and NumPy's global generators."""
        super().seed(seed)
        chosen = torch if torch.cuda.is_initialized() else torch.default_generator
        chosen.manual_seed(seed)  # the first is slow

    def plainly(self) -> AbstractContextManager[Any]:
        """Do without torch.compile."""
        used = "torch._dynamo" in sys.modules  # loading it takes seconds
        return torch.compiler.set_stance("force_eager") if used else nullcontext()

    def keeping(self) -> AbstractContextManager[Any]:
        """Use one thread, as small arrays are best served; put threads and generators back."""
        after = ExitStack()
        after.enter_context(torch.random.fork_rng(devices=range(torch.cuda.device_count())))
        after.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(1)
        return after

    def limit(self, count: int) -> None:
        """Set the number of threads."""
        torch.set_num_threads(count)


def _compiled(function: Callable[..., Any]) -> Any:
    """Return a function compiled for the shapes that it is called with."""
    torch.compiler.reset()  # or it gives up, silently, after eight shapes
    return torch.compile(function, dynamic=False)


_VARIANTS: dict[str, Any] = {"compilers": {"torch.compile": _compiled}, "maps": {"torch.func.vmap": torch.func.vmap}}
_FUNCTIONS = functions(torch, lgamma=torch.lgamma, relu=torch.relu, join=torch.cat)
ADAPTER = Torch("torch", _FUNCTIONS, (torch.Tensor,), torch.__version__, "2.2", **_VARIANTS)
