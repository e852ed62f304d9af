"""Mixtures: how a loss takes components, and whether it makes of different ones the logarithm of their weighed mean.

What a component is, the loss itself says where all are alike. Then those of one datum are made to differ, and the value is
compared with what the same components give alone: -log sum_k pi_k exp(-loss_k). No family is needed for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Reconstruction
from elbocheck.errors import CallError
from elbocheck.loss import Loss
from elbocheck.mixtures import SPREAD, Mixture
from elbocheck.probing.probe import Probe
from elbocheck.probing.structure import Index, random_point
from elbocheck.roles import LIKELIHOOD_TWIN, POSTERIOR_SCALES, PREDICTIONS, Role
from elbocheck.shapes import Layout, filled, ordinary

__all__ = ["mixtures", "read", "weighed"]

_SHARED = ((), None, (-1,), (0,))
"""Axes of a datum along which elements may share a component: none, all, the channels last, the channels first."""
Arrays = dict[Role, Array]


def mixtures(loss: Loss) -> Iterator[Loss]:
    """Yield the loss as a mixture, in every way that it may take its components; nothing where it takes no weights of any.

    Logits beside a mean and a scale may be those of the components.
    """
    roles = dict(loss.binding.roles)
    if Role.MIXTURE not in roles.values():
        found = set(roles.values())
        if Role.X not in found or not {Role.LOGITS, Role.Q_LOC} <= found or not POSTERIOR_SCALES & found:
            return
        roles = {key: Role.MIXTURE if r is Role.LOGITS else LIKELIHOOD_TWIN.get(r, r) for key, r in roles.items()}
    binding = replace(loss.binding, roles=roles)
    for last, shared in product((True, False), _SHARED):
        yield replace(loss, binding=binding, mixture=Mixture(last=last, shared=shared))


def weighed(loss: Loss, layout: Layout, dtype: np.dtype) -> Loss:
    """Return a mixture with what it takes its weights for.

    One that normalises logits does not change as all are raised. Probabilities that are all 0 leave nothing of a mean, and
    negative ones have no logarithm.
    """
    assert loss.mixture is not None
    given = loss.mixture.spread(filled(layout, {role: ordinary(role) for role in loss.roles}, dtype))
    whole = replace(loss, mixture=None)

    def at(weight: float) -> float:
        try:
            return float(np.sum(whole({**given, Role.MIXTURE: np.full_like(given[Role.MIXTURE], weight)}).value))
        except CallError:
            return np.nan

    values = np.array([at(weight) for weight in (0.0, -1.0, -2.0)])
    steps, unit = np.diff(values), budget.WEIGHTS_AS * np.max(np.abs(values))
    if not np.all(np.isfinite(values)) or abs(values[0]) <= unit < abs(steps[0]):
        kind = "probs"
    else:
        kind = "logits" if np.max(np.abs(steps)) <= unit else "log_probs"
    return replace(loss, mixture=replace(loss.mixture, weights_as=kind))


@dataclass(frozen=True)
class _Draw:
    """Components of one datum that differ.

    Attributes:
        base: arrays of one component, in which all are alike.
        components: the same with other parameters for that datum, of each component.
        weights: what the loss is given.
        probs: what that means, shape (choices, components).
    """

    base: Arrays
    components: list[Arrays]
    weights: Array
    probs: Array


def read(probe: Probe, r: Reconstruction, nat: float, seed: int) -> Reconstruction:
    """Return the reconstruction of a mixture with what becomes of components that differ.

    Args:
        probe: the loss.
        r: what it is where all components are alike.
        nat: what one nat of one element is worth in a value.
        seed: of the components.
    """
    mixture = probe.loss.mixture
    assert mixture is not None
    rng, alive, reach = np.random.default_rng(seed), set(_PATTERNS), 0
    for _ in range(_DRAWS):
        draw = _drawn(probe, mixture, rng, _REACHES[reach])
        measured, alone, slack = _measured(probe, mixture, draw, nat)
        apart = float(np.median(np.ptp(alone, axis=1)))
        if not _APART[0] < apart < _APART[1] and not r.closed:
            reach = (reach + 1) % len(_REACHES)
            continue
        count = mixture.sharing(probe.layout.event)
        alive -= {"over-counted"} if count == 1 else set()
        alive = {name for name in alive if abs(_predicted(name, draw.probs, alone, count) - measured) <= slack}
    pattern = alive.pop() if len(alive) == 1 else "unknown"
    unread = pattern in ("unknown", "unweighed")
    return replace(r, mixture=mixture, mixed_as=pattern, density=None if unread else r.density)


_DRAWS = 12
_APART = (0.5, 30.0)
"""Nats between the best and the worst component, so that all of them count, and none equally."""
_REACHES = (1.0, 4.0, 0.25, 16.0, 0.06, 64.0, 0.015)
"""Times as far from each other as everyday predictions."""


def _drawn(probe: Probe, mixture: Mixture, rng: np.random.Generator, reach: float) -> _Draw:
    base = random_point(probe, rng)
    others = [_spread(random_point(probe, rng), reach) for _ in range(mixture.count)]
    components = [{r: _first_replaced(a, other[r]) if r in SPREAD else a for r, a in base.items()} for other in others]
    like = next(a for r, a in base.items() if r in SPREAD)
    shape = mixture.weights_shape(like.shape)
    logits = rng.standard_normal(shape[1:])
    axis = -1 if mixture.last else 0
    log_probs = logits - np.logaddexp.reduce(logits, axis=axis, keepdims=True)
    given = {"logits": logits, "log_probs": log_probs, "probs": np.exp(log_probs)}[mixture.weights_as]
    weights = np.full(shape, mixture.equal)
    weights[0] = given
    probs = np.moveaxis(np.exp(log_probs), axis, -1).reshape(-1, mixture.count)
    return _Draw(base, components, weights, probs)


def _spread(arrays: Arrays, reach: float) -> Arrays:
    """Return arrays with predictions farther from one half, or nearer."""
    return {role: 0.5 + reach * (a - 0.5) if role in PREDICTIONS else a for role, a in arrays.items()}


def _first_replaced(array: Array, other: Array) -> Array:
    """Return the array with the first datum of another."""
    found = array.copy()
    found[0] = other[0]
    return found


def _measured(probe: Probe, mixture: Mixture, draw: _Draw, nat: float) -> tuple[float, Array, float]:
    """Return, in nats, the rise of the loss as components differ, that as each is alone, and the error of the difference."""
    cast = {role: probe.inputs({role: array})[role] for role, array in draw.base.items()}
    before = float(np.sum(probe.raw(cast)))
    choices = _choices(probe, mixture)
    alone = np.array(
        [[float(np.sum(probe.raw(_moved(draw.base, c, places)))) for c in draw.components] for places in choices]
    )
    each = [probe.inputs(c) for c in draw.components]
    mixed = {r: mixture.joined([c[r] for c in each]) if r in SPREAD else a for r, a in each[0].items()}
    mixed[Role.MIXTURE] = draw.weights.astype(next(iter(mixed.values())).dtype)
    after = float(np.sum(replace(probe.loss, mixture=None)(mixed).value.astype(np.float64)))
    slack = (len(choices) + 2) * float(probe.noise(before, after, float(np.max(np.abs(alone)))) + 4 * probe.floor)
    return (after - before) / nat, (alone - before) / nat, slack / abs(nat)


def _choices(probe: Probe, mixture: Mixture) -> list[tuple[Index, ...]]:
    """Return the places of the first datum, by what has a component of its own."""
    event = probe.layout.event
    own = mixture.alone(len(event))
    found: dict[Index, list[Index]] = {}
    for place in np.ndindex(*event):
        found.setdefault(tuple(place[axis] for axis in own), []).append((0, *place))
    return [tuple(places) for places in found.values()]


def _moved(base: Arrays, component: Arrays, places: tuple[Index, ...]) -> Arrays:
    """Return the base with the parameters of a component at some places."""
    found = {role: array.copy() if role in SPREAD else array for role, array in base.items()}
    for role in SPREAD & base.keys():
        for place in places:
            found[role][place] = component[role][place]
    return found


def _predicted(pattern: str, probs: Array, alone: Array, count: int) -> float:
    """Return the rise that a pattern gives, over that of equal weights and components."""
    equal = np.full_like(probs, 1 / probs.shape[1])
    combine = _PATTERNS[pattern]
    return float(np.sum(combine(probs, alone, count) - combine(equal, np.zeros_like(alone), count)))


def _log_mean(probs: Array, alone: Array, power: float) -> Array:
    return -np.asarray(np.logaddexp.reduce(power * np.log(probs) - alone, axis=1))


_PATTERNS: Mapping[str, Callable[[Array, Array, int], Array]] = {
    "mixture": lambda probs, alone, _: _log_mean(probs, alone, 1.0),
    "over-counted": lambda probs, alone, count: _log_mean(probs, alone, float(count)),
    "unweighed": lambda probs, alone, _: _log_mean(probs, alone, 0.0),
    "mean": lambda probs, alone, _: np.sum(probs * alone, axis=1),
    "best": lambda probs, alone, _: np.min(alone - np.log(probs), axis=1),
}
"""What a loss may make of its components: of each choice, from weights and single losses, and how many elements share it."""
