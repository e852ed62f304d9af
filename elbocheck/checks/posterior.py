"""The divergence: present, of the right sign, and KL(q || N(0, 1)) to the last term."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from elbocheck.anatomy import Regulariser, Target
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.monomial import Monomial
from elbocheck.probing.estimates import NO_POSTERIOR, NO_PRIOR, OTHER_SPREAD
from elbocheck.probing.reduction import sizes
from elbocheck.roles import Role
from elbocheck.verdict import Finding, Outcome

CODES = (
    "ELB201", "ELB205", "ELB206", "ELB207", "ELB208", "ELB209", "ELB210", "ELB211", "ELB212", "ELB215", "ELB305",
    "ELB306", "ELB404",
)  # fmt: skip


_PATTERNS: dict[str, tuple[str, str, Outcome]] = {
    "reversed": (
        "ELB206",
        "It grows like e^-t (1 + m^2): this is KL(N(0, 1) || q), the arguments exchanged.",
        Outcome.FAIL,
    ),
    "unequal": (
        "ELB208",
        "The latents enter with different weights: some pay less KL than others, or none.",
        Outcome.FAIL,
    ),
    "swapped": ("ELB404", "It is the KL with the posterior's mean and scale exchanged.", Outcome.FAIL),
    "misread": ("ELB201", "The scale argument itself is used as the logarithm of a variance or scale.", Outcome.WARN),
    "mixed-scales": (
        "ELB201",
        "The exponential and the linear term read the scale argument differently: {seen}",
        Outcome.FAIL,
    ),
    "missing": ("ELB208", "The term in {missing} is absent: {seen}", Outcome.FAIL),
    "precedence": (
        "ELB210",
        "A term t e^-t appears, as a quotient where a sum was meant leaves it: {seen}",
        Outcome.FAIL,
    ),
    "reference": ("ELB212", "A term linear in m appears, so the minimum is not at the prior: {seen}", Outcome.FAIL),
    "prior": (
        "ELB212",
        "At N(0, 1) it is the KL, but with the prior that is passed it is not the KL to that prior.",
        Outcome.FAIL,
    ),
    "halved": ("ELB209", "The terms have the wrong proportions: {seen}", Outcome.FAIL),
}
"""A corrupted divergence: its rule, what to say, how loud."""


def run(case: Case) -> Iterator[Finding]:
    """Name what is wrong with the divergence."""
    g, r = case.anatomy.regulariser, case.anatomy.reconstruction
    if g is None:
        yield _COUPLED
        return
    if g.pattern == "absent":
        yield _absent(case)
        return
    if g.target is not None:
        yield _pulled(case, g.target)
        return
    against = r.weight.coefficient if r is not None and r.density is not None else 1.0
    if g.weight.coefficient * against < 0 and g.pattern not in ("precedence", "unknown", "unequal"):
        which = "falls" if g.weight.coefficient < 0 else "grows, while the reconstruction is rewarded,"
        yield finding("ELB205", f"The loss {which} as the posterior leaves the prior: the terms have opposite signs.")
    if case.anatomy.structure.latent_coupled and g.floor is None:
        yield _COUPLED
        if g.pattern in ("kl", "unknown"):  # what else could be said of the sum does not hold for the KL in it
            return
    yield from _judged(case, g)


def _judged(case: Case, g: Regulariser) -> Iterator[Finding]:
    """Judge the form of the divergence."""
    if Role.Q_KAPPA in case.loss.roles:  # its terms are another check's
        yield from [_UNNAMED] if g.pattern == "unknown" else []
    elif g.scale_role is None and Role.Q_LOC not in case.loss.roles:
        yield from _other_posterior(case, g)
    elif g.pattern in _PATTERNS:
        code, text, outcome = _PATTERNS[g.pattern]
        yield finding(code, text.format(seen=_seen(g), missing=g.missing), outcome)
    elif g.pattern in (OTHER_SPREAD, NO_POSTERIOR, NO_PRIOR):
        return  # see estimates
    elif g.pattern != "kl":
        yield _unknown(g)
    elif g.floor is not None:
        yield from _floored(case, g)
    else:
        yield from [_scaleless(case)] if g.scaleless else []
        yield from _offset(case, g)


def _scaleless(case: Case) -> Finding:
    """Say what a penalty on the mean alone is."""
    m = case.names.get("q_loc", "m")
    message = (
        f"The loss takes no scale of the posterior: a square of {m} is the KL of a posterior N({m}, s^2) of fixed variance, up to "
        "the constant (s^2 - 1)/2 - log s per latent. If z is drawn without noise, this is an autoencoder with a penalty."
    )
    fix = "Keep s fixed in the draw of z too, and add the constant where values are compared."
    return finding("ELB208", message, Outcome.NOTE, fix=fix)


_UNNAMED = Finding(
    "",
    Outcome.INCONCLUSIVE,
    "The divergence is no KL that is known here.",
    "nothing is claimed for another divergence; a KL to N(0, 1) or to a prior that is passed would be named",
)
_COUPLED = Finding(
    "",
    Outcome.INCONCLUSIVE,
    "The divergence couples the data of a batch: a regulariser of the whole batch stands beside the KL, or in its place.",
    "verify the KL without it: what a batch regulariser adds is no bound",
)


def _absent(case: Case) -> Finding:
    """Report a loss without a KL; where it returns more than one member, the wrong one may have been read."""
    posterior = " or ".join(name for role, name in case.names.items() if role.startswith("q_"))
    if case.loss(case.probe.inputs({})).terms:
        return Finding(
            "",
            Outcome.INCONCLUSIVE,
            f"The member that was read as the loss does not change with {posterior}; others are returned beside it.",
            "return the total as the first member, or under the name 'loss'",
        )
    return finding("ELB207", f"The loss does not change with {posterior}: there is no KL in it.")


def _other_posterior(case: Case, g: Regulariser) -> Iterator[Finding]:
    """Judge the divergence of a posterior that is not normal."""
    name = case.names.get(str(g.categorical), str(g.categorical))
    if g.pattern == "reversed":
        message = "It is KL(prior || q), the arguments exchanged."
        if g.categorical is not None:
            message = f"It grows as -log q where a class of {name} is given up: this is KL(uniform || q), the arguments exchanged."
        yield finding("ELB206", message)
    elif g.missing is not None:
        message = (
            f"With K classes the KL of a uniform {name} is -log K, not 0: the loss holds the sum of q log q alone."
        )
        yield finding("ELB215", message, Outcome.NOTE)
    elif g.pattern != "kl":
        yield _UNNAMED


def _pulled(case: Case, target: Target) -> Finding:
    """Report a KL that is pulled to a target, with the target and how hard."""
    per = {"latent": "each latent", "datum": "each datum", "batch": "the whole batch"}[target.per]
    level = target.level / Monomial(1.0, {"L": 1}) if target.per == "latent" else target.level
    cost = "its distance" if target.power == 1 else "the square of its distance"
    message = f"The KL of {per} is pulled to C = {case.at(level)} (nats): {cost} from it costs gamma = {case.at(target.gain)}."
    return finding("ELB305", message)


def _seen(g: Regulariser) -> str:
    parts = " ".join(f"{c:+.4g} {n}" for n, c in g.coefficients.items())
    return f"with t the log variance the loss holds {parts} per latent, over its weight; a KL holds +0.5 m^2 +0.5 e^t -0.5 t."


def _unknown(g: Regulariser) -> Finding:
    """Report what no known slip explains: by its slope and minimum, or as undecided where both are a KL's."""
    if abs(g.slope_at_prior) > _FLAT or g.lowest < -_FLAT:
        slope = f"its slope in the log variance at the prior is {number(g.slope_at_prior)} of its range (0 for a KL)"
        below = f"it falls {number(-g.lowest)} of its range below its value at the prior (0 for a KL)"
        seen = [text for text, off in ((slope, abs(g.slope_at_prior)), (below, -g.lowest)) if off > _FLAT]
        return finding("ELB209", f"No known slip explains the divergence: {'; '.join(seen)}.")
    return _UNNAMED


