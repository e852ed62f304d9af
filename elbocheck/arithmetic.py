"""The vocabulary that definitions are written in, so that two engines evaluate one text.

A definition is a Python function `(m, x, *parameters)` that uses `+ - * /`, integer powers, `abs` and the functions of
`m`, and nothing else. `precision` reads it in mpmath numbers, `enclosure` in rigorous balls, real, complex or as Taylor
series in a parameter. There is no `if` on a value: a ball has no midpoint to ask; `m.select` decides, and says so when it
cannot. Floats enter by `m.exact`, fractions by `m.rational`: a bare 0.1 is an error, for nobody knows which number it was.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

__all__ = ["Arithmetic", "Number"]

Number: TypeAlias = Any  # an mpf, or a Ball


class Arithmetic:
    """Exact operations of one engine; what is written here follows from what the engine supplies."""

    pi: Number

    @abstractmethod
    def exact(self, value: float) -> Number:
        """The binary number that a float is, or an integer."""

    @abstractmethod
    def rational(self, numerator: int, denominator: int) -> Number:
        """The fraction that a decimal was meant to be."""

    @abstractmethod
    def exp(self, x: Number) -> Number:
        """e**x."""

    @abstractmethod
    def expm1(self, x: Number) -> Number:
        """e**x - 1."""

    @abstractmethod
    def log(self, x: Number) -> Number:
        """The natural logarithm, cut along the negative numbers."""

    @abstractmethod
    def log1p(self, x: Number) -> Number:
        """log(1 + x)."""

    @abstractmethod
    def sqrt(self, x: Number) -> Number:
        """The principal root."""

    @abstractmethod
    def power(self, x: Number, exponent: Number) -> Number:
        """x**exponent for x > 0."""

    @abstractmethod
    def sin(self, x: Number) -> Number:
        """Sine."""

    @abstractmethod
    def cos(self, x: Number) -> Number:
        """Cosine."""

    @abstractmethod
    def erf(self, x: Number) -> Number:
        """The error function."""

    @abstractmethod
    def erfc(self, x: Number) -> Number:
        """1 - erf(x)."""

    @abstractmethod
    def lgamma(self, x: Number) -> Number:
        """Log of the gamma function, x > 0."""

    @abstractmethod
    def digamma(self, x: Number) -> Number:
        """Derivative of lgamma."""

    @abstractmethod
    def expm1_ratio(self, x: Number) -> Number:
        """(e**x - 1)/x, an entire function: 1 at 0."""

    @abstractmethod
    def hyp0f1(self, b: Number, z: Number) -> Number:
        """The confluent hypergeometric function 0F1(; b; z): the modified Bessel function I without its power."""

    @abstractmethod
    def bessel_k(self, order: int, x: Number) -> Number:
        """The modified Bessel function of the second kind, times e**x, x > 0."""

    @abstractmethod
    def log_det(self, matrix: Sequence[Sequence[Number]]) -> Number:
        """Log of the determinant of a positive definite matrix."""

    @abstractmethod
    def solve(self, matrix: Sequence[Sequence[Number]], vector: Sequence[Number]) -> list[Number]:
        """The solution of a linear system."""

    @abstractmethod
    def select(self, sign_of: Number, positive: Callable[[], Number], negative: Callable[[], Number]) -> Number:
        """`positive()` where sign_of >= 0, else `negative()`; the two agree where sign_of = 0."""

    @abstractmethod
    def surely_less(self, a: Number, b: Number) -> bool:
        """Whether a < b beyond doubt, for bounds of real numbers; integrands use `select`."""

    @abstractmethod
    def vanishes(self, x: Number) -> bool:
        """Whether a real number is exactly 0."""

    def maximum(self, a: Number, b: Number) -> Number:
        """The larger one."""
        return self.select(a - b, lambda: a, lambda: b)

    def minimum(self, a: Number, b: Number) -> Number:
        """The smaller one."""
        return self.select(a - b, lambda: b, lambda: a)

    def sinh(self, x: Number) -> Number:
        """Hyperbolic sine, by expm1: no cancellation at 0."""
        return (self.expm1(x) - self.expm1(-x)) / 2

    def cosh(self, x: Number) -> Number:
        """Hyperbolic cosine."""
        return (self.exp(x) + self.exp(-x)) / 2

    def softplus(self, x: Number) -> Number:
        """log(1 + e**x)."""
        return self.log1p(self.exp(x))

    def sigmoid(self, x: Number) -> Number:
        """1/(1 + e**-x)."""
        return 1 / (1 + self.exp(-x))

    def log1mexp(self, x: Number) -> Number:
        """log(1 - e**-x), x > 0."""
        return self.log(-self.expm1(-x))

    def log_cosh(self, x: Number) -> Number:
        """log cosh x = log(1 + 2 sinh(x/2)**2): no cancellation at 0."""
        return self.log1p(2 * self.sinh(x / 2) ** 2)

    def charbonnier(self, x: Number) -> Number:
        """sqrt(1 + x**2) - 1 = x**2/(1 + sqrt(1 + x**2))."""
        return x * x / (1 + self.sqrt(1 + x * x))

    def huber(self, x: Number, delta: Number) -> Number:
        """x**2/2 for |x| <= delta, delta (|x| - delta/2) beyond."""
        size = abs(x)
        return self.select(delta - size, lambda: x * x / 2, lambda: delta * (size - delta / 2))
