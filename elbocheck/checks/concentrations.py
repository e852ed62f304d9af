"""Concentrations of a posterior on a sphere at their ends: a Bessel function that is not scaled overflows, or underflows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from elbocheck.checks.case import Case, Check, Skip
from elbocheck.checks.extremes import Sweep, loudest
from elbocheck.divergences import sphere
from elbocheck.probing.probe import Values
from elbocheck.probing.reduction import sizes
from elbocheck.roles import Role
from elbocheck.verdict import Finding, worst_first

CODES = ("ELB001", "ELB501", "ELB502")
_LEVELS = np.array([1.0, 10, 20, 50, 80, 95, 100, 300, 700, 720, 1e3, 1e4, 1e5, 1e6, 0.1, 1e-2, 1e-3, 1e-6])
"""I(kappa) overflows beyond 92 in float32 and beyond 713 in float64."""
_FIX = "Use the scaled Bessel function: log I(kappa) = log(ive(nu, kappa)) + kappa, and a quotient of two ive for the mean."


def run(case: Case) -> Iterator[Finding]:
    """Yield the loudest finding for each code along the concentration."""
    g, probe = case.anatomy.regulariser, case.working
    assert g is not None
    levels = probe.cast(_LEVELS)
    calls: list[Values] = [{Role.Q_KAPPA: float(k)} for k in levels]
    weight = g.weight.at(sizes(probe.layout, case.anatomy.event_axes)) / probe.layout.latents
    name = case.names["q_kappa"]
    beside = f"m = {g.sphere}"
    truth = sphere.kl(g.sphere, levels)
    found = list(loudest(case, [Sweep(name, levels, calls, truth, weight, _zone, False, beside, _FIX)]))
    yield from (f for f in found if f.code in ("ELB001", "ELB502"))
    beyond = [f for f in found if f.code not in ("ELB001", "ELB502")]  # inf, or the NaN of a quotient of two
    yield from (replace(f, code="ELB501", fix=_FIX) for f in worst_first(beyond)[:1])


def _zone(kappa: float) -> str:
    """Everyday 0.1 to 100, which a softplus of ordinary activations gives; stress 1e-3 to 1e4."""
    return "everyday" if 0.099 < kappa < 101 else "stress" if 0.99e-3 < kappa < 1.01e4 else "extreme"


def skipped(case: Case) -> Skip | None:
    """Skip where the posterior is on no sphere, or its KL was not identified."""
    g = case.anatomy.regulariser
    return None if g is not None and g.sphere and g.pattern == "kl" else Skip("no posterior on a sphere was identified")


CHECK = Check("extreme concentrations", CODES, run, skipped)
