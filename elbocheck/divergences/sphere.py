"""KL(von Mises-Fisher || uniform) on the unit sphere of R^m, in nats: kappa A(kappa) - log 0F1(; m/2; kappa**2/4).

A = I_(m/2) / I_(m/2-1) is the mean resultant length. The direction does not enter; the area of the sphere and the powers of
kappa cancel. Source: Davidson et al., Hyperspherical Variational Auto-Encoders (2018), arXiv:1804.00891, eq. (15).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elbocheck.kernels.bessel import bessel_ratio, log_bessel_growth
from elbocheck.kernels.gamma import log_gamma
from elbocheck.kernels.lift import Wide, lift

__all__ = ["area", "growth", "kl", "resultant"]

_growth, _ratio, _log_gamma = lift(log_bessel_growth), lift(bessel_ratio), lift(log_gamma)


def resultant(dimension: Any, kappa: Any) -> Wide:
    """Return A(kappa), the length of the mean of a draw, in [0, 1)."""
    return np.asarray(_ratio.wide(0.5 * dimension - 1, kappa))


def growth(dimension: Any, kappa: Any) -> Wide:
    """Return log 0F1(; m/2; kappa**2/4), the log normaliser relative to the uniform density's, in nats."""
    return np.asarray(_growth.wide(0.5 * dimension - 1, kappa))


def kl(dimension: Any, kappa: Any) -> Wide:
    """Return the divergence of each datum in nats.

    Args:
        dimension: m, of the space around the sphere; 2 is the circle.
        kappa: the concentration, 0 or more.

    Example:
        >>> float(kl(3, 0.0))
        0.0
    """
    return np.asarray(kappa * resultant(dimension, kappa) - growth(dimension, kappa))


def area(dimension: Any) -> Wide:
    """Return the log of the area of the unit sphere of R^m, log(2 pi**(m/2) / Gamma(m/2))."""
    half = 0.5 * np.asarray(dimension, dtype=np.float64)
    return np.asarray(np.log(2.0) + half * np.log(np.pi) - _log_gamma.wide(half))
