"""Every density against its definition: kernels in ulps, normalisers by two routes, samplers, tempering."""

import doctest
import math
import pickle
from typing import Any

import numpy as np
import pytest

from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.densities import DENSITIES, bernoulli, density, huber, normal
from elbocheck.domain import Integers, Interval
from elbocheck.errors import ParameterError
from elbocheck.precision import agree
from tests.references import DENSITY_ROWS, Kernel, Row, density_kernels, worst

KERNELS = [kernel for row in DENSITY_ROWS for kernel in density_kernels(row)]
rows = pytest.mark.parametrize("row", DENSITY_ROWS, ids=str)


def named(row: Row, point: tuple[float, ...]) -> dict[str, float]:
    """The parameters of a point (x, *parameters) by name."""
    return dict(zip(row.names, point[1:], strict=True))


def in_support(row: Row, x: float) -> float:
    """The nearest point of the support, roughly."""
    return float(round(x)) if isinstance(row.density.support, Integers) else x


def test_the_table_covers_every_form_of_every_density() -> None:
    """A density that is added without a row fails here."""
    covered = {(row.density.name, row.names) for row in DENSITY_ROWS}
    assert covered == {(d.name, form.names) for d in DENSITIES for form in d.forms}


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_kernels_stay_within_their_budget(kernel: Kernel) -> None:
    """Energies, normalisers and all their derivatives agree with the definition."""
    error, place = worst(kernel)
    assert error <= BUDGETS[kernel.name].ulps, place


@rows
def test_log_prob_agrees_with_the_definition_normalised_by_quadrature(row: Row) -> None:
    """The oracle knows the textbook formula only; the kernels agree within the ulps of their terms."""
    for point in (*row.points[:2], *row.points[-3:]):
        x, parameters = in_support(row, point[0]), named(row, point)
        high, low = row.density.oracle(x, digits=25, **parameters).split()
        energy, normalizer = row.density.energy(x, **parameters), row.density.log_normalizer(**parameters)
        terms = max(abs(float(energy)), abs(float(normalizer)), abs(math.log(parameters.get("scale", 1.0))))
        got = row.density.log_prob(x, **parameters)
        allowed = 1 + sum(entry.ulps for name, entry in BUDGETS.items() if name in _parts(row))
        assert ulp_distance(got, high, np.float64, remainder=low, magnitude=terms) <= allowed, point


def _parts(row: Row) -> set[str]:
    lifted = [row.form.energy, *([row.form.log_normalizer] if row.form.log_normalizer else [])]
    return {f"{row.density.name}.{part.scalar.__name__.strip('_')}" for part in lifted}


@rows
def test_quadrature_and_the_closed_form_agree_on_the_normaliser(row: Row) -> None:
    """Two independent routes to the same 25 digits, within the stated error."""
    for point in (*row.points[2:4], *row.points[-2:]):
        certified = density._mass(row.density, row.form, point[1:], 25)
        closed = agree(lambda ctx, p=point: row.mass(ctx, *map(ctx.mpf, p[1:])), 40)
        assert abs(certified.value - closed.value) <= certified.error + closed.error
        assert certified.error <= abs(closed.value) * closed.value.context.mpf(10) ** -25


@rows
def test_float32_is_right_to_the_last_bit(row: Row) -> None:
    """Computed in float64 and rounded once, the terms' cancellation included."""
    with np.errstate(over="ignore"):
        columns = np.float32(np.array(row.points[:50]).T)
    x = np.round(columns[0]) if isinstance(row.density.support, Integers) else columns[0]
    parameters = dict(zip(row.names, columns[1:], strict=True))
    narrow = row.density.log_prob(x, **parameters)
    wide = row.density.log_prob(x.astype(np.float64), **{k: v.astype(np.float64) for k, v in parameters.items()})
    assert narrow.dtype == np.float32
    assert ulp_distance(narrow, wide, np.float32).max() <= BUDGETS["rounding.float32"].ulps
    assert all(slope.dtype == np.float32 for slope in row.density.grad(x, **parameters).values())


@rows
def test_a_gradient_is_minus_both_slopes(row: Row) -> None:
    """The gradient of log_prob is the sum of the certified parts, NaN for NaN and outside the support."""
    point = row.points[0]
    x, parameters = in_support(row, point[0]), named(row, point)
    slopes = row.density.grad(x, **parameters)
    for i, name in enumerate(row.names):
        part = row.form.log_normalizer_grad[i]
        expected = -row.form.energy_grad[i](x, *point[1:]) - (part(*point[1:]) if part else 0.0)
        assert slopes[name] == expected
        assert np.isnan(row.density.grad(math.nan, **parameters)[name])
        assert np.isnan(row.density.grad(math.inf, **parameters)[name])


