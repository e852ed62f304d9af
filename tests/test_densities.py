"""Every density against its definition: kernels in ulps, two routes to each number, samplers, tempering, errors."""

import doctest
import math
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.stats

from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.certify import spread
from elbocheck.densities import (
    DENSITIES,
    Density,
    bernoulli,
    density,
    gamma,
    huber,
    multivariate_normal,
    negative_binomial,
    normal,
    poisson,
    student_t,
    truncated_normal,
)
from elbocheck.densities import von_mises_fisher as sphere
from elbocheck.domain import Integers
from elbocheck.enclosure import doubles
from elbocheck.errors import OracleError, ParameterError
from elbocheck.oracle import LogRatio, Member
from elbocheck.precision import context
from tests.references import CASES, POINTS, ROWS, Case, Row

rows = pytest.mark.parametrize("row", ROWS, ids=str)


def everyday(row: Row, seed: int = 3) -> tuple[float, dict[str, float]]:
    """A point and parameters of a form, in the span of its oracle."""
    rng = np.random.default_rng(seed)
    values = spread.parameters(row.form, rng)
    drawn = row.form.draw(rng, (), *(np.asarray(value) for value in values))
    return float(drawn), dict(zip(row.form.names, values, strict=True))


def test_every_form_has_a_row_of_points() -> None:
    """A density that is added without hand-picked points fails here."""
    assert set(POINTS) == {str(row) for row in ROWS}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_kernels_stay_within_their_budget(case: Case) -> None:
    """Values, normalisers and all their derivatives agree with the definition in balls."""
    worst = case.worst()
    assert worst.ulps <= BUDGETS[str(case)].ulps, worst


@rows
def test_log_prob_agrees_with_the_definition_normalised_by_two_engines(row: Row) -> None:
    """The oracle knows the textbook formula only; the kernels agree within the ulps of their terms."""
    x, parameters = everyday(row)
    high, low = row.density.oracle(x, digits=25, **parameters).split()
    energy, normalizer = row.density.energy(x, **parameters), row.density.log_normalizer(**parameters)
    terms = max(abs(float(energy)), abs(float(normalizer)), 1.0)
    allowed = 1 + sum(entry.ulps for name, entry in BUDGETS.items() if name.startswith(f"{row.density.name}."))
    got = row.density.log_prob(x, **parameters)
    assert ulp_distance(got, high, np.float64, remainder=low, magnitude=terms) <= allowed


@rows
def test_float32_is_right_to_the_last_bit(row: Row) -> None:
    """Computed in float64 and rounded once, the terms' cancellation included."""
    rng = np.random.default_rng(4)
    with np.errstate(over="ignore", under="ignore"):
        columns = spread.columns(row.form, rng, 50)
        x, *values = (np.float32(c) for c in (spread.points(row.density, row.form, columns, rng), *columns))
    kept = np.all([p.domain.holds(v) for p, v in zip(row.form.parameters, values, strict=True)], axis=0)
    parameters = {name: value[kept] for name, value in zip(row.form.names, values, strict=True)}
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = row.density.log_prob(x[kept], **parameters)
        wide = row.density.log_prob(np.float64(x[kept]), **{n: np.float64(v) for n, v in parameters.items()})
    assert narrow.dtype == np.float32
    assert ulp_distance(narrow, wide, np.float32).max() <= BUDGETS["rounding.float32"].ulps
    assert all(slope.dtype == np.float32 for slope in row.density.grad(x[kept], **parameters).values())


@rows
def test_a_gradient_is_minus_both_slopes(row: Row) -> None:
    """The gradient of log_prob is the sum of the certified parts, NaN for NaN and outside the support."""
    x, parameters = everyday(row)
    slopes, values = row.density.grad(x, **parameters), tuple(parameters.values())
    for i, name in enumerate(row.form.names):
        part = row.form.log_normalizer_grad[i]
        expected = -row.form.energy_grad[i].wide(x, *values) - (part.wide(*values) if part else 0.0)
        assert slopes[name] == expected
        assert np.isnan(row.density.grad(math.nan, **parameters)[name])
        assert np.isnan(row.density.grad(math.inf, **parameters)[name])


