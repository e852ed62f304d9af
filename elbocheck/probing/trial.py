"""Calls on arrays whose elements all differ, and what a hypothesis says that they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.estimates import sample_role
from elbocheck.probing.guess import Guess, estimate, inner_of_kl, kl
from elbocheck.probing.probe import Probe, argument_of, log_var_of, spread_of
from elbocheck.roles import LIKELIHOOD_SCALES, POSTERIOR_SCALES, PREDICTIONS, Role
from elbocheck.shapes import Layout

Arrays = Mapping[Role, Array]
Dare = dict[Role, Array]
"""Arrays for some roles; the others stay at the base point."""


@dataclass(frozen=True)
class Trial:
    """One call.

    Attributes:
        layout: its sizes.
        arrays: what it was given, as the loss sees it in its dtype.
        rows: what it gave: one number for each datum where the loss returns them, else one.
        shape: of the result as it came.
    """

    layout: Layout
    arrays: Arrays
    rows: Array
    shape: tuple[int, ...] = ()

    @property
    def finite(self) -> bool:
        """Whether the loss is defined there."""
        return bool(np.all(np.isfinite(self.rows)))

    @property
    def value(self) -> float:
        """The sum of the outputs."""
        return float(np.sum(self.rows))


def call(probe: Probe, values: Mapping[Role, float | Array], layout: Layout | None = None) -> Trial:
    """Call the loss once: numbers fill their arrays, roles without a value are at the base point."""
    here = layout or probe.layout
    arrays = {role: probe.cast(array) for role, array in probe.inputs(values, here).items()}
    found = probe.raw(arrays, here)
    rows = found.reshape(here.batch, -1).sum(axis=1) if found.ndim and len(found) == here.batch else found.reshape(-1)
    return Trial(here, arrays, rows, found.shape)


@dataclass(frozen=True)
class Terms:
    """The share of each row in the means over a call.

    Attributes:
        e: of the energy.
        inner_e: of the size of what it is made of.
        k: of the KL.
        inner_k: of the size of what that is made of.
    """

    e: Array
    inner_e: Array
    k: Array
    inner_k: Array


@dataclass(frozen=True)
class Hypothesis:
    """value = energy mean(E) + divergence mean(KL) + constant.

    Attributes:
        guess: the likelihood; None for a divergence alone.
        prediction: the role of the prediction.
        scale: the role of the posterior's scale, where the loss takes one.
        exponent: c where its log variances enter as c t.
        width: the role of the likelihood's scale, where the loss takes one.
        width_as: how that is read.
        sample: the role of the noise or sample that the KL is estimated from; None where it is in closed form.
        energy: A, of a call at the probe's own layout.
        divergence: B, of the same.
        constant: C, of the same.
    """

    guess: Guess | None
    prediction: Role | None
    scale: Role | None
    exponent: float = 1.0
    energy: float = 0.0
    divergence: float = 0.0
    constant: float = 0.0
    width: Role | None = None
    width_as: str | None = None
    sample: Role | None = None

    def grown(self, energy: int, divergence: int) -> Hypothesis:
        """Return the hypothesis with both weights doubled so many times."""
        return replace(self, energy=self.energy * 2.0**energy, divergence=self.divergence * 2.0**divergence)

    def energies(self, trial: Trial) -> tuple[Array, Array]:
        """Return the share of each row in the mean energy, and in the mean of what it is made of."""
        if self.guess is None or self.prediction is None:
            return np.zeros_like(trial.rows), np.zeros_like(trial.rows)
        x, r = (trial.arrays[role].reshape(trial.layout.batch, -1) for role in (Role.X, self.prediction))
        with np.errstate(all="ignore"):
            if self.width is None or self.width_as is None:
                return _shares(self.guess.energy(x, r), trial), _shares(self.guess.inner(x, r), trial)
            width = spread_of(Role(self.width_as), trial.arrays[self.width].reshape(trial.layout.batch, -1))
            energy = self.guess.energy(np.zeros_like(x), (r - x) / width) + np.log(width)
            return _shares(energy, trial), _shares(1 + np.abs(np.log(width)), trial)

    def divergences(self, trial: Trial) -> tuple[Array, Array]:
        """Return the same of the KL."""
        if Role.Q_LOC not in trial.arrays:
            return np.zeros_like(trial.rows), np.zeros_like(trial.rows)
        m = trial.arrays[Role.Q_LOC]
        t = np.zeros_like(m)
        if self.scale is not None:
            t = self.exponent * log_var_of(self.scale, trial.arrays[self.scale])
        value, inner = kl(m, t), inner_of_kl(m, t)
        if self.sample is not None:
            given = trial.arrays[self.sample]
            value, inner = estimate(m, t, given if self.sample is Role.Z else m + np.exp(t / 2) * given)
        if not m.any() and not np.ptp(t):  # at the base point rounding is the same in every call: part of the constant
            inner = np.zeros_like(m)
        return _shares(value, trial), _shares(inner, trial)

    def terms(self, trial: Trial) -> Terms:
        """Return what the terms are at a trial."""
        return Terms(*self.energies(trial), *self.divergences(trial))

    def explains(self, probe: Probe, trial: Trial, terms: Terms | None = None) -> bool:
        """Tell whether every row is what the hypothesis says, to within the rounding of the terms it is made of."""
        at = terms or self.terms(trial)
        energy, divergence, constant = self.energy * at.e, self.divergence * at.k, self.constant / trial.rows.size
        inner = abs(self.energy) * at.inner_e + abs(self.divergence) * at.inner_k
        off = np.abs(trial.rows - (energy + divergence + constant))
        return bool(np.all(off <= probe.noise(trial.rows, energy, divergence, constant, inner)))


def _shares(terms: Array, trial: Trial) -> Array:
    rows = terms.reshape(trial.layout.batch, -1).sum(axis=1) / terms.size
    return rows if trial.rows.size == trial.layout.batch else np.atleast_1d(rows.sum())


@dataclass(frozen=True)
class Dice:
    """Random arrays for a layout, every element different.

    Attributes:
        probe: the loss.
        rng: of every random choice.
        layout: the sizes.
        prediction: the role of the prediction, if any.
    """

    probe: Probe
    rng: np.random.Generator
    layout: Layout
    prediction: Role | None

    def residuals(self, low: float, high: float, *, about: float = 0.0, jitter: float = 0.0) -> Dare:
        """Return data in [about, about + jitter] and predictions off by log-uniform residuals of both signs, ends included."""
        if self.prediction is None:
            return {}
        shape = self.layout.shape(self.prediction)
        size = np.exp(self.rng.uniform(np.log(low), np.log(high), shape))
        size.flat[0], size.flat[-1] = low, high
        x = about + jitter * self.rng.random(shape)
        found = self.probe.cast(x) + size * self.rng.choice([-1.0, 1.0], shape)
        return {Role.X: x.reshape(self.layout.shape(Role.X)), self.prediction: found}

    def predictions(self, low: float, high: float, *, top: float = 1.0) -> Dare:
        """Return predictions spread over an interval, ends included, and data: a third 0, a third `top`, the rest between."""
        if self.prediction is None:
            return {}
        shape = self.layout.shape(self.prediction)
        r = self.rng.uniform(low, high, shape)
        r.flat[0], r.flat[-1] = low, high
        return {Role.X: self._classes(top), self.prediction: r}

    def probabilities(self, least: float, least_below_one: float) -> Dare:
        """Return probabilities log-spaced towards both ends, and data in all classes."""
        if self.prediction is None:
            return {}
        shape = self.layout.shape(self.prediction)
        count = prod(shape)
        rising = np.geomspace(least, 0.1, (count + 1) // 2)
        falling = 1 - np.geomspace(least_below_one, 0.1, count // 2)
        r = self.rng.permutation(np.concatenate([rising, falling]))
        x = np.where(r < 0.5, 1.0, 0.0) * np.where(self.rng.random(count) < 0.8, 1.0, 0.5)
        order = np.argsort(r)
        x[order[[0, -1]]] = 1.0, 0.0  # the ends count in full
        return {Role.X: x.reshape(self.layout.shape(Role.X)), self.prediction: r.reshape(shape)}

    def posterior(self, spread: float, low: float, high: float) -> Dare:
        """Return means within `spread` and log variances in [low, high], one latent at the far end of both, one at the prior."""
        if Role.Q_LOC not in self.probe.loss.roles:
            return {}
        shape = self.layout.shape(Role.Q_LOC)
        m, t = self.rng.uniform(-spread, spread, shape), self.rng.uniform(low, high, shape)
        m.flat[0], m.flat[-1] = -spread, 0.0
        t.flat[0], t.flat[1], t.flat[-1] = high, low, 0.0
        role = next((r for r in self.probe.loss.roles if r in POSTERIOR_SCALES), None)
        return {Role.Q_LOC: m} | ({} if role is None else {role: argument_of(role, t)}) | self._sample(m, t)

    def _sample(self, m: Array, t: Array) -> Dare:
        """Return a sample of the posterior, or its noise, where the loss takes one."""
        role = sample_role(self.probe.loss.roles)
        noise = self.rng.uniform(-2.0, 2.0, m.shape)
        return {} if role is None else {role: noise if role is Role.EPS else m + np.exp(t / 2) * noise}

    def width(self, low: float, high: float) -> Dare:
        """Return scales of the likelihood with log variances in [low, high], where the loss takes any."""
        role = width_of(self.probe.loss.roles)
        if role is None:
            return {}
        return {role: argument_of(role, self.rng.uniform(low, high, self.layout.shape(role)))}

    def _classes(self, top: float) -> Array:
        shape = self.layout.shape(Role.X)
        x = top * self.rng.random(shape)
        kind = self.rng.integers(0, 3, shape)
        return np.where(kind == 0, 0.0, np.where(kind == 1, top, x))


def prediction_of(roles: frozenset[Role]) -> Role | None:
    """Return the role of the prediction."""
    return next((r for r in sorted(roles) if r in PREDICTIONS), None)


def width_of(roles: frozenset[Role]) -> Role | None:
    """Return the role of the likelihood's scale."""
    return next((r for r in sorted(roles) if r in LIKELIHOOD_SCALES), None)
