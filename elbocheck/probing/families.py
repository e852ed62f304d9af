"""What a reconstruction may be: every family as a linear combination of parts, for each thing its prediction may be.

value = sum of weights * parts(x, prediction) + what the data alone decide. Parts are in nats; how their weights make the
family's parameters is each candidate's own `read`. Functions of the data alone (log x!, log x) change no gradient, so
families whose energy holds one are fitted with a free constant for every datum probed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import lgamma

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.probing.curves import CURVES, Curve, Grid
from elbocheck.probing.fit import Shapes
from elbocheck.probing.points import Points
from elbocheck.probing.probe import spread_of
from elbocheck.roles import Role

Reading = tuple[float, dict[str, float]]
"""The weight of the family's energy, and its parameters; a weight of NaN: the parts do not make this family."""

SQUASHED = ("normal", "laplace", "huber")
"""Families of pixels in [0, 1] whose loss may take the logits and squash them itself."""
SCALE_KINDS = ("log_var", "log_scale", "scale", "var")


def _alone(weights: Array, names: Sequence[str], shapes: Shapes) -> Reading:
    return float(weights[0]), dict(zip(names, shapes, strict=True))


@dataclass(frozen=True)
class Candidate:
    """One reading of the element curve.

    Attributes:
        family: the density, or the usual name of a loss that no density has.
        parts: (points, *shapes) to functions of x and the prediction, side by side.
        parameter: what the prediction is to the family.
        shapes: free shape parameters.
        link: `sigmoid` where the loss squashes the prediction first.
        swapped: data and prediction have changed places.
        scale_as: how a learned scale is read.
        normalizer: points to the log normaliser where a learned parameter varies it.
        guarded: the loss takes logarithms: a small guard, or a softplus cut off at 20, is to be expected.
        datum: (x, parameters) to what the data alone add to the energy in the family's own log density, NaN off its support;
            a loss may keep it, drop it or hold another: a constant is free for every datum. None: one constant for all.
        read: (weights of the parts, names of the shapes, shapes) to what they mean.
        reread: (candidate, data, what they add over the weight) to another family of the same parts, told apart by that.
        kinks: (*shapes) to where a derivative jumps, in |x - prediction|.
        inner: (points, *shapes) to the size of terms that textbook code forms inside the parts and that cancel there;
            None: products of x and the prediction.
        extra: parameters beyond the shapes.
    """

    family: str
    parts: Callable[..., tuple[Array, ...]]
    parameter: str = "loc"
    shapes: tuple[Grid, ...] = ()
    link: str = "identity"
    swapped: bool = False
    scale_as: str | None = None
    normalizer: Callable[[Points], Array] | None = None
    guarded: bool = False
    datum: Callable[[Array, Mapping[str, float]], Array] | None = None
    read: Callable[[Array, Sequence[str], Shapes], Reading] = _alone
    reread: Callable[..., tuple[Candidate, float, dict[str, float]] | None] | None = None
    kinks: Callable[..., tuple[float, ...]] = lambda *_: ()
    inner: Callable[..., Array] | None = None
    extra: int = 0

    @property
    def complexity(self) -> tuple[int, int]:
        """Fewest parameters first; data and prediction where their names say."""
        return len(self.shapes) + self.extra, int(self.swapped) + int(self.link != "identity")


def candidates(points: Points, where: str) -> Iterator[Candidate]:
    """List the readings that fit the loss's arguments, simplest first.

    Args:
        points: what was probed.
        where: where predictions may lie: `real`, `positive` or `unit`.
    """
    yield from sorted(_all(points, where), key=lambda c: c.complexity)


def _all(points: Points, where: str) -> Iterator[Candidate]:
    for curve in CURVES:
        yield from _located(curve, points)
        if where == "real" and curve.name in SQUASHED:
            (plain,) = (c for c in _located(curve, points) if c.scale_as is None)
            yield replace(plain, parts=_squashed(plain.parts), link="sigmoid")
    if points.scale is not None or points.delta is not None:
        yield from (c for c in _classes(where) if c.family == "bernoulli")
        return
    yield from _classes(where)
    yield from _counts(where)
    yield from _durations(where)


# --- A residual, over a scale where the loss takes one ---


