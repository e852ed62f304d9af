"""Energies of counts and proportions, and of families of two learned parameters, as people write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lgamma, log
from typing import Any

import numpy as np

from tests.quality.energy import Draw, Energy, Number, Pick

_log_gamma = np.vectorize(lgamma, otypes=[float])


def log_gamma(x: Any) -> Any:
    """Return log Gamma in the dtype of its argument, as a framework does."""
    wide = np.asarray(x, float)
    return np.where(wide > 0, _log_gamma(np.where(wide > 0, wide, 1.0)), np.nan).astype(x.dtype)


def softplus(v: Any) -> Any:
    """Return log(1 + e^v) in the dtype of its argument."""
    return np.logaddexp(0, v).astype(v.dtype)


def _one_of(
    family: str, parameters: Mapping[str, float], ways: list[tuple[Callable[..., Any], str, bool]], pick: Pick
) -> Energy:
    way = pick(len(ways))
    form, arguments, raised = ways[way]
    return Energy(family, parameters, form, arguments=tuple(arguments.split()), raised=raised, way=way)


def _ascending(x: Any, r: float) -> Any:
    return log_gamma(x + r) - log_gamma(x + 1) - lgamma(r)


def _negative_binomial(number: Number, pick: Pick) -> Energy:
    r = number(0.03, 300)
    ways: list[tuple[Callable[..., Any], str, bool]] = [
        (lambda x, v: r * softplus(v) + x * softplus(-v), "logits", False),
        (lambda x, v: (r + x) * softplus(v) - x * v - _ascending(x, r), "logits", True),
        (lambda x, p: -r * np.log1p(-p) - x * np.log(p), "probs", False),
        (lambda x, p: -r * np.log(1 - p) - x * np.log(p) - _ascending(x, r), "probs", True),
        (lambda x, p: -r * np.log(p) - x * np.log1p(-p), "probs", False),
        (lambda x, m: r * np.log1p(m / r) + x * np.log1p(r / m), "x_hat", False),
        (lambda x, m: (x + r) * np.log(m + r) - x * np.log(m) - r * log(r) - _ascending(x, r), "x_hat", True),
        (lambda x, m: (x + r) * np.log1p(m / r) - x * np.log(m / r), "x_hat", False),
        (lambda x, v: (x + r) * softplus(v - log(r)) - x * v, "x_hat", False),
    ]
    return _one_of("negative_binomial", {"total_count": r}, ways, pick)


def _beta(number: Number, pick: Pick) -> Energy:
    c = number(0.3, 300)

    def slopes(x: Any, m: Any) -> Any:
        return (1 - m * c) * np.log(x) + (1 - (1 - m) * c) * np.log1p(-x)

    ways: list[tuple[Callable[..., Any], str, bool]] = [
        (lambda x, m: slopes(x, m) + log_gamma(m * c) + log_gamma((1 - m) * c), "probs", False),
        (lambda x, m: slopes(x, m) + log_gamma(m * c) + log_gamma((1 - m) * c) - lgamma(c), "probs", True),
        (lambda x, m: slopes(x, m) + log_gamma(m * c) + log_gamma((1 - m) * c) - lgamma(c), "x_hat", True),
    ]
    return _one_of("beta", {"precision": c}, ways, pick)


def _two_of_beta(_: Number, pick: Pick) -> Energy:
    ways: list[tuple[Callable[..., Any], str, bool]] = [
        (
            lambda x, a, b: (
                (1 - a) * np.log(x) + (1 - b) * np.log1p(-x) + log_gamma(a) + log_gamma(b) - log_gamma(a + b)
            ),
            "concentration1 concentration0",
            False,
        ),
    ]
    return _one_of("beta", {}, ways, pick)


def _two_of_gamma(_: Number, pick: Pick) -> Energy:
    ways: list[tuple[Callable[..., Any], str, bool]] = [
        (lambda x, a, b: b * x - a * np.log(b) - (a - 1) * np.log(x) + log_gamma(a), "concentration rate", False),
        (lambda x, a, s: x / s + a * np.log(s) - (a - 1) * np.log(x) + log_gamma(a), "concentration scale", False),
        (lambda x, m, a: a * (x / m - np.log(a / m) - np.log(x)) + log_gamma(a), "x_hat concentration", False),
        (lambda x, v, a: a * (x * np.exp(-v) - np.log(a) + v - np.log(x)) + log_gamma(a), "x_hat concentration", False),
    ]
    return _one_of("gamma", {}, ways, pick)


def _two_of_weibull(_: Number, pick: Pick) -> Energy:
    ways: list[tuple[Callable[..., Any], str, bool]] = [
        (lambda x, s, k: (x / s) ** k - k * np.log(x / s) - np.log(k), "scale concentration", False),
        (lambda x, s, k: (x / s) ** k - (k - 1) * np.log(x / s) - np.log(k / s), "x_hat concentration", False),
        (lambda x, v, k: np.exp(k * (np.log(x) - v)) - k * (np.log(x) - v) - np.log(k), "x_hat concentration", False),
    ]
    return _one_of("weibull", {}, ways, pick)


def _two_of_log_normal(_: Number, pick: Pick) -> Energy:
    ways: list[tuple[Callable[..., Any], str, bool]] = [
        (lambda x, m, s: 0.5 * ((np.log(x) - m) / s) ** 2 + np.log(s) + np.log(x), "loc scale", False),
        (lambda x, m, v: 0.5 * ((np.log(x) - m) ** 2 * np.exp(-v) + v), "x_hat x_log_var", False),
    ]
    return _one_of("log_normal", {}, ways, pick)


def _two_of_counts(_: Number, pick: Pick) -> Energy:
    ways: list[tuple[Callable[..., Any], str, bool]] = [
        (
            lambda x, r, v: r * softplus(v) + x * softplus(-v) - log_gamma(x + r) + log_gamma(r),
            "total_count logits",
            False,
        ),
        (
            lambda x, r, p: -r * np.log1p(-p) - x * np.log(p) - log_gamma(x + r) + log_gamma(r) + log_gamma(x + 1),
            "total_count probs",
            False,
        ),
        (
            lambda x, mu, theta: (
                -theta * (np.log(theta + 1e-8) - np.log(theta + mu + 1e-8))
                - x * (np.log(mu + 1e-8) - np.log(theta + mu + 1e-8))
                - log_gamma(x + theta)
                + log_gamma(theta)
                + log_gamma(x + 1)
            ),
            "mu theta",
            False,
        ),
        (
            lambda x, m, a: (x + 1 / a) * np.log1p(a * m) - x * np.log(a * m) - log_gamma(x + 1 / a) + log_gamma(1 / a),
            "x_hat dispersion",
            False,
        ),
    ]
    return _one_of("negative_binomial", {}, ways, pick)


def _two_of_students(_: Number, pick: Pick) -> Energy:
    def log_mass(v: Any) -> Any:
        return log_gamma(v / 2) - log_gamma(v / 2 + np.asarray(0.5, v.dtype)) + 0.5 * np.log(v)

    ways: list[tuple[Callable[..., Any], str, bool]] = [
        (lambda x, v, m: (v + 1) / 2 * np.log1p((x - m) ** 2 / v) + log_mass(v), "df loc", False),
        (
            lambda x, v, m, s: (v + 1) / 2 * np.log1p(((x - m) / s) ** 2 / v) + log_mass(v) + np.log(s),
            "df loc scale",
            False,
        ),
    ]
    return _one_of("student_t", {}, ways, pick)


LEARNED: Mapping[str, Draw] = {
    "negative_binomial": _negative_binomial,
    "beta": _beta,
    "beta of two": _two_of_beta,
    "gamma of two": _two_of_gamma,
    "weibull of two": _two_of_weibull,
    "log_normal of two": _two_of_log_normal,
    "negative_binomial of two": _two_of_counts,
    "student_t of two": _two_of_students,
}
