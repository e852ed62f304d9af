"""Clamps on a scale: where the value is held, whether its gradient is held with it, and what is left of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from elbocheck.checks.case import Case, Check, Skip, finding
from elbocheck.errors import CallError
from elbocheck.probing.probe import argument_of
from elbocheck.probing.slopes import NOISE
from elbocheck.roles import LIKELIHOOD_SCALES, POSTERIOR_SCALES, Role
from elbocheck.verdict import Finding, Outcome

LEVELS = (8.0, 12.0, 16.0, 19.0, 21.0, 24.0, 29.0, 32.0, 40.0, 50.0)
"""Log variances, of either sign, outwards. Clamps are typed as round numbers: no level is at one."""
_EVERYDAY = 10.0
"""Log variance up to which a clamp is met in ordinary training."""
_STEP = 0.25
"""Of a difference in the log variance, over which the value of a right loss changes by about as much."""


def run(case: Case) -> Iterator[Finding]:
    """Yield one finding for each scale that a clamp holds."""
    for role in _scales(case):
        for sign in (-1.0, 1.0):
            if (found := _clamped(case, role, sign)) is not None:
                yield found
                break


def _scales(case: Case) -> list[Role]:
    """Return the scales that move the value among ordinary ones."""
    roles = sorted(case.loss.roles & (LIKELIHOOD_SCALES | POSTERIOR_SCALES))
    return [r for r in roles if case.probe({r: float(argument_of(r, np.asarray(1.5)))}) != case.probe({})]


def _clamped(case: Case, role: Role, sign: float) -> Finding | None:
    """Follow a scale outwards; where its value stops for good, compare the gradient."""
    held: list[tuple[float, float]] = []
    for level in LEVELS:
        try:
            moved, slope = _at(case, role, sign * level)
        except CallError:
            return None
        if not (np.isfinite(moved) and np.isfinite(slope)):
            break  # an overflow: another check's
        if moved == 0 and slope and _rounded_off(case, role, sign * level, slope):
            break  # a smooth bound that flattens out is no clamp
        held = [*held, (sign * level, slope)] if moved == 0 else []
    return _named(case, role, held) if held else None


def _rounded_off(case: Case, role: Role, log_var: float, slope: float) -> bool:
    """Tell whether a slope is so slight that the value stands still by rounding."""
    value = case.probe({role: float(argument_of(role, np.asarray(log_var)))})
    return abs(slope) * 2 * _STEP <= float(case.probe.noise(value)) + case.probe.floor


def _at(case: Case, role: Role, log_var: float) -> tuple[float, float]:
    """Return by how much the value changes around a log variance, and the gradient there, both per unit of it."""
    probe = case.probe
    near, far = (float(argument_of(role, np.asarray(log_var + s * _STEP))) for s in (-1, 1))
    moved = (probe({role: far}) - probe({role: near})) / (2 * _STEP)
    inputs = probe.inputs({role: float(argument_of(role, np.asarray(log_var)))})
    gradient = case.loss.gradient(inputs, {role: inputs[role]})[role]
    return moved, float(np.sum(gradient)) * (far - near) / (2 * _STEP)


def _named(case: Case, role: Role, held: list[tuple[float, float]]) -> Finding:
    first, slope = held[0]
    name = case.names.get(role.value, role.value)
    at = float(argument_of(role, np.asarray(first)))
    place = f"{name} = {at:.4g}"
    outcome = Outcome.WARN if abs(first) <= _EVERYDAY else Outcome.NOTE
    if any(slope for _, slope in held):
        slope = next(slope for _, slope in held if slope)
        return finding(
            "ELB510",
            f"From {place} on a clamp holds the value, and the gradient goes on ({slope:.3g} for a unit of the log "
            "variance): it is the derivative of no value.",
            outcome,
            place,
        )
    message = f"From {place} on a clamp holds the value and its gradient is 0, so {name} is never brought back."
    return finding("ELB510", message, outcome, place)


def skipped(case: Case) -> Skip | None:
    """Skip where there is no gradient, no scale, or no reading of it."""
    if not case.loss.adapter.differentiates:
        return Skip("NumPy losses have no derivative")
    if case.loss.roles & set(NOISE):
        return Skip("a sample beside the scale moves the value too")
    return None if case.loss.roles & (LIKELIHOOD_SCALES | POSTERIOR_SCALES) else Skip("the loss takes no scale")


CHECK = Check("clamps on scales", ("ELB510",), run, skipped)
