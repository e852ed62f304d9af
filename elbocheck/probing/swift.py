"""Predict, then verify: the usual losses are taken apart in some twenty calls, all others are left to the thorough path.

Two or three calls of exact numbers give the weights that each guess would have; then every element, latent and datum of a
call differs from every other, over many decades, and the guess must give each value to the last bits that rounding leaves.
One such value proves that elements, data and terms add up, that all weigh the same and that nothing couples: a loss that is
built otherwise gives it with probability 0. Nothing is concluded from a miss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from math import inf, isfinite

import numpy as np

from elbocheck import budget
from elbocheck.anatomy import Anatomy, Reconstruction, Regulariser
from elbocheck.monomial import Monomial
from elbocheck.probing import scales
from elbocheck.probing.estimates import sample_role
from elbocheck.probing.growth import Growth, growth_of, slack
from elbocheck.probing.guess import FAR, GUESSES, TINY, Guess, Pair
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import event_axes, sizes, written
from elbocheck.probing.regulariser import read_as
from elbocheck.probing.residuals import SCALE_KINDS
from elbocheck.probing.structure import Structure, output_of
from elbocheck.probing.trial import Dare, Dice, Hypothesis, Trial, call, prediction_of, width_of
from elbocheck.roles import LIKELIHOOD_SCALES, POSTERIOR_SCALES, PREDICTIONS, Role

_MEAN = 2.0**10
"""A posterior mean whose square dwarfs a constant: exact in float32 after a sum over a few latents."""


def explained(probe: Probe, seed: int) -> Anatomy | None:
    """Return the anatomy of a usual loss, None where no guess gives every value to rounding."""
    prediction = prediction_of(probe.loss.roles)
    if not _usual(probe.loss.roles) or probe.layout.indexed:
        return None
    dice = Dice(probe, np.random.default_rng(seed), probe.layout, prediction)
    found = _hypothesis(probe, dice)
    if found is None:
        return None
    base = call(probe, {})
    growth = growth_of(probe, dice, found) if found.explains(probe, base) else None
    return None if growth is None else _anatomy(probe, found, growth, base.shape)


def _usual(roles: frozenset[Role]) -> bool:
    """Tell whether the roles are those of a usual loss: data, one prediction and its scale; a normal posterior; or both."""
    kinds = [roles & some for some in (PREDICTIONS, LIKELIHOOD_SCALES, POSTERIOR_SCALES)]
    predictions, widths, scale = kinds
    data = {Role.X, *predictions, *widths} if predictions else set()
    sample = sample_role(roles)
    posterior = {Role.Q_LOC, *scale} | ({sample} if sample else set()) if scale else set()
    return all(len(kind) < 2 for kind in kinds) and bool(roles) and roles == data | posterior


# --- Which hypothesis ---


def _hypothesis(probe: Probe, dice: Dice) -> Hypothesis | None:
    """Return the one hypothesis that every call at the probe's own layout confirms."""
    alive = _weighed(probe, dice)
    if not alive:
        return None
    guess = alive[0].guess
    closed = guess is not None and guess.closed
    for values in _dares(dice, closed=closed):
        trial = call(probe, values)
        if closed and not trial.finite and np.max(trial.arrays[Role.X]) > 1:
            continue  # a loss may refuse data that are no classes
        alive = [h for h in alive if trial.finite and h.explains(probe, trial)]
        if not alive:
            return None
    return alive[0] if _ends(probe, alive[0]) else None


def _weighed(probe: Probe, dice: Dice) -> list[Hypothesis]:
    """Return every guess with the weights that its exact numbers give."""
    scale = next((r for r in sorted(probe.loss.roles) if r in POSTERIOR_SCALES), None)
    sampled = sample_role(probe.loss.roles) is not None  # a sample has the spread that the name says
    exponents = (1.0,) if sampled or scale in (None, Role.Q_RAW_SCALE) else scales.EXPONENTS
    if dice.prediction is None:
        blank = [Hypothesis(None, None, scale, exponent=e) for e in exponents]
        return _with_divergence(probe, blank, {}, call(probe, {}))
    width = width_of(probe.loss.roles)
    guesses, origin, trials = _tried(probe, dice.prediction, width)
    energies = [h for g in guesses if (h := _with_energy(g, dice.prediction, scale, trials)) is not None]
    found = [
        replace(h, exponent=e, width=width, width_as=kind) for h, e, kind in product(energies, exponents, _kinds(width))
    ]
    return _with_divergence(probe, found, {Role.X: origin[0], dice.prediction: origin[1]}, trials[origin])


def _tried(probe: Probe, prediction: Role, width: Role | None) -> tuple[list[Guess], Pair, dict[Pair, Trial]]:
    """Return the guesses to weigh, a datum and its prediction where energies are 0 or nearly, and the calls at exact numbers.

    Predictions are probabilities where the loss is not finite at a far one.
    """
    trials = _calls(probe, prediction, {(0.0, FAR), (0.0, 0.0), (1.0, FAR)})
    if width is not None or all(trial.finite for trial in trials.values()):
        return [g for g in GUESSES if not g.closed and (width is None or g.growth)], (0.0, 0.0), trials
    closed = [g for g in GUESSES if g.closed]
    return closed, (0.0, TINY), _calls(probe, prediction, {pair for g in closed for pair in (g.high, g.low)})


def _calls(probe: Probe, prediction: Role, pairs: set[Pair]) -> dict[Pair, Trial]:
    """Return the loss at each datum and its prediction."""
    return {pair: call(probe, {Role.X: pair[0], prediction: pair[1]}) for pair in sorted(pairs)}


def _kinds(width: Role | None) -> tuple[str | None, ...]:
    """Return how the likelihood's scale may be read."""
    return SCALE_KINDS if width is not None else (None,)


