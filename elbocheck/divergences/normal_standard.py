"""KL(N(loc, scale**2) || N(0, 1)) = (loc**2 + e**log_var - 1 - log_var)/2 per dimension, in nats; log_var =
2 log scale.

Near the prior e**s - 1 - s and scale**2 - 1 - 2 log scale lose everything: both come from series there.
Source: Kingma and Welling, Auto-encoding variational Bayes (2014), appendix B.
"""

from typing import Any

from elbocheck.densities.normal import normal
from elbocheck.divergences.divergence import Divergence, DivergenceForm
from elbocheck.domain import POSITIVE, REAL, Parameter
from elbocheck.kernels.elementary import difference
from elbocheck.kernels.libm import ATANH_WIDE, exp_coarse, expm1_minus, half_expm1, half_expm1_minus_parts, log_parts
from elbocheck.kernels.lift import lift
from elbocheck.kernels.primitives import ROUNDED, fma, polynomial

__all__ = ["normal_standard"]


def _kl(loc: float, log_var: float) -> float:
    if ROUNDED:
        return 0.5 * fma(loc, loc, expm1_minus(log_var))
    factor, square, rest, lost = half_expm1_minus_parts(log_var)
    return fma(factor, square, rest + fma(0.5 * loc, loc, lost))


def _halved(loc: float, log_var: float) -> float:
    return exp_coarse(log_var) + fma(loc, loc, -log_var)  # e**s <= 1.4 + 2 (e**s - 1 - s)


def _kl_by_loc(loc: float, _spread: float) -> float:
    return loc


def _kl_by_log_var(_loc: float, log_var: float) -> float:
    return half_expm1(log_var)


def _kl_scale(loc: float, scale: float) -> float:
    t = scale - 1.0
    if -0.5 <= t <= 1.0:  # t is exact, (scale**2 - 1)/2 = t + t**2/2
        return fma(0.5 * loc, loc, _beside_one(t))
    log_scale, short = log_parts(scale)
    less, lost = difference(-0.5, log_scale)  # rounded with the square, not before
    return fma(0.5 * scale, scale, less) + fma(0.5 * loc, loc, lost - short)


def _beside_one(t: float) -> float:
    """t + t**2/2 - log(1 + t) = t**2 - r (t**2/2 + 2 (atanh(r)/r - 1)), r = t/(2 + t): a square, and a product that is at
    most a third of it."""
    r = t / (2.0 + t)
    square = r * r
    return fma(t, t, -r * fma(0.5 * t, t, 2.0 * square * polynomial(ATANH_WIDE, square)))


def _kl_scale_by_scale(_loc: float, scale: float) -> float:
    return (scale - 1.0) * ((scale + 1.0) / scale)


def _closed(m: Any, loc: Any, log_var: Any) -> Any:
    return (loc**2 + m.exp(log_var) - 1 - log_var) / 2


def _closed_scale(m: Any, loc: Any, scale: Any) -> Any:
    return (loc**2 + scale**2 - 1) / 2 - m.log(scale)


def _themselves(_m: Any, loc: Any, spread: Any) -> tuple[Any, Any]:
    return loc, spread


def _standard(m: Any, _loc: Any, _spread: Any) -> tuple[Any, Any]:
    return m.exact(0), m.exact(1)


_SCALE, _LOG_VAR = normal.forms

normal_standard = Divergence(
    name="KL(normal || standard normal)",
    forms=(
        DivergenceForm(
            parameters=(
                Parameter(name="loc", domain=REAL),
                Parameter(name="log_var", domain=REAL, span=(1e-30, 700.0)),
            ),
            kl=lift(_kl),
            kl_grad=(lift(_kl_by_loc), lift(_kl_by_log_var)),
            halved=_halved,
            closed=_closed,
            posterior=(_LOG_VAR, _themselves),
            prior=(_SCALE, _standard),
        ),
        DivergenceForm(
            parameters=(Parameter(name="loc", domain=REAL), Parameter(name="scale", domain=POSITIVE)),
            kl=lift(_kl_scale),
            kl_grad=(lift(_kl_by_loc), lift(_kl_scale_by_scale)),
            closed=_closed_scale,
            posterior=(_SCALE, _themselves),
            prior=(_SCALE, _standard),
        ),
    ),
    source="Kingma and Welling, Auto-encoding variational Bayes (2014), appendix B",
)
