"""Families that a reconstruction may be: their curves and parts against the certified kernels, and who is named as what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lgamma, sqrt
from typing import Any

import mpmath
import numpy as np
import pytest

from elbocheck import budget, verify
from elbocheck.anatomy import Reconstruction
from elbocheck.budget import ulp_distance
from elbocheck.densities import named
from elbocheck.loss import Loss
from elbocheck.member import member
from elbocheck.probing.candidate import Candidate
from elbocheck.probing.curves import CURVES
from elbocheck.probing.dissect import dissect
from elbocheck.probing.families import candidates
from elbocheck.probing.points import Points
from elbocheck.probing.probe import Probe
from elbocheck.shapes import INSIDE, Layout

FLOAT64 = np.dtype(np.float64)
U = np.concatenate([-(10.0 ** np.arange(-8, 4.1, 0.5)), [0.0], 10.0 ** np.arange(-8, 4.1, 0.5)])
KINDS = {
    "real": np.array([-9.7, -3.0, -0.35, -1e-4, 0.0, 1e-3, 0.8, 2.0, 8.0]),
    "positive": np.array([1e-3, 0.04, 0.3, 1.0, 1.5, 20.0, 1e3]),
    "unit": np.array([0.05, 0.3, 0.47, 0.5, 0.66, 0.95]),
}
X = np.array([0.3, 1.0, 2.0, 7.0, 12.0])

CERTIFIED: Mapping[str, tuple[tuple[float, ...], Mapping[str, float], tuple[float, ...]]] = {
    "normal": ((), {"scale": 1.0}, (1.0,)),
    "laplace": ((), {"scale": 1.0}, (1.0,)),
    "asymmetric_laplace": ((), {"scale": 1.0, "quantile": 0.3}, (0.3, 0.7)),
    "huber": ((0.7,), {"scale": 1.0, "delta": 0.7}, (1.0,)),
    "charbonnier": ((0.7,), {"scale": 1.0, "delta": 0.7}, (1.0,)),
    "log_cosh": ((0.07,), {"scale": 0.07}, (1.0,)),
    "cauchy": ((0.07,), {"scale": 0.07}, (1.0,)),
    "generalized_normal": ((1.3,), {"scale": 1.0, "power": 1.3}, (1.0,)),
    "epsilon_insensitive": ((0.7,), {"scale": 1.0, "epsilon": 0.7}, (1.0,)),
}
"""Curve to the shapes tried, the parameters of the density whose energy it is, and the weights of its parts."""

TEXTBOOK: Mapping[str, tuple[tuple[float, ...], Callable[..., Any]]] = {
    "welsch": ((0.7,), lambda u, c: 1 - mpmath.exp(-((u / c) ** 2) / 2)),
    "geman_mcclure": ((0.7,), lambda u, c: u**2 / (u**2 + c**2)),
    "tukey": ((0.7,), lambda u, c: 1 - max(1 - (u / c) ** 2, 0) ** 3),
    "truncated_square": ((0.7,), lambda u, c: min((u / c) ** 2, 1)),
    "truncated_absolute": ((0.7,), lambda u, c: min(abs(u) / c, 1)),
    "barron": ((-0.7, 0.3), lambda u, p, c: ((1 + (u / c) ** 2) ** mpmath.mpf(p) - 1) / p),
}
"""Those that no density in the catalogue has, against their definitions."""


def test_every_curve_has_a_reference() -> None:
    """A curve that is added without one fails here."""
    assert {curve.name for curve in CURVES} == set(CERTIFIED) | set(TEXTBOOK)


@pytest.mark.parametrize("name", CERTIFIED)
def test_a_curve_is_the_energy_of_its_density(name: str) -> None:
    """In ulps, over 24 decades of the residual and at 0."""
    (curve,) = (c for c in CURVES if c.name == name)
    shapes, parameters, weights = CERTIFIED[name]
    found = sum(w * part for w, part in zip(weights, curve.parts(U, *shapes), strict=True))
    given: dict[str, Any] = dict(parameters)
    truth = named(name).energy(U, loc=0.0, **given)
    assert np.max(ulp_distance(found, truth, FLOAT64)) <= budget.PROBED_CURVE


@pytest.mark.parametrize("name", TEXTBOOK)
def test_a_curve_without_a_density_is_its_definition(name: str) -> None:
    """The same against 40 digits; the bounded ones too, whose digits near 0 are the test."""
    (curve,) = (c for c in CURVES if c.name == name)
    shapes, definition = TEXTBOOK[name]
    with mpmath.workdps(40):
        truth = np.array([float(definition(mpmath.mpf(float(u)), *map(mpmath.mpf, shapes))) for u in U])
    assert np.max(ulp_distance(curve.parts(U, *shapes)[0], truth, FLOAT64)) <= budget.PROBED_CURVE


PARTS: Mapping[str, tuple[str, str, Callable[[Any], Mapping[str, Any]], tuple[float, ...], tuple[float, ...]]] = {
    "bernoulli logits": ("bernoulli", "real", lambda r: {"logits": r}, (), (1.0,)),
    "bernoulli probs": ("bernoulli", "unit", lambda r: {"probs": r}, (), (1.0,)),
    "poisson rate": ("poisson", "positive", lambda r: {"rate": r}, (), (1.0,)),
    "poisson log_rate": ("poisson", "real", lambda r: {"log_rate": r}, (), (1.0,)),
    "exponential rate": ("exponential", "positive", lambda r: {"rate": r}, (), (1.0,)),
    "exponential scale": ("exponential", "positive", lambda r: {"scale": r}, (), (1.0,)),
    "exponential log_rate": ("exponential", "real", lambda r: {"log_rate": r}, (), (1.0,)),
    "exponential log_scale": ("exponential", "real", lambda r: {"log_rate": -r}, (), (1.0,)),
    "gamma rate": ("gamma", "positive", lambda r: {"concentration": 2.5, "rate": r}, (), (1.0, 2.5)),
    "gamma scale": ("gamma", "positive", lambda r: {"concentration": 2.5, "rate": 1 / r}, (), (1.0, 2.5)),
    "gamma log_rate": ("gamma", "real", lambda r: {"concentration": 2.5, "rate": np.exp(r)}, (), (1.0, 2.5)),
    "weibull scale": ("weibull", "positive", lambda r: {"scale": r, "concentration": 1.7}, (1.7,), (1.0,)),
    "weibull log_scale": ("weibull", "real", lambda r: {"scale": np.exp(r), "concentration": 1.7}, (1.7,), (1.0,)),
    "binomial logits": ("binomial", "real", lambda r: {"total_count": 12.0, "logits": r}, (), (12.0, 1.0)),
    "binomial probs": ("binomial", "unit", lambda r: {"total_count": 12.0, "probs": r}, (), (12.0, 1.0)),
    "log_normal loc": ("log_normal", "real", lambda r: {"loc": r, "scale": 1.0}, (), (1.0,)),
    "log_normal median": ("log_normal", "positive", lambda r: {"loc": np.log(r), "scale": 1.0}, (), (1.0,)),
    "continuous_bernoulli logits": ("continuous_bernoulli", "real", lambda r: {"logits": r}, (), (1.0,)),
    "continuous_bernoulli probs": ("continuous_bernoulli", "unit", lambda r: {"probs": r}, (), (1.0,)),
    "negative_binomial logits": (
        "negative_binomial",
        "real",
        lambda r: {"total_count": 2.5, "logits": r},
        (),
        (2.5, 1.0),
    ),
    "negative_binomial probs": (
        "negative_binomial",
        "unit",
        lambda r: {"total_count": 2.5, "logits": np.log(r) - np.log1p(-r)},
        (),
        (2.5, 1.0),
    ),
    "negative_binomial failure_probs": (
        "negative_binomial",
        "unit",
        lambda r: {"total_count": 2.5, "logits": np.log1p(-r) - np.log(r)},
        (),
        (2.5, 1.0),
    ),
    "negative_binomial mean": (
        "negative_binomial",
        "positive",
        lambda r: {"total_count": 2.5, "logits": np.log(r) - np.log(2.5)},
        (2.5,),
        (1.0,),
    ),
    "negative_binomial log_mean": (
        "negative_binomial",
        "real",
        lambda r: {"total_count": 2.5, "logits": r - np.log(2.5)},
        (2.5,),
        (1.0,),
    ),
    "beta mean": ("beta", "unit", lambda r: {"concentration1": 7 * r, "concentration0": 7 * (1 - r)}, (7.0,), (1.0,)),
}
"""Family, where predictions lie, them to the density's parameters, shapes, and the weights of the parts."""