def _with_energy(guess: Guess, prediction: Role, scale: Role | None, trials: dict[Pair, Trial]) -> Hypothesis | None:
    high, low = trials[guess.high], trials[guess.low]
    blank = Hypothesis(guess, prediction, scale)
    e_high, e_low = (float(np.sum(blank.energies(trial)[0])) for trial in (high, low))
    weight = (high.value - low.value) / (e_high - e_low)
    return replace(blank, energy=weight, constant=low.value - weight * e_low) if weight and isfinite(weight) else None


def _with_divergence(probe: Probe, found: list[Hypothesis], data: dict[Role, float], near: Trial) -> list[Hypothesis]:
    """Weigh the KL by a posterior mean far out; at the prior it is 0, so that one call is enough."""
    if Role.Q_LOC not in probe.loss.roles:
        return found
    sample = sample_role(probe.loss.roles)
    still = {} if sample is None else {sample: _MEAN if sample is Role.Z else 0.0}  # where an estimate is the KL itself
    far = call(probe, {**data, Role.Q_LOC: _MEAN, **still})
    weight = (far.value - near.value) / (0.5 * _MEAN**2)
    if not 0 < weight < inf:  # a KL that is turned over may be one that is pulled to a far target: not for here
        return []
    ways = (None,) if sample is None else (None, sample)
    return [
        replace(h, divergence=weight, constant=h.constant if h.guess else near.value, sample=way)
        for h in found
        for way in ways
    ]


def _dares(dice: Dice, *, closed: bool) -> Iterator[Dare]:
    """Yield what the hypotheses must predict: the terms alone where each is small, together where both are large."""
    wide, mild, near = (8.0, -3.0, 2.5), (1.5, -1.0, 1.0), (0.05, -0.05, 0.05)
    if closed:
        yield dice.predictions(0.05, 0.95) | dice.posterior(*wide)
        yield dice.probabilities(1e-9, 1e-9 if dice.probe.dtype == np.float64 else 1e-6)
        yield dice.predictions(0.3, 0.6) | dice.posterior(*near)
        yield dice.predictions(0.05, 0.95)
        yield dice.predictions(0.1, 0.9, top=12.0) | dice.posterior(*mild)
        return
    yield dice.predictions(-8.0, 8.0) | dice.posterior(*wide) | dice.width(-2.0, 2.0)
    if dice.prediction is not None:
        yield dice.residuals(1e-8, 1e-5)
        yield dice.residuals(3e-5, 3e-4, about=0.3, jitter=0.7)
        yield dice.residuals(1e-2, 1e-1, about=0.3, jitter=0.7)
        yield dice.predictions(-0.5, 2.0)
        yield dice.residuals(3.0, 30.0, jitter=12.0) | dice.posterior(*mild) | dice.width(-4.0, 4.0)
        yield dice.residuals(1e2, 1e4) | dice.posterior(*wide)
    yield _still(dice) | dice.posterior(*near) | dice.width(-4.0, 4.0)
    yield _still(dice) | dice.posterior(*wide)


def _still(dice: Dice) -> Dare:
    """Return data and predictions at which a residual is 0."""
    if dice.prediction is None:
        return {}
    return {Role.X: np.asarray(0.0), dice.prediction: np.asarray(0.0)}


def _ends(probe: Probe, found: Hypothesis) -> bool:
    """Tell whether probabilities above 1 are refused, as the thorough path asks of a prediction that is one."""
    if found.guess is None or not found.guess.closed or found.prediction is None:
        return True
    return not call(probe, {found.prediction: 2.5}).finite


# --- What it means ---


def _anatomy(probe: Probe, found: Hypothesis, growth: Growth, shape: tuple[int, ...]) -> Anatomy:
    axes, error = event_axes(probe.layout, probe.loss.adapter.name), budget.ratio_error(probe.dtype)
    energy = written(probe, found.energy, error, growth.energy, axes)
    divergence = written(probe, found.divergence, error, growth.divergence, axes)
    off = slack(probe, found)
    constant: Monomial | None = None
    if abs(found.constant) > off:
        known = max(off / abs(found.constant), error)
        constant = written(probe, found.constant, known, growth.constant, axes)
        constant = None if constant.irregular else constant
    return Anatomy(
        structure=Structure(
            output_of(probe, shape),
            shape,
            additive=True,
            separable=True,
            homogeneous=True,
            batch_coupled=False,
            broadcast=False,
            latent_homogeneous=True,
            latent_coupled=False,
        ),
        reconstruction=_reconstruction(probe, found, energy),
        regulariser=_regulariser(found, divergence),
        constant=constant,
        constant_value=found.constant,
        constant_error=off,
        event_axes=axes,
        derived=tuple(sorted(probe.stuck)),
        sizes=sizes(probe.layout, axes),
    )


def _reconstruction(probe: Probe, found: Hypothesis, weight: Monomial) -> Reconstruction | None:
    guess = found.guess
    if guess is None or found.prediction is None:
        return None
    return Reconstruction(
        found.prediction,
        guess.density,
        parameter=guess.parameter,
        link=guess.link,
        weight=weight,
        closed=guess.closed,
        scale_role=found.width,
        scale_as=found.width_as,
        normalizer_ratio=None if found.width is None else 1.0,
        agreement=float(probe.noise(1.0)),
    )


def _regulariser(found: Hypothesis, weight: Monomial) -> Regulariser | None:
    if not found.divergence:
        return None
    scale_as = None if found.scale is None else read_as(found.scale, found.exponent)
    sampled = found.sample is not None
    return Regulariser(scale_role=found.scale, scale_as=scale_as, pattern="kl", weight=weight, sampled=sampled)
