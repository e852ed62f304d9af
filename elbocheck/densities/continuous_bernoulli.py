"""Continuous Bernoulli density, log p(x) = x log probs + (1 - x) log(1 - probs) - log Z, in nats, for 0 <= x <= 1.

The energy is the Bernoulli one, binary cross-entropy, in logits l = log(probs/(1 - probs)) as in probs; log Z is what that
loss lacks on gray values: Z = tanh(l/2)/l <= 1/2, so that log Z = log(tanh(l/2)/l) has no root, and nothing cancels.
Source: Loaiza-Ganem and Cunningham, The continuous Bernoulli (2019), eq. (4) and (5).
"""

import math
from typing import Any

import numpy as np

from elbocheck.densities.bernoulli import bernoulli
from elbocheck.densities.density import Density, Folded, Form, Parameter
from elbocheck.densities.recipe import Chart
from elbocheck.domain import OPEN_UNIT, REAL, UNIT
from elbocheck.kernels.libm import exp_of_negative, log_of_normal
from elbocheck.kernels.lift import Wide, lift
from elbocheck.kernels.primitives import by_type, fma, polynomial

__all__ = ["continuous_bernoulli"]

LOG_TWO = 0.6931471805599453
LOG_TANH = by_type(  # of log(tanh(h)/h) / h**2 in h**2, 0 <= h <= 1: 2**-59; 2**-26
    float64=(
        -6.175099333074185e-09, 6.556325142228687e-08, -3.5210752038387634e-07, 1.3263478068789317e-06,
        -4.127115997043719e-06, 1.1769118803576936e-05, -3.268462834050828e-05, 9.095276552285723e-05,
        -0.0002565551420987967, 0.0007384206674459448, -0.0021848108113368715, 0.006719576696235178,
        -0.021869488534915826, 0.07777777777774436, -0.33333333333333304,
    ),
    float32=(
        0.00025963975987601735, -0.0016790717441513357, 0.006424194725945338, -0.021777999232639306,
        0.07776445889329064, -0.33333268130016686,
    ),
)  # fmt: skip
LOG_SINH = by_type(  # of log(sinh(h)/h) / n**2, h = n/2, in n**2, 0 <= n <= 2: 2**-57; 2**-29
    float64=(
        -6.973388278682742e-18, 4.466724001107779e-16, -2.1048991510017932e-14, 9.555173948755804e-13,
        -4.4034263889583235e-11, 2.0876750067009893e-09, -1.0333994666793473e-07, 5.511463844666241e-06,
        -0.00034722222222220646, 0.041666666666666664,
    ),
    float32=(
        1.7033169741118015e-09, -1.0205599995546514e-07, 5.509671940410752e-06, -0.00034722133891998245,
        0.04166666659671605,
    ),
)  # fmt: skip
EXCESS = by_type(  # of (n/(1 - e**-n) - 1 - n/2) / n**2 in n**2, 0 <= n <= 1: 2**-54 and 2**-27 of the excess
    float64=(
        1.2186502076664507e-11, -5.26668559044014e-10, 2.0875441501526913e-08, -8.267190461931214e-07,
        3.306878295902891e-05, -0.001388888888878909, 0.08333333333333308,
    ),
    float32=(
        -7.818393328307138e-07, 3.303590347059071e-05, -0.0013888799585402012, 0.0833333358168602,
    ),
)  # fmt: skip
SINH_SERIES = tuple(1.0 / math.factorial(k) for k in range(27, 1, -2))  # of (sinh(l) - l) / l**3 in l**2, highest first


def _normalizer(logits: float) -> float:
    size = abs(logits)
    square = 0.25 * size * size
    near = square * polynomial(LOG_TANH, square) - LOG_TWO  # log(tanh(h)/h) - log 2, h = l/2, both negative
    odds = exp_of_negative(-size)
    return near if size <= 2.0 else math.log1p(-2.0 * odds / (1.0 + odds)) - math.log(size)


def _joint(x: float, logits: float) -> float:
    # e**(x l) over its integral: sinh(n/2)/(n/2), n = |l|, beside e**((x - 1/2) l), or (1 - e**-n)/n beside e**(x l - max(l, 0))
    size = abs(logits)
    square = size * size
    near = fma(square, polynomial(LOG_SINH, square), (0.5 - x) * logits)
    far = log_of_normal((1.0 - exp_of_negative(-size)) / size)
    return near if size <= 2.0 else fma(-x, logits, max(logits, 0.0)) + far


def _excess(_x: float, logits: float) -> float:
    # n/(1 - e**-n) - 1 >= 0, n = |l|: e**max(l, 0) over its quotient by this plus 1 is the integral of e**(x l)
    size = abs(logits)
    square = size * size
    near = fma(square, polynomial(EXCESS, square), 0.5 * size)
    odds = exp_of_negative(-size)
    return near if size <= 1.0 else ((size - 1.0) + odds) / (1.0 - odds)


def _minus_one(_x: float, _logits: float) -> float:
    return -1.0


def _normalizer_by_logits(logits: float) -> float:
    # 1/sinh(l) - 1/l: -(sinh(l) - l) / (l sinh(l)) with a series where it cancels; 1/sinh(n) = 2 e**-n / (1 - e**-2n) beyond
    size, square = abs(logits), logits * logits
    total = polynomial(SINH_SERIES, square)
    odds = exp_of_negative(-size)
    lacking = 1.0 - odds * odds
    beyond = fma(2.0 * odds, size, -lacking)
    above = -logits * total if size <= 3.0 else (beyond if logits > 0.0 else -beyond)
    return above / (1.0 + square * total if size <= 3.0 else size * lacking)


