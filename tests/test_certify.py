"""The certificates: the table of the release holds today, a run shows its faults, and the command line says what went wrong."""

import doctest
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flint import arb

from elbocheck.budget import BUDGETS, RECORDED
from elbocheck.certify import certify, kernels, names, release, render, run, table, to_json
from elbocheck.certify.kernels import measure, mismatch
from elbocheck.certify.members import fact, facts, subject
from elbocheck.certify.references import Reference, density_references, divergence_references
from elbocheck.certify.table import KernelRow, Row, from_json
from elbocheck.cli import main
from elbocheck.densities import DENSITIES, huber, laplace, normal
from elbocheck.divergences import DIVERGENCES
from elbocheck.enclosure import Enclosure
from elbocheck.errors import OracleError, ParameterError, UsageError
from elbocheck.kernels.lift import lift

TODAY = random.Random()
"""Not seeded: another part of the table is recomputed in every run; what fails prints itself."""


def references() -> Iterator[Reference]:
    """Every kernel that is certified."""
    for density in DENSITIES:
        yield from density_references(density)
    for divergence in DIVERGENCES:
        yield from divergence_references(divergence)


REFERENCES = {(r.owner, r.name): r for r in references()}
KEPT: dict[tuple[str, str], list[KernelRow]] = {}
for _row in release().rows:
    for _kernel in _row.kernels:
        KEPT.setdefault((_row.name, _kernel.name), []).append(_kernel)
FORMS = [(density, form) for density in DENSITIES for form in density.forms]
FEWEST = 50


def test_the_release_table_is_whole_and_sound() -> None:
    """Every form, divergence and kernel is in it, with 50 digits, a million points for values and no fault."""
    kept = release()
    assert {row.name for row in kept.rows} >= {subject(*pair) for pair in FORMS} | {d.name for d in DIVERGENCES}
    assert set(KEPT) == set(REFERENCES)
    assert kept.faults == ()
    assert all(row.digits >= FEWEST for row in kept.rows)
    for key, held in KEPT.items():
        asked = 10**6 // REFERENCES[key].share
        fewest = asked if asked == 10**6 else 0.8 * asked  # a kink has no derivative, a float32 may round to an end
        assert all(kernel.points >= fewest for kernel in held), key
    assert set(kept.versions) >= {"elbocheck", "python", "numba", "mpmath", "python-flint"}


@pytest.mark.parametrize("key", KEPT, ids=lambda key: f"{key[0]}: {key[1]}")
def test_recorded_errors_are_within_their_budget(key: tuple[str, str]) -> None:
    """What the release found worst is what the budget allows; float32 is one rounding."""
    for kernel in KEPT[key]:
        allowed = BUDGETS[kernel.name].ulps if kernel.dtype == "float64" else BUDGETS["rounding.float32"].ulps
        assert kernel.ulps <= allowed, kernel


@pytest.mark.parametrize("draw", range(6))
def test_a_random_part_of_the_kernels_table_holds(draw: int) -> None:
    """The worst input of the release is as bad today, within half an ulp for another libm; new points are no worse."""
    key = TODAY.choice(sorted(KEPT))
    double = next(kernel for kernel in KEPT[key] if kernel.dtype == "float64")
    again = measure(REFERENCES[key], "float64", 1, 0, also=[double.at], climb=False)
    assert again.ulps == pytest.approx(double.ulps, abs=RECORDED), double
    seed = TODAY.randrange(2**31)
    assert measure(REFERENCES[key], "float64", 2000, seed).ulps <= BUDGETS[key[1]].ulps, (key, seed)


@pytest.mark.parametrize("draw", range(3))
def test_a_random_part_of_the_facts_holds(draw: int) -> None:
    """Another member of a family than those of the release is as certain."""
    density, form = TODAY.choice(FORMS)
    seed = TODAY.randrange(2**31)
    for found in facts(density, form, np.random.default_rng(seed), FEWEST):
        assert found.fault is None, (density.name, seed, found)
        assert found.digits >= FEWEST, (density.name, seed, found)


def test_a_member_far_narrower_than_its_place_has_a_neighbour() -> None:
    """Of log_var -257 the scale is 1e-56: moved by that, no parameter would move, and the KL be one of nothing."""
    form = next(form for form in normal.forms if "log_var" in form.names)
    *_, last = facts(normal, form, np.random.default_rng(2070325342), FEWEST)
    assert (last.quantity, last.fault) == ("KL", None)


def test_the_table_reads_what_it_writes() -> None:
    """JSON and back is the same table."""
    kept = release()
    assert from_json(to_json(kept)) == kept
    assert all(row.name in render(kept) for row in kept.rows)


def test_a_fault_is_shown_and_counts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong closed form makes the command print the quantity, both values, and exit with 1."""
    form = replace(normal.forms[0], log_mass=lambda m, loc, scale: m.log(scale))
    monkeypatch.setattr(run, "DENSITIES", (replace(normal, forms=(form,)),))
    assert main(["certify", "normal", "--points", "1", "--ulp-points", "0"]) == 1
    text = capsys.readouterr().out
    assert "FAULT normaliser at loc=" in text
    assert "closed form" in text
    assert "not certified" in text


def test_an_error_beyond_its_budget_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kernel that is off by a millionth makes the command print where, by how much, and exit with 1."""
    form = replace(laplace.forms[0], energy=lift(_nearly))
    monkeypatch.setattr(run, "DENSITIES", (replace(laplace, forms=(form,)),))
    monkeypatch.setattr(kernels, "BUDGETS", {**BUDGETS, "laplace.nearly": BUDGETS["laplace.energy"]})
    assert main(["certify", "laplace", "--points", "1", "--ulp-points", "100"]) == 1
    text = capsys.readouterr().out
    assert "ulp in float64, the budget is 2" in text


