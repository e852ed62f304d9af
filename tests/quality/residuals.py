"""Energies of a residual as people write them, in NumPy and in the dtype of their arguments, with random parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lgamma, log, pi, sqrt
from typing import Any

import numpy as np

from tests.quality.energy import Draw, Energy, Number, Pick, written

_LOW, _HIGH = 1e-2, 1e2


def _of_residual(form: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda x, p: form(x - p)


def _normal(number: Number, pick: Pick) -> Energy:
    way, form = written(
        [lambda u: 0.5 * u**2, lambda u: u**2 / 2, np.square, lambda u: u * u, lambda u: np.abs(u) ** 2], pick
    )
    return Energy("normal", {}, _of_residual(form), 1.0 if way < 2 else 2.0, way=way)


def _laplace(number: Number, pick: Pick) -> Energy:
    way, form = written([np.abs, lambda u: np.sqrt(u * u), lambda u: np.where(u > 0, u, -u)], pick)
    return Energy("laplace", {}, _of_residual(form), way=way)


def _asymmetric(number: Number, pick: Pick) -> Energy:
    q = number(0.01, 0.99, logarithmic=False)
    ways = [
        lambda u: np.maximum(q * u, (q - 1) * u),
        lambda u: np.where(u > 0, q * u, (q - 1) * u),
        lambda u: u * (q - (u < 0)).astype(u.dtype),
        lambda u: q * np.maximum(u, 0) + (1 - q) * np.maximum(-u, 0),
    ]
    way, form = written(ways, pick)
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
    way, form = written(ways, pick)
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
    return Energy("student_t", {"df": df, "scale": s}, _of_residual(form), scalable=False, raised=raised, way=way)


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
    way, form = written(ways, pick)
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
    way, form = written(ways, pick)
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
    [
        lambda u, c: u**2 / (u**2 + c**2),
        lambda u, c: (u / c) ** 2 / (1 + (u / c) ** 2),
        lambda u, c: 1 - 1 / (1 + (u / c) ** 2),
    ],
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


def _learned(name: str, form: Callable[[Any], Any], parameters: Mapping[str, float], *, raised: bool = False) -> Draw:
    def draw(_: Number, pick: Pick) -> Energy:
        if pick(2):
            return Energy(
                name,
                parameters,
                lambda x, p, s: form((x - p) / s) + np.log(s),
                arguments=("x_hat", "x_scale"),
                raised=raised,
            )
        return Energy(
            name,
            parameters,
            lambda x, p, s: form((x - p) * np.exp(-s)) + s,
            arguments=("x_hat", "x_log_scale"),
            raised=raised,
        )

    return draw


def _learned_student(number: Number, pick: Pick) -> Energy:
    df = number(0.6, 40)
    return _learned("student_t", lambda v: (df + 1) / 2 * np.log1p(v * v / df), {"df": df, "scale": 1.0})(number, pick)


RESIDUALS: Mapping[str, Draw] = {
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
    "learned_normal": _learned("normal", lambda v: 0.5 * v * v, {}),
    "learned_laplace": _learned("laplace", np.abs, {}),
    "learned_logistic": _learned(
        "logistic", lambda v: np.abs(v) + 2 * np.log1p(np.exp(-np.abs(v))), {"scale": 1.0}, raised=True
    ),
    "learned_student_t": _learned_student,
}
