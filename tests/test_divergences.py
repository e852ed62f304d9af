"""Every divergence against its definition."""

import doctest
import math
from typing import Any

import numpy as np
import pytest

from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.divergences import DIVERGENCES, divergence, normal_standard
from elbocheck.enclosure import doubles
from elbocheck.errors import ParameterError
from elbocheck.precision import agree
from tests.references import PAIRS

FORMS = {f"{d.name}({', '.join(form.names)})": (d, form) for d in DIVERGENCES for form in d.forms}


def test_every_form_has_a_row_of_points() -> None:
    """A divergence that is added without hand-picked points fails here."""
    assert set(PAIRS) == set(FORMS)


@pytest.mark.parametrize("name", FORMS)
def test_quadrature_of_the_definition_agrees_with_the_closed_form(name: str) -> None:
    """Two independent routes, one of which knows nothing but q log(q/p)."""
    value, form = FORMS[name]
    for point in ((1.5, 0.25), *PAIRS[name][2:4]):
        certified = value.oracle(25, **dict(zip(form.names, point, strict=True)))
        closed = agree(lambda ctx, p=point: form.closed(ctx, *map(ctx.mpf, p)), 40)
        assert abs(certified.value - closed.value) <= certified.error + closed.error


@pytest.mark.parametrize("log_var", [0.0, 1e-9, -1e-60])
def test_the_prior_itself_is_no_singular_case(log_var: float) -> None:
    """At and next to the prior the oracle keeps its relative accuracy and the kernel its bits."""
    certified = normal_standard.oracle(20, loc=0.0, log_var=log_var)
    high, low = certified.split()
    assert certified.error <= max(1e-20 * abs(certified.value), 1e-60)
    budget = BUDGETS[f"{normal_standard.name}.kl"]
    assert ulp_distance(normal_standard.kl(loc=0.0, log_var=log_var), high, np.float64, remainder=low) <= budget.ulps


WORST = {  # among 20 million random points, of formulas whose terms are each rounded before they meet
    "log_var": [
        (-0.0816783076465341, 0.364643102275652),
        (-0.023730745059088017, 0.34740368334932414),
        (0.0011590183762389184, -0.3718881089237703),  # 5.2 where what the rest lost is left out
    ],
    "scale": [(0.16981933740048763, 0.32595939783364863), (-1.1011046115742322e-05, 0.3491989418363888)],
}


@pytest.mark.parametrize("spread", WORST)
def test_two_ulps_hold_where_the_terms_are_of_one_size(spread: str) -> None:
    """At the worst points known, and at random ones among them."""
    rng = np.random.default_rng(7)
    at = rng.uniform(0.3, 0.42, 2000)
    points = np.concatenate([WORST[spread], np.stack([rng.normal(size=2000) * rng.choice([0.03, 1.0], 2000), at], 1)])
    form = normal_standard.form(("loc", spread))

    def exactly(m: Any, point: Any) -> Any:
        return form.closed(m, *map(m.exact, point))

    high, low = doubles(exactly, points.tolist(), 128, 1)
    found = normal_standard.kl(loc=points[:, 0], **{spread: points[:, 1]})
    budget = BUDGETS["loop.of_one_size"]
    assert ulp_distance(found, high, "float64", remainder=low).max() <= budget.ulps


def test_both_parametrisations_agree() -> None:
    """At scale 2, log_var = 2 log 2 gives the same divergence up to the rounding of log_var."""
    by_scale = normal_standard.kl(loc=1.0, scale=2.0)
    by_log_var = normal_standard.kl(loc=1.0, log_var=2 * math.log(2.0))
    assert ulp_distance(by_scale, by_log_var, np.float64) <= 2


def test_dtype_and_shape_follow_the_arguments() -> None:
    """float32 in, float32 out, rounded once; Python numbers follow."""
    loc = np.float32([[0.0], [1.0]])
    log_var = np.float32([1e-6, -3.0, 80.0])
    narrow = normal_standard.kl(loc=loc, log_var=log_var)
    wide = normal_standard.kl(loc=loc.astype(float), log_var=log_var.astype(float))
    assert (narrow.dtype, narrow.shape) == (np.float32, (2, 3))
    assert ulp_distance(narrow, wide, np.float32).max() <= BUDGETS["rounding.float32"].ulps
    assert normal_standard.grad(loc=loc, log_var=0.0)["loc"].dtype == np.float32


@pytest.mark.parametrize("bad", [{"scale": 0.0}, {"scale": -1.0}, {"scale": math.nan}, {"log_var": math.inf}])
def test_parameters_outside_their_domain_are_named(bad: dict[str, float]) -> None:
    """The error names the parameter."""
    with pytest.raises(ParameterError, match=f"{next(iter(bad))} must be"):
        normal_standard.kl(loc=0.0, **bad)


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    assert doctest.testmod(divergence).failed == 0
