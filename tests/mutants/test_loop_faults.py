"""Faults planted in the loops, one at a time: each is seen by a comparison with sums that are added without error."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.densities import normal
from elbocheck.densities.density import log_prob_element
from elbocheck.estimators import decoded
from elbocheck.kernels import loops
from elbocheck.kernels._jit import Bound, Layout, compiled
from elbocheck.kernels.elements import nothing, together
from elbocheck.kernels.threads import alone

RNG = np.random.default_rng(5)
ROWS, SIZE, BLOCK = 3, 1000, loops.BLOCK.float64
X = RNG.normal(size=(ROWS, SIZE)) * np.repeat(10.0 ** RNG.integers(-3, 9, SIZE // 100), 100)  # blocks of unlike sizes
X[1, :BLOCK] = X[1, -BLOCK:] = 0.0
X[1, 0], X[1, -1] = 1e17, -1e17  # beside what only compensation between blocks keeps
DOUBLE = Layout((True,), "float64", "float64", "float64")
BESIDE = DOUBLE._replace(varies=(True, False))
EACH = np.array([3.0, 3.0, 5.0])  # the constant of each row


def _itself(x: float, *_rest: float) -> float:
    return x


def _of_its_row(each: float) -> float:
    return each


def _three(_x: float) -> float:
    return 3.0


ELEMENT = together(_itself)


def planted(function: Callable[..., Any], right: str, wrong: str) -> FunctionType:
    """Return the function with a fragment of its source replaced."""
    source = inspect.getsource(function)
    assert source.count(right) == 1, (right, source.count(right))
    scope = dict(vars(loops))
    exec(compile(source.replace(right, wrong), "<planted>", "exec"), scope)
    mutant = scope[function.__name__]
    assert isinstance(mutant, FunctionType)
    return mutant


def sums_hold(row_sum: Any, sums: Any) -> bool:
    """Whether sums of rows, their slopes' store and a constant for each number are right."""
    inside = ("row_sum", Bound(row_sum, (("element", ELEMENT),)))
    loop = compiled(Bound(sums, (inside, ("constant", _of_its_row), ("SIGN", 1.0))), (1, 0), BESIDE)
    out = np.full((ROWS, 1), np.nan)
    finite = alone(loop, ((out,), (), (X, EACH), SIZE), ROWS)
    truth = [math.fsum([*row, each * SIZE]) for row, each in zip(X, EACH, strict=True)]
    size = [math.fsum(np.abs(row[np.abs(row) < 1e17])) + each * SIZE for row, each in zip(X, EACH, strict=True)]
    bad = np.where(X.max() == X, np.inf, X)
    unnoticed = alone(loop, ((np.empty((ROWS, 1)),), (), (bad, EACH), SIZE), ROWS)
    near = bool(ulp_distance(out[:, 0], truth, "float64", magnitude=size).max() <= BUDGETS["loop.sum"].ulps)
    return near and finite and not unnoticed


def _rest(x: float) -> float:
    return 0.25 * abs(x)


def _odds(x: float) -> float:
    return abs(x)


def _whole(x: float) -> float:
    return 0.25 * abs(x) + 3.0 * math.log1p(abs(x))


def folds_hold(folded_sum: Any) -> bool:
    """Whether logarithms that are taken of products add up: small odds, large ones, and such as no product holds."""
    size = 3 * loops.FOLDS * loops.LANES - 5
    x = np.stack([np.full(size, scale) for scale in (3.3e-9, 0.7, 1e200)]) * RNG.uniform(0.5, 1.0, size)
    plain = Bound(loops.row_sum, (("element", together(_whole)),))
    parts = (("element", together(_rest, (_odds,))), ("weight", _three), ("term_by_term", plain))
    bound = Bound(loops.sums, (("row_sum", Bound(folded_sum, parts)), ("constant", nothing), ("SIGN", 1.0)))
    out = np.empty((3, 1))
    alone(compiled(bound, (1, 0), DOUBLE), ((out,), (), (x,), size), 3)
    truth = [math.fsum(0.25 * row) + 3.0 * math.fsum(np.log1p(row)) for row in x]
    return bool(ulp_distance(out[:, 0], truth, "float64").max() <= BUDGETS["loop.sum"].ulps)


