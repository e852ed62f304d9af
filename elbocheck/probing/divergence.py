"""Which function of the posterior the other term is: KL(N(m, sigma^2) || N(0, 1)), one of its known corruptions, or neither.

With t = log sigma^2 the KL of one latent is (m^2 + e^t - 1 - t)/2 nats. Every published slip is a combination of the
basis 1, m, m^2, t, e^{t/2}, e^t, e^{2t}, e^{-t}, e^{-2t}, m^2 e^{-t}, m^2 e^{-2t}, t e^{-t}, and e^s or s^2 of the
scale argument s itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.divergences import normal_standard
from elbocheck.probing import prior, scales
from elbocheck.probing.estimates import moves, slips
from elbocheck.probing.fit import Fit, linear, scanned, shaped
from elbocheck.probing.prior import STANDARD, Prior
from elbocheck.probing.probe import Probe, argument_of, log_var_of
from elbocheck.roles import POSITIVE, POSTERIOR_SCALES, Role
from elbocheck.shapes import ordinary


@dataclass(frozen=True)
class Curve:
    """Probes of the divergence: arrays of shape (points,).

    Attributes:
        m: the posterior's mean, every latent alike.
        t: the log variance that the scale argument stands for by its role.
        s: the scale argument itself.
        value: the loss.
    """

    m: Array
    t: Array
    s: Array
    value: Array

    def keep(self, mask: Array) -> Curve:
        """Return the points where `mask` holds."""
        return Curve(self.m[mask], self.t[mask], self.s[mask], self.value[mask])


@dataclass(frozen=True)
class Reading:
    """What the divergence is.

    Attributes:
        pattern: see anatomy.Regulariser.
        weight: of one latent's KL, times all latents of a call.
        constant: what is left at the prior, with everything else in the loss.
        error: relative uncertainty of the weight.
        exponent: c in e^{c t}: 1 where the scale argument is read as its role says.
        coefficients: basis function to coefficient over the weight.
        missing: the absent term.
        floor: the level below which the divergence does not fall, for a call; None without a floor.
        deviation: the largest difference from the KL in nats per latent, where a guard explains it.
        read_as: the role that the scale argument turns out to have, where it is another than its name says.
        offset: what is added to a softplus.
        prior: the prior that the loss holds as numbers.
    """

    pattern: str
    weight: float
    constant: float
    error: float
    exponent: float = 1.0
    coefficients: Mapping[str, float] | None = None
    missing: str | None = None
    floor: float | None = None
    deviation: float = 0.0
    read_as: Role | None = None
    offset: float = 0.0
    prior: Prior = STANDARD


def scale_role(probe: Probe) -> Role | None:
    """Return the role of the posterior's scale."""
    return next((r for r in probe.loss.roles if r in POSTERIOR_SCALES), None)


_ENOUGH = 8
"""Points of a curve on which a form with up to three coefficients is claimed."""
_MOST = 6
"""Terms of a slip: nine functions of the log variance meet any nine values, so as many explain nothing."""
MEANS = (0.0, 0.5, -1.0, 1.5, 3.0, -8.0)
_MORE_MEANS = (-0.1, 0.2, -0.7, 1.1, -2.0, 2.4, -4.0, 6.0, 10.0)
"""Where no scale makes points of each mean."""


def sample(probe: Probe, at: tuple[float, ...] = MEANS) -> Curve:
    """Probe the divergence on a grid of means and log variances."""
    role = scale_role(probe)
    levels = [0.0] if role is None else [-3.0, -2.0, -1.0, -0.4, 0.0, 0.3, 0.8, 1.5, 2.5]
    means = (*at, *(_MORE_MEANS if role is None else ())) if Role.Q_LOC in probe.loss.roles else (0.0,)
    grid = np.array([(m, t) for m in means for t in levels])
    m, t, argument = probe.cast(grid[:, 0]), grid[:, 1], grid[:, 1]
    calls: list[dict[Role, float]] = [{} for _ in m]
    if Role.Q_LOC in probe.loss.roles:
        calls = [{**c, Role.Q_LOC: float(v)} for c, v in zip(calls, m, strict=True)]
    if role is not None:
        argument = probe.cast(argument_of(role, t))
        calls = [{**c, role: float(v)} for c, v in zip(calls, argument, strict=True)]
        t = log_var_of(role, argument)
    value = probe.curve(calls)
    return Curve(m, t, argument, value).keep(np.isfinite(value))


