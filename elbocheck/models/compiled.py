"""A compiled Keras model as a loss: what its training step differentiates, for data that it is to reconstruct."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from elbocheck.errors import UsageError

__all__ = ["is_trainer", "training_loss"]


def is_trainer(target: object) -> bool:
    """Tell whether a target is a Keras model, compiled or not."""
    return all(callable(getattr(target, name, None)) for name in ("compute_loss", "train_on_batch", "compile"))


def training_loss(model: Any) -> Callable[[Any], Any]:
    """Return the loss of one training step of a model, with the losses that its layers add, as a function of the data.

    Raises:
        UsageError: the model is not compiled.
    """
    if not getattr(model, "compiled", False):
        raise UsageError(
            f"{type(model).__name__} is not compiled, so that it has no loss: call model.compile(loss=...), "
            "or name the function that computes it"
        )

    def loss(x: Any) -> Any:
        return model.compute_loss(x=x, y=x, y_pred=model(x, training=True), sample_weight=None, training=True)

    loss.__qualname__ = loss.__name__ = f"{type(model).__name__}.compute_loss"
    loss.__module__ = type(model).__module__
    return loss