def values_hold(values: Any) -> bool:
    """Whether every number is stored where it belongs, and an infinity among them is noticed."""
    bound = Bound(values, (("element", ELEMENT), ("constant", _of_its_row), ("SIGN", -1.0)))
    out = np.full((ROWS, SIZE), np.nan)
    loop = compiled(bound, (1,), BESIDE)
    finite = alone(loop, ((out,), (X, EACH), SIZE), ROWS)
    bad = np.where(X[1, 7] == X, np.inf, X)
    unnoticed = alone(loop, ((np.empty((ROWS, SIZE)),), (bad, EACH), SIZE), ROWS)
    return bool((out == -(X + EACH[:, None])).all()) and finite and not unnoticed


def _coarse(x: float) -> float:
    return x * (1.0 + 2.0**-34)


def _half(x: float) -> float:
    return 0.5 * (x - 1.0)


def halves_hold(halved_sum: Any) -> bool:
    """Whether what is rounded to float32 is halved once, and what cancels is added term by term."""
    size = 3 * BLOCK + 5
    x = np.stack([RNG.uniform(2e2, 9e2, size), RNG.uniform(1.0, 1.0 + 1e-9, size), np.full(size, 1e300)])
    plain = Bound(loops.row_sum, (("element", together(_half)),))
    parts = (("element", together(_coarse)), ("term_by_term", plain))
    bound = Bound(loops.sums, (("row_sum", Bound(halved_sum, parts)), ("constant", nothing), ("SIGN", 1.0)))
    out = np.empty((3, 1), np.float32)
    alone(compiled(bound, (1, 0), DOUBLE._replace(result="float32")), ((out,), (), (x,), size), 3)
    truth = [0.5 * math.fsum([*row, -size]) for row in x]
    return bool(ulp_distance(out[:2, 0], truth[:2], "float32").max() <= 0.5 and np.isposinf(out[2, 0]))


def weights_hold(importance_weighted: Any) -> bool:
    """Whether the bound is the log of the mean of the weights, and the weights that it stores are their shares."""
    batch, samples, size, width = 3, 4, 6, 2
    x, loc = RNG.normal(size=(batch, size)), RNG.normal(size=(batch * samples, size))
    loc *= np.repeat([9.0, 0.3, 0.1], samples)[:, None]  # weights far apart, and close
    latent, eps = RNG.normal(size=(2, batch, width)), RNG.normal(size=(batch * samples, width))
    layouts = tuple(Layout((True,) * k, "float64", "float64", "float64") for k in (1, 1, 2, 1))
    scale = np.full(batch * samples, 1.0)
    layouts = (layouts[0], layouts[1]._replace(varies=(True, False)), *layouts[2:])
    element = log_prob_element(normal, normal.forms[0], (True, True, False))
    names = (("row_sum", Bound(loops.row_sum, (("element", element.value),))), ("constant", element.constant))
    bound = Bound(importance_weighted, (*names, ("regulariser", decoded.regulariser(False, False))))
    out, shares = np.empty((batch, 1)), np.empty((batch, samples))
    loop = compiled(bound, (1, 1, 0, 0, 0), *layouts)
    targets = ((out,), (shares,), (), (), ())
    alone(loop, (*targets, (x,), (loc, scale), tuple(latent), (eps,), samples, size, width), batch)
    z = np.repeat(latent[0], samples, 0) + np.exp(0.5 * np.repeat(latent[1], samples, 0)) * eps
    gap = 0.5 * (z**2 - eps**2 - np.repeat(latent[1], samples, 0)).sum(-1)
    weights = (normal.log_prob_sum(np.repeat(x, samples, 0), loc=loc, scale=1.0) - gap).reshape(batch, samples)
    truth = np.logaddexp.reduce(weights, axis=1)
    kept = np.exp(weights - truth[:, None])
    size, allowed = np.abs(weights).max(), BUDGETS["loop.weights"].ulps
    near = ulp_distance(out[:, 0], truth - math.log(samples), "float64", magnitude=size).max() <= allowed
    return bool(near and ulp_distance(shares, kept, "float64", magnitude=size).max() <= allowed)


