"""Keras's global generator, which its random functions draw from that are given no seed: on each backend the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["kept", "seed"]


def _home() -> Any:
    """Return the module that holds it, where Keras is loaded; there is no public door to it."""
    return sys.modules.get("keras.src.random.seed_generator")


def seed(value: int) -> None:
    """Start it anew."""
    home = _home()
    if home is not None:
        home.global_seed_generator().state.assign(np.array([value % 2**32, 0], np.uint32))


@contextmanager
def kept() -> Iterator[None]:
    """Leave it as it was."""
    home = _home()
    if home is None:
        yield
        return
    state = home.global_seed_generator().state
    before = sys.modules["keras"].ops.copy(state.value)
    try:
        yield
    finally:
        state.assign(before)
