"""Extreme inputs: where the loss overflows, saturates or turns NaN although the truth is an ordinary number.

How loud that is depends on where: everyday inputs, stress, or only at the ends of the float range (DESIGN's three zones).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import exp

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Reconstruction
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.conventional import conventional
from elbocheck.divergences import normal_standard
from elbocheck.errors import CallError
from elbocheck.floats import eps, greatest, is_half
from elbocheck.member import reference
from elbocheck.monomial import Monomial
from elbocheck.probing.probe import Values, argument_of, log_var_of, spread_of
from elbocheck.probing.reduction import sizes
from elbocheck.roles import POSITIVE, Role
from elbocheck.verdict import Finding, Outcome

CODES = ("ELB001", "ELB006", "ELB501", "ELB502", "ELB503", "ELB504", "ELB509")
_LOUDNESS = {"everyday": Outcome.FAIL, "stress": Outcome.WARN, "extreme": Outcome.NOTE}


@dataclass(frozen=True)
class Sweep:
    """One argument driven to its ends.

    Attributes:
        argument: its name.
        inputs: what it was set to, as the loss's dtype holds it, ordinary values first.
        calls: the points.
        truth: the reference's value of one element, in nats.
        weight: of one element over a call.
        zone: an input to `everyday`, `stress` or `extreme`.
        guarded: a finite deviation outside the everyday zone is a deliberate guard.
        beside: what the other arguments are, for the counterexample.
        fix: what to do about a held value, where it is not the rule's own advice on logarithms of probabilities.
    """

    argument: str
    inputs: Array
    calls: list[Values]
    truth: Array
    weight: float
    zone: Callable[[float], str]
    guarded: bool
    beside: str
    fix: str | None = None


_FIX_LOC = "Keep the clamp out of the loss: clip the image that is shown, not the prediction that is scored."
_FIX_SCALE = "Work with the log of the scale, which needs no guard; if its range must be limited, limit it beyond +-30."


def run(case: Case) -> Iterator[Finding]:
    """Yield what happens to predictions, scales of the likelihood and of the posterior."""
    yield from loudest(case, _sweeps(case))


def loudest(case: Case, sweeps: Iterable[Sweep]) -> Iterator[Finding]:
    """Yield the loudest finding for each code."""
    found: dict[str, Finding] = {}
    order = list(_LOUDNESS.values())
    for sweep in sweeps:
        for one in _compare(case, sweep):
            if one.code not in found or order.index(one.outcome) < order.index(found[one.code].outcome):
                found[one.code] = one
    if {"ELB504", "ELB509"} <= set(found):  # one cause: NaN for both classes is the quotient's, else log(1 - e^-0)'s
        del found["ELB504" if "is nan" in found["ELB509"].message else "ELB509"]
    yield from found.values()


def _sweeps(case: Case) -> Iterator[Sweep]:
    r = case.anatomy.reconstruction
    if r is not None and not r.swapped and not r.signed and r.normalizer_ratio is None and r.bins is None:
        yield from _prediction_sweeps(case)
    if r is not None and r.scale_role is not None and r.scale_as is not None and r.shape == {}:
        yield from _likelihood_scale_sweep(case)
    g = case.anatomy.regulariser
    if (
        g is not None
        and g.to_standard
        and g.read_as is None
        and g.scale_role is not None
        and not {Role.Z, Role.EPS} & case.loss.roles
    ):
        yield _scale_sweep(case)


def _prediction_sweeps(case: Case) -> Iterator[Sweep]:
    r = case.anatomy.reconstruction
    assert r is not None
    known = reference(r.density, r.parameter, r.shape)
    if (known is None and r.density != "continuous_bernoulli") or r.parameter == "rate":  # rates have no zones yet
        return
    weight = r.weight.at(sizes(case.working.layout, case.anatomy.event_axes))
    grid, zone = (_probabilities(), _probability_zone) if r.closed else (_reals(), _real_zone)
    for x in (0.0, 1.0):
        inputs = case.working.cast(grid)
        squashed = 0.5 * (1 + np.tanh(inputs / 2)) if r.link == "sigmoid" else inputs
        truth = known[0].energy.wide(x, squashed, *known[1]) if known else _whole(r, x, inputs)
        calls: list[Values] = [{Role.X: x, r.role: float(v)} for v in inputs]
        name = case.names.get(r.role.value, r.role.value)
        fix = _FIX_LOC if r.parameter == "loc" else None
        yield Sweep(name, inputs, calls, truth, weight, zone, r.closed, f"{case.names.get('x', 'x')} = {x:g}", fix)


def _whole(r: Reconstruction, x: float, inputs: Array) -> Array:
    """Return energy and log normaliser, where the prediction moves both; NaN where the density is none."""
    found = conventional(r, inputs, None)
    assert found is not None
    inside = np.isfinite(found[1]["logits"])
    logits = np.where(inside, found[1]["logits"], 0.0)
    return np.where(inside, -found[0].log_prob(x, logits=logits), np.nan)


def _likelihood_scale_sweep(case: Case) -> Iterator[Sweep]:
    """Drive a learned scale to its ends, one unit off the data; only where its normaliser is right."""
    r = case.anatomy.reconstruction
    assert r is not None
    assert r.scale_role is not None
    known = reference(r.density, r.parameter, r.shape)
    if known is None or r.normalizer_ratio is None or abs(r.normalizer_ratio - 1) > budget.NORMALISER:
        return
    role = Role(str(r.scale_as))
    inputs = case.working.cast(np.asarray(argument_of(role, _LOG_VARIANCES)))
    inputs = inputs[np.isfinite(inputs) & ((inputs != 0) | (role not in POSITIVE))]
    form, _ = known
    spread = spread_of(role, inputs)
    truth = form.energy.wide(1.0, 0.0, spread)
    if form.log_normalizer is not None:
        truth = truth + form.log_normalizer.wide(0.0, spread)
    calls: list[Values] = [{r.scale_role: float(v), Role.X: 1.0, r.role: 0.0} for v in inputs]
    weight = r.weight.at(sizes(case.working.layout, case.anatomy.event_axes))
    name = case.names.get(r.scale_role.value, r.scale_role.value)
    yield Sweep(name, inputs, calls, truth, weight, _zone_of(role), role in POSITIVE, "x - r = 1", _FIX_SCALE)


_LOG_VARIANCES = np.array([0.5, 2, 5, 10, 15, 20, 30, 50, 80, 88, 100, 170, 300, 600, 720])
_LOG_VARIANCES = np.concatenate([_LOG_VARIANCES, -_LOG_VARIANCES])


def _probabilities() -> Array:
    ends = np.array(
        [0.3, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-16, 1e-30, 1e-40, 1e-60, 1e-200, 0.0]
    )
    return np.concatenate([ends, 1 - ends])


def _probability_zone(p: float) -> str:
    """Everyday [1e-6, 1 - 1e-6]; stress what a sigmoid of logits within 100 gives, saturation to 0 and 1 included."""
    if 0.99e-6 <= p <= 1 - 0.99e-6:
        return "everyday"
    return "stress" if p >= exp(-100) or p == 0 else "extreme"


def _reals() -> Array:
    sizes_ = np.array([0.5, 3, 10, 15, 20, 30, 50, 80, 89, 100, 300, 720, 1e4, 1e8])
    return np.concatenate([sizes_, -sizes_])


def _real_zone(value: float) -> str:
    return budget.zone(abs(value), budget.LOGITS)


def _scale_sweep(case: Case) -> Sweep:
    g = case.anatomy.regulariser
    assert g is not None
    assert g.scale_role is not None
    assert g.scale_as is not None
    read_as = Role.Q_RAW_SCALE if g.scale_as == "softplus" else Role(f"q_{g.scale_as}")
    inputs = case.working.cast(np.asarray(argument_of(read_as, _LOG_VARIANCES)))
    kept = np.isfinite(inputs) & (inputs != 0 if g.scale_as in ("scale", "var") else True)
    inputs = inputs[kept]
    log_var = log_var_of(read_as, inputs)
    truth = normal_standard.kl(loc=0.0, log_var=log_var)
    if g.floor is not None:
        each = g.floor / Monomial(1.0, {"L": g.weight.powers.get("L", 0)})
        truth = np.maximum(truth, each.at(sizes(case.working.layout, case.anatomy.event_axes)))
    calls: list[Values] = [{g.scale_role: float(v)} for v in inputs]
    weight = g.weight.at(sizes(case.working.layout, case.anatomy.event_axes))
    name = case.names.get(g.scale_role.value, g.scale_role.value)
    return Sweep(
        name,
        inputs,
        calls,
        truth,
        weight,
        _zone_of(read_as),
        g.scale_as in ("scale", "var", "softplus"),
        f"{case.names.get('q_loc', 'q_loc')} = 0",
        _FIX_SCALE,
    )


def _zone_of(role: Role) -> Callable[[float], str]:
    def zone(value: float) -> str:
        return budget.zone(abs(float(log_var_of(role, np.asarray(value)))), budget.LOG_VARIANCES)

    return zone


def _compare(case: Case, sweep: Sweep) -> Iterator[Finding]:
    """Hold the loss against the truth along one sweep; what the constant adds is read off the first, ordinary input."""
    probe = case.working
    values = probe.curve(sweep.calls)
    offset = values[0] - sweep.weight * sweep.truth[0]
    largest = greatest(probe.dtype)
    room = np.maximum(1, abs(sweep.weight)) * np.abs(sweep.truth) < budget.HEADROOM * largest
    for place in np.flatnonzero(room & np.isfinite(sweep.truth) & ~np.isfinite(values)):
        yield _not_finite(case, sweep, int(place), float(values[place]))
    with np.errstate(all="ignore"):
        error = np.abs(values - offset - sweep.weight * sweep.truth) / abs(sweep.weight)
        rounding = probe.noise(values, offset, sweep.weight * sweep.truth, sweep.weight * np.abs(sweep.inputs)) / abs(
            sweep.weight
        )
    forced = eps(probe.dtype) * np.maximum(float(is_half(probe.dtype)), np.abs(sweep.truth))  # 1 - p is rounded too
    allowed = budget.EVERYDAY_NATS * np.maximum(1, np.abs(sweep.truth)) + rounding + forced
    off = np.isfinite(values) & ((error > allowed) | ~np.isfinite(sweep.truth))
    if np.any(off):
        yield _saturated(sweep, np.flatnonzero(off), (values - offset) / sweep.weight, error)


def _not_finite(case: Case, sweep: Sweep, place: int, value: float) -> Finding:
    at = float(sweep.inputs[place])
    zone = sweep.zone(at)
    where = f"{sweep.argument} = {at:.6g}, {sweep.beside}"
    truth = number(float(sweep.truth[place]))
    try:
        case.loss(case.working.inputs(sweep.calls[place]))
    except CallError as error:
        return finding("ELB001", f"At {where} the loss {error.what}.", _LOUDNESS[zone], where)
    if np.isinf(value) and sweep.fix is _FIX_SCALE and at < sweep.inputs[0]:
        message = f"The loss is {value} at {where}, where one element costs {truth} nats: the scale rounds to 0, its logarithm is infinite."
        return finding("ELB502", message, _LOUDNESS[zone], where, sweep.fix)
    if sweep.guarded and zone != "everyday":
        return finding("ELB503", f"The loss is {value} at {where}, where it should be {truth}.", _LOUDNESS[zone], where)
    code = "ELB006" if zone == "everyday" else _overflow(case, sweep, place, value)
    code = "ELB509" if np.isinf(value) and _one_sided(case, sweep, place) else code
    return finding(
        code, f"The loss is {value} at {where}, where one element costs {truth} nats.", _LOUDNESS[zone], where
    )


def _one_sided(case: Case, sweep: Sweep, place: int) -> bool:
    """Tell whether a loss of the residual is finite at the same distance on the other side of the data."""
    r, call = case.anatomy.reconstruction, sweep.calls[place]
    if r is None or r.parameter != "loc" or r.link != "identity" or not {Role.X, r.role} <= set(call):
        return False
    mirrored = 2 * float(np.asarray(call[Role.X])) - float(np.asarray(call[r.role]))
    return bool(np.isfinite(case.working({**call, r.role: mirrored})))


def _overflow(case: Case, sweep: Sweep, place: int, value: float) -> str:
    """Name an overflow: NaN at a saturated right prediction, a one-sided softplus, or another exponential."""
    r = case.anatomy.reconstruction
    if r is None or r.parameter != "logits" or r.role not in sweep.calls[place]:
        return "ELB501"
    if np.isnan(value) and abs(sweep.truth[place]) < budget.EVERYDAY_NATS:
        return "ELB504"
    return "ELB509"


def _saturated(sweep: Sweep, places: Array, costs: Array, error: Array) -> Finding:
    """Return the finding on finite values that leave the truth, at the most ordinary input where they do."""
    order = list(_LOUDNESS)
    first = min(places, key=lambda i: (order.index(sweep.zone(float(sweep.inputs[i]))), -error[i]))
    at, zone = float(sweep.inputs[first]), sweep.zone(float(sweep.inputs[first]))
    outcome = _LOUDNESS[zone]
    slight = error[first] < budget.MATERIAL_NATS * max(1.0, abs(sweep.truth[first]))
    if not np.isfinite(sweep.truth[first]) or (sweep.guarded and (slight or zone != "everyday")):
        outcome = Outcome.NOTE
    elif zone == "everyday" and slight:
        outcome = Outcome.WARN
    truth = "infinite" if not np.isfinite(sweep.truth[first]) else number(float(sweep.truth[first]))
    where = f"{sweep.argument} = {at:.6g}, {sweep.beside}"
    cost = number(float(costs[first]))
    message = f"At {where} one element costs {cost} nats where the truth is {truth}: a clamp, an added constant or underflow holds it."
    return finding("ELB502", message, outcome, where, sweep.fix)


def skipped(case: Case) -> Skip | None:
    """Skip where nothing was identified to compare with."""
    r, g = case.anatomy.reconstruction, case.anatomy.regulariser
    if (r is None or r.density is None) and (g is None or g.pattern != "kl"):
        return Skip("no reference was identified to compare with", told=True)
    return None


CHECK = Check("extreme inputs", CODES, run, skipped)
