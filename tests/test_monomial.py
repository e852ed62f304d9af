"""Weights as formulas: their text, their arithmetic and what their uncertainty allows to be read."""

from __future__ import annotations

import doctest
from fractions import Fraction
from math import inf, nan, nextafter

import pytest

from elbocheck import monomial
from elbocheck.monomial import Monomial

TINY = 2.0**-40


@pytest.mark.parametrize(
    ("coefficient", "powers", "formula"),
    [
        (1.0, {}, "1"),
        (-1.0, {}, "-1"),
        (0.5, {}, "1/2"),
        (2.0, {}, "2"),
        (0.0, {}, "0"),
        (1.0, {"D": 1}, "D"),
        (-1.0, {"D": 1}, "-D"),
        (2.0, {"D": 1}, "2*D"),
        (1.0, {"D": 2}, "D^2"),
        (1.0, {"D": -1}, "1/D"),
        (1.0, {"D": -2}, "1/D^2"),
        (1.0, {"B": -1, "D": -1}, "1/(B*D)"),
        (0.5, {"D": 1, "L": -1}, "D/(2*L)"),
        (-0.75, {"L": 1, "B": 1}, "-3*B*L/4"),
        (0.123456789, {"D": 1}, "0.123457*D"),
        (-0.123456789, {}, "-0.123457"),
        (0.00025, {"D": 1}, "D/4000"),
        (inf, {"D": 1}, "inf*D"),
        (nan, {}, "nan"),
    ],
)
def test_the_formula_is_what_a_person_writes(coefficient: float, powers: dict[str, int], formula: str) -> None:
    """Signs in front, fractions of small numbers as such, sizes in alphabetical order, other numbers in six digits."""
    assert Monomial(coefficient, powers).formula == formula


@pytest.mark.parametrize(
    ("coefficient", "error", "fraction"),
    [
        (0.5, 0.0, Fraction(1, 2)),
        (1 / 3, 2 * TINY, Fraction(1, 3)),
        (0.5 + TINY / 2, 2 * TINY, Fraction(1, 2)),
        (0.5 + TINY, TINY, None),
        (nextafter(0.5, 1), 0.0, None),
        (0.0, 1.0, None),
        (1 / 200, TINY, Fraction(1, 200)),
        (1 / 201, TINY, Fraction(1, 201)),
        (2 / 201, TINY, None),
        (1 / 30000, TINY, None),
        (1.5, 0.0, Fraction(3, 2)),
        (-2.5, 0.0, Fraction(-5, 2)),
    ],
)
def test_a_fraction_is_read_only_within_the_uncertainty(
    coefficient: float, error: float, fraction: Fraction | None
) -> None:
    """A number near a fraction is not that fraction unless the measurement allows it."""
    assert Monomial(coefficient, {}, error).fraction == fraction


def test_the_value_at_sizes() -> None:
    """Powers multiply, negative ones divide."""
    assert Monomial(0.5, {"D": 2, "L": -1}).at({"D": 8, "L": 4, "B": 3}) == 8.0
    assert Monomial(nextafter(0.5, 1), {"D": 1}, TINY).at({"D": 8}) == 4.0  # what the formula says
    assert Monomial(nextafter(0.5, 1), {"D": 1}).at({"D": 8}) > 4.0


def test_products_and_quotients_add_powers_and_errors() -> None:
    """What cancels is gone, uncertainties add up."""
    half = Monomial(0.5, {"D": 1, "B": 1}, 2 * TINY)
    assert half * Monomial(4.0, {"D": -1, "L": 1}, TINY) == Monomial(2.0, {"B": 1, "L": 1}, 3 * TINY)
    assert half / Monomial(0.25, {"D": 1, "L": 2}, TINY) == Monomial(2.0, {"B": 1, "L": -2}, 3 * TINY)
    assert half / half == Monomial(1.0, {}, 4 * TINY)
    assert half.scaled(-2.0) == Monomial(-1.0, {"D": 1, "B": 1}, 2 * TINY)


@pytest.mark.parametrize(
    ("weight", "number", "same"),
    [
        (Monomial(1.0, {}), 1.0, True),
        (Monomial(nextafter(1.0, 2), {}), 1.0, False),
        (Monomial(1.0 + TINY / 2, {}, TINY), 1.0, True),
        (Monomial(1.0 + 2 * TINY, {}, TINY), 1.0, False),
        (Monomial(1.0, {"D": 1}), 1.0, False),
        (Monomial(1.0, {"D": 0}), 1.0, True),
        (Monomial(1.0, {}), 2.0, False),
    ],
)
def test_a_weight_equals_a_number_whatever_the_sizes(weight: Monomial, number: float, same: bool) -> None:
    """A power of a size left over is another weight at another size."""
    assert weight.equals(number) is same


def test_a_size_that_enters_by_no_whole_power_is_kept() -> None:
    """Products, quotients and factors keep what is irregular on either side."""
    odd, even = Monomial(2.0, {}, 0.0, frozenset({"B"})), Monomial(2.0, {"D": 1}, 0.0, frozenset({"L"}))
    assert (odd * even).irregular == (odd / even).irregular == {"B", "L"}
    assert odd.scaled(2.0).irregular == {"B"}


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    found = doctest.testmod(monomial)
    assert (found.failed, found.attempted > 0) == (0, True)
