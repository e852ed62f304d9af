"""Measure a loss: find how it is called, take it apart, and say what that means; judging is the engine's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from elbocheck import memory
from elbocheck.adapters import Array, candidates, generators_kept
from elbocheck.anatomy import Anatomy
from elbocheck.checks.case import Case, argument_names
from elbocheck.errors import CallError, RunError, UsageError
from elbocheck.floats import FLOATS, eps, is_half, name_of
from elbocheck.implied import ImpliedModel, imply, nat
from elbocheck.intent import Intent
from elbocheck.loss import Loss, named
from elbocheck.models.components import Returns
from elbocheck.models.distributions import is_distribution
from elbocheck.models.opened import Asked, opened
from elbocheck.probing import mixed
from elbocheck.probing.bin_levels import on_range
from elbocheck.probing.bin_mass import added_up
from elbocheck.probing.dissect import dissect
from elbocheck.probing.normalizer import residual_mass
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import sizes
from elbocheck.probing.rereading import reread
from elbocheck.roles import POSTERIOR_SCALES, PREDICTIONS, Key, Role
from elbocheck.shapes import SMALL, Layout, Shape, discover, filled, nominal, ordinary
from elbocheck.situations import earlier, quiet


@contextmanager
def opened_loss(
    function: Callable[..., Any],
    *,
    target: str | None,
    roles: Mapping[Key, str | float] | None,
    constants: Mapping[Key, Any] | None,
    shapes: Mapping[str, Shape] | None,
    framework: str | None,
    seed: int,
    device: str | None,
    model: Any,
    components: Mapping[str, Returns] | None,
) -> Iterator[Loss]:
    """Yield the loss with its roles bound; a model that it needs is stood for, and one that is given is left as it was.

    Raises:
        UsageError: what is not callable, a negative seed, roles that cannot be resolved, parts of a model that are
            unknown, a device that is not there.
        CallError: the loss fails with every model that can stand for its own.
    """
    if not callable(function) and not is_distribution(function):
        shown = target or repr(function)
        raise UsageError(f"{shown} is {type(function).__name__}, not a loss: name a function or a callable object")
    if seed < 0:
        raise UsageError(f"seed {seed} is negative: give 0 or more")
    asked = Asked(
        function, roles or {}, constants or {}, framework, declared_shapes(shapes or {}), device, model, components
    )
    with generators_kept(), opened(asked) as (loss, found):
        yield Loss.of(
            loss,
            target=target or named(function),
            roles=found,
            constants=constants,
            framework=framework,
            seed=seed,
            device=device,
        )


def measure(
    loss: Loss, shapes: Mapping[str, Shape], framework: str | None, dtype: str | None, intent: Intent, seed: int
) -> Case:
    """Find how the loss is called, and take it apart.

    Raises:
        UsageError: an unknown dtype or name of a shape.
        CallError: the loss cannot be called, or nothing can be measured on it.
    """
    declared, exact = declared_shapes(shapes), _dtype(dtype or "float64")
    if is_half(exact):  # two digits tell no family from another: what the loss is, float64 tells
        exact = FLOATS["float64"]
    loss, layout, exact = _called(loss, declared, exact, framework, narrower=dtype is None)
    _refuse_dtype(loss, dtype)
    loss = _remembering(loss, Probe(loss, layout, exact))
    if loss.roles & POSTERIOR_SCALES:
        ordinary_call = filled(layout, {role: ordinary(role) for role in loss.roles}, exact)
        loss = loss.drawing(ordinary_call, layout.shape(Role.EPS))
    given = {r: layout.datum if r is Role.X else 2.0 if r is Role.TOTAL_COUNT else 0.7 for r in loss.roles}
    loss = loss.totalled(filled(layout, given, exact))
    probe = Probe(loss, layout, exact)
    value = _refuse_unusable(probe)
    if eps(value.dtype) > eps(exact):  # a loss that rounds its result identifies no better than in that dtype
        exact = _refuse_half(value.dtype)
    elif exact == FLOATS["float64"] and rounds_inside(probe):
        exact = FLOATS["float32"]
    loss = replace(loss, draws=False)  # or it would have been refused
    probe = Probe(loss, layout, exact)
    usual = FLOATS[dtype or ("float64" if loss.adapter.name == "numpy" else "float32")]
    working = Probe(loss, layout, usual) if eps(usual) > eps(exact) else probe
    anatomy = dissect(probe, seed)
    if not declared and _eats_the_batch(anatomy):
        anatomy, probe, working = _with_more_axes(probe, working, anatomy, seed)
    anatomy, probe, working = reread(probe, working, anatomy, seed)
    axes = anatomy.event_axes
    sized = sizes(nominal(probe.layout, declared, channels_first=axes[:1] == ("C",)), axes)
    model = imply(anatomy, argument_names(probe.loss), sized)
    if loss.mixture is not None:
        anatomy = _mixed(probe, anatomy, nat(anatomy, model), seed)
        model = imply(anatomy, argument_names(probe.loss), sized)
    anatomy = _integrated(probe, _binned(probe, anatomy, intent), model)
    return Case(probe.loss, probe, working, anatomy, model, intent, seed)


def _binned(probe: Probe, anatomy: Anatomy, intent: Intent) -> Anatomy:
    """Return the anatomy with the masses of a likelihood of data on a grid, on the levels of the declared range."""
    r = anatomy.reconstruction
    if r is None or r.bins is None:
        return anatomy
    bins = on_range(r.bins, intent.data_range)
    bins = added_up(probe, r.role, r.scale_as, bins, r.weight.at(anatomy.sizes))
    return replace(anatomy, reconstruction=replace(r, bins=bins))


def _mixed(probe: Probe, anatomy: Anatomy, worth: float, seed: int) -> Anatomy:
    """Return the anatomy with what becomes of components that differ."""
    r, elements = anatomy.reconstruction, probe.layout.batch * probe.layout.pixels
    if r is None or r.density is None:
        return anatomy
    return replace(anatomy, reconstruction=mixed.read(probe, r, worth / elements, seed))


def rounds_inside(probe: Probe) -> bool:
    """Tell whether an argument in double precision is rounded to single, as layers with a dtype of their own do.

    Eight values within a spacing of float32 are at most two to such a loss, and as many further apart are not.
    """
    for role in probe.loss.roles & (PREDICTIONS | {Role.Q_LOC}):
        at = {**probe.off_prior, Role.X: 0.3} if Role.X in probe.loss.roles else probe.off_prior
        within, across = (
            probe.curve([{**at, role: 0.7 * (1 + k * step)} for k in range(8)]) for step in (2.0**-29, 2.0**-20)
        )
        if np.all(np.isfinite(across)) and len(set(within)) <= 2 < len(set(across)):
            return True
    return False


def _integrated(probe: Probe, anatomy: Anatomy, model: ImpliedModel) -> Anatomy:
    """Return the anatomy with the mass of a reconstruction that no family explains, where it is a loss of the residual."""
    r, s = anatomy.reconstruction, anatomy.structure
    whole = s.separable and s.homogeneous and s.additive and not s.batch_coupled and not s.broadcast
    if r is None or r.density is not None or r.closed or r.mass is not None or not whole:
        return anatomy
    return replace(anatomy, reconstruction=replace(r, integral=residual_mass(probe, nat(anatomy, model))))


def _dtype(dtype: str) -> np.dtype[Any]:
    if dtype not in FLOATS:
        raise UsageError(f"unknown dtype {dtype!r}: choose from {', '.join(FLOATS)}")
    return FLOATS[dtype]


def _refuse_dtype(loss: Loss, dtype: str | None) -> None:
    """Raise UsageError where the framework has no such floats."""
    if dtype is not None and dtype not in loss.adapter.dtypes:
        raise UsageError(f"{loss.adapter.name} has no {dtype!r} here: choose from {', '.join(loss.adapter.dtypes)}")


def _refuse_half(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype that a loss rounds its result to; raise CallError where nothing is left to identify it by."""
    if is_half(dtype):
        raise CallError(
            "",
            f"gives a {name_of(dtype)} result for float64 arguments: two or three digits, which tell no model from another",
            "let it keep the dtype of its arguments (no .half() or .bfloat16() inside); --dtype stresses it in half precision",
        )
    return dtype