@rows
def test_outside_the_support_is_minus_infinity_and_nan_stays_nan(row: Row) -> None:
    """No density has mass at infinity; an unknown point has an unknown density."""
    _, parameters = everyday(row)
    outside = [math.inf, -math.inf] + ([0.5, -1.0] if isinstance(row.density.support, Integers) else [])
    assert (row.density.log_prob(outside, **parameters) == -np.inf).all()
    assert np.isnan(row.density.log_prob(math.nan, **parameters))
    assert row.density.oracle(math.inf, digits=10, **parameters).value == -math.inf


@rows
def test_parameters_outside_their_domain_are_named(row: Row) -> None:
    """Each parameter, at each end of its domain, raises with its name and value."""
    x, values = everyday(row)
    for parameter in row.form.parameters:
        area: Any = parameter.domain
        closed = isinstance(area, Integers) or area.closed_low
        for bad in (math.nan, area.low - 1.0 if closed else area.low, math.inf):
            with pytest.raises(ParameterError, match=f"{parameter.name} must be .*got {bad!r}"):
                row.density.log_prob(x, **{**values, parameter.name: bad})


@rows
def test_samples_follow_the_density(row: Row) -> None:
    """The mean energy of 40,000 seeded draws is the one that balls find, within six deviations."""
    rng = np.random.default_rng(5)
    values = next(v for v in (spread.parameters(row.form, rng) for _ in range(99)) if _ordinary(row, v))
    parameters = dict(zip(row.form.names, values, strict=True))
    draws = row.density.sample(rng, 40_000, **parameters)
    energies = row.density.energy(draws, **parameters)
    expected = -float(Member(row.form, values).mean(LogRatio(), 10).ball.mid())
    assert draws.shape == (40_000,)
    assert row.density.support.holds(draws).all()
    assert abs(energies.mean() - expected) <= 6 * energies.std() / 200 + 1e-12 * abs(expected)
    assert row.density.sample(rng, **{n: [v, v] for n, v in parameters.items()}).shape == (2,)


def _ordinary(row: Row, values: tuple[float, ...]) -> bool:
    """Whether draws keep their digits: nothing far from 1."""
    tops = [0.95 if parameter.domain.high == 1 else 20.0 for parameter in row.form.parameters]
    return all(0.05 < abs(value) < top for value, top in zip(values, tops, strict=True))


@pytest.mark.parametrize("delta", [1e-3, 0.9, 1.1, 40.0])
def test_huber_samples_are_tails_as_often_as_they_should(delta: float) -> None:
    """The share beyond delta is the tails' share of the mass, for narrow and wide cores."""
    draws = huber.sample(np.random.default_rng(8), 40_000, loc=0.0, scale=1.0, delta=delta)
    tails = 2 / delta * math.exp(-(delta**2) / 2)
    share = tails / math.exp(huber.log_normalizer(loc=0.0, scale=1.0, delta=delta))
    assert abs(np.mean(np.abs(draws) > delta) - share) <= 6 * math.sqrt(share * (1 - share) / 40_000)


TEMPERED = {"df": 5.0, "concentration": 1.5, "high": 2.0}


@pytest.mark.parametrize("weight", [0.25, 4.0])
@rows
def test_tempering_multiplies_the_energy(row: Row, weight: float) -> None:
    """density**weight is another member of the family; with these weights the identity holds to rounding."""
    if row.density.temper is None:
        return
    parameters = {name: TEMPERED.get(name, 0.5) for name in row.form.names}
    tempered = row.density.temper(weight, parameters)
    x = np.array([-9.0, 0.25, 0.75, 3.0])
    got, expected = row.density.energy(x, **tempered), weight * row.density.energy(x, **parameters)
    budget = max(e.ulps for name, e in BUDGETS.items() if name.startswith(f"{row.density.name}.energy"))
    assert ulp_distance(got, expected, np.float64).max() <= 2 * budget


