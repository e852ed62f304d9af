"""Poisson mass function, log p(x) = x log rate - rate - log x!, in nats, for x = 0, 1, …

The three terms, each of the size of x log x, nearly cancel about the mode. Loader's form has positive terms only: the
deviance x log(x/rate) + rate - x, log(2 pi x)/2 and Stirling's remainder. The normaliser is 1.
Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (B.59); Loader, Fast and accurate computation of
binomial probabilities (2000).
"""

import math
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Ladder
from elbocheck.domain import COUNTS, POSITIVE, REAL
from elbocheck.kernels.elements import BETWEEN
from elbocheck.kernels.gamma import deviance, log_gamma_of_one_plus, log_root, stirling_error_from_one
from elbocheck.kernels.lift import Summation, Wide, lift
from elbocheck.kernels.primitives import by_type

__all__ = ["draw_counts", "poisson"]

LEAST, LOG_LEAST = by_type(2.0**-860, 2.0**-80), by_type(-596.106575281553, -55.451774444795625)


def _energy(x: float, rate: float) -> float:
    # between the counts 0 and 1 Stirling's remainder would cancel
    low = rate - x * math.log(rate) + log_gamma_of_one_plus(x) if BETWEEN else rate
    return _outside_or(x, low if x < 1.0 else _from_one(x, rate))


def _from_one(x: float, rate: float) -> float:
    return deviance(x, rate) + log_root(x, 1.0, 1.0, stirling_error_from_one(x))


def _outside_or(x: float, value: float) -> float:
    return math.inf if x < 0.0 else value


def _energy_by_rate(x: float, rate: float) -> float:
    return (rate - x) / rate


def _energy_log_rate(x: float, log_rate: float) -> float:
    rate = math.exp(log_rate)
    low = rate - x * log_rate + log_gamma_of_one_plus(x) if BETWEEN else rate
    # a rate below 2**-860 is as good as that one, but for x times its logarithm
    high = _from_one(x, LEAST if rate < LEAST else rate) + x * max(LOG_LEAST - log_rate, 0.0)
    return _outside_or(x, low if x < 1.0 else high)


def _energy_log_rate_by_log_rate(x: float, log_rate: float) -> float:
    return math.expm1(log_rate) + (1.0 - x) if abs(log_rate) < 0.5 else math.exp(log_rate) - x


def _definition(m: Any, x: Any, rate: Any) -> Any:
    return x * m.log(rate) - rate - m.lgamma(x + 1)


def _definition_log_rate(m: Any, x: Any, log_rate: Any) -> Any:
    return x * log_rate - m.exp(log_rate) - m.lgamma(x + 1)


def _kl(m: Any, this: Any, other: Any) -> Any:
    (rate,), (far,) = this, other
    return rate * m.log(rate / far) + far - rate


def _kl_log_rate(m: Any, this: Any, other: Any) -> Any:
    return _kl(m, [m.exp(this[0])], [m.exp(other[0])])


def draw_counts(rng: np.random.Generator, shape: tuple[int, ...], rate: Wide) -> Wide:
    """Poisson draws; from a rate of 1e15, beyond which NumPy fails, rounded normal ones, skewed by 3e-8 at most."""
    near = rng.poisson(np.minimum(rate, 1e15), shape)
    return np.where(rate < 1e15, near, np.rint(rate + np.sqrt(rate) * rng.standard_normal(shape)))


def _draw_log_rate(rng: np.random.Generator, shape: tuple[int, ...], log_rate: Wide) -> Wide:
    return draw_counts(rng, shape, np.exp(log_rate))


poisson = Density(
    name="poisson",
    support=COUNTS,
    forms=(
        Form(
            parameters=(Parameter(name="rate", domain=POSITIVE, oracle_span=(1e-30, 1e6)),),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_rate),),
            log_normalizer=None,
            log_normalizer_grad=(None,),
            definition=_definition,
            log_mass=None,
            recipe=Ladder(mode=int, ratio=lambda _m, k, rate: rate / (k + 1)),
            draw=draw_counts,
            summation=Summation.KEPT,
            kl=_kl,
        ),
        Form(
            parameters=(Parameter(name="log_rate", domain=REAL, span=(1e-30, 700.0), oracle_span=(1e-30, 13.0)),),
            energy=lift(_energy_log_rate),
            energy_grad=(lift(_energy_log_rate_by_log_rate),),
            log_normalizer=None,
            log_normalizer_grad=(None,),
            definition=_definition_log_rate,
            log_mass=None,
            recipe=Ladder(
                mode=lambda log_rate: int(math.exp(log_rate)),
                ratio=lambda _m, k, rate: rate / (k + 1),
                constants=lambda m, log_rate: (m.exp(log_rate),),
            ),
            draw=_draw_log_rate,
            summation=Summation.KEPT,
            kl=_kl_log_rate,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (B.59)",
)
