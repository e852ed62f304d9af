"""Masses of black boxes: the hazards of quadrature by name, and that the checks of the answers can fail."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from math import e, exp, expm1, inf, lgamma, log, log1p, pi, sqrt
from typing import Any

import numpy as np
import pytest

from elbocheck.budget import MASS_TARGETS
from elbocheck.domain import COUNTS, NON_NEGATIVE, OPEN_UNIT, POSITIVE, REAL, SPHERE, UNIT, Integers, Interval
from elbocheck.errors import UsageError
from elbocheck.mass import Status, ends, line, log_mass, measure, panels, rays
from tests.quality.random_masses import Drawn, Source, Tally, draw, fault, trial

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered.*:RuntimeWarning")
ROOT = log(2 * pi) / 2
DTYPES = ("float64", "float32")
FROM_ONE = Interval(1.0, inf, closed_low=True)
Energy = Callable[[Any], Any]


def normal(loc: float, scale: float) -> Energy:
    """The energy of a normal, parameters in the dtype of x."""
    return lambda x: ((x - x.dtype.type(loc)) / x.dtype.type(scale)) ** 2 / 2


def power(a: float, at: float = 0.0) -> Energy:
    """A logarithm of the distance."""
    return lambda x: x.dtype.type(a) * np.log(np.abs(x - x.dtype.type(at)))


def bernoulli(p: float) -> Energy:
    """Binary cross-entropy of a gray value."""
    return lambda x: -(x * log(p) + (1 - x) * log1p(-p))


def stirling(k: Any) -> Any:
    """A Poisson loss of rate 2 with Stirling's formula in place of log k!, as frameworks have it: from 2 on."""
    many = np.maximum(k, 1)
    return 2 - k * log(2) + np.where(k > 1, many * np.log(many) - many + np.log(2 * pi * many) / 2, 0)


def spike(x: Any) -> Any:
    """Half a standard normal, half one of width 1e-3 at 50."""
    return -np.logaddexp(-(x**2) / 2, 3 * log(10) - ((x - 50) / 1e-3) ** 2 / 2) + log(2) + ROOT


PROPER: dict[str, tuple[Energy, Any, float]] = {
    "normal": (normal(0, 1), REAL, ROOT),
    "far normal": (normal(1234567, 64), REAL, ROOT + log(64)),
    "narrow normal": (normal(3, 2**-7), REAL, ROOT - 7 * log(2)),
    "offset": (lambda x: x * x / 2 + 1024, REAL, ROOT - 1024),
    "negative offset": (lambda x: x * x / 2 - 1024, REAL, ROOT + 1024),
    "underflow everywhere": (lambda x: x * x / 2 + 10**6, REAL, ROOT - 10**6),
    "laplace": (lambda x: np.abs(x - x.dtype.type(0.3)), REAL, log(2)),
    "huber": (lambda x: np.where(np.abs(x) < 1, x * x / 2, np.abs(x) - x.dtype.type(0.5)), REAL, 1.0730585907133918),
    "logistic, narrow": (lambda x: (u := (x - 5) * 8192) + 2 * np.log1p(np.exp(-u)), REAL, -13 * log(2)),
    "cauchy": (lambda x: np.log1p(x * x), REAL, log(pi)),
    "student of half a degree": (
        lambda x: 0.75 * np.log1p(2 * x * x),
        REAL,
        log(pi / 2) / 2 + lgamma(0.25) - lgamma(0.75),
    ),
    "1.05 log": (lambda x: x.dtype.type(1.0625) * np.log1p(np.abs(x)), REAL, log(2 / 0.0625)),
    "slow power": (power(1 + 2**-10), FROM_ONE, 10 * log(2)),
    "cusp": (lambda x: np.sqrt(np.abs(x - 2)), REAL, log(4)),
    "uniform": (lambda x: np.where(np.abs(x - 7) <= 3, 0 * x, inf), REAL, log(6)),
    "uniform, NaN outside": (lambda x: 0 * np.sqrt(9 - x * x), REAL, log(6)),
    "jump": (lambda x: np.where(np.abs(x) < 1.25, 0 * x, 3 + np.abs(x)), REAL, log(2.5 + 2 * exp(-4.25))),
    "exponential": (lambda x: x, NON_NEGATIVE, 0.0),
    "exponential, edge within": (lambda x: np.where(x < 0.75, inf, x - 0.75), REAL, 0.0),
    "beta of halves": (lambda x: (np.log(x) + np.log1p(-x)) / 2, OPEN_UNIT, log(pi)),
    "gamma of a 64th": (lambda x: x + (1 - 2**-6) * np.log(x), POSITIVE, lgamma(2**-6)),
    "deep beta": (lambda x: -999 * (np.log(x) + np.log1p(-x)), OPEN_UNIT, 2 * lgamma(1000) - lgamma(2000)),
    "pole within": (power(0.5, 0.25), Interval(-0.75, 1.25), log(4)),
    "BCE of 0.1": (bernoulli(0.1), UNIT, log(0.8 / log(9))),
    "BCE of 0.5": (bernoulli(0.5), UNIT, log(0.5)),
    "BCE of 0.999": (bernoulli(0.999), UNIT, log(0.998 / log(999))),
    "spike, hinted": (spike, REAL, 0.0),
    "two normals": (lambda x: -np.logaddexp(-x * x / 2, -((x - 40) ** 2) / 2), REAL, ROOT + log(2)),
    "poisson without log y!": (lambda k: k / 2, COUNTS, -log(-expm1(-0.5))),
    "poisson by Stirling": (stirling, COUNTS, 0.019027745525112098),
    "zeta of 2": (lambda k: 2 * np.log(k), Integers(1, inf), log(pi * pi / 6)),
    "classes": (lambda k: -k, Integers(0, 1), log1p(e)),
    "a class of no mass": (lambda k: np.where(k == 0, inf, k), Integers(0, 1), -1.0),
}
"""By name: energy, support, log-mass."""