@pytest.mark.parametrize(
    ("value", "weight", "parameters"),
    [
        (student_t, 0.25, {"loc": 0.0, "scale": 1.0, "df": 3.0}),
        (gamma, 4.0, {"concentration": 0.75, "rate": 1.0}),
    ],
)
def test_a_power_without_a_finite_mass_is_no_member(
    value: Density, weight: float, parameters: dict[str, float]
) -> None:
    """A tail too heavy, or a pole too steep, once tempered: an error that shows the weight."""
    assert value.temper is not None
    with pytest.raises(ParameterError, match=rf"{value.name}: density\*\*{weight} has no finite mass at .* = "):
        value.temper(weight, parameters)


def test_an_interval_the_wrong_way_round_is_named() -> None:
    """Parameters that constrain each other say so, with both values."""
    with pytest.raises(ParameterError, match=r"truncated_normal: low must be < high, got 2\.0 and 1\.0"):
        truncated_normal.log_prob(1.5, loc=0.0, scale=1.0, low=[0.0, 2.0], high=1.0)


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


VECTORS = [
    (multivariate_normal, {"loc": (0.3, -1.0), "covariance": ((2.0, 0.5), (0.5, 1.0))}, (1.0, 2.0)),
    (sphere, {"loc": (0.6, 0.0, 0.8), "concentration": 7.0}, (0.0, 1.0, 0.0)),
]


def _scipy(name: str, values: Any, x: Any) -> float:
    known = {"multivariate_normal": scipy.stats.multivariate_normal, "von_mises_fisher": scipy.stats.vonmises_fisher}
    first, second = values
    return float(known[name](np.array(first), second if np.ndim(second) == 0 else np.array(second)).logpdf(np.array(x)))


@pytest.mark.parametrize(("value", "parameters", "x"), VECTORS, ids=lambda value: getattr(value, "name", ""))
def test_densities_of_vectors(value: Density, parameters: dict[str, Any], x: Any) -> None:
    """Kernel, oracle and SciPy agree; batches broadcast; gradients have the shape of their parameter."""
    got, truth = value.log_prob(x, **parameters), value.oracle(x, digits=20, **parameters)
    assert ulp_distance(got, float(truth.value), np.float64, magnitude=1.0) <= 8
    assert ulp_distance(got, _scipy(value.name, parameters.values(), x), np.float64, magnitude=1.0) <= 16
    draws = value.sample(np.random.default_rng(1), 7, **parameters)
    assert draws.shape == (7, len(x))
    assert value.log_prob(draws, **parameters).shape == (7,)
    slopes = value.grad(draws, **parameters)
    assert all(slopes[n].shape[1:] == np.shape(v) for n, v in parameters.items())
    for name in parameters:
        _assert_slope(value, parameters, x, name)


def _assert_slope(value: Density, parameters: dict[str, Any], x: Any, name: str) -> None:
    """A central difference along the gradient, symmetric and on the sphere where it must be."""
    slope, base = np.asarray(value.grad(x, **parameters)[name]), np.asarray(parameters[name])
    step = 1e-6 * (base if value is sphere and name == "loc" else np.sign(slope))
    ends = [value.log_prob(x, **{**parameters, name: base + side * step}) for side in (1, -1)]
    assert abs((ends[0] - ends[1]) / 2 - np.sum(slope * step)) <= 1e-11


