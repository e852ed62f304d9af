"""Likelihoods of positive data beyond the catalogue: named where they have a name, else told by their mass; never another's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import gamma, log, pi
from typing import Any

import numpy as np
import pytest

from elbocheck import identify, verify
from elbocheck.budget import EVERYDAY_NATS
from elbocheck.mass import Status
from tests.quality.learned import log_gamma


def _chi(x: Any, s: Any, n: int) -> Any:
    return x**2 / (2 * s**2) + n * np.log(s) + (1 - n) * (np.log(x) if n > 1 else 0.0)


def _log_mass(n: int) -> float:
    return log(gamma(n / 2) * 2 ** (n / 2 - 1))


NAMED: Mapping[str, tuple[Callable[..., Any], str, float]] = {
    "half normal": (lambda x, scale: np.sum(_chi(x, scale, 1)), "HalfNormal(scale=scale)", _log_mass(1)),
    "half normal, whole": (
        lambda x, scale: np.sum(_chi(x, scale, 1) + 0.5 * log(pi / 2)),
        "HalfNormal(scale=scale)",
        0.0,
    ),
    "half normal of a log": (
        lambda x, x_hat: np.sum(np.where(x < 0, np.inf, 0.5 * (x * np.exp(-x_hat)) ** 2 + x_hat)),
        "HalfNormal(log_scale=x_hat)",
        _log_mass(1),
    ),
    "rayleigh": (lambda x, x_hat: np.sum(_chi(x, x_hat, 2)), "Rayleigh(scale=x_hat)", 0.0),
    "maxwell": (lambda x, scale: np.sum(_chi(x, scale, 3)), "Maxwell(scale=scale)", _log_mass(3)),
    "weibull of 2": (
        lambda x, scale: np.sum((x / scale) ** 2 - np.log(2 * x / scale**2)),
        "Weibull(scale=scale, concentration=2)",
        0.0,
    ),
    "exchanged beta": (
        lambda x, concentration1, concentration0: np.sum(
            (1 - concentration0) * np.log(x)
            + (1 - concentration1) * np.log1p(-x)
            + log_gamma(concentration1)
            + log_gamma(concentration0)
            - log_gamma(concentration1 + concentration0)
        ),
        "Beta(concentration0=concentration1, concentration1=concentration0)",
        0.0,
    ),
}
"""The loss, what it is to be called, and its constant short of the log density."""


@pytest.mark.parametrize("name", NAMED)
def test_a_density_is_called_what_its_data_make_it(name: str) -> None:
    """The term of the data alone tells the members of one power apart; no finding; the constant that is dropped."""
    loss, likelihood, dropped = NAMED[name]
    found = verify(loss)
    assert found.model is not None
    assert (found.model.likelihood, found.codes) == (likelihood, ())
    assert found.model.dropped is not None
    assert abs(found.model.dropped / found.model.sizes["D"] - dropped) < EVERYDAY_NATS


UNNAMED: Mapping[str, Callable[..., Any]] = {
    "pareto": lambda x, x_hat: np.sum(np.where(x >= 1, (x_hat + 1) * np.log(np.maximum(x, 1)) - np.log(x_hat), np.inf)),
    "half cauchy": lambda x, x_hat: np.sum(np.where(x < 0, np.inf, np.log1p((x / x_hat) ** 2) + np.log(x_hat))),
    "inverse gamma": lambda x, x_hat: np.sum(x_hat / x - 3 * np.log(x_hat) + 4 * np.log(x)),
    "nakagami": lambda x, x_hat: np.sum(2 * x**2 / x_hat - 3 * np.log(x) + 2 * np.log(x_hat)),
}


@pytest.mark.parametrize("name", UNNAMED)
def test_a_density_without_a_name_here_is_told_by_its_mass(name: str) -> None:
    """One mass at every prediction; that it ends where data end is no fault."""
    found = identify(UNNAMED[name])
    assert found.model.family is None
    assert found.normalizer is not None
    assert (found.normalizer.status, found.normalizer.spread) == (Status.OK, 0.0)
    assert "ELB006" not in verify(UNNAMED[name]).codes


def test_a_loss_that_is_no_density_of_data_at_0_is_still_reported() -> None:
    """Its mass moves with the prediction: it does not end at 0, it breaks there."""
    assert "ELB006" in verify(lambda x, x_hat: np.sum(np.log(x) * 0.1 + (x - x_hat) ** 4)).codes


def test_a_loss_of_data_and_a_shape_alone_is_taken_apart() -> None:
    """A chi-squared has no prediction: there is nothing to build, and nothing fails."""
    found = identify(lambda x, df: np.sum((1 - df / 2) * np.log(x) + x / 2 + log_gamma(df / 2)))
    assert found.code is None
