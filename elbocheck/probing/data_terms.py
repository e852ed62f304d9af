"""What the data alone add to an energy in a family's own log density, NaN off its support."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import lgamma, log

import numpy as np

from elbocheck.adapters import Array

Parameters = Mapping[str, float]


def log_of(r: Array) -> Array:
    """Return log r, NaN or minus infinity where there is none, in silence."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(r))


def log_both(x: Array, _: Parameters) -> Array:
    """Return log x + log(1 - x) inside the unit interval."""
    inside = np.where((x > 0) & (x < 1), x, np.nan)
    return np.asarray(np.log(inside) + np.log1p(-inside))


def nothing(x: Array, _: Parameters) -> Array:
    """Return 0: the data alone decide nothing."""
    return np.zeros_like(x)


_log_gamma = np.vectorize(lgamma, otypes=[float])


def log_gamma(x: Array | float) -> Array:
    """Return log Gamma of positive numbers, NaN elsewhere."""
    given = np.asarray(x, np.float64)
    return np.where(given > 0, _log_gamma(np.where(given > 0, given, 1.0)), np.nan)


def _counted(x: Array) -> Array:
    return np.where((x >= 0) & (x % 1 == 0), x, np.nan)


def log_factorial(x: Array, _: Parameters) -> Array:
    """Return log x! of counts."""
    return log_gamma(_counted(x) + 1)


def log_choices(x: Array, found: Parameters) -> Array:
    """Return minus the log of the binomial coefficient."""
    n = found["total_count"]
    k = np.where(x <= n, _counted(x), np.nan)
    return np.asarray(log_gamma(k + 1) + log_gamma(n - k + 1) - log_gamma(n + 1))


def log_ascending(x: Array, found: Parameters) -> Array:
    """Return log x! less the log of the r (r + 1) ... (r + x - 1) of a negative binomial."""
    r = found["total_count"]
    k = _counted(x)
    return np.asarray(log_gamma(k + 1) + log_gamma(r) - log_gamma(k + r))


def log_datum(x: Array, _: Parameters) -> Array:
    """Return log x of positive data."""
    return log_of(np.where(x > 0, x, np.nan))


def gamma_datum(x: Array, found: Parameters) -> Array:
    """Return (1 - a) log x + log Gamma(a)."""
    return np.asarray((1 - found["concentration"]) * log_datum(x, found) + log_gamma(found["concentration"]))


def gamma_mean_datum(x: Array, found: Parameters) -> Array:
    """Return the same where the mean is predicted: - a log a too."""
    return np.asarray(gamma_datum(x, found) - found["concentration"] * np.log(found["concentration"]))


def chi_datum(n: int) -> Callable[[Array, Parameters], Array]:
    """Return (1 - n) log x + log Gamma(n/2) + (n/2 - 1) log 2, of the length of n standard normal deviates."""

    def datum(x: Array, found: Parameters) -> Array:
        logs = log_datum(x, found) if n > 1 else np.zeros_like(x)
        return np.asarray((1 - n) * logs + lgamma(n / 2) + (n / 2 - 1) * log(2))

    return datum


def weibull_datum(x: Array, found: Parameters) -> Array:
    """Return (1 - k) log x - log k."""
    return np.asarray((1 - found["concentration"]) * log_datum(x, found) - np.log(found["concentration"]))
