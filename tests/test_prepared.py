"""Calls that were seen before: what is kept of one depends on nothing that may differ in the next."""

from __future__ import annotations

from itertools import permutations
from math import fsum
from typing import Any

import numpy as np
import pytest

from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.densities import huber, normal, truncated_normal
from elbocheck.densities.prepared import prepared
from elbocheck.errors import ParameterError
from elbocheck.kernels.arrange import FEW, spelled

X, LOC = np.random.default_rng(8).normal(size=(2, 3, 50))


def right(found: Any, x: Any, **parameters: Any) -> bool:
    """Whether sums are what the values one by one add up to."""
    truth = [fsum(row) for row in huber.log_prob(x, **parameters)]
    return bool(ulp_distance(found, truth, "float64").max() <= BUDGETS["loop.sum"].ulps)


@pytest.mark.parametrize("names", list(permutations(["loc", "scale", "delta"])))
def test_parameters_come_in_any_order(names: tuple[str, ...]) -> None:
    """As arrays, numbers, and both, each where it belongs."""
    for scale, delta in [(0.5, 2.0), (np.full((3, 50), 0.5), 2.0), (0.5, np.full((3, 1), 2.0)), (0.75, 2.0)]:
        given = {"loc": LOC, "scale": scale, "delta": delta}
        found = huber.log_prob_sum(X, **{name: given[name] for name in names})
        assert right(found, X, **given)


def test_numbers_that_differ_from_call_to_call_are_told_apart() -> None:
    """Also by type or sign alone, in few rows and in many."""
    for count in (3, FEW + 1):
        x = np.resize(X, (count, 5))
        for scale in (0.5, 0.25, 1.0, 1, True, np.float64(2.0), np.array(3.0), 1e300):
            given = {"loc": 0.5, "scale": scale, "delta": 1.25}
            assert right(huber.log_prob_sum(x, **given), x, **given)
    for zero in (0.0, -0.0, 0, False):
        specs, _ = spelled((X, zero, 1.0))
        (loc, _) = prepared(normal, ("loc", "scale"), specs, "exact").rows.constants
        assert np.signbit(loc).all() == np.signbit(zero)


@pytest.mark.parametrize("x", [X, X[:, :0]], ids=["some", "none"])
def test_what_is_wrong_is_said_each_time(x: Any) -> None:
    """A number, an array, and a pair; also where no result could tell."""
    for _ in range(3):
        with pytest.raises(ParameterError, match=r"huber: delta must be > 0, got -1\.0"):
            huber.log_prob_sum(x, loc=0.0, scale=1.0, delta=-1.0)
        with pytest.raises(ParameterError, match=r"normal: scale must be > 0, got -2\.0"):
            normal.value_and_grad(x, "loc", loc=0.0, scale=np.array([[1.0], [-2.0], [1.0]]))
        with pytest.raises(ParameterError, match=r"low must be < high, got 2\.0 and 1\.0"):
            truncated_normal.log_prob_sum(x, loc=0.0, scale=1.0, low=2.0, high=1.0)
        with pytest.raises(ParameterError, match="loc must be real, got inf"):
            normal.log_prob_sum(X, loc=np.where(X > 1, np.inf, X), scale=1.0)


def test_what_many_rows_need_is_not_kept() -> None:
    """A number of each of a million rows would stay in memory with every call that was seen."""
    specs, _ = spelled((np.zeros((FEW + 1, 2)), 0.5, 1.0))
    assert prepared(normal, ("loc", "scale"), specs, "exact").rows.constants == ()
