"""The answer: outcomes, findings, and the verdict that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elbocheck.implied import ImpliedModel


class Outcome(StrEnum):
    """How a check ended; inconclusive is never pass."""

    FAIL = "fail"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    NOTE = "note"
    SKIPPED = "skipped"
    PASS = "pass"


_WORST_FIRST = list(Outcome)


class Bound(StrEnum):
    """What the loss is to log p(x)."""

    EXACT = "exact"
    CONSTANT = "constant"
    SCALED = "scaled"
    BETA = "beta"
    CONSERVATIVE = "conservative"
    LIKELIHOOD_ONLY = "likelihood-only"
    DIVERGENCE_ONLY = "divergence-only"
    NOT_A_DENSITY = "not-a-density"
    NOT_A_BOUND = "not-a-bound"
    UNIDENTIFIED = "unidentified"


@dataclass(frozen=True)
class Finding:
    """One defect, or one thing that could not be decided.

    Attributes:
        code: the rule, e.g. `ELB103`; empty for what no rule covers.
        outcome: how loud it is.
        message: what was measured and what it means, one or two sentences.
        fix: what to do.
        counterexample: the smallest input that shows it, where there is one.
    """

    code: str
    outcome: Outcome
    message: str
    fix: str
    counterexample: str | None = None

    @property
    def name(self) -> str:
        """The rule's kebab-case name."""
        from elbocheck.rules import rule

        return rule(self.code).name if self.code else "undecided"


@dataclass(frozen=True)
class CheckResult:
    """What became of one check of the plan: ran and passed, found something, or was skipped and why.

    Attributes:
        check: what it looks at.
        outcome: its worst finding, pass, or skipped.
        reason: why it was skipped or could not decide.
        told: a person can use knowing that.
    """

    check: str
    outcome: Outcome
    reason: str = ""
    told: bool = False


@dataclass(frozen=True)
class Run:
    """How the verdict came about, enough to repeat it.

    Attributes:
        points: values taken for the measurements.
        calls: calls of the loss, gradients included.
        dtype: of the arithmetic that identified the model.
        seed: of every random choice.
        seconds: wall time.
        sizes: what the loss was called with.
    """

    points: int = 0
    calls: int = 0
    dtype: str = "float64"
    seed: int = 0
    seconds: float = 0.0
    sizes: str = ""


@dataclass(frozen=True)
class Verdict:
    """The whole answer for one loss; `print` it for the report.

    Attributes:
        target: the loss, as it was named.
        bound: what it is to log p(x).
        reason: why, in a sentence.
        model: the model it implies; None where nothing could be measured.
        findings: worst first.
        checks: every check of the plan and how it ended.
        roles: argument to role, and `name = value` for constants.
        run: points, calls, seed.
        failed_run: the loss could not be verified at all.
    """

    target: str
    bound: Bound
    reason: str
    model: ImpliedModel | None
    findings: tuple[Finding, ...]
    checks: tuple[CheckResult, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    run: Run = field(default_factory=Run)
    failed_run: bool = False

    @property
    def outcome(self) -> Outcome:
        """The worst outcome among the findings; inconclusive where nothing was identified; pass where there is none."""
        found = {f.outcome for f in self.findings}
        if self.bound in (Bound.UNIDENTIFIED, Bound.NOT_A_BOUND, Bound.NOT_A_DENSITY):  # never a pass
            found.add(Outcome.INCONCLUSIVE)
        return next((o for o in _WORST_FIRST if o in found), Outcome.PASS)

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes found, sorted, each once."""
        return tuple(sorted({f.code for f in self.findings if f.code}))

    @property
    def exit_code(self) -> int:
        """0: nothing failed. 1: something failed. 3: nothing could be verified."""
        if self.failed_run:
            return 3
        return int(self.outcome is Outcome.FAIL)

    def exit_code_if(self, *, strict: bool) -> int:
        """Return the exit code, warnings counting as failures under `strict`."""
        return 1 if strict and self.outcome is Outcome.WARN else self.exit_code

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain values for JSON."""
        from elbocheck.reports.json import as_dict

        return as_dict(self)

    def __str__(self) -> str:
        from elbocheck.reports.terminal import render

        return render(self)


def worst_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Sort findings, worst first, one for each code and counterexample-free cause."""
    kept: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda f: (_WORST_FIRST.index(f.outcome), f.code)):
        kept.setdefault(finding.code or finding.message, finding)
    return tuple(kept.values())