def _nearly(x: float, loc: float, scale: float) -> float:
    return abs(x - loc) / scale * 1.000001


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Text for people, JSON for programs; the same rows."""
    arguments = ["certify", "bernoulli", "--points", "1", "--ulp-points", "200", "--digits", "60"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "bernoulli(logits)" in text
    assert text.rstrip().endswith("Certified.")
    assert main([*arguments, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["name"] for row in rows] == ["bernoulli(logits)", "bernoulli(probs)"]
    assert all(row["digits"] >= 60 for row in rows)


def test_processes_give_the_same_table() -> None:
    """Two processes and one agree on everything but the time."""
    one, two = (certify(["bernoulli"], points=1, ulp_points=100, jobs=jobs) for jobs in (1, 2))
    assert [replace(row, milliseconds=(0, 0)) for row in one.rows] == [
        replace(row, milliseconds=(0, 0)) for row in two.rows
    ]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["norml"], "did you mean 'normal'"),
        (["--digits", "0"], "--digits 0: give a whole number from 1"),
        (["--digits", "1001"], "from 1 to 1000, got 1001"),
        (["--digits", "many"], "--digits many"),
        (["--jobs", "0"], "--jobs 0"),
        (["--points", "-1"], "--points -1"),
        (["--output", "/no/such/folder/x"], "no such folder"),
    ],
)
def test_bad_input_is_one_clear_line(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The value and the remedy, exit code 2."""
    assert main(["certify", *words]) == 2
    error = capsys.readouterr().err
    assert text in error
    assert error.count("\n") == 1


def test_python_callers_get_exceptions() -> None:
    """The same in code."""
    with pytest.raises(UsageError, match="no certificate 'x'"):
        certify(["x"])
    with pytest.raises(ParameterError, match="digits"):
        certify(["normal"], digits=0)
    assert {"normal", "huber-density", "gaussian-normaliser", "mse-to-gaussian"} <= set(names())


DELTAS = np.geomspace(1e-6, 1e6, 200)


def test_the_huber_kernel_is_within_two_ulps_at_both_ends() -> None:
    """log Z(delta) for 200 delta in [1e-6, 1e6]: no cancellation where Z tends to Laplace's or to Normal's."""
    reference = REFERENCES[("huber(loc, scale, delta)", "huber.normalizer")]
    points: Any = [(0.0, 1.0, float(delta)) for delta in DELTAS]
    assert measure(reference, "float64", 1, 0, also=points, climb=False).ulps <= 2
    assert huber.log_normalizer(loc=0.0, scale=1.0, delta=1e6) == normal.log_normalizer(loc=0.0, scale=1.0)


def _claims(one: Any, other: Any, proven: float = 50.0) -> Any:
    return proven, 0.0, [("balls", Enclosure(one, "a"), "mpmath", Enclosure(other, "b"))]


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        (_claims(arb(2), arb(2)), None),
        (_claims(arb(2), arb(3)), "balls is 2.0.* but mpmath is 3.0.* exclude"),
        (_claims(arb(2), arb(2, 1e-9)), "mpmath is only known to be .* proves nothing"),
        (_claims(arb(2), arb(2), 49.0), "49.0 digits proven, 50 asked"),
    ],
)
def test_a_fact_needs_sharp_numbers_that_agree(claims: Any, fault: str | None) -> None:
    """A ball that is too wide overlaps a wrong number too; fewer digits than asked are not what was asked."""
    found = fact("x", {}, "normaliser", 50, lambda: claims)
    assert (found.fault is None) == (fault is None)
    assert fault is None or re.search(fault, str(found.fault))


def test_kernels_need_a_truth_and_mpmath() -> None:
    """Points without a truth do not count as tried, and a sample that mpmath cannot confirm is a fault."""
    known = REFERENCES[("normal(loc, scale)", "normal.energy")]
    blind = replace(known, truth=lambda m, *values: m.log(m.exact(0)) * 0)
    with pytest.raises(OracleError, match="known at none of"):
        measure(blind, "float64", 50, 0)
    assert "mpmath confirms 0 points of 4" in str(mismatch(blind, 4, 0))
    half = replace(known, truth=lambda m, x, *rest: m.log(m.exact(1) + 0 * known.truth(m, x, *rest)) + m.log(x))
    assert 0 < measure(half, "float64", 400, 0, climb=False).points < 400


def test_a_row_knows_its_worst() -> None:
    """The kernel with the largest error of a dtype, none where there are no kernels."""
    kernels = tuple(KernelRow("k", dtype, ulps, (0.0,), 1) for dtype, ulps in (("float64", 1.0), ("float64", 2.0)))
    row = Row("r", 1, 1, 50.0, (50.0, "r"), (1.0, 1.0), "balls", (), kernels)
    worst = row.worst("float64")
    assert worst is not None
    assert worst.ulps == 2.0
    assert row.worst("float32") is None


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    assert sum(doctest.testmod(module).failed for module in (run, table)) == 0