def basis(curve: Curve, *, positive: bool) -> dict[str, Array]:
    """Return the basis functions at the points; the last is what a slip makes of the scale argument s itself."""
    m, t = curve.m, curve.t
    return {
        "1": np.ones_like(t), "m": m, "m^2": m**2, "t": t, "e^{t/2}": np.exp(t / 2), "e^t": np.exp(t),
        "e^{2t}": np.exp(2 * t), "e^{-t}": np.exp(-t), "e^{-2t}": np.exp(-2 * t), "m^2 e^{-t}": m**2 * np.exp(-t),
        "m^2 e^{-2t}": m**2 * np.exp(-2 * t), "t e^{-t}": t * np.exp(-t),
        "e^s" if positive else "s^2": np.exp(curve.s) if positive else curve.s**2,
    }  # fmt: skip


def kl(curve: Curve, exponent: float = 1.0) -> Array:
    """Return the KL of one latent in nats, its scale argument read as e^{exponent t}."""
    return normal_standard.kl(loc=curve.m, log_var=exponent * curve.t)


def read(probe: Probe, curve: Curve) -> Reading:
    """Name the divergence: the KL under one of three readings of its scale, a floor under it, or a corruption."""
    if curve.value.size < _ENOUGH:
        return Reading("unknown", 0.0, 0.0, 0.0)
    spread = float(np.ptp(curve.value))
    if spread <= float(np.max(probe.noise(curve.value))) + probe.floor:
        return Reading("absent", 0.0, float(curve.value[0]), 0.0)
    for guard in budget.GUARDS:
        if (found := _as_kl(probe, curve, guard)) is not None:
            return found
        if not guard and (found := _beside(probe, curve)) is not None:
            return found
    return _misestimated(probe, curve) or _corrupted(probe, curve)


def _beside(probe: Probe, curve: Curve) -> Reading | None:
    """Read a whole KL that is one to rounding but for an added scale, another prior, or a floor: before any guard."""
    return _with_offset(probe, curve) or _to_another_prior(probe, curve) or _floored(probe, curve)


def fitted(probe: Probe, curve: Curve, columns: list[Array], guard: float) -> Fit:
    """Fit columns and a constant, against the rounding of the terms that the loss adds."""
    matrix = np.stack([*columns, np.ones_like(curve.t)], axis=1)
    rough = linear(matrix, curve.value, np.abs(curve.value) + 1e-3 * np.ptp(curve.value))
    weight = float(np.max(np.abs(rough.coefficients[:-1])))
    inner = weight * (1 + curve.m**2 + np.abs(curve.t))  # a KL forms these before it adds them
    terms = np.abs(matrix) @ np.abs(rough.coefficients)
    return linear(matrix, curve.value, probe.noise(curve.value, terms, inner) + probe.floor + guard * weight)


def _as_kl(probe: Probe, curve: Curve, guard: float) -> Reading | None:
    """Fit every whole KL that the arguments could stand for: the right one under three readings of its scale first."""
    for pattern, exponent, column, other in _hypotheses(curve, scale_role(probe)):
        fit = fitted(probe, curve, [column], guard)
        weight, constant = map(float, fit.coefficients)
        if fit.explains and abs(weight) > 4 * fit.errors[0]:
            error = float(np.max(np.abs(curve.value - weight * column - constant))) / abs(weight)
            relative = float(fit.errors[0]) / abs(weight)
            deviation = error if guard else 0.0
            return Reading(pattern, weight, constant, relative, exponent, deviation=deviation, read_as=other)
    return None


def _hypotheses(curve: Curve, role: Role | None) -> Iterator[tuple[str, float, Array, Role | None]]:
    for exponent in scales.exponents(role):
        yield "kl", exponent, kl(curve, exponent), None
        yield "reversed", exponent, _reversed(curve.m, exponent * curve.t), None
    for exponent in (1.0, 2.0):
        if role in POSITIVE:  # a standard deviation or variance that the loss takes for its own logarithm
            yield "misread", exponent, normal_standard.kl(loc=curve.m, log_var=exponent * curve.s), None
        yield "swapped", exponent, normal_standard.kl(loc=curve.s, log_var=exponent * curve.m), None
    for other, exponent, t in scales.others(role, curve.s):
        yield "kl", exponent, normal_standard.kl(loc=curve.m, log_var=t), other
        yield "reversed", exponent, _reversed(curve.m, t), other


def _reversed(m: Array, t: Array) -> Array:
    """Return KL(N(0, 1) || N(m, e^t)) in nats."""
    return np.asarray(0.5 * ((1 + m**2) * np.exp(-t) - 1 + t))


