"""Run a plan: find the loss's shapes, measure it, let every check that applies speak."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from elbocheck.adapters import candidates
from elbocheck.anatomy import Anatomy
from elbocheck.bounds import bound
from elbocheck.checks import CHECKS, Case
from elbocheck.checks.case import argument_names
from elbocheck.errors import CallError, UsageError
from elbocheck.implied import imply
from elbocheck.intent import Intent
from elbocheck.loss import Loss
from elbocheck.probing.dissect import dissect
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import sizes
from elbocheck.probing.rereading import reread
from elbocheck.roles import POSTERIOR_SCALES, Key, Role
from elbocheck.rules import matching
from elbocheck.shapes import SMALL, Layout, Shape, discover, filled, nominal
from elbocheck.verdict import Bound, CheckResult, Finding, Outcome, Run, Verdict, worst_first

DTYPES = ("float64", "float32")


def verify(
    function: Callable[..., Any],
    *,
    target: str | None = None,
    roles: Mapping[Key, str | float] | None = None,
    constants: Mapping[Key, Any] | None = None,
    shapes: Mapping[str, Shape] | None = None,
    framework: str | None = None,
    dtype: str | None = None,
    intent: Intent | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    seed: int = 0,
) -> Verdict:
    """Read a loss by calling it: which model it implies, whether it is a bound, which defects it has.

    Args:
        function: the loss: a function, method, partial or callable object of NumPy arrays or torch tensors.
        target: a name for the report; by default the function's own.
        roles: argument (name or position) to role, where the names do not tell.
        constants: arguments to keep at a value.
        shapes: shape of one datum `x`, one prediction `prediction`, one latent vector `z`, without the batch axis.
        framework: `numpy` or `torch`; by default what the function's module uses.
        dtype: `float64` or `float32`; by default both: float64 identifies, the framework's usual one is stressed.
        intent: the data and what the loss was meant to be.
        select: codes or prefixes to report alone.
        ignore: codes or prefixes to leave out.
        seed: of every random choice.

    Returns:
        The verdict; print it for the report.

    Raises:
        UsageError: roles that cannot be resolved, unknown options, a target that is not callable.

    Example:
        >>> import numpy as np
        >>> def loss(x_hat, x, mu, log_var):
        ...     kl = -0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var), axis=1)
        ...     return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + kl)
        >>> verdict = verify(loss)
        >>> verdict.bound.value, verdict.model.sigma2.formula, verdict.codes
        ('constant', '1', ())
    """
    if not callable(function):
        shown = target or repr(function)
        raise UsageError(f"{shown} is {type(function).__name__}, not a loss: name a function or a callable object")
    if seed < 0:
        raise UsageError(f"seed {seed} is negative: give 0 or more")
    started = time.perf_counter()
    wanted, unwanted = matching(select), matching(ignore)
    loss = Loss.of(function, target=target, roles=roles, constants=constants, framework=framework, seed=seed)
    try:
        case = _measure(loss, _declared(shapes or {}), framework, _dtype(dtype), intent or Intent(), seed)
    except CallError as error:
        return _failed(
            loss,
            error,
            Run(calls=loss.calls.values, dtype=dtype or "float64", seed=seed, seconds=time.perf_counter() - started),
        )
    found, checks = _checked(case)
    kept = [f for f in found if (not wanted or f.code in wanted) and f.code not in unwanted]
    return _verdict(case, kept, checks, started)


def _verdict(case: Case, found: list[Finding], checks: list[CheckResult], started: float) -> Verdict:
    kind, reason = bound(case.anatomy, case.model, case.intent)
    probes = {id(probe): probe for probe in (case.probe, case.working)}.values()
    run = Run(
        points=sum(probe.points for probe in probes),
        calls=case.loss.calls.values + case.loss.calls.gradients,
        dtype=case.probe.dtype.name,
        seed=case.seed,
        seconds=time.perf_counter() - started,
        sizes=_sizes_text(case.probe.layout, case.loss),
    )
    return Verdict(
        target=case.loss.target,
        bound=kind,
        reason=reason,
        model=case.model,
        findings=worst_first(found),
        checks=tuple(checks),
        roles=_roles(case.loss),
        constants=_constants(case.loss),
        run=run,
    )


def _dtype(dtype: str | None) -> str | None:
    if dtype is not None and dtype not in DTYPES:
        raise UsageError(f"unknown dtype {dtype!r}: choose from {', '.join(DTYPES)}")
    return dtype


def _declared(shapes: Mapping[str, Shape]) -> dict[Role, Shape]:
    known = {"x": Role.X, "prediction": Role.PREDICTION, "z": Role.Z}
    for name in shapes:
        if name not in known:
            raise UsageError(f"no shape goes by {name!r}: choose from {', '.join(known)}, e.g. --shape x=3x64x64")
    return {known[name]: tuple(shape) for name, shape in shapes.items()}


def _called(loss: Loss, declared: Mapping[Role, Shape], dtype: np.dtype, framework: str | None) -> tuple[Loss, Layout]:
    """Return the loss in a framework that works, with a layout that it accepts."""
    first: CallError | None = None
    for name in [framework] if framework else candidates(loss.function):
        spoken = loss.speaking(name)
        try:
            return spoken, discover(spoken, declared, dtype)
        except CallError as error:
            first = first or error
    assert first is not None
    raise first


def _measure(
    loss: Loss, declared: Mapping[Role, Shape], framework: str | None, dtype: str | None, intent: Intent, seed: int
) -> Case:
    """Find how the loss is called, and take it apart."""
    exact = np.dtype(dtype or "float64")
    loss, layout = _called(loss, declared, exact, framework)
    loss = loss.totalled(filled(layout, {r: 1.0 if r is Role.X else 0.7 for r in loss.roles}, exact))
    probe = Probe(loss, layout, exact)
    value = _refuse_unusable(probe)
    if value.dtype.itemsize < exact.itemsize:  # a loss that rounds its result identifies no better than in that dtype
        exact = value.dtype
        probe = Probe(loss, layout, exact)
    usual = np.dtype(dtype or ("float32" if loss.adapter.name == "torch" else "float64"))
    working = Probe(loss, layout, usual) if usual.itemsize < exact.itemsize else probe
    anatomy = dissect(probe, seed)
    if not declared and _eats_the_batch(anatomy):
        anatomy, probe, working = _with_more_axes(probe, working, anatomy, seed)
    anatomy, probe, working = reread(probe, working, anatomy, seed)
    axes = anatomy.event_axes
    sized = sizes(nominal(probe.layout, declared, channels_first=axes[:1] == ("C",)), axes)
    return Case(probe.loss, probe, working, anatomy, imply(anatomy, argument_names(probe.loss), sized), intent, seed)


def _eats_the_batch(anatomy: Anatomy) -> bool:
    """Tell whether the batch axis is reduced unevenly, as `.sum(-1).sum(-1)` does to data with too few axes."""
    r, g, s = anatomy.reconstruction, anatomy.regulariser, anatomy.structure
    uneven = r is not None and g is not None and r.weight.powers.get("B", 0) != g.weight.powers.get("B", 0)
    return uneven or s.batch_coupled or s.broadcast


def _with_more_axes(probe: Probe, working: Probe, anatomy: Anatomy, seed: int) -> tuple[Anatomy, Probe, Probe]:
    """Return the anatomy at another small layout that reduces the batch evenly, else what there was."""
    for layout in SMALL:
        if layout == probe.layout or not probe.layout.tileable:
            continue
        other = replace(probe, layout=layout, points=0)
        with suppress(CallError):
            _refuse_unusable(other)
            found = dissect(other, seed)
            if not _eats_the_batch(found):
                return found, other, other if working is probe else replace(working, layout=layout, points=0)
    return anatomy, probe, working


def _refuse_unusable(probe: Probe) -> np.ndarray:
    """Return the value of one ordinary call; raise CallError where it shows that nothing can be measured."""
    inputs = probe.inputs({})
    result = probe.loss(inputs)
    value = result.value
    layout, roles = probe.layout, probe.loss.roles
    if not np.all(np.isfinite(value)):
        shown = "nan" if np.any(np.isnan(value)) else "inf"
        raise CallError("ELB006", f"returned {shown} on ordinary input ({_shown(probe)})", "make it finite there")
    per_datum = value.shape in ((), (1,), (layout.batch,), (layout.batch, 1))
    events = {layout.shape(r)[:n] for r in roles for n in (len(layout.shape(r)), len(layout.shape(r)) - 1)}
    whole = bool(roles & (POSTERIOR_SCALES | {Role.Q_LOC})) and Role.X in roles
    if not per_datum and (whole or value.shape not in events):
        raise CallError(
            "ELB004",
            f"returned shape {value.shape} for a batch of {layout.batch}, neither a scalar nor one value per datum",
            "reduce it over elements and latents before the terms are added",
        )
    _refuse_random(probe)
    return value


def _refuse_random(probe: Probe) -> None:
    """Raise CallError where one input gives two values, off the prior, where every term counts."""
    inputs = probe.inputs(probe.off_prior)
    value, again = probe.loss(inputs).value, probe.loss(inputs).value
    if not np.array_equal(value, again, equal_nan=True):
        raise CallError(
            "ELB002",
            f"returned {float(value.sum()):.9g} and then {float(again.sum()):.9g} for one input and one seed",
            "take its noise as an argument, or draw it from a generator that a seed controls",
        )
    other = replace(probe.loss, seed=probe.loss.seed + 1)(inputs).value
    if not np.array_equal(value, other, equal_nan=True):
        raise CallError(
            "",
            f"draws random numbers: {float(value.sum()):.9g} under one seed, {float(other.sum()):.9g} under another",
            "take the sample z as an argument; its mean over the noise is then computed, not sampled",
        )


def _shown(probe: Probe) -> str:
    names = argument_names(probe.loss)
    return ", ".join(f"{names.get(r.value, r.value)} = {v:g}" for r, v in sorted(probe.base.items()))


def _checked(case: Case) -> tuple[list[Finding], list[CheckResult]]:
    """Run the plan: every check that applies; skipped ones are listed with their reason."""
    found: list[Finding] = []
    results: list[CheckResult] = []
    for check in CHECKS:
        if (skip := check.skipped(case)) is not None:
            results.append(CheckResult(check.name, Outcome.SKIPPED, skip.reason, skip.told))
            continue
        try:
            mine = list(check.run(case))
        except CallError as error:
            results.append(CheckResult(check.name, Outcome.INCONCLUSIVE, f"the loss {error.what}", told=True))
            continue
        found += mine
        outcome = worst_first(mine)[0].outcome if mine else Outcome.PASS
        results.append(CheckResult(check.name, outcome))
    return found, results


def _failed(loss: Loss, error: CallError, run: Run) -> Verdict:
    """Return the verdict on a loss that could not be called."""
    outcome = Outcome.FAIL if error.code else Outcome.INCONCLUSIVE
    one = Finding(error.code, outcome, f"The loss {error.what}.", error.remedy)
    reason = "nothing could be measured"
    return Verdict(
        loss.target,
        Bound.UNIDENTIFIED,
        reason,
        None,
        (one,),
        (),
        _roles(loss),
        _constants(loss),
        run,
        failed_run=True,
    )


def _roles(loss: Loss) -> dict[str, str]:
    labels = loss.binding.labels
    shown = {key: f"{labels[key]} ({key})" if key in labels else str(key) for key in loss.binding.roles}
    return {shown[key]: role.value for key, role in loss.binding.roles.items()}


def _constants(loss: Loss) -> dict[str, str]:
    assumed = loss.binding.assumed
    kept = {str(k): f"{v!r} (assumed)" if k in assumed else repr(v) for k, v in loss.binding.constants.items()}
    return {**kept, **{k: f"{v!r} (default)" for k, v in loss.binding.defaults.items() if v is not None}}


def _sizes_text(layout: Layout, loss: Loss) -> str:
    shapes = {r: layout.shape(r) for r in (Role.X, Role.Q_LOC) if r in loss.roles}
    return ", ".join(f"{r.value} {'x'.join(map(str, s)) or 'scalar'}" for r, s in shapes.items())
