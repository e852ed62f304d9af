"""How the parts of a loss hang together: which terms add up, which elements do, what couples the data of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.probe import Probe
from elbocheck.roles import CATEGORICAL, LIKELIHOOD_SCALES, POSITIVE, POSTERIOR_SCALES, PREDICTIONS, PRIOR_SCALES, Role
from elbocheck.shapes import ordinary

Index = tuple[int, ...]
_CONCENTRATIONS = {Role.Q_CONCENTRATION, Role.Q_KAPPA}


@dataclass(frozen=True)
class Structure:
    """What mixed differences say.

    Attributes:
        output: `scalar`, `datum` (one value each), `element`, `position` (the last axis reduced) or `other`.
        output_shape: the shape of one result.
        additive: reconstruction and divergence add up.
        separable: the reconstruction adds up over the elements of a datum.
        homogeneous: every element has the same weight.
        batch_coupled: one datum's term depends on another datum.
        broadcast: a prediction is compared with another datum's target.
        latent_homogeneous: every latent has the same weight.
        latent_coupled: the divergence of one datum depends on the posterior, or the sample, of another.
    """

    output: str
    output_shape: tuple[int, ...]
    additive: bool
    separable: bool
    homogeneous: bool
    batch_coupled: bool
    broadcast: bool
    latent_homogeneous: bool
    latent_coupled: bool


Move = tuple[Role, Index | None]
"""One role's array changed at one place, or everywhere."""


def structure(probe: Probe, rng: np.random.Generator) -> Structure:
    """Probe the structure of a loss at one random base point."""
    base = random_point(probe, rng)
    shape = probe.raw(base).shape
    prediction = next((r for r in sorted(probe.loss.roles) if r in PREDICTIONS), None)
    loc = Role.Q_LOC if Role.Q_LOC in probe.loss.roles and Role.Q_KAPPA not in probe.loss.roles else None
    posterior = loc or next((r for r in sorted(probe.loss.roles) if r in CATEGORICAL | _CONCENTRATIONS), None)
    separable = prediction is None or _elements_add_up(probe, base, prediction, across=False)
    coupled = prediction is not None and not _elements_add_up(probe, base, prediction, across=True)
    return Structure(
        output=output_of(probe, shape),
        output_shape=shape,
        additive=prediction is None
        or posterior is None
        or _adds_up(probe, base, (prediction, None), (posterior, None)),
        separable=separable,
        homogeneous=prediction is None or _homogeneous(probe, base, prediction),
        batch_coupled=coupled or _leaks(probe, base, shape),
        broadcast=prediction is not None and separable and not coupled and _crossed(probe, base, prediction),
        latent_homogeneous=loc is None or _homogeneous(probe, base, loc),
        latent_coupled=any(
            not _elements_add_up(probe, base, role, across=True)
            for role in (Role.Q_LOC, Role.Z, *sorted(POSTERIOR_SCALES | CATEGORICAL | _CONCENTRATIONS))
            if role in probe.loss.roles
        ),
    )


def random_point(probe: Probe, rng: np.random.Generator) -> dict[Role, Array]:
    """Return random ordinary arrays: binary data, predictions inside (0, 1), a posterior away from the prior."""
    base: dict[Role, Array] = {}
    for role in sorted(probe.loss.roles):
        shape = probe.layout.shape(role)
        if role is Role.X:
            base[role] = np.where(rng.random(shape) < 0.5, *probe.data)
        elif role in PREDICTIONS:
            base[role] = rng.uniform(0.2, 0.8, shape)
        elif role is Role.Q_PROBS:
            base[role] = rng.dirichlet(np.full(shape[-1], 4.0), shape[:-1])
        elif role in PRIOR_SCALES or role is Role.P_LOC:
            base[role] = np.full(shape, ordinary(role))
        elif role is Role.TOTAL_COUNT:
            base[role] = rng.integers(1, 4, shape).astype(np.float64)
        elif role in POSITIVE:
            base[role] = rng.uniform(0.5, 2.0, shape)
        else:
            spread = 0.5 if role in LIKELIHOOD_SCALES else 1.0
            base[role] = spread * rng.standard_normal(shape) + (2.0 if role is Role.Q_LOC else 0.0)
    return base


