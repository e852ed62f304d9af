"""theta ~ Beta(a, b), x_i ~ Bernoulli(theta): evidence, posterior and ELBO in closed form, in nats.

With k ones among n, log B(a, b) = lgamma a + lgamma b - lgamma(a + b) and q = Beta(c, d):

    log p(x) = log B(a + k, b + n - k) - log B(a, b)
    ELBO(q) = log B(c, d) - log B(a, b) + (a + k - c) (psi(c) - psi(c + d)) + (b + n - k - d) (psi(d) - psi(c + d))

Source: Bishop, Pattern Recognition and Machine Learning (2006), section 2.1.1 and eq. (B.6)-(B.13).
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from elbocheck.arithmetic import Arithmetic, Number
from elbocheck.domain import BINARY, POSITIVE
from elbocheck.enclosure import Enclosure, enclose
from elbocheck.estimators.arguments import number, read
from elbocheck.estimators.several import NEGLIGIBLE
from elbocheck.oracle import require_digits

__all__ = ["BetaBernoulli"]

NAME = "beta_bernoulli"


@dataclass(frozen=True)
class BetaBernoulli:
    """The model; every answer is a ball that contains the truth, with the digits asked, relative.

    Attributes:
        a: of the prior, > 0.
        b: of the prior, > 0.

    Example:
        >>> BetaBernoulli(1.0, 1.0).log_evidence([1, 0]).ball.str(5, radius=False)  # log(1/6)
        '-1.7918'
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            object.__setattr__(self, name, number(NAME, name, getattr(self, name), POSITIVE))

    def log_evidence(self, x: ArrayLike, digits: int = 30) -> Enclosure:
        """log p(x) of observations 0 or 1, shape (n,), in their order.

        Raises:
            OracleError: if the digits cannot be had.
            ParameterError: for other observations or digits.
        """
        ones, zeros = _counts(x)
        return enclose(lambda m: self._log_evidence(m, ones, zeros), require_digits(digits), floor=NEGLIGIBLE)

    def posterior(self, x: ArrayLike, digits: int = 30) -> tuple[Enclosure, Enclosure]:
        """The two parameters (a + k, b + n - k) of the posterior, a Beta density."""
        ones, zeros = _counts(x)
        return (
            enclose(lambda m: m.exact(self.a) + ones, require_digits(digits)),
            enclose(lambda m: m.exact(self.b) + zeros, digits),
        )

    def elbo(self, x: ArrayLike, c: float, d: float, digits: int = 30) -> Enclosure:
        """E_q log p(x, theta)/q(theta) for q = Beta(c, d).

        Raises:
            OracleError: if the digits cannot be had.
            ParameterError: unless c, d > 0 and the observations are 0 or 1.
        """
        ones, zeros, q = *_counts(x), _posterior(c, d)
        return enclose(lambda m: self._elbo(m, ones, zeros, *q), require_digits(digits), floor=NEGLIGIBLE)

    def gap(self, x: ArrayLike, c: float, d: float, digits: int = 30) -> Enclosure:
        """log p(x) - ELBO(q) = KL(q || posterior), to its own digits or within 1e-300; arguments as elbo."""
        ones, zeros, q = *_counts(x), _posterior(c, d)
        return enclose(
            lambda m: self._log_evidence(m, ones, zeros) - self._elbo(m, ones, zeros, *q),
            require_digits(digits),
            floor=NEGLIGIBLE,
        )

    def _log_evidence(self, m: Arithmetic, ones: int, zeros: int) -> Number:
        a, b = m.exact(self.a), m.exact(self.b)
        return _log_beta(m, a + ones, b + zeros) - _log_beta(m, a, b)

    def _elbo(self, m: Arithmetic, ones: int, zeros: int, *q: float) -> Number:
        a, b, c, d = map(m.exact, (self.a, self.b, *q))
        both = m.digamma(c + d)
        expected = (a + ones - c) * (m.digamma(c) - both) + (b + zeros - d) * (m.digamma(d) - both)
        return _log_beta(m, c, d) - _log_beta(m, a, b) + expected


def _counts(x: ArrayLike) -> tuple[int, int]:
    values = read(NAME, "x", x, (None,), BINARY)
    ones = int(sum(values))
    return ones, len(values) - ones


def _posterior(c: float, d: float) -> tuple[float, float]:
    return number(NAME, "c", c, POSITIVE), number(NAME, "d", d, POSITIVE)


def _log_beta(m: Arithmetic, a: Number, b: Number) -> Number:
    return m.lgamma(a) + m.lgamma(b) - m.lgamma(a + b)
