"""The reports say all that a verdict holds: to a person in 80 columns, to a machine in strict JSON."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from elbocheck import Verdict, verify
from elbocheck.gallery.keras_guide_mse import vae_loss
from elbocheck.monomial import Monomial
from elbocheck.reports.json import as_dict
from elbocheck.reports.json import render as render_json
from elbocheck.reports.terminal import render
from elbocheck.verdict import Bound, CheckResult, Finding, Outcome, Run

LONG = "a sentence of many words " * 12
FINDINGS = (
    Finding("ELB103", Outcome.FAIL, LONG, f"{LONG}\n    kl = a_line_of_code(that, stays, as_it, stands)\nAnd more."),
    Finding("ELB402", Outcome.WARN, "A warning.", "Repair it.", "x = 40"),
    Finding("ELB501", Outcome.NOTE, "A note.", "Rewrite it."),
    Finding("", Outcome.INCONCLUSIVE, "Not decided.", "Look."),
)
CHECKS = (
    CheckResult("one", Outcome.PASS),
    CheckResult("two", Outcome.SKIPPED, "nothing to compare", told=True),
    CheckResult("three", Outcome.SKIPPED, "of no use"),
)


@pytest.fixture(scope="module")
def measured() -> Verdict:
    """The verdict on the Keras guide's loss."""
    return verify(vae_loss, target="keras.py:vae_loss")


@pytest.fixture
def full(measured: Verdict) -> Verdict:
    """A verdict with one of everything."""
    run = Run(points=12, calls=34, dtype="float32", seed=5, seconds=1.25, sizes="x 4x5")
    constants = {"weight": "1.0", "reduction": "'mean' (default)"}
    return replace(measured, findings=FINDINGS, checks=CHECKS, run=run, constants=constants)


@pytest.fixture
def stopped(full: Verdict) -> Verdict:
    """A verdict on a loss that could not be called."""
    finding = Finding("ELB001", Outcome.FAIL, "The loss raised ValueError: no.", "make it return")
    return replace(
        full,
        model=None,
        bound=Bound.UNIDENTIFIED,
        findings=(finding,),
        checks=(),
        failed_run=True,
        reason="nothing ran",
    )


def words(text: str) -> str:
    """Return the text on one line."""
    return " ".join(text.split())


@pytest.mark.parametrize("name", ["measured", "full", "stopped"])
def test_no_line_is_wider_than_eighty_columns_or_padded(name: str, request: pytest.FixtureRequest) -> None:
    """Whatever the verdict."""
    lines = render(request.getfixturevalue(name)).splitlines()
    assert [line for line in lines if len(line) > 80 or line != line.rstrip()] == []


def test_a_person_reads_what_was_measured(measured: Verdict) -> None:
    """Headline, bound, finding with its fix, model, formulas with numbers and their sizes, roles, run."""
    text = render(measured)
    assert text == str(measured)
    assert text.splitlines()[0] == f"{measured.outcome.value.upper()}  keras.py:vae_loss"
    for part in (
        "Scaled:",
        f"{measured.outcome.value.upper()} ELB103 both-terms-mean",
        "Fix: ",
        "sigma^2 D/(2*L) = 12.25 at D = 784, L = 32; sigma = 3.5",
        "beta D/(2*L) = 12.25 at D = 784, L = 32, read with unit scale",
        f"reduced by {measured.model.reduction}" if measured.model else "a model",
        "nats per datum dropped",
        "is q_log_var",
        "not checked",
        f"{measured.run.points} points, {measured.run.calls} calls, float64",
        "seed 0",
    ):
        assert part in words(text), part


def test_findings_come_worst_first_with_their_fix(full: Verdict) -> None:
    """Prose is wrapped, code stands as it is, a note points to its page."""
    text = render(full)
    heads = re.findall(r"^(FAIL|WARN|NOTE|INCONCLUSIVE)  (.+)$", text, re.MULTILINE)
    assert [f"{outcome} {name}" for outcome, name in heads[1:]] == [
        "FAIL ELB103 both-terms-mean",
        f"WARN ELB402 {FINDINGS[1].name}",
        f"NOTE ELB501 {FINDINGS[2].name}",
        "INCONCLUSIVE undecided",
    ]
    assert "\n          kl = a_line_of_code(that, stays, as_it, stands)\n      And more.\n" in text
    assert words(f"Fix: {LONG}") in words(text)
    assert "More: elbocheck rule ELB501" in text
    assert "Rewrite it." not in text


def test_code_is_never_broken(measured: Verdict) -> None:
    """A line that is wider than the terminal can still be copied."""
    code = "    kl = " + " + ".join(["term"] * 20)
    findings = (Finding("ELB103", Outcome.WARN, "A warning.", f"Write\n{code}"),)
    assert f"\n      {code}\n" in render(replace(measured, findings=findings))


