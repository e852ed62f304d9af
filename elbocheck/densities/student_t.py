"""Student's t density, log p(x) = -(df + 1)/2 log(1 + u**2/df) - log scale - log(sqrt(df) B(1/2, df/2)), in nats.

u = (x - loc)/scale. The normaliser is log(sqrt(2 pi) scale) plus a positive excess, about 1/(4 df), that vanishes as the
density becomes normal: with a = df/2 it is log Gamma(a) + log(a)/2 - log Gamma(a + 1/2), which falls by
log1p(1/(4 a (a + 1)))/2 as a rises by 1; Stirling's series leaves odd powers of 1/a of it. No logarithms cancel.
Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.159), scale**2 = 1/lambda.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Folded, Form, Parameter
from elbocheck.densities.recipe import STEPS, Chart
from elbocheck.domain import POSITIVE, REAL
from elbocheck.errors import ParameterError
from elbocheck.kernels.elementary import (
    finite,
    half_square,
    log_root_two_pi_times,
    minus_log1p,
    ratio,
    square,
    standardise,
)
from elbocheck.kernels.elements import nothing
from elbocheck.kernels.libm import log1p_parts
from elbocheck.kernels.lift import Wide, lift
from elbocheck.kernels.primitives import CAREFUL, EACH, fma, polynomial

__all__ = ["student_t"]

TINY = 2.0**-54  # log1p(w) is w up to rounding
HUGE = 1e300
LARGE = 12.0  # from here ten terms are right to 2**-60
EXCESS = (  # of log Gamma(a) + log(a)/2 - log Gamma(a + 1/2) in 1/a**(2 k - 1), highest first
    -221930581 / 79691776, 3202291 / 8912896, -929569 / 15728640, 5461 / 425984, -691 / 180224,
    31 / 18432, -17 / 14336, 1 / 640, -1 / 192, 1 / 8,
)  # fmt: skip
EXCESS_SLOPE = tuple((19 - 2 * k) * coefficient for k, coefficient in enumerate(EXCESS))


def _energy(x: float, loc: float, scale: float, df: float) -> float:
    high, low = ratio(x, loc, scale)
    if EACH:
        return _energy_of_parts(high, low, df)
    u = abs(high)
    w = u / df * u
    if CAREFUL and w < TINY:  # df may be so large that w underflows, (df + 1) w does not
        return half_square(high, low) * ((df + 1.0) / df)
    if CAREFUL and w > HUGE:
        return 0.5 * (df + 1.0) * _log1p_square(w, x, loc, scale, df)
    whole = 2.0 * half_square(high, low)
    w = whole / df
    value = math.log1p(w)
    if CAREFUL:
        value += fma(-w, df, whole) / (df * (1.0 + w))  # what the quotient lost
    return 0.5 * fma(df, value, value)


def _energy_of_parts(high: float, low: float, df: float) -> float:
    """The same where u = high + low, one rounding after the other put back."""
    whole, rest = square(high, low)
    w = whole / df
    value, short = log1p_parts(w, finite((fma(-w, df, whole) + rest) / df))
    return 0.5 * fma(df, value, fma(df + 1.0, short, value))


def _log1p_square(w: float, x: float, loc: float, scale: float, df: float) -> float:
    """Log(1 + w), w = u**2/df, also where w or u overflows."""
    if w > HUGE:
        return 2.0 * (math.log(abs(0.5 * x - 0.5 * loc)) - math.log(0.5 * scale)) - math.log(df)
    return math.log1p(w)


def _odds(x: float, loc: float, scale: float, df: float) -> float:
    return 2.0 * half_square(*ratio(x, loc, scale)) / df


def _weight(_x: float, _loc: float, _scale: float, df: float) -> float:
    return 0.5 * (df + 1.0)


def _energy_by_loc(x: float, loc: float, scale: float, df: float) -> float:
    u = standardise(x, loc, scale)
    if abs(u) < 1.0:
        return -(df + 1.0) * u / (df + u * u) / scale
    half, width = 0.5 * x - 0.5 * loc, 0.5 * scale  # u may overflow where the result does not
    return -0.5 * (df + 1.0) / (half + df * width * (width / half))


def _energy_by_scale(x: float, loc: float, scale: float, df: float) -> float:
    u = standardise(x, loc, scale)
    if abs(u) < 1.0:
        return -(df + 1.0) * u / (df + u * u) * (u / scale)
    return -(df + 1.0) / (1.0 + df / u / u) / scale


def _energy_by_df(x: float, loc: float, scale: float, df: float) -> float:
    # [log(1 + w) - s - s/df]/2 with s = w/(1 + w): the first difference is -s - log(1 - s) > 0, of order s**2
    slope = abs(standardise(x, loc, scale)) / df
    w = slope * slope * df
    if w <= 1.0:
        return 0.5 * (minus_log1p(-w / (1.0 + w)) - slope * slope / (1.0 + w))
    share = 1.0 / (1.0 + 1.0 / w)
    return 0.5 * (_log1p_square(w, x, loc, scale, df) - share - share / df)


def _normalizer(_loc: float, scale: float, df: float) -> float:
    a = 0.5 * df
    if a < 1.0:  # the first step may be large, and cancel log scale: one logarithm of both
        scale *= (a + 0.5) / math.sqrt(a * (a + 1.0))
        a += 1.0
    steps = math.ceil(LARGE - a) if a < LARGE else 0.0
    inverse = 1.0 / (a + steps)
    excess = inverse * polynomial(EXCESS, inverse * inverse)
    while steps > 0.0:  # the smallest terms first
        steps -= 1.0
        excess += 0.5 * math.log1p(0.25 / ((a + steps) * (a + steps + 1.0)))
    return log_root_two_pi_times(scale) + excess


def _normalizer_by_scale(_loc: float, scale: float, _df: float) -> float:
    return 1.0 / scale


def _normalizer_by_df(_loc: float, _scale: float, df: float) -> float:
    a = 0.5 * df
    steps = math.ceil(LARGE - a) if a < LARGE else 0.0
    inverse = 1.0 / (a + steps)
    slope = inverse * inverse * polynomial(EXCESS_SLOPE, inverse * inverse)
    while steps > 0.0:
        steps -= 1.0
        b = a + steps
        slope += 0.25 / (b * (b + 0.5) * (b + 1.0))
    return -0.5 * slope


def _definition(m: Any, x: Any, loc: Any, scale: Any, df: Any) -> Any:
    return -(df + 1) / 2 * m.log1p(((x - loc) / scale) ** 2 / df)


def _log_mass(m: Any, _loc: Any, scale: Any, df: Any) -> Any:
    return m.log(scale) + m.log(m.pi * df) / 2 + m.lgamma(df / 2) - m.lgamma((df + 1) / 2)


def _entropy(m: Any, loc: Any, scale: Any, df: Any) -> Any:
    return (df + 1) / 2 * (m.digamma((df + 1) / 2) - m.digamma(df / 2)) + _log_mass(m, loc, scale, df)


_SINH = Chart(  # the integrand cosh(t)**-df is log-concave; about 1/sqrt(df) wide where that is large
    point=lambda m, t, loc, scale, df: loc + scale * m.sqrt(df) * m.sinh(t),
    jacobian=lambda m, t, _loc, _scale, _df: m.cosh(t),
    factor=lambda m, _loc, scale, df: scale * m.sqrt(df),
    breaks=lambda m, _loc, _scale, df: [-math.inf, *(m.exact(step) / m.sqrt(1 + df) for step in STEPS), math.inf],
    log_density=lambda m, t, _loc, _scale, df: -(df + 1) * m.log_cosh(t),
    log_product=lambda m, t, _loc, _scale, df: -df * m.log_cosh(t),
)


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide, df: Wide) -> Wide:
    return loc + scale * rng.standard_t(df, shape)


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    # (df + 1) log(1 + u**2/df): df + 1 is multiplied, df scale**2 stays
    scale, df = parameters["scale"], weight * (parameters["df"] + 1.0) - 1.0
    if not df > 0.0:
        raise ParameterError(f"student_t: density**{weight!r} has no finite mass at df = {parameters['df']!r}")
    return {**parameters, "scale": scale * math.sqrt(parameters["df"] / df), "df": df}


student_t = Density(
    name="student_t",
    support=REAL,
    forms=(
        Form(
            parameters=(
                Parameter(name="loc", domain=REAL),
                Parameter(name="scale", domain=POSITIVE),
                Parameter(name="df", domain=POSITIVE, span=(1e-3, 1e15), oracle_span=(5e-2, 1e8)),
            ),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale), lift(_energy_by_df)),
            log_normalizer=lift(_normalizer),
            log_normalizer_grad=(None, lift(_normalizer_by_scale), lift(_normalizer_by_df)),
            wide_normalizer=True,
            definition=_definition,
            log_mass=_log_mass,
            folded=Folded(rest=nothing, odds=_odds, weight=_weight),
            recipe=(_SINH,),
            draw=_draw,
            entropy=_entropy,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (2.159)",
    shape="df",
    temper=_temper,
)