@pytest.mark.parametrize("name", PARTS)
def test_parts_are_the_density_but_for_what_the_data_alone_add(name: str) -> None:
    """Energy and log normaliser move with the prediction as the parts do, in ulps of their largest term."""
    family, where, parameters, shapes, weights = PARTS[name]
    r, x = (a.ravel() for a in np.meshgrid(KINDS[where], X, indexing="ij"))
    if "bernoulli" in family:
        x = np.minimum(x, 1.0)
    elif family == "beta":
        x = np.minimum(x / 13, 0.9)
    elif family != "log_normal":
        x = np.ceil(x)
    points = Points(x, r, None, None, np.zeros_like(r))
    found = [c for c in candidates(points, where) if (c.family, c.parameter) == (family, name.split()[1])]
    (candidate,) = (c for c in found if c.link == "identity" and not c.swapped and c.normalizer is None)
    parts = candidate.parts(points, *shapes)
    mine: Any = sum(w * part for w, part in zip(weights, parts, strict=True))
    given = parameters(r)
    theirs = named(family).energy(x, **given) + named(family).log_normalizer(**given)
    terms = np.abs(mine) + np.abs(theirs) + sum(np.abs(w * p) for w, p in zip(weights, parts, strict=True))
    terms = terms + np.abs(r) * (1 + x)  # what cancels inside: x * logits
    first = np.tile(np.arange(X.size), KINDS[where].size)  # the same datum at the first prediction
    moved, truth = mine - mine[first], theirs - theirs[first]
    distance = ulp_distance(moved, truth, FLOAT64, magnitude=terms + terms[first])
    assert np.max(distance) <= budget.PROBED_PART
    _own_term(candidate, x, mine, theirs, terms, family)