@rows
def test_outside_the_support_is_minus_infinity_and_nan_stays_nan(row: Row) -> None:
    """No density has mass at infinity; an unknown point has an unknown density."""
    parameters = named(row, row.points[0])
    outside = [math.inf, -math.inf] + ([0.5, -1.0] if isinstance(row.density.support, Integers) else [])
    assert (row.density.log_prob(outside, **parameters) == -np.inf).all()
    assert np.isnan(row.density.log_prob(math.nan, **parameters))
    assert row.density.oracle(math.inf, digits=10, **parameters).value == -math.inf


@rows
def test_parameters_outside_their_domain_are_named(row: Row) -> None:
    """Each parameter, at each end of its domain, raises with its name and value."""
    for parameter in row.form.parameters:
        area: Interval = parameter.domain
        for bad in (math.nan, area.low - 1 if area.closed_low else area.low, math.inf):
            values = {**named(row, row.points[0]), parameter.name: bad}
            with pytest.raises(ParameterError, match=f"{parameter.name} must be .*got {bad!r}"):
                row.density.log_prob(0.0, **values)


@rows
def test_samples_follow_the_density(row: Row) -> None:
    """The mean energy of 40,000 seeded draws is the expected one within six deviations."""
    parameters = named(row, row.points[0]) if row.density is bernoulli else dict.fromkeys(row.names, 0.7)
    draws = row.density.sample(np.random.default_rng(5), 40_000, **parameters)
    energies = row.density.energy(draws, **parameters)
    expected = _mean_energy(row, parameters)
    assert draws.shape == (40_000,)
    assert row.density.support.holds(draws).all()
    assert abs(energies.mean() - expected) <= 6 * energies.std() / 200
    assert row.density.sample(np.random.default_rng(5), **{n: [0.7, 0.6] for n in row.names}).shape == (2,)


def _mean_energy(row: Row, parameters: dict[str, float]) -> float:
    if isinstance(row.density.support, Integers):
        grid, weight = np.array([0.0, 1.0]), 1.0
    else:
        grid, weight = np.linspace(-60, 60, 240_001), 120 / 240_000
    return float(
        np.sum(np.exp(row.density.log_prob(grid, **parameters)) * row.density.energy(grid, **parameters)) * weight
    )


@pytest.mark.parametrize("delta", [1e-3, 0.9, 1.1, 40.0])
def test_huber_samples_are_tails_as_often_as_they_should(delta: float) -> None:
    """The share beyond delta is the tails' share of the mass, for narrow and wide cores."""
    draws = huber.sample(np.random.default_rng(8), 40_000, loc=0.0, scale=1.0, delta=delta)
    tails = 2 / delta * math.exp(-(delta**2) / 2)
    share = tails / math.exp(huber.log_normalizer(loc=0.0, scale=1.0, delta=delta))
    assert abs(np.mean(np.abs(draws) > delta) - share) <= 6 * math.sqrt(share * (1 - share) / 40_000)


@pytest.mark.parametrize("weight", [0.25, 4.0])
@rows
def test_tempering_multiplies_the_energy(row: Row, weight: float) -> None:
    """density**weight is another member of the family; with these weights the identity holds bit for bit or
    nearly."""
    if row.density.temper is None:
        assert row.density is bernoulli
        return
    parameters = dict.fromkeys(row.names, 0.5)
    tempered = row.density.temper(weight, parameters)
    x = np.array([-9.0, 0.25, 0.75, 3.0])
    got, expected = row.density.energy(x, **tempered), weight * row.density.energy(x, **parameters)
    (name,) = (n for n in _parts(row) if "energy" in n)
    assert ulp_distance(got, expected, np.float64).max() <= 2 * BUDGETS[name].ulps


def test_extreme_arguments_stay_finite_where_the_truth_is() -> None:
    """Overflow of an intermediate is not overflow of the result."""
    assert bernoulli.energy(0.0, logits=1e300) == 1e300
    assert bernoulli.energy(1.0, logits=1e300) == 0.0
    assert bernoulli.log_prob([0.0, 1.0], probs=[0.0, 1.0]).tolist() == [0.0, 0.0]
    assert bernoulli.log_prob(1.0, probs=0.0) == -np.inf
    assert np.isfinite(normal.energy(1e308, loc=-1e308, scale=1e300))
    assert huber.grad(0.0, loc=0.0, scale=1.0, delta=60.0)["delta"] == 0.0


def test_a_wrong_name_meets_its_closest_match() -> None:
    """The error lists what there is and guesses what was meant."""
    with pytest.raises(ParameterError, match=r"\(loc, scale\) or \(loc, log_var\).*did you mean 'scale'"):
        normal.log_prob(0.0, loc=0.0, scal=1.0)


@pytest.mark.parametrize("value", DENSITIES, ids=lambda value: value.name)
def test_a_density_travels_to_another_process(value: Any) -> None:
    """Executors pickle what they are given."""
    assert pickle.loads(pickle.dumps(value)) == value


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    assert doctest.testmod(density).failed == 0
