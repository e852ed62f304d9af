"""The state of a flax.nnx model: its random streams are read without being moved on, its variables are put back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["state_kept", "streams_still"]


@contextmanager
def streams_still() -> Iterator[None]:
    """Let the streams of flax.nnx give one sequence of keys in every call, and count none of them.

    A count that moved on would give another loss to every call, and JAX forbids moving it while it differentiates.
    """
    stream = getattr(sys.modules.get("flax.nnx"), "RngStream", None)
    if stream is None:
        yield
        return
    original, given = stream.__call__, iter(range(sys.maxsize))

    def key(self: Any) -> Any:
        return sys.modules["jax"].random.fold_in(self.key[...], next(given))

    stream.__call__ = key
    try:
        yield
    finally:
        stream.__call__ = original


@contextmanager
def state_kept(model: Any) -> Iterator[None]:
    """Put the variables of a flax.nnx model back as they were; any other model has none of them."""
    nnx = sys.modules.get("flax.nnx")
    if nnx is None or not isinstance(model, nnx.Module):
        yield
        return
    before = sys.modules["jax"].tree.map(lambda array: array, nnx.state(model))
    try:
        yield
    finally:
        nnx.update(model, before)