IMPROPER: dict[str, tuple[Energy, Any, str]] = {
    "log": (lambda x: np.log1p(np.abs(x)), REAL, "inf"),
    "half log of square": (lambda x: np.log1p(x * x) / 2, REAL, "inf"),
    "root of log": (lambda x: np.sqrt(np.log1p(np.abs(x))), REAL, "inf"),
    "welsch": (lambda x: 1 - np.exp(-x * x / 2), REAL, "inf"),
    "geman-mcclure": (lambda x: x * x / (1 + x * x), REAL, "inf"),
    "tukey": (lambda x: 1 - (1 - np.minimum(x * x, 1)) ** 3, REAL, "inf"),
    "truncated quadratic": (lambda x: np.minimum(x * x / 2, 200), REAL, "inf"),
    "cosine": (lambda x: 1 - np.cos(x), REAL, "inf"),
    "constant": (lambda x: 0 * x, REAL, "inf"),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), REAL, "toward -inf"),
    "ramp": (lambda x: np.exp(-x), REAL, "toward +inf"),
    "linear": (lambda x: -x, REAL, "toward +inf"),
    "1/x on the right": (power(1.0), FROM_ONE, "toward +inf"),
    "1/x at 0": (lambda x: np.log(x) + x, POSITIVE, "at x = 0"),
    "steeper at 0": (lambda x: 1.5 * np.log(x) + x, POSITIVE, "at x = 0"),
    "pole within": (lambda x: power(1.0, 0.25)(x) + x * x, REAL, "at x = 0.25"),
    "pole at 1": (lambda x: np.log1p(-x), OPEN_UNIT, "at x = 1"),
    "rate 1 without log y!": (lambda k: 1 + 0 * k, COUNTS, "toward +inf"),
    "rate 2 without log y!": (lambda k: 2 - k * x_log2(k), COUNTS, "toward +inf"),
    "harmonic": (np.log, Integers(1, inf), "toward +inf"),
}
"""By name: energy, support, what the place must read like."""


