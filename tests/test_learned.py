"""Likelihoods of two learned parameters: read with their roles, and a normaliser that lacks a piece is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lgamma, log, pi
from typing import Any

import numpy as np
import pytest

from elbocheck import verify
from tests.quality.learned import log_gamma, softplus


def _log_beta(a: Any, b: Any) -> Any:
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)


def _slopes(x: Any, a: Any, b: Any) -> Any:
    return (1 - a) * np.log(x) + (1 - b) * np.log1p(-x)


def _student(x: Any, loc: Any, scale: Any, df: Any) -> Any:
    return (df + 1) / 2 * np.log1p(((x - loc) / scale) ** 2 / df)


def _log_student(df: Any) -> Any:
    return log_gamma(df / 2) - log_gamma(df / 2 + 0.5) + 0.5 * np.log(np.pi * df)


def _counts(x: Any, r: Any, v: Any) -> Any:
    return r * softplus(v) + x * softplus(-v)


def _choices(x: Any, r: Any) -> Any:
    return log_gamma(x + 1) + log_gamma(r) - log_gamma(x + r)


RIGHT: Mapping[str, tuple[Callable[..., Any], str]] = {
    "beta": (
        lambda x, concentration1, concentration0: np.sum(
            _slopes(x, concentration1, concentration0) + _log_beta(concentration1, concentration0)
        ),
        "Beta(concentration1=concentration1, concentration0=concentration0)",
    ),
    "beta of a mean": (
        lambda x, probs: np.sum(
            _slopes(x, 7 * probs, 7 * (1 - probs)) + log_gamma(7 * probs) + log_gamma(7 - 7 * probs) - lgamma(7)
        ),
        "Beta(mean=probs, precision=7)",
    ),
    "gamma": (
        lambda x, concentration, rate: np.sum(
            rate * x - concentration * np.log(rate) - (concentration - 1) * np.log(x) + log_gamma(concentration)
        ),
        "Gamma(rate=rate, concentration=concentration)",
    ),
    "weibull": (
        lambda x, scale, concentration: np.sum(
            (x / scale) ** concentration - (concentration - 1) * np.log(x / scale) - np.log(concentration / scale)
        ),
        "Weibull(scale=scale, concentration=concentration)",
    ),
    "student": (
        lambda x, df, loc, scale: np.sum(_student(x, loc, scale, df) + _log_student(df) + np.log(scale)),
        "StudentT(loc=loc, scale=scale, df=df)",
    ),
    "log-normal": (
        lambda x, loc, scale: np.sum(0.5 * ((np.log(x) - loc) / scale) ** 2 + np.log(x * scale) + 0.5 * log(2 * pi)),
        "LogNormal(loc=loc, scale=scale)",
    ),
    "negative binomial": (
        lambda x, total_count, logits: np.sum(_counts(x, total_count, logits) + _choices(x, total_count)),
        "NegativeBinomial(logits=logits, total_count=total_count)",
    ),
    "negative binomial of failures": (
        lambda x, total_count, logits: np.sum(_counts(x, total_count, -logits) + _choices(x, total_count)),
        "NegativeBinomial(failure_logits=logits, total_count=total_count)",
    ),
    "negative binomial of a probability": (
        lambda x, total_count, probs: np.sum(
            _choices(x, total_count) - total_count * np.log1p(-probs) - x * np.log(probs)
        ),
        "NegativeBinomial(probs=probs, total_count=total_count)",
    ),
    "negative binomial of a probability of failures": (
        lambda x, total_count, probs: np.sum(
            _choices(x, total_count) - total_count * np.log(probs) - x * np.log1p(-probs)
        ),
        "NegativeBinomial(failure_probs=probs, total_count=total_count)",
    ),
    "negative binomial of a mean": (
        lambda x, mu, theta: np.sum(_counts(x, theta, np.log(mu / theta)) + _choices(x, theta)),
        "NegativeBinomial(mean=mu, total_count=theta)",
    ),
    "negative binomial of a dispersion": (
        lambda x, mu, dispersion: np.sum(
            _counts(x, 1 / dispersion, np.log(mu * dispersion)) + _choices(x, 1 / dispersion)
        ),
        "NegativeBinomial(mean=mu, dispersion=dispersion)",
    ),
    "binomial": (
        lambda x, total_count, logits: np.sum(
            total_count * softplus(logits)
            - x * logits
            + log_gamma(x + 1)
            + log_gamma(total_count - x + 1)
            - log_gamma(total_count + 1)
        ),
        "Binomial(logits=logits, total_count=total_count)",
    ),
    "log-normal of a fixed scale": (
        lambda x, loc: np.sum(2 * (np.log(x) - loc) ** 2 + np.log(x * 0.5) + 0.5 * log(2 * pi)),
        "LogNormal(loc=loc, scale=0.5)",
    ),
}
"""Whole log densities, and what they are to be called."""


@pytest.mark.parametrize("name", RIGHT)
def test_a_whole_density_is_read_and_nothing_is_said_against_it(name: str) -> None:
    """Family, roles of both parameters, no dropped constant, no finding."""
    loss, likelihood = RIGHT[name]
    found = verify(loss)
    assert found.model is not None
    assert (found.bound.value, found.model.likelihood, found.model.dropped) == ("likelihood-only", likelihood, 0.0)
    assert found.codes == ()


WRONG: Mapping[str, tuple[Callable[..., Any], str, tuple[str, ...]]] = {
    "a beta's normaliser": (
        lambda x, concentration1, concentration0: np.sum(_slopes(x, concentration1, concentration0)),
        "beta",
        ("ELB407",),
    ),
    "a piece of a beta's": (
        lambda x, concentration1, concentration0: np.sum(
            _slopes(x, concentration1, concentration0) + log_gamma(concentration1) + log_gamma(concentration0)
        ),
        "beta",
        ("ELB407",),
    ),
    "the normaliser of a beta of a mean": (
        lambda x, x_hat: np.sum(_slopes(x, 7 * x_hat, 7 * (1 - x_hat))),
        "beta",
        ("ELB407",),
    ),
    "log Gamma of a gamma": (
        lambda x, concentration, rate: np.sum(
            rate * x - concentration * np.log(rate) - (concentration - 1) * np.log(x)
        ),
        "gamma",
        ("ELB407",),
    ),
    "log rate of a gamma": (
        lambda x, concentration, rate: np.sum(rate * x - (concentration - 1) * np.log(x) + log_gamma(concentration)),
        "gamma",
        ("ELB407",),
    ),
    "log k of a Weibull": (
        lambda x, scale, concentration: np.sum((x / scale) ** concentration - concentration * np.log(x / scale)),
        "weibull",
        ("ELB407",),
    ),
    "all gamma functions of a Student": (
        lambda x, df, loc, scale: np.sum(_student(x, loc, scale, df) + np.log(scale)),
        "student_t",
        ("ELB407",),
    ),
    "the scale of a Student": (
        lambda x, df, loc, scale: np.sum(_student(x, loc, scale, df) + _log_student(df)),
        "student_t",
        ("ELB407",),
    ),
    "the scale of a log-normal": (
        lambda x, loc, scale: np.sum(0.5 * ((np.log(x) - loc) / scale) ** 2 + np.log(x)),
        "log_normal",
        ("ELB406",),
    ),
    "the half of a log-normal": (
        lambda x, loc, scale: np.sum(((np.log(x) - loc) / scale) ** 2 + np.log(x) + np.log(scale)),
        "log_normal",
        ("ELB407",),
    ),
    "all gamma functions of counts": (
        lambda x, mu, theta: np.sum(_counts(x, theta, np.log(mu / theta))),
        "negative_binomial",
        ("ELB407", "ELB410"),
    ),
    "r log r of counts": (
        lambda x, mu, theta: np.sum((x + theta) * np.log(mu + theta) - x * np.log(mu) + _choices(x, theta)),
        "negative_binomial",
        ("ELB407",),
    ),
    "log x! of counts": (
        lambda x, total_count, logits: np.sum(
            _counts(x, total_count, logits) + log_gamma(total_count) - log_gamma(x + total_count)
        ),
        "negative_binomial",
        ("ELB410",),
    ),
    "what the data add to counts of a fixed r": (
        lambda x, logits: np.sum(_counts(x, 7.3, logits)),
        "negative_binomial",
        ("ELB410",),
    ),
}
"""What is missing: the loss, its family, and the findings."""


@pytest.mark.parametrize("name", WRONG)
def test_what_a_density_lacks_is_named(name: str) -> None:
    """The family is still read, and the finding says what is missing; a normaliser makes it no density."""
    loss, family, codes = WRONG[name]
    found = verify(loss)
    assert found.model is not None
    assert (found.model.family, found.codes) == (family, codes)
    assert (found.bound.value == "not-a-density") == ({"ELB406", "ELB407"} & set(codes) != set())


def test_another_density_of_the_same_names_is_none_that_is_known() -> None:
    """An inverse gamma takes concentration and rate too, and at x = 1 it is a gamma."""

    def loss(x: Any, concentration: Any, rate: Any) -> Any:
        log = np.log(x)
        return np.sum(rate / x - concentration * np.log(rate) + (concentration + 1) * log + log_gamma(concentration))

    found = verify(loss)
    assert found.model is not None
    assert found.model.family is None
    assert found.bound.value == "unidentified"
