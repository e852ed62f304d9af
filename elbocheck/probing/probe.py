"""One call of a loss as one number: arrays filled with a few values, the outputs added up in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isnan, nan, prod, sqrt

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.errors import CallError
from elbocheck.floats import eps, held
from elbocheck.loss import Loss
from elbocheck.roles import LIKELIHOOD_SHAPES, POSITIVE, POSTERIOR_SCALES, PREDICTIONS, Role
from elbocheck.shapes import OTHER_SHAPE, Layout, filled, ordinary

Values = Mapping[Role, float | Array]
DATA = ((0.0, 1.0), (0.4, 0.9))


@dataclass(eq=False)
class Probe:
    """The loss as a function of a few numbers.

    A number given for a role fills its whole array, so the total weight of a term is read off at full precision.

    Attributes:
        loss: the loss.
        layout: the sizes of a call.
        dtype: what the arrays are made of.
        points: how many values were taken.
        stuck: sizes that the loss does not let grow.
    """

    loss: Loss
    layout: Layout
    dtype: np.dtype
    points: int = 0
    stuck: set[str] = field(default_factory=set)

    @cached_property
    def floor(self) -> float:
        """The rounding error of a call at ordinary values, measured: sixth differences leave nothing of a smooth loss."""
        role = next((r for r in sorted(self.loss.roles) if r in PREDICTIONS or r is Role.Q_LOC), None)
        if role is None:
            return 0.0
        start, step = float(np.asarray(self.base[role])) or 0.7, 1e-4 if eps(self.dtype) < 1e-10 else 2e-3
        values = self.curve([{role: start + step * k} for k in range(13)])
        if not np.all(np.isfinite(values)):
            return 0.0
        return float(4 * np.max(np.abs(np.diff(values, 6)))) / sqrt(924)  # the sum of the squared binomials of 6

    @cached_property
    def data(self) -> tuple[float, float]:
        """Two data that the loss takes: the classes 0 and 1, or two positive numbers below 1."""
        moved = dict.fromkeys(self.loss.roles & LIKELIHOOD_SHAPES, OTHER_SHAPE)
        return next((pair for pair in DATA if all(np.isfinite(self({Role.X: x, **moved})) for x in pair)), DATA[0])

    @property
    def base(self) -> dict[Role, float | Array]:
        """Ordinary values; for the posterior those of the prior, where a right KL is 0."""
        return {role: self.layout.datum if role is Role.X else ordinary(role) for role in self.loss.roles}

    @property
    def off_prior(self) -> dict[Role, float]:
        """A posterior off the prior, where a KL counts."""
        at = {Role.Q_LOC: 1.25, Role.Q_LOG_VAR: 0.75, Role.Q_LOG_SCALE: 0.5, Role.Q_SCALE: 1.5, Role.Q_VAR: 2.25}
        at[Role.Q_RAW_SCALE] = 1.25
        return {role: value for role, value in at.items() if role in self.loss.roles}

    def inputs(self, values: Values, layout: Layout | None = None) -> dict[Role, Array]:
        """Return the arrays of one call."""
        return filled(layout or self.layout, {**self.base, **values}, self.dtype)

    def raw(self, values: Values, layout: Layout | None = None) -> Array:
        """Return the loss as it comes (scalar, per datum, per element), in float64; NaN where it raises."""
        self.points += 1
        try:
            return self.loss(self.inputs(values, layout)).value.astype(np.float64)
        except CallError:
            return np.asarray(nan)

    def __call__(self, values: Values, layout: Layout | None = None) -> float:
        """Return the sum of the outputs; NaN where the loss raises."""
        random = next((r for r in (Role.Z, Role.EPS) if r in self.loss.roles and r not in values), None)
        if random is not None:
            return self._averaged(random, values, layout)
        with np.errstate(over="ignore"):
            return float(np.sum(self.raw(values, layout)))

    def _averaged(self, random: Role, values: Values, layout: Layout | None) -> float:
        """Integrate over the noise, or over z = m + sigma * noise: three Gauss-Hermite nodes are exact for a Gaussian."""
        given = {**self.base, **values}
        if random is Role.Z and Role.Q_KAPPA in given:  # log q is linear in z: its mean is exact
            return self({**values, Role.Z: self._resultant(given, layout or self.layout)}, layout)
        loc, spread = np.asarray(given.get(Role.Q_LOC, 0.0)), self._sigma(given)
        if random is Role.EPS:
            loc, spread = np.asarray(0.0), np.asarray(1.0)
        nodes = ((-sqrt(3.0), 1 / 6), (0.0, 2 / 3), (sqrt(3.0), 1 / 6))
        return sum(w * self({**values, random: loc + spread * node}, layout) for node, w in nodes)

    def _resultant(self, given: Values, layout: Layout) -> Array:
        """Return the mean of a draw from a von Mises-Fisher posterior."""
        from elbocheck.divergences import sphere  # brings Numba, which others do not pay for

        arrays = filled(layout, {r: given[r] for r in (Role.Q_LOC, Role.Q_KAPPA) if r in given}, self.dtype)
        kappa = arrays[Role.Q_KAPPA].astype(np.float64).reshape(layout.batch, *(1,) * len(layout.latent))
        return np.asarray(arrays.get(Role.Q_LOC, np.asarray(1.0)) * sphere.resultant(layout.latents, kappa))

    def _sigma(self, given: Values) -> Array:
        for role in POSTERIOR_SCALES & set(given):
            return spread_of(role, np.asarray(given[role], dtype=np.float64))
        return np.asarray(1.0)

    def curve(self, points: Sequence[Values]) -> Array:
        """Return the value at each point."""
        return np.array([self(values) for values in points])

    def table(self, columns: Mapping[Role, Array]) -> Array:
        """Return the value at each row of columns of numbers: in one call where the loss tells data apart."""
        rows = [dict(zip(columns, map(float, row), strict=True)) for row in zip(*columns.values(), strict=True)]
        held, worth = self._held_noise(columns)
        if not self.tells_data_apart or any(self.layout.shape(role) == () for role in columns):
            return self.curve([{**row, **held} for row in rows]) + worth
        layout = replace(self.layout, batch=len(rows))
        arrays = {
            role: np.broadcast_to(c.reshape(-1, *(1,) * len(layout.shape(role)[1:])), layout.shape(role))
            for role, c in columns.items()
        }
        found = self.raw({**arrays, **held}, layout)
        if not found.ndim or len(found) != len(rows) or np.isnan(found).all():
            return self.curve([{**row, **held} for row in rows]) + worth
        return np.asarray(self.layout.batch * found.reshape(len(rows), -1).sum(axis=1)) + worth

    def _held_noise(self, columns: Mapping[Role, Array]) -> tuple[dict[Role, float], float]:
        """Return the sample that data and predictions are varied at, and how far the mean over samples lies above that."""
        role = next((r for r in (Role.Z, Role.EPS) if r in self.loss.roles), None)
        if role is None or columns.keys() & {role, Role.Q_LOC, *POSTERIOR_SCALES}:
            return {}, 0.0
        held: dict[Role, float] = {role: ordinary(role)}
        return held, self({}) - self(held)

    @cached_property
    def tells_data_apart(self) -> bool:
        """Whether the loss returns values for each datum that depend on that datum alone, for a batch of any size."""
        if Role.X not in self.loss.roles:
            return False
        role = next((r for r in sorted(self.loss.roles) if r in PREDICTIONS), None)
        before = self.raw({})
        if role is None or not before.ndim or len(before) != self.layout.batch or self.layout.batch == 1:
            return False
        layout = replace(self.layout, batch=3)
        levels = np.array([0.3, 0.75, 0.6]).reshape(-1, *(1,) * len(layout.shape(role)[1:]))
        together = self.raw({role: np.broadcast_to(levels, layout.shape(role))}, layout)
        if together.shape[:1] != (3,):
            return False
        alone = [self.raw({role: float(v)}) for v in levels.flat]
        return all(np.array_equal(t, a[0], equal_nan=True) for t, a in zip(together, alone, strict=True))

    def accepts(self, values: Values) -> bool:
        """Tell whether the loss is defined at a point: neither raising nor NaN."""
        return not isnan(self(values))

    def noise(self, *magnitudes: float | Array) -> Array:
        """Return the rounding error to expect of a total of the given size."""
        count = prod(self.layout.shape(Role.X)) + prod(self.layout.shape(Role.Q_LOC))
        total = np.sum([np.abs(m) for m in np.broadcast_arrays(*magnitudes)], axis=0)
        return np.asarray(budget.sum_noise(count, self.dtype) * total)

    def cast(self, values: Array) -> Array:
        """Return the float64 values that the loss really sees in its dtype."""
        return held(values, self.dtype).astype(np.float64)


def softplus(raw: Array) -> Array:
    """Return log(1 + e^raw), the positive number that a raw value of an encoder stands for."""
    return np.asarray(np.logaddexp(0.0, raw))


_FAR_DOWN = -40.0
"""Where e^s is below the rounding of s in float64."""


def spread_of(role: Role, value: Array) -> Array:
    """Return the standard deviation that a posterior or likelihood scale argument stands for."""
    kind = role.value.removeprefix("q_").removeprefix("p_")
    if kind == "scale":
        return value
    if kind == "raw_scale":
        return softplus(value)
    if kind == "var":
        return np.sqrt(np.where(value < 0, np.nan, value))
    with np.errstate(over="ignore"):
        return np.exp(value if kind == "log_scale" else value / 2)


def log_var_of(role: Role, argument: Array) -> Array:
    """Return the log variance that a scale argument stands for."""
    kind = role.value.removeprefix("q_").removeprefix("p_")
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "raw_scale":  # far down log(softplus(s)) is s to within e^s / 2
            return np.asarray(2 * np.where(argument < _FAR_DOWN, argument, np.log(softplus(argument))))
        logs = np.log(argument) if kind in ("scale", "var") else argument
    return np.asarray(logs if kind in ("var", "log_var") else 2 * logs)


def argument_of(role: Role, log_var: Array) -> Array:
    """Return the argument that stands for a log variance: the inverse of log_var_of."""
    kind = role.value.removeprefix("q_").removeprefix("p_")
    if kind in ("log_scale", "scale", "raw_scale"):
        log_var = log_var / 2
    with np.errstate(over="ignore", divide="ignore"):
        if kind == "raw_scale":
            spread = np.exp(log_var)
            return np.asarray(np.where(log_var < _FAR_DOWN, log_var, spread + np.log(-np.expm1(-spread))))
        return np.exp(log_var) if role in POSITIVE else np.asarray(log_var)
