"""Measure a loss: find how it is called, take it apart, and say what that means; judging is the engine's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from elbocheck.adapters import candidates
from elbocheck.anatomy import Anatomy
from elbocheck.checks.case import Case, argument_names
from elbocheck.errors import CallError, RunError, UsageError
from elbocheck.implied import ImpliedModel, imply, nat
from elbocheck.intent import Intent
from elbocheck.loss import Loss
from elbocheck.probing.bin_levels import on_range
from elbocheck.probing.bin_mass import added_up
from elbocheck.probing.dissect import dissect
from elbocheck.probing.normalizer import residual_mass
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import sizes
from elbocheck.probing.rereading import reread
from elbocheck.roles import POSTERIOR_SCALES, Key, Role
from elbocheck.shapes import SMALL, Layout, Shape, discover, filled, nominal

DTYPES = ("float64", "float32")


def bound_loss(
    function: Callable[..., Any],
    target: str | None,
    roles: Mapping[Key, str | float] | None,
    constants: Mapping[Key, Any] | None,
    framework: str | None,
    seed: int,
) -> Loss:
    """Return the loss with its roles bound.

    Raises:
        UsageError: what is not callable, a negative seed, roles that cannot be resolved.
    """
    if not callable(function):
        shown = target or repr(function)
        raise UsageError(f"{shown} is {type(function).__name__}, not a loss: name a function or a callable object")
    if seed < 0:
        raise UsageError(f"seed {seed} is negative: give 0 or more")
    return Loss.of(function, target=target, roles=roles, constants=constants, framework=framework, seed=seed)


def measure(
    loss: Loss, shapes: Mapping[str, Shape], framework: str | None, dtype: str | None, intent: Intent, seed: int
) -> Case:
    """Find how the loss is called, and take it apart.

    Raises:
        UsageError: an unknown dtype or name of a shape.
        CallError: the loss cannot be called, or nothing can be measured on it.
    """
    declared, exact = _declared(shapes), np.dtype(_dtype(dtype) or "float64")
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


def _integrated(probe: Probe, anatomy: Anatomy, model: ImpliedModel) -> Anatomy:
    """Return the anatomy with the mass of a reconstruction that no family explains, where it is a loss of the residual."""
    r, s = anatomy.reconstruction, anatomy.structure
    whole = s.separable and s.homogeneous and s.additive and not s.batch_coupled and not s.broadcast
    if r is None or r.density is not None or r.closed or r.mass is not None or not whole:
        return anatomy
    return replace(anatomy, reconstruction=replace(r, integral=residual_mass(probe, nat(anatomy, model))))


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
    first: RunError | None = None
    for name in [framework] if framework else candidates(loss.function):
        spoken = loss.speaking(name)
        try:
            return spoken, discover(spoken, declared, dtype)
        except RunError as error:
            first = first or error
    assert first is not None
    raise first


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
