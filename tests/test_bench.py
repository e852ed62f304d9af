"""`elbocheck bench`: contenders compute the same thing, errors are seen, reports are whole. Nothing is timed here."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from functools import partial
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np
import pytest

from elbocheck import densities
from elbocheck.adapters.kit import KITS, kit
from elbocheck.bench import Bench, bench, clock, html, render, to_json
from elbocheck.bench.clock import Timing, race, ratio
from elbocheck.bench.formulas import WORKLOADS
from elbocheck.cli import main
from elbocheck.errors import UsageError
from elbocheck.kernels.threads import threads

SMALL: dict[str, Any] = {"shape": (4, 9), "seconds": 0.01, "against": ["numpy", "scipy"]}
LOSS = """
import numpy as np
def loss(x_hat, x, mu, log_var):
    return 3.0 * np.sum((x - x_hat)**2) - 0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var))
"""


@pytest.mark.parametrize("name", KITS)
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.family)
def test_every_framework_computes_the_log_density(workload: Any, name: str) -> None:
    """The formulas are those of the references, and so are sums and gradients."""
    try:
        one = kit(name)
    except UsageError as missing:
        pytest.skip(str(missing))
    density = getattr(densities, workload.family)
    x, moving = workload.draw(np.random.default_rng(0), (3, 50))
    parameters = {**workload.fixed, workload.moving: moving}
    close = {"rtol": 1e-5, "atol": 1e-7}  # textbook formulas lose digits: that is what bench shows
    np.testing.assert_allclose(one.each(workload.formula, x, moving), density.log_prob(x, **parameters), **close)
    for call in one.sums(workload.formula, x, moving).values():
        found = call()
        found = found[0] if isinstance(found, list) else found
        np.testing.assert_allclose(np.asarray(found), density.log_prob_sum(x, **parameters), **close)
    for call in one.sums_and_grad(workload.formula, x, moving).values():
        call()


@pytest.fixture(scope="module")
def found() -> Bench:
    """One small run."""
    return bench(families=["bernoulli", "normal"], **SMALL)


def test_the_table_is_whole(found: Bench) -> None:
    """Two families, two dtypes, value and gradient; both tiers and both frameworks; errors only of values."""
    assert [(cell.family, cell.dtype, cell.what) for cell in found.cells] == [
        (family, dtype, what)
        for family in ("bernoulli", "normal")
        for dtype in ("float32", "float64")
        for what in ("value", "value and gradient")
    ]
    for cell in found.cells:
        names = {entry.name for entry in cell.entries}
        assert names == {"elbocheck fast", "elbocheck exact"} | ({"numpy", "scipy"} if cell.what == "value" else set())
        assert cell.entries[0].ratio == 1.0
        assert all((entry.ulps is not None) == (cell.what == "value") for entry in cell.entries)


def test_errors_are_seen(found: Bench) -> None:
    """The exact tier is right to the last bit in float32, the fast tier to two ulps; no contender goes unmeasured."""
    cell = found.cells[0]
    errors = {entry.name: entry.ulps for entry in cell.entries}
    assert None not in errors.values()
    assert errors["elbocheck exact"] is not None
    assert errors["elbocheck exact"] <= 0.51
    assert errors["elbocheck fast"] is not None
    assert errors["elbocheck fast"] <= 2


def test_reports_are_readable(found: Bench) -> None:
    """Text within the width of a terminal, JSON that loads, HTML whose pictures are well-formed and fetch nothing."""
    text = render(found)
    assert max(map(len, text.splitlines())) <= 140
    assert "bernoulli, float32, value" in text
    assert json.loads(to_json(found))["cells"][0]["family"] == "bernoulli"
    page = html(found)
    pictures = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(pictures) == len(found.cells)
    for picture in pictures:
        assert ET.fromstring(picture).find("title") is not None
    assert "http" not in page


def test_a_loss_of_the_user_is_timed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is read, its family chosen, its values compared; a name is escaped."""
    file = tmp_path / "mine.py"
    file.write_text(LOSS)
    command = ["bench", f"{file}:loss", "--against", "numpy", "--shape", "6x7", "--seconds", "1", "--format", "json"]
    assert main(command) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert [(cell["family"], cell["dtype"], cell["what"]) for cell in cells] == [
        ("normal", "float32", "value"), ("normal", "float32", "value and gradient")
    ]  # fmt: skip
    mine = next(entry for entry in cells[0]["entries"] if entry["name"].endswith(":loss"))
    assert mine["ulps"] < 50


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--family", "norml"], "nothing to time for 'norml': choose from normal"),
        (["--dtype", "float16"], "--dtype float16: choose from float32, float64"),
        (["--against", "numpi"], "unknown framework 'numpi': choose from numpy"),
        (["--shape", "784"], "--shape 784: give two numbers"),
        (["--threads", "0"], "--threads 0: give a whole number from 1 up"),
        (["--threads", "4096"], "--threads 4096: this process may use"),
    ],
)
def test_a_wrong_question_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, the value and what would be right."""
    assert main(["bench", "--seconds", "1", *words]) == 2
    assert message in capsys.readouterr().err


def test_turns_are_taken_and_compared() -> None:
    """Every contender has as many turns; a ratio is one of pairs."""
    done: list[str] = []
    timings = race({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, 0.01, rounds=4)
    assert len(timings["a"].turns) == len(timings["b"].turns) >= 3
    assert timings["a"].best <= timings["a"].median
    assert ratio(timings["a"], timings["a"]) == 1.0
    slow, quick = Timing(2.0, 4.0, 0.5, (2.0, 4.0, 6.0)), Timing(1.0, 2.0, 0.5, (1.0, 2.0, 2.0))
    assert ratio(slow, quick) == 2.0  # how many times as long the first takes


def test_turns_do_not_feel_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where threads are shared they wait for the last one's to sleep, and what is slow at first is not counted."""
    monkeypatch.setattr(clock, "TURN", 0.0)
    calls: list[tuple[str, float]] = []

    def cold(name: str) -> None:
        first = bool(calls) and calls[-1][0] != name
        calls.append((name, perf_counter()))
        if first:
            sleep(clock.WARM / 3)

    with threads(2):
        timings = race({name: partial(cold, name) for name in "abc"}, 10.0, rounds=4)  # none follows itself
    assert max(timing.best for timing in timings.values()) < clock.WARM / 3
    waits = [later - sooner for (one, sooner), (other, later) in pairwise(calls) if one != other]
    assert len(waits) >= 3 * 4 - 1
    assert min(waits) >= clock.REST
    turns = [[at for _, at in turn] for _, turn in groupby(calls, key=itemgetter(0))]
    assert min(turn[-1] - turn[0] for turn in turns) > clock.WARM / 2
