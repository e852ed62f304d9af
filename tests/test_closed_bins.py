"""Bins of a fixed scale without open ends, in float32: what is left of a difference of two distribution functions."""

from __future__ import annotations

import numpy as np
import pytest

from elbocheck.probing.bin_fit import _resolved
from tests.quality.random_bins import Drawn, judge

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
BYTES, FEW = (-1.0, 1.0, 256), (0.0, 1.0, 32)


@pytest.mark.parametrize(
    "drawn",
    [
        Drawn("tanh", FEW, None, 0.5404815077781677, False, 0.0, "", 1.0, "mean", FLOAT32),
        Drawn("tanh", BYTES, None, 0.09230061620473862, False, 1e-8, "least", 2.138697954297083, "sum, mean", FLOAT32),
        Drawn("normal", BYTES, None, 0.029163727536797523, False, 1e-12, "added", 0.5946354926, "none", FLOAT32),
        Drawn("logistic", FEW, None, 0.4, False, 1e-7, "added", 3.0, "datum", FLOAT32),
    ],
    ids=lambda drawn: f"{drawn.shape}-{drawn.way or 'bare'}",
)
def test_bins_far_below_a_fixed_scale_are_read_in_float32(drawn: Drawn) -> None:
    """Family, width, scale and weight, each within what is claimed."""
    assert judge(drawn)[0] == ""


@pytest.mark.parametrize("kind", ["log_var", None])
def test_a_guard_added_to_a_probability_takes_no_digit_from_a_width(kind: str | None) -> None:
    """1e-5 beside the probability moves rare bins by a tenth; the level of an impossible datum tells it."""
    drawn = Drawn("logistic", BYTES, kind, 0.02, True, 1e-5, "added", 2.5, "sum", FLOAT64)
    wrong, off = judge(drawn)
    assert wrong == ""
    assert off < 1e-12


def test_a_number_that_moves_no_value_is_not_known() -> None:
    """Nor one that moves them as another does; an error of linear algebra would end the whole reading."""
    line = np.linspace(1.0, 2.0, 9)
    assert _resolved(np.column_stack([line, line**2]))
    for other in (np.zeros(9), np.full(9, np.inf), 3 * line):
        assert not _resolved(np.column_stack([line, other]))
