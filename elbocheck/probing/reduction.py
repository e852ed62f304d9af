"""How a weight grows with each size: one axis is tiled at a time, the exponents are exact integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
    powers = {axis: exponent(before, amplitude(here.tiled(axis))) for axis in ("B", "L")}
    if here.tileable:
        found = [exponent(before, amplitude(here.tiled(str(place)))) for place in range(len(axes))]
        same = len(set(found)) == 1
        powers.update({"D": found[0]} if same else dict(zip(axes, found, strict=True)))
    kept = {axis: power for axis, power in powers.items() if power}
    irregular = frozenset(axis for axis, power in powers.items() if power is None)
    named = sizes(here, axes)
    monomial = Monomial(weight / prod(float(named[a]) ** p for a, p in kept.items()), kept, error, irregular)
    return monomial if here.tileable else guess_pixels(monomial, here.pixels)


def exponent(before: float, after: float) -> int | None:
    """Return p where after = 2**p * before; None where the ratio is no power of two."""
    if not before or not after or not isfinite(after / before) or after / before <= 0:
        return None
    power = log2(after / before)
    return round(power) if abs(power - round(power)) < budget.EXPONENT else None


def guess_pixels(weight: Monomial, pixels: int) -> Monomial:
    """Read the power of D off one size: the one that leaves the plainest fraction, 0 where none does."""
    readings = []
    for power in (0, 1, -1):
        rest = replace(weight, coefficient=weight.coefficient / float(pixels) ** power)
        if rest.fraction is not None:
            powers = {**weight.powers, "D": power} if power else weight.powers
            readings.append((abs(rest.fraction.numerator) + rest.fraction.denominator, replace(rest, powers=powers)))
    return min(readings, key=lambda reading: reading[0])[1] if readings else weight
