"""What a check is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from elbocheck.anatomy import Anatomy
from elbocheck.implied import ImpliedModel
from elbocheck.intent import Intent
from elbocheck.loss import Loss
from elbocheck.monomial import Monomial
from elbocheck.probing.probe import Probe
from elbocheck.roles import PREDICTIONS, Role
from elbocheck.rules import rule
from elbocheck.verdict import Finding, Outcome


@dataclass(frozen=True)
class Case:
    """One loss, measured.

    Attributes:
        loss: the loss.
        probe: it as numbers, in the dtype that identified the model.
        working: it as numbers, in the dtype that people train in.
        anatomy: what was measured.
        model: what that means.
        intent: what was declared.
        seed: of random choices.
        variants: other ways to compile and call the loss that were asked for: `compile`, `vmap`, `batch`, `memory`.
    """

    loss: Loss
    probe: Probe
    working: Probe
    anatomy: Anatomy
    model: ImpliedModel
    intent: Intent
    seed: int
    variants: frozenset[str] = frozenset()

    @property
    def names(self) -> Mapping[str, str]:
        """Role to argument name."""
        return argument_names(self.loss)

    @property
    def prediction(self) -> Role:
        """The role of the prediction."""
        return next(r for r in self.loss.roles if r in PREDICTIONS)

    def at(self, formula: Monomial) -> str:
        """Return a formula with its number at the stated sizes."""
        number = f"{formula.at(self.model.sizes):.6g}"
        if not formula.powers:
            return (
                number
                if formula.fraction is None or formula.fraction.denominator == 1
                else f"{formula.formula} = {number}"
            )
        used = ", ".join(f"{n} = {self.model.sizes[n]}" for n in sorted(formula.powers))
        return f"{formula.formula} = {number} at {used}"


@dataclass(frozen=True)
class Skip:
    """Why a check does not apply, and whether a person can use knowing it."""

    reason: str
    told: bool = False


@dataclass(frozen=True)
class Check:
    """A property of a loss that can fail.

    Attributes:
        name: what it looks at.
        codes: the rules it may report.
        skipped: why it does not apply to a case, or None where it does.
        run: its findings.
    """

    name: str
    codes: tuple[str, ...]
    run: Callable[[Case], Iterable[Finding]]
    skipped: Callable[[Case], Skip | None] = field(default=lambda _: None)


def argument_names(loss: Loss) -> dict[str, str]:
    """Return role to argument name; an argument without one is called by its role."""
    return loss.binding.names


def finding(
    code: str,
    message: str,
    outcome: Outcome | None = None,
    counterexample: str | None = None,
    fix: str | None = None,
) -> Finding:
    """Return a finding, as loud as the rule's severity and with the rule's fix unless said otherwise."""
    found = rule(code)
    if outcome is None:
        worst = max(s.rank for s in found.severities)
        outcome = (Outcome.NOTE, Outcome.WARN, Outcome.FAIL)[worst]
    return Finding(code, outcome, message, fix or found.fix, counterexample)


def number(value: float) -> str:
    """Return a number as a reader wants it."""
    value = value or 0.0  # no minus zero
    return (
        np.format_float_positional(value, precision=6, trim="-")
        if 1e-3 <= abs(value) < 1e6 or not value
        else f"{value:.6g}"
    )
