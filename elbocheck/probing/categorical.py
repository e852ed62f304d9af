"""What a loss pays for a categorical posterior q over K classes, given by logits or by probabilities.

KL(q || uniform) = sum_k q_k log q_k + log K, KL(q || p) = sum_k q_k (log q_k - log p_k), and, the wrong way round,
KL(uniform || q) = -mean_k log q_k - log K, nats per variable. The first sum and the q_k are columns, so the class
probabilities of a prior that the loss holds come out of a linear fit. K is the last latent axis.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log, prod

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Regulariser
from elbocheck.monomial import Monomial
from elbocheck.probing.fit import Fit, linear
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import weigh
from elbocheck.roles import CATEGORICAL, Role
from elbocheck.shapes import Layout

_POINTS = 24


@dataclass(frozen=True)
class Reading:
    """What the values say.

    Attributes:
        pattern: `kl`, `reversed`, `absent` or `unknown`.
        weight: of one variable's KL times all variables of a call.
        constant: what is left where the KL is 0.
        error: relative uncertainty of the weight.
        prior: log class probabilities of a prior that is not uniform.
        deviation: the largest difference in nats per variable, where a guard explains it.
        guard: what it was explained within; a constant is known no better.
    """

    pattern: str
    weight: float
    constant: float
    error: float = 0.0
    prior: tuple[float, ...] = ()
    deviation: float = 0.0
    guard: float = 0.0


def role_of(probe: Probe) -> Role | None:
    """Return the role of a categorical posterior."""
    return next((r for r in sorted(probe.loss.roles) if r in CATEGORICAL), None)


def regulariser(probe: Probe, role: Role, axes: tuple[str, ...]) -> tuple[Regulariser, float, float]:
    """Name the divergence and weigh it; return it with the loss's value at the prior, and that value's error."""
    found = _read(probe, role)
    error = max(found.error, found.deviation, budget.ratio_error(probe.dtype))
    weight = Monomial(0.0, {})
    if found.weight:
        whole = weigh(probe, found.weight, error, lambda layout: _amplitude(probe, role, layout, found), axes)
        latent = probe.layout.latent  # the weight of one variable, times L as for other posteriors
        weight = whole * (Monomial(1.0, {"L": 1}) if len(latent) == 1 else Monomial(float(latent[-1]), {}))
    bare = found.pattern == "kl" and not found.prior and _bare(probe, role, found)
    at_prior = found.constant - (found.weight * log(probe.layout.latent[-1]) if bare else 0.0)
    # sum q log(q + d) is K d above sum q log q whatever q: a guard that no curve shows, but a constant does
    unsure = max(found.guard, budget.GUARDS[1]) * abs(found.weight)
    measured = Regulariser(
        scale_role=None,
        scale_as=None,
        pattern=found.pattern,
        weight=weight,
        missing="log K" if bare else None,
        deviation=found.deviation,
        categorical=role,
        class_probs=tuple(float(np.exp(p)) for p in found.prior),
    )
    return measured, at_prior if bare else found.constant, unsure


def beside(measured: Regulariser, probe: Probe, role: Role, axes: tuple[str, ...]) -> Regulariser:
    """Return the divergence of a normal posterior with that of the categorical one beside it.

    Where the second is no KL to the uniform of the same weight, nothing is claimed for the sum.
    """
    other = regulariser(probe, role, axes)[0]
    same = other.weight.powers == measured.weight.powers and np.isclose(
        other.weight.coefficient, measured.weight.coefficient, rtol=other.weight.error + measured.weight.error
    )
    if measured.pattern == other.pattern == "kl" and same and not other.missing and not other.class_probs:
        return replace(measured, categorical=role)
    return measured if measured.pattern != "kl" else replace(measured, pattern="unknown", categorical=role)


def _log_probs(layout: Layout) -> Array:
    """Return log probabilities of shape (points, K), a fixed draw of moderate logits."""
    logits = np.random.default_rng(0).uniform(-2.5, 2.5, (_POINTS, layout.latent[-1]))
    return np.asarray(logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True)))


def _value(probe: Probe, role: Role, log_probs: Array, layout: Layout | None = None) -> float:
    """Return the loss where every variable has these class probabilities."""
    shape = (layout or probe.layout).shape(role)
    given = np.exp(log_probs) if role is Role.Q_PROBS else log_probs
    return probe({role: np.broadcast_to(given, shape)}, layout)


def _read(probe: Probe, role: Role) -> Reading:
    """Fit KL(q || uniform), KL(q || p) and KL(uniform || q)."""
    rows = _log_probs(probe.layout)
    rows = np.log(probe.cast(np.exp(rows))) if role is Role.Q_PROBS else probe.cast(rows)
    values = np.array([_value(probe, role, row) for row in rows])
    classes = rows.shape[1]
    negentropy = np.sum(np.exp(rows) * rows, axis=1)
    if not np.all(np.isfinite(values)):
        return Reading("unknown", 0.0, float(values[0]))
    if np.ptp(values) <= float(np.max(probe.noise(values))) + probe.floor:
        return Reading("absent", 0.0, float(values[0]))
    columns = {"kl": negentropy + log(classes), "reversed": -np.mean(rows, axis=1) - log(classes)}
    for guard in budget.GUARDS:
        for pattern, column in columns.items():
            fit = _fit(probe, values, [column], guard)
            weight, constant = map(float, fit.coefficients)
            if fit.explains and abs(weight) > 4 * fit.errors[0]:
                off = float(np.max(np.abs(values - weight * column - constant))) / abs(weight) if guard else 0.0
                return Reading(
                    pattern, weight, constant, float(fit.errors[0]) / abs(weight), deviation=off, guard=guard
                )
    return _held(probe, values, rows) or Reading("unknown", 0.0, float(values[0]))


def _held(probe: Probe, values: Array, rows: Array) -> Reading | None:
    """Read the KL to a prior that the loss holds: its log class probabilities, to their sum being 1, from the fit."""
    probs = np.exp(rows)
    fit = _fit(probe, values, [np.sum(probs * rows, axis=1), *probs.T[:-1]], 0.0)
    weight = float(fit.coefficients[0])
    if not fit.explains or not abs(weight) > 4 * fit.errors[0]:
        return None
    relative = np.append(-fit.coefficients[1:-1] / weight, 0.0)  # log p_k - log p_K
    total = float(np.log(np.sum(np.exp(relative))))
    constant = float(fit.coefficients[-1]) - weight * total
    return Reading("kl", weight, constant, float(fit.errors[0]) / abs(weight), tuple(map(float, relative - total)))


def _fit(probe: Probe, values: Array, columns: list[Array], guard: float) -> Fit:
    """Fit columns and a constant against the rounding of the terms."""
    matrix = np.stack([*columns, np.ones_like(values)], axis=1)
    rough = linear(matrix, values, np.abs(values) + float(np.ptp(values)))
    weight = float(np.max(np.abs(rough.coefficients[:-1])))
    terms = np.abs(matrix) @ np.abs(rough.coefficients) + 4 * weight
    return linear(matrix, values, probe.noise(values, terms) + probe.floor + guard * weight)


def _row(layout: Layout) -> Array:
    """Return the log probabilities of a variable with one likely class."""
    logits = np.zeros(layout.latent[-1])
    logits[0] = 2.0
    return np.asarray(logits - np.log(np.sum(np.exp(logits))))


def _amplitude(probe: Probe, role: Role, layout: Layout, found: Reading) -> float:
    """Return what is proportional to the weight of all variables at any layout."""
    row, classes = _row(layout), layout.latent[-1]
    cost = float(np.sum(np.exp(row) * row)) + log(classes)
    if found.pattern == "reversed":
        cost = -float(np.mean(row)) - log(classes)
    moved = _value(probe, role, row, layout) - probe({}, layout)
    if found.prior and classes != probe.layout.latent[-1]:
        return found.weight  # a prior held for K classes takes no other K
    shift = float(np.sum((1 / classes - np.exp(row)) * np.array(found.prior))) if found.prior else 0.0
    return moved / (cost + shift)


def _bare(probe: Probe, role: Role, found: Reading) -> bool:
    """Tell whether log K is missing: with twice the classes a uniform posterior then costs log 2 less."""
    layout = probe.layout
    if len(layout.latent) > 1:
        return False
    double = layout.tiled("L")
    grown = probe({}, double) - probe({})
    wide = _amplitude(probe, role, double, found)
    expected = found.weight * log(layout.latent[-1]) - wide * log(double.latent[-1])
    noise = float(probe.noise(probe({}), grown, expected)) + 4 * probe.floor
    return bool(abs(grown - expected) <= noise + budget.DECLARED * abs(expected)) and prod(layout.latent) > 1
