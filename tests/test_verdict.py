"""The verdict is as bad as its worst finding, and the exit code follows."""

from __future__ import annotations

import pytest

import elbocheck
from elbocheck.verdict import Bound, Finding, Outcome, Verdict, worst_first

FAIL, WARN, NOTE, OPEN = Outcome.FAIL, Outcome.WARN, Outcome.NOTE, Outcome.INCONCLUSIVE


def found(outcome: Outcome, code: str = "ELB103", message: str = "measured", where: str | None = None) -> Finding:
    """Return a finding."""
    return Finding(code, outcome, message, "repair it", where)


def verdict(*findings: Finding, bound: Bound = Bound.EXACT, failed_run: bool = False) -> Verdict:
    """Return a verdict with the given findings."""
    return Verdict("a.py:loss", bound, "why", None, findings, failed_run=failed_run)


@pytest.mark.parametrize(
    ("outcomes", "worst", "code", "strict"),
    [
        ((), Outcome.PASS, 0, 0),
        ((NOTE,), NOTE, 0, 0),
        ((NOTE, WARN), WARN, 0, 1),
        ((WARN, FAIL, NOTE), FAIL, 1, 1),
        ((NOTE, OPEN), OPEN, 0, 0),
        ((OPEN, WARN), WARN, 0, 1),
        ((OPEN,), OPEN, 0, 0),
    ],
)
def test_the_worst_finding_decides(outcomes: tuple[Outcome, ...], worst: Outcome, code: int, strict: int) -> None:
    """Failures exit with 1, warnings do under --strict, notes never."""
    given = verdict(*(found(outcome) for outcome in outcomes))
    assert given.outcome is worst
    assert (given.exit_code, given.exit_code_if(strict=False), given.exit_code_if(strict=True)) == (code, code, strict)


def test_inconclusive_is_never_pass() -> None:
    """A loss that was not identified does not pass, whatever is noted; what failed is said louder."""
    assert verdict(bound=Bound.UNIDENTIFIED).outcome is OPEN
    assert verdict(found(NOTE), bound=Bound.UNIDENTIFIED).outcome is OPEN
    assert verdict(found(FAIL), bound=Bound.UNIDENTIFIED).outcome is FAIL


@pytest.mark.parametrize("strict", [False, True])
def test_a_run_that_failed_exits_with_three(strict: bool) -> None:
    """Whatever else was found."""
    assert verdict(found(FAIL), failed_run=True).exit_code_if(strict=strict) == 3


def test_codes_are_sorted_and_named_once() -> None:
    """What no rule covers has no code."""
    findings = [found(WARN, "ELB402"), found(FAIL, "ELB103"), found(NOTE, "ELB402"), found(OPEN, "")]
    assert verdict(*findings).codes == ("ELB103", "ELB402")


def test_findings_are_sorted_worst_first_and_told_once() -> None:
    """By outcome, then by code; of one code the worst is kept, of no code each message."""
    a, b, c = found(NOTE, "ELB101"), found(FAIL, "ELB402"), found(FAIL, "ELB103")
    loud, quiet = found(WARN, "ELB501", "loud"), found(NOTE, "ELB501", "quiet")
    open_one, open_two = found(OPEN, "", "one"), found(OPEN, "", "two")
    sorted_findings = worst_first([a, quiet, open_two, b, c, loud, open_one, open_one])
    assert sorted_findings == (c, b, loud, open_two, open_one, a)


def test_a_finding_carries_its_rules_name() -> None:
    """And says so where there is no rule."""
    assert (found(FAIL).name, found(OPEN, "").name) == ("both-terms-mean", "undecided")


def test_the_public_names_are_all_there() -> None:
    """What `__all__` promises is there, `dir` lists it, and a wrong name is answered with the right ones."""
    assert set(dir(elbocheck)) == {*elbocheck.__all__, *elbocheck._MODULES}
    assert all(getattr(elbocheck, name) is not None for name in dir(elbocheck))
    assert set(elbocheck._HOMES) == set(elbocheck.__all__)
    with pytest.raises(AttributeError, match=r"no attribute 'verfy'.*verify"):
        elbocheck.verfy  # noqa: B018 - reading is the test
