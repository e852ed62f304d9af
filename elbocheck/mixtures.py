"""How a loss whose likelihood is a mixture takes its components, and what it is where all components are alike.

A mixture of equal components is the component. Every array of the likelihood's parameters therefore stays as small as that of
one component while a loss is read, and is repeated along the axis of the components when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, prod

import numpy as np

from elbocheck.adapters import Array
from elbocheck.roles import LIKELIHOOD_SCALES, LIKELIHOOD_SHAPES, PREDICTIONS, Role

__all__ = ["SPREAD", "Mixture"]

SPREAD = PREDICTIONS | LIKELIHOOD_SCALES | LIKELIHOOD_SHAPES
"""What every component has its own of."""
COUNT = 6
"""Components of a call: a size that no other axis has."""


@dataclass(frozen=True)
class Mixture:
    """How a loss takes the components of a mixture.

    Attributes:
        count: how many components there are.
        last: their axis is the last of an array; else it is the first after the batch.
        shared: axes of a datum along which all elements have one component together; None: all of them.
        weights_as: what weighs them: `logits`, `log_probs` or `probs`.
    """

    count: int = COUNT
    last: bool = True
    shared: tuple[int, ...] | None = ()
    weights_as: str = "logits"

    def spread(self, inputs: Mapping[Role, Array]) -> dict[Role, Array]:
        """Return what the loss takes where all components are alike: parameters repeated, and equal weights."""
        found = {role: self.repeated(array) if role in SPREAD else array for role, array in inputs.items()}
        like = next(array for role, array in inputs.items() if role in SPREAD)
        found.setdefault(Role.MIXTURE, np.full(self.weights_shape(like.shape), self.equal, like.dtype))
        return found

    def repeated(self, array: Array) -> Array:
        """Return the parameters of one component as those of all."""
        return np.repeat(np.expand_dims(array, self.axis), self.count, self.axis)

    def joined(self, components: list[Array]) -> Array:
        """Return parameters of single components as one array."""
        return np.stack(components, self.axis)

    def added(self, role: Role, slopes: Array) -> Array:
        """Return the derivative by a parameter that all components share."""
        return np.asarray(slopes.sum(axis=self.axis)) if role in SPREAD else slopes

    @property
    def axis(self) -> int:
        """The axis of the components."""
        return -1 if self.last else 1

    @property
    def equal(self) -> float:
        """What equal weights are written as."""
        return {"logits": 0.0, "log_probs": -log(self.count), "probs": 1 / self.count}[self.weights_as]

    def alone(self, rank: int) -> tuple[int, ...]:
        """Return the axes of a datum of that many axes along which components are chosen one by one."""
        shared = range(rank) if self.shared is None else {axis % rank for axis in self.shared if rank}
        return tuple(axis for axis in range(rank) if axis not in shared)

    def sharing(self, event: tuple[int, ...]) -> int:
        """Return how many elements of a datum of that shape share a component."""
        return prod(event) // prod(event[axis] for axis in self.alone(len(event)))

    def weights_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the weights beside parameters of that shape, the batch first."""
        event = shape[1:]
        kept = tuple(event[axis] for axis in self.alone(len(event)))
        return (shape[0], *kept, self.count) if self.last else (shape[0], self.count, *kept)
