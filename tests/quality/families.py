"""Energies of every family as people write them: those of residuals, and classes, counts and durations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import lgamma, log, pi, sqrt
from typing import Any

import numpy as np

from tests.quality.energy import Draw, Energy, Number, Pick, written
from tests.quality.learned import LEARNED
from tests.quality.residuals import RESIDUALS


def _any(*energies: Energy) -> Draw:
    def draw(_: Number, pick: Pick) -> Energy:
        way = pick(len(energies))
        return replace(energies[way], way=way)

    return draw


def _sigmoid(v: Any) -> Any:
    return 1 / (1 + np.exp(-v))


_bernoulli = _any(
    Energy("bernoulli", {}, lambda x, r: np.logaddexp(0, r) - x * r, arguments=("logits",)),
    Energy(
        "bernoulli", {}, lambda x, r: np.maximum(r, 0) - r * x + np.log1p(np.exp(-np.abs(r))), arguments=("logits",)
    ),
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
    way, form = written(ways, pick)
    return Energy("weibull", {"concentration": k}, form, raised=way in (1, 3), way=way)


def _log_normal(number: Number, pick: Pick) -> Energy:
    s = number(0.05, 20)
    ways: list[Callable[..., Any]] = [
        lambda x, r: 0.5 * ((np.log(x) - r) / s) ** 2 + np.log(x),
        lambda x, r: (np.log(x) - r) ** 2 / (2 * s**2) + np.log(x * s * sqrt(2 * pi)),
        lambda x, r: 0.5 * (np.log(x / r) / s) ** 2 + np.log(x),
    ]
    way, form = written(ways, pick)
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


def _chi(family: str, n: int) -> Draw:
    def of_data(x: Any) -> Any:
        return (1 - n) * np.log(x) if n > 1 else np.zeros_like(x)

    return _any(
        Energy(family, {}, lambda x, r: x**2 / (2 * r**2) + n * np.log(r) + of_data(x)),
        Energy(family, {}, lambda x, r: 0.5 * (x / r) ** 2 + n * np.log(r) + of_data(x)),
        Energy(family, {}, lambda x, r: 0.5 * (x * np.exp(-r)) ** 2 + n * r + of_data(x)),
        Energy(family, {}, lambda x, r: 0.5 * x**2 * np.exp(-2 * r) + n * r + of_data(x)),
    )


FAMILIES: Mapping[str, Draw] = {
    **RESIDUALS,
    "bernoulli": _bernoulli,
    "binomial": _binomial,
    "poisson": _poisson,
    "exponential": _exponential,
    "gamma": _gamma,
    "weibull": _weibull,
    "log_normal": _log_normal,
    "half_normal": _chi("half_normal", 1),
    "rayleigh": _chi("rayleigh", 2),
    "maxwell": _chi("maxwell", 3),
    "continuous_bernoulli": _continuous,
    "categorical": _categorical,
    **LEARNED,
}
