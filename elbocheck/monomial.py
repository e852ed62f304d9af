"""A weight as a formula: coefficient times integer powers of the sizes B, D, L (or single axes)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isclose, isfinite, prod

_LARGEST_DENOMINATOR = 200
_LARGEST_INVERSE = 20_000


@dataclass(frozen=True)
class Monomial:
    """c * B^i * D^j * L^k.

    Attributes:
        coefficient: c, as measured.
        powers: the exponent of each size that has one.
        error: relative uncertainty of the coefficient.
        irregular: sizes that move the weight by no whole power; the coefficient holds at the sizes it was measured at.

    Example:
        >>> weight = Monomial(0.5, {"D": 1, "L": -1})
        >>> weight.formula, weight.at({"D": 784, "L": 32})
        ('D/(2*L)', 12.25)
    """

    coefficient: float
    powers: Mapping[str, int]
    error: float = 0.0
    irregular: frozenset[str] = frozenset()

    def __mul__(self, other: Monomial) -> Monomial:
        names = [*self.powers, *(n for n in other.powers if n not in self.powers)]
        powers = {n: self.powers.get(n, 0) + other.powers.get(n, 0) for n in names}
        kept = {n: p for n, p in powers.items() if p}
        return Monomial(
            self.coefficient * other.coefficient, kept, self.error + other.error, self.irregular | other.irregular
        )

    def __truediv__(self, other: Monomial) -> Monomial:
        powers = {n: -p for n, p in other.powers.items()}
        inverse = Monomial(1 / other.coefficient, powers, other.error, other.irregular)
        return self * inverse

    def scaled(self, factor: float) -> Monomial:
        """Return the monomial times a number."""
        return replace(self, coefficient=self.coefficient * factor)

    def at(self, sizes: Mapping[str, int]) -> float:
        """Return the number at the given sizes."""
        coefficient = self.coefficient if self.fraction is None else float(self.fraction)
        return coefficient * prod(float(sizes[n]) ** p for n, p in self.powers.items())

    def equals(self, number: float) -> bool:
        """Tell whether this is `number`, whatever the sizes, within the uncertainty."""
        return not any(self.powers.values()) and isclose(self.coefficient, number, rel_tol=self.error)

    @property
    def fraction(self) -> Fraction | None:
        """The coefficient as a fraction of small numbers, where the uncertainty allows that reading."""
        if not isfinite(self.coefficient) or not self.coefficient:
            return None
        near = Fraction(self.coefficient).limit_denominator(_LARGEST_DENOMINATOR)
        whole = round(1 / self.coefficient) if abs(self.coefficient) < 1 else 0
        tried = [near, Fraction(1, whole)] if 0 < abs(whole) < _LARGEST_INVERSE else [near]
        return next((f for f in tried if f and isclose(self.coefficient, f, rel_tol=self.error)), None)

    @property
    def formula(self) -> str:
        """The formula as text, e.g. `D/(2*L)`."""
        fraction = self.fraction
        sign = "-" if self.coefficient < 0 else ""
        over = [_power(n, p) for n, p in sorted(self.powers.items()) if p > 0]
        under = [_power(n, -p) for n, p in sorted(self.powers.items()) if p < 0]
        if fraction is None:
            over = [f"{abs(self.coefficient):.6g}", *over]
        else:
            over = [str(abs(fraction.numerator)), *over] if abs(fraction.numerator) != 1 or not over else over
            under = [str(fraction.denominator), *under] if fraction.denominator != 1 else under
        top = "*".join(over) or "1"
        if not under:
            return sign + top
        bottom = "*".join(under)
        return f"{sign}{top}/({bottom})" if len(under) > 1 else f"{sign}{top}/{bottom}"


def _power(name: str, power: int) -> str:
    return name if power == 1 else f"{name}^{power}"
