"""The divergence: present, of the right sign, and KL(q || N(0, 1)) to the last term."""

from __future__ import annotations

from collections.abc import Iterator

from elbocheck.anatomy import Regulariser
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.monomial import Monomial
from elbocheck.verdict import Finding, Outcome

CODES = (
    "ELB201", "ELB205", "ELB206", "ELB207", "ELB208", "ELB209", "ELB210", "ELB211", "ELB212", "ELB306",
)  # fmt: skip


def run(case: Case) -> Iterator[Finding]:
    """Name what is wrong with the divergence."""
    g, r = case.anatomy.regulariser, case.anatomy.reconstruction
    assert g is not None
    if g.pattern == "absent":
        yield _absent(case)
        return
    against = r.weight.coefficient if r is not None and r.density is not None else 1.0
    if g.weight.coefficient * against < 0 and g.pattern not in ("precedence", "unknown", "unequal"):
        which = "falls" if g.weight.coefficient < 0 else "grows, while the reconstruction is rewarded,"
        yield finding("ELB205", f"The loss {which} as the posterior leaves the prior: the terms have opposite signs.")
    if g.pattern != "kl":
        yield _corrupted(g)
    elif g.floor is not None and case.intent.number("free_bits") is None:
        per = {"latent": "of a latent ", "datum": "of a datum ", "batch": "of the whole batch "}[g.floor_per]
        level = g.floor / Monomial(1.0, {"L": 1}) if g.floor_per == "latent" else g.floor
        yield finding(
            "ELB306",
            f"The KL {per}never counts less than {case.at(level)} (nats): below that floor the posterior gets no gradient.",
            Outcome.WARN,
        )
    elif case.anatomy.constant is not None and set(case.anatomy.constant.powers) - {"B"} == {"L"}:
        offset = (
            case.anatomy.constant / g.weight
            if g.weight.powers == case.anatomy.constant.powers
            else case.anatomy.constant
        )
        yield finding(
            "ELB211",
            f"At q = N(0, 1) the KL is {number(offset.coefficient)} per latent, not 0; the gradient is right.",
            Outcome.NOTE,
        )


def _absent(case: Case) -> Finding:
    """Report a loss without a KL; where it returns more than one member, the wrong one may have been read."""
    if case.loss(case.probe.inputs({})).terms:
        return Finding(
            "",
            Outcome.INCONCLUSIVE,
            f"The member that was read as the loss does not change with {_posterior(case)}; others are returned beside it.",
            "return the total as the first member, or under the name 'loss'",
        )
    return finding("ELB207", f"The loss does not change with {_posterior(case)}: there is no KL in it.")


def _posterior(case: Case) -> str:
    return " or ".join(n for role, n in case.names.items() if role.startswith("q_"))


def _corrupted(g: Regulariser) -> Finding:
    parts = ", ".join(f"{c:+.4g} {n}" for n, c in g.coefficients.items())
    seen = f"With t = log variance the loss holds, per latent and over its weight: {parts}; a KL holds +0.5 m^2, +0.5 e^t, -0.5 t."
    slope = f"Its slope in t at the prior is {number(g.slope_at_prior)} (0 for a KL)"
    match g.pattern:
        case "reversed":
            return finding(
                "ELB206", "It grows like e^{-t}(1 + m^2): this is KL(N(0, 1) || q), with the arguments exchanged."
            )
        case "unequal":
            return finding("ELB208", "The latents enter with different weights: some of them pay less or no KL.")
        case "swapped":
            return finding("ELB404", "It is the KL with the posterior's mean and scale arguments exchanged.")
        case "misread":
            return finding(
                "ELB201",
                f"The {str(g.scale_role).removeprefix('q_')} argument is used as the logarithm of a variance or scale.",
                Outcome.WARN,
            )
        case "missing":
            return finding("ELB208", f"The term in {g.missing} is absent. {seen}", Outcome.FAIL)
        case "mixed-scales":
            return finding("ELB201", f"{seen} The exponential and the linear term read the scale argument differently.")
        case "precedence":
            return finding("ELB210", f"A term t e^-t appears: a quotient was formed where a sum was meant. {seen}")
        case "reference":
            return finding("ELB212", f"A term linear in m appears: the minimum is not at the prior. {seen}")
        case "halved":
            return finding("ELB209", f"{seen} {slope}.")
    if abs(g.slope_at_prior) > _FLAT or g.lowest < -_FLAT:  # over its range
        return finding("ELB209", f"{slope}, its least value {number(g.lowest)} below the prior's, over its range.")
    return Finding(
        "", Outcome.INCONCLUSIVE, "The divergence has its minimum at the prior but is no KL that is known here.",
        "verify its KL part as a function of its own to see its curve; nothing is claimed for another divergence",
    )  # fmt: skip


_FLAT = 1e-3


def skipped(case: Case) -> Skip | None:
    """Skip where the loss takes no posterior."""
    return None if case.anatomy.regulariser is not None else Skip("the loss takes no posterior")


CHECK = Check("divergence from the prior", CODES, run, skipped)
