"""Whether what a decoder is given is drawn from the posterior whose KL is taken.

The value of such a loss says nothing of its sampler: of z = m + s * noise, s is read off what the loss hands its decoder, or
off what the `reparameterize` of the model's own class returns.
"""

from __future__ import annotations

from dataclasses import replace
from math import isclose

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Anatomy
from elbocheck.models.lowered import Lowered
from elbocheck.noise import Noise, capturing
from elbocheck.probing.estimates import OTHER_SPREAD
from elbocheck.probing.probe import Probe, argument_of, log_var_of
from elbocheck.roles import Role

__all__ = ["compared"]

_LOG_VARIANCES = (-1.0, 1.0)
_NOISES = (-0.75, 0.5, 1.5)
_MEAN = 0.4
_READ: dict[str, tuple[Role, float]] = {
    "log_var": (Role.Q_LOG_VAR, 1.0),
    "log_scale": (Role.Q_LOG_SCALE, 1.0),
    "var": (Role.Q_VAR, 1.0),
    "scale": (Role.Q_SCALE, 1.0),
    "softplus": (Role.Q_RAW_SCALE, 1.0),
    "softplus_var": (Role.Q_RAW_SCALE, 0.5),
}
"""How a KL reads its scale argument: as that of which role, and the exponent of the variance."""


def compared(probe: Probe, anatomy: Anatomy) -> Anatomy:
    """Return the anatomy, its divergence called the KL of another posterior where z is drawn wider or narrower."""
    g = anatomy.regulariser
    if g is None or g.pattern != "kl" or g.scale_role is None or g.scale_as not in _READ:
        return anatomy
    if not isinstance(probe.loss.function, Lowered) or Role.Q_LOC not in probe.loss.roles:
        return anatomy
    slip = _slip(probe, g.scale_role, *_READ[g.scale_as])
    return (
        anatomy if slip is None else replace(anatomy, regulariser=replace(g, pattern=OTHER_SPREAD, coefficients=slip))
    )


def _slip(probe: Probe, role: Role, read_as: Role, exponent: float) -> dict[str, float] | None:
    """Return the exponents of both variances, or their ratio where no power relates them; None where they agree."""
    powers: list[tuple[float, float]] = []
    for t in _LOG_VARIANCES:
        argument = probe.cast(argument_of(role, np.asarray(t)))
        spread = _spread(probe, role, float(argument))
        if spread is None:
            return None
        scored = exponent * float(log_var_of(read_as, argument))
        powers.append((2 * np.log(spread) / t, scored / t))
    if all(abs(drawn - scored) <= 2 * budget.DRAWN for drawn, scored in powers):
        return None
    (low, scored), (high, again) = powers
    if isclose(low, high, abs_tol=budget.DRAWN) and isclose(scored, again, abs_tol=budget.DRAWN):
        return {"drawn": round(high, 2), "scored": round(again, 2)}
    at = float(argument_of(role, np.asarray(_LOG_VARIANCES[-1])))
    return {"at": at, "times": float(np.exp((high - again) * _LOG_VARIANCES[-1] / 2)), "scored": 1.0}


def _spread(probe: Probe, role: Role, argument: float) -> float | None:
    """Return s where z is m + s * noise, None where it is anything else."""
    found = []
    for noise in _NOISES:
        z = _sample(probe, {Role.Q_LOC: _MEAN, role: argument}, noise)
        if z is None:
            return None
        found.append(z)
    low, middle, high = (float(z.flat[0]) for z in found)
    spread = (high - low) / (_NOISES[-1] - _NOISES[0])
    slack = budget.DRAWN * max(abs(spread), 1e-3)
    affine = abs(low + spread * (_NOISES[1] - _NOISES[0]) - middle) <= slack
    centred = abs(middle - spread * _NOISES[1] - _MEAN) <= slack
    uniform = all(np.ptp(z) <= slack for z in found)
    return spread if affine and centred and uniform and spread > 0 else None


def _sample(probe: Probe, values: dict[Role, float], noise: float) -> Array | None:
    """Return what the model's own method draws in a call, or else what the decoder is given; None where neither is a sample."""
    assert isinstance(probe.loss.function, Lowered)
    script, shape = probe.loss.function.script, probe.layout.shape(Role.Q_LOC)
    script.decoded = script.sampler = None
    taken = Noise(probe.loss.adapter.tensor(np.full(shape, noise, probe.dtype)), shape)
    probe.raw({**values, Role.EPS: noise} if Role.EPS in probe.loss.roles else values)
    given = script.decoded
    if script.sampler is not None:
        try:
            with probe.loss.adapter.plainly(), capturing(taken):
                given = script.sampler()
        except Exception:  # noqa: BLE001  # the method of a model that is not there: it may need what a probe model has not
            return None
    if tuple(getattr(given, "shape", ())) != shape or not (taken.taken or Role.EPS in probe.loss.roles):
        return None
    return probe.loss.adapter.array(given).astype(np.float64)
