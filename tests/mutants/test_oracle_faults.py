"""Planted faults in what the oracles are made of: each is caught, and the fault that is reported has its name."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest
from flint import acb

from elbocheck import precision
from elbocheck.budget import BUDGETS
from elbocheck.certify.members import Fact, facts
from elbocheck.densities import (
    Density,
    Form,
    bernoulli,
    discretized_logistic,
    huber,
    laplace,
    normal,
    poisson,
    student_t,
)
from elbocheck.densities.recipe import LINE, Ladder, Levels
from elbocheck.enclosure import Ball, Balls, Enclosure
from elbocheck.tails import Exponential
from tests.references import KERNELS

DIGITS = 30


def first(density: Density, form: Form, quantity: str) -> Fact:
    """The quantity of one everyday member of a changed form."""
    known = replace(form, example=None)
    values = {"loc": (0.5, 2.0), "scale": (0.5, 2.0), "delta": (0.5, 2.0), "df": (2.0, 5.0), "rate": (2.0, 9.0)}
    narrow = tuple(replace(p, oracle_span=values.get(p.name, (1.0, 3.0))) for p in known.parameters)
    rng = np.random.default_rng(11)
    return next(
        one for one in facts(density, replace(known, parameters=narrow), rng, DIGITS) if one.quantity == quantity
    )


NORMAL, HUBER, LAPLACE, STUDENT = normal.forms[0], huber.forms[0], laplace.forms[0], student_t.forms[0]
POISSON, PIXELS = poisson.forms[0], discretized_logistic.forms[0]


def _constant(m: Any, _loc: Any, scale: Any) -> Any:
    return m.rational(918938533204, 10**12) + m.log(scale)


def _no_flag(_m: Any, x: Any, loc: Any, scale: Any) -> Any:
    u = (x - loc) / scale
    return -Ball(acb(u.raw).real_abs(), u.m) if isinstance(u, Ball) else -abs(u)


def _as_float32(m: Any, x: Any, loc: Any, scale: Any) -> Any:
    return -(((x - loc) / scale) ** 2) * m.exact(float(np.float32(1 / 3))) * m.rational(3, 2)


def _charts(form: Form, **changes: Any) -> Form:
    assert isinstance(form.recipe, tuple)
    return replace(form, recipe=tuple(replace(chart, **changes) for chart in form.recipe))


def _ladder(form: Form, **changes: Any) -> Form:
    assert isinstance(form.recipe, Ladder)
    return replace(form, recipe=replace(form.recipe, **changes))


def _huber_entropy(m: Any, *values: Any) -> Any:
    assert HUBER.entropy
    return HUBER.entropy(m, *values) + m.rational(1, 2)


def _swapped(m: Any, this: Any, other: Any) -> Any:
    assert NORMAL.kl
    return NORMAL.kl(m, other, this)


def _one_missing(m: Any, this: Any, other: Any) -> Any:
    assert NORMAL.kl
    return NORMAL.kl(m, this, other) + m.rational(1, 2)


def _half_of_it(form: Form) -> Form:
    assert isinstance(form.recipe, tuple)
    return replace(form, recipe=form.recipe[:1])


def _twice(form: Form) -> Form:
    assert isinstance(form.recipe, tuple)
    return replace(form, recipe=form.recipe + form.recipe[-1:])


# name, density, quantity, the faulty form
FAULTS: list[tuple[str, Density, str, Callable[[], Form]]] = [
    ("a constant wrong in the twelfth digit", normal, "normaliser", lambda: replace(NORMAL, log_mass=_constant)),
    (
        "a missing tail",
        normal,
        "normaliser",
        lambda: _charts(NORMAL, breaks=lambda m, *_: [m.exact(k) for k in (-8, -2, 0, 2, 8)]),
    ),
    ("a dropped kink", huber, "normaliser", lambda: replace(HUBER, recipe=LINE)),
    (
        "a forgotten flag",
        laplace,
        "normaliser",
        lambda: _charts(
            replace(LAPLACE, definition=_no_flag, recipe=LINE),
            breaks=lambda m, *_: [-inf, *(m.exact(k) for k in (-8, -1, 2, 8)), inf],
        ),
    ),
    ("a parameter read as float32", normal, "normaliser", lambda: replace(NORMAL, definition=_as_float32)),
    ("a Jacobian forgotten", normal, "normaliser", lambda: _charts(NORMAL, jacobian=lambda m, *_: m.exact(1))),
    (
        "a Jacobian of another substitution",
        student_t,
        "normaliser",
        lambda: _charts(STUDENT, factor=lambda m, loc, scale, df: scale),
    ),
    ("half of the support", laplace, "normaliser", lambda: _half_of_it(LAPLACE)),
    ("one part counted twice", huber, "normaliser", lambda: _twice(HUBER)),
    (
        "a factor 1/2 forgotten in the definition",
        normal,
        "normaliser",
        lambda: replace(NORMAL, definition=lambda m, x, loc, scale: -(((x - loc) / scale) ** 2)),
    ),
    ("log scale forgotten", laplace, "normaliser", lambda: replace(LAPLACE, log_mass=lambda m, *_: m.log(m.exact(2)))),
    (
        "log gamma taken half a step off",
        student_t,
        "normaliser",
        lambda: replace(STUDENT, log_mass=lambda m, *v: STUDENT.log_mass(m, v[0], v[1], v[2] + m.rational(1, 2))),  # type: ignore[misc]
    ),
    (
        "a part of the recipe that is not the definition",
        huber,
        "charts",
        lambda: _charts(HUBER, log_density=lambda m, t, loc, scale, delta: -t * t / 2),
    ),
    ("an entropy off by a half", huber, "entropy", lambda: replace(HUBER, entropy=_huber_entropy)),
    ("a divergence the wrong way round", normal, "KL", lambda: replace(NORMAL, kl=_swapped)),
    ("a divergence without its -1", normal, "KL", lambda: replace(NORMAL, kl=_one_missing)),
    (
        "a recurrence one step off",
        poisson,
        "normaliser",
        lambda: _ladder(POISSON, ratio=lambda m, k, rate: rate / (k + 2)),
    ),
    (
        "a mode that starts a sum elsewhere",
        poisson,
        "normaliser",
        lambda: replace(POISSON, definition=lambda m, x, rate: x * m.log(rate) - rate - m.lgamma(x + 2)),
    ),
    (
        "one level too few",
        discretized_logistic,
        "normaliser",
        lambda: replace(PIXELS, recipe=Levels(highest=lambda *values: int(values[-1]) - 2)),
    ),
    (
        "a tail stated too steep",
        laplace,
        "normaliser",
        lambda: _charts(LAPLACE, tail=Exponential(Balls().exact(3))),
    ),
    (
        "an if in a definition",
        laplace,
        "normaliser",
        lambda: replace(LAPLACE, definition=lambda m, x, loc, scale: -max(x - loc, loc - x) / scale, recipe=LINE),
    ),
    (
        "a decimal in a definition",
        normal,
        "normaliser",
        lambda: replace(NORMAL, definition=lambda m, x, loc, scale: -0.5 * ((x - loc) / scale) ** 2),
    ),
]


@pytest.mark.parametrize(("name", "density", "quantity", "make"), FAULTS, ids=[row[0] for row in FAULTS])
def test_a_planted_fault_is_reported_by_name(
    name: str, density: Density, quantity: str, make: Callable[[], Form]
) -> None:
    """The faulty form's certificate fails in the quantity that is wrong; the true form's does not."""
    found = first(density, make(), quantity)
    assert found.fault is not None
    assert found.digits == 0
    true = first(density, next(f for f in density.forms if f.names == make().names), quantity)
    assert true.fault is None
    assert true.digits >= DIGITS


def test_a_slope_with_the_wrong_sign_breaks_the_budget() -> None:
    """The kernel's certificate names the kernel."""
    from elbocheck.kernels.lift import lift

    case = KERNELS["normal.energy_by_loc"]
    wrong = replace(case, reference=replace(case.reference, kernel=lift(_flipped)))
    assert wrong.worst(climb=False).ulps > BUDGETS["normal.energy_by_loc"].ulps


