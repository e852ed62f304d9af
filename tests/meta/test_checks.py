"""Every check declares the codes that it reports, and every rule has a check or a call that reports it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import elbocheck
from elbocheck.checks import (
    CHECKS,
    bins,
    call,
    data,
    extremes,
    gradient,
    intent,
    likelihood,
    posterior,
    terms,
    weighting,
)
from elbocheck.rules import RULES

PACKAGE = Path(elbocheck.__file__).parent
MODULES = (bins, call, data, extremes, gradient, intent, likelihood, posterior, terms, weighting)
CODE = re.compile(r'"(ELB\d{3})"')


def codes_in(file: str) -> set[str]:
    """Return the codes that a source file spells out, its declaration left out."""
    text = re.sub(r"(?s)CODES = \([^)]*\)|CHECK = Check\(.*", "", Path(file).read_text(encoding="utf-8"))
    return set(CODE.findall(text))


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_a_check_declares_what_it_reports(module: object) -> None:
    """The codes in a check's source are those of its declaration, no more and no fewer."""
    assert codes_in(str(module.__file__)) == set(module.CHECK.codes)  # type: ignore[attr-defined]


def test_every_check_is_in_the_plan() -> None:
    """No check file is forgotten."""
    assert {m.CHECK for m in MODULES} == set(CHECKS)
    files = {p.stem for p in (PACKAGE / "checks").glob("*.py")} - {"__init__", "case"}
    assert files == {m.__name__.rsplit(".", 1)[-1] for m in MODULES}


def test_every_rule_can_be_reported() -> None:
    """A rule that nothing reports would be a promise without a check."""
    everywhere = set().union(*(codes_in(str(f)) for f in PACKAGE.rglob("*.py") if "rules" not in f.parts))
    assert {r.code for r in RULES} - everywhere == set()
