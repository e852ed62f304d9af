"""The Laplace transform of an importance weight under the standard normal density, on one lattice for every argument.

The rule and its error are those of `trapezoid`; here the strip is shown, box by box in balls, to keep |Im log W| <= pi/2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import mul
from typing import Any

from flint import acb, acb_series, arb

from elbocheck.enclosure.balls import Ball, Balls, coefficients, real, working
from elbocheck.enclosure.trapezoid import NODES, goal, phi
from elbocheck.errors import OracleError

__all__ = ["NormalLaplace"]

TRANSFORMED = 1 << 16  # nodes of one Laplace transform, which takes hundreds of sums
BOXES = 32  # either side of 0


@dataclass(frozen=True)
class NormalLaplace:
    """E e**(-t W) for W = e**ratio(u), u ~ N(0, 1), at every t > 0 from one lattice.

    Where |Im ratio| <= pi/2 the real part of t W is not negative, so |phi(u) e**(-t W)| <= |phi(u)| whatever t is. Boxes
    [x, x'] + i [-b, b] that tile [-reach - 1, reach + 1] each have the height b at which b sup |Re ratio'| <= pi/2, checked in
    balls over the box: |Im ratio(x + iy)| = |integral of Re ratio'(x + iv) dv| is no more. The contour along their upper
    edges, from -(N + 1/2) h to (N + 1/2) h, and its mirror image bound the error of the sum over |k| <= N: that is the
    integral of |phi| e**(b**2/2)/(e**(2 pi y/h) - 1) along the edges and the steps between them, with 1 + e**(2 pi y/h)
    below on the two sides, which stand half way between nodes. Beyond, the integrand is at most phi.

    Attributes:
        sizes: W at the nodes, decreasing.
        weights: the normal density at the same nodes times h.
        error: the bound, the same for every t.
        least: a lower bound of the ratio within the reach.
        reach: of u.
    """

    sizes: list[Any]
    weights: list[Any]
    error: Any
    least: float
    reach: float

    @staticmethod
    def of(m: Balls, ratio: Callable[[Balls, Ball], Ball]) -> NormalLaplace:
        """Lay the lattice for `ratio(m, u)`, analytic about the real line.

        Raises:
            OracleError: if the ratio is not analytic there or asks for too many nodes.
        """
        bits = goal() * math.log(2)
        reach = math.sqrt(2 * bits) + 0.5
        edges = [(reach + 1) * k / BOXES for k in range(-BOXES, BOXES + 1)]
        with working(64):
            heights, least = _boxes(ratio, edges, math.sqrt(2 * bits))
        inner = [min(abs(left), abs(right)) for left, right in pairwise(edges)]
        need = [bits + 8 + (b**2 - x**2) / 2 for b, x in zip(heights, inner, strict=True)]
        step = min(0.5, *(2 * math.pi * b / more for b, more in zip(heights, need, strict=True) if more > 0))
        last = math.ceil(reach / step)
        if last > TRANSFORMED:
            raise OracleError(f"the importance weight varies so fast that {TRANSFORMED} nodes are not enough")
        width = arb(step)
        nodes = [(real(ratio(m, Ball(k * width, m)).raw), k) for k in range(-last, last + 1)]
        nodes.sort(key=lambda node: -node[0].mid())
        weights = {k: phi(k * width) * width for k in range(last + 1)}
        error = _contour_error(edges, heights, width, (last + arb(0.5)) * width)
        return NormalLaplace([log.exp() for log, _ in nodes], [weights[abs(k)] for _, k in nodes], error, least, reach)

    def at(self, m: Balls, first: int, per_octave: int, octaves: int) -> list[Ball]:
        """The transform at t = 2**(first + j/per_octave) for j = 0, 1, …, octaves * per_octave - 1.

        An octave higher is a square: e**(-2tW) = (e**(-tW))**2, at the cost of a bit. Nodes where t W is next to nothing
        wait, those where e**(-tW) is are done with: each is squared about goal() + 24 times in between.
        """
        found = [self._octaves(arb(2) ** (first + arb(part) / per_octave), octaves) for part in range(per_octave)]
        return [Ball(found[part][octave], m) for octave in range(octaves) for part in range(per_octave)]

    def _octaves(self, t: Any, octaves: int) -> list[Any]:
        """The transform at t, 2t, 4t, …; of the nodes in order the first `done` count 0, those from `begun` on 1."""
        negligible = arb(2) ** -(goal() + 16)
        error = arb(0, (self.error + 4 * negligible).abs_upper())
        later = [arb(0), *accumulate(reversed(self.weights))][::-1]
        powers: list[Any] = []
        found, done, begun = [], 0, 0
        with working(2 * goal() + 40):
            for _ in range(octaves):
                before = begun
                while begun < len(self.sizes) and not t * self.sizes[begun] < negligible:
                    begun += 1
                powers += [(-t * size).exp() for size in self.sizes[before:begun]]
                gone = next((k for k, power in enumerate(powers) if not power < negligible), len(powers))
                done, powers = done + gone, powers[gone:]
                total = sum(map(mul, powers, self.weights[done:begun]), later[begun])
                found.append((total + error).nonnegative_part())  # flint has no powers of a ball about exact 0
                powers, t = [power * power for power in powers], 2 * t
        return found


def _boxes(ratio: Callable[[Balls, Ball], Ball], edges: Sequence[float], most: float) -> tuple[list[float], float]:
    """The heights of the boxes over neighbouring edges, up to `most`, and a lower bound of the ratio on all of them."""
    strict = Balls(analytic=True, order=2)
    heights, least, height = [], math.inf, most
    for left, right in pairwise(edges):
        across = arb((left + right) / 2, (right - left) / 2 + 1e-9)
        height = min(most, 1.5 * height)
        while height > 1 / NODES:
            box = Ball(acb_series([acb(across, arb(0, height)), 1], prec=2), strict)
            value, slope = coefficients(ratio(strict, box).raw, 2)
            if value.is_finite() and slope.real.abs_upper() * height <= arb.pi() / 2:
                break
            height *= 0.85
        else:
            raise OracleError(f"the log of the importance weight is not smooth between {left:g} and {right:g}")
        heights.append(height)
        least = min(least, math.nextafter(float(value.real.lower()), -math.inf))
    return heights, least


def _contour_error(edges: Sequence[float], heights: Sequence[float], step: Any, end: Any) -> Any:
    """The bound of NormalLaplace: edges, steps, sides, and what lies beyond.

    Between two heights e**(y**2/2 - 2 pi y/h) is convex, hence at most the sum of its values there.
    """

    def grown(b: Any) -> Any:
        return (b**2 / 2 - 2 * arb.pi() * b / step).exp()

    def kept(b: Any) -> Any:
        return -(-2 * arb.pi() * b / step).expm1()

    total = arb(0)
    for (left, right), b in zip(pairwise(map(arb, edges)), map(arb, heights), strict=True):
        nearest = abs(left).min(abs(right)) if left * right > 0 else arb(0)
        total += 2 * phi(nearest) * (right - left) * grown(b) / kept(b)
    for x, pair in zip(map(arb, edges[1:-1]), pairwise(heights), strict=True):
        low, high = map(arb, sorted(pair))
        total += 2 * phi(x) * (high - low) * (grown(low) + grown(high)) / kept(low)
    for b in (arb(heights[0]), arb(heights[-1])):
        total += 2 * phi(end) * b * (1 + grown(b))
    return (total + 2 * phi(end) / end).abs_upper()
