"""What the data alone add to an energy in a family's own log density, NaN off its support."""

from __future__ import annotations

from collections.abc import Mapping
from math import lgamma

import numpy as np

from elbocheck.adapters import Array

Parameters = Mapping[str, float]


def log_of(r: Array) -> Array:
    """Return log r, NaN or minus infinity where there is none, in silence."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(r))


def nothing(x: Array, _: Parameters) -> Array:
    """Return 0: the data alone decide nothing."""
    return np.zeros_like(x)


_log_gamma = np.vectorize(lgamma, otypes=[float])


def _counted(x: Array) -> Array:
    return np.where((x >= 0) & (x % 1 == 0), x, np.nan)


def log_factorial(x: Array, _: Parameters) -> Array:
    """Return log x! of counts."""
    return np.asarray(_log_gamma(_counted(x) + 1))


def log_choices(x: Array, found: Parameters) -> Array:
    """Return minus the log of the binomial coefficient."""
    n = found["total_count"]
    k = np.where(x <= n, _counted(x), np.nan)
    return np.asarray(_log_gamma(k + 1) + _log_gamma(n - k + 1) - _log_gamma(n + 1))


def log_datum(x: Array, _: Parameters) -> Array:
    """Return log x of positive data."""
    return log_of(np.where(x > 0, x, np.nan))


def gamma_datum(x: Array, found: Parameters) -> Array:
    """Return (1 - a) log x + log Gamma(a)."""
    return np.asarray((1 - found["concentration"]) * log_datum(x, found) + _log_gamma(found["concentration"]))


def gamma_mean_datum(x: Array, found: Parameters) -> Array:
    """Return the same where the mean is predicted: - a log a too."""
    return np.asarray(gamma_datum(x, found) - found["concentration"] * np.log(found["concentration"]))


def weibull_datum(x: Array, found: Parameters) -> Array:
    """Return (1 - k) log x - log k."""
    return np.asarray((1 - found["concentration"]) * log_datum(x, found) - np.log(found["concentration"]))
