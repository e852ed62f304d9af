"""Places that tell parameters apart, and errors that values tell of themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck import budget
from elbocheck.loss import Loss
from elbocheck.probing.dissect import dissect
from elbocheck.probing.leverage import chosen, places
from elbocheck.probing.probe import Probe
from elbocheck.shapes import Layout

FLOAT32 = np.dtype(np.float32)


def test_the_places_chosen_separate_what_nearly_coincides() -> None:
    """Of a thousand places at which two columns are alike and one at which they are not, that one comes first."""
    slopes = np.column_stack([np.ones(1000), np.ones(1000) + 1e-3 * np.linspace(0, 1, 1000)])
    slopes[613] = 1.0, -1.0
    known = slopes[:50].T @ slopes[:50]
    picked, errors = chosen(slopes, known, np.eye(2), 1, 8, 0.0)
    assert picked[0] == 613
    assert len(set(picked)) == 8
    after = known + slopes[picked].T @ slopes[picked]
    np.testing.assert_array_almost_equal_nulp(np.float32(errors), np.float32(np.sqrt(np.diag(np.linalg.inv(after)))), 4)


def test_no_more_places_are_chosen_than_are_wanted() -> None:
    """A single one may be enough; the least number is kept to all the same."""
    slopes = np.random.default_rng(0).normal(size=(100, 2)) * 10
    assert len(chosen(slopes, np.eye(2), np.eye(2), 1, 50, 10.0)[0]) == 1
    assert len(chosen(slopes, np.eye(2), np.eye(2), 5, 50, 10.0)[0]) == 5


@pytest.mark.parametrize("where", ["unit", "positive", "real"])
def test_places_are_where_the_predictions_may_lie(where: str) -> None:
    """Over many decades, those of proportions strictly between 0 and 1."""
    grid = places(where, 0.4 if where == "unit" else 1.0, 4000, 1.0, np.random.default_rng(0))
    x, prediction = grid.T
    assert np.all(np.isfinite(grid))
    assert where == "real" or np.all(prediction > 0)
    assert where != "unit" or (np.all((grid > 0) & (grid < 1)))
    assert np.min(x[x > 0]) < 1e-10
    assert np.max(np.abs(np.log10(np.abs(prediction[prediction != 0])))) > 10


def _found(element: Callable[[Any, Any], Any]) -> tuple[dict[str, float], float]:
    def loss(x: Any, x_hat: Any) -> Any:
        return np.mean(element(x, x_hat))

    probe = Probe(Loss.of(loss), Layout(), FLOAT32)
    found = dissect(probe, 0).reconstruction
    assert found is not None
    return dict(found.shape), found.shape_error


@pytest.mark.parametrize("seed", range(6))
def test_a_claim_is_neither_violated_nor_idle(seed: int) -> None:
    """Of Huber losses, with and without a constant that takes digits: what is claimed holds, and is what digits there are."""
    rng = np.random.default_rng(seed)
    delta, offset = np.float32(np.exp(rng.uniform(-4, 4))), np.float32(rng.uniform(-1, 1) * (seed % 2))

    def huber(x: Any, x_hat: Any) -> Any:
        core = np.clip(x - x_hat, -delta, delta)
        return core * (x - x_hat - np.float32(0.5) * core) + offset

    shape, claimed = _found(huber)
    assert abs(shape["delta"] / delta - 1) <= claimed
    assert claimed <= budget.parameter_error(FLOAT32) or offset
