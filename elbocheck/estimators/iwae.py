"""The importance-weighted bound IWAE_K = E log((1/K) sum_k W_k), W = p(x, z)/q(z), z_k ~ q, exactly, for one latent, in nats.

Relative to the evidence W has mean 1, and log S = integral of (e**-t - e**(-t S))/t over t > 0, so with t = e**u

    IWAE_K = log p(x) + integral over the line of g(u) du,  g(u) = (e**-t)**K - phi(t)**K,  phi(t) = E_q e**(-t W/p(x)).

Proven: phi at every t, one lattice over z with one error bound (see `NormalLaplace`); the sum over u, by the rule of
`enclosure.trapezoid`: for |Im u| <= B < pi/2, |phi(t)| <= phi(Re t) <= 1 and |e**(-tw) - 1| <= |t| w, so

    |g| <= 2 K |t| and |g| <= 2 left of 0, |g| <= e**-Re t + phi(Re t) right of it,

and both ends: left of u_0 at most 2 K e**u_0, right of log T at most E_q E1(T W) + E1(T), where E1(y) <= e**-y for y >= 1
within the lattice's reach and E1(y) <= 1 + |log y| beyond. Cross-checked on every call: IWAE_1 is the ELBO, which is
computed without W; IWAE_K does not fall with K, nor does it exceed log p(x).

Source: Burda, Grosse and Salakhutdinov (2016), eq. (8) and theorem 1; Frullani's integral.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from elbocheck.arithmetic import Number
from elbocheck.enclosure import Ball, Balls, Enclosure, NormalLaplace, goal, within
from elbocheck.errors import OracleError
from elbocheck.estimators.arguments import samples_of
from elbocheck.estimators.condensed import total
from elbocheck.estimators.several import enclose_all
from elbocheck.oracle import require_overlap

__all__ = ["Model", "importance_weighted"]

STRIP = 1.5  # B
OCTAVES = 1 << 12


@dataclass(frozen=True)
class Model:
    """An observation under a model with one latent z = loc + scale u, u ~ N(0, 1) under q.

    Attributes:
        log_evidence: log p(x).
        log_weight: (m, u) to log(p(x, z)/(q(z) p(x))), analytic about the real line.
        growth: A and B of |log_weight| <= A + B u**2 at real u.
    """

    log_evidence: Number
    log_weight: Callable[[Balls, Number], Number]
    growth: tuple[Number, Number]


def importance_weighted(
    name: str, model: Callable[[Balls], Model], elbo: Enclosure, samples: Sequence[int], digits: int
) -> tuple[Enclosure, ...]:
    """IWAE_K for each K of `samples`, to `digits` relative digits.

    Args:
        name: of the model, for errors.
        model: the observation in the numbers of an engine.
        elbo: IWAE_1 by another way, to as many digits.
        samples: numbers of samples K > 0.
        digits: relative, in decimal digits.

    Raises:
        OracleError: if the digits cannot be had, K = 1 is not the ELBO, or the bounds are not ordered.
        ParameterError: for numbers of samples that are none.
    """
    wanted = samples_of(name, samples)
    counts = sorted({1, *wanted})
    found = enclose_all(lambda m: _bounds(m, model(m), counts), digits)
    require_overlap(name, "IWAE_1 by Laplace transforms", found[0], "the ELBO", elbo)
    for (few, low), (many, high) in pairwise(zip([*counts, "infinity"], found, strict=True)):
        if low.ball > high.ball:
            raise OracleError(f"{name}: IWAE_{few} is {low} but IWAE_{many} is {high}: it must not fall")
    return tuple(found[counts.index(count)] for count in wanted)


def _bounds(m: Balls, model: Model, counts: Sequence[int]) -> list[Ball]:
    """IWAE_K for each K, and log p(x)."""
    bits, most = goal(), counts[-1]
    laplace = NormalLaplace.of(m, model.log_weight)
    first = -bits - most.bit_length() - 1
    last = math.ceil(math.log2(bits) + max(0.0, -laplace.least) / math.log(2))
    if last > OCTAVES:
        raise OracleError(f"the importance weight falls to e**{laplace.least:g}: q lies too far from the posterior")
    octave = math.log(2)
    size = 6 + 2 * math.log(most) + 2 * math.log1p(1 / math.cos(STRIP)) + (last + 1) * octave
    per_octave = math.ceil(octave * (bits * octave + math.log(2 * size)) / (2 * math.pi * STRIP))
    step = m.log(m.exact(2)) / per_octave
    times = [m.exp(step * (first * per_octave + j)) for j in range((last + 1 - first) * per_octave)]
    transforms = laplace.at(m, first, per_octave, last + 1 - first)
    error = within(m.exact(size) * 2 / m.expm1(2 * m.pi * m.exact(STRIP) / step)) + within(
        _beyond(m, model, laplace, last)
    )

    def gap(count: int) -> Ball:
        parts = (m.exp(-t * count) - phi**count for t, phi in zip(times, transforms, strict=True))
        return total(parts) * step + within(2 * count * times[0]) + error  # type: ignore[no-any-return]  # Number is Any

    return [*(model.log_evidence + gap(count) for count in counts), model.log_evidence]


def _beyond(m: Balls, model: Model, laplace: NormalLaplace, last: int) -> Ball:
    """The bound of the sum right of T = 2**last, where T W >= 1 within the reach R.

    E[E1(T W); |u| > R] <= E[1 + log T + A + B u**2; |u| > R] <= 2 phi(R) ((1 + log T + A + B)/R + B R).
    """
    reach, (constant, square) = m.exact(laplace.reach), model.growth
    density = m.exp(-(reach**2) / 2) / m.sqrt(2 * m.pi)
    log_t = last * m.log(m.exact(2))
    outside: Ball = 2 * density * ((1 + log_t + constant + square) / reach + square * reach)
    smallest = m.exp(m.exact(laplace.least) + log_t)  # of T W within the reach
    return outside + m.exp(-smallest) + m.exp(-m.exp(log_t))
