"""The linear-Gaussian joint density as a quadratic in z: what is left of x, W, b and the noise is L numbers and L x L.

log p(x, z) = C + v' z - z' M z/2 - (L/2) log(2 pi); the symbols are those of `linear_gaussian`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from elbocheck.arithmetic import Arithmetic, Number
from elbocheck.estimators.arguments import Matrix, Vector

__all__ = ["Condensed"]

Numbers = Sequence[Number]


@dataclass(frozen=True)
class Condensed:
    """One observation under one model, in the numbers of an engine.

    Attributes:
        constant: C.
        pull: v = W' Psi^-1 (x - b).
        precision: M = I + W' Psi^-1 W.
    """

    constant: Number
    pull: list[Number]
    precision: list[list[Number]]

    @staticmethod
    def of(m: Arithmetic, weights: Matrix, bias: Vector, scale: Vector, x: Vector) -> Condensed:
        """Condense sums over the D dimensions of x."""
        columns = [
            [m.exact(w) / m.exact(s) for w, s in zip(column, scale, strict=True)]
            for column in zip(*weights, strict=True)
        ]
        residual = [(m.exact(at) - m.exact(b)) / m.exact(s) for at, b, s in zip(x, bias, scale, strict=True)]
        size = range(len(columns))
        half = [[dot(columns[i], columns[j]) + int(i == j) for j in range(i + 1)] for i in size]
        logs = total(m.log(2 * m.pi) / 2 + m.log(m.exact(s)) for s in scale)
        return Condensed(
            -(dot(residual, residual) / 2) - logs,
            [dot(column, residual) for column in columns],
            [[half[max(i, j)][min(i, j)] for j in size] for i in size],
        )

    def log_evidence(self, m: Arithmetic) -> Number:
        """log p(x)."""
        return self.constant + (dot(self.pull, m.solve(self.precision, self.pull)) - m.log_det(self.precision)) / 2

    def elbo(self, m: Arithmetic, loc: Numbers, covariance: Sequence[Numbers]) -> Number:
        """ELBO of q = N(loc, covariance)."""
        spread = self._form(loc) + self._trace(covariance) - len(loc) - m.log_det(covariance)
        return self.constant + dot(self.pull, loc) - spread / 2

    def gap(self, m: Arithmetic, loc: Numbers, covariance: Sequence[Numbers]) -> Number:
        """KL(q || posterior)."""
        away = [at - mean for at, mean in zip(loc, m.solve(self.precision, self.pull), strict=True)]
        logs = m.log_det(covariance) + m.log_det(self.precision)
        return (self._form(away) + self._trace(covariance) - len(loc) - logs) / 2

    def _form(self, z: Numbers) -> Number:
        return dot(z, [dot(row, z) for row in self.precision])

    def _trace(self, covariance: Sequence[Numbers]) -> Number:
        return total(dot(row, other) for row, other in zip(self.precision, covariance, strict=True))  # both symmetric


def dot(left: Numbers, right: Numbers) -> Number:
    """The inner product."""
    return total(a * b for a, b in zip(left, right, strict=True))


def total(terms: Iterable[Number]) -> Number:
    """The sum of at least one number."""
    first, *rest = terms
    return sum(rest, first)
