"""How the parts of a hypothesis grow with each size: one value at twice an axis tells every power at once.

The terms are given much the same worth, so that no other powers of 2 give the same value; a constant is read on its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import event_axes, exponent
from elbocheck.probing.trial import Dare, Dice, Hypothesis, Trial, call
from elbocheck.roles import Role
from elbocheck.shapes import Layout

_MOST, _LEAST = 1e3, 1e-3
"""Of residuals and posterior means that balance the terms."""
_DOUBLINGS = range(-2, 4)
"""How often a weight may double with a size: -1 for a mean, 1 for a sum, 2 where data are summed and weighted."""


@dataclass(frozen=True)
class Growth:
    """How often each part doubles with each axis; an axis without an entry cannot be tiled.

    Attributes:
        energy: of the likelihood's weight.
        divergence: of the KL's.
        constant: of what is left; None where that follows no power.
    """

    energy: dict[str, int | None]
    divergence: dict[str, int | None]
    constant: dict[str, int | None]


def growth_of(probe: Probe, dice: Dice, found: Hypothesis) -> Growth | None:
    """Double every axis once, None where a value there is not what some powers say."""
    here, axes = probe.layout, event_axes(probe.layout, probe.loss.adapter.name)
    places = {"B": "B", "L": "L"} | ({name: str(place) for place, name in enumerate(axes)} if here.tileable else {})
    unmoved = {"L"} if not found.divergence else set(axes) if found.guess is None else set()
    growth = Growth({}, {}, {})
    for axis, place in places.items():
        one = (0, 0, 0) if axis in unmoved else _doubled(probe, dice, found, here.tiled(place))
        if one is not None and one[0] is not None:
            energy, divergence, constant = one
            growth.energy[axis], growth.divergence[axis], growth.constant[axis] = energy, divergence, constant
        elif one is not None or axis == "B":
            return None
    return growth


Doublings = tuple[int | None, int, int | None]


def _doubled(probe: Probe, dice: Dice, found: Hypothesis, layout: Layout) -> Doublings | None:
    """Return how often each part doubles at a layout, None where the loss cannot be called, (None, ...) where it is no power."""
    bare, rest = found, None
    if _holds_constant(probe, found):
        low = call(probe, _low(found), layout)
        if not low.finite:
            return None
        rest = exponent(found.constant, low.value)
        bare = replace(found, constant=low.value)
    trial = call(probe, _balanced(found, replace(dice, layout=layout)), layout)
    if not trial.finite:
        return None
    tried = product(_DOUBLINGS if bare.energy else (0,), _DOUBLINGS if bare.divergence else (0,))
    terms = bare.terms(trial)
    told = [(e, k) for e, k in tried if bare.grown(e, k).explains(probe, trial, terms)]
    return (None, 0, 0) if len(told) != 1 else (*told[0], rest)


def _low(found: Hypothesis) -> dict[Role, float]:
    """Return where a hypothesis is worth its constant alone."""
    if found.guess is None or found.prediction is None:
        return {}
    return {Role.X: found.guess.low[0], found.prediction: found.guess.low[1]}


def _holds_constant(probe: Probe, found: Hypothesis) -> bool:
    return abs(found.constant) > slack(probe, found)


def slack(probe: Probe, found: Hypothesis) -> float:
    """Return the rounding of the constant: that of the value at the base point."""
    trial = Trial(probe.layout, {role: probe.cast(a) for role, a in probe.inputs({}).items()}, np.zeros(1))
    base = found.energy * float(found.energies(trial)[0][0])
    return float(probe.noise(base + found.constant, found.constant))


def _balanced(found: Hypothesis, dice: Dice) -> Dare:
    """Return random arrays at which both terms weigh alike, and no less than the constant: one value tells both powers."""
    data: Dare = {}
    worth = abs(found.energy)
    if found.guess is not None:
        reach = 1.0
        if found.guess.growth and found.energy:
            reach = float(np.clip(abs(found.constant / found.energy) ** (1 / found.guess.growth), 1.0, _MOST))
        data = dice.predictions(0.05, 0.95) if found.guess.closed else dice.predictions(-2 * reach, 2 * reach)
        data |= dice.width(-1.0, 1.0)
        worth *= reach**found.guess.growth
    worth = worth or abs(found.constant) or 1.0
    spread = float(np.clip(np.sqrt(4 * worth / found.divergence), _LEAST, _MOST)) if found.divergence else 1.0
    return data | dice.posterior(spread, *(0.1 * np.tanh(spread) * np.array([-1.0, 1.0])))