def declared_shapes(shapes: Mapping[str, Shape]) -> dict[Role, Shape]:
    """Return by role the shapes that a person gave by name."""
    known = {"x": Role.X, "prediction": Role.PREDICTION, "z": Role.Z}
    for name in shapes:
        if name not in known:
            raise UsageError(f"no shape goes by {name!r}: choose from {', '.join(known)}, e.g. --shape x=3x64x64")
    return {known[name]: tuple(shape) for name, shape in shapes.items()}


def _called(
    loss: Loss, declared: Mapping[Role, Shape], dtype: np.dtype, framework: str | None, *, narrower: bool
) -> tuple[Loss, Layout, np.dtype]:
    """Return the loss in a framework that works, with a layout and a dtype that it accepts."""
    errors: list[RunError] = []
    named = framework or (loss.adapter.name if loss.device else None)  # a device is one framework's
    single = np.dtype(np.float32)  # weights inside a loss have a dtype of their own
    dtypes = (dtype, single) if narrower and dtype != single else (dtype,)
    plain = () if Role.MIXTURE in loss.roles else (loss, *earlier(loss))
    for there, exact in product((*plain, *mixed.mixtures(loss)), dtypes):
        for name in [named] if named else candidates(loss.function):
            spoken = there.speaking(name)
            try:
                layout = discover(spoken, declared, exact)
                return spoken if spoken.mixture is None else mixed.weighed(spoken, layout, exact), layout, exact
            except RunError as error:
                errors.append(error)
    raise next((e for e in errors if isinstance(e, CallError) and e.code != "ELB001"), errors[0])