def test_the_divergence_of_vectors_is_that_of_their_whitened_components() -> None:
    """KL does not change under a linear map, and adds up over independent components, each of them a normal's."""
    m, root = context(40), ((2, 0), (3, 5))
    scales, far = ((0.5, 2.0), (1.0, 0.25)), ((1.0, -2.0), (0.5, 0.0))

    def mapped(loc: Any, deviations: Any) -> Any:
        rows = [[m.mpf(a) * s for a, s in zip(row, deviations, strict=True)] for row in root]
        covariance = [[sum(a * b for a, b in zip(one, two, strict=True)) for two in rows] for one in rows]
        return [sum(m.mpf(a) * b for a, b in zip(row, loc, strict=True)) for row in root], covariance

    this, other = (mapped(loc, [m.mpf(v) for v in s]) for loc, s in zip(far, scales, strict=True))
    found = multivariate_normal.forms[0].kl(m, this, other)  # type: ignore[misc]  # it has one
    parts = [
        normal.forms[0].kl(m, *((m.mpf(far[k][i]), m.mpf(scales[k][i])) for k in (0, 1)))  # type: ignore[misc]
        for i in (0, 1)
    ]
    assert abs(found - sum(parts)) < m.mpf(10) ** -35


@pytest.mark.parametrize(
    ("value", "parameters", "text"),
    [
        (multivariate_normal, {"loc": [0.0, 0.0], "covariance": [[1.0, 2.0], [2.0, 1.0]]}, "positive definite, got"),
        (multivariate_normal, {"loc": [0.0, 0.0], "covariance": [[1.0, 0.5], [0.4, 1.0]]}, "symmetric"),
        (sphere, {"loc": [0.0, 2.0], "concentration": 1.0}, "length 1, got"),
    ],
)
def test_vectors_and_matrices_outside_their_domain_are_named(value: Density, parameters: Any, text: str) -> None:
    """The error says what a matrix must be and shows the one it got."""
    with pytest.raises(ParameterError, match=text):
        value.log_prob([0.0, 1.0], **parameters)


@pytest.mark.parametrize("digits", [0, -1, 1001, 2.5])
def test_digits_out_of_range_are_refused(digits: Any) -> None:
    """The oracle says which numbers of digits it can give."""
    with pytest.raises(ParameterError, match=f"digits must be a whole number from 1 to 1000, got {digits}"):
        normal.oracle(0.0, digits=digits, loc=0.0, scale=1.0)


def test_a_density_whose_oracle_disagrees_with_itself_names_both_values() -> None:
    """A user's closed form that is off in the twelfth digit is an error that shows it."""
    import dataclasses

    form = dataclasses.replace(
        normal.forms[0], log_mass=lambda m, loc, scale: m.rational(918938533204, 10**12) + m.log(scale)
    )
    wrong = dataclasses.replace(normal, name="mine", forms=(form,))
    with pytest.raises(
        OracleError, match=r"mine: the integral is \[0\.91893853320467.* closed form is .*0\.918938533204"
    ):
        wrong.oracle(0.0, loc=0.0, scale=1.0)


@pytest.mark.parametrize("value", DENSITIES, ids=lambda value: value.name)
def test_a_density_travels_to_another_process(value: Any) -> None:
    """Executors pickle what they are given."""
    assert pickle.loads(pickle.dumps(value)) is value


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    assert doctest.testmod(density).failed == 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rates_and_odds_below_what_floats_hold(dtype: str) -> None:
    """Counts under a rate of e**-1000, and successes or failures as rare, cost x times the logarithm."""
    x = np.array([0.0, 1.0, 5.0, 3e5], dtype)
    members: tuple[tuple[Density, dict[str, float]], ...] = (
        (poisson, {"log_rate": -1000.0}),
        (poisson, {"log_rate": -674.25}),
        (negative_binomial, {"total_count": 3.5, "logits": -1000.0}),
        (negative_binomial, {"total_count": 3.5, "logits": 1000.0}),
        (negative_binomial, {"total_count": 2.0**51, "logits": 716.75}),
    )
    for one, values in members:
        form = one.form(values)

        def truth(m: Any, point: float, form: Any = form, values: dict[str, float] = values) -> Any:
            return -form.definition(m, m.exact(point), *(m.exact(value) for value in values.values()))

        high, low = doubles(truth, x.tolist(), 192, 1)
        found = one.energy(x, **{name: np.asarray(value, dtype) for name, value in values.items()})
        allowed = BUDGETS[f"{one.name}.energy"].ulps
        assert ulp_distance(found, high, dtype, remainder=low).max() <= allowed, (one.name, values)