def output_of(probe: Probe, shape: tuple[int, ...]) -> str:
    """Return what one result holds: `scalar`, `datum`, `element`, `position` or `other`."""
    layout = probe.layout
    if shape in ((), (1,)):
        return "scalar"
    if shape in ((layout.batch,), (layout.batch, 1)):
        return "datum"
    events = [layout.shape(Role.X), (layout.batch, *(layout.predicted or layout.event))]
    if Role.X not in probe.loss.roles:
        events = [layout.shape(Role.Q_LOC)]
    if shape in events:
        return "element"
    return "position" if any(shape == e[:-1] for e in events if len(e) > 2) else "other"


def _moved(probe: Probe, base: dict[Role, Array], *moves: Move) -> dict[Role, Array]:
    """Return the base with some moves made: data become the other one, predictions are reflected so as to stay in (0, 1)."""
    arrays = {role: array.copy() for role, array in base.items()}
    for role, place in moves:
        if role is Role.Q_PROBS:  # they must add up to 1: the classes change places
            row = ... if place is None else place[:-1]
            arrays[role][row] = np.roll(arrays[role][row], 1, axis=-1)
            continue
        where = ... if place is None else place
        old = arrays[role][where]
        arrays[role][where] = _elsewhere(probe, role, old)
    return arrays


def _elsewhere(probe: Probe, role: Role, old: Array) -> Array:
    if role is Role.X:
        return np.asarray(sum(probe.data) - old)
    return np.asarray(0.85 - 0.7 * old if role in PREDICTIONS else old + (1.0 if role is Role.TOTAL_COUNT else 1.25))


def _adds_up(probe: Probe, base: dict[Role, Array], one: Move, two: Move) -> bool:
    """Tell whether two changes add up: f(both) - f(one) - f(two) + f(none) is rounding error (or not to be had)."""
    both, first, second, none = (probe(_moved(probe, base, *moves)) for moves in ((one, two), (one,), (two,), ()))
    difference = abs(both - first - second + none)
    return not difference > probe.noise(both, first, second, none) + 4 * probe.floor


def _places(shape: tuple[int, ...]) -> tuple[Index, Index | None, Index | None, Index]:
    """Return two elements of one datum, one of another datum, and the last element."""
    zero = (0,) * len(shape)
    beside = (*zero[:-1], 1) if len(shape) > 1 and shape[-1] > 1 else None
    other = (1, *zero[1:]) if shape[0] > 1 else None
    return zero, beside, other, tuple(n - 1 for n in shape)


def _spread(shape: tuple[int, ...]) -> list[Index]:
    """Return places that a weight by position would tell apart: corners, neighbours, the middle, another datum."""
    zero, beside, other, last = _places(shape)
    middle = tuple(n // 2 for n in shape)
    return [place for place in dict.fromkeys((zero, beside, other, middle, last)) if place is not None]


def _homogeneous(probe: Probe, base: dict[Role, Array], role: Role) -> bool:
    """Tell whether one change has the same effect at every element."""
    even = {r: np.full_like(a, a.flat[0]) for r, a in base.items()}
    start = probe(even)
    values = [probe(_moved(probe, even, (role, place))) for place in _spread(even[role].shape)]
    return not max(values) - min(values) > probe.noise(start, *values) + 4 * probe.floor


def _elements_add_up(probe: Probe, base: dict[Role, Array], role: Role, *, across: bool) -> bool:
    """Tell whether two elements of one datum (or, `across`, of two data) add up."""
    zero, _, other, _ = _places(base[role].shape)
    if across:
        return other is None or _adds_up(probe, base, (role, zero), (role, other))
    inside = [place for place in _spread((1, *base[role].shape[1:])) if place != zero]
    return all(_adds_up(probe, base, (role, zero), (role, place)) for place in inside)


def _crossed(probe: Probe, base: dict[Role, Array], role: Role) -> bool:
    """Tell whether the prediction of one element meets the target of another."""
    if Role.X not in base:
        return False
    _, beside, other, _ = _places(base[Role.X].shape)
    here = (0,) * base[role].ndim
    return any(
        not _adds_up(probe, base, (role, here), (Role.X, place)) for place in (beside, other) if place is not None
    )


def _leaks(probe: Probe, base: dict[Role, Array], shape: tuple[int, ...]) -> bool:
    """Tell whether a per-datum value changes with another datum."""
    if not shape or shape[0] != probe.layout.batch or probe.layout.batch < 2:
        return False
    before = probe.raw(base)
    for role, array in base.items():
        if array.ndim:
            after = probe.raw(_moved(probe, base, (role, (0,))))
            with np.errstate(invalid="ignore"):  # two infinite values say nothing
                if np.any(np.abs(after[1:] - before[1:]) > probe.noise(after[1:], before[1:])):
                    return True
    return False
