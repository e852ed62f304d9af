"""Parameters of a likelihood driven to their ends in the dtype people train in: does it stay normalised, does its gradient?

Two ways it does not. Differences of lgamma round as their terms do, by 1 nat from 1e7 on in float32; and a normaliser of
probabilities is held where they saturate. Both move the mass of exp(-loss) off 1 by what the value is off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import exp
from typing import Any

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Reconstruction
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.conventional import conventional
from elbocheck.errors import CallError
from elbocheck.probing.probe import Probe, Values
from elbocheck.probing.reduction import sizes
from elbocheck.roles import Role
from elbocheck.verdict import Finding, Outcome

CODES = ("ELB407", "ELB507", "ELB601")
_LOUDNESS = {"everyday": Outcome.FAIL, "stress": Outcome.WARN, "extreme": Outcome.NOTE}
_DECADES = 10.0 ** np.array([0, *range(-1, -5, -1), *range(1, 11)])
_LOGITS = np.array([0.5, 3, 6, 10, 13, 16, 18, 20, 30, 50, 80, 100])
SHAPES = ("total_count", "df", "concentration", "precision")
COUNTED = 3.0
"""The mean at which counts are tried, and the count: there a rounding of either moves nothing."""


@dataclass(frozen=True)
class Track:
    """One learned parameter driven to its ends, at data that it makes usual.

    Attributes:
        role: the parameter's.
        inputs: its values, an ordinary one first.
        calls: what the loss is given.
        truth: of one element, in nats, up to what the data alone add.
        zones: of the inputs: `everyday`, `stress` or `extreme`.
        unit: what a slope is held against: a step of 1, or of the parameter itself where it is positive.
    """

    role: Role
    inputs: Array
    calls: list[Values]
    truth: Array
    zones: list[str]
    unit: Array


def run(case: Case) -> Iterator[Finding]:
    """Yield what is off, once for each code."""
    r = _as_known(case)
    for track in _tracks(case.working, r):
        offset = _offset(case, r, track)
        error = _errors(case, r, track, offset)
        if r.density == "continuous_bernoulli":
            yield from _unnormalised(case, r, track, error, offset)
        else:
            yield from _cancelled(case, r, track, error)
        if case.loss.adapter.differentiates:
            yield from _slopes(case, r, track)


def _as_known(case: Case) -> Reconstruction:
    """Return the reconstruction as the density that it is once its weight is absorbed: a Student for log(1 + u^2)."""
    r, model = case.anatomy.reconstruction, case.model
    assert r is not None
    if model.family != "student_t" or r.density == "student_t" or model.member is None or not model.energy_weight:
        return r
    return replace(r, density="student_t", shape=dict(model.member), weight=r.weight.scaled(1 / model.energy_weight))


def _tracks(probe: Probe, r: Reconstruction) -> Iterator[Track]:
    """Yield the tracks: a shape that is learned, one that the loss holds, or the logits of a continuous Bernoulli."""
    if r.density == "continuous_bernoulli":
        grid = _LOGITS[:, None] * np.array([-1.0, 1.0])
        grid = grid.ravel() if r.parameter == "logits" else 1 / (1 + np.exp(-grid.ravel()))
        track = _track(probe, r, r.role, [{Role.X: 0.5, r.role: float(v)} for v in grid])
    elif r.shape_role is not None and r.shape_as is not None:
        calls = [_usual(r, float(v)) for v in _DECADES]
        track = _track(
            probe, r, r.shape_role, [{**c, r.shape_role: float(v)} for c, v in zip(calls, _DECADES, strict=True) if c]
        )
    else:
        held = next((v for name, v in r.shape.items() if name in SHAPES), None)
        call = None if held is None else _usual(r, held)
        track = _track(probe, r, r.role, [call]) if call else None
    if track is not None and track.inputs.size:
        yield track


def _usual(r: Reconstruction, v: float) -> dict[Role, float]:
    """Return data and prediction that a shape makes usual, empty where there are none."""
    r_count = 1 / v if r.shape_as == "dispersion" else v
    odds = COUNTED / (r_count - COUNTED if r.density == "binomial" else r_count)
    if r.density == "binomial" and r_count < 2 * COUNTED:
        return {}
    of = {
        ("student_t", "loc"): (1.0, 0.0),
        ("beta", "concentration1"): (0.5, v),
        ("beta", "mean"): (0.5, 0.5),
        ("weibull", "scale"): (1.0, 1.0),
        ("weibull", "log_scale"): (1.0, 0.0),
        **{("gamma", name): (1.0, at) for name, at in {"rate": v, "scale": 1 / v, "mean": 1.0}.items()},
        **{
            ("gamma", f"log_{name}"): (1.0, at)
            for name, at in {"rate": np.log(v), "scale": -np.log(v), "mean": 0.0}.items()
        },
    }
    counts = {"mean": COUNTED, "log_mean": np.log(COUNTED), "logits": np.log(odds), "failure_logits": -np.log(odds)}
    counts |= {"probs": odds / (1 + odds), "failure_probs": 1 / (1 + odds)}
    of |= {(name, p): (COUNTED, at) for name in ("negative_binomial", "binomial") for p, at in counts.items()}
    found = of.get((str(r.density), r.parameter))
    return {} if found is None else {Role.X: found[0], r.role: float(found[1])}


def _track(probe: Probe, r: Reconstruction, role: Role, calls: list[dict[Role, float]]) -> Track | None:
    """Return the track of these calls as the dtype holds them; None where the reference has no such form."""
    held = [{name: float(probe.cast(np.asarray(v))) for name, v in call.items()} for call in calls]
    with np.errstate(all="ignore"):
        known = [_truth(r, call) for call in held]
    kept = [k for k, truth in enumerate(known) if truth is not None and np.isfinite(truth)]
    inputs = np.array([held[k][role] for k in kept])
    positive = role is not r.role
    return Track(
        role,
        inputs,
        [held[k] for k in kept],
        np.array([known[k] for k in kept], dtype=np.float64),
        [_zone(r, v, shape=positive) for v in inputs],
        np.abs(inputs) if positive else np.ones_like(inputs),
    )


def _truth(r: Reconstruction, call: Values) -> float | None:
    """Return what one element costs, by the reference."""
    shape = None if r.shape_role is None else np.asarray(call[r.shape_role])
    found = conventional(r, np.asarray(call[r.role]), shape)
    if found is None or any(not np.all(p.domain.holds(found[1][p.name])) for p in found[0].form(found[1]).parameters):
        return None
    density, parameters = found
    value: Any = density.log_prob(call[Role.X], **dict[str, Any](parameters))
    return -float(value)


def _zone(r: Reconstruction, value: float, *, shape: bool) -> str:
    """Return where a shape, or logits, lie; a value that the loss holds as a number is no extreme of ours."""
    if shape:
        return budget.zone(float(abs(np.log10(value))), budget.SHAPE_DECADES)
    if r.density != "continuous_bernoulli":
        return "stress"
    logits = float(np.log(value) - np.log1p(-value)) if r.parameter == "probs" else value
    found = budget.zone(abs(logits), budget.LOGITS)
    return "stress" if found == "extreme" else found


def _offset(case: Case, r: Reconstruction, track: Track) -> float:
    """Return the constant of a call, read off the first value in the wider dtype."""
    weight = r.weight.at(sizes(case.working.layout, case.anatomy.event_axes))
    return case.probe(track.calls[0]) - weight * float(track.truth[0])


def _errors(case: Case, r: Reconstruction, track: Track, offset: float) -> Array:
    """Return how far each value is off in nats of an element."""
    weight = r.weight.at(sizes(case.working.layout, case.anatomy.event_axes))
    values = case.working.curve(track.calls)
    with np.errstate(all="ignore"):
        rounding = case.working.noise(values, offset, weight * track.truth)
        off = values - offset - weight * track.truth
        return np.asarray(np.where(np.abs(off) > rounding, off / weight, 0.0))


def _first_bad(track: Track, error: Array) -> int | None:
    """Return the bad input nearest to the ordinary one; what is not finite is another check's."""
    with np.errstate(invalid="ignore"):
        bad = np.flatnonzero(np.isfinite(error) & (np.abs(error) > budget.MATERIAL_NATS))
    order = list(_LOUDNESS)
    return int(min(bad, key=lambda k: (order.index(track.zones[k]), k))) if bad.size else None


