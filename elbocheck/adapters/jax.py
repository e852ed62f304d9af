"""JAX: formulas under jit, gradients by value_and_grad."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from elbocheck.adapters import Array
from elbocheck.adapters.kit import Contender, Formula, Kit

_M = SimpleNamespace(
    **{name: getattr(jnp, name) for name in ("abs", "exp", "log", "log1p", "where")},
    relu=jax.nn.relu,
    lgamma=jax.scipy.special.gammaln,
)


def _each(formula: Formula, x: Array, moving: Array) -> Array:
    with jax.enable_x64(x.dtype == np.float64):
        return np.asarray(formula(_M, jnp.asarray(x), jnp.asarray(moving)))


def _sums(formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
    wide = x.dtype == np.float64
    with jax.enable_x64(wide):
        compiled = jax.jit(lambda x, moving: formula(_M, x, moving).sum(-1))
        given = jnp.asarray(x), jnp.asarray(moving)

        def call() -> object:
            with jax.enable_x64(wide):
                return compiled(*given).block_until_ready()

    return {"jax.jit": call}


def _sums_and_grad(formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
    wide = x.dtype == np.float64

    def total(moving: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        value = formula(_M, x, moving).sum(-1)
        return value.sum(), value

    with jax.enable_x64(wide):
        compiled = jax.jit(jax.value_and_grad(total, has_aux=True))
        given = jnp.asarray(moving), jnp.asarray(x)

        def call() -> object:
            with jax.enable_x64(wide):
                return jax.block_until_ready(compiled(*given))

    return {"jax.jit": call}


KIT = Kit("jax", _each, _sums, _sums_and_grad, lambda _count: None)
