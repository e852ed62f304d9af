"""The normaliser of the Charbonnier density, Z = 2 delta e**k K_1(k), k = delta**2: its logarithm and derivative.

K_1(k) e**k is the integral of e**(-k y**2/2) (1 + y**2/2) / sqrt(1 + y**2/4) over y > 0. In x = delta y the trapezoidal
rule with step 1/5 errs by e**(-20 pi delta), which is below rounding from delta = 1/sqrt(2) on, and its weights
e**(-x**2/2) are constants. Below, the power series. In neither do terms of opposite sign meet.
"""

import math

__all__ = ["SMALL", "log_bessel_excess", "log_bessel_slope"]

EULER_GAMMA = 0.5772156649015329
SMALL = 0.7071067811865476
STEP = 0.2
NODES = tuple((STEP * j) ** 2 for j in range(45, 0, -1))  # of x**2, outermost first; beyond 9 nothing is left
WEIGHTS = tuple(2 * STEP / math.sqrt(2 * math.pi) * math.exp(-0.5 * square) for square in NODES)


def log_bessel_excess(delta: float) -> float:
    """Log Z less its limit: log(2/delta) below delta = SMALL, log sqrt(2 pi) from there on. Positive."""
    k = delta * delta
    return math.log1p(_excess(k)) if delta >= SMALL else k + math.log1p(_series(k)[1])


def log_bessel_slope(delta: float) -> float:
    """Derivative of log Z by log delta, 2 k (1 - K_0/K_1) - 1 in (-1, 0). By parts it is -1 times the integral of
    e**(-k y**2/2) y**2 (3/4 + y**2/8) / (1 + y**2/4)**(3/2) over that of K_1; for small k, -(1 - 2 k) - 2 k K_0/K_1."""
    k = delta * delta
    if delta >= SMALL:
        return -_drop(k) / (1.0 + _excess(k))
    k0, k1 = _series(k)
    return -((1.0 - 2.0 * k) + 2.0 * k * k0 / (1.0 + k1))


def _excess(k: float) -> float:
    """Z / sqrt(2 pi) - 1, the mean of (1 + s/2) / r - 1 > 0, s = y**2, r = sqrt(1 + s/4), under a normal x."""
    total = 0.0
    for square, weight in zip(NODES, WEIGHTS):  # noqa: B905  # Numba's zip takes no keyword
        s = square / k
        r = math.sqrt(1.0 + 0.25 * s)
        total += weight * (s * (0.75 + 0.25 * s) / (r * (1.0 + 0.5 * s + r)))
    return total


def _drop(k: float) -> float:
    """The mean of s (3/4 + s/8) / r**3."""
    total = 0.0
    for square, weight in zip(NODES, WEIGHTS):  # noqa: B905  # Numba's zip takes no keyword
        s = square / k
        r = 1.0 + 0.25 * s
        total += weight * (s * (0.75 + 0.125 * s) / (r * math.sqrt(r)))
    return total


def _series(k: float) -> tuple[float, float]:
    """K K_0(k) and k K_1(k) - 1 for k <= 1/2 by their power series, in which log(k/2) + gamma < 0."""
    k = max(k, 1e-300)
    q = 0.25 * k * k
    log_k = math.log(0.5 * k) + EULER_GAMMA
    term, harmonic, k0, k1 = 1.0, 0.0, 0.0, 0.0
    n = 1.0
    while n < 10.0:
        inverse = 1.0 / n
        n += 1.0
        k0 += term * (harmonic - log_k)
        k1 += term * inverse * (log_k - harmonic - 0.5 * inverse)
        term *= q * inverse * inverse
        harmonic += inverse
    return k * k0, 2.0 * q * k1