def test_the_loops_as_they_are_hold() -> None:
    """Nothing is reported where nothing was planted."""
    assert sums_hold(loops.row_sum, loops.sums)
    assert sums_hold(loops.kept_sum, loops.sums)
    assert folds_hold(loops.folded_sum)
    assert halves_hold(loops.halved_sum)
    assert values_hold(loops.values)
    assert values_hold(loops.streams)
    assert weights_hold(loops.importance_weighted)


ROW_SUM = (
    ("range(start, stop)", "range(start, stop - 1)"),
    ("range(start, stop)", "range(start + 1, stop)"),
    ("start = 0", "start = block"),
    ("while start < size", "while start < size - block"),
    ("wide(lost)", "wide(ZERO)"),
    ("stretch(size - start, block, VECTORS), ZERO", "stretch(size - start, block, VECTORS), lost"),
    ("joined(total, lost, part)", "joined(ZERO, lost, part)"),
    ("joined(total, lost, part)", "joined(total, -lost, part)"),
)
KEPT = (
    ("range(start, stop)", "range(start, stop - 1)"),
    ("range(0, size, LANES)", "range(LANES, size, LANES)"),
    ("-(-(stop - start) // VECTORS) * VECTORS", "(stop - start) // VECTORS * VECTORS"),
    ("range(stop - start, lanes)", "range(lanes, lanes)"),
    ("put(kept, k, (ZERO,))", "put(kept, 0, (ZERO,))"),
    ("range(0, lanes, VECTORS)", "range(0, lanes, 2 * VECTORS)"),
    ("            part = ZERO", "            part = lost"),
    ("joined(total, lost, part)", "joined(total, -lost, part)"),
    ("wide(lost)", "wide(ZERO)"),
)
FOLDED = (
    ("lesser(begin + FOLDS * LANES, size)", "lesser(begin + LANES, size)"),
    ("range(0, size, FOLDS * LANES)", "range(FOLDS * LANES, size, FOLDS * LANES)"),
    ("* VECTORS, LANES)", "* VECTORS, LANES) - 1"),
    ("put(folded, k, (ZERO,))", "put(folded, k, (ONE,))"),
    ("range(0, lanes, VECTORS)", "range(VECTORS, lanes, VECTORS)"),
    ("range(k, k + VECTORS)", "range(k, k + 1)"),
    ("ONE + odds, odds)", "ONE + odds, ZERO)"),
    ("fma(-found[1], ONE + odds, odds)", "odds - found[1]"),
    ("range(start, stop)", "range(start, stop - 1)"),
    ("put(folded, j - first, (fma", "put(folded, 0, (fma"),
    ("weight(*at(row, 0, wide(ZERO)))", "wide(ONE)"),
    ("add(part, found[0])", "part"),
    ("total, lost = joined(total, lost, part)", "total = total + ZERO"),
    ("return term_by_term(row, targets, size)", "return wide(logs), wide(less)"),
)
SUMS = (
    ("number(size, total)", "wide(ONE)"),
    (" or differs(arguments, i)", ""),
    ("range(first, last)", "range(first + 1, last)"),
    ("health += SMALL * value", "health += SMALL"),
    ("SIGN * settled", "-SIGN * settled"),
)
VALUES = (
    (" or differs(arguments, i)", ""),
    ("put(target, j, (value,))", "put(target, 0, (value,))"),
    ("add(part, SMALL * value)", "add(part, SMALL)"),
    ("health += part", "health = part"),
    ("range(start, stop)", "range(start, stop - 1)"),
    ("range(0, size, BLOCK)", "range(0, size, BLOCK + BLOCK)"),
    ("row_of(out, i)", "row_of(out, first)"),
)
STREAMS = (
    (" or differs(arguments, i)", ""),
    ("put(kept, j - start, (value,))", "put(kept, 0, (value,))"),
    ("add(part, SMALL * value)", "add(part, SMALL)"),
    ("health += part", "health = part"),
    ("range(start, stop)", "range(start, stop - 1)"),
    ("stream(target, start, kept, stop - start)", "stream(target, 0, kept, stop - start)"),
    ("stream(target, start, kept, stop - start)", "stream(target, start, kept, stop - start - 1)"),
    ("row_of(out, i)", "row_of(out, first)"),
)
HALVED = (
    ("range(0, size, BLOCK)", "range(BLOCK, size, BLOCK)"),
    ("lesser(start + BLOCK, size)", "lesser(start + BLOCK, size) - 1"),
    ("add(part, element(*at(row, j, ZERO))[0])", "element(*at(row, j, ZERO))[0]"),
    ("total += part", "total = part"),
    ("-number(size, ZERO)", "-ONE"),
    ("HALF * total", "total"),
    ("LITTLE * number(size, ZERO) < total", "ZERO < total"),
)
WEIGHTS = (
    ("math.log(mass / number(samples, ZERO))", "math.log(mass)"),
    ("                top = weight\n", ""),
    ("fma(mass, apart, ONE)", "mass + ONE"),
    ("mass += apart", "mass += ONE"),
    ("-abs(weight - top)", "weight - top"),
    ("- top) / mass", "- top)"),
    ("sample = i * samples + k", "sample = k"),
)


