"""JAX: gradients by value_and_grad, jit; double precision wherever a tensor has it, whatever the user's own setting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from elbocheck.adapters.framework import Adapter, Array, Leaves, by_kind, functions, lengthened, short


@dataclass(frozen=True)
class Jax(Adapter):
    """The adapter of losses that take and return JAX arrays."""

    def tensor(self, array: Array) -> jax.Array:
        """Return a fresh array with the array's values and dtype."""
        with self.calling([array]):
            return jax.device_put(jnp.array(array, jnp.bfloat16 if short(array) else None), self.device)

    def array(self, value: Any) -> Array:
        """Return the array's values."""
        plain = np.asarray(value)
        return lengthened(plain) if plain.dtype == jnp.bfloat16 else plain

    def value_and_grad(self, function: Callable[..., Any], leaves: Leaves, *others: Any) -> tuple[Any, Leaves]:
        """Return the value and the slope of its sum."""

        def total(leaves: Leaves, *others: Any) -> tuple[jax.Array, Any]:
            value = function(leaves, *others)
            return jnp.sum(value), value

        (_, value), slopes = jax.value_and_grad(total, has_aux=True)(leaves, *others)
        return value, slopes

    def ways(self, function: Callable[..., Any], tensors: tuple[Any, ...], grad: bool) -> dict[str, Callable[..., Any]]:
        """Under jit."""
        compiled = jax.jit(partial(self.value_and_grad, function) if grad else function)
        flat = jax.tree.leaves(tensors)
        return {"jax.jit": lambda *tensors: self.timed(lambda: compiled(*tensors), flat)()}

    def calling(self, tensors: Iterable[Any]) -> AbstractContextManager[Any]:
        """Enable double precision where a tensor has it; JAX would round its results to single."""
        wide = any(tensor.dtype == np.float64 for tensor in tensors)
        return jax.enable_x64(True) if wide else nullcontext()

    def written(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Do without the jit around a function; without any, JAX takes a hundred times as long."""
        return getattr(function, "__wrapped__", function) if hasattr(function, "lower") else function

    def generator(self, name: str, seed: int) -> Any:
        """Return a key, unless the name says that it is a seed."""
        return seed if name.endswith(("seed", "state")) else jax.random.PRNGKey(seed)

    def timed(self, call: Callable[[], Any], tensors: Iterable[Any]) -> Callable[[], Any]:
        """Return the call, waited for: JAX returns before the work is done."""
        given = list(tensors)

        def waited() -> Any:
            with self.calling(given):
                return jax.block_until_ready(call())

        return waited

    def devices(self) -> Mapping[str, Any]:
        """Return the devices of every platform, by platform and number; the first of each also without."""
        return by_kind((device.platform, device.id, device) for device in [*jax.devices("cpu"), *jax.devices()])


_FUNCTIONS = functions(jnp, relu=jax.nn.relu, lgamma=jax.scipy.special.gammaln, join=jnp.concatenate)
_VARIANTS: dict[str, Any] = {"compilers": {"jax.jit": jax.jit}, "maps": {"jax.vmap": jax.vmap}, "compiles_shapes": True}
ADAPTER = Jax("jax", _FUNCTIONS, (jax.Array,), jax.__version__, "0.8", **_VARIANTS)
