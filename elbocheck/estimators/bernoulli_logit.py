"""x_d ~ Bernoulli(sigmoid(w_d . z + b_d)), z ~ N(0, I_L), q = N(loc, diag(scale**2)): the decoder of most VAEs, in nats.

Under q each logit is a normal variable on its own, t_d ~ N(mu_d, s_d**2), mu_d = w_d . loc + b_d, s_d**2 = sum_l (w_dl
scale_l)**2. So the ELBO of any number of latents is a sum of means in one dimension:

    ELBO = sum_d (x_d mu_d - E softplus(t_d)) - sum_l (loc_l**2 + scale_l**2 - 1 - 2 log scale_l)/2

with the derivatives (Price; Bonnet) dE softplus/dmu = E sigmoid, dE softplus/d(s**2) = E sigmoid'/2. The evidence is
E prod_d sigmoid((2 x_d - 1)(w_d . z + b_d)). All are sums over lattices with proven errors: see `enclosure.trapezoid`.

Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), eq. (10) and appendix C.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from elbocheck.arithmetic import Number
from elbocheck.domain import BINARY, POSITIVE
from elbocheck.enclosure import Balls, Enclosure, enclose, normal_mean_of_sigmoids, normal_means_of_softplus
from elbocheck.errors import ParameterError
from elbocheck.estimators.arguments import Matrix, Vector, read
from elbocheck.estimators.condensed import dot, total
from elbocheck.estimators.iwae import Model, importance_weighted
from elbocheck.estimators.several import NEGLIGIBLE, enclose_all
from elbocheck.oracle import exact, require_digits

__all__ = ["BernoulliLogit"]

NAME = "bernoulli_logit"
LATENTS = 2  # of the evidence: its cost is a power


@dataclass(frozen=True)
class BernoulliLogit:
    """The model; every answer is a ball that contains the truth, with the digits asked, relative.

    Attributes:
        weights: w, shape (D, L).
        bias: b, shape (D,).

    Example:
        >>> model = BernoulliLogit([[1.0], [-0.5]], [0.0, 0.25])
        >>> elbo = model.elbo([1, 0], loc=[0.5], scale=[0.75])
        >>> log_evidence = model.log_evidence([1, 0])
        >>> elbo.digits > 30, bool(elbo.ball < log_evidence.ball)
        (True, True)
    """

    weights: Matrix
    bias: Vector

    def __post_init__(self) -> None:
        weights = read(NAME, "weights", self.weights, (None, None))
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "bias", read(NAME, "bias", self.bias, (len(weights),)))

    def elbo(self, x: ArrayLike, loc: ArrayLike, scale: ArrayLike, digits: int = 30) -> Enclosure:
        """E_q log p(x, z)/q(z) for q = N(loc, diag(scale**2)).

        Args:
            x: 0 or 1, shape (D,).
            loc: shape (L,).
            scale: shape (L,), > 0.
            digits: relative, 1 to 1000.

        Raises:
            OracleError: if the digits cannot be had.
            ParameterError: for a wrong shape or value.
        """
        given = self._read(x, loc, scale)

        def value(m: Balls) -> Number:
            point, at, wide = exact(m, given)
            logits, _, _, means = self._means(m, at, wide)
            fit = total(one * mu - mean[0] for one, mu, mean in zip(point, logits, means, strict=True))
            return fit - total(a * a + s * s - 1 - 2 * m.log(s) for a, s in zip(at, wide, strict=True)) / 2

        return enclose(value, require_digits(digits), floor=NEGLIGIBLE)

    def elbo_grad(self, x: ArrayLike, loc: ArrayLike, scale: ArrayLike, digits: int = 30) -> dict[str, Any]:
        """Derivatives of the ELBO; arguments and errors as elbo.

        Returns:
            Balls by name, shaped as nested tuples: loc and scale (L,), weights (D, L), bias (D,). Entries that vanish are
            known within 1e-300.
        """
        given, rows, size = self._read(x, loc, scale), len(self.weights), len(self.weights[0])

        def entries(m: Balls) -> list[Number]:
            point, at, wide = exact(m, given)
            _, weights, squares, means = self._means(m, at, wide)
            by_loc = [one - slope for one, (_, slope, _) in zip(point, means, strict=True)]  # by mu_d
            by_square = [-curvature / 2 for _, _, curvature in means]  # by s_d**2
            columns, spreads = zip(*weights, strict=True), zip(*squares, strict=True)
            return [
                *(dot(by_loc, column) - a for column, a in zip(columns, at, strict=True)),
                *(2 * s * dot(by_square, column) - s + 1 / s for column, s in zip(spreads, wide, strict=True)),
                *(
                    first * a + 2 * second * w * s * s
                    for first, second, row in zip(by_loc, by_square, weights, strict=True)
                    for w, a, s in zip(row, at, wide, strict=True)
                ),
                *by_loc,
            ]

        found = tuple(enclose_all(entries, require_digits(digits)))
        inner, bias = found[2 * size : -rows], found[-rows:]
        by_weights = tuple(inner[k : k + size] for k in range(0, len(inner), size))
        return {"loc": found[:size], "scale": found[size : 2 * size], "weights": by_weights, "bias": bias}

    def log_evidence(self, x: ArrayLike, digits: int = 30) -> Enclosure:
        """log p(x) of one observation, 0 or 1, shape (D,); of up to two latents.

        Raises:
            OracleError: if the digits cannot be had.
            ParameterError: for a wrong shape or value, or too many latents.
        """
        if len(self.weights[0]) > LATENTS:
            raise ParameterError(f"{NAME}: log_evidence takes up to {LATENTS} latents, got {len(self.weights[0])}")
        point = self._point(x)
        return enclose(lambda m: self._log_evidence(m, point), require_digits(digits), floor=NEGLIGIBLE)

    def iwae(
        self, x: ArrayLike, loc: ArrayLike, scale: ArrayLike, samples: Sequence[int] = (1,), digits: int = 25
    ) -> tuple[Enclosure, ...]:
        """E log((1/K) sum_k p(x, z_k)/q(z_k)) for each K of `samples`, z_k ~ N(loc, scale**2), one latent.

        Raises:
            OracleError: if the digits cannot be had or K = 1 is not the ELBO.
            ParameterError: for a wrong shape or value, or more than one latent.
        """
        if len(self.weights[0]) != 1:
            raise ParameterError(f"{NAME}: iwae takes one latent, got {len(self.weights[0])}")
        given = self._read(x, loc, scale)

        def model(m: Balls) -> Model:
            (at,), (wide,) = exact(m, given[1:])
            logits, slopes = self._signed(m, given[0])
            lines = [(offset + slope * at, slope * wide) for offset, (slope,) in zip(logits, slopes, strict=True)]
            log_evidence = self._log_evidence(m, given[0])
            height = m.log(wide) - log_evidence

            def log_weight(n: Balls, u: Number) -> Number:
                z = at + wide * u
                return height + (u * u - z * z) / 2 - total(n.softplus(-(mid + steep * u)) for mid, steep in lines)

            steepness = abs(at) * wide + total(abs(steep) for _, steep in lines)  # |u| <= 1 + u**2
            level = abs(height) + at * at + total(1 + abs(mid) for mid, _ in lines)
            return Model(log_evidence, log_weight, (level + steepness, (1 + wide**2) / 2 + steepness))

        return importance_weighted(NAME, model, self.elbo(x, loc, scale, digits), samples, require_digits(digits))

    def _means(self, m: Balls, at: list[Number], wide: list[Number]) -> tuple[list[Number], Any, Any, Any]:
        """Means of the logits, weights, their squares, and the three means of each logit."""
        weights = exact(m, self.weights)
        squares = [[w * w for w in row] for row in weights]
        variances = [s * s for s in wide]
        logits = [dot(row, at) + m.exact(b) for row, b in zip(weights, self.bias, strict=True)]
        spreads = [m.sqrt(dot(row, variances)) for row in squares]
        means = [normal_means_of_softplus(m, mu, s) for mu, s in zip(logits, spreads, strict=True)]
        return logits, weights, squares, means

    def _log_evidence(self, m: Balls, point: Vector) -> Number:
        offsets, slopes = self._signed(m, point)
        return m.log(normal_mean_of_sigmoids(m, slopes, offsets))

    def _signed(self, m: Balls, point: Vector) -> tuple[list[Number], list[list[Number]]]:
        """Offsets and slopes of the logits of what was observed: log p(x_d | z) = log sigmoid(offset_d + slope_d . z)."""
        signs = [1 if one else -1 for one in point]
        offsets = [m.exact(b) * sign for b, sign in zip(self.bias, signs, strict=True)]
        return offsets, [[m.exact(w) * sign for w in row] for row, sign in zip(self.weights, signs, strict=True)]

    def _point(self, x: ArrayLike) -> Vector:
        point: Vector = read(NAME, "x", x, (len(self.weights),), BINARY)
        return point

    def _read(self, x: ArrayLike, loc: ArrayLike, scale: ArrayLike) -> tuple[Vector, Vector, Vector]:
        size = len(self.weights[0])
        return self._point(x), read(NAME, "loc", loc, (size,)), read(NAME, "scale", scale, (size,), POSITIVE)
