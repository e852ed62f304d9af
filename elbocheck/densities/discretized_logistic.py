"""Discretised logistic mass function, log p(x) = log[s((x + 1/2 - loc)/scale) - s((x - 1/2 - loc)/scale)], in nats.

s is the sigmoid, x = 0, …, levels - 1; the first bin extends to -infinity and the last to infinity; the normaliser is 1.
With b and a the two arguments, s(b) - s(a) = s(b) s(-a) (1 - e**(a - b)), b - a = 1/scale: no factor cancels.
Source: Salimans et al., PixelCNN++ (2017), eq. (2), in units of one level.
"""

import math
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Levels
from elbocheck.domain import COUNTS, POSITIVE, REAL, Integers
from elbocheck.kernels.elementary import difference, finite, ratio, sigmoid, softplus
from elbocheck.kernels.libm import exp_of_negative_parts, log1p_unit
from elbocheck.kernels.lift import Summation, Wide, lift
from elbocheck.kernels.logistic import log1mexp
from elbocheck.kernels.primitives import CAREFUL, EACH, fma

__all__ = ["discretized_logistic"]


def _energy(x: float, loc: float, scale: float, levels: float) -> float:
    if x < 0.0 or x > levels - 1.0:
        return math.inf
    above, more = _side(loc, x + 0.5, scale)
    below, rest = _side(x - 0.5, loc, scale)
    if x < 0.5:
        return above + finite(more) + 0.0 * loc  # an infinite parameter is an error, not a limit
    if x > levels - 1.5:
        return below + finite(rest) + 0.0 * loc
    sides, short = difference(below, -above)
    value, lost = difference(sides, log1mexp(1.0 / scale))
    return value + finite(lost + (short + (more + rest)))


def _side(x: float, loc: float, scale: float) -> tuple[float, float]:
    """Log(1 + e**u), u = (x - loc)/scale, and what the float lacks: what u lacks counts sigmoid(u) times, which is about
    the value or 1, and what e**-|u| lacks 1/(1 + e**-|u|) times."""
    if not EACH and not CAREFUL:
        return softplus((x - loc) / scale), 0.0
    high, low = ratio(x, loc, scale)
    e, short = exp_of_negative_parts(-abs(high))
    bent = log1p_unit(e)
    value, lost = difference(bent, -max(high, 0.0))
    return value, fma(low, min(value, 1.0), fma(short, 1.0 - 0.72 * bent, lost))


def _times_sigmoid(factor: float, x: float) -> float:
    """factor s(x), also where s(x) is subnormal and the product is not."""
    if x >= 0.0:
        return factor * sigmoid(x)
    root = math.exp(0.5 * x)
    return factor / (1.0 + root * root) * root * root


def _energy_by_loc(x: float, loc: float, scale: float, levels: float) -> float:
    if not 0.0 <= x <= levels - 1.0:
        return math.nan
    above, below = ((x + 0.5) - loc) / scale, ((x - 0.5) - loc) / scale
    if x < 0.5:
        return _times_sigmoid(1.0 / scale, -above)
    if x > levels - 1.5:
        return -_times_sigmoid(1.0 / scale, below)
    # s(-above) - s(below), which cancels at x = loc, as a product
    side = 2.0 * (x - loc) / scale
    if side < 0.0:
        return -math.expm1(side) * sigmoid(-below) * _times_sigmoid(1.0 / scale, -above)
    return math.expm1(-side) * sigmoid(above) * _times_sigmoid(1.0 / scale, below)


def _energy_by_scale(x: float, loc: float, scale: float, levels: float) -> float:
    if not 0.0 <= x <= levels - 1.0:
        return math.nan
    above, below = ((x + 0.5) - loc) / scale, ((x - 0.5) - loc) / scale
    right, left = _times_sigmoid(above / scale, -above), _times_sigmoid(-below / scale, below)
    if x < 0.5:
        return right
    if x > levels - 1.5:
        return left
    width = 1.0 / scale
    root = math.exp(-0.5 * width)
    return (right + left) + root * width * width * (root / -math.expm1(-width))


def _energy_by_levels(x: float, _loc: float, _scale: float, levels: float) -> float:
    return 0.0 if 0.0 <= x <= levels - 1.0 else math.nan


def _definition(m: Any, x: Any, loc: Any, scale: Any, levels: Any) -> Any:
    half = m.rational(1, 2)

    def above() -> Any:
        return m.softplus((loc - x - half) / scale)

    def below() -> Any:
        return m.softplus((x - half - loc) / scale)

    def inner() -> Any:
        return m.log1mexp(1 / scale) - below() - above()

    def bin_() -> Any:
        return m.select(x - half, lambda: m.select(levels - 1 - half - x, inner, lambda: -below()), lambda: -above())

    return m.select((x + half) * (levels - half - x), bin_, lambda: m.log(0 * (loc + scale)))


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide, levels: Wide) -> Wide:
    return np.clip(np.floor(loc + scale * rng.logistic(size=shape) + 0.5), 0.0, levels - 1.0)


discretized_logistic = Density(
    name="discretized_logistic",
    support=COUNTS,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL, oracle_span=(1e-30, 100.0)),
                Parameter(name="scale", domain=POSITIVE, oracle_span=(0.1, 1e6)),
                Parameter(name="levels", domain=Integers(2, math.inf), span=(2, 2**16), oracle_span=(2, 256)),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale), lift(_energy_by_levels)),
            log_normalizer=None,
            log_normalizer_grad=(None, None, None),
            definition=_definition,
            log_mass=None,
            recipe=Levels(highest=lambda _loc, _scale, levels: int(levels) - 1),
            draw=_draw,
            mended=True,
            summation=Summation.VECTORS,
        ),
    ),
    source="Salimans et al., PixelCNN++ (2017), eq. (2)",
)
