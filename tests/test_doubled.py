"""Double-double arithmetic: no bound excludes the truth, the bounds are as good as they say, and planted faults are seen."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flint import arb

from elbocheck import doubled
from elbocheck.certify import spread
from elbocheck.densities import DENSITIES, Density
from elbocheck.densities.density import Form
from elbocheck.divergences import normal_standard
from elbocheck.enclosure import bulk
from elbocheck.enclosure.balls import Balls
from elbocheck.kernels import double_double as kernels

COUNT = 400
BITS = 600
RNG = np.random.default_rng(12)
WIDE = RNG.normal(size=COUNT) * 10.0 ** RNG.uniform(-30, 2.8, COUNT)
POSITIVE = 10.0 ** np.concatenate([RNG.uniform(-250, 250, COUNT // 2), RNG.uniform(-1, 1, COUNT // 2)])
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], float]] = {
    "sum": (lambda m, x, y: (x + y) - x * m.rational(1, 3) + y * m.exact(2.0**-30), (WIDE, -WIDE * (1 + 1e-9)), 1.0),
    "product": (lambda _m, x, y: x * y * x, (WIDE, WIDE[::-1].copy()), 1.0),
    "quotient": (lambda _m, x, y: x / y, (WIDE, POSITIVE), 0.99),
    "exp": (lambda m, x: m.exp(x), (WIDE,), 0.99),
    "expm1": (lambda m, x: m.expm1(x), (WIDE,), 0.99),
    "log": (lambda m, x: m.log(x), (POSITIVE,), 1.0),
    "log near 1": (lambda m, x: m.log(1 + x), (WIDE * 1e-3,), 0.15),
    "log1p": (lambda m, x: m.log1p(abs(x)), (WIDE,), 1.0),
    "log1p below": (lambda m, x: m.log1p(-m.exp(-abs(x))), (WIDE,), 0.25),
    "root": (lambda m, x: m.sqrt(x), (POSITIVE,), 1.0),
    "lgamma": (lambda m, x: m.lgamma(x), (10.0 ** RNG.uniform(-6, 12, COUNT),), 1.0),
    "softplus": (lambda m, x: m.softplus(x), (WIDE,), 0.99),
    "select": (lambda m, x: m.select(x, lambda: x * 2, lambda: -x / 3), (WIDE,), 1.0),
}


def excluded(definition: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[int, float]:
    """Return how many of the values that are said to be sharp are not, and the share of those that are said to be."""
    high, low, known = doubled.sharp_values(definition, *arguments)
    wrong = 0
    with bulk.working(BITS):
        m = Balls(order=1)
        for i in np.flatnonzero(known):
            truth = bulk.real(definition(m, *(m.exact(float(a[i])) for a in arguments)).raw)
            missed = abs(arb(high[i]) + arb(low[i]) - truth)
            wrong += not bool(missed <= abs(truth) * arb(doubled.SHARP))
    return wrong, float(known.mean())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_said_to_be_sharp_is(name: str) -> None:
    """Every operation, over many decades, against balls of 600 bits; most values are said to be sharp."""
    definition, arguments, share = FUNCTIONS[name]
    wrong, known = excluded(definition, arguments)
    assert wrong == 0
    assert known >= share


FORMS = [(density, form) for density in DENSITIES for form in density.forms if not density.event_rank]


@pytest.mark.parametrize(
    ("density", "form"), FORMS, ids=[f"{density.name}-{'-'.join(form.names)}" for density, form in FORMS]
)
def test_every_definition_is_read_rightly_or_left_to_balls(density: Density, form: Form) -> None:
    """Definitions and closed forms at random members, extreme ones among them."""
    rng = np.random.default_rng(3)
    values = [np.asarray(v, np.float64) for v in spread.columns(form, rng, COUNT)]
    x = np.asarray(spread.points(density, form, values, rng), np.float64)
    assert excluded(form.definition, (x, *values))[0] == 0
    if form.log_mass is not None:
        assert excluded(form.log_mass, tuple(values))[0] == 0


def test_what_cancels_is_left_to_balls() -> None:
    """Near the prior the closed form of the divergence loses everything, and its bound says so."""
    closed = normal_standard.forms[0].closed
    near = 10.0 ** RNG.uniform(-30, -13, COUNT)
    wrong, known = excluded(closed, (0.0 * near, near))
    assert (wrong, known) == (0, 0.0)
    assert excluded(closed, (np.abs(WIDE) + 1.0, WIDE % 3.0))[1] > 0.9


def test_numbers_that_are_not_exact_are_refused() -> None:
    """A bare 0.1 is an error, and so is a function that is not here."""
    m = doubled.DoubleDoubles()
    with pytest.raises(TypeError, match=r"floats enter by m\.exact"):
        m.exact(2.0) * 0.1
    with pytest.raises(NotImplementedError):
        m.erf(m.exact(2.0))
    with pytest.raises(NotImplementedError):
        m.vanishes(m.exact(np.array([0.0, 1.0])))


FAULTS = (
    ("total", "ae + be + abs(high) * ROUNDED", "0.0", "cancelling"),
    ("product", "abs(a) * be + abs(b) * ae", "0.0", "cancelling factor"),
    ("_multiply", "fma(a, b, -high)", "0.0", "product"),
    ("_two_sum", "+ (b - moved)", "", "sum"),
    ("expm1", "start, lost = _two_sum(power, -1.0)", "start, lost = power - 1.0, 0.0", "expm1"),
    ("_small_expm1", "_horner(high, low, t, tl, SIXTH)", "_horner(high, low, t, tl, TWENTY_FOURTH)", "exp"),
    ("_log_of_ratio", "fma(k, LOG_TWO[2], lost)", "0.0", "log"),
    ("_log_of_ratio", "rest / (1.0 + high)", "0.0", "log1p"),
    ("log1p", "ae / whole * 2.0", "0.0", "log1p below"),
    ("lgamma", "-path, -rest", "-path, 0.0", "lgamma"),
    ("quotient", "(ae + abs(high) * be) / abs(b) * 2.0", "0.0", "cancelling below"),
    ("choose", "s >= 0.0", "s >= 1.0", "select"),
)


def _little(m: Any, x: Any) -> Any:
    """Nothing but -x 2**-70 is left of two numbers, and what they were rounded by."""
    return x * m.rational(7, 11) / m.rational(7, 11) * m.pi / m.pi + -x * (1 + m.exact(2.0**-70))


CANCELLING = {
    "cancelling": _little,
    "cancelling factor": lambda m, x: x * _little(m, x),
    "cancelling below": lambda m, x: x / _little(m, x),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}: {fault[2] or 'nothing'}")
def test_a_planted_fault_is_seen(fault: tuple[str, str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that forgets what its arguments bring, an error term lost, a branch taken wrongly."""
    name, right, wrong, where = fault
    source = inspect.getsource(kernels)
    start = source.index(f"def {name}(")
    end = source.find("\n\n\n", start)
    body = source[start:end]
    assert body.count(right) == 1
    scope: dict[str, Any] = {"__name__": "planted"}
    exec(compile(source[:start] + body.replace(right, wrong) + source[end:], "<planted>", "exec"), scope)
    mutants = {one: scope[one] for one in kernels.__all__}
    apply = doubled._apply
    monkeypatch.setattr(doubled, "_apply", lambda kernel, *numbers: apply(mutants[kernel.__name__], *numbers))
    definition, arguments = (CANCELLING[where], (WIDE,)) if where in CANCELLING else FUNCTIONS[where][:2]
    assert excluded(definition, arguments)[0] > 0
