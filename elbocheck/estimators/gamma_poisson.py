"""rate ~ Gamma(a, b) with shape a and inverse scale b, x_i ~ Poisson(rate): evidence, posterior and ELBO, in nats.

With S the sum of n counts and q = Gamma(c, d):

    log p(x) = lgamma(a + S) - lgamma(a) + a log b - (a + S) log(b + n) - sum_i lgamma(x_i + 1)
    ELBO(q) = (a + S - c) (psi(c) - log d) - (b + n - d) c/d + a log b - c log d + lgamma(c) - lgamma(a)
              - sum_i lgamma(x_i + 1)

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (B.26)-(B.30); Gelman et al., Bayesian Data Analysis
(3rd ed., 2013), section 2.6.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from elbocheck.arithmetic import Arithmetic, Number
from elbocheck.domain import COUNTS, POSITIVE
from elbocheck.enclosure import Enclosure, enclose
from elbocheck.estimators.arguments import Vector, number, read
from elbocheck.estimators.several import NEGLIGIBLE
from elbocheck.oracle import require_digits

__all__ = ["GammaPoisson"]

NAME = "gamma_poisson"


@dataclass(frozen=True)
class GammaPoisson:
    """The model; every answer is a ball that contains the truth, with the digits asked, relative.

    Attributes:
        a: shape of the prior, > 0.
        b: inverse scale of the prior, > 0.

    Example:
        >>> GammaPoisson(1.0, 1.0).log_evidence([0]).ball.str(5, radius=False)  # log(1/2)
        '-0.69315'
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            object.__setattr__(self, name, number(NAME, name, getattr(self, name), POSITIVE))

    def log_evidence(self, x: ArrayLike, digits: int = 30) -> Enclosure:
        """log p(x) of counts, shape (n,).

        Raises:
            OracleError: if the digits cannot be had.
            ParameterError: for other observations or digits.
        """
        counts = _counts(x)
        return enclose(lambda m: self._log_evidence(m, counts), require_digits(digits), floor=NEGLIGIBLE)

    def posterior(self, x: ArrayLike, digits: int = 30) -> tuple[Enclosure, Enclosure]:
        """Shape a + S and inverse scale b + n of the posterior, a Gamma density."""
        counts = _counts(x)
        return (
            enclose(lambda m: m.exact(self.a) + _total(m, counts), require_digits(digits)),
            enclose(lambda m: m.exact(self.b) + len(counts), digits),
        )

    def elbo(self, x: ArrayLike, c: float, d: float, digits: int = 30) -> Enclosure:
        """E_q log p(x, rate)/q(rate) for q = Gamma(shape c, inverse scale d).

        Raises:
            OracleError: if the digits cannot be had.
            ParameterError: unless c, d > 0 and the observations are counts.
        """
        counts, q = _counts(x), _posterior(c, d)
        return enclose(lambda m: self._elbo(m, counts, *q), require_digits(digits), floor=NEGLIGIBLE)

    def gap(self, x: ArrayLike, c: float, d: float, digits: int = 30) -> Enclosure:
        """log p(x) - ELBO(q) = KL(q || posterior), to its own digits or within 1e-300; arguments as elbo."""
        counts, q = _counts(x), _posterior(c, d)
        return enclose(
            lambda m: self._log_evidence(m, counts) - self._elbo(m, counts, *q),
            require_digits(digits),
            floor=NEGLIGIBLE,
        )

    def _log_evidence(self, m: Arithmetic, counts: Vector) -> Number:
        a, b, total = m.exact(self.a), m.exact(self.b), _total(m, counts)
        value = m.lgamma(a + total) - m.lgamma(a) + a * m.log(b) - (a + total) * m.log(b + len(counts))
        return value - _log_factorials(m, counts)

    def _elbo(self, m: Arithmetic, counts: Vector, *q: float) -> Number:
        a, b, c, d = map(m.exact, (self.a, self.b, *q))
        value = (a + _total(m, counts) - c) * (m.digamma(c) - m.log(d)) - (b + len(counts) - d) * c / d
        value = value + a * m.log(b) - c * m.log(d) + m.lgamma(c) - m.lgamma(a)
        return value - _log_factorials(m, counts)


def _counts(x: ArrayLike) -> Vector:
    values: Vector = read(NAME, "x", x, (None,), COUNTS)
    return values


def _posterior(c: float, d: float) -> tuple[float, float]:
    return number(NAME, "c", c, POSITIVE), number(NAME, "d", d, POSITIVE)


def _total(m: Arithmetic, counts: Vector) -> Number:
    return sum(map(m.exact, counts), m.exact(0))


def _log_factorials(m: Arithmetic, counts: Vector) -> Number:
    return sum((m.lgamma(m.exact(count) + 1) for count in counts), m.exact(0))
