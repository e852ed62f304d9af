"""Random likelihoods of data on a grid: `python -m tests.quality.random_bins COUNT [SEED]`.

COUNT losses per distribution function and dtype, on random grids, with learned or fixed scales, open ends or none, a
constant, any factor and reduction. Prints what is misread, what is left undecided, the worst errors and the median time.
"""

from __future__ import annotations

import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import erf

from elbocheck.bins import SHAPES
from elbocheck.loss import Loss
from elbocheck.probing.dissect import dissect
from elbocheck.probing.probe import Probe
from elbocheck.shapes import Layout

GRIDS = (
    (0.0, 1.0, 256),
    (-1.0, 1.0, 256),
    (0.0, 255.0, 256),
    (-0.5, 0.5, 256),
    (0.0, 1.0, 32),
    (-1.0, 1.0, 1024),
    (-1.0, 1.0, 64),
)
KINDS: Mapping[str, Callable[[Any], Any]] = {
    "log_scale": np.exp,
    "scale": lambda v: v,
    "var": np.sqrt,
    "log_var": lambda v: np.exp(v / 2),
}
REDUCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "none": lambda e: e,
    "datum": lambda e: np.sum(e, axis=1),
    "sum": np.sum,
    "mean": np.mean,
    "sum, mean": lambda e: np.mean(np.sum(e, axis=1)),
}


