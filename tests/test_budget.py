"""The ulp distance and the table of budgets."""

import doctest
import math

import numpy as np
import pytest

from elbocheck import budget
from elbocheck.budget import BUDGETS, ulp_distance
from tests.references import KERNELS

TINY = 5e-324


@pytest.mark.parametrize(
    ("actual", "expected", "distance"),
    [
        (1.0, 1.0, 0.0),
        (1.0 + 2**-52, 1.0, 1.0),
        (1.0 - 2**-53, 1.0, 0.5),
        (0.0, -0.0, 0.0),
        (3 * TINY, TINY, 2.0),
        (math.inf, math.inf, 0.0),
        (-math.inf, math.inf, math.inf),
        (math.inf, 1e308, math.inf),
        (1e308, math.inf, math.inf),
        (math.nan, math.nan, 0.0),
        (math.nan, 1.0, math.inf),
        (1.0, math.nan, math.inf),
    ],
)
def test_distance_counts_spacings_and_compares_kinds_first(actual: float, expected: float, distance: float) -> None:
    """Finite values differ by spacings of the expected one; NaN and infinities only equal themselves."""
    assert ulp_distance(actual, expected, np.float64) == distance


def test_distance_knows_the_dtype() -> None:
    """The unit is the dtype's own spacing, and what it cannot hold must come out infinite."""
    assert ulp_distance(np.float32(1) + np.float32(2**-23), 1.0, np.float32) == 1.0
    assert ulp_distance(np.float32(math.inf), 1e39, np.float32) == 0.0
    assert ulp_distance(np.float32(3e38), 1e39, np.float32) == math.inf


def test_distance_sees_below_half_an_ulp() -> None:
    """A remainder carries the truth that one float cannot."""
    assert ulp_distance(1.0, 1.0, np.float64, remainder=2**-54) == 0.25


def test_distance_of_a_cancelled_sum_is_taken_at_its_terms() -> None:
    """An error of one spacing of 1 is a billion spacings of the result, and one of the terms."""
    assert ulp_distance(2**-52, 2**-51, np.float64) > 2**50
    assert ulp_distance(2**-52, 2**-51, np.float64, magnitude=1.0) == 1.0


def test_every_kernel_has_a_budget_and_every_budget_a_kernel() -> None:
    """No entry is left over, none is missing, each says why."""
    budgets = {name for name in BUDGETS if not name.startswith(("libm.", "loop.", "special.", "rounding."))}
    assert set(KERNELS) == budgets
    assert all(entry.why and entry.ulps >= 0 for entry in BUDGETS.values())


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    found = doctest.testmod(budget.distance)
    assert (found.failed, found.attempted > 0) == (0, True)


def test_every_name_is_the_packages_own() -> None:
    """Whoever holds a tolerance finds it under `budget`, in whichever of its files it is derived."""
    assert all(hasattr(budget, name) for name in budget.__all__)
    assert budget.zone(100.0, budget.LOGITS) == "stress"
    assert budget.zone(0.0, budget.SHAPE_DECADES) == "everyday"
    assert budget.zone(31.0, budget.LOG_VARIANCES) == "extreme"
