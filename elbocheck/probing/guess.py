"""What a loss usually is: a few likelihoods without a shape and the KL to N(0, 1), as a prediction of every value.

value = A mean(energy) + B mean(KL) + C, means over all elements and all latents of a call. Each guess names two places
where its own energy is a number that floats hold exactly, so that two calls give its weight without rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elbocheck.adapters import Array

Pair = tuple[float, float]
"""A datum and its prediction."""
Energy = Callable[[Array, Array], Array]

FAR, TINY = 2.0**13, 2.0**-40
"""A residual or logit whose square dwarfs a constant, and a probability whose logarithm is a whole multiple of log 2."""


@dataclass(frozen=True)
class Guess:
    """One likelihood.

    Attributes:
        density: its name.
        parameter: what the prediction is to it.
        link: `identity` or `sigmoid`.
        energy: (x, prediction) to nats of an element.
        inner: (x, prediction) to the size of what textbook code adds and takes off again on the way there.
        high: a place where the energy is large.
        low: one where it is 0, or as good as.
        growth: the power of a residual with which the energy grows; 0 where predictions are no residual's other half.
    """

    density: str
    parameter: str
    link: str
    energy: Energy
    inner: Energy
    high: Pair
    low: Pair
    growth: int = 0

    @property
    def closed(self) -> bool:
        """Whether predictions are probabilities."""
        return self.parameter == "probs"


def _logits(x: Array, r: Array) -> Array:
    return np.asarray(np.maximum(r, 0) - x * r + np.log1p(np.exp(-np.abs(r))))


def _probs(x: Array, r: Array) -> Array:
    return np.asarray(-(x * np.log(r) + (1 - x) * np.log1p(-r)))


def _sigmoid(r: Array) -> Array:
    return 0.5 * (1 + np.tanh(r / 2))


def _nothing(_x: Array, r: Array) -> Array:
    return np.zeros_like(r)


def _one(_x: Array, r: Array) -> Array:
    return np.ones_like(r)


def _products(x: Array, r: Array) -> Array:
    return np.asarray(np.abs(r) * (1 + np.abs(x)))


def _logarithms(x: Array, r: Array) -> Array:
    return np.asarray(1 - x * np.log(r) - np.abs(1 - x) * np.log1p(-r))


_ZERO: Pair = (0.0, 0.0)
GUESSES: tuple[Guess, ...] = (
    Guess("normal", "loc", "identity", lambda x, r: 0.5 * (x - r) ** 2, _nothing, (0.0, FAR), _ZERO, growth=2),
    Guess("laplace", "loc", "identity", lambda x, r: np.abs(x - r), _nothing, (0.0, FAR), _ZERO, growth=1),
    Guess("bernoulli", "logits", "identity", _logits, _products, (0.0, FAR), (1.0, FAR)),
    Guess("normal", "loc", "sigmoid", lambda x, r: 0.5 * (x - _sigmoid(r)) ** 2, _one, (0.0, FAR), (1.0, FAR)),
    Guess("laplace", "loc", "sigmoid", lambda x, r: np.abs(x - _sigmoid(r)), _one, (0.0, FAR), (1.0, FAR)),
    Guess("bernoulli", "probs", "identity", _probs, _logarithms, (1.0, TINY), (0.0, TINY)),
)


def kl(m: Array, t: Array) -> Array:
    """Return KL(N(m, e^t) || N(0, 1)) of each latent in nats."""
    return np.asarray(0.5 * (m**2 + np.expm1(t) - t))


def inner_of_kl(m: Array, t: Array) -> Array:
    """Return the size of the terms that a KL is added up from."""
    return np.asarray(1 + m**2 + np.abs(t) + np.exp(t))


def estimate(m: Array, t: Array, z: Array) -> tuple[Array, Array]:
    """Return log q(z) - log p(z) of each latent for one sample, and the size of the terms that it is added up from.

    The terms are squares, a log variance and log 2 pi, which code may add and take off again.
    """
    away, standard = (z - m) ** 2 * np.exp(-t), z**2
    lost = np.abs(z - m) * (np.abs(m) + np.abs(z)) * np.exp(-t)  # z - m comes back from a z that was rounded
    return np.asarray(0.5 * (standard - away - t)), np.asarray(4 + standard + away + np.abs(t) + lost)