def _cancelled(case: Case, r: Reconstruction, track: Track, error: Array) -> Iterator[Finding]:
    """Yield a difference of gamma functions that has lost its digits."""
    first = _first_bad(track, error)
    if first is None:
        return
    worst = int(np.nanargmax(np.where(np.isfinite(error), np.abs(error), 0.0)))
    held = r.shape_role is None
    name = next(n for n in SHAPES if n in r.shape) if held else case.names.get(track.role.value, track.role.value)
    at = r.shape[name] if held else float(track.inputs[first])
    more = "" if worst == first else f", and by {number(error[worst])} at {track.inputs[worst]:.6g}"
    message = f"In {case.working.dtype} one element is off by {number(error[first])} nats at {name} = {at:.6g}{more}: "
    message += "differences of lgamma have lost their digits there."
    where = ", ".join(f"{case.names.get(k.value, k.value)} = {v:.6g}" for k, v in track.calls[first].items())
    yield finding("ELB507", message, _LOUDNESS[track.zones[first]], where)


def _unnormalised(case: Case, r: Reconstruction, track: Track, error: Array, offset: float) -> Iterator[Finding]:
    """Yield a normaliser that is wrong for some predictions: the value is off by the same for every datum."""
    first = _first_bad(track, error)
    if first is None:
        return
    other = _track(case.working, r, r.role, [{**call, Role.X: 1.0} for call in track.calls])  # type: ignore[dict-item]
    again = error if other is None else _errors(case, r, other, offset)
    if abs(again[first] - error[first]) > budget.MATERIAL_NATS * max(1.0, abs(error[first])):
        return
    name, dtype = case.names.get(r.role.value, r.role.value), case.working.dtype
    edge = _edge(case, r, track, error, first, offset)
    shown = [k for k in range(first, error.size, 2) if np.isfinite(error[k])]
    masses = ", ".join(f"{exp(-error[k]):.3g} at {track.inputs[k]:.6g}" for k in (shown[0], shown[-1]))
    message = f"In {dtype} the mass of exp(-loss) is not 1 from {name} = {edge:.5g} on: {masses}."
    fix = "Compute the log normaliser from the logits, by a series where they are small: log C does not need 1 - 2 p."
    yield finding("ELB407", message, _LOUDNESS[track.zones[first]], f"{name} = {edge:.5g}", fix)