def sigmoid(v: Any) -> Any:
    """Return 1 / (1 + e^-v)."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-v))


def ndtr(v: Any) -> Any:
    """Return the normal distribution function."""
    return (0.5 * (1 + erf(v.astype(float) / math.sqrt(2)))).astype(v.dtype)


def tanh_cubic(v: Any) -> Any:
    """Return the approximation by a tanh of a cubic."""
    c = v.dtype.type(math.sqrt(2 / math.pi))
    with np.errstate(over="ignore"):
        return (0.5 * (1 + np.tanh(c * (v + v.dtype.type(0.044715) * v**3)))).astype(v.dtype)


CDFS: Mapping[str, Callable[[Any], Any]] = {"logistic": sigmoid, "normal": ndtr, "tanh": tanh_cubic}


@dataclass(frozen=True)
class Drawn:
    """A random loss and what it is.

    Attributes:
        shape: the distribution function.
        grid: first and last level, and how many.
        kind: how the scale is read; None where it is a number.
        scale: that number.
        open: first and last bin reach to infinity.
        guard: beside a probability.
        way: `added`, `least` or nothing.
        factor: on the whole.
        reduction: over elements and data.
        dtype: of all.
    """

    shape: str
    grid: tuple[float, float, int]
    kind: str | None
    scale: float
    open: bool
    guard: float
    way: str
    factor: float
    reduction: str
    dtype: np.dtype[Any]

    @property
    def sort(self) -> str:
        """What identifying it hangs on: the scale, the ends, the guard."""
        scale = "fixed" if self.kind is None else "learned"
        return f"{scale}, {'open' if self.open else 'closed'}, {'guarded' if self.way else 'bare'}"

    @property
    def width(self) -> float:
        """The distance of two levels."""
        return (self.grid[1] - self.grid[0]) / (self.grid[2] - 1)

    def energy(self, x: Any, loc: Any, scale: Any) -> Any:
        """Return -log P of each element."""
        low, high, _ = self.grid
        half, cdf = x.dtype.type(self.width / 2), CDFS[self.shape]
        upper, lower = cdf((x - loc + half) / scale), cdf((x - loc - half) / scale)
        prob = upper - lower
        if self.open:
            prob = np.where(x < low + half / 2, upper, np.where(x > high - half / 2, 1 - lower, prob))
        if self.way == "added":
            prob = prob + x.dtype.type(self.guard)
        if self.way == "least":
            prob = np.maximum(prob, x.dtype.type(self.guard))
        with np.errstate(divide="ignore"):
            return -np.log(prob)

    @property
    def loss(self) -> Callable[..., Any]:
        """The loss."""
        factor = self.dtype.type(self.factor)

        def value(x: Any, loc: Any, v: Any = None) -> Any:
            scale = self.dtype.type(self.scale) if self.kind is None else KINDS[self.kind](v)
            found = REDUCTIONS[self.reduction](factor * self.energy(x, loc, scale))
            assert found.dtype == x.dtype
            return found

        arguments = {"log_scale": "x_log_scale", "scale": "x_scale", "var": "x_var", "log_var": "x_logvar"}
        names = "x, x_mean" if self.kind is None else f"x, x_mean, {arguments[self.kind]}"
        return eval(f"lambda {names}: value({names})", {"value": value})  # type: ignore[no-any-return]


def draw(shape: str, rng: np.random.Generator, dtype: np.dtype[Any]) -> Drawn:
    """Draw a loss."""
    grid = GRIDS[rng.integers(len(GRIDS))]
    width = (grid[1] - grid[0]) / (grid[2] - 1)
    kind = None if rng.random() < 0.3 else str(rng.choice(list(KINDS)))
    way = str(rng.choice(["", "added", "least"]))
    return Drawn(
        shape,
        grid,
        kind,
        float(dtype.type(width * np.exp(rng.uniform(np.log(0.5), np.log(30))))),
        bool(rng.random() < 0.7),
        float(10.0 ** rng.choice([-12, -8, -7, -5])),
        way,
        float(np.exp(rng.uniform(-2, 2))) if rng.random() < 0.5 else 1.0,
        str(rng.choice(list(REDUCTIONS))),
        dtype,
    )


def judge(drawn: Drawn) -> tuple[str, float]:
    """Return what is wrong, empty where nothing is, and the error of the width."""
    probe = Probe(Loss.of(drawn.loss), Layout(), drawn.dtype)
    r = dissect(probe, 0).reconstruction
    assert r is not None
    if r.density is None:
        return "undecided", 0.0
    if r.bins is None or SHAPES[r.bins.shape].family != SHAPES[drawn.shape].family:
        return f"misread as {r.density}, {r.bins}", 0.0
    if r.bins.shape != drawn.shape:
        return f"misread as {r.bins.shape}, {r.bins}", 0.0
    bins = r.bins
    off = abs(bins.width / drawn.width - 1)
    heavy = abs(r.weight.coefficient / drawn.factor - 1)
    scale = bins.factor / (drawn.scale if drawn.kind is None else 1.0) - 1
    claimed = 4 * bins.error
    wrong = [] if off < 1e-2 else [f"width off by {off:.2g}"]
    if off > claimed:
        wrong.append(f"width off by {off:.2g}, claimed {bins.error:.2g}")
    if abs(scale) > claimed:
        wrong.append(f"scale off by {scale:.2g}, claimed {bins.error:.2g}")
    if heavy > max(4 * r.weight.error, claimed):
        wrong.append(f"weight off by {heavy:.2g}, claimed {r.weight.error:.2g}")
    if r.scale_as != drawn.kind:
        wrong.append(f"scale read as {r.scale_as}")
    if bins.open != drawn.open:
        wrong.append(f"open: {bins.open}")
    levels = drawn.grid[2] if drawn.open or drawn.grid[1] < 255 else 0
    if bins.levels != levels:
        wrong.append(f"{bins.levels} levels from {bins.low}")
    return "; ".join(wrong), off


def run(count: int, seed: int) -> bool:
    """Print a line for each distribution function and dtype, and the median time of each sort of loss."""
    good, spent = True, defaultdict[str, list[float]](list)
    for shape in CDFS:
        for dtype in (np.dtype(np.float64), np.dtype(np.float32)):
            rng = np.random.default_rng((seed, *shape.encode()))
            found = []
            for _ in range(count):
                drawn, started = draw(shape, rng, dtype), time.process_time()
                found.append((drawn, *judge(drawn)))
                spent[f"{drawn.sort}, {dtype}"].append(time.process_time() - started)
            good = _printed(f"{shape} {dtype}", found) and good
    for sort, seconds in sorted(spent.items()):
        print(f"{sort}: {1e3 * float(np.median(seconds)):.0f} ms of {len(seconds)}")
    return good


def _printed(what: str, found: list[tuple[Drawn, str, float]]) -> bool:
    """Print what is wrong and undecided; return whether nothing is wrong."""
    missed = [one for one in found if one[1] == "undecided"]
    wrong = [one for one in found if one[1] and one[1] != "undecided"]
    worst = max((one[2] for one in found), default=0.0)
    print(f"{what}: {len(wrong)} wrong, {len(missed)} undecided of {len(found)}, width off by {worst:.1g}", flush=True)
    for drawn, said, _ in [*wrong, *missed][:6]:
        print("   ", drawn, "->", said)
    return not wrong


if __name__ == "__main__":
    sys.exit(not run(int(sys.argv[1]) if len(sys.argv) > 1 else 10, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
