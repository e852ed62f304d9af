"""The gradient: finite where the value is, and its derivative, or that of the reference that the loss was read as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.divergences import normal_standard
from elbocheck.errors import CallError
from elbocheck.member import reference
from elbocheck.probing.probe import argument_of, log_var_of
from elbocheck.probing.reduction import sizes
from elbocheck.probing.slopes import Slope, along, gradients
from elbocheck.roles import LIKELIHOOD_SCALES, POSITIVE, POSTERIOR_SCALES, PREDICTIONS, PRIOR_SCALES, Role
from elbocheck.shapes import ordinary
from elbocheck.verdict import Finding, Outcome


def run(case: Case) -> Iterator[Finding]:
    """Yield wrong and non-finite gradients, one for each argument."""
    rng = np.random.default_rng(case.seed)
    point = _point(case, rng)
    wanted: dict[Role, Array] = {role: point[role] for role in point if role is not Role.X}
    try:
        found = gradients(case.probe, point, wanted)
    except CallError as error:
        if not case.probe.accepts(point):  # no value there either: a random point outside the loss's own domain
            return
        yield finding("ELB601", f"The derivative cannot be taken: it {error.what}.", Outcome.FAIL)
        return
    yield from _compared(case, point, found)
    yield from _singular(case)
    yield from _stressed(case)


def _compared(case: Case, point: Mapping[Role, Array], found: Mapping[Role, Array]) -> Iterator[Finding]:
    """Yield gradients that are not finite, and those that are not the value's where they are not the reference's."""
    truth = _truth(case, point)
    wrong: dict[Role, Slope] = {}
    for role, gradient in found.items():
        if not np.all(np.isfinite(gradient)):
            name = case.names.get(role.value, role.value)
            message = f"The gradient in {name} is not finite at ordinary values, though the loss is."
            yield finding("ELB602", message, Outcome.FAIL)
        elif role not in truth or _differs(case, gradient, truth[role]):
            slope = along(case.probe, point, role, gradient, case.seed + 1)
            wrong |= {} if slope.agree else {role: slope}
    if wrong and (detached := _detached(case, point, found, {*wrong})) is not None:
        yield detached
        return
    for role, slope in wrong.items():
        yield finding(
            "ELB601", f"The gradient in {case.names.get(role.value, role.value)} {_claim(slope, found[role])}."
        )


def _claim(slope: Slope, gradient: Array) -> str:
    """Say how a gradient contradicts the value."""
    if not np.any(gradient):
        return f"is 0 everywhere, though the loss moves with it by {number(slope.moved)} along a random direction: it is detached"
    return f"is {number(slope.claimed)} along a random direction, where the value moves by {number(slope.moved)}"


def _detached(case: Case, point: Mapping[Role, Array], found: Mapping[Role, Array], wrong: set[Role]) -> Finding | None:
    """Return the finding on a divergence whose arguments get a share of its slope each; None where it is no such thing."""
    posterior = sorted(role for role in found if role.value.startswith("q_"))
    prior = sorted(role for role in found if role in PRIOR_SCALES or role is Role.P_LOC)
    if not wrong <= {*posterior, *prior}:
        return None
    if (
        all(not np.any(found[role]) for role in wrong)
        and (beside := sorted({*posterior} - wrong))
        and not wrong & {*prior}
    ):
        what, kept = (", ".join(case.names.get(r, r) for r in sorted(some)) for some in (wrong, beside))
        return finding(
            "ELB304",
            f"The gradient in {what} is 0 though the loss moves with it; in {kept} it is right: {what} is detached.",
        )
    ours, theirs = (_share(case, point, found, group) for group in (posterior, prior))
    if ours is None or theirs is None or abs(ours + theirs - 1) > budget.PROPORTION:
        return None
    q, p = (", ".join(case.names.get(r, r) for r in group) for group in (posterior, prior))
    return finding(
        "ELB304",
        f"Of the divergence's slope the posterior ({q}) gets {ours:.4g} and the prior ({p}) {theirs:.4g}: the rest of it "
        "is detached. The value is that of the whole.",
    )


def _share(case: Case, point: Mapping[Role, Array], found: Mapping[Role, Array], group: list[Role]) -> float | None:
    """Return the one share of the value's slope that a group of arguments gets in every direction, None where there is none."""
    slopes = [along(case.probe, point, role, found[role], case.seed + k) for role in group for k in (1, 2)]
    shares = [slope.share for slope in slopes if np.isfinite(slope.share)]
    if not shares or max(shares) - min(shares) > budget.PROPORTION:
        return None
    return float(np.mean(shares))


def _point(case: Case, rng: np.random.Generator) -> dict[Role, Array]:
    """Return random ordinary arrays: binary data, a posterior off the prior."""
    values: dict[Role, Array] = {}
    for role in sorted(case.loss.roles):
        shape = case.probe.layout.shape(role)
        if role is Role.X:
            values[role] = np.where(rng.random(shape) < 0.5, *case.probe.data)
        elif role in PREDICTIONS:
            values[role] = rng.uniform(0.1, 0.9, shape)
        elif role is Role.Q_PROBS:
            values[role] = rng.dirichlet(np.full(shape[-1], 4.0), shape[:-1])
        elif role in PRIOR_SCALES or role is Role.P_LOC:
            values[role] = np.full(shape, ordinary(role))
        elif role is Role.TOTAL_COUNT:
            values[role] = rng.integers(1, 4, shape).astype(np.float64)
        elif role in LIKELIHOOD_SCALES | POSTERIOR_SCALES:
            values[role] = np.asarray(argument_of(role, rng.uniform(-1.0, 1.0, shape)))
        else:
            values[role] = rng.uniform(0.7, 1.5, shape) if role in POSITIVE else rng.standard_normal(shape) + 3.0
    return case.probe.inputs(values)