def _edge(case: Case, r: Reconstruction, track: Track, error: Array, first: int, offset: float) -> float:
    """Return the first input that is off, by bisection between the last good and the first bad one of that side."""
    good = next((k for k in range(first - 2, -1, -2) if abs(error[k]) <= budget.EDGE_NATS), None)
    if good is None:
        return float(track.inputs[first])
    low, high = float(track.inputs[good]), float(track.inputs[first])
    for _ in range(EDGE_HALVINGS):
        middle = 0.5 * (low + high)
        there = _track(case.working, r, r.role, [{**track.calls[0], r.role: middle}])  # type: ignore[dict-item]
        assert there is not None
        off = abs(float(_errors(case, r, there, offset)[0]))
        low, high = (low, middle) if off > budget.EDGE_NATS else (middle, high)
    return high


EDGE_HALVINGS = 12


def _slopes(case: Case, r: Reconstruction, track: Track) -> Iterator[Finding]:
    """Yield the most ordinary input at which the gradient is another than the reference's, in the dtype people train in."""
    weight = r.weight.at(sizes(case.working.layout, case.anatomy.event_axes))
    order = sorted(range(track.inputs.size), key=lambda k: list(_LOUDNESS).index(track.zones[k]))
    for k in order:
        if track.zones[k] == "extreme" or (truth := _slope(r, track, k)) is None:
            continue
        inputs = case.working.inputs(track.calls[k])
        try:
            slope = case.loss.gradient(inputs, {track.role: inputs[track.role]})[track.role]
        except CallError:
            return
        found = float(np.sum(slope)) / weight
        if np.isfinite(found) and abs(found - truth) * track.unit[k] > budget.MATERIAL_NATS * max(1.0, abs(truth)):
            name = case.names.get(track.role.value, track.role.value)
            where = ", ".join(f"{case.names.get(q.value, q.value)} = {v:.6g}" for q, v in track.calls[k].items())
            message = (
                f"In {case.working.dtype} the gradient in {name} is {number(found)} at {where}, where it should be "
            )
            yield finding("ELB601", message + f"{number(truth)}.", _LOUDNESS[track.zones[k]], where)
            return


def _slope(r: Reconstruction, track: Track, k: int) -> float | None:
    """Return the derivative of what one element costs, by the reference's values a little to both sides."""
    step = (
        budget.SLOPE_STEP * max(1.0, float(track.unit[k]))
        if track.role is r.role
        else budget.SLOPE_STEP * track.unit[k]
    )
    ends = [_truth(r, {**track.calls[k], track.role: track.inputs[k] + sign * step}) for sign in (1.0, -1.0)]
    if ends[0] is None or ends[1] is None:
        return None
    return float((ends[0] - ends[1]) / (2 * step))


def skipped(case: Case) -> Skip | None:
    """Skip what has no such parameter, or is wrong already."""
    r, s = case.anatomy.reconstruction, case.anatomy.structure
    plain = s.separable and s.homogeneous and not s.batch_coupled and not s.broadcast
    if r is None or r.density is None or not plain or r.swapped or r.scale_as == "var":
        return Skip("no family of two parameters was read")
    if r.normalizer_ratio is not None and abs(r.normalizer_ratio - 1) > budget.NORMALISER:
        return Skip("the normaliser is wrong anyway")
    return None


CHECK = Check("parameters at their ends", CODES, run, skipped)