@pytest.mark.parametrize("fault", ROW_SUM, ids=lambda fault: fault[1].strip())
def test_a_fault_in_the_sum_of_a_row_is_seen(fault: tuple[str, str]) -> None:
    """A block, an element or the compensation lost."""
    assert not sums_hold(planted(loops.row_sum, *fault), loops.sums)


@pytest.mark.parametrize("fault", HALVED, ids=lambda fault: fault[1].strip())
def test_a_fault_in_a_halved_sum_is_seen(fault: tuple[str, str]) -> None:
    """A block or an element lost, the ones, the half; what cancels taken for a result."""
    assert not halves_hold(planted(loops.halved_sum, *fault))


@pytest.mark.parametrize("fault", STREAMS, ids=lambda fault: fault[1].strip())
def test_a_fault_where_results_go_past_the_caches_is_seen(fault: tuple[str, str]) -> None:
    """The same faults, and lines that go astray."""
    assert not values_hold(planted(loops.streams, *fault))


@pytest.mark.parametrize("fault", KEPT, ids=lambda fault: fault[1].strip())
def test_a_fault_in_a_sum_of_kept_values_is_seen(fault: tuple[str, str]) -> None:
    """A rest, a block, what was kept before, or the compensation."""
    assert not sums_hold(planted(loops.kept_sum, *fault), loops.sums)


@pytest.mark.parametrize("fault", FOLDED, ids=lambda fault: fault[1].strip())
def test_a_fault_in_the_folded_sum_is_seen(fault: tuple[str, str]) -> None:
    """A strip, a lane, a product, a weight lost; an overflow taken for a result."""
    assert not folds_hold(planted(loops.folded_sum, *fault))


@pytest.mark.parametrize("fault", SUMS, ids=lambda fault: fault[1].strip())
def test_a_fault_in_the_loop_over_rows_is_seen(fault: tuple[str, str]) -> None:
    """The constant counted once, a row left out, an infinity passed over, a sign."""
    assert not sums_hold(loops.row_sum, planted(loops.sums, *fault))


@pytest.mark.parametrize("fault", VALUES, ids=lambda fault: fault[1].strip())
def test_a_fault_in_the_elementwise_loop_is_seen(fault: tuple[str, str]) -> None:
    """A number stored elsewhere or not at all, an infinity passed over."""
    assert not values_hold(planted(loops.values, *fault))


@pytest.mark.parametrize("fault", WEIGHTS, ids=lambda fault: fault[1].strip() or "top never moves")
def test_a_fault_in_the_streamed_sum_of_exponentials_is_seen(fault: tuple[str, str]) -> None:
    """The mean, the running maximum, the shares, the samples of each datum."""
    assert not weights_hold(planted(loops.importance_weighted, *fault))