def test_the_run_can_be_repeated_from_the_report(full: Verdict) -> None:
    """Kept constants, skipped checks with reasons, points, calls, dtype, sizes, seed."""
    text = words(render(full))
    assert "kept weight = 1.0, reduction = 'mean' (default)" in text
    assert "not checked two (nothing to compare) run 12 points, 34 calls, float32, x 4x5, seed 5, 1.25 s" in text


def test_a_loss_that_could_not_be_run_gets_a_short_report(stopped: Verdict) -> None:
    """What happened and what to do; no model, no empty headings."""
    text = render(stopped)
    assert text.splitlines()[0] == "FAIL  keras.py:vae_loss"
    assert "The loss raised ValueError: no. Make it return." in words(text)
    assert "model" not in text
    assert len(text.splitlines()) < 12


def test_the_short_report_names_its_rule(stopped: Verdict) -> None:
    """So that `elbocheck rule ELB001` can be typed."""
    assert "ELB001" in render(stopped)


def test_no_two_blank_lines_follow_each_other(measured: Verdict) -> None:
    """One blank line parts two paragraphs."""
    assert "\n\n\n" not in render(measured)


@pytest.mark.parametrize(
    ("weight", "shown"),
    [
        (Monomial(1.0, {}), "sigma^2 1; sigma = 1"),
        (Monomial(0.5, {}), "sigma^2 0.5; sigma = 0.707107"),
        (Monomial(1 / 3, {}), "sigma^2 1/3 = 0.333333333; sigma = 0.57735"),
        (Monomial(0.123456, {}), "sigma^2 0.123456; sigma = 0.351363"),
        (Monomial(2.0, {"D": 1}), "sigma^2 2*D = 1568 at D = 784; sigma = 39.598"),
        (Monomial(-1.0, {}), "sigma^2 -1 beta"),
    ],
)
def test_a_weight_is_shown_as_formula_and_number(measured: Verdict, weight: Monomial, shown: str) -> None:
    """A fraction that a reader would not see in the number is written out; a negative variance has no sigma."""
    assert measured.model is not None
    model = replace(measured.model, sigma2=weight)
    assert shown in words(render(replace(measured, model=model)))


def test_colour_changes_nothing_but_colour(full: Verdict) -> None:
    """Only outcomes are painted; without colour no escape is printed."""
    plain, painted = render(full), render(full, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31mFAIL\x1b[0m  keras.py:vae_loss" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain


def test_json_holds_the_whole_verdict(full: Verdict) -> None:
    """Every finding, check, role, constant, the run and the model with its formulas."""
    data = json.loads(render_json(full))
    assert data == full.as_dict() == as_dict(full)
    assert (data["schema"], data["target"], data["outcome"], data["exit_code"]) == (1, "keras.py:vae_loss", "fail", 1)
    assert data["findings"][1] == {
        "code": "ELB402", "name": FINDINGS[1].name, "outcome": "warn", "message": "A warning.", "fix": "Repair it.",
        "counterexample": "x = 40",
    }  # fmt: skip
    assert data["checks"][1] == {"check": "two", "outcome": "skipped", "reason": "nothing to compare"}
    assert data["constants"] == {"weight": "1.0", "reduction": "'mean' (default)"}
    assert data["run"] == {"points": 12, "calls": 34, "dtype": "float32", "seed": 5, "seconds": 1.25, "sizes": "x 4x5"}
    assert set(data["roles"].values()) == {"x", "prediction", "q_loc", "q_log_var"}
    sigma2 = data["model"]["sigma2"]
    assert (sigma2["formula"], sigma2["powers"]) == ("D/(2*L)", {"D": 1, "L": -1})
    assert math.isclose(sigma2["value"], 12.25)
    assert data["model"]["family"] == "normal"


def test_json_of_a_failed_run_names_the_rule(stopped: Verdict) -> None:
    """No model, the code, exit code 3."""
    data = json.loads(render_json(stopped))
    assert (data["model"], data["exit_code"], data["bound"]) == (None, 3, "unidentified")
    assert [finding["code"] for finding in data["findings"]] == ["ELB001"]


def refuse(constant: str) -> Any:
    """Refuse what is not JSON."""
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_json_is_strict(measured: Verdict, value: float) -> None:
    """Infinities and NaN become null, wherever they stand."""
    assert measured.model is not None
    odd = Monomial(value, {"D": 1})
    model = replace(measured.model, dropped=value, parameters={"scale": value}, sigma2=odd, beta=odd)
    text = render_json(replace(measured, model=model))
    data = json.loads(text, parse_constant=refuse)["model"]
    assert (data["dropped_nats_per_datum"], data["parameters"]) == (None, {"scale": None})
    assert (data["sigma2"]["value"], data["beta"]["coefficient"]) == (None, None)
