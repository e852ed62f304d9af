"""Slips in the KL: every published one is a combination of a few functions of m and t = log sigma^2.

The basis is 1, m, m^2, t, e^{t/2}, e^t, e^{2t}, e^{-t}, e^{-2t}, m^2 e^{-t}, m^2 e^{-2t}, t e^{-t}, and e^s or s^2 of the
scale argument s itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.probing.cost import Curve, Reading, fitted, scale_role
from elbocheck.probing.probe import Probe
from elbocheck.roles import POSITIVE

_MOST = 6
"""Terms of a slip: nine functions of the log variance meet any nine values, so as many explain nothing."""


def basis(curve: Curve, *, positive: bool) -> dict[str, Array]:
    """Return the basis functions at the points; the last is what a slip makes of the scale argument s itself."""
    m, t = curve.m, curve.t
    return {
        "1": np.ones_like(t), "m": m, "m^2": m**2, "t": t, "e^{t/2}": np.exp(t / 2), "e^t": np.exp(t),
        "e^{2t}": np.exp(2 * t), "e^{-t}": np.exp(-t), "e^{-2t}": np.exp(-2 * t), "m^2 e^{-t}": m**2 * np.exp(-t),
        "m^2 e^{-2t}": m**2 * np.exp(-2 * t), "t e^{-t}": t * np.exp(-t),
        "e^s" if positive else "s^2": np.exp(curve.s) if positive else curve.s**2,
    }  # fmt: skip


def corrupted(probe: Probe, curve: Curve) -> Reading:
    """Fit the whole basis, keep what is there, and name the pattern."""
    functions = basis(curve, positive=scale_role(probe) in POSITIVE)
    del functions["1"]  # the fit adds its own constant
    fit = fitted(probe, curve, list(functions.values()), 0.0)
    least = budget.ABSENT * np.max(np.abs(fit.coefficients))
    kept = [n for n, c, e in zip(functions, fit.coefficients, fit.errors, strict=False) if abs(c) > 8 * e + least]
    again = fitted(probe, curve, [functions[n] for n in kept], 0.0) if kept else fit
    if not again.explains or not 0 < len(kept) <= _MOST:  # rounding hides which are there: the fewest that suffice
        kept = _fewest(probe, curve, functions)
        again = fitted(probe, curve, [functions[n] for n in kept], 0.0) if kept else fit
    if not kept:
        return Reading("unknown", 0.0, float(curve.value[0]), 0.0)
    found = dict(zip(kept, map(float, again.coefficients), strict=False))
    growing = (n for n in ("m^2", "e^t", "e^{2t}", "m^2 e^{-t}") if n in found)
    weight = 2 * found.get(next(growing, ""), abs(found[kept[0]]))
    parts = {n: c / weight for n, c in found.items()}
    pattern, missing, exponent = classify(parts)
    error = float(np.max(again.errors[:-1])) / abs(weight)
    at_prior = float(again.coefficients[-1]) + sum(c for n, c in found.items() if n in _ONE_AT_PRIOR)
    return Reading(pattern, weight, at_prior, error, exponent, parts, missing)


def _fewest(probe: Probe, curve: Curve, functions: Mapping[str, Array]) -> list[str]:
    """Return the fewest functions that explain the curve, none where four do not."""
    for count in (1, 2, 3, 4):
        fits = {
            names: fitted(probe, curve, [functions[n] for n in names], 0.0) for names in combinations(functions, count)
        }
        best = min(fits, key=lambda names: fits[names].residual)
        if fits[best].explains:
            return list(best)
    return []


_ONE_AT_PRIOR = ("e^{t/2}", "e^t", "e^{2t}", "e^{-t}", "e^{-2t}")


def classify(parts: Mapping[str, float]) -> tuple[str, str | None, float]:
    """Name a combination of basis functions, coefficients relative to a weight that makes m^2 one half.

    Returns:
        The pattern, the missing term, and the exponent with which the scale is read.
    """
    names = set(parts)
    if "t e^{-t}" in names:
        return "precedence", None, 1.0
    if "m" in names:
        return "reference", None, 1.0
    if names & {"e^s", "s^2"} and "e^t" not in names:
        return "missing", "sigma^2", 1.0
    growth = [n for n in ("e^{t/2}", "e^t", "e^{2t}") if n in names]
    exponent = {"e^{t/2}": 0.5, "e^t": 1.0, "e^{2t}": 2.0}[growth[0]] if growth else 1.0
    whole = {"m^2", "t", *(growth or ["e^t"])}
    if names == {"m^2"}:
        return "missing", "sigma^2 and log sigma^2", exponent
    if len(whole - names) == 1 and names <= whole:
        absent = next(iter(whole - names))
        return "missing", {"m^2": "m^2", "t": "log sigma^2"}.get(absent, "sigma^2"), exponent
    if names != whole or len(growth) > 1:
        return "unknown", None, exponent
    square, log, exponential = parts["m^2"], parts["t"], parts[growth[0]]
    if np.isclose(square, exponential) and any(np.isclose(log, -c * square) for c in (0.5, 1.0, 2.0, 4.0)):
        return "mixed-scales", None, exponent
    return "halved", None, exponent
