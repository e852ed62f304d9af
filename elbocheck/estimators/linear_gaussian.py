"""x = W z + b + noise, z ~ N(0, I_L), noise ~ N(0, diag(scale**2)): everything in closed form and L x L matrices, in nats.

With Psi = diag(scale**2), r = x - b, the posterior's precision M = I + W' Psi^-1 W, v = W' Psi^-1 r, s = r' Psi^-1 r,
C = -(s + sum_d log(2 pi Psi_d))/2, and q = N(m, S):

    log p(x) = C + (v' M^-1 v - log det M)/2                   by Woodbury and the determinant lemma
    posterior = N(M^-1 v, M^-1)
    ELBO(q) = C + v' m - (m' M m + tr(M S) - L - log det S)/2
    log p(x) - ELBO(q) = KL(q || posterior) = ((m - M^-1 v)' M (m - M^-1 v) + tr(M S) - L - log det(M S))/2

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.113)-(2.117) and (12.41)-(12.42); Rasmussen and
Williams, Gaussian Processes for Machine Learning (2006), eq. (A.9)-(A.10).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elbocheck.arithmetic import Arithmetic, Number
from elbocheck.domain import POSITIVE
from elbocheck.enclosure import Enclosure, enclose
from elbocheck.errors import ParameterError
from elbocheck.estimators.arguments import Matrix, Vector, read, require_positive_definite
from elbocheck.estimators.condensed import Condensed
from elbocheck.estimators.iwae import Model, importance_weighted
from elbocheck.estimators.several import NEGLIGIBLE, enclose_all
from elbocheck.oracle import exact, require_digits

__all__ = ["GaussianPosterior", "LinearGaussian"]

NAME = "linear_gaussian"


@dataclass(frozen=True)
class GaussianPosterior:
    """N(loc, covariance): L balls and L rows of L balls."""

    loc: tuple[Enclosure, ...]
    covariance: tuple[tuple[Enclosure, ...], ...]


@dataclass(frozen=True)
class LinearGaussian:
    """The model; every answer is a ball that contains the truth, with the digits asked, relative.

    Attributes:
        weights: W, shape (D, L).
        bias: b, shape (D,).
        scale: standard deviation of the noise, one number or shape (D,), > 0.

    Example:
        >>> model = LinearGaussian([[1.0], [0.5]], [0.0, 0.0], 0.5)
        >>> model.log_evidence([0.3, -0.2]).digits > 30
        True
        >>> model.elbo([0.3, -0.2], loc=[0.0], scale=[0.5]).ball.str(8, radius=False)
        '-1.6547299'
    """

    weights: Matrix
    bias: Vector
    scale: Vector

    def __post_init__(self) -> None:
        weights = read(NAME, "weights", self.weights, (None, None))
        size = len(weights)
        scale = [self.scale] * size if np.ndim(self.scale) == 0 else self.scale
        for name, value in (
            ("weights", weights),
            ("bias", read(NAME, "bias", self.bias, (size,))),
            ("scale", read(NAME, "scale", scale, (size,), POSITIVE)),
        ):
            object.__setattr__(self, name, value)

    def log_evidence(self, x: ArrayLike, digits: int = 30) -> Enclosure:
        """log p(x) of one observation, shape (D,).

        Raises:
            OracleError: if the digits cannot be had.
            ParameterError: for an observation of another shape, or digits outside 1 to 1000.
        """
        point = self._point(x)
        return enclose(lambda m: self._condensed(m, point).log_evidence(m), require_digits(digits), floor=NEGLIGIBLE)

    def posterior(self, x: ArrayLike, digits: int = 30) -> GaussianPosterior:
        """Mean and covariance of z given x; arguments as log_evidence; entries that vanish are known within 1e-300."""
        point, size = self._point(x), len(self.weights[0])

        def entries(m: Any) -> list[Number]:
            known = self._condensed(m, point)
            units = ([m.exact(int(i == j)) for j in range(size)] for i in range(size))
            return [one for right in (known.pull, *units) for one in m.solve(known.precision, right)]

        found = enclose_all(entries, require_digits(digits))
        loc, *rows = (tuple(found[k : k + size]) for k in range(0, len(found), size))
        return GaussianPosterior(loc, tuple(rows))

    def elbo(
        self,
        x: ArrayLike,
        loc: ArrayLike,
        scale: ArrayLike | None = None,
        digits: int = 30,
        *,
        covariance: ArrayLike | None = None,
    ) -> Enclosure:
        """E_q log p(x, z)/q(z) for q = N(loc, diag(scale**2)) or N(loc, covariance).

        Args:
            x: shape (D,).
            loc: shape (L,).
            scale: shape (L,), > 0.
            digits: relative, 1 to 1000.
            covariance: shape (L, L), positive definite, instead of scale.

        Raises:
            OracleError: if the digits cannot be had.
            ParameterError: for a wrong shape or value, or if not exactly one of scale and covariance is given.
        """
        point, q = self._point(x), self._posterior(loc, scale, covariance)
        return enclose(lambda m: self._condensed(m, point).elbo(m, *q(m)), require_digits(digits), floor=NEGLIGIBLE)

    def gap(
        self,
        x: ArrayLike,
        loc: ArrayLike,
        scale: ArrayLike | None = None,
        digits: int = 30,
        *,
        covariance: ArrayLike | None = None,
    ) -> Enclosure:
        """log p(x) - ELBO(q) = KL(q || posterior), to its own digits or within 1e-300; arguments as elbo."""
        point, q = self._point(x), self._posterior(loc, scale, covariance)
        return enclose(lambda m: self._condensed(m, point).gap(m, *q(m)), require_digits(digits), floor=NEGLIGIBLE)

    def iwae(
        self, x: ArrayLike, loc: ArrayLike, scale: ArrayLike, samples: Sequence[int] = (1,), digits: int = 25
    ) -> tuple[Enclosure, ...]:
        """E log((1/K) sum_k p(x, z_k)/q(z_k)) for each K of `samples`, q = N(loc, scale**2), one latent.

        Raises:
            OracleError: if the digits cannot be had or K = 1 is not the ELBO.
            ParameterError: for a wrong shape or value, or more than one latent.
        """
        if len(self.weights[0]) != 1:
            raise ParameterError(f"{NAME}: iwae takes one latent, got {len(self.weights[0])}")
        point, q = self._point(x), self._posterior(loc, scale, None)

        def model(m: Any) -> Model:
            known, ((at,), ((variance,),)) = self._condensed(m, point), q(m)
            wide, ((precision,),), (pull,) = m.sqrt(variance), known.precision, known.pull
            log_evidence = known.log_evidence(m)
            height = known.constant + pull * at - precision * at**2 / 2 + m.log(wide) - log_evidence
            slope, bend = (pull - precision * at) * wide, (1 - precision * variance) / 2
            bounds = abs(height) + abs(slope), abs(bend) + abs(slope)
            return Model(log_evidence, lambda _m, u: height + slope * u + bend * u * u, bounds)

        return importance_weighted(NAME, model, self.elbo(x, loc, scale, digits), samples, require_digits(digits))

    def _condensed(self, m: Arithmetic, point: Vector) -> Condensed:
        return Condensed.of(m, self.weights, self.bias, self.scale, point)

    def _point(self, x: ArrayLike) -> Vector:
        point: Vector = read(NAME, "x", x, (len(self.weights),))
        return point

    def _posterior(
        self, loc: ArrayLike, scale: ArrayLike | None, covariance: ArrayLike | None
    ) -> Callable[[Arithmetic], tuple[list[Number], list[list[Number]]]]:
        """Mean and covariance of q in the numbers of an engine."""
        size = len(self.weights[0])
        if (scale is None) == (covariance is None):
            raise ParameterError(f"{NAME}: give scale or covariance, got scale={scale!r} and covariance={covariance!r}")
        mean = read(NAME, "loc", loc, (size,))
        if covariance is not None:
            full = read(NAME, "covariance", covariance, (size, size))
            require_positive_definite(NAME, "covariance", full)
            return lambda m: (exact(m, mean), exact(m, full))
        wide = read(NAME, "scale", scale, (size,), POSITIVE)  # type: ignore[arg-type]  # not None: one of them is given
        return lambda m: (
            exact(m, mean),
            [[m.exact(s if i == j else 0) ** 2 for j, s in enumerate(wide)] for i in range(size)],
        )