def _own_term(candidate: Candidate, x: Any, mine: Any, theirs: Any, terms: Any, family: str) -> None:
    """Hold what the data alone add against the density too, but for a constant."""
    if candidate.datum is None:
        return
    told: Mapping[str, float] = {
        "gamma": {"concentration": 2.5},
        "weibull": {"concentration": 1.7},
        "binomial": {"total_count": 12.0},
        "negative_binomial": {"total_count": 2.5},
    }.get(family, {})
    own = candidate.datum(x, told)
    rest = theirs - mine - own
    size = terms + np.abs(own)
    distance = ulp_distance(rest, 0 * rest + rest[0], FLOAT64, magnitude=size + size[0])
    assert np.max(distance) <= budget.PROBED_PART


def read(function: Any, dtype: Any = np.float64, datum: float = 1.0) -> Reconstruction:
    """Return the reconstruction of a loss."""
    found = dissect(Probe(Loss.of(function), Layout(datum=datum), np.dtype(dtype)), 0).reconstruction
    assert found is not None
    return found


def told(function: Any) -> tuple[str | None, dict[str, float]]:
    """Return the family and its parameters, once a weight that makes another member is absorbed."""
    found = read(function)
    if found.density in ("cauchy", "log_cosh") and found.normalizer_ratio is None:
        whole = member(found.density, found.weight.coefficient, found.shape)
        if whole is not None:
            return whole.family, dict(whole.parameters)
    return found.density, dict(found.shape)