def _logit(probs: float) -> float:
    if 0.25 < probs < 0.75:
        return math.log1p((2.0 * probs - 1.0) / (1.0 - probs))
    return math.log(probs) - math.log1p(-probs)


def _normalizer_probs(probs: float) -> float:
    return _normalizer(_logit(probs))


def _normalizer_probs_by_probs(probs: float) -> float:
    return _normalizer_by_logits(_logit(probs)) / (1.0 - probs) / probs


def _of_end(m: Any, logits: Any, one: Any, zero: Any) -> Any:
    """What holds of distances from 1, where most of the mass is, or from 0; no float is 1/3, where they change."""
    return m.select(3 * logits - 1, one, zero)


def _below(m: Any, logits: Any) -> Any:
    """l or -l, whichever is below 1/3: Z and the entropy are even, and e**l may be out of reach."""
    return _of_end(m, logits, lambda: -logits, lambda: logits)


def _log_mass(m: Any, logits: Any) -> Any:
    below = _below(m, logits)
    return m.log(m.expm1_ratio(below)) - m.softplus(below)


def _entropy(m: Any, logits: Any) -> Any:
    below = _below(m, logits)
    ratio = m.expm1_ratio(below)
    return m.log(ratio) + 1 - m.exp(below) / ratio


def _kl(m: Any, this: Any, other: Any) -> Any:
    (logits,), (far,) = this, other
    mean = m.rational(1, 2) if m.vanishes(logits) else 1 / -m.expm1(-logits) - 1 / logits
    return (logits - far) * mean + _log_integral(m, far) - _log_integral(m, logits)


def _log_integral(m: Any, logits: Any) -> Any:
    """Log of the integral of e**(l x)."""
    return _log_mass(m, logits) + m.softplus(logits)


def _breaks(m: Any, logits: Any) -> list[Any]:
    width = 1 / (1 + abs(logits))
    steps = (width * 2**k for k in range(13))
    return [m.exact(0), *(step for step in steps if m.surely_less(step, m.exact(1))), m.exact(1)]


def _chart_log_density(m: Any, t: Any, logits: Any) -> Any:
    return _of_end(m, logits, lambda: -t * logits - m.softplus(-logits), lambda: t * logits - m.softplus(logits))


_CHART = Chart(  # t is the distance from an end
    point=lambda m, t, logits: _of_end(m, logits, lambda: 1 - t, lambda: t),
    jacobian=lambda m, _t, _logits: m.exact(1),
    breaks=_breaks,
    log_density=_chart_log_density,
)


def _by_probs(function: Any, place: int = 0) -> Any:
    """The same formula of (m, …, probs), `place` arguments before it."""

    def of_probs(m: Any, *arguments: Any) -> Any:
        probs = arguments[place]
        return function(m, *arguments[:place], m.log(probs / (1 - probs)))

    return of_probs


def _kl_probs(m: Any, this: Any, other: Any) -> Any:
    return _kl(m, *([m.log(probs / (1 - probs))] for (probs,) in (this, other)))


def _draw(rng: np.random.Generator, shape: tuple[int, ...], logits: Wide) -> Wide:
    uniform, size = rng.random(shape), np.abs(logits)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.where(size > 0.0, -np.log1p(uniform * np.expm1(-size)) / size, uniform)
    return np.where(logits > 0.0, 1.0 - drawn, drawn)


def _draw_probs(rng: np.random.Generator, shape: tuple[int, ...], probs: Wide) -> Wide:
    return _draw(rng, shape, np.log(probs) - np.log1p(-probs))


_LOGITS, _PROBS = bernoulli.forms
assert _LOGITS.folded is not None

continuous_bernoulli = Density(
    name="continuous_bernoulli",
    support=UNIT,
    forms=(
        Form(
            parameters=(Parameter(name="logits", domain=REAL),),
            energy=_LOGITS.energy,
            energy_grad=_LOGITS.energy_grad,
            joint=lift(_joint),
            folded=Folded(rest=_LOGITS.folded.rest, odds=_excess, weight=_minus_one),
            log_normalizer=lift(_normalizer),
            log_normalizer_grad=(lift(_normalizer_by_logits),),
            definition=_LOGITS.definition,
            log_mass=_log_mass,
            recipe=(_CHART,),
            draw=_draw,
            entropy=_entropy,
            kl=_kl,
        ),
        Form(
            parameters=(Parameter(name="probs", domain=OPEN_UNIT),),
            energy=_PROBS.energy,
            energy_grad=_PROBS.energy_grad,
            log_normalizer=lift(_normalizer_probs),
            log_normalizer_grad=(lift(_normalizer_probs_by_probs),),
            definition=_PROBS.definition,
            log_mass=_by_probs(_log_mass),
            recipe=(
                Chart(
                    point=_by_probs(_CHART.point, 1),
                    jacobian=_CHART.jacobian,
                    breaks=_by_probs(_breaks),
                    log_density=_by_probs(_CHART.log_density, 1),
                ),
            ),
            draw=_draw_probs,
            entropy=_by_probs(_entropy),
            kl=_kl_probs,
        ),
    ),
    source="Loaiza-Ganem and Cunningham, The continuous Bernoulli (2019), eq. (4)",
)