def _remembering(loss: Loss, probe: Probe) -> Loss:
    """Return a loss that changes by a counter of its own in the last state, every call of it started anew."""
    inputs = probe.inputs(probe.off_prior)

    def evaluate(function: Callable[..., Any]) -> Array | None:
        try:
            return replace(loss, function=function)(inputs).value
        except CallError:
            return None

    try:
        counter = memory.counter(loss.function, evaluate) if memory.remembers(loss.function, evaluate) else None
    except Exception:  # noqa: BLE001  # whatever a member of theirs raises when it is looked at or copied
        return loss
    return loss if counter is None else replace(loss, function=[*counter.states.values()][-1], counter=counter)


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
            _to_repeat(probe.loss, inputs),
        )
    other = replace(probe.loss, seed=probe.loss.seed + 1)(inputs).value
    if not np.array_equal(value, other, equal_nan=True):
        raise CallError(
            "",
            f"draws random numbers: {float(value.sum()):.9g} under one seed, {float(other.sum()):.9g} under another",
            "take the sample z as an argument; its mean over the noise is then computed, not sampled"
            + (f" (noise of training, as dropout: {switch})" if (switch := quiet(probe.loss)) else ""),
        )


def _to_repeat(loss: Loss, inputs: Mapping[Role, Array]) -> str:
    """Say what makes a loss repeatable."""
    try:
        one, other = (replace(loss, function=memory.copied(loss.function))(inputs).value for _ in range(2))
    except Exception as error:  # noqa: BLE001  # whatever a member of theirs raises
        return f"what it keeps between calls cannot be copied ({error}): take its step as an argument"
    if np.array_equal(one, other, equal_nan=True):
        return "it keeps something between calls (a step, a generator of noise) that its value hangs on: take it as an argument"
    return "take its noise as an argument, or draw it from a generator that a seed controls"


def _shown(probe: Probe) -> str:
    names = argument_names(probe.loss)
    return ", ".join(f"{names.get(r.value, r.value)} = {v:g}" for r, v in sorted(probe.base.items()))