def _floored(case: Case, g: Regulariser) -> Iterator[Finding]:
    """Yield the free-bits floor, unless it was declared."""
    assert g.floor is not None
    if case.intent.number("free_bits") is not None:
        return
    per = {"latent": "each latent", "datum": "each datum", "batch": "the whole batch"}[g.floor_per]
    level = g.floor / Monomial(1.0, {"L": 1}) if g.floor_per == "latent" else g.floor
    yield finding(
        "ELB306",
        f"The KL of {per} never counts less than {case.at(level)} (nats): below that floor the posterior gets no gradient.",
        Outcome.WARN,
    )


def _offset(case: Case, g: Regulariser) -> Iterator[Finding]:
    """Yield a constant that grows with L alone: the KL's own."""
    constant = case.anatomy.constant
    if constant is None:
        yield from _mixed_offset(case, g)
        return
    if set(constant.powers) - {"B"} != {"L"}:
        return
    offset = constant / g.weight if g.weight.powers == constant.powers else constant
    if g.scaleless and offset.coefficient > 0:  # the constant of some s
        return
    if abs(offset.coefficient) >= _FLAT:
        message = f"At q = N(0, 1) the KL is {number(offset.coefficient)} per latent, not 0; the gradient is right."
        yield finding("ELB211", message, Outcome.NOTE)


def _mixed_offset(case: Case, g: Regulariser) -> Iterator[Finding]:
    """Yield what grows with L in a constant that follows no formula: -1/2 once, where every latent needs it, leaves that."""
    probe, r = case.probe, case.anatomy.reconstruction
    here, there = probe.layout, probe.layout.tiled("L")
    if g.raised or (r is not None and "L" in r.weight.powers) or not isfinite(case.anatomy.constant_value):
        return
    before, after = probe({}, here), probe({}, there)
    latents = g.weight.at(sizes(there, case.anatomy.event_axes)) - g.weight.at(sizes(here, case.anatomy.event_axes))
    if not abs(after - before) > 4 * float(probe.noise(before, after)) + probe.floor or not latents:
        return
    each = (after - before) / latents
    if g.scaleless and each > 0:
        return
    if abs(each) >= _FLAT:
        message = f"At q = N(0, 1) the KL grows by {number(each)} with each latent and is not 0; the gradient is right."
        yield finding("ELB211", message, Outcome.NOTE)


_FLAT = 1e-3


def skipped(case: Case) -> Skip | None:
    """Skip where the loss takes no posterior."""
    there = case.anatomy.regulariser is not None or case.anatomy.structure.latent_coupled
    return None if there else Skip("the loss takes no posterior")


CHECK = Check("divergence from the prior", CODES, run, skipped)
