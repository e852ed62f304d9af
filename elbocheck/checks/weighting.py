"""Weights: what beta or sigma follow from the reductions of the two terms, and whether they move with B, D or L."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose

from elbocheck import budget
from elbocheck.checks.case import Case, Check, finding, number
from elbocheck.monomial import Monomial
from elbocheck.verdict import Finding, Outcome
from elbocheck.weights import nominal_size

CODES = (
    "ELB101",
    "ELB102",
    "ELB103",
    "ELB104",
    "ELB105",
    "ELB106",
    "ELB107",
    "ELB108",
    "ELB109",
    "ELB110",
    "ELB111",
    "ELB112",
    "ELB116",
)


def run(case: Case) -> Iterator[Finding]:
    """Name the weighting: one finding for the ratio of the terms, else one for a common factor."""
    s = case.anatomy.structure
    if s.broadcast:
        yield finding(
            "ELB116",
            "Changing the target of one element changes what another element's prediction costs: "
            "predictions are compared with the targets of other data.",
        )
        return
    if s.output == "datum" and s.batch_coupled:
        yield finding(
            "ELB105", "The value of one datum changes with another datum: a sum over the batch was added to every one."
        )
        return
    yield from _irregular(case)
    ratio = case.model.beta if case.model.beta is not None else case.model.sigma2
    if ratio is None or ratio.coefficient <= 0 or declared(case, ratio):
        return
    found = _ratio(case, ratio)
    if found is not None:
        yield found
        yield from _besides(case, ratio, found.code)
    if (
        (found is None or found.code == "ELB109")
        and case.model.family
        and case.model.beta is not None
        and not case.model.scale.equals(1.0)
    ):
        yield finding(
            "ELB112",
            f"Both terms carry the factor {case.at(case.model.scale)}: the optimum stays, the printed value is scaled.",
        )


def _irregular(case: Case) -> Iterator[Finding]:
    """Yield a weight that moves with a size by no whole power: its formula is then not known."""
    for what, term in (("reconstruction", case.anatomy.reconstruction), ("KL", case.anatomy.regulariser)):
        if term is not None and term.weight.irregular:
            moved = _listed(sorted(term.weight.irregular))
            message = f"The weight of the {what} moves with {moved} by no whole power, so no formula is claimed."
            yield Finding(
                "", Outcome.INCONCLUSIVE, message, "reduce by sums and means, or read the numbers at one size only"
            )


def _besides(case: Case, ratio: Monomial, code: str) -> Iterator[Finding]:
    """Yield the constant weight that stands beside what a reduction explains; one that may hold a size is none."""
    nominal = (0.5, 1.0) if case.model.free_scale else (1.0,)
    whole = ratio.coefficient if case.model.family is not None and not case.model.derived else 1.0
    if code not in _REDUCTIONS or any(isclose(whole, n, rel_tol=budget.DECLARED) for n in nominal):
        return
    weight = case.model.scale.coefficient if case.model.free_scale else whole
    if not isclose(weight, 1.0, rel_tol=budget.DECLARED):
        message = f"Besides, the KL carries the constant weight {number(weight)}, which no reduction explains."
        yield finding("ELB108", message, Outcome.NOTE)


_REDUCTIONS = ("ELB101", "ELB102", "ELB104", "ELB110", "ELB111")
"""Those of one term: where both are averaged, the sizes that divide them leave a factor of their own to choose."""


def declared(case: Case, ratio: Monomial) -> bool:
    """Tell whether a declared beta or sigma is what was measured; a contradiction is another check's."""
    beta, sigma = case.intent.number("beta"), case.intent.number("sigma")
    declared = beta if beta is not None else sigma**2 if sigma is not None else None
    return declared is not None and isclose(
        declared, ratio.at(case.model.sizes), rel_tol=max(ratio.error, budget.DECLARED)
    )


