"""Measuring a loss again where its values show that an argument, or its precision, is something else than it seemed."""

from __future__ import annotations

from dataclasses import replace

from elbocheck.anatomy import Anatomy, Regulariser
from elbocheck.floats import FLOATS, is_half
from elbocheck.probing.dissect import dissect
from elbocheck.probing.probe import Probe
from elbocheck.roles import POSTERIOR_SCALES, PREDICTIONS, Role


def reread(probe: Probe, working: Probe, anatomy: Anatomy, seed: int) -> tuple[Anatomy, Probe, Probe]:
    """Return anatomy and probes with the posterior's scale in the role that it really has.

    Args:
        probe: the loss, in the dtype that identifies it.
        working: the loss, in the dtype people train in.
        anatomy: what was measured under the roles that the names gave.
        seed: of every random choice.
    """
    g = anatomy.regulariser
    if g is None or g.scale_role is None:
        return anatomy, probe, working
    if g.read_as is not None:
        there = _renamed(probe, g.scale_role, g.read_as)
        return dissect(there, seed), there, there if working is probe else _renamed(working, g.scale_role, g.read_as)
    if g.pattern == "kl" or Role.Z not in probe.loss.roles:
        return anatomy, probe, working
    for role in _alternatives(g):  # a sample at another scale than the loss reads leaves no KL: try the other readings
        there = _renamed(probe, g.scale_role, role)
        found = dissect(there, seed)
        if found.regulariser is not None and found.regulariser.pattern == "kl" and found.regulariser.read_as is None:
            return found, there, there if working is probe else _renamed(working, g.scale_role, role)
    return anatomy, probe, working


def recast(probe: Probe, working: Probe, anatomy: Anatomy, seed: int) -> tuple[Anatomy, Probe, Probe]:
    """Return anatomy and probes in float32 where float64 named nothing because the loss rounds what it is given.

    Functions of Keras do so on JAX and torch, and return float64 all the same: their rounding is float32's.
    """
    r, g = anatomy.reconstruction, anatomy.regulariser
    named = (r is None or r.density is not None) and (g is None or g.pattern != "unknown")
    if named or probe.dtype != FLOATS["float64"] or not _in_single(probe):
        return anatomy, probe, working
    single = replace(probe, dtype=FLOATS["float32"])
    return dissect(single, seed), single, working if is_half(working.dtype) else single


def _in_single(probe: Probe) -> bool:
    """Tell whether eight values within a spacing of float32 are at most two to the loss, and as many further apart are not."""
    role = next((r for r in sorted(probe.loss.roles) if r in PREDICTIONS or r is Role.Q_LOC), None)
    if role is None:
        return False
    within, across = (
        [{**probe.off_prior, role: 0.7 * (1 + k * step)} for k in range(8)] for step in (2.0**-29, 2.0**-20)
    )
    return len(set(probe.curve(within))) <= 2 < len(set(probe.curve(across)))


def _alternatives(g: Regulariser) -> tuple[Role, ...]:
    """Return the roles that a scale argument may have beside its own."""
    if g.scale_role is Role.Q_RAW_SCALE:
        return (Role.Q_LOG_VAR, Role.Q_LOG_SCALE)
    return (Role.Q_RAW_SCALE,) if g.scale_role in POSTERIOR_SCALES else ()


def _renamed(probe: Probe, old: Role, new: Role) -> Probe:
    """Return the probe of the same loss with one role for another."""
    binding = probe.loss.binding
    roles = {key: new if role is old else role for key, role in binding.roles.items()}
    return replace(probe, loss=replace(probe.loss, binding=replace(binding, roles=roles)))
