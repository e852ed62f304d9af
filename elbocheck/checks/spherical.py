"""The divergence of a von Mises-Fisher posterior from the uniform density on its sphere: its terms, dimension and constant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite

from elbocheck import budget
from elbocheck.anatomy import Regulariser
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.divergences import sphere
from elbocheck.probing.reduction import sizes
from elbocheck.roles import Role
from elbocheck.rules import rule
from elbocheck.shapes import Layout
from elbocheck.verdict import Finding, Outcome

CODES = ("ELB206", "ELB208", "ELB209", "ELB211", "ELB217")


def run(case: Case) -> Iterator[Finding]:
    """Name what is wrong with it; sign, absence and couplings are another check's."""
    g = case.anatomy.regulariser
    assert g is not None
    terms = " ".join(f"{c:+.4g} {n}" for n, c in g.coefficients.items())
    seen = f": per datum the loss holds {terms}, over its weight" if terms else ""
    if g.pattern == "reversed":
        yield finding("ELB206", "It is KL(uniform || vMF), the arguments exchanged.")
    elif g.pattern == "missing":
        yield finding("ELB208", f"The term {g.missing} is absent{seen}.", fix=rule("ELB217").fix)
    elif g.pattern == "halved":
        yield finding("ELB209", f"The terms have the wrong proportions{seen}.", fix=rule("ELB217").fix)
    elif g.pattern == "dimension":
        yield finding("ELB217", _of_another(case, g) + f"{seen}.")
    elif g.pattern == "kl":
        yield from _offset(case, g)


def _of_another(case: Case, g: Regulariser) -> str:
    here = case.probe.layout.latents
    if g.coefficients:
        return f"Its Bessel functions are not of the orders {here / 2:g} and {here / 2 - 1:g} that latents in R^{here} have"
    return f"With latents in R^{here} it is the KL on the sphere of R^{g.sphere}: the Bessel functions have the order {g.sphere / 2 - 1:g}"


_SLIPS: tuple[tuple[str, Callable[[int], float]], ...] = (
    ("the log of the sphere's area is left out", lambda m: -float(sphere.area(m))),
    ("the uniform density is that of the sphere in R^(L+1)", lambda m: float(sphere.area(m + 1) - sphere.area(m))),
    ("the uniform density is that of the sphere in R^(L-1)", lambda m: float(sphere.area(m - 1) - sphere.area(m))),
)
"""What a constant is known to come from: by the dimension, in nats per datum."""


def _offset(case: Case, g: Regulariser) -> Iterator[Finding]:
    """Yield a constant of the KL itself: one that moves with the dimension, or that a known slip leaves."""
    if not isfinite(case.anatomy.constant_value) or "L" not in g.weight.powers:
        return
    found, room, ends = _held(case, g) if g.sphere_held else _moved(case, g)
    if not isfinite(found) or abs(found) <= room:
        return
    first, last = ends[0], ends[-1]
    for words, slip in _SLIPS:
        expected = slip(first) if g.sphere_held else slip(last) - slip(first)
        if abs(found - expected) <= room + budget.TYPED_CONSTANT * abs(expected):
            message = (
                f"At kappa = 0 the KL is {number(slip(first))} at m = {first}, not 0: {words}; the gradient is right."
            )
            yield finding("ELB211", message, Outcome.NOTE)
            return
    if not g.sphere_held:
        moved = f"it moves by {number(found)} from m = {first} to {last}"
        yield finding("ELB211", f"At kappa = 0 the KL is not 0: {moved}; the gradient is right.", Outcome.NOTE)


def _held(case: Case, g: Regulariser) -> tuple[float, float, tuple[int, ...]]:
    """Return what is left of the loss in nats per datum, its error, and the dimension that the loss holds."""
    unit = _per_datum(case, g, case.probe.layout)
    return case.anatomy.constant_value / unit, case.anatomy.constant_error / abs(unit) + budget.DECLARED, (g.sphere,)


def _moved(case: Case, g: Regulariser) -> tuple[float, float, tuple[int, ...]]:
    """Return by how much that moves where the latents are doubled, its error, and the two dimensions."""
    probe, here, there = case.probe, case.probe.layout, case.probe.layout.tiled("L")
    moved = _rest(case, g, there) - _rest(case, g, here)
    rounding = float(probe.noise(probe({}), probe({}, there))) + 4 * probe.floor
    room = rounding / abs(_per_datum(case, g, here)) + budget.DECLARED
    return moved, room, (here.latents, there.latents)


def _per_datum(case: Case, g: Regulariser, layout: Layout) -> float:
    """Return what one nat of the KL of every datum is worth in a call."""
    return g.weight.at(sizes(layout, case.anatomy.event_axes)) / layout.latents


def _rest(case: Case, g: Regulariser, layout: Layout) -> float:
    """Return what is left of the loss at the base point without the KL, in nats of the KL."""
    return case.probe({}, layout) / _per_datum(case, g, layout) - float(sphere.kl(layout.latents, 1.0))


def skipped(case: Case) -> Skip | None:
    """Skip where the posterior is on no sphere."""
    g, coupled = case.anatomy.regulariser, case.anatomy.structure.latent_coupled
    there = Role.Q_KAPPA in case.loss.roles and g is not None and not coupled
    return None if there else Skip("the loss takes no posterior on a sphere")


CHECK = Check("divergence on a sphere", CODES, run, skipped)
