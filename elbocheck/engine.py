"""Run a plan: measure the loss, let every check that applies speak."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from elbocheck.bounds import bound
from elbocheck.checks import CHECKS, Case
from elbocheck.checks.variants import asked_for
from elbocheck.errors import CallError
from elbocheck.floats import is_half, name_of
from elbocheck.intent import Intent
from elbocheck.loss import Loss
from elbocheck.measuring import measure, opened_loss
from elbocheck.models.components import Returns
from elbocheck.roles import Key, Role
from elbocheck.rules import matching
from elbocheck.shapes import Layout, Shape
from elbocheck.verdict import Bound, CheckResult, Finding, Outcome, Run, Verdict, worst_first


def verify(
    function: Callable[..., Any],
    *,
    target: str | None = None,
    roles: Mapping[Key, str | float] | None = None,
    constants: Mapping[Key, Any] | None = None,
    shapes: Mapping[str, Shape] | None = None,
    framework: str | None = None,
    dtype: str | None = None,
    device: str | None = None,
    intent: Intent | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    seed: int = 0,
    model: Any = None,
    components: Mapping[str, Returns] | None = None,
    variants: Iterable[str] = (),
) -> Verdict:
    """Read a loss by calling it: which model it implies, whether it is a bound, which defects it has.

    Args:
        function: the loss: a function, method, partial or callable object of NumPy arrays or a framework's tensors.
        target: a name for the report; by default the function's own.
        roles: argument (name or position) to role, where the names do not tell.
        constants: arguments to keep at a value.
        shapes: shape of one datum `x`, one prediction `prediction`, one latent vector `z`, without the batch axis.
        framework: `numpy`, `torch`, `jax`, `tensorflow` or `keras`; by default what the function's module uses.
        dtype: `float64`, `float32`, `bfloat16` or `float16`; by default float64 identifies, the framework's usual one is
            stressed; half precision identifies nothing and is stressed.
        device: where tensors are made, e.g. `cuda:0`; by default where the framework makes them.
        intent: the data and what the loss was meant to be.
        select: codes or prefixes to report alone.
        ignore: codes or prefixes to leave out.
        seed: of every random choice.
        model: the model that the loss takes, or uses, where parts of it are replaced; it is left as it was.
        components: path of a part of that model to what it returns, e.g. {"decoder": returns("probs")}.
        variants: what to try beyond what costs little: `compile` (torch.compile, jax.jit, tf.function, XLA: seconds),
            `vmap` (one datum at a time), `batch` (of 1, 2 and 257, where new shapes are slow too), `memory` (views that
            raise are noted too), or `all`.

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
    started = time.perf_counter()
    wanted, unwanted, tried = matching(select), matching(ignore), asked_for(variants)
    with opened_loss(
        function,
        target=target,
        roles=roles,
        constants=constants,
        shapes=shapes,
        framework=framework,
        device=device,
        seed=seed,
        model=model,
        components=components,
    ) as loss:
        try:
            case = measure(loss, shapes or {}, framework, dtype, intent or Intent(), seed)
            case = replace(case, variants=tried)
        except CallError as error:
            spent = time.perf_counter() - started
            return _failed(
                loss, error, Run(calls=loss.calls.values, dtype=dtype or "float64", seed=seed, seconds=spent)
            )
        found, checks = _checked(case)
        kept = [f for f in found if (not wanted or f.code in wanted) and f.code not in unwanted]
        return _verdict(case, kept, checks, started)


def _verdict(case: Case, found: list[Finding], checks: list[CheckResult], started: float) -> Verdict:
    kind, reason = bound(case.anatomy, case.model, case.intent, case.probe.dtype)
    probes = {id(probe): probe for probe in (case.probe, case.working)}.values()
    run = Run(
        points=sum(probe.points for probe in probes),
        calls=case.loss.calls.values + case.loss.calls.gradients,
        dtype=_dtypes(case),
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


def _dtypes(case: Case) -> str:
    """Name the dtype that identified the model, and half precision where the loss was stressed in it."""
    exact, working = case.probe.dtype, case.working.dtype
    return name_of(exact) + (f", {name_of(working)} stressed" if is_half(working) else "")


def _sizes_text(layout: Layout, loss: Loss) -> str:
    shapes = {r: layout.shape(r) for r in (Role.X, Role.Q_LOC) if r in loss.roles}
    return ", ".join(f"{r.value} {'x'.join(map(str, s)) or 'scalar'}" for r, s in shapes.items())
