"""Bins of a fixed scale without open ends: what is left of a difference of two distribution functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck.loss import Loss
from elbocheck.probing.bin_counts import counted
from elbocheck.probing.bin_fit import _resolved
from elbocheck.probing.bin_points import plateau
from elbocheck.probing.edges import Curve, Edges
from elbocheck.probing.probe import Probe
from elbocheck.probing.reconstruction import matched
from elbocheck.probing.sharpen import sharpened
from elbocheck.roles import Role
from elbocheck.shapes import Layout
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


MANY, INTEGERS = (-1.0, 1.0, 1024), (0.0, 255.0, 256)


@pytest.mark.parametrize(
    "drawn",
    [
        Drawn("normal", MANY, None, 0.0012944106852496478, True, 1e-8, "added", 0.2706116459, "sum", FLOAT64),
        Drawn("tanh", MANY, None, 0.0014431915478780866, True, 1e-8, "least", 1.0, "datum", FLOAT32),
        Drawn("logistic", INTEGERS, None, 13.753862380981445, True, 1e-8, "", 0.188039230, "sum, mean", FLOAT32),
    ],
    ids=["narrow and guarded", "narrow in float32", "wide in float32"],
)
def test_data_of_one_cost_are_not_rounded_by_the_loss(drawn: Drawn) -> None:
    """Beside a guard, and by float32, many data cost the same at one prediction; at another they do not."""
    assert judge(drawn)[0] == ""


@pytest.mark.parametrize(
    "drawn",
    [
        Drawn("normal", INTEGERS, None, 8.669965607191083, False, 1e-8, "", 1.0, "sum, mean", FLOAT64),
        Drawn("normal", MANY, None, 0.044156585395663264, False, 1e-8, "least", 0.443688414, "mean", FLOAT64),
        Drawn("normal", (-0.5, 0.5, 256), None, 0.09368638068, False, 1e-7, "least", 4.672424, "sum, mean", FLOAT64),
    ],
    ids=["what a limit of a family explains", "in a valley", "rare bins without digits"],
)
def test_bins_far_below_a_fixed_scale_are_read_in_float64(drawn: Drawn) -> None:
    """Only the fourth power of width over scale tells bins of a normal from its density."""
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


@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
@pytest.mark.parametrize(("guard", "way"), [(0.0, ""), (1e-7, "added"), (1e-7, "least")])
@pytest.mark.parametrize("shape", ["normal", "logistic", "tanh"])
def test_rare_bins_are_counts_of_quanta_and_tell_the_unit(
    shape: str, guard: float, way: str, dtype: np.dtype[np.floating]
) -> None:
    """Beside 1 a distribution function is a multiple of half an epsilon; whatever it is, a nat is worth 5 * 2.5 here."""
    if dtype == FLOAT64 and guard:
        guard = 1e-14
    curve = _curve(Drawn(shape, FEW, None, 0.7, False, guard, way, 2.5, "sum, mean", dtype))
    edges = Edges(0.3, 0.0, 1.0)
    found = counted(curve, edges, plateau(curve, edges))
    assert found is not None
    seen, unit = found
    assert abs(unit / 12.5 - 1) < 1e-5
    quanta = seen.probability / (np.finfo(dtype).eps / 2)
    assert np.array_equal(quanta, np.round(quanta))


@pytest.mark.parametrize(
    "energy",
    [
        lambda u: 0.5 * u * u,
        lambda u: -np.exp(-0.5 * u * u),
        lambda u: -np.log(np.exp(-0.5 * u * u) + 1e-5),
        lambda u: np.where(np.abs(u) < 30, np.abs(u), np.inf),
        lambda u: np.log1p(u * u),
    ],
    ids=["normal", "bounded", "guarded", "shut", "cauchy"],
)
@pytest.mark.parametrize("dtype", [FLOAT32, FLOAT64])
def test_a_density_is_no_count_of_quanta(energy: Callable[[Any], Any], dtype: np.dtype[np.floating]) -> None:
    """Nor is a bound of a loss, nor a guard beside a density."""
    probe = Probe(Loss.of(lambda x, x_mean: np.sum(energy(x - x_mean).astype(x.dtype))), Layout(), dtype)
    curve, edges = Curve.of(probe, Role.LOC), Edges(0.3, 0.0, 1.0)
    assert counted(curve, edges, plateau(curve, edges)) is None


@pytest.mark.parametrize(
    "drawn",
    [
        Drawn("normal", FEW, None, 0.7778777480125427, False, 1e-8, "", 0.27913800548282247, "sum", FLOAT32),
        Drawn("normal", BYTES, None, 0.08660190552473068, False, 1e-5, "least", 1.0, "sum", FLOAT32),
        Drawn("tanh", MANY, None, 0.0025639066006988287, False, 1e-8, "", 2.684812333734446, "datum", FLOAT32),
    ],
    ids=["normal", "guarded", "tanh"],
)
def test_bins_that_no_digit_of_a_curve_tells_are_read_by_their_quanta(drawn: Drawn) -> None:
    """To a millionth, where the curve alone leaves a width to percent or to nothing at all."""
    wrong, off = judge(drawn)
    assert wrong == ""
    assert off < 2e-6


def _curve(drawn: Drawn) -> Curve:
    return Curve.of(Probe(Loss.of(drawn.loss), Layout(), drawn.dtype), Role.LOC)


def test_a_family_at_its_limit_is_read_without_its_shape() -> None:
    """A Charbonnier loss of a width of 1e6 resembles bins far below their scale: no value tells that width."""
    drawn = Drawn("normal", INTEGERS, None, 8.669965607191083, False, 1e-8, "", 1.0, "sum, mean", FLOAT64)
    probe = Probe(Loss.of(drawn.loss), Layout(), FLOAT64)
    _, where, found = matched(probe)
    assert found[0].limiting
    assert sharpened(probe, found[0], where).candidate == found[0].candidate