def _located(curve: Curve, points: Points) -> Iterator[Candidate]:
    kinds: tuple[str | None, ...] = (None,) if points.scale is None else (None, *SCALE_KINDS)
    learned = points.delta is not None and [g.name for g in curve.shapes] == ["delta"]
    for kind in kinds:
        yield Candidate(
            curve.name,
            _residual(curve, kind, learned=learned),
            shapes=() if learned else curve.shapes,
            scale_as=kind,
            normalizer=_normalizer(curve, kind, learned=learned),
            guarded=kind in ("scale", "var"),
            read=_two_sided if curve.name == "asymmetric_laplace" else _alone,
            kinks=curve.kinks,
            inner=_inner(curve, learned=learned),
            extra=curve.extra,
        )


def _inner(curve: Curve, *, learned: bool) -> Callable[..., Array]:
    def inner(points: Points, *shapes: float) -> Array:
        return np.zeros_like(points.value) + (curve.inner(points.delta) if learned else curve.inner(*shapes))

    return inner


def _residual(curve: Curve, kind: str | None, *, learned: bool) -> Callable[..., tuple[Array, ...]]:
    def parts(points: Points, *shapes: Array) -> tuple[Array, ...]:
        u = points.x - points.prediction
        if kind is not None and points.scale is not None:
            u = u / spread_of(Role(kind), points.scale)
        return curve.parts(u, points.delta) if learned else curve.parts(u, *shapes)

    return parts


def _normalizer(curve: Curve, kind: str | None, *, learned: bool) -> Callable[[Points], Array] | None:
    """Return log scale, or the density's own log normaliser where its shape is learned too."""
    if kind is None and not learned:
        return None

    def normalizer(points: Points) -> Array:
        scale = np.ones_like(points.value) if kind is None else spread_of(Role(kind), np.asarray(points.scale))
        if not learned:
            return np.log(scale)
        from elbocheck.densities import named

        return named(curve.name).log_normalizer(loc=0.0, scale=scale, delta=np.asarray(points.delta))

    return normalizer


def _two_sided(weights: Array, _names: Sequence[str], _shapes: Shapes) -> Reading:
    above, below = map(float, weights)
    if not above * below > 0:
        return np.nan, {}
    return above + below, {"quantile": above / (above + below)}


# --- Classes: linear in x ---


def _classes(where: str) -> Iterator[Candidate]:
    if where == "unit":
        yield Candidate("bernoulli", _bernoulli_probs, "probs", guarded=True)
        yield Candidate("bernoulli", _exchanged(_bernoulli_probs), "probs", swapped=True, guarded=True)
        yield Candidate("continuous_bernoulli", _continuous(_bernoulli_probs, _log_odds), "probs", guarded=True)
        yield Candidate("binomial", _binomial_probs, "probs", guarded=True, datum=_log_choices, read=_trials, extra=1)
        return
    yield Candidate("bernoulli", _bernoulli_logits, "logits", guarded=True)
    yield Candidate("bernoulli", _squashed(_bernoulli_logits), "logits", link="sigmoid", guarded=True)
    yield Candidate("bernoulli", _exchanged(_bernoulli_logits), "logits", swapped=True, guarded=True)
    yield Candidate("bernoulli", _exchanged(_bernoulli_probs), "probs", swapped=True, guarded=True)
    yield Candidate("continuous_bernoulli", _continuous(_bernoulli_logits, lambda r: r), "logits", guarded=True)
    yield Candidate("binomial", _binomial_logits, "logits", guarded=True, datum=_log_choices, read=_trials, extra=1)


def _softplus(v: Array) -> Array:
    return np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v)))


def _sigmoid(v: Array) -> Array:
    return 0.5 * (1 + np.tanh(v / 2))


def _log_odds(p: Array) -> Array:
    return np.log(p) - np.log1p(-p)


def _bernoulli_logits(points: Points) -> tuple[Array, ...]:
    x, logits = points.x, points.prediction
    return (np.maximum(logits, 0) - x * logits + np.log1p(np.exp(-np.abs(logits))),)


def _bernoulli_probs(points: Points) -> tuple[Array, ...]:
    x, probs = points.x, points.prediction
    return (-(_times_log(x, probs) + _times_log(1 - x, 1 - probs)),)