def _ratio(case: Case, ratio: Monomial) -> Finding | None:
    """Return the finding for the ratio of the weights."""
    powers = {n: p for n, p in ratio.powers.items() if p}
    g = case.anatomy.regulariser
    if (
        ratio.irregular
        or (not case.anatomy.structure.separable and case.model.family is None)
        or (g is not None and g.pattern != "kl")
    ):
        return None
    if case.model.beta is None or not powers:
        return None if powers or case.model.family is None else _constant(case, ratio)
    if (nominal := _hard_coded(case, ratio)) is not None:
        return nominal
    code = _code(powers, case.anatomy.event_axes)
    moving = (
        f"{reading(case)} = {case.at(ratio)}: it"
        if case.model.family
        else f"The ratio of the weights, {ratio.formula},"
    )
    message = (
        f"{moving} moves with {_listed(sorted(powers))}, "
        f"as the reconstruction is reduced by {case.model.reduction}, the KL by {case.model.divergence_reduction}."
    )
    single = code == "ELB110" and isclose(ratio.at(case.model.sizes), 1.0, rel_tol=budget.DECLARED)
    return finding(code, message, Outcome.NOTE if single else _loudness(case, ratio))


def reading(case: Case) -> str:
    """Say what the ratio of the weights is to the family."""
    return "sigma^2" if case.model.sigma2 is not None else "KL over likelihood" if case.model.free_scale else "beta"


def _code(powers: dict[str, int], axes: tuple[str, ...]) -> str:
    """Return the rule that explains a ratio with these powers."""
    if batch := powers.get("B", 0):
        return {1: "ELB104", -1: "ELB105"}.get(batch, "ELB108")
    if len(axes) > 1 and len(powers) == 1 and set(powers) <= set(axes) and set(powers.values()) == {1}:
        return "ELB110" if {"C", axes[-1]} & set(powers) else "ELB111"
    if not set(powers) <= {"D", "L"}:
        return "ELB108"
    return _BY_POWERS.get((powers.get("D", 0), powers.get("L", 0)), "ELB108")


_BY_POWERS: dict[tuple[int, ...], str] = {(1, 0): "ELB101", (0, -1): "ELB102", (1, -1): "ELB103"}


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _loudness(case: Case, ratio: Monomial) -> Outcome:
    """A weight that leaves no bound fails; one that only moves the optimum warns."""
    if case.model.family is None:
        return Outcome.WARN
    return Outcome.FAIL if not case.model.free_scale and ratio.at(case.model.sizes) < 1 else Outcome.WARN


def _hard_coded(case: Case, ratio: Monomial) -> Finding | None:
    """Report a weight that is nominal at one size only."""
    found = nominal_size(ratio, free=case.model.free_scale)
    if found is None:
        return None
    axis, size = found
    nominal = ratio.at({**case.model.sizes, axis: size})
    message = f"{reading(case)} = {ratio.formula}: it is {nominal:g} at {axis} = {size} only, a size that the loss holds as a number."
    return finding("ELB109", message, Outcome.WARN)


def _constant(case: Case, ratio: Monomial) -> Finding | None:
    """Judge a ratio that no size changes: a choice of sigma for a family with a free scale, else a beta."""
    if ratio.equals(1.0):
        return None
    free = case.model.free_scale
    if free and (case.model.dropped == 0 or case.model.family != "normal"):
        return None  # the loss's own constants say that this sigma is meant; other families have no nominal scale
    code = "ELB107" if free and ratio.equals(0.5) else "ELB106" if ratio.equals(2.0) and case.model.beta else "ELB108"
    if not free:
        return finding(code, f"beta = {case.at(ratio)}, whatever B, D and L.", _loudness(case, ratio))
    if case.model.beta is None and code != "ELB107":
        return None
    return finding(
        code,
        f"sigma^2 = {case.at(ratio)}, whatever B, D and L: a choice of the decoder's noise, sigma = {ratio.coefficient**0.5:.6g}.",
        Outcome.NOTE,
    )


CHECK = Check("weights and reductions", CODES, run)