def x_log2(k: Any) -> Any:
    """The logarithm of 2, in the dtype."""
    return k.dtype.type(log(2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PROPER)
def test_a_proper_density_has_its_mass(name: str, dtype: str) -> None:
    """The truth lies within the bound, and the bound is of use."""
    energy, support, truth = PROPER[name]
    mass = log_mass(energy, support, dtype=dtype, hint=50.0 if name.startswith("spike") else 0.0)
    if mass.status is Status.UNRESOLVED:
        assert (name, dtype) in {("spike, hinted", "float32"), ("far normal", "float32")}
        return
    assert mass.status is Status.OK, mass
    assert abs(mass.log_value - truth) <= mass.error, mass
    assert mass.error <= max(sqrt(MASS_TARGETS[dtype]), 4 * abs(truth) * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", IMPROPER)
def test_an_improper_energy_is_divergent(name: str, dtype: str) -> None:
    """No float range is taken for all there is, and the place is named."""
    energy, support, where = IMPROPER[name]
    mass = log_mass(energy, support, dtype=dtype)
    assert (mass.status, mass.log_value) == (Status.DIVERGENT, inf)
    assert where in mass.where


@pytest.mark.parametrize(
    ("energy", "support", "status"),
    [
        (normal(1e6, 0.1), REAL, Status.UNRESOLVED),
        (lambda x: np.log1p(np.abs(x)) + 2 * np.log1p(np.log1p(np.abs(x))), REAL, Status.UNDECIDED),
        (lambda x: np.log1p(np.abs(x)) + np.log1p(np.log1p(np.abs(x))) / 2, REAL, Status.UNDECIDED),
        (lambda x: np.nan * x, REAL, Status.UNDECIDED),
        (lambda k: np.nan * k, Integers(0, 3), Status.UNDECIDED),
    ],
)
def test_what_floats_do_not_decide_is_not_decided(energy: Energy, support: Any, status: Status) -> None:
    """A peak between floats, a slope that creeps to 0 (finite for 2 log log, infinite for half of one), nothing at all."""
    mass = log_mass(energy, support, dtype="float32")
    assert (mass.status, mass.error) == (status, inf)
    assert mass.where
    assert mass.status.advice


def test_the_energy_sees_its_dtype_and_is_counted() -> None:
    """Points come in the dtype asked for, inside the support, and never more calls than reported."""
    seen: list[Any] = []

    def energy(x: Any) -> Any:
        seen.append(x)
        return x

    mass = log_mass(energy, NON_NEGATIVE, dtype="float32")
    assert {x.dtype for x in seen} == {np.dtype("float32")}
    assert all((x >= 0).all() and np.isfinite(x).all() for x in seen)
    assert (mass.calls, mass.points) == (len(seen), sum(x.size for x in seen))


def test_misuse_raises() -> None:
    """A support or a dtype that is not for masses."""
    with pytest.raises(UsageError, match="Sphere"):
        log_mass(lambda x: x, SPHERE)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="int64"):
        log_mass(lambda x: x, REAL, dtype="int64")


def test_random_masses() -> None:
    """A few of those that tests.quality.random_masses draws by the thousand."""
    for dtype in DTYPES:
        source, tally = Source(np.random.default_rng(20261122), np.dtype(dtype)), Tally()
        with np.errstate(all="ignore"):
            for _ in range(150):
                trial(draw(source), dtype, tally)
        assert not tally.faults
        assert float(np.median(tally.errors)) <= MASS_TARGETS[dtype]


# --- Planted faults: each check above can fail. ---


def found_fault(name: str) -> str | None:
    """What the check of random masses says of a named case."""
    energy, support, truth = PROPER[name] if name in PROPER else (*IMPROPER[name][:2], inf)
    return fault(Drawn(energy, support, truth, name), log_mass(energy, support))


def test_without_its_tails_an_integrator_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the float range is a finite stretch."""
    assert found_fault("log") is None
    monkeypatch.setattr(line, "tail", lambda *_: ends.End(ends.Fate.FINITE))
    assert found_fault("log") == "improper, given a finite mass"
    assert found_fault("1.05 log") == "bound broken"


def test_without_its_poles_an_integrator_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is closer to a pole than the first distance counts."""
    assert found_fault("1/x at 0") is None
    monkeypatch.setattr(rays.Seen, "toward_centre", lambda *_: ends.End(ends.Fate.FINITE))
    assert found_fault("1/x at 0") == "improper, given a finite mass"
    assert found_fault("beta of halves") == "bound broken"


def test_an_integrator_that_believes_itself_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the difference of rules nothing is split, and the bound is noise."""
    assert found_fault("jump") is None
    monkeypatch.setattr(panels, "MASS_SAFETY", 0.0)
    monkeypatch.setattr(panels, "MASS_NOISE", 0.0)
    assert found_fault("jump") == "bound broken"


def test_a_divergence_seen_where_there_is_none_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tail that is called infinite whatever it is."""
    monkeypatch.setattr(line, "tail", lambda *_: ends.End(ends.Fate.INFINITE))
    assert found_fault("normal") == "proper, called divergent"


def test_a_peak_that_goes_unseen_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without drawing in on minima a narrow peak is stepped over."""
    assert found_fault("far normal") is None
    monkeypatch.setattr(line, "explore", lambda meter, land, effort: land)
    monkeypatch.setattr(line, "LOOKS", 1)
    assert found_fault("far normal") == "bound broken"


def test_examples_run() -> None:
    """The example of log_mass is right."""
    assert doctest.testmod(measure).failed == 0