def _times_log(a: Array, b: Array) -> Array:
    """Return a log b, 0 where a is 0, NaN below 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((a == 0) & (b >= 0), 0.0, a * np.log(b))


def _exchanged(parts: Callable[[Points], tuple[Array, ...]]) -> Callable[..., tuple[Array, ...]]:
    return lambda p: parts(replace(p, x=p.prediction, prediction=p.x))


def _squashed(parts: Callable[..., tuple[Array, ...]]) -> Callable[..., tuple[Array, ...]]:
    return lambda p, *shapes: parts(replace(p, prediction=_sigmoid(p.prediction)), *shapes)


def _continuous(
    parts: Callable[[Points], tuple[Array, ...]], logits: Callable[[Array], Array]
) -> Callable[..., tuple[Array, ...]]:
    """Add the log normaliser of the continuous Bernoulli (Loaiza-Ganem & Cunningham 2019, eq. 4): -log C(logits)."""

    def whole(points: Points) -> tuple[Array, ...]:
        half = np.abs(logits(points.prediction)) / 2
        small = np.minimum(half, 0.1) ** 2
        series = small * (1 / 6 - small * (1 / 180 - small * (1 / 2835 - small / 37800)))  # log(sinh h / h)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.log(-np.expm1(-2 * half) / (2 * half)) + half
        return (parts(points)[0] - _softplus(2 * half) + half + np.where(half < 0.1, series, far),)

    return whole


def _binomial_logits(points: Points) -> tuple[Array, ...]:
    return _softplus(points.prediction), -points.x * points.prediction


def _binomial_probs(points: Points) -> tuple[Array, ...]:
    with np.errstate(divide="ignore"):
        odds = _log_odds(points.prediction)
        return -np.log1p(-points.prediction), -points.x * odds


def _trials(weights: Array, _names: Sequence[str], _shapes: Shapes) -> Reading:
    """Read n log(1 + e^l) - x l."""
    count = float(weights[0] / weights[1]) if weights[1] else 0.0
    if not (count > 1.5 and abs(count - round(count)) <= budget.DECLARED * count):
        return np.nan, {}
    return float(weights[1]), {"total_count": float(round(count))}


# --- Counts, and a soft target on a simplex ---


def _counts(where: str) -> Iterator[Candidate]:
    if where == "real":
        yield _poisson("log_rate", lambda r: r)
        yield Candidate("categorical", lambda p: (-p.x * p.prediction,), "log_probs", datum=_nothing)
        return
    yield _poisson("rate", _log)
    yield Candidate("categorical", lambda p: (-p.x * _log(p.prediction),), "probs", guarded=True, datum=_nothing)


def _log(r: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(r)


def _poisson(parameter: str, log_rate: Callable[[Array], Array]) -> Candidate:
    def parts(points: Points) -> tuple[Array, ...]:
        rates = log_rate(points.prediction)
        rate = points.prediction if parameter == "rate" else _exp(rates)
        return (rate - _product(points.x, rates),)

    return Candidate("poisson", parts, parameter, guarded=parameter == "rate", datum=_log_factorial)


def _product(x: Array, v: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.where(x == 0, 0.0, x * v)


# --- Durations: a positive datum over a scale ---


def _durations(where: str) -> Iterator[Candidate]:
    """Exponential and gamma (x/s + a log s), Weibull ((x/s)^k + k log s), log-normal ((log x - loc)^2/2)."""
    kinds: Mapping[str, Callable[[Array], Array]] = (
        {"log_rate": lambda r: -r, "log_scale": lambda r: r}
        if where == "real"
        else {"rate": lambda r: -_log(r), "scale": _log}
    )
    for parameter, log_scale in kinds.items():
        guarded = where != "real"
        parts = _over_scale(log_scale)
        yield Candidate("exponential", _added(parts), parameter, guarded=guarded, datum=_nothing, reread=_mean)
        yield Candidate("gamma", parts, parameter, guarded=guarded, datum=_gamma_datum, read=_concentration, extra=1)
        if "scale" in parameter:
            powers = (Grid("concentration", np.geomspace(0.05, 50, 41)),)
            parts, inner = _weibull(log_scale)
            yield Candidate("weibull", parts, parameter, powers, guarded=guarded, datum=_weibull_datum, inner=inner)
    if where == "real":
        yield Candidate(
            "log_normal", lambda p: (0.5 * (_log(p.x) - p.prediction) ** 2,), datum=_log_datum, reread=_spread
        )
    else:
        yield Candidate(
            "log_normal", lambda p: (0.5 * _log(p.x / p.prediction) ** 2,), "median", datum=_log_datum, reread=_spread
        )


def _added(parts: Callable[[Points], tuple[Array, ...]]) -> Callable[..., tuple[Array, ...]]:
    return lambda points: (np.sum(parts(points), axis=0),)


def _mean(candidate: Candidate, x: Array, datum: Array) -> tuple[Candidate, float, dict[str, float]] | None:
    """Read a gamma of known concentration by its mean: x/m + log m of weight a, and (1 - a) log x from the data alone.

    Returns:
        The candidate, what its weight is over the exponential's, and its concentration; None where the data's term is none.
    """
    kept = x > 0
    slope, _ = np.polyfit(np.log(x[kept]), datum[kept], 1)
    if not slope > -1 or abs(slope) < budget.NORMALISER:
        return None
    a = 1 / (1 + slope)
    told = replace(candidate, family="gamma", parameter=MEANS[candidate.parameter], datum=_gamma_mean_datum)
    return told, 1 / a, {"concentration": float(a)}


def _spread(candidate: Candidate, x: Array, datum: Array) -> tuple[Candidate, float, dict[str, float]] | None:
    """Read the variance of a log-normal off its log x, which that of the logarithms' square divides."""
    kept = x > 0
    variance, _ = np.polyfit(np.log(x[kept]), datum[kept], 1)
    return (
        (replace(candidate, reread=None), float(variance), {"scale": float(np.sqrt(variance))})
        if variance > 0
        else None
    )


