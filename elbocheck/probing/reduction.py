"""How a weight grows with each size: one axis is tiled at a time, the exponents are exact integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from math import isfinite, log2, prod

from elbocheck import budget
from elbocheck.monomial import Monomial
from elbocheck.probing.probe import Probe
from elbocheck.shapes import Layout

_AXES = {0: (), 1: ("D",), 2: ("H", "W"), 3: ("H", "W", "C")}


def event_axes(layout: Layout, framework: str) -> tuple[str, ...]:
    """Name the axes of a datum: D alone, else H, W, C in the framework's usual order."""
    names = _AXES.get(len(layout.event)) or tuple(f"D{i + 1}" for i in range(len(layout.event)))
    return ("C", "H", "W") if names == ("H", "W", "C") and framework == "torch" else names


def sizes(layout: Layout, axes: tuple[str, ...]) -> dict[str, int]:
    """Return the sizes of a layout by name."""
    named = dict(zip(axes, layout.event, strict=bool(axes)))
    return {"B": layout.batch, "D": layout.pixels, "L": layout.latents, **named}


def weigh(
    probe: Probe, weight: float, error: float, amplitude: Callable[[Layout], float], axes: tuple[str, ...]
) -> Monomial:
    """Return the total weight of a term as a formula in the sizes.

    Args:
        probe: the loss.
        weight: the total weight at the probe's own layout.
        error: its relative uncertainty.
        amplitude: something proportional to the weight, at any layout.
        axes: the names of the event axes.
    """
    here = probe.layout
    before = amplitude(here)
    values = {axis: amplitude(here.tiled(axis)) for axis in ("B", "L")}
    if here.tileable:
        values |= {name: amplitude(here.tiled(str(place))) for place, name in enumerate(axes)}
    powers = {axis: exponent(before, value) for axis, value in values.items() if axis == "B" or isfinite(value)}
    return written(probe, weight, error, powers, axes)


def written(
    probe: Probe, weight: float, error: float, powers: Mapping[str, int | None], axes: tuple[str, ...]
) -> Monomial:
    """Write a total weight with the powers that were measured; an axis without one is stuck at its size.

    Args:
        probe: the loss.
        weight: the total weight at the probe's own layout.
        error: its relative uncertainty.
        powers: of B, L and the event axes; None where the weight follows no power.
        axes: the names of the event axes.
    """
    here = probe.layout
    stuck = {"L", *(axes if here.tileable else ("D",))} - set(powers)
    found = {powers.get(name) for name in axes}
    if here.tileable and axes and len(found) == 1 and not stuck & set(axes):
        powers = {**{n: p for n, p in powers.items() if n not in axes}, "D": found.pop()}
    kept = {axis: power for axis, power in powers.items() if power}
    irregular = frozenset(axis for axis, power in powers.items() if power is None)
    named = sizes(here, axes)
    monomial = Monomial(weight / prod(float(named[a]) ** p for a, p in kept.items()), kept, error, irregular)
    probe.stuck |= stuck
    return plainest(monomial, {axis: named[axis] for axis in sorted(stuck)})


def exponent(before: float, after: float) -> int | None:
    """Return p where after = 2**p * before; None where the ratio is no power of two."""
    if not before or not after or not isfinite(after / before) or after / before <= 0:
        return None
    power = log2(after / before)
    return round(power) if abs(power - round(power)) < budget.EXPONENT else None


def plainest(weight: Monomial, stuck: Mapping[str, int]) -> Monomial:
    """Read the powers of sizes that cannot be tiled off their one value: those that leave the plainest fraction."""
    readings = []
    for tried in product((0, 1, -1), repeat=len(stuck)):
        rest = weight.coefficient / prod(float(n) ** p for n, p in zip(stuck.values(), tried, strict=True))
        powers = {**weight.powers, **{axis: p for axis, p in zip(stuck, tried, strict=True) if p}}
        reading = replace(weight, coefficient=rest, powers=powers)
        if (fraction := reading.fraction) is not None:
            readings.append((abs(fraction.numerator) + fraction.denominator, sum(map(abs, tried)), reading))
    return min(readings, key=lambda found: found[:2])[2] if readings else weight
