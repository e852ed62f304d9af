"""The parameters of a family that was found, as well as its dtype tells them: more probes where they show most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.probing.joint import State, fitted, inverse
from elbocheck.probing.leverage import chosen, places
from elbocheck.probing.match import Match
from elbocheck.probing.parametric import Parametric
from elbocheck.probing.points import Points, measure
from elbocheck.probing.probe import Probe
from elbocheck.roles import PREDICTIONS, Role

SCOUTS, CROWD, GROWTH = 48, 4000, 4
"""Places of a first round, whose rounding tells what more would bring; those among which a round chooses; times as many
in each round as in the one before."""
SPARE = 0.7
"""Of the error aimed at, since the rounding of the next places is not known yet."""
MOST, NEARER, NEAREST = 0.75, 4.0, 0.05
"""Of the places probed that bear the family out at the least, lest the next be nearer, by so many times: a guard or a clamp
ends where they do; the nearest that are tried, of all decades."""
WORSE = 1.5
"""Times a claim that more values may raise it to by chance."""
HOPELESS = 4.0
"""Times what the dtype can tell: where all calls would leave a standard error beyond, they are not spent."""
FUTILE = 0.5
"""Of what the dtype can tell: what chance may take of a claim, although the rest alone is beyond."""


def sharpened(probe: Probe, best: Match, where: str) -> Match:
    """Return a match with its weight and parameters fitted together, and with an error that its own values tell.

    Where that error is beyond what the dtype can tell, more places are probed: those that tell most, as far as calls allow.

    Args:
        probe: the loss.
        best: what it was matched with.
        where: predictions may lie.
    """
    law = _law(best)
    state = None if law is None else _started(law, probe, best)
    if law is None or state is None:
        return _as_fitted(best)
    state = _closer(law, probe, state, where)
    weight, parameters = law.read(state.vector)
    return replace(
        best,
        weight=weight,
        error=float(state.claims[0]) * abs(weight),
        parameters=parameters,
        parameter_error=float(np.max(state.claims[1:])),
    )


def _as_fitted(best: Match) -> Match:
    """Return the match with an error of parameters that are quotients of weights, not shapes."""
    if len(best.fitted.shapes) == len(best.parameters):
        return best
    return replace(best, parameter_error=max(best.parameter_error, 2 * best.error / abs(best.weight)))


def _law(best: Match) -> Parametric | None:
    """Return the match as a function of its parameters; None where it has none, or something else is to be fitted too."""
    points, candidate = best.points, best.fitted
    learned = any(a is not None for a in (points.scale, points.delta, points.shape, candidate.normalizer))
    if not best.parameters or best.deviation or learned:
        return None
    own = candidate.read(best.coefficients, [g.name for g in candidate.shapes], best.shapes)[1]
    told = best.candidate.datum if set(own) != set(best.parameters) else None
    x, count, parameters = np.unique(points.x), best.coefficients.size, best.parameters
    if told is None:
        return Parametric(candidate, count, best.datum == "whole", None, x, free=best.datum == "other")
    x = x[np.isfinite(told(x, parameters))]
    return Parametric(candidate, count, True, lambda data: told(data, parameters), x)


def _started(law: Parametric, probe: Probe, best: Match) -> State | None:
    """Return the fit at the probes that the family was found by."""
    weights = [*best.coefficients, best.weight] if law.direction is not None else [*best.coefficients]
    shapes = [np.log(s) if g.positive else s for s, g in zip(best.shapes, law.candidate.shapes, strict=True)]
    count = law.data.size if law.free else 1
    vector = np.array([*weights, *np.zeros(count), *shapes])
    if not law.smooth(vector):
        return None
    points = best.points.keep(np.isfinite(law.terms(best.points, vector).sum(axis=0)))
    if points.value.size < 4 * vector.size:
        return None
    rest = points.value - law.terms(points, vector).sum(axis=0)
    each = [rest[points.x == x] for x in law.data] if law.free else [rest]
    vector[len(weights) : len(weights) + count] = [np.median(one) if one.size else 0.0 for one in each]
    return fitted(law, probe, points, vector)


def _closer(law: Parametric, probe: Probe, state: State, where: str) -> State:
    """Probe on while parameters are not known to what the dtype tells, until calls are spent or nothing more is told."""
    rng, enough, reach, count = np.random.default_rng(0), budget.parameter_error(probe.dtype), 1.0, SCOUTS
    left = budget.PARAMETER_CALLS.get(probe.loss.adapter.name, budget.OTHER_CALLS)
    while left > 0 and reach > NEAREST and np.any(state.chance > _wanted(probe, state)):
        crowd = _crowd(law, probe, where, reach, rng)
        picked, errors = _picked(law, probe, state, crowd, min(count, left))
        reached = float(np.max(errors[1:])) * np.sqrt(len(picked) / left)
        if count > SCOUTS and reached > HOPELESS * enough:
            break
        found = measure(probe, crowd[picked], (Role.X, next(r for r in probe.loss.roles if r in PREDICTIONS)))
        left -= len(picked)
        borne = _borne_out(law, probe, state, found)
        closer = None
        if np.count_nonzero(borne) >= MOST * len(picked):
            closer = fitted(law, probe, state.points.joined(found.keep(borne)), state.vector)
        if closer is not None and _agrees(law, state, closer):
            count, state = GROWTH * count, closer
        else:
            reach /= NEARER
    return state


def _agrees(law: Parametric, state: State, closer: State) -> bool:
    """Tell whether a fit to more values is none that they made worse, and moves nothing by more than was claimed."""
    (weight, parameters), (other, others) = law.read(state.vector), law.read(closer.vector)
    moved = np.log(np.abs([other, *others.values()])) - np.log(np.abs([weight, *parameters.values()]))
    return bool(np.all(np.abs(moved) <= state.claims + closer.claims) and np.all(closer.claims <= WORSE * state.claims))


def _wanted(probe: Probe, state: State) -> Array:
    """Return what more values should lessen their share of the claims to."""
    enough = budget.parameter_error(probe.dtype)
    return np.asarray(np.maximum(enough - state.floor, FUTILE * enough))


def _crowd(law: Parametric, probe: Probe, where: str, reach: float, rng: np.random.Generator) -> Array:
    """Return places to choose among, as the loss sees them, shape (places, 2)."""
    grid = probe.cast(places(where, probe.layout.datum, CROWD, reach, rng))
    if law.free:
        grid[:, 0] = rng.choice(law.data, len(grid))
    return grid[np.all(np.isfinite(grid), axis=1)]


def _picked(law: Parametric, probe: Probe, state: State, crowd: Array, most: int) -> tuple[list[int], Array]:
    """Choose places; return the rows of the crowd, and the standard errors that they will leave."""
    points = Points(crowd[:, 0], crowd[:, 1], None, None, np.zeros(len(crowd)))
    value, slopes = law.terms(points, state.vector).sum(axis=0), law.tangents(points, state.vector)
    usable = np.all(np.isfinite(slopes), axis=1) & (np.abs(value) < np.finfo(probe.dtype).max)
    value = np.where(usable, value, 0.0)
    noise = np.where(usable, law.noise(probe, points, state.vector), 1.0)
    slopes = np.where(usable[:, None], slopes, 0.0) / state.grades.deviation(probe, value, noise)[:, None]
    now = law.tangents(state.points, state.vector) / state.deviation[:, None]
    target = SPARE * float(np.min(_wanted(probe, state))) / budget.DEVIATIONS
    return chosen(slopes, now.T @ now, law.meaning(state.vector), SCOUTS, most, target)


def _borne_out(law: Parametric, probe: Probe, state: State, found: Points) -> Array:
    """Tell which values are what the fit so far says, to within the rounding and what it does not know yet."""
    by_value = inverse(law.tangents(state.points, state.vector), state.deviation)
    unknown = np.linalg.norm(law.tangents(found, state.vector) @ (by_value * state.noise), axis=1)
    off = np.abs(found.value - law.terms(found, state.vector).sum(axis=0))
    return np.asarray(off <= law.noise(probe, found, state.vector) + unknown)