MEANS = {"scale": "mean", "log_scale": "log_mean", "rate": "inverse_mean", "log_rate": "negative_log_mean"}


def _over_scale(log_scale: Callable[[Array], Array]) -> Callable[..., tuple[Array, ...]]:
    def parts(points: Points) -> tuple[Array, ...]:
        s = log_scale(points.prediction)
        return _product(points.x, _exp(-s)), s

    return parts


def _weibull(
    log_scale: Callable[[Array], Array],
) -> tuple[Callable[..., tuple[Array, ...]], Callable[..., Array]]:
    """Return the part, and the size of what a power rounds: its exponent's relative error is its own absolute one."""

    def exponent(points: Points, concentration: float | Array) -> Array:
        v = concentration * (_log(points.x) - log_scale(points.prediction))
        return np.minimum(v, FAR)

    def parts(points: Points, concentration: Array) -> tuple[Array, ...]:
        return (np.exp(exponent(points, concentration)) + concentration * log_scale(points.prediction),)

    def inner(points: Points, concentration: float) -> Array:
        v = np.maximum(exponent(points, concentration), -FAR)
        return np.abs(v) * np.exp(v)

    return parts, inner


def _exp(v: Array) -> Array:
    """Return e^v where that keeps its digits, NaN where v is large."""
    with np.errstate(over="ignore"):
        return np.where(v < STEEP, np.exp(v), np.nan)


STEEP = 30.0
"""An exponential of more than this loses five bits and rules out whatever stands beside it."""
FAR = 250.0
"""A power may be tried whose exponential would overflow: cut off here it is still larger than any value that is kept."""


def _concentration(weights: Array, _names: Sequence[str], _shapes: Shapes) -> Reading:
    """Read x/s + a log s: a gamma of concentration a, an exponential where that is 1."""
    if not weights[0] * weights[1] > 0:
        return np.nan, {}
    return float(weights[0]), {"concentration": float(weights[1] / weights[0])}


# --- What the data alone add ---

Parameters = Mapping[str, float]


def _nothing(x: Array, _: Parameters) -> Array:
    return np.zeros_like(x)


_log_gamma = np.vectorize(lgamma, otypes=[float])


def _counted(x: Array) -> Array:
    return np.where((x >= 0) & (x % 1 == 0), x, np.nan)


def _log_factorial(x: Array, _: Parameters) -> Array:
    return np.asarray(_log_gamma(_counted(x) + 1))


def _log_choices(x: Array, found: Parameters) -> Array:
    n = found["total_count"]
    k = np.where(x <= n, _counted(x), np.nan)
    return np.asarray(_log_gamma(k + 1) + _log_gamma(n - k + 1) - _log_gamma(n + 1))


def _log_datum(x: Array, _: Parameters) -> Array:
    return _log(np.where(x > 0, x, np.nan))


def _gamma_datum(x: Array, found: Parameters) -> Array:
    return np.asarray((1 - found["concentration"]) * _log_datum(x, found) + _log_gamma(found["concentration"]))


def _gamma_mean_datum(x: Array, found: Parameters) -> Array:
    return np.asarray(_gamma_datum(x, found) - found["concentration"] * np.log(found["concentration"]))


def _weibull_datum(x: Array, found: Parameters) -> Array:
    return np.asarray((1 - found["concentration"]) * _log_datum(x, found) - np.log(found["concentration"]))
