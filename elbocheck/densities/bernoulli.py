"""Bernoulli mass function, log p(x) = x log probs + (1 - x) log(1 - probs), probs = 1/(1 + e**-logits), in
nats.

The energy is the same formula read as linear in x, defined for every real x; 0 log 0 = 0. The normaliser is
1. Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.2).
"""

import math
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Folded, Form, Parameter
from elbocheck.densities.recipe import Levels
from elbocheck.domain import BINARY, REAL, UNIT
from elbocheck.kernels.libm import exp_of_negative, log1p_unit, reciprocal_from_one
from elbocheck.kernels.lift import Wide, lift
from elbocheck.kernels.primitives import fma

__all__ = ["bernoulli"]


def _energy(x: float, logits: float) -> float:
    return _rest(x, logits) + log1p_unit(_odds(x, logits))


def _rest(x: float, logits: float) -> float:
    return fma(-x, logits, max(logits, 0.0))  # (1 - x) l or -x l >= 0, rounded once: softplus(l) - x l does not cancel


def _odds(_x: float, logits: float) -> float:
    return exp_of_negative(-abs(logits))


def _energy_by_logits(x: float, logits: float) -> float:
    odds = _odds(x, logits)
    small = odds * reciprocal_from_one(1.0 + odds)
    return (1.0 - x) - small if logits > 0.0 else small - x


def _energy_probs(x: float, probs: float) -> float:
    one = 0.0 if x == 0.0 else x * math.log(probs)
    zero = 0.0 if x == 1.0 else (1.0 - x) * math.log1p(-probs)
    return -(one + zero)


def _energy_probs_by_probs(x: float, probs: float) -> float:
    if x == 0.0:
        return 1.0 / (1.0 - probs)
    if x == 1.0:
        return -1.0 / probs
    return (probs - x) / (probs * (1.0 - probs))


def _definition(m: Any, x: Any, logits: Any) -> Any:
    return -x * m.softplus(-logits) - (1 - x) * m.softplus(logits)


def _definition_probs(m: Any, x: Any, probs: Any) -> Any:
    one = m.exact(0) if m.vanishes(x) else x * m.log(probs)
    zero = m.exact(0) if m.vanishes(1 - x) else (1 - x) * m.log1p(-probs)
    return one + zero


def _entropy(m: Any, probs: Any) -> Any:
    return -(_x_log_x(m, probs) + _x_log_x(m, 1 - probs))


def _entropy_of_logits(m: Any, logits: Any) -> Any:
    """Return it without 1 - probs, which takes |logits|/log 2 bits: both probabilities and their logarithms from the logits."""
    return m.sigmoid(logits) * m.softplus(-logits) + m.sigmoid(-logits) * m.softplus(logits)


def _x_log_x(m: Any, x: Any) -> Any:
    return x if m.vanishes(x) else x * m.log(x)


def _kl(m: Any, this: Any, other: Any) -> Any:
    (probs,), (far,) = this, other
    pairs = ((probs, far), (1 - probs, 1 - far))
    return sum((ours * m.log(ours / theirs) for ours, theirs in pairs if not m.vanishes(ours)), m.exact(0))


def _kl_of_logits(m: Any, this: Any, other: Any) -> Any:
    """Return it from the logits alone, as the entropy."""
    (ours,), (theirs,) = this, other
    ones, zeros = (m.softplus(sign * theirs) - m.softplus(sign * ours) for sign in (-1, 1))
    return m.sigmoid(ours) * ones + m.sigmoid(-ours) * zeros


def _draw(rng: np.random.Generator, shape: tuple[int, ...], logits: Wide) -> Wide:
    return np.asarray(rng.logistic(size=shape) < logits, dtype=np.float64)


def _draw_probs(rng: np.random.Generator, shape: tuple[int, ...], probs: Wide) -> Wide:
    return np.asarray(rng.random(shape) < probs, dtype=np.float64)


_BOTH = Levels(highest=lambda _parameter: 1)

bernoulli = Density(
    name="bernoulli",
    support=BINARY,
    forms=(
        Form(
            parameters=(Parameter(name="logits", domain=REAL),),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_logits),),
            folded=Folded(rest=_rest, odds=_odds),
            log_normalizer=None,
            log_normalizer_grad=(None,),
            definition=_definition,
            log_mass=None,
            recipe=_BOTH,
            draw=_draw,
            entropy=_entropy_of_logits,
            kl=_kl_of_logits,
        ),
        Form(
            parameters=(Parameter(name="probs", domain=UNIT),),
            energy=lift(_energy_probs),
            energy_grad=(lift(_energy_probs_by_probs),),
            log_normalizer=None,
            log_normalizer_grad=(None,),
            definition=_definition_probs,
            log_mass=None,
            recipe=_BOTH,
            draw=_draw_probs,
            entropy=_entropy,
            kl=_kl,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.2)",
)
