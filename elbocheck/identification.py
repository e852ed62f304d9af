"""What a loss is, without judging it: its model, the code that builds it, its normaliser, and how well all that is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from elbocheck import recipes
from elbocheck.bounds import bound
from elbocheck.checks.case import Case
from elbocheck.errors import UsageError
from elbocheck.floats import FLOATS, eps, is_half, name_of
from elbocheck.implied import ImpliedModel, nat
from elbocheck.intent import Intent
from elbocheck.measuring import measure, opened_loss
from elbocheck.models.components import Returns
from elbocheck.probing import likelihood
from elbocheck.probing.doubts import Nearest, doubts, kink_width, nearest
from elbocheck.probing.match import Match
from elbocheck.probing.normalizer import Normalizer, normalizer
from elbocheck.probing.points import Points
from elbocheck.probing.reconstruction import matched
from elbocheck.roles import Key
from elbocheck.shapes import Shape
from elbocheck.verdict import Bound, Run

__all__ = ["Evidence", "Identification", "identify"]


@dataclass(frozen=True)
class Evidence:
    """How well a family is known.

    Attributes:
        points: at which the loss was compared with it.
        reach: the smallest and largest |x - prediction| among them.
        agreement: the largest difference relative to the loss.
        grain: the rounding of the loss itself, measured and relative: about the dtype's, unless it computes more coarsely.
        parameter_error: relative uncertainty of the parameters.
        doubts: members of wider families that the probes do not tell from it.
        kink: the width over which a kink may be rounded unseen; None where there is none.
        rounded: what is wrong beside the kink, where something is.
    """

    points: int
    reach: tuple[float, float]
    agreement: float
    grain: float
    parameter_error: float
    doubts: tuple[str, ...]
    kink: float | None = None
    rounded: str | None = None


@dataclass(frozen=True)
class Identification:
    """What a loss is; `print` it for the report.

    Attributes:
        target: the loss, as it was named.
        bound: what it is to log p(x).
        reason: why, in a sentence.
        model: the model it implies.
        formula: one element's energy as a line of text; None where no family was found.
        code: lines that build the same loss from `elbocheck`, up to a constant; None where they cannot.
        normalizer: the mass of exp(-loss) for one element; None where the elements do not add up.
        evidence: how well the family is known; None without one.
        nearest: the family that comes closest where none explains the loss, or a closer look does not bear it out.
        roles: argument to role.
        run: points, calls, seed.
        case: the loss as it was measured.
    """

    target: str
    bound: Bound
    reason: str
    model: ImpliedModel
    formula: str | None
    code: str | None
    normalizer: Normalizer | None
    evidence: Evidence | None
    nearest: Nearest | None
    roles: Mapping[str, str]
    run: Run
    case: Case

    def __str__(self) -> str:
        from elbocheck.reports.identified import render

        return render(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the identification as plain values for JSON."""
        from elbocheck.reports.json import identification

        return identification(self)


def identify(
    function: Callable[..., Any],
    *,
    target: str | None = None,
    roles: Mapping[Key, str | float] | None = None,
    constants: Mapping[Key, Any] | None = None,
    shapes: Mapping[str, Shape] | None = None,
    framework: str | None = None,
    dtype: str | None = None,
    device: str | None = None,
    seed: int = 0,
    model: Any = None,
    components: Mapping[str, Returns] | None = None,
) -> Identification:
    """Find what a loss is by calling it: the density, the divergence, their weights, and how surely.

    Args:
        function: the loss: a function, method, partial or callable object of NumPy arrays or a framework's tensors.
        target: a name for the report; by default the function's own.
        roles: argument (name or position) to role, where the names do not tell.
        constants: arguments to keep at a value.
        shapes: shape of one datum `x`, one prediction `prediction`, one latent vector `z`, without the batch axis.
        framework: `numpy`, `torch`, `jax`, `tensorflow` or `keras`; by default what the function's module uses.
        dtype: `float64` or `float32`; by default float64.
        device: where tensors are made, e.g. `cuda:0`; by default where the framework makes them.
        seed: of every random choice.
        model: the model that the loss takes, or uses, where parts of it are replaced; it is left as it was.
        components: path of a part of that model to what it returns, e.g. {"decoder": returns("probs")}.

    Returns:
        The identification; print it for the report.

    Raises:
        UsageError: roles that cannot be resolved, unknown options, a target that is not callable.
        CallError: the loss cannot be called, or nothing can be measured on it.

    Example:
        >>> import numpy as np
        >>> def loss(x_hat, x):
        ...     return np.mean(np.sum(np.log1p((x - x_hat) ** 2 / 0.09), axis=1))
        >>> found = identify(loss)
        >>> found.model.likelihood
        'Cauchy(loc=x_hat, scale=0.3)'
        >>> found.code
        'loss = -densities.cauchy.log_prob(x, loc=x_hat, scale=0.3).sum() / len(x)'
    """
    started = time.perf_counter()
    if dtype is not None and dtype in FLOATS and is_half(FLOATS[dtype]):
        raise UsageError(
            f"{dtype} leaves too few digits to identify by: choose float64 or float32; verify stresses in it"
        )
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
        case = measure(loss, shapes or {}, framework, dtype, Intent(), seed)
        return _identified(case, seed, started)


def _identified(case: Case, seed: int, started: float) -> Identification:
    """Say what the measured loss is."""
    kind, reason = bound(case.anatomy, case.model, case.intent, case.probe.dtype)
    r, s = case.anatomy.reconstruction, case.anatomy.structure
    evidence, near, mass = None, None, None
    if r is not None and r.bins is None and s.separable and s.homogeneous and not s.batch_coupled:
        points, where, found = matched(case.probe)
        evidence = _evidence(case, points, found) if r.density is not None else None
        near = nearest(case.probe, points, where) if evidence is None else None
        mass = normalizer(case.probe, r.density, where, nat(case.anatomy, case.model))
    return Identification(
        target=case.loss.target,
        bound=kind,
        reason=reason,
        model=case.model,
        formula=recipes.formula(r, case.model, case.names),
        code=recipes.code(case.anatomy, case.model, case.names),
        normalizer=mass,
        evidence=evidence,
        nearest=near,
        roles={str(key): role.value for key, role in case.loss.binding.roles.items()},
        run=Run(
            points=case.probe.points,
            calls=case.loss.calls.values,
            dtype=name_of(case.probe.dtype),
            seed=seed,
            seconds=time.perf_counter() - started,
        ),
        case=case,
    )


def _evidence(case: Case, points: Points, found: list[Match]) -> Evidence | None:
    """Look again, more closely, at the family that was named."""
    probe = case.probe
    if not found:
        return None
    best = found[0]
    fitted = likelihood.fitted(probe, points, best.candidate, 0.0)
    size = np.abs(points.value) + abs(best.weight)
    off = best.agreement
    grain = max(probe.floor / float(np.median(size)), eps(probe.dtype))
    apart = np.abs(points.x - points.prediction)
    reach = float(np.min(apart[apart > 0], initial=np.inf)), float(np.max(apart))
    read = case.anatomy.reconstruction
    error = best.parameter_error if read is None else read.shape_error
    if fitted is None:  # a guard was needed
        return Evidence(points.value.size, reach, off, grain, error, ())
    kink = kink_width(probe, best, fitted)
    rounded = None
    if kink is not None and kink[1] > 1:
        rounded = (
            f"beside its kink the loss is off by {kink[1]:.3g} times the rounding to be expected: the kink is rounded"
        )
    return Evidence(points.value.size, reach, off, grain, error, doubts(best, fitted), kink and kink[0], rounded)
