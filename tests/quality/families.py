"""Energies of every family as people write them, in NumPy and in the dtype of their arguments, with random parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import lgamma, log, pi, sqrt
from typing import Any, Protocol

import numpy as np


class Number(Protocol):
    """Draws a number between two ends, log-uniformly unless told."""

    def __call__(self, low: float, high: float, *, logarithmic: bool = True) -> float:
        """Return the number."""
        ...


Pick = Callable[[int], int]
"""Draws an integer below the given one."""


@dataclass(frozen=True)
class Energy:
    """One element of a loss.

    Attributes:
        family: the density that it is of, or the usual name of a loss that no density has.
        parameters: of the family.
        value: (x, prediction, ...) to it.
        weight: of the family's energy.
        arguments: names of the loss's arguments after x.
        scalable: a factor leaves it in its family.
        raised: it holds a constant of the size of its weight.
        way: how it is written.
    """

    family: str
    parameters: Mapping[str, float]
    value: Callable[..., Any]
    weight: float = 1.0
    arguments: tuple[str, ...] = ("x_hat",)
    scalable: bool = True
    raised: bool = False
    way: int = field(default=0)


Draw = Callable[[Number, Pick], Energy]
_LOW, _HIGH = 1e-2, 1e2


def _written(ways: list[Callable[..., Any]], pick: Pick) -> tuple[int, Callable[..., Any]]:
    k = pick(len(ways))
    return k, ways[k]


def _of_residual(form: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda x, p: form(x - p)


def _normal(number: Number, pick: Pick) -> Energy:
    way, form = _written(
        [lambda u: 0.5 * u**2, lambda u: u**2 / 2, np.square, lambda u: u * u, lambda u: np.abs(u) ** 2], pick
    )
    return Energy("normal", {}, _of_residual(form), 1.0 if way < 2 else 2.0, way=way)


def _laplace(number: Number, pick: Pick) -> Energy:
    way, form = _written([np.abs, lambda u: np.sqrt(u * u), lambda u: np.where(u > 0, u, -u)], pick)
    return Energy("laplace", {}, _of_residual(form), way=way)


def _asymmetric(number: Number, pick: Pick) -> Energy:
    q = number(0.01, 0.99, logarithmic=False)
    ways = [
        lambda u: np.maximum(q * u, (q - 1) * u),
        lambda u: np.where(u > 0, q * u, (q - 1) * u),
        lambda u: u * (q - (u < 0)).astype(u.dtype),
        lambda u: q * np.maximum(u, 0) + (1 - q) * np.maximum(-u, 0),
    ]
    way, form = _written(ways, pick)
    return Energy("asymmetric_laplace", {"quantile": q}, _of_residual(form), way=way)


def _huber(number: Number, pick: Pick) -> Energy:
    d = number(_LOW, _HIGH)

    def clipped(u: Any) -> Any:
        core = np.clip(u, -d, d)
        return core * (u - 0.5 * core)

    ways: list[Callable[..., Any]] = [
        lambda u: np.where(np.abs(u) <= d, 0.5 * u**2, d * (np.abs(u) - 0.5 * d)),
        clipped,
        lambda u: 0.5 * np.minimum(np.abs(u), d) ** 2 + d * np.maximum(np.abs(u) - d, 0),
        lambda u: np.where(np.abs(u) < d, 0.5 * u**2 / d, np.abs(u) - 0.5 * d),
    ]
    way, form = _written(ways, pick)
    return Energy("huber", {"delta": d}, _of_residual(form), 1 / d if way == 3 else 1.0, way=way)


def _charbonnier(number: Number, pick: Pick) -> Energy:
    d = number(_LOW, _HIGH)
    ways: list[tuple[Callable[..., Any], float, bool]] = [
        (lambda u: d**2 * (np.sqrt(1 + (u / d) ** 2) - 1), 1.0, False),
        (lambda u: np.sqrt(u**2 + d**2), 1 / d, True),
        (lambda u: np.sqrt(u**2 + d**2) - d, 1 / d, False),
        (lambda u: np.sqrt(1 + (u / d) ** 2), 1 / d**2, True),
    ]
    way = pick(len(ways))
    form, weight, raised = ways[way]
    return Energy("charbonnier", {"delta": d}, _of_residual(form), weight, raised=raised, way=way)


def _log_cosh(number: Number, pick: Pick) -> Energy:
    s = number(_LOW, _HIGH)
    ways: list[tuple[Callable[..., Any], bool]] = [
        (lambda u: np.log(np.cosh(u / s)), False),
        (lambda u: np.logaddexp(u / s, -u / s) - log(2), False),
        (lambda u: u / s + np.log1p(np.exp(-2 * u / s)) - log(2), False),
        (lambda u: np.abs(u / s) + np.log1p(np.exp(-2 * np.abs(u / s))), True),
        (lambda u: np.logaddexp(u / s, -u / s), True),
    ]
    way = pick(len(ways))
    form, raised = ways[way]
    return Energy("log_cosh", {"scale": s}, _of_residual(form), scalable=False, raised=raised, way=way)


def _logistic(number: Number, pick: Pick) -> Energy:
    s = number(_LOW, _HIGH)
    ways: list[tuple[Callable[..., Any], bool]] = [
        (lambda u: np.abs(u) / s + 2 * np.log1p(np.exp(-np.abs(u) / s)), True),
        (lambda u: 2 * np.logaddexp(0, u / s) - u / s, True),
        (lambda u: u / s + 2 * np.log(1 + np.exp(-u / s)) + log(s), True),
        (lambda u: 2 * np.log(np.cosh(u / (2 * s))), False),
    ]
    way = pick(len(ways))
    form, raised = ways[way]
    return Energy("logistic", {"scale": s}, _of_residual(form), scalable=False, raised=raised, way=way)


def _cauchy(number: Number, pick: Pick) -> Energy:
    s = number(_LOW, _HIGH)
    ways: list[tuple[Callable[..., Any], bool]] = [
        (lambda u: np.log(1 + (u / s) ** 2), False),
        (lambda u: np.log1p((u / s) ** 2), False),
        (lambda u: np.log(s**2 + u**2), True),
        (lambda u: np.log(pi * s * (1 + (u / s) ** 2)), True),
    ]
    way = pick(len(ways))
    form, raised = ways[way]
    return Energy("cauchy", {"scale": s}, _of_residual(form), scalable=False, raised=raised, way=way)


def _student(number: Number, pick: Pick) -> Energy:
    s, df = number(_LOW, _HIGH), number(0.6, 40)
    w = (df + 1) / 2
    constant = lgamma(df / 2) - lgamma(w) + 0.5 * log(pi * df) + log(s)
    ways: list[tuple[Callable[..., Any], bool]] = [
        (lambda u: w * np.log(1 + (u / s) ** 2 / df), False),
        (lambda u: 0.5 * (df + 1) * np.log1p(u**2 / (df * s**2)), False),
        (lambda u: w * np.log(df + (u / s) ** 2), True),
        (lambda u: w * np.log1p((u / s) ** 2 / df) + constant, True),
    ]
    way = pick(len(ways))
    form, raised = ways[way]
    return Energy(
        "student_t", {"df": df, "scale": s}, _of_residual(form), scalable=False, raised=raised, way=way
    )


def _generalized(number: Number, pick: Pick) -> Energy:
    s, p = number(_LOW, _HIGH), number(0.2, 8)
    while min(abs(p - 1), abs(p - 2)) < 0.02:
        p = number(0.2, 8)
    if pick(2):
        return Energy("generalized_normal", {"power": p}, _of_residual(lambda u: np.abs(u) ** p), way=1)
    return Energy("generalized_normal", {"power": p}, _of_residual(lambda u: np.abs(u / s) ** p), s**-p)


def _dead_zone(number: Number, pick: Pick) -> Energy:
    e = number(_LOW, _HIGH)
    ways = [
        lambda u: np.maximum(np.abs(u) - e, 0),
        lambda u: np.where(np.abs(u) < e, 0, np.abs(u) - e).astype(u.dtype),
        lambda u: np.maximum(u - e, 0) + np.maximum(-u - e, 0),
    ]
    way, form = _written(ways, pick)
    return Energy("epsilon_insensitive", {"epsilon": e}, _of_residual(form), way=way)


def _barron(number: Number, pick: Pick) -> Energy:
    c, alpha = number(_LOW, _HIGH), number(-3.5, 3.5, logarithmic=False)
    while min(abs(alpha - special) for special in (-2, 0, 1, 2)) < 0.05:
        alpha = number(-3.5, 3.5, logarithmic=False)
    b = abs(alpha - 2)
    ways: list[Callable[..., Any]] = [
        lambda u: b / alpha * (((u / c) ** 2 / b + 1) ** (alpha / 2) - 1),
        lambda u: b / alpha * np.expm1(alpha / 2 * np.log1p((u / c) ** 2 / b)),
    ]
    way, form = _written(ways, pick)
    return Energy("barron", {"power": alpha / 2, "scale": c * sqrt(b)}, _of_residual(form), b / 2, way=way)


def _bounded(name: str, ways: list[Callable[[Any, float], Any]], weights: list[Callable[[float], float]]) -> Draw:
    def draw(number: Number, pick: Pick) -> Energy:
        c, way = number(_LOW, _HIGH), pick(len(ways))
        return Energy(name, {"scale": c}, lambda x, p: ways[way](x - p, c), weights[way](c), way=way)

    return draw


def _one(_: float) -> float:
    return 1.0


_welsch = _bounded(
    "welsch",
    [lambda u, c: 1 - np.exp(-0.5 * (u / c) ** 2), lambda u, c: -(c**2) * np.expm1(-(u**2) / (2 * c**2))],
    [_one, lambda c: c**2],
)
_geman = _bounded(
    "geman_mcclure",
    [lambda u, c: u**2 / (u**2 + c**2), lambda u, c: (u / c) ** 2 / (1 + (u / c) ** 2), lambda u, c: 1 - 1 / (1 + (u / c) ** 2)],
    [_one, _one, _one],
)
_tukey = _bounded(
    "tukey",
    [
        lambda u, c: np.where(np.abs(u) <= c, 1 - (1 - (u / c) ** 2) ** 3, 1).astype(u.dtype),
        lambda u, c: c**2 / 6 * (1 - np.clip(1 - (u / c) ** 2, 0, None) ** 3),
    ],
    [_one, lambda c: c**2 / 6],
)
_cut_square = _bounded(
    "truncated_square",
    [lambda u, c: np.minimum(u**2, c**2), lambda u, c: np.where(np.abs(u) < c, (u / c) ** 2, 1).astype(u.dtype)],
    [lambda c: c**2, _one],
)
_cut_absolute = _bounded(
    "truncated_absolute",
    [lambda u, c: np.minimum(np.abs(u), c), lambda u, c: np.clip(np.abs(u / c), 0, 1)],
    [lambda c: c, _one],
)


def _any(*energies: Energy) -> Draw:
    def draw(_: Number, pick: Pick) -> Energy:
        way = pick(len(energies))
        return replace(energies[way], way=way)

    return draw


def _sigmoid(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


_bernoulli = _any(
    Energy("bernoulli", {}, lambda x, r: np.logaddexp(0, r) - x * r, arguments=("logits",)),
    Energy("bernoulli", {}, lambda x, r: np.maximum(r, 0) - r * x + np.log1p(np.exp(-np.abs(r))), arguments=("logits",)),
    Energy("bernoulli", {}, lambda x, r: x * np.logaddexp(0, -r) + (1 - x) * np.logaddexp(0, r), arguments=("logits",)),
    Energy("bernoulli", {}, lambda x, p: -(x * np.log(p) + (1 - x) * np.log(1 - p)), arguments=("probs",)),
    Energy("bernoulli", {}, lambda x, p: -x * np.log(p) - (1 - x) * np.log1p(-p)),
    Energy(
        "bernoulli", {}, lambda x, p: -(x * np.log(p + 1e-8) + (1 - x) * np.log(1 - p + 1e-8)), arguments=("probs",)
    ),
)
_log_gamma = np.vectorize(lgamma, otypes=[float])


def _factorial(x: Any) -> Any:
    return _log_gamma(x.astype(float) + 1).astype(x.dtype)


def _binomial(number: Number, pick: Pick) -> Energy:
    n = 2 + pick(199)

    def choices(x: Any) -> Any:
        return _factorial(x) + _factorial(np.maximum(n - x, 0)) - lgamma(n + 1)

    ways: list[tuple[Callable[..., Any], str, bool]] = [
        (lambda x, r: n * np.logaddexp(0, r) - x * r, "logits", False),
        (lambda x, r: n * np.logaddexp(0, r) - x * r + choices(x), "logits", True),
        (lambda x, p: -(x * np.log(p) + (n - x) * np.log1p(-p)), "probs", False),
        (lambda x, p: -(x * np.log(p) + (n - x) * np.log(1 - p)) + choices(x), "probs", True),
    ]
    way = pick(len(ways))
    form, argument, raised = ways[way]
    return Energy("binomial", {"total_count": n}, form, arguments=(argument,), raised=raised, way=way)


_poisson = _any(
    Energy("poisson", {}, lambda x, r: r - x * np.log(r)),
    Energy("poisson", {}, lambda x, r: r - x * np.log(r) + _factorial(x)),
    Energy("poisson", {}, lambda x, r: np.exp(r) - x * r),
    Energy("poisson", {}, lambda x, r: np.exp(r) - x * r + _factorial(x)),
    Energy("poisson", {}, lambda x, r: r - x * np.log(r + 1e-8)),
)
_exponential = _any(
    Energy("exponential", {}, lambda x, r: r * x - np.log(r)),
    Energy("exponential", {}, lambda x, r: x / r + np.log(r)),
    Energy("exponential", {}, lambda x, r: np.exp(r) * x - r),
    Energy("exponential", {}, lambda x, r: x * np.exp(-r) + r),
)


def _gamma(number: Number, pick: Pick) -> Energy:
    a = number(0.1, 50)
    while abs(a - 1) < 0.02:
        a = number(0.1, 50)
    ways: list[tuple[Callable[..., Any], float]] = [
        (lambda x, r: r * x - a * np.log(r), 1.0),
        (lambda x, r: r * x - a * np.log(r) - (a - 1) * np.log(x) + lgamma(a), 1.0),
        (lambda x, r: np.exp(r) * x - a * r - (a - 1) * np.log(x) + lgamma(a), 1.0),
        (lambda x, r: a * x / r + a * np.log(r) - (a - 1) * np.log(x), 1.0),
        (lambda x, r: a * x / r - a * np.log(a / r) - (a - 1) * np.log(x) + lgamma(a), 1.0),
    ]
    way = pick(len(ways))
    form, weight = ways[way]
    return Energy("gamma", {"concentration": a}, form, weight, raised=way in (1, 2, 4), way=way)


def _weibull(number: Number, pick: Pick) -> Energy:
    k = number(0.1, 10)
    while abs(k - 1) < 0.02:
        k = number(0.1, 10)
    ways = [
        lambda x, r: (x / r) ** k + k * np.log(r),
        lambda x, r: (x / r) ** k - (k - 1) * np.log(x / r) + np.log(r) - log(k),
        lambda x, r: np.exp(k * (np.log(x) - r)) + k * r,
        lambda x, r: (x * np.exp(-r)) ** k + k * r - (k - 1) * np.log(x) - log(k),
    ]
    way, form = _written(ways, pick)
    return Energy("weibull", {"concentration": k}, form, raised=way in (1, 3), way=way)


def _log_normal(number: Number, pick: Pick) -> Energy:
    s = number(0.05, 20)
    ways: list[Callable[..., Any]] = [
        lambda x, r: 0.5 * ((np.log(x) - r) / s) ** 2 + np.log(x),
        lambda x, r: (np.log(x) - r) ** 2 / (2 * s**2) + np.log(x * s * sqrt(2 * pi)),
        lambda x, r: 0.5 * (np.log(x / r) / s) ** 2 + np.log(x),
    ]
    way, form = _written(ways, pick)
    return Energy("log_normal", {"scale": s}, form, raised=way == 1, way=way)


def _log_constant(r: Any) -> Any:
    """Return log of the normaliser C of the continuous Bernoulli of logits r, as its authors do: a series about 0."""
    near = np.abs(r) < 1e-3
    safe = np.where(near, np.asarray(1, r.dtype), r)
    half = np.abs(safe) / 2
    logs = half + np.log(-np.expm1(-2 * half)) - np.log(2 * half)  # log(sinh h / h)
    return -np.where(near, r * r / 24, logs)


_continuous = _any(
    Energy(
        "continuous_bernoulli",
        {},
        lambda x, r: np.logaddexp(0, r) - x * r - (np.logaddexp(0, r) - r / 2 + _log_constant(r)),
        arguments=("logits",),
    ),
    Energy("continuous_bernoulli", {}, lambda x, r: (0.5 - x) * r - _log_constant(r), arguments=("logits",)),
)
_categorical = _any(Energy("categorical", {}, lambda x, r: -x * r), Energy("categorical", {}, lambda x, r: -(r * x)))


def _learned(name: str, form: Callable[[Any], Any], parameters: Mapping[str, float], *, raised: bool = False) -> Draw:
    def draw(_: Number, pick: Pick) -> Energy:
        if pick(2):
            return Energy(
                name, parameters, lambda x, p, s: form((x - p) / s) + np.log(s), arguments=("x_hat", "x_scale"), raised=raised
            )
        return Energy(
            name, parameters, lambda x, p, s: form((x - p) * np.exp(-s)) + s, arguments=("x_hat", "x_log_scale"), raised=raised
        )

    return draw


def _learned_student(number: Number, pick: Pick) -> Energy:
    df = number(0.6, 40)
    return _learned("student_t", lambda v: (df + 1) / 2 * np.log1p(v * v / df), {"df": df, "scale": 1.0})(number, pick)


FAMILIES: Mapping[str, Draw] = {
    "normal": _normal,
    "laplace": _laplace,
    "asymmetric_laplace": _asymmetric,
    "huber": _huber,
    "charbonnier": _charbonnier,
    "log_cosh": _log_cosh,
    "logistic": _logistic,
    "cauchy": _cauchy,
    "student_t": _student,
    "generalized_normal": _generalized,
    "epsilon_insensitive": _dead_zone,
    "barron": _barron,
    "welsch": _welsch,
    "geman_mcclure": _geman,
    "tukey": _tukey,
    "truncated_square": _cut_square,
    "truncated_absolute": _cut_absolute,
    "bernoulli": _bernoulli,
    "binomial": _binomial,
    "poisson": _poisson,
    "exponential": _exponential,
    "gamma": _gamma,
    "weibull": _weibull,
    "log_normal": _log_normal,
    "continuous_bernoulli": _continuous,
    "categorical": _categorical,
    "learned_normal": _learned("normal", lambda v: 0.5 * v * v, {}),
    "learned_laplace": _learned("laplace", np.abs, {}),
    "learned_logistic": _learned(
        "logistic", lambda v: np.abs(v) + 2 * np.log1p(np.exp(-np.abs(v))), {"scale": 1.0}, raised=True
    ),
    "learned_student_t": _learned_student,
}