def of(form: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Return the sum of a function of the residual as a loss."""
    return lambda x, x_hat: np.sum(form(x - x_hat))


_log_gamma = np.vectorize(lgamma, otypes=[float])

NAMED: Mapping[str, tuple[Any, str | None, Mapping[str, float]]] = {
    "normal": (of(lambda u: 3 * u**2), "normal", {}),
    "laplace": (of(lambda u: 0.1 * np.abs(u)), "laplace", {}),
    "pinball": (of(lambda u: np.maximum(0.9 * u, -0.1 * u)), "asymmetric_laplace", {"quantile": 0.9}),
    "smooth L1": (of(lambda u: np.where(np.abs(u) < 0.2, 2.5 * u**2, np.abs(u) - 0.1)), "huber", {"delta": 0.2}),
    "charbonnier": (of(lambda u: np.sqrt(u**2 + 1e-6)), "charbonnier", {"delta": 1e-3}),
    "log cosh": (of(lambda u: np.log(np.cosh(u))), "log_cosh", {"scale": 1.0}),
    "logistic": (of(lambda u: u / 0.3 + 2 * np.log1p(np.exp(-u / 0.3))), "logistic", {"scale": 0.3}),
    "cauchy": (of(lambda u: np.log(1 + (u / 0.3) ** 2)), "cauchy", {"scale": 0.3}),
    "student": (of(lambda u: 2.5 * np.log1p(u**2 / 4)), "student_t", {"df": 4.0, "scale": 1.0}),
    "power": (of(lambda u: np.abs(u) ** 1.5), "generalized_normal", {"power": 1.5}),
    "dead zone": (of(lambda u: np.maximum(np.abs(u) - 20, 0)), "epsilon_insensitive", {"epsilon": 20.0}),
    "barron": (
        of(lambda u: (1 + u**2) ** 0.52 - 1),
        "barron",
        {"power": 0.52, "scale": 1.0},
    ),
    "welsch": (of(lambda u: 1 - np.exp(-0.5 * (u / 0.02) ** 2)), "welsch", {"scale": 0.02}),
    "geman": (of(lambda u: u**2 / (u**2 + 4)), "geman_mcclure", {"scale": 2.0}),
    "tukey": (of(lambda u: 1 - np.clip(1 - (u / 4.685) ** 2, 0, None) ** 3), "tukey", {"scale": 4.685}),
    "cut square": (of(lambda u: np.minimum(u**2, 0.25)), "truncated_square", {"scale": 0.5}),
    "cut absolute": (of(lambda u: np.minimum(np.abs(u), 0.05)), "truncated_absolute", {"scale": 0.05}),
    "logits": (lambda x, logits: np.sum(np.logaddexp(0, logits) - x * logits), "bernoulli", {}),
    "trials": (lambda x, logits: np.sum(7 * np.logaddexp(0, logits) - x * logits), "binomial", {"total_count": 7.0}),
    "overdispersed": (
        lambda x, x_hat: np.sum((x + 0.3) * np.log(x_hat + 0.3) - x * np.log(x_hat)),
        "negative_binomial",
        {"total_count": 0.3},
    ),
    "until the seventh failure": (
        lambda x, probs: -np.sum(7 * np.log(probs) + x * np.log1p(-probs)),
        "negative_binomial",
        {"total_count": 7.0},
    ),
    "counts": (lambda x, x_hat: np.sum(x_hat - x * np.log(x_hat) + _log_gamma(x + 1)), "poisson", {}),
    "waiting": (lambda x, x_hat: np.sum(x / x_hat + np.log(x_hat)), "exponential", {}),
    "gamma": (lambda x, x_hat: np.sum(x * x_hat - 3 * np.log(x_hat)), "gamma", {"concentration": 3.0}),
    "gamma of mean": (
        lambda x, x_hat: np.sum(0.4 * (x / x_hat + np.log(x_hat)) + 0.6 * np.log(x)),
        "gamma",
        {"concentration": 0.4},
    ),
    "weibull": (
        lambda x, x_hat: np.sum((x / x_hat) ** 6 + 6 * np.log(x_hat)),
        "weibull",
        {"concentration": 6.0},
    ),
    "weibull of log scale": (
        lambda x, x_hat: np.sum((x * np.exp(-x_hat)) ** 0.708 + 0.708 * x_hat + 0.292 * np.log(x)),
        "weibull",
        {"concentration": 0.708},
    ),
    "nearly a square": (of(lambda u: (1 + (u / 20) ** 2) ** 1.03 - 1), "barron", {"power": 1.03, "scale": 20.0}),
    "log-normal": (
        lambda x, x_hat: np.sum(2 * (np.log(x) - x_hat) ** 2 + np.log(x)),
        "log_normal",
        {"scale": 0.5},
    ),
    "soft classes": (lambda x, x_hat: -np.mean(x * x_hat) + 0.7, "categorical", {}),
    "learned normal": (
        lambda x, x_hat, x_log_scale: np.sum(0.5 * ((x - x_hat) / np.exp(x_log_scale)) ** 2 + x_log_scale),
        "normal",
        {},
    ),
    "learned student": (
        lambda x, x_hat, x_scale: np.sum(2 * np.log1p(((x - x_hat) / x_scale) ** 2 / 3) + np.log(x_scale)),
        "student_t",
        {"df": 3.0, "scale": 1.0},
    ),
    # Planted faults: near a family, and none.
    "two families": (of(lambda u: u**2 + np.abs(u)), None, {}),
    "two scales": (of(lambda u: np.log1p(u**2) + np.log1p((u / 30) ** 2)), None, {}),
    "a step at the knot": (of(lambda u: np.where(np.abs(u) < 1, 0.5 * u**2, np.abs(u) - 0.499)), None, {}),
    "a bent tail": (of(lambda u: np.abs(u) + 1e-3 * np.log1p(np.abs(u))), None, {}),
    "skewed": (of(lambda u: u**2 + 1e-3 * u**3), None, {}),
    "a rate twice": (lambda x, x_hat: np.sum(np.exp(x_hat) - 1.001 * x * x_hat + 1e-3 * x_hat**2), None, {}),
    "an exponential and a square of data": (
        lambda x, x_hat: np.sum(x / x_hat + np.log(x_hat) + 0.1 * x**2),
        "exponential",
        {},
    ),
}
"""Loss to the family that it is, and its parameters."""


@pytest.mark.parametrize("name", NAMED)
def test_a_loss_is_named(name: str) -> None:
    """Family and parameters come back to the digits that float64 leaves, and what is none is not named."""
    function, family, parameters = NAMED[name]
    found = told(function)
    assert found[0] == family
    if family is not None:
        assert found[1] == pytest.approx(parameters, rel=budget.ratio_error(FLOAT64))


MOVED: Mapping[str, tuple[Callable[[float], Any], str, str]] = {
    "huber": (lambda k: of(lambda u: np.where(np.abs(u) < k, u**2 / 2, k * (np.abs(u) - k / 2))), "huber", "delta"),
    "cauchy": (lambda k: of(lambda u: np.log1p((u / k) ** 2)), "cauchy", "scale"),
    "student": (lambda k: of(lambda u: (k + 1) / 2 * np.log1p(u**2 / k)), "student_t", "df"),
    "power": (lambda k: of(lambda u: np.abs(u) ** k), "generalized_normal", "power"),
    "gamma": (lambda k: lambda x, x_hat: np.sum(x * x_hat - k * np.log(x_hat)), "gamma", "concentration"),
}
"""A parameter to the loss that holds it, its family, and the parameter's name."""


@pytest.mark.parametrize("name", MOVED)
@pytest.mark.parametrize("value", [1.5, 1.5015])
def test_a_parameter_moved_by_a_thousandth_changes_the_answer(name: str, value: float) -> None:
    """Nothing is rounded to what is usual."""
    loss, family, parameter = MOVED[name]
    found = told(loss(value))
    assert found[0] == family
    assert found[1][parameter] == pytest.approx(value, rel=budget.ratio_error(FLOAT64))


@pytest.mark.parametrize(
    ("power", "family"), [(1.999, "generalized_normal"), (2.0, "normal"), (2.001, "generalized_normal")]
)
def test_a_neighbour_of_a_family_is_not_that_family(power: float, family: str) -> None:
    """A square is normal, its neighbours are not."""
    assert told(of(lambda u: np.abs(u) ** power))[0] == family


def test_the_sizes_of_a_weight_are_read_where_the_loss_moves() -> None:
    """Ordinary predictions all lie on the flat part of these: a mean is a mean there too."""
    for form in (lambda u: np.maximum(np.abs(u) - 20, 0), lambda u: np.minimum(u**2, 1e-4) * 1e4):
        found = read(lambda x, x_hat, form=form: np.mean(form(x - x_hat))).weight
        assert (found.formula, found.irregular) == ("1", frozenset())


def test_the_error_of_a_weight_counts_its_shape() -> None:
    """Beside a large constant, in float32, knot and weight trade off: what is claimed holds the truth."""
    delta, offset = float(np.float32(0.011)), float(np.float32(2.9))
    form = of(lambda u: 3.5 * np.where(np.abs(u) <= delta, u * u / 2, delta * (np.abs(u) - delta / 2)) + offset)
    found = read(form, np.float32)
    assert abs(found.weight.coefficient / 3.5 - 1) <= found.weight.error
    assert abs(found.shape["delta"] / delta - 1) <= found.shape_error


def test_a_loss_that_stays_bounded_has_no_tails_to_join() -> None:
    """Beyond a quadratic core it is flat to rounding: that is no slope which should be another; a real one is still named."""

    def saturating(x: Any, x_hat: Any) -> Any:
        u = np.abs(x - x_hat)
        return np.mean(np.where(u < 1, u**2 / 2, 1.5 - np.exp(1 - u))) + 0.3

    def unjoined(x: Any, x_hat: Any) -> Any:
        u = np.abs(x - x_hat)
        return np.mean(np.where(u < 1, u**2 / 2, 0.7 * u - 0.2))

    assert verify(saturating).codes == ("ELB418",)
    assert "ELB408" in verify(unjoined).codes


def _log_gamma(v: Any) -> Any:
    return np.vectorize(lgamma)(v.astype(float)).astype(v.dtype)


def _beta(precision: float) -> Callable[[Any, Any], Any]:
    def loss(x: Any, probs: Any) -> Any:
        a, b = probs * precision, (1 - probs) * precision
        return 1.966 * np.mean((1 - a) * np.log(x) + (1 - b) * np.log1p(-x) + _log_gamma(a) + _log_gamma(b))

    return loss


def _gamma(concentration: float) -> Callable[[Any, Any], Any]:
    a = concentration

    def loss(x: Any, x_hat: Any) -> Any:
        return 0.675 * np.mean(a * x / x_hat + a * np.log(x_hat) - (a - 1) * np.log(x))

    return loss


def _nearly_square(alpha: float, c: float) -> Callable[[Any, Any], Any]:
    b = alpha - 2

    def loss(x: Any, x_hat: Any) -> Any:
        each = b / alpha * np.expm1(alpha / 2 * np.log1p(((x - x_hat) / c) ** 2 / b))
        return 0.003835 * np.mean(np.sum(each, axis=1))

    return loss


ALPHA, NARROW = 2.0875625610351562, 0.011095499619841576  # both float32


COLLINEAR: Mapping[str, tuple[Callable[[Any, Any], Any], str, float]] = {
    "beta": (_beta(221.1197967529297), "precision", 221.1197967529297),
    "gamma": (_gamma(26.059276580810547), "concentration", 26.059276580810547),
    "log_normal": (
        lambda x, x_hat: np.mean(0.5 * ((np.log(x) - x_hat) / 0.061209526) ** 2 + np.log(x)),
        "scale",
        0.061209526,
    ),
    "barron": (_nearly_square(ALPHA, NARROW), "scale", NARROW * sqrt(ALPHA - 2)),
}
"""Losses whose weight and parameter only small terms tell apart: among ordinary values float32 leaves four digits."""


@pytest.mark.parametrize("name", COLLINEAR)
def test_a_parameter_beside_its_weight_is_known_to_what_float32_tells(name: str) -> None:
    """Probes go on where it shows most; its error is not beyond what is claimed, and that is no mere worst case."""
    loss, parameter, value = COLLINEAR[name]
    found = read(loss, np.float32, datum=INSIDE if name == "beta" else 1.0)
    off = abs(found.shape[parameter] / value - 1)
    assert found.density == name
    assert off <= min(budget.parameter_error(np.dtype(np.float32)), found.shape_error)
    assert found.shape_error <= 4 * budget.parameter_error(np.dtype(np.float32))


def test_probes_do_not_go_on_in_float64() -> None:
    """Sixteen digits tell parameters among ordinary values: the calls are those that find the family."""
    losses = [Probe(Loss.of(COLLINEAR["beta"][0]), Layout(datum=INSIDE), np.dtype(t)) for t in (np.float64, np.float32)]
    for probe in losses:
        dissect(probe, 0)
    wide, narrow = (probe.loss.calls.values for probe in losses)
    assert wide < narrow <= wide + budget.PARAMETER_CALLS["numpy"]


@pytest.mark.parametrize("least", [1e-3, 1e-6, 1e-12])
def test_a_guard_far_out_leaves_the_parameter_as_it_is(least: float) -> None:
    """Where it ends the family, the places that tell most tell of the guard; they are not asked, or not believed."""

    def loss(x: Any, probs: Any) -> Any:
        return _beta(20.0)(np.maximum(x, np.float32(least)), np.maximum(probs, np.float32(least)))

    found = read(loss, np.float32, datum=INSIDE)
    assert found.density == "beta"
    assert abs(found.shape["precision"] / 20.0 - 1) <= found.shape_error


def test_what_no_family_explains_in_float32_is_sent_to_float64() -> None:
    """There the same is said without advice."""

    def odd(x: Any, x_hat: Any) -> Any:
        return np.sum((x - x_hat) ** 2 + 0.3 * np.abs(x - x_hat) ** 1.5)

    assert "--dtype float64" in verify(odd, dtype="float32").reason
    assert "--dtype" not in verify(odd).reason


def test_a_bounded_loss_whose_bins_nothing_moves_is_read() -> None:
    """A trial of bins with a width that moves no value ended in an error of linear algebra."""
    scale, weight = np.float32(3.266385078430176), np.float32(1.200661063194275)

    def welsch(x: Any, x_hat: Any) -> Any:
        return np.mean(np.sum(weight * (1 - np.exp(-0.5 * ((x - x_hat) / scale) ** 2)), axis=1))

    found = verify(welsch, dtype="float32")
    assert found.codes == ("ELB418",)
    assert found.model is not None
    assert found.model.family == "welsch"


def test_a_truncated_square_is_no_guarded_bins_so_narrow_that_a_constant_alone_tells_their_width() -> None:
    """-log max(P, guard) of such bins is the same curve, and any constant beside it is one of their widths."""

    def truncated(x: Any, x_hat: Any) -> Any:
        energy = np.minimum((x - x_hat) ** 2, 29.451302547129202**2)
        return np.mean(np.sum(0.003591125088590569 * energy + 2.015372439106774, axis=1))

    found = verify(truncated).model
    assert found is not None
    assert found.family == "truncated_square"
