"""TensorFlow: formulas under XLA, gradients by GradientTape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import tensorflow as tf

from elbocheck.adapters import Array
from elbocheck.adapters.kit import Contender, Formula, Kit

_M = SimpleNamespace(
    abs=tf.abs, exp=tf.exp, log=tf.math.log, log1p=tf.math.log1p, where=tf.where, relu=tf.nn.relu, lgamma=tf.math.lgamma
)


def _each(formula: Formula, x: Array, moving: Array) -> Array:
    return np.asarray(formula(_M, tf.constant(x), tf.constant(moving)))


def _xla(function: Callable[..., Any], x: Array, moving: Array) -> Mapping[str, Contender]:
    compiled = tf.function(function, jit_compile=True)
    given = tf.constant(x), tf.constant(moving)
    return {"tensorflow XLA": lambda: [part.numpy() for part in tf.nest.flatten(compiled(*given))]}


def _sums(formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
    return _xla(lambda x, moving: tf.reduce_sum(formula(_M, x, moving), -1), x, moving)


def _sums_and_grad(formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
    def both(x: Any, moving: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(moving)
            value = tf.reduce_sum(formula(_M, x, moving), -1)
        return value, tape.gradient(value, moving)

    return _xla(both, x, moving)


KIT = Kit("tensorflow", _each, _sums, _sums_and_grad, lambda _count: None)
