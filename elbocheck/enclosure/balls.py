"""Wrapped balls and the vocabulary over them; the flag of complex integration is forced into every primitive."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import flint
from flint import acb, acb_mat, acb_series, arb

from elbocheck.arithmetic import Arithmetic, Number
from elbocheck.errors import OracleError

__all__ = ["GUARD_BITS", "MAX_BITS", "NOT_A_NUMBER", "Ball", "Balls", "bits", "coefficients", "real", "working"]

GUARD_BITS = 64
MAX_BITS = 1 << 16
NOT_A_NUMBER = acb("nan")


class Ball:
    """A real or complex ball, or a Taylor series of them: arithmetic, and no way to ask for a midpoint."""

    __slots__ = ("m", "raw")

    def __init__(self, raw: Any, m: Balls) -> None:
        self.raw = raw
        self.m = m

    def __add__(self, other: Number) -> Ball:
        return Ball(self.raw + _raw(other), self.m)

    def __sub__(self, other: Number) -> Ball:
        return Ball(self.raw - _raw(other), self.m)

    def __mul__(self, other: Number) -> Ball:
        return Ball(self.raw * _raw(other), self.m)

    def __truediv__(self, other: Number) -> Ball:
        return Ball(_divide(self.raw, _raw(other)), self.m)

    def __radd__(self, other: Number) -> Ball:
        return Ball(_raw(other) + self.raw, self.m)

    def __rsub__(self, other: Number) -> Ball:
        return Ball(_raw(other) - self.raw, self.m)

    def __rmul__(self, other: Number) -> Ball:
        return Ball(_raw(other) * self.raw, self.m)

    def __rtruediv__(self, other: Number) -> Ball:
        return Ball(_divide(_raw(other), self.raw), self.m)

    def __neg__(self) -> Ball:
        return Ball(-self.raw, self.m)

    def __abs__(self) -> Ball:
        return self.m.select(self, lambda: self, lambda: -self)

    def __pow__(self, exponent: int) -> Ball:
        if not isinstance(exponent, int):
            raise OracleError(f"a ball to the power {exponent!r}: write m.power or m.sqrt, which watch the branch cut")
        return Ball(self.raw**exponent, self.m)

    def __bool__(self) -> bool:
        raise OracleError("a ball has no truth value: write m.select, m.maximum or abs")

    def _compare(self, other: object) -> bool:
        raise OracleError(f"a ball was compared with {other!r}: write m.select, m.maximum or abs")

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _compare
    __hash__ = None  # type: ignore[assignment]  # what cannot be compared cannot be a key

    def __float__(self) -> float:
        raise OracleError("a ball was read as a float: write m.select, m.maximum or abs")


def _raw(value: Number) -> Any:
    if type(value) is Ball:
        return value.raw
    if type(value) is int:
        return value
    if isinstance(value, float):
        raise OracleError(
            f"the bare float {value!r} in a definition: write m.rational(p, q), or m.exact of a parameter"
        )
    raise OracleError(f"{value!r} in a definition: a number comes from m.exact or m.rational")


def _divide(a: Any, b: Any) -> Any:
    try:
        return a / b
    except (ValueError, ZeroDivisionError):  # a series or a whole number that may be 0
        return NOT_A_NUMBER


class Balls(Arithmetic):
    """The vocabulary in balls at flint's current precision.

    Attributes:
        analytic: whether a result must come from a function that is analytic on the whole argument; else it is NaN.
        order: Taylor coefficients kept of series.
    """

    def __init__(self, *, analytic: bool = False, order: int = 1) -> None:
        self.analytic = analytic
        self.order = order

    @property
    def pi(self) -> Ball:
        """Half the circumference of the unit circle."""
        return Ball(arb.pi(), self)

    def exact(self, value: float) -> Ball:
        """See Arithmetic."""
        return Ball(arb(value), self)

    def rational(self, numerator: int, denominator: int) -> Ball:
        """See Arithmetic."""
        return Ball(arb(numerator) / denominator, self)

    def variable(self, value: float) -> Ball:
        """The parameter that series are taken in, at a value."""
        return Ball(acb_series([acb(value), 1], prec=self.order), self)

    def exp(self, x: Ball) -> Ball:
        """See Arithmetic."""
        return Ball(x.raw.exp(), self)

    def expm1(self, x: Ball) -> Ball:
        """See Arithmetic."""
        if type(x.raw) is not acb_series:
            return Ball(x.raw.expm1(), self)
        start = _start(x.raw)
        return self._compose(x.raw, [start.expm1(), *[start.exp()] * (self.order - 1)])

    def log(self, x: Ball) -> Ball:
        """See Arithmetic."""
        return self._cut(x.raw, "log", x.raw)

    def log1p(self, x: Ball) -> Ball:
        """See Arithmetic."""
        if type(x.raw) is not acb_series:
            return self._cut(x.raw + 1, "log1p", x.raw)
        start = _start(x.raw)
        first = start.log1p()
        if self.analytic and not (start + 1).log(analytic=True).is_finite():
            first = NOT_A_NUMBER
        inverse = 1 / (start + 1)
        return self._compose(x.raw, [first, inverse, -(inverse**2)][: self.order])

    def sqrt(self, x: Ball) -> Ball:
        """See Arithmetic."""
        return self._cut(x.raw, "sqrt", x.raw)

    def power(self, x: Ball, exponent: Number) -> Ball:
        """See Arithmetic; on a real ball that reaches 0 the hull of 0 and the power of its upper end."""
        known = _start(exponent.raw if type(exponent) is Ball else exponent).real
        if not self.analytic and self.order == 1 and known > 0 and acb(x.raw).real.contains(0):
            top = acb(x.raw).abs_upper()
            return Ball(arb(0).union((arb(top).log() * known).exp()), self)
        return self.exp(self.log(x) * exponent)

    def sin(self, x: Ball) -> Ball:
        """See Arithmetic."""
        return Ball(x.raw.sin(), self)

    def cos(self, x: Ball) -> Ball:
        """See Arithmetic."""
        return Ball(x.raw.cos(), self)

    def erf(self, x: Ball) -> Ball:
        """See Arithmetic."""
        return Ball(x.raw.erf(), self)

    def erfc(self, x: Ball) -> Ball:
        """See Arithmetic."""
        return Ball(x.raw.erfc(), self)

    def lgamma(self, x: Ball) -> Ball:
        """See Arithmetic."""
        return self._cut(x.raw, "lgamma", x.raw)

    def digamma(self, x: Ball) -> Ball:
        """See Arithmetic."""
        return Ball(_start(x.raw).digamma(), self)

    def expm1_ratio(self, x: Ball) -> Ball:
        """See Arithmetic; its k-th derivative is the integral of s**k e**(s x) over [0, 1]."""
        start = acb(_start(x.raw))
        return self._compose(x.raw, [start.hypgeom_1f1(k + 1, k + 2) / (k + 1) for k in range(self._length(x.raw))])

    def hyp0f1(self, b: Number, z: Ball) -> Ball:
        """See Arithmetic; each derivative in z divides by b and raises it by 1."""
        start, lower, factor = acb(_start(z.raw)), acb(_start(_raw(b))), acb(1)
        derivatives = []
        for k in range(self._length(z.raw)):
            derivatives.append(start.hypgeom_0f1(lower + k) / factor)
            factor *= lower + k
        return self._compose(z.raw, derivatives)

    def bessel_k(self, order: int, x: Ball) -> Ball:
        """See Arithmetic; by K' = -(K(order - 1) + K(order + 1))/2."""
        start = acb(_start(x.raw))

        def scaled(n: int) -> Any:
            return start.bessel_k(abs(n), scaled=True)

        first = scaled(order) - (scaled(order - 1) + scaled(order + 1)) / 2
        inner = [scaled(n) - (scaled(n - 1) + scaled(n + 1)) / 2 for n in (order - 1, order + 1)]
        derivatives = [scaled(order), first, first - sum(inner) / 2]
        return self._compose(x.raw, derivatives[: self._length(x.raw)])

    def log_det(self, matrix: Sequence[Sequence[Ball]]) -> Ball:
        """See Arithmetic."""
        return self.log(Ball(acb_mat([[_raw(entry) for entry in row] for row in matrix]).det(), self))

    def solve(self, matrix: Sequence[Sequence[Ball]], vector: Sequence[Ball]) -> list[Ball]:
        """See Arithmetic."""
        square = acb_mat([[_raw(entry) for entry in row] for row in matrix])
        try:
            found = square.solve(acb_mat([[_raw(entry)] for entry in vector]))
        except ZeroDivisionError:
            return [Ball(NOT_A_NUMBER, self)] * len(vector)
        return [Ball(found[k, 0], self) for k in range(len(vector))]

    def softplus(self, x: Ball) -> Ball:
        """See Arithmetic; right of 0 as x + log(1 + e**-x), the same function, which stays sharp on wide balls."""
        if _start(x.raw).real > 0:
            return x + self.log1p(self.exp(-x))
        return self.log1p(self.exp(x))

    def log_cosh(self, x: Ball) -> Ball:
        """See Arithmetic; away from 0 as |x| - log 2 + log(1 + e**-2|x|), which stays sharp on wide balls."""
        at = _start(x.raw).real
        if at > 1 or at < -1:
            size = x if at > 0 else -x
            return size - self.log(self.exact(2)) + self.log1p(self.exp(-2 * size))
        return super().log_cosh(x)  # type: ignore[no-any-return]  # Number is Any

    def sigmoid(self, x: Ball) -> Ball:
        """See Arithmetic; left of 0 as e**x/(1 + e**x), which stays sharp on wide balls."""
        if _start(x.raw).real < 0:
            grown = self.exp(x)
            return grown / (1 + grown)
        return 1 / (1 + self.exp(-x))

    def select(self, sign_of: Ball, positive: Callable[[], Ball], negative: Callable[[], Ball]) -> Ball:
        """See Arithmetic; where the sign is not certain, both sides, or NaN if analyticity was asked for."""
        sign = _start(sign_of.raw).real
        if sign > 0 or (sign == 0 and not self.analytic and self.order == 1):  # a derivative may jump at 0
            return positive()
        if sign < 0:
            return negative()
        if self.analytic:
            return Ball(NOT_A_NUMBER, self)
        one, other = positive().raw, negative().raw
        if type(one) is acb_series or type(other) is acb_series:
            pairs = zip(coefficients(one, self.order), coefficients(other, self.order), strict=True)
            return Ball(acb_series([a.union(b) for a, b in pairs], prec=self.order), self)
        return Ball(acb(one).union(acb(other)), self)

    def surely_less(self, a: Ball, b: Ball) -> bool:
        """See Arithmetic."""
        return bool(real(a.raw) < real(b.raw))

    def vanishes(self, x: Ball) -> bool:
        """See Arithmetic."""
        return bool(real(x.raw) == 0)

    def _cut(self, cut_at: Any, name: str, raw: Any) -> Ball:
        """Apply a function with a branch cut along the negative numbers, NaN where it must be analytic and may not be."""
        if self.analytic:
            at = acb(_start(cut_at))
            if not at.log(analytic=True).is_finite():
                return Ball(NOT_A_NUMBER, self)
        elif type(raw) is arb and cut_at == 0 and name.startswith("log"):
            return Ball(arb.neg_inf(), self)
        elif type(raw) is arb and not raw > 0:
            return Ball(getattr(acb(raw), name)(), self)
        return Ball(getattr(raw, name)(), self)

    def _length(self, raw: Any) -> int:
        return self.order if type(raw) is acb_series else 1

    def _compose(self, raw: Any, derivatives: list[Any]) -> Ball:
        """The Taylor series of a function of a series, from its derivatives at the constant term."""
        if type(raw) is not acb_series:
            return Ball(derivatives[0], self)
        step = raw - _start(raw)
        total, power = acb_series([derivatives[0]], prec=self.order), acb_series([1], prec=self.order)
        for k in range(1, len(derivatives)):
            power = power * step
            total = total + power * (acb(derivatives[k]) / math.factorial(k))
        return Ball(total, self)


def real(raw: Any) -> Any:
    """The real part of a ball; not a number where the imaginary part excludes 0, as of the logarithm of -2."""
    if type(raw) is arb:
        return raw
    number = acb(raw)
    return number.real if number.imag.contains(0) else NOT_A_NUMBER.real


def bits(digits: int) -> int:
    """Bits that hold as many decimal digits."""
    return int(digits * math.log2(10)) + 2


@contextmanager
def working(precision: int) -> Iterator[None]:
    """Set flint's precision, which is global, and restore it."""
    before = flint.ctx.prec
    flint.ctx.prec = precision
    try:
        yield
    finally:
        flint.ctx.prec = before


def _start(raw: Any) -> Any:
    return raw[0] if type(raw) is acb_series else arb(raw) if type(raw) is int else raw


def coefficients(raw: Any, order: int) -> list[Any]:
    """The Taylor coefficients, complex; those of a constant are 0 but the first."""
    if type(raw) is not acb_series:
        return [acb(raw), *[acb(0)] * (order - 1)]
    return [acb(raw[k]) for k in range(order)]
