"""A likelihood over K classes: -log softmax(l)_y from logits l, or -l_y from log-probabilities, with y the class (Bridle 1990).

The data are the classes' indices, one integer for each datum or each of its pixels, or one-hot rows beside the logits, or
the logarithms of such rows. K is the last axis of the logits, or the first of a datum where a framework has it there.
Beside rows, one variable is K elements wide, so the weight of a variable
counts as that of an element times K, as for other likelihoods of D elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Reconstruction
from elbocheck.monomial import Monomial
from elbocheck.probing.fit import linear
from elbocheck.probing.probe import Probe, Values
from elbocheck.probing.reduction import weigh
from elbocheck.roles import Role
from elbocheck.shapes import Layout

_POINTS = 24
_FAR = 60.0
"""A logit so far below the others that its class has no probability left in float64."""

Energy = Callable[[Array, Array], Array]
"""(one-hot rows, logits) to nats, both of shape (points, K)."""


def from_logits(x: Array, logits: Array) -> Array:
    """Return -sum_k x_k log softmax(l)_k."""
    highest = np.max(logits, axis=-1, keepdims=True)
    shifted = logits - highest
    whole = np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    return np.asarray(np.sum(x * (whole - shifted), axis=-1))


def from_log_probs(x: Array, log_probs: Array) -> Array:
    """Return -sum_k x_k l_k."""
    return np.asarray(-np.sum(x * log_probs, axis=-1))


ENERGIES: dict[str, Energy] = {"logits": from_logits, "log_probs": from_log_probs}


def read(probe: Probe, role: Role, axes: tuple[str, ...]) -> tuple[Reconstruction, float, float] | None:
    """Return the likelihood, the constant that is left and its error; None where the values are no such thing."""
    for axis in _axes(probe.layout):
        for logs in (False,) if probe.layout.indexed else (False, True):
            if (
                _width(probe.layout, role, axis) > 1
                and (found := _along(probe, role, axes, axis, logs=logs)) is not None
            ):
                return found
    return None


def _along(
    probe: Probe, role: Role, axes: tuple[str, ...], axis: int, *, logs: bool
) -> tuple[Reconstruction, float, float] | None:
    """Return the same with the classes along one axis, the data one-hot rows or their logarithms."""
    count = _width(probe.layout, role, axis)
    rng = np.random.default_rng(0)
    logits = probe.cast(rng.uniform(-4, 4, (_POINTS, count)))
    x = np.eye(count)[np.arange(_POINTS) % count]
    given = (x - 1) * _FAR if logs else x
    values = np.array([_value(probe, role, axis, a, b) for a, b in zip(given, logits, strict=True)])
    if not np.all(np.isfinite(values)):
        return None
    for parameter, energy in ENERGIES.items():
        cost = energy(x, logits)
        noise = probe.noise(values, cost, np.max(np.abs(logits), axis=1)) + probe.floor
        fit = linear(np.stack([cost, np.ones(_POINTS)], axis=1), values, noise)
        weight, constant = map(float, fit.coefficients)
        if fit.explains and abs(weight) > 4 * fit.errors[0]:
            error = max(float(fit.errors[0]) / abs(weight), budget.ratio_error(probe.dtype))
            whole = _weighed(probe, role, axis, axes, weight, error, logs=logs)
            read_as = Reconstruction(role, "categorical", parameter, weight=whole, log_data=logs)
            return read_as, constant, float(fit.errors[1])
    return None


def _axes(layout: Layout) -> Iterator[int]:
    """Yield the places that the classes may have in the prediction."""
    if not layout.indexed or not layout.classes_first:
        yield -1
    if layout.classes_first or (not layout.indexed and len(layout.event) > 1):
        yield 1


def _width(layout: Layout, role: Role, axis: int) -> int:
    """Return K; 0 where data and logits have different shapes and the data are no indices."""
    if not layout.indexed and layout.predicted is not None:
        return 0
    return layout.shape(role)[axis]


def _value(probe: Probe, role: Role, axis: int, x: Array, logits: Array, layout: Layout | None = None) -> float:
    """Return the loss where every variable has this class and these logits."""
    there = layout or probe.layout
    data: float | Array = float(np.argmax(x)) if there.indexed else _spread(x, there.shape(Role.X), axis)
    values: Values = {Role.X: data, role: _spread(logits, there.shape(role), axis)}
    return probe(values, layout)


def _spread(row: Array, shape: tuple[int, ...], axis: int) -> Array:
    """Return the row along one axis of an array of that shape, repeated along the others."""
    return np.moveaxis(np.broadcast_to(row, (*np.delete(shape, axis), row.size)), -1, axis)


def _weighed(
    probe: Probe, role: Role, axis: int, axes: tuple[str, ...], weight: float, error: float, *, logs: bool
) -> Monomial:
    """Return the weight of K elements: the cost of a wrong class is the same whatever K, if two of them hold all."""

    def amplitude(layout: Layout) -> float:
        count = layout.shape(role)[axis]
        x, near, far = (np.full(count, v) for v in (0.0, -_FAR, -_FAR))
        x[0], near[:2], far[:2] = 1.0, (0.0, 0.0), (-1.0, 0.0)
        given = (x - 1) * _FAR if logs else x
        return _value(probe, role, axis, given, far, layout) - _value(probe, role, axis, given, near, layout)

    found = weigh(probe, weight, error, amplitude, axes)
    if probe.layout.indexed and axes:  # a datum holds one index for each variable: K is not among its sizes
        return found
    classes = "D" if len(axes) < 2 else axes[axis if axis < 0 else axis - 1]
    return found * Monomial(1.0, {classes: 1})
