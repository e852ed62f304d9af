"""A corpus of losses as many people write them, set down with their verdicts before the tool had read any of them.

`corpus_numpy.py` and `corpus_torch.py` hold the losses, half of them right, half with one planted defect; `corpus.json` holds,
for each, the bounds that are acceptable, the codes that must appear, those that may, and the implied sigma^2 or beta.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from elbocheck.cli import main

HERE = Path(__file__).parent
CORPUS: list[dict[str, Any]] = json.loads((HERE / "corpus.json").read_text(encoding="utf-8"))
SIZES = ({"B": 5, "D": 12, "L": 3}, {"B": 7, "D": 20, "L": 4}, {"B": 3, "D": 24, "L": 6})
CORPUS_DIGITS = 1e-4  # the corpus states its numbers to four digits


@pytest.mark.parametrize("entry", CORPUS, ids=lambda e: " ".join([e["target"], *e["flags"]]))
def test_a_loss_of_the_corpus_is_read_right(entry: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """The named defect is found, no other alarm is raised, and bound, family and weights are right."""
    if "torch" in entry["target"]:
        pytest.importorskip("torch", reason="torch is not installed")
    exit_code = main(["verify", f"{HERE}/{entry['target']}", *entry["flags"], "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    found = {f["code"]: f["outcome"] for f in report["findings"] if f["code"]}
    assert exit_code == report["exit_code"], entry["why"]
    for either in entry["codes"]:
        assert set(either.split("|")) & set(found), f"{either} is missing: {entry['why']}"
    expected = set() if entry["right"] else {code for either in entry["codes"] for code in either.split("|")}
    loud = {code for code, outcome in found.items() if outcome in ("warn", "fail")}
    assert loud <= {*expected, *entry["allowed"]}, entry["why"]
    assert not entry["bound"] or report["bound"] in entry["bound"], entry["why"]
    _model(entry, report["model"] or {})


def _model(entry: dict[str, Any], model: dict[str, Any]) -> None:
    assert entry["family"] is None or model["family"] == entry["family"], entry["why"]
    for name in ("sigma2", "beta"):
        if entry[name] is None:
            continue
        formula = model[name]
        assert formula is not None, f"{name}: {entry['why']}"
        for sizes in ({**s, **(entry["at"] or {})} for s in SIZES):
            measured = formula["coefficient"] * math.prod(float(sizes[n]) ** p for n, p in formula["powers"].items())
            stated = eval(str(entry[name]).replace("^", "**"), {}, dict(sizes))  # our own data: formulas in B, D, L
            assert abs(measured - stated) <= CORPUS_DIGITS * abs(stated), f"{name}: {entry['why']}"
