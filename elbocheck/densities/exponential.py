"""Exponential density, log p(x) = -rate x + log rate, in nats, for x >= 0; rate = e**log_rate = 1/scale.

The energy is infinite below 0.
Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (B.26), the gamma density, at a = 1.
"""

import math
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.densities.recipe import Chart
from elbocheck.domain import NON_NEGATIVE, POSITIVE, REAL
from elbocheck.kernels.lift import Wide, lift

__all__ = ["exponential"]


def _energy(x: float, rate: float) -> float:
    return inf if x < 0.0 else rate * x


def _energy_by_rate(x: float, _rate: float) -> float:
    return x


def _normalizer(rate: float) -> float:
    return -math.log(rate)


def _normalizer_by_rate(rate: float) -> float:
    return -1.0 / rate


def _energy_log_rate(x: float, log_rate: float) -> float:
    if x <= 0.0:
        return 0.0 if x == 0.0 else inf  # also where the rate overflows
    if abs(log_rate) < 700.0:
        return x * math.exp(log_rate)
    root = math.exp(0.5 * log_rate)  # the square may overflow, or lose bits, where the product does not
    return x * root * root


def _energy_log_rate_by_log_rate(x: float, log_rate: float) -> float:
    return _energy_log_rate(x, log_rate)


def _normalizer_log_rate(log_rate: float) -> float:
    return -log_rate


def _normalizer_log_rate_by_log_rate(_log_rate: float) -> float:
    return -1.0


def _energy_scale(x: float, scale: float) -> float:
    return inf if x < 0.0 else x / scale


def _energy_scale_by_scale(x: float, scale: float) -> float:
    return -(x / scale) / scale


def _normalizer_scale(scale: float) -> float:
    return math.log(scale)


def _normalizer_scale_by_scale(scale: float) -> float:
    return 1.0 / scale


def _kl(m: Any, ratio: Any) -> Any:
    return ratio - 1 - m.log(ratio)


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    if "log_rate" in parameters:
        return {"log_rate": parameters["log_rate"] + math.log(weight)}
    return {name: value * weight if name == "rate" else value / weight for name, value in parameters.items()}


def _form(
    parameter: Parameter,
    kernels: tuple[Any, Any, Any, Any],
    rate: Callable[..., Any],
    log_rate: Callable[..., Any],
    scale: Callable[[Wide], Wide],
) -> Form:
    """A parametrisation by kernels, (m, parameter) to the rate and its logarithm, and arrays of it to those of the scale."""
    energy, slope, normalizer, normalizer_slope = map(lift, kernels)
    chart = Chart(
        point=lambda m, t, value: t / rate(m, value),
        jacobian=lambda m, _t, value: 1 / rate(m, value),
        breaks=lambda m, _value: [m.exact(0), m.exact(1), m.exact(8), inf],
        log_density=lambda _m, t, _value: -t,
    )
    return Form(
        parameters=(parameter,),
        energy=energy,
        energy_grad=(slope,),
        log_normalizer=normalizer,
        log_normalizer_grad=(normalizer_slope,),
        definition=lambda m, x, value: -x * rate(m, value),
        log_mass=lambda m, value: -log_rate(m, value),
        recipe=(chart,),
        draw=lambda rng, shape, value: scale(value) * rng.standard_exponential(shape),
        entropy=lambda m, value: 1 - log_rate(m, value),
        kl=lambda m, this, other: _kl(m, rate(m, *other) / rate(m, *this)),
    )


exponential = Density(
    name="exponential",
    support=NON_NEGATIVE,
    forms=(
        _form(
            Parameter(name="rate", domain=POSITIVE),
            (_energy, _energy_by_rate, _normalizer, _normalizer_by_rate),
            rate=lambda _m, value: value,
            log_rate=lambda m, value: m.log(value),
            scale=lambda value: 1.0 / value,
        ),
        _form(
            Parameter(name="log_rate", domain=REAL, span=(1e-30, 700.0)),
            (_energy_log_rate, _energy_log_rate_by_log_rate, _normalizer_log_rate, _normalizer_log_rate_by_log_rate),
            rate=lambda m, value: m.exp(value),
            log_rate=lambda _m, value: value,
            scale=lambda value: np.exp(-value),
        ),
        _form(
            Parameter(name="scale", domain=POSITIVE),
            (_energy_scale, _energy_scale_by_scale, _normalizer_scale, _normalizer_scale_by_scale),
            rate=lambda _m, value: 1 / value,
            log_rate=lambda m, value: -m.log(value),
            scale=lambda value: value,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (B.26) at a = 1",
    temper=_temper,
)
