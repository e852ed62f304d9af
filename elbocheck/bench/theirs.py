"""The user's loss as a contender: read once, then called with the workload's arrays and nothing around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elbocheck.errors import CallError, UsageError
from elbocheck.kernels import elementary
from elbocheck.kernels.lift import lift
from elbocheck.loss import Loss
from elbocheck.roles import PREDICTIONS, Role
from elbocheck.shapes import Layout, discover, filled, ordinary
from elbocheck.verdict import Verdict

__all__ = ["Theirs", "read_theirs"]

sigmoid = lift(elementary.sigmoid)

NEGLIGIBLE = 1e-4  # of a value: a constant that float32 does not show
HARDEST = 10  # points at the front, chosen to be hard
SINGLE = 300  # calls that the errors of a loss which sums may cost
CONSTANT = (Role.Q_LOC, Role.Q_LOG_VAR)


@dataclass(frozen=True)
class Theirs:
    """A loss, and what it was read as.

    Attributes:
        loss: with its roles bound.
        family: of the likelihood that it implies.
        prediction: the role of its moving parameter.
        layout: shapes that it accepts.
        probs: whether the prediction is a probability where the workload has its logit.
    """

    loss: Loss
    family: str
    prediction: Role
    layout: Layout
    probs: bool

    @property
    def name(self) -> str:
        """What reports call it."""
        return self.loss.target

    def contenders(self, x: Any, moving: Any, grad: bool) -> dict[str, Callable[[], Any]]:
        """The loss on whole arrays; what it takes besides x and the prediction is ordinary."""
        inputs = self._inputs(x, sigmoid(moving) if self.probs else moving)
        if grad:
            call = self.loss.repeated_gradient(inputs, self.prediction)
            return {} if call is None else {self.name: call}
        return {self.name: self.loss.repeated(inputs)}

    def each(self, x: Any, moving: Any, truth: Any) -> Any:
        """Its value of single numbers as log densities: all numbers of a datum the same, the posterior the prior; its
        weight and its constant are those of two ordinary points. None where it cannot be called so, or takes
        probabilities, which do not hold what the logits do."""
        if self.probs:
            return None
        found = []
        try:
            for one, prediction in zip(x[:SINGLE], moving[:SINGLE], strict=True):
                values = {**{role: ordinary(role) for role in self.loss.roles}, **dict.fromkeys(CONSTANT, 0.0)}
                values |= {Role.X: float(one), self.prediction: float(prediction)}
                given = {role: value for role, value in values.items() if role in self.loss.roles}
                found.append(float(np.sum(self.loss(filled(self.layout, given, x.dtype)).value, dtype=np.float64)))
        except CallError:
            return None
        seen, known = np.array(found), truth[: len(found)]
        first, second = (int(np.argmin(np.abs(known - middle))) for middle in np.nanquantile(known, [0.3, 0.7]))
        slope = (seen[second] - seen[first]) / (known[second] - known[first])
        constant = seen[first] - slope * known[first]
        if abs(constant) > NEGLIGIBLE * abs(seen[first]):
            return known[first] + (seen - seen[first]) / slope
        return seen / np.median(seen[HARDEST:] / known[HARDEST:])  # a value of 0 stays one

    def _inputs(self, x: Any, moving: Any) -> Mapping[Role, Any]:
        layout = replace(self.layout, batch=len(x))
        values: dict[Role, Any] = {role: ordinary(role) for role in self.loss.roles}
        inputs = filled(layout, values, x.dtype)
        for role, array in ((Role.X, x), (self.prediction, moving)):
            if inputs[role].size != array.size:
                raise UsageError(
                    f"{self.name} takes {role} of shape {inputs[role].shape}, {array.shape} was asked: "
                    f"--shape {len(x)}x{inputs[role].size // len(x)}"
                )
            inputs[role] = np.ascontiguousarray(array.reshape(inputs[role].shape))
        return inputs


def read_theirs(verdict: Verdict, loss: Loss, size: int) -> Theirs:
    """Find how a loss that was verified is called with data of a size.

    Raises:
        UsageError: if its likelihood was not identified.
        CallError: if no shape is accepted.
    """
    model = verdict.model
    if model is None or model.family is None:
        raise UsageError(f"{loss.target}: no likelihood was identified ({verdict.reason}): name one with --family")
    prediction = next((role for role in PREDICTIONS if role in loss.roles), None)
    if prediction is None:
        raise UsageError(f"{loss.target}: no argument is a prediction; name one with --role ARG=prediction")
    single = np.dtype(np.float32)
    try:
        layout = discover(loss, {Role.X: (size,)}, single)
    except CallError:
        layout = discover(loss, {}, single)
    if layout.tileable and len(layout.event) == 1:
        layout = replace(layout, event=(size,), predicted=None)
    return Theirs(loss, model.family, prediction, layout, "probs=" in (model.likelihood or ""))
