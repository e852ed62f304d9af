"""Facts about curves that no family explains: growth, kinks, the neighbourhood of the prior."""

from __future__ import annotations

from math import isfinite, sqrt

import numpy as np

from elbocheck import budget
from elbocheck.probing.fit import linear
from elbocheck.probing.probe import Probe, argument_of
from elbocheck.roles import Role


def bounded(probe: Probe, role: Role) -> bool | None:
    """Tell whether the loss stays bounded as a datum goes to infinity along a ray; None where it cannot be called there.

    A density on R^D needs the loss of one datum to grow faster than D log t. The growth per e-fold of t is compared at
    far apart distances, relative to the whole rise: it dies out for a bounded loss (Welsch, Tukey, cosine), is constant
    for a Student, and grows for the rest.
    """
    start = probe({Role.X: 0.3, role: 0.75})
    ray = np.linspace(0.6, 1.4, probe.layout.pixels)
    far = np.geomspace(1e2, 1e8, 7)
    x = np.stack([np.broadcast_to(ray, (*probe.layout.shape(Role.X)[:1], probe.layout.pixels))] * far.size)
    values = np.array([probe({Role.X: t * row, role: 0.75}) for t, row in zip(far, x, strict=True)])
    if not isfinite(start) or not np.all(np.isfinite(values)):
        return None
    growth = np.abs(np.diff(values)) / np.diff(np.log(far))
    rise = float(np.ptp([start, *values]))
    rounding = float(np.max(probe.noise(start, values))) + probe.floor
    return bool(np.all(growth[-3:] <= budget.BOUNDED * rise + rounding))


def core_and_tails(probe: Probe, role: Role) -> tuple[float, float, float] | None:
    """Measure a curve that is quadratic near 0 and linear far out: its knot, curvature and tail slope, else None.

    For a Huber loss the slope is the curvature times the knot.
    """
    u = np.geomspace(1e-2, 1e3, 101)
    origin = probe({Role.X: 0.0, role: 0.0})
    with np.errstate(invalid="ignore"):
        rise = probe.curve([{Role.X: 0.0, role: float(v)} for v in u]) - origin
    if not np.all(np.isfinite(rise)):
        return None
    noise = probe.noise(rise, origin)
    curvature = 2 * rise[:5] / u[:5] ** 2
    core = np.abs(rise - 0.5 * np.median(curvature) * u**2) <= noise + budget.CURVE * np.abs(rise)
    tail = linear(np.stack([u[-12:], np.ones(12)], axis=1), rise[-12:], noise[-12:])
    flat = not abs(tail.coefficients[0]) > 4 * tail.errors[0]  # to rounding: a bounded loss has no linear tails
    if np.count_nonzero(core) < 8 or core.all() or not tail.explains or flat:
        return None
    knot = _bisect_knot(probe, role, float(np.median(curvature)), float(u[core][-1]), float(u[~core][0]), origin)
    return knot, float(np.median(curvature)), float(tail.coefficients[0])


def _bisect_knot(probe: Probe, role: Role, curvature: float, low: float, high: float, origin: float) -> float:
    for _ in range(40):
        middle = 0.5 * (low + high)
        rise = probe({Role.X: 0.0, role: middle}) - origin
        off = abs(rise - 0.5 * curvature * middle**2)
        low, high = (
            (low, middle) if off > float(probe.noise(rise, origin)) + budget.CURVE * abs(rise) else (middle, high)
        )
    return 0.5 * (low + high)


def near_prior(probe: Probe, role: Role | None, weight: float) -> tuple[float, float]:
    """Return the slope in the log variance at the prior, and the least value seen relative to the prior's, over weight."""
    if role is None or not weight:
        return 0.0, 0.0

    def at(t: float) -> float:
        return probe({role: float(argument_of(role, np.asarray(t)))})

    step = 1e-3 if probe.dtype == np.float64 else 5e-2
    slope = (at(step) - at(-step)) / (2 * step * weight)
    lowest = min(at(float(t)) for t in np.linspace(-3, 3, 25)) - at(0.0)
    return slope, lowest / weight


def binary_mass(probe: Probe, role: Role, *, closed: bool) -> tuple[float, float] | None:
    """Return the least and largest mass of exp(-h) over {0, 1}, for a loss that scores classes, else None.

    Such a loss is linear in the data, and its cost falls monotonically to a floor as the prediction goes to the right
    end, for both classes. Its mass is 1 for a Bernoulli whatever the link; weights on one class make it vary.
    """
    r = np.linspace(0.02, 0.98, 13) if closed else np.linspace(-6, 6, 13)
    ends = (1e-9, 1 - 1e-9) if closed else (-30.0, 30.0)
    zero, one, between = (probe.curve([{Role.X: x, role: float(v)} for v in r]) for x in (0.0, 1.0, 0.5))
    floors = probe({Role.X: 0.0, role: ends[0]}), probe({Role.X: 1.0, role: ends[1]})
    if not np.all(np.isfinite([*zero, *one, *floors])):
        return None
    linear_in_x = not np.all(np.isfinite(between)) or np.all(
        np.abs(between - (zero + one) / 2) <= probe.noise(zero, one, between) + 4 * probe.floor
    )
    level = abs(floors[0] - floors[1]) <= budget.CURVE * float(np.ptp(zero))
    falls = np.all(np.diff(zero) > 0) and np.all(np.diff(one) < 0)
    if not (linear_in_x and level and falls):
        return None
    # the scale of the whole is not known: it is fixed so that the mass in the middle is 1
    rise = np.stack([zero - floors[0], one - floors[1]])
    middle = rise[:, 6]
    low, high = 1e-9, 1e9
    for _ in range(200):
        scale = sqrt(low * high)
        low, high = (low, scale) if np.sum(np.exp(-middle * scale)) < 1 else (scale, high)
    mass = np.sum(np.exp(-rise * scale), axis=0)
    slack = min(8 * probe.floor * scale, float(np.ptp(mass)) / 2)  # what the loss's own rounding moves it by
    return float(mass.min()) + slack, float(mass.max()) - slack
