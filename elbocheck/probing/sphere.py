"""What a loss pays for a von Mises-Fisher posterior: KL(vMF(loc, kappa) || uniform) on the unit sphere of R^m.

KL = kappa A_m(kappa) - G_m(kappa) nats per datum, A_m = I_(m/2)/I_(m/2-1), G_m = log 0F1(; m/2; kappa^2/4). Textbook code adds
-G_m up from (m/2-1) log kappa, -log I_(m/2-1) and constants, so a slip leaves a A_j - b G_k + c log kappa.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Regulariser
from elbocheck.divergences import sphere
from elbocheck.monomial import Monomial
from elbocheck.probing.fit import Fit, linear
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import weigh
from elbocheck.roles import Role
from elbocheck.shapes import Layout

_LEVELS = (0.3, 0.6, 1.0, 1.7, 3.0, 6.0, 12.0, 25.0, 50.0, 80.0, 200.0, 500.0)
"""Beyond 88 or 713 a Bessel function that is not scaled overflows; what is not finite is left out."""
_LEAST = 6
_DIMENSIONS = (*range(2, 65), *(n + d for n in (100, 128, 200, 256, 512) for d in (-1, 0, 1)))
_BESIDE = (0, -1, 1, -2, 2)
"""Dimensions off by what an order of m/2, m/2 - 1/2 or m/2 + 1 in the place of m/2 - 1 makes of them."""


@dataclass(frozen=True)
class Reading:
    """What the values at one layout say.

    Attributes:
        pattern: `kl`, `reversed`, `missing`, `dimension`, `halved`, `absent` or `unknown`.
        weight: of one datum's KL, times all data of a call.
        constant: what is left where kappa is 0.
        dimension: m, as far as it is known.
        error: relative uncertainty of the weight.
        missing: the absent term.
        coefficients: of the terms over the weight, for a slip.
        deviation: the largest difference in nats per datum, where a guard explains it.
    """

    pattern: str
    weight: float = 0.0
    constant: float = 0.0
    dimension: int = 0
    error: float = 0.0
    missing: str | None = None
    coefficients: tuple[tuple[str, float], ...] = ()
    deviation: float = 0.0


def regulariser(probe: Probe, axes: tuple[str, ...]) -> tuple[Regulariser, float, float]:
    """Name the divergence and weigh it; return it with the loss's value at the prior, and that value's error."""
    here = read(probe, probe.layout, _first(probe.layout.latents, _DIMENSIONS))
    held = True
    if here.pattern == "kl" and Role.Q_LOC in probe.loss.roles:
        here, held = _followed(probe, here)
    weight = Monomial(0.0, {})
    if here.weight:
        error = max(here.error, here.deviation, budget.ratio_error(probe.dtype))
        whole = weigh(probe, here.weight, error, lambda layout: _amplitude(probe, here, layout, held=held), axes)
        weight = whole * Monomial(1.0, {"L": 1})  # the weight of one datum, times L as for other posteriors
    measured = Regulariser(
        scale_role=None,
        scale_as=None,
        pattern=here.pattern,
        weight=weight,
        coefficients=dict(here.coefficients),
        missing=here.missing,
        deviation=here.deviation,
        sphere=here.dimension,
        sphere_held=held,
    )
    return measured, here.constant, here.deviation * abs(here.weight)


def read(probe: Probe, layout: Layout, dimensions: Iterable[int]) -> Reading:
    """Name the divergence at one layout, the given dimensions tried in order."""
    levels = probe.cast(np.array(_LEVELS))
    values = np.array([probe({Role.Q_KAPPA: float(k)}, layout) for k in levels])
    kept = np.isfinite(values)
    if np.count_nonzero(kept) < _LEAST:
        return Reading("unknown", constant=float(values[0]))
    levels, values = levels[kept], values[kept]
    if np.ptp(values) <= float(np.max(probe.noise(values))) + probe.floor:
        return Reading("absent", constant=float(values[0]))
    candidates = tuple(dimensions)
    for guard in budget.GUARDS:
        if (found := _whole(probe, levels, values, candidates, guard)) is not None:
            return found
        if not guard and (found := _slipped(probe, levels, values, layout.latents)) is not None:
            return found
    return Reading("unknown", constant=float(values[0]))


def _first(wanted: int, others: Iterable[int]) -> list[int]:
    """Return the dimensions to try: what the latents have first."""
    return [wanted, *(n for n in others if n != wanted)]


def _whole(probe: Probe, levels: Array, values: Array, dimensions: tuple[int, ...], guard: float) -> Reading | None:
    """Read a whole KL, the right way round before the wrong one."""
    for pattern, curve in (("kl", sphere.kl), ("reversed", sphere.growth)):
        for dimension in dimensions:
            column = curve(dimension, levels)
            fit = _fit(probe, levels, values, [column], guard)
            weight, constant = map(float, fit.coefficients)
            if not fit.explains or not abs(weight) > 4 * fit.errors[0]:
                continue
            relative = float(fit.errors[0]) / abs(weight)
            if pattern == "reversed" and weight < 0:
                return Reading("missing", -weight, constant, dimension, relative, _RESULTANT)
            off = float(np.max(np.abs(values - weight * column - constant))) / abs(weight) if guard else 0.0
            return Reading(pattern, weight, constant, dimension, relative, deviation=off)
    return None


_RESULTANT, _BESSEL, _POWER = "kappa A(kappa)", "log I(kappa)", "log kappa"


def _slipped(probe: Probe, levels: Array, values: Array, latents: int) -> Reading | None:
    """Read a combination of the terms, each with the order of this or a neighbouring dimension."""
    near = [latents + off for off in _BESIDE if latents + off > 1]
    for mean, norm in sorted(product(near, near), key=lambda pair: sum(abs(n - latents) for n in pair)):
        columns = {
            _RESULTANT: levels * sphere.resultant(mean, levels),
            _BESSEL: sphere.growth(norm, levels),
            _POWER: np.log(levels),
        }
        fit = _fit(probe, levels, values, list(columns.values()), 0.0)
        kept = [
            name
            for name, c, e in zip(columns, fit.coefficients, fit.errors, strict=False)
            if abs(c) > 8 * e + budget.ABSENT * np.max(np.abs(fit.coefficients))
        ]
        if not fit.explains or not kept:
            continue
        again = _fit(probe, levels, values, [columns[name] for name in kept], 0.0)
        if again.explains:
            terms = dict(zip(kept, map(float, again.coefficients), strict=False))
            return _named(terms, float(again.coefficients[-1]), mean, norm, latents)
    return None


def _named(terms: dict[str, float], constant: float, mean: int, norm: int, latents: int) -> Reading:
    """Name a combination of the terms."""
    weight = abs(terms.get(_BESSEL, terms.get(_RESULTANT, next(iter(terms.values())))))
    parts = {name: c / weight for name, c in terms.items()}
    power = parts.get(_POWER, 0.0)
    whole = np.isclose(parts.get(_RESULTANT, 0.0), 1) and np.isclose(parts.get(_BESSEL, 0.0), -1)
    pattern, missing = "halved", None
    if _RESULTANT not in parts or _BESSEL not in parts:
        pattern, missing = "missing", _BESSEL if _RESULTANT in parts else _RESULTANT
    elif whole and (mean, norm) != (latents, latents):
        pattern = "dimension"
    elif whole and np.isclose(power, 1 - latents / 2):
        pattern, missing = "missing", _POWER
    return Reading(pattern, weight, constant, mean, missing=missing, coefficients=tuple(parts.items()))


def _followed(probe: Probe, here: Reading) -> tuple[Reading, bool]:
    """Return the reading once the latents are doubled, and whether the loss holds its dimension as a number."""
    latents, double = probe.layout.latents, probe.layout.tiled("L")
    tried = _first(double.latents, (here.dimension, here.dimension + latents, 2 * here.dimension))
    there = read(probe, double, dict.fromkeys(tried))
    if there.pattern != "kl":  # a size that cannot be doubled
        wrong = here.dimension != latents
        return (_of_another(here) if wrong else here), False
    if there.dimension == here.dimension:
        return here, True
    right = (here.dimension, there.dimension) == (latents, double.latents)
    return (here if right else _of_another(here)), False


def _of_another(found: Reading) -> Reading:
    """Return the KL on a sphere of another dimension than that of the latents as what it is."""
    return Reading("dimension", found.weight, found.constant, found.dimension, found.error)


def _amplitude(probe: Probe, here: Reading, layout: Layout, *, held: bool) -> float:
    """Return what is proportional to the weight at any layout: the KL itself moves with the dimension, a slip who knows how."""
    if here.pattern not in ("kl", "dimension") or here.coefficients:
        layout = replace(layout, latent=probe.layout.latent)
    moved = probe({Role.Q_KAPPA: 8.0}, layout) - probe({Role.Q_KAPPA: 1.0}, layout)
    shift = 0 if held else layout.latents - probe.layout.latents  # of the dimension that goes with the latents
    low, high = (sphere.kl(here.dimension + shift, k) for k in (1.0, 8.0))
    return moved / float(high - low)


def _fit(probe: Probe, levels: Array, values: Array, columns: list[Array], guard: float) -> Fit:
    """Fit columns and a constant against the rounding of the terms: code forms kappa A, log I and (m/2-1) log kappa."""
    matrix = np.stack([*columns, np.ones_like(values)], axis=1)
    rough = linear(matrix, values, np.abs(values) + float(np.ptp(values)))
    weight = float(np.max(np.abs(rough.coefficients[:-1])))
    latents = probe.layout.latents
    inner = weight * (levels + latents * (1 + np.abs(np.log(levels))))
    terms = np.abs(matrix) @ np.abs(rough.coefficients)
    return linear(matrix, values, probe.noise(values, terms, inner) + probe.floor + guard * weight)