def _truth(case: Case, point: Mapping[Role, Array]) -> dict[Role, Array]:
    """Return the references' derivatives, weighted as measured, for the roles that were identified."""
    wide = {role: np.asarray(value, dtype=np.float64) for role, value in point.items()}
    return {**_likelihood(case, wide), **_divergence(case, wide)}


def _likelihood(case: Case, point: Mapping[Role, Array]) -> dict[Role, Array]:
    r, s = case.anatomy.reconstruction, case.anatomy.structure
    plain = s.separable and s.homogeneous and not s.batch_coupled and not s.broadcast
    known = reference(r.density, r.parameter, r.shape) if r is not None else None
    if r is None or known is None or r.scale_as is not None or r.normalizer_ratio is not None or not plain:
        return {}
    form, fixed = known
    weight = r.weight.at(sizes(case.probe.layout, case.anatomy.event_axes)) / point[Role.X].size
    prediction = point[r.role].reshape(point[Role.X].shape)
    inner = np.ones(1)
    if r.link == "sigmoid":
        prediction = 0.5 * (1 + np.tanh(prediction / 2))
        inner = prediction * (1 - prediction)
    slope = form.energy_grad[0].wide(point[Role.X], prediction, *fixed)
    return {r.role: (weight * slope * inner).reshape(point[r.role].shape)}


def _divergence(case: Case, point: Mapping[Role, Array]) -> dict[Role, Array]:
    g = case.anatomy.regulariser
    if (
        g is None
        or not g.to_standard
        or g.scale_as == "softplus"
        or g.floor is not None
        or Role.Q_LOC not in point
        or Role.Z in point
        or Role.EPS in point
    ):
        return {}
    loc = point[Role.Q_LOC]
    weight = g.weight.at(sizes(case.probe.layout, case.anatomy.event_axes)) / loc.size
    if g.scale_role is None or g.scale_as is None:
        return {Role.Q_LOC: weight * loc}
    scale = point[g.scale_role]
    read_as = Role(f"q_{g.scale_as}")
    slopes = normal_standard.grad(loc=loc, log_var=log_var_of(read_as, scale))
    inner = (1.0 if g.scale_as in ("var", "log_var") else 2.0) / (scale if read_as in POSITIVE else 1.0)
    return {Role.Q_LOC: weight * slopes["loc"], g.scale_role: weight * slopes["log_var"] * inner}


def _differs(case: Case, slope: Array, truth: Array) -> bool:
    """Tell whether a gradient is not the reference's, beyond rounding."""
    size = float(np.max(np.abs(truth)))
    allowed = budget.GRADIENT * float(case.probe.noise(size))
    return bool(float(np.max(np.abs(slope - truth))) > allowed)


def _singular(case: Case) -> Iterator[Finding]:
    """Yield a gradient that is not finite where prediction and data coincide and the value is finite."""
    if case.anatomy.reconstruction is None or case.anatomy.reconstruction.closed:
        return
    role = case.prediction
    at = {Role.X: 0.5, role: 0.5}
    if not np.all(np.isfinite(case.probe.raw(at))):  # a loss that refuses the point has no gradient there either
        return
    inputs = case.probe.inputs(at)
    slope = case.loss.gradient(inputs, {role: inputs[role]})[role]
    if not np.all(np.isfinite(slope)):
        name = case.names.get(role.value, role.value)
        yield finding(
            "ELB602",
            f"The gradient in {name} is {slope.flat[0]} where {name} equals the data.",
            Outcome.FAIL,
            f"{name} = x = 0.5",
        )


def _stressed(case: Case) -> Iterator[Finding]:
    """Yield the first gradient that is not finite where the value is, in the dtype people train in."""
    r = case.anatomy.reconstruction
    sweeps: list[tuple[Role, tuple[float, ...]]] = []
    if r is not None:
        sweeps.append(
            (r.role, (1e-6, 1 - 1e-6) if r.closed else (20.0, -20.0, 50.0, -50.0, 90.0, -90.0, 100.0, -100.0))
        )
    if (role := next((q for q in case.loss.roles if q in POSTERIOR_SCALES), None)) is not None:
        sweeps.append((role, tuple(float(argument_of(role, np.asarray(t))) for t in (10.0, -10.0, 30.0, -30.0))))
    for role, levels in sweeps:
        everyday = levels[:2]
        for level in levels:
            if not np.all(np.isfinite(case.working.raw({role: level}))):
                continue
            inputs = case.working.inputs({role: level})
            slope = case.loss.gradient(inputs, {role: inputs[role]})[role]
            if not np.all(np.isfinite(slope)):
                where = f"{case.names.get(role.value, role.value)} = {level:.6g}"
                outcome = Outcome.FAIL if level in everyday else Outcome.WARN
                yield finding(
                    "ELB602", f"At {where} the loss is finite but its gradient is {slope.flat[0]}.", outcome, where
                )
                return


def skipped(case: Case) -> Skip | None:
    """Skip frameworks without a derivative."""
    if not case.loss.adapter.differentiates:
        return Skip("NumPy losses have no derivative", told=True)
    r = case.anatomy.reconstruction
    return Skip("the arguments are swapped") if r is not None and r.swapped else None


CHECK = Check("gradient", ("ELB304", "ELB601", "ELB602"), run, skipped)