def _flipped(x: float, loc: float, scale: float) -> float:
    return (x - loc) / (scale * scale)


def test_an_engine_that_errs_is_contradicted_by_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """mpmath off by 1e-20, or a primitive of the balls that is another function, both show."""
    integrate = precision.integrate

    def off(*arguments: Any, **options: Any) -> Any:
        found = integrate(*arguments, **options)
        return replace(found, value=found.value * (1 + found.value.context.mpf(10) ** -20))

    with monkeypatch.context() as patched:
        patched.setattr(precision, "integrate", off)
        fault = first(normal, NORMAL, "normaliser").fault
        assert fault is not None
        assert "mpmath" in fault
    monkeypatch.setattr(Balls, "erf", lambda self, x: self.sinh(x))
    fault = first(huber, HUBER, "normaliser").fault
    assert fault is not None
    assert "closed form" in fault


def test_a_kernel_whose_truth_is_wrong_is_contradicted_by_mpmath() -> None:
    """What a million points are held against is itself held against mpmath."""
    from elbocheck.certify.kernels import mismatch

    case = KERNELS["bernoulli.energy"]
    assert mismatch(case.reference, 8, 1) is None

    def wrong(m: Any, x: Any, logits: Any) -> Any:
        value = -bernoulli.forms[0].definition(m, x, logits)
        return value * (1 + m.rational(1, 10**12)) if isinstance(m, Balls) else value

    assert "mpmath" in str(mismatch(replace(case.reference, truth=wrong), 8, 1))


def test_balls_that_exclude_each_other_are_no_number() -> None:
    """The comparison that every certificate rests on can fail."""
    from flint import arb

    assert not Enclosure(arb(1), "a").holds(Enclosure(arb(1) + arb(2) ** -50, "b"))
    assert Enclosure(arb(1, 1e-3), "a").holds(Enclosure(arb("1.0005"), "b"))
