"""TensorFlow: eager, gradients by GradientTape, XLA."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from elbocheck.adapters.framework import Adapter, Array, Leaves, by_kind, functions, hush_tensorflow, lengthened, short

hush_tensorflow()

import tensorflow as tf  # noqa: E402  # it reads its log level when it is loaded
from tensorflow.python.eager import context as tf_context  # noqa: E402


@dataclass(frozen=True)
class TensorFlow(Adapter):
    """The adapter of losses that take and return TensorFlow tensors."""

    def tensor(self, array: Array) -> tf.Tensor:
        """Return a fresh tensor with the array's values and dtype."""
        with self.calling(()):
            made = tf.constant(array)
            return tf.cast(made, tf.bfloat16) if short(array) else made

    def array(self, value: Any) -> Array:
        """Return the tensor's values."""
        plain = np.asarray(value)
        return lengthened(plain) if plain.dtype == tf.bfloat16.as_numpy_dtype else plain

    def value_and_grad(self, function: Callable[..., Any], leaves: Leaves, *others: Any) -> tuple[Any, Leaves]:
        """Return the value and the slope of its sum; None where the tape finds no path."""
        with tf.GradientTape() as tape:
            tape.watch(leaves)
            value = function(leaves, *others)
        if not tf.is_tensor(value):
            return value, {}
        slopes = tape.gradient(value, leaves)  # of what tf.gather read it is a list of rows, IndexedSlices
        return value, {name: None if s is None else tf.convert_to_tensor(s) for name, s in slopes.items()}

    def ways(self, function: Callable[..., Any], _given: tuple[Any, ...], grad: bool) -> dict[str, Callable[..., Any]]:
        """Under XLA."""
        chosen = partial(self.value_and_grad, function) if grad else function
        compiled = tf.function(chosen, jit_compile=True)
        return {"tensorflow XLA": lambda *tensors: tf.nest.map_structure(np.asarray, compiled(*tensors))}

    def calling(self, _tensors: Iterable[Any]) -> AbstractContextManager[Any]:
        """Place what is made on the device."""
        context: AbstractContextManager[Any] = tf.device(self.device)
        return context

    def plainly(self) -> AbstractContextManager[Any]:
        """Do without tf.function."""
        after = ExitStack()
        after.callback(tf.config.run_functions_eagerly, tf.config.functions_run_eagerly())
        tf.config.run_functions_eagerly(True)
        return after

    def keeping(self) -> AbstractContextManager[Any]:
        """Put TensorFlow's global seed back, and what draws the seeds of its operations."""
        after = ExitStack()
        for name in ("_seed", "_rng"):  # there is no public door to them
            after.callback(setattr, tf_context.context(), name, getattr(tf_context.context(), name, None))
        return after

    def devices(self) -> Mapping[str, Any]:
        """Return the devices by kind and number, the first of each kind also without."""
        names = [device.name for device in tf.config.list_logical_devices()]
        return by_kind((*name.split(":")[-2:], name) for name in names)

    def seed(self, seed: int) -> None:
        """Seed TensorFlow's and NumPy's global generators."""
        super().seed(seed)
        tf.random.set_seed(seed % 2**31)


_FUNCTIONS = functions(
    tf.math, where=tf.where, join=tf.concat, sum=tf.reduce_sum, relu=tf.nn.relu, lgamma=tf.math.lgamma
)
_COMPILERS = {"tf.function": tf.function, "XLA": partial(tf.function, jit_compile=True)}
_KINDS = (tf.Tensor, tf.Variable)
ADAPTER = TensorFlow("tensorflow", _FUNCTIONS, _KINDS, tf.__version__, "2.18", compilers=_COMPILERS)
