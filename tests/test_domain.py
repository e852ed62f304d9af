"""Supports and parameter domains."""

import doctest
import math
import subprocess
import sys

import numpy as np
import pytest

from elbocheck import domain
from elbocheck.domain import (
    BINARY,
    COUNTS,
    NON_NEGATIVE,
    OPEN_UNIT,
    POSITIVE,
    REAL,
    UNIT,
    Domain,
    Integers,
    Interval,
)
from elbocheck.errors import ParameterError

TABLE = [
    (REAL, "real", [-1e308, 0.0, 5e-324], [math.inf, -math.inf]),
    (POSITIVE, "> 0", [5e-324, 1e308], [0.0, -0.0, -1.0, math.inf]),
    (NON_NEGATIVE, ">= 0", [0.0, -0.0, 1.0], [-5e-324, math.inf]),
    (UNIT, "in [0, 1]", [0.0, 0.5, 1.0], [-5e-324, 1.0 + 2**-52]),
    (OPEN_UNIT, "in (0, 1)", [0.5, 5e-324], [0.0, 1.0]),
    (Interval(-math.inf, 2.0, closed_high=True), "<= 2", [2.0, -1e308], [3.0, -math.inf]),
    (Interval(-math.inf, 2.0), "< 2", [1.0], [2.0]),
    (BINARY, "0 or 1", [0.0, 1.0], [0.5, 2.0, -1.0, math.inf]),
    (COUNTS, "an integer >= 0", [0.0, 3.0, 2.0**60], [0.5, -1.0, math.inf]),
    (Integers(-3, 3), "an integer in [-3, 3]", [-3.0, 0.0, 3.0], [4.0, 2.5]),
]


@pytest.mark.parametrize(("area", "text", "members", "strangers"), TABLE, ids=[row[1] for row in TABLE])
def test_membership_is_the_same_for_a_float_and_for_an_array(
    area: Domain, text: str, members: list[float], strangers: list[float]
) -> None:
    """A domain tells members from strangers, takes no NaN, and says itself in words."""
    values = [*members, *strangers, math.nan]
    expected = [True] * len(members) + [False] * (len(strangers) + 1)
    assert [value in area for value in values] == expected
    with np.errstate(invalid="ignore"):
        assert area.holds(np.array(values)).tolist() == expected
    assert area.describe() == text


def test_a_bad_value_is_named_shown_and_told_its_domain() -> None:
    """The error names owner and argument, shows the first bad value and says the domain."""
    scale = domain.Parameter(name="scale", domain=POSITIVE)
    scale.require("normal", np.array([1.0, 2.0]))
    with pytest.raises(ParameterError, match=r"^normal: scale must be > 0, got -2\.5$"):
        scale.require("normal", np.array([[1.0, -2.5], [math.nan, 1.0]]))


def test_domain_loads_nothing_but_the_standard_library() -> None:
    """The planning half of the tool stays light."""
    code = "import sys, elbocheck.domain; print([m for m in ('numpy', 'numba', 'mpmath') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    assert doctest.testmod(domain).failed == 0
