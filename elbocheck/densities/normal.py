"""Normal density, log p(x) = -((x - loc)/scale)**2 / 2 - log scale - log(2 pi)/2, in nats.

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (1.46).
"""

from collections.abc import Mapping
from math import log, sqrt
from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form, Parameter
from elbocheck.domain import POSITIVE, REAL
from elbocheck.kernels.elementary import log_root_two_pi_times, shrink, standardise
from elbocheck.kernels.lift import Wide, lift

__all__ = ["normal"]

LOG_TWO_PI = 1.8378770664093456  # nearest double of log(2 pi)
LOG_TWO_PI_REST = -7.756588316134483e-17  # what it lacks


def _energy(x: float, loc: float, scale: float) -> float:
    z = standardise(x, loc, scale)
    return 0.5 * z * z


def _energy_by_loc(x: float, loc: float, scale: float) -> float:
    return -standardise(x, loc, scale) / scale


def _energy_by_scale(x: float, loc: float, scale: float) -> float:
    z = standardise(x, loc, scale)
    return -(z / scale) * z  # z*z may overflow where the quotient does not


def _normalizer(_loc: float, scale: float) -> float:
    return log_root_two_pi_times(scale)


def _normalizer_by_scale(_loc: float, scale: float) -> float:
    return 1.0 / scale


def _energy_log_var(x: float, loc: float, log_var: float) -> float:
    z = shrink(x - loc, log_var)
    return 0.5 * z * z


def _energy_log_var_by_loc(x: float, loc: float, log_var: float) -> float:
    return -shrink(shrink(x - loc, log_var), log_var)


def _energy_log_var_by_log_var(x: float, loc: float, log_var: float) -> float:
    return -_energy_log_var(x, loc, log_var)


def _normalizer_log_var(_loc: float, log_var: float) -> float:
    return 0.5 * ((log_var + LOG_TWO_PI) + LOG_TWO_PI_REST)  # exact where it cancels


def _normalizer_log_var_by_log_var(_loc: float, _log_var: float) -> float:
    return 0.5


def _definition(_ctx: Any, x: Any, loc: Any, scale: Any) -> Any:
    return -(((x - loc) / scale) ** 2) / 2


def _definition_log_var(ctx: Any, x: Any, loc: Any, log_var: Any) -> Any:
    return -((x - loc) ** 2) / (2 * ctx.exp(log_var))


def _breaks(ctx: Any, loc: Any, scale: Any) -> list[Any]:
    return [-ctx.inf, *(loc + scale * step for step in (-8, -4, -2, -1, 0, 1, 2, 4, 8)), ctx.inf]


def _breaks_log_var(ctx: Any, loc: Any, log_var: Any) -> list[Any]:
    return _breaks(ctx, loc, ctx.exp(log_var / 2))


def _draw(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, scale: Wide) -> Wide:
    return loc + scale * rng.standard_normal(shape)


def _draw_log_var(rng: np.random.Generator, shape: tuple[int, ...], loc: Wide, log_var: Wide) -> Wide:
    return _draw(rng, shape, loc, np.exp(0.5 * log_var))


def _temper(weight: float, parameters: Mapping[str, float]) -> dict[str, float]:
    if "log_var" in parameters:
        return {**parameters, "log_var": parameters["log_var"] - log(weight)}
    return {**parameters, "scale": parameters["scale"] / sqrt(weight)}


normal = Density(
    name="normal",
    support=REAL,
    forms=(
        Form(
            parameters=(Parameter(name="loc", domain=REAL), Parameter(name="scale", domain=POSITIVE)),
            energy=lift(_energy),
            energy_grad=(lift(_energy_by_loc), lift(_energy_by_scale)),
            log_normalizer=lift(_normalizer),
            log_normalizer_grad=(None, lift(_normalizer_by_scale)),
            definition=_definition,
            breaks=_breaks,
            draw=_draw,
        ),
        Form(
            parameters=(Parameter(name="loc", domain=REAL), Parameter(name="log_var", domain=REAL)),
            energy=lift(_energy_log_var),
            energy_grad=(lift(_energy_log_var_by_loc), lift(_energy_log_var_by_log_var)),
            log_normalizer=lift(_normalizer_log_var),
            log_normalizer_grad=(None, lift(_normalizer_log_var_by_log_var)),
            definition=_definition_log_var,
            breaks=_breaks_log_var,
            draw=_draw_log_var,
        ),
    ),
    source="Bishop, Pattern Recognition and Machine Learning (2006), eq. (1.46)",
    temper=_temper,
)
