"""What a person declares is checked before anything runs; data files are described or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elbocheck.errors import ElbocheckError, UsageError
from elbocheck.intent import DATA_KINDS, EXPECTABLE, Intent, describe_data
from elbocheck.verdict import Bound

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize("kind", DATA_KINDS)
def test_every_kind_of_data_can_be_declared(kind: str) -> None:
    """The listed kinds are accepted."""
    assert Intent(kind, (0, 255)).data_kind == kind


@pytest.mark.parametrize(
    "expect",
    [
        *({"bound": bound.value} for bound in Bound),
        *({"family": family} for family in ("normal", "bernoulli", "huber")),
        {"beta": "4", "sigma": "0.5", "free_bits": 2.0, "reduction": "mean"},
    ],
)
def test_what_can_be_expected_is_accepted(expect: dict[str, str | float]) -> None:
    """Every bound, every family and every number can be declared."""
    assert set(expect) <= set(EXPECTABLE)
    assert Intent(expect=expect).expect == expect


def test_a_declared_number_is_read() -> None:
    """As a number, and as None where nothing was declared."""
    assert (Intent(expect={"beta": "4"}).number("beta"), Intent().number("beta")) == (4.0, None)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"data_kind": "grey"}, ["'grey'", "binary, gray, counts, real"]),
        ({"data_range": (1.0, 0.0)}, ["from 1.0 to 0.0", "lowest value"]),
        ({"data_range": (1.0, 1.0)}, ["from 1.0 to 1.0", "lowest value"]),
        ({"data_range": (NAN, 1.0)}, ["from nan to 1.0", "lowest value"]),
        ({"data_range": (0.0, INF)}, ["from 0.0 to inf", "lowest value"]),
        ({"expect": {"betta": 1}}, ["'betta'", "did you mean 'beta'?", "choose from family"]),
        ({"expect": {"qqq": 1}}, ["'qqq'", "choose from family"]),
        ({"expect": {"beta": "four"}}, ["beta=four", "'four' is no number", "--expect beta=1"]),
        ({"expect": {"sigma": "nan"}}, ["sigma=nan", "'nan' is no number"]),
        ({"expect": {"free_bits": INF}}, ["free_bits=inf", "inf is no number"]),
        ({"expect": {"beta": [1]}}, ["beta=[1]", "[1] is no number"]),
        ({"expect": {"bound": "exat"}}, ["bound=exat", "did you mean 'exact'?", "choose from exact, constant"]),
        ({"expect": {"bound": "qqq"}}, ["bound=qqq", "choose from exact, constant"]),
        ({"expect": {"family": "Normal"}}, ["family=Normal", "did you mean 'normal'?", "choose from normal"]),
        ({"expect": {"family": "qqq"}}, ["family=qqq", "choose from normal, bernoulli, huber"]),
    ],
)
def test_what_cannot_be_meant_is_refused(declared: dict[str, Any], expected: list[str]) -> None:
    """One line with the value, the closest match and the choice."""
    with pytest.raises(UsageError) as caught:
        Intent(**declared)
    assert "\n" not in str(caught.value)
    assert [part for part in expected if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("data", "described"),
    [
        (np.array([0.0, 1.0, 1.0]), ("binary", (0.0, 1.0))),
        (np.array([False, True]), ("binary", (0.0, 1.0))),
        (np.zeros((3, 2)), ("binary", (0.0, 1.0))),
        (np.array([0.0, 0.25, 1.0]), ("gray", (0.0, 1.0))),
        (np.array([0.25, 0.5]), ("gray", (0.25, 0.5))),
        (np.array([0, 128, 255], np.uint8), ("counts", (0.0, 255.0))),
        (np.array([0.0, 3.0]), ("counts", (0.0, 3.0))),
        (np.array([-1, 3]), ("real", (-1.0, 3.0))),
        (np.array([-1.0, 1.0]), ("real", (-1.0, 1.0))),
        (np.array([0.5, 1.5], np.float32), ("real", (0.5, 1.5))),
    ],
)
def test_data_are_described(tmp_path: Path, data: np.ndarray, described: tuple[str, tuple[float, float]]) -> None:
    """Kind and range, from an array alone or from the first of an archive."""
    np.save(tmp_path / "data.npy", data)
    np.savez(tmp_path / "data.npz", data)
    assert describe_data(str(tmp_path / "data.npy")) == describe_data(str(tmp_path / "data.npz")) == described


@pytest.mark.parametrize(
    ("content", "code", "expected"),
    [
        (None, 2, ["no data file", "give an .npy or .npz file"]),
        (b"", 3, ["numpy.save"]),
        (b"no array", 3, ["numpy.save"]),
        (b"PK\x03\x04 cut short", 3, ["numpy.save"]),
        (np.array(["a"]), 2, ["<U1", "numbers"]),
        (np.array([1j]), 2, ["complex128", "numbers"]),
        (np.zeros((0, 3)), 2, ["(0, 3)", "numbers"]),
        (np.array([0.0, NAN]), 2, ["nan", "not finite"]),
        (np.array([0.0, INF]), 2, ["inf", "not finite"]),
        (np.array([0.5, 0.5]), 2, ["one value only, 0.5", "--data-range"]),
    ],
)
def test_bad_data_are_refused(tmp_path: Path, content: Any, code: int, expected: list[str]) -> None:
    """One line that names the file and the remedy, and never offers to unpickle it."""
    file = tmp_path / "data.npy"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        np.save(file, content)
    with pytest.raises(ElbocheckError) as caught:
        describe_data(str(file))
    text = str(caught.value)
    assert caught.value.exit_code == code
    assert [part for part in [*expected, repr(str(file))] if part not in text] == []
    assert "\n" not in text
    assert "pickle" not in text