def _with_offset(probe: Probe, curve: Curve) -> Reading | None:
    """Read the KL of a scale softplus(s) + d, d unknown and small."""
    role = scale_role(probe)
    if role is None:
        return None
    noise, ends = probe.noise(np.abs(curve.value) + probe.floor), scales.OFFSET.values[[0, -1]]
    for exponent in scales.exponents(Role.Q_RAW_SCALE):
        model = scales.shifted(curve.m, curve.s, exponent)
        (added,), first = shaped(model, curve.value, noise, scanned(model, curve.value, noise)[0])
        fit = fitted(probe, curve, [*model.parts(added)], 0.0)
        weight, constant = map(float, fit.coefficients)
        if fit.explains and first.coefficients[0] and ends[0] < added < ends[1]:
            other = None if role is Role.Q_RAW_SCALE else Role.Q_RAW_SCALE
            error = float(fit.errors[0]) / abs(weight)
            return Reading("kl", weight, constant, error, exponent, read_as=other, offset=added)
    return None


def _to_another_prior(probe: Probe, curve: Curve) -> Reading | None:
    """Read the KL to a normal prior with another mean or variance, which the loss holds as numbers."""
    role = scale_role(probe)
    if prior.taken(probe.loss.roles):
        return None
    own = (
        [(None, exponent, exponent * curve.t) for exponent in scales.exponents(role)]
        if role
        else [(None, 1.0, curve.t)]
    )
    for other, exponent, t in [*own, *scales.others(role, curve.s)]:
        fit = fitted(probe, curve, [curve.m**2 + (np.exp(t) if role else 0.0), curve.m, t], 0.0)
        found = prior.held(fit, scaled=role is not None) if fit.explains else None
        if found is None:
            continue
        weight, held = found
        here = exponent * float(log_var_of(other or role, np.asarray(ordinary(role)))) if role else 0.0
        if held.var == 1 or prior.at_base(probe, held, weight, here):
            constant = float(fit.coefficients[-1]) - weight * (held.offset if role else 0.5 * held.loc**2)
            error = float(np.max(fit.errors[:3])) / abs(weight)
            return Reading("kl", weight, constant, error, exponent, read_as=other, prior=held)
    return None


def _floored(probe: Probe, curve: Curve) -> Reading | None:
    """Read max(KL, floor): the points above the lowest level are a KL that would fall below it."""
    lowest = float(np.min(curve.value))
    level = np.abs(curve.value - lowest) <= probe.noise(curve.value, lowest)
    above = curve.keep(~level)
    if above.value.size < _ENOUGH or not np.any((curve.m[level] == 0) & (np.abs(curve.t[level]) <= budget.ABSENT)):
        return None
    found = _as_kl(probe, above, 0.0)
    if found is None or found.pattern != "kl" or found.weight <= 0:
        return None
    floor = lowest - found.constant
    flat = np.count_nonzero(level) > 2 or _flat(probe, found, floor)
    least = budget.GUARDS[1] * found.weight + float(probe.noise(lowest, found.constant))
    return replace(found, floor=floor) if flat and floor > least else None  # a lower one is a guard


def _flat(probe: Probe, found: Reading, floor: float) -> bool:
    """Tell whether the loss stays at a low floor up to where the KL reaches it, and follows the KL from there on."""
    if Role.Q_LOC not in probe.loss.roles or not floor > 0:
        return False
    for share in (0.25, 0.5, 0.75, 1.5, 3.0):
        value = probe({Role.Q_LOC: float(np.sqrt(2 * share * floor / found.weight))})
        expected = found.constant + max(share, 1.0) * floor
        if not abs(value - expected) <= float(probe.noise(value, expected, found.weight)) + 4 * probe.floor:
            return False
    return True


def _misestimated(probe: Probe, curve: Curve) -> Reading | None:
    """Read the mean of a KL's estimate from a sample that is drawn, or scored, otherwise than it should be."""
    if scale_role(probe) is None or not moves(probe, probe.off_prior):
        return None
    for pattern, drawn, scored, column in slips(probe.loss.roles, curve.m, curve.t):
        fit = fitted(probe, curve, [column], 0.0)
        weight, constant = map(float, fit.coefficients)
        if fit.explains and weight > 4 * fit.errors[0]:
            parts = {"drawn": drawn, "scored": scored}
            return Reading(pattern, weight, constant, float(fit.errors[0]) / weight, coefficients=parts)
    return None


def _corrupted(probe: Probe, curve: Curve) -> Reading:
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
