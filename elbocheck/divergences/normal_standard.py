"""KL(N(loc, scale**2) || N(0, 1)) = (loc**2 + e**log_var - 1 - log_var)/2 per dimension, in nats; log_var =
2 log scale.

Near the prior e**s - 1 - s and scale**2 - 1 - 2 log scale lose everything: both come from series there.
Source: Kingma and Welling, Auto-encoding variational Bayes (2014), appendix B.
"""

import math
from typing import Any

from elbocheck.divergences.divergence import Divergence, DivergenceForm
from elbocheck.domain import POSITIVE, REAL, Parameter
from elbocheck.kernels.elementary import expm1_minus, half_exp, minus_log1p
from elbocheck.kernels.lift import lift

__all__ = ["normal_standard"]

FAR = 700.0  # e**-700 is far below an ulp of 1, and e**710 overflows


def _kl(loc: float, log_var: float) -> float:
    spread = half_exp(log_var) if log_var > FAR else 0.5 * expm1_minus(log_var)
    return 0.5 * loc * loc + spread


def _kl_by_loc(loc: float, _spread: float) -> float:
    return loc


def _kl_by_log_var(_loc: float, log_var: float) -> float:
    return half_exp(log_var) if log_var > FAR else 0.5 * math.expm1(log_var)


def _kl_scale(loc: float, scale: float) -> float:
    t = scale - 1.0
    if -0.5 <= t <= 1.0:  # t is exact, (scale**2 - 1)/2 = t + t**2/2
        return 0.5 * loc * loc + (minus_log1p(t) + 0.5 * t * t)
    return 0.5 * loc * loc + (0.5 * t * (scale + 1.0) - math.log(scale))


def _kl_scale_by_scale(_loc: float, scale: float) -> float:
    return (scale - 1.0) * ((scale + 1.0) / scale)


def _definition_scale(ctx: Any, t: Any, loc: Any, scale: Any) -> Any:
    u = (t - loc) / scale
    log_ratio = -ctx.log(scale) - u**2 / 2 + t**2 / 2
    return ctx.exp(-(u**2) / 2) / (scale * ctx.sqrt(2 * ctx.pi)) * log_ratio


def _breaks_scale(ctx: Any, loc: Any, scale: Any) -> list[Any]:
    return [-ctx.inf, *(loc + scale * step for step in (-8, -4, -2, -1, 0, 1, 2, 4, 8)), ctx.inf]


def _tail_scale(ctx: Any, far: Any, loc: Any, scale: Any) -> Any:
    # for u >= 1, |log q/p| <= a + b u**2, whose integral times phi(u) beyond u is at most (a + b (u + 1))
    # phi(u)
    u = abs(far - loc) / scale
    a, b = abs(ctx.log(scale)) + loc**2 / 2, abs(loc) * scale + abs(scale**2 - 1) / 2
    return (a + b * (u + 1)) * ctx.exp(-(u**2) / 2) if u >= 1 else ctx.inf


def _definition(ctx: Any, t: Any, loc: Any, log_var: Any) -> Any:
    return _definition_scale(ctx, t, loc, ctx.exp(log_var / 2))


def _breaks(ctx: Any, loc: Any, log_var: Any) -> list[Any]:
    return _breaks_scale(ctx, loc, ctx.exp(log_var / 2))


def _tail(ctx: Any, far: Any, loc: Any, log_var: Any) -> Any:
    return _tail_scale(ctx, far, loc, ctx.exp(log_var / 2))


normal_standard = Divergence(
    name="KL(normal || standard normal)",
    forms=(
        DivergenceForm(
            parameters=(Parameter(name="loc", domain=REAL), Parameter(name="log_var", domain=REAL)),
            kl=lift(_kl),
            kl_grad=(lift(_kl_by_loc), lift(_kl_by_log_var)),
            definition=_definition,
            breaks=_breaks,
            tail=_tail,
        ),
        DivergenceForm(
            parameters=(Parameter(name="loc", domain=REAL), Parameter(name="scale", domain=POSITIVE)),
            kl=lift(_kl_scale),
            kl_grad=(lift(_kl_by_loc), lift(_kl_scale_by_scale)),
            definition=_definition_scale,
            breaks=_breaks_scale,
            tail=_tail_scale,
        ),
    ),
    source="Kingma and Welling, Auto-encoding variational Bayes (2014), appendix B",
)
