"""Random losses of every family: `python -m tests.quality.random_families COUNT [SEED] [FAMILY ...]`.

COUNT losses per family and dtype, written as people write them, with random parameters, scales, offsets and reductions.
Prints what is misread, what is left undecided, the worst errors (with and without an offset, which hides small parameters),
the widest claim without one, how many claims the truth violates, how many parameters miss the bar, and the work. Bars: nothing
misread, at most 0.5 % undecided, parameters to 1e-12 (float64) or 1e-6 (float32) without offset, no claim violated.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from elbocheck.anatomy import Reconstruction
from elbocheck.loss import Loss
from elbocheck.member import member
from elbocheck.probing.dissect import dissect
from elbocheck.probing.probe import Probe
from elbocheck.shapes import discover
from tests.quality.energy import Energy
from tests.quality.families import FAMILIES

REDUCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "none": lambda e: e,
    "datum": lambda e: np.sum(e, axis=1),
    "sum": np.sum,
    "mean": np.mean,
    "sum, mean": lambda e: np.mean(np.sum(e, axis=1)),
}
EXACT: Mapping[str, float] = {"float64": 1e-12, "float32": 1e-6}
"""The bar for parameters where no offset hides them."""
UNDECIDED = 0.005


@dataclass(frozen=True)
class Drawn:
    """A random loss and what it is.

    Attributes:
        energy: of one element, before it is scaled.
        factor: what it is scaled by.
        offset: what is added to every element.
        reduction: over elements and data.
        dtype: that everything is computed in.
    """

    energy: Energy
    factor: float
    offset: float
    reduction: str
    dtype: np.dtype[Any]

    @property
    def loss(self) -> Callable[..., Any]:
        """The loss, with arguments named as its energy says."""

        def value(x: Any, *rest: Any) -> Any:
            element = self.factor * self.energy.value(x, *rest) + self.offset
            found = REDUCTIONS[self.reduction](element)
            assert found.dtype == x.dtype, found.dtype
            return found

        names = ", ".join(["x", *self.energy.arguments])
        return eval(f"lambda {names}: value({names})", {"value": value})  # type: ignore[no-any-return]

    @property
    def hidden(self) -> bool:
        """A constant of the size of the weight stands beside the energy and takes digits from it."""
        return self.offset != 0 or self.energy.raised

    def __str__(self) -> str:
        e = self.energy
        return f"{e.family} {dict(e.parameters)} * {self.factor:.4g} + {self.offset:.4g}, {self.reduction}, {self.dtype}, {e.way}"


@dataclass
class Tally:
    """What became of the losses of one family in one dtype."""

    count: int = 0
    misread: int = 0
    undecided: int = 0
    plain: float = 0.0
    hidden: float = 0.0
    weight: float = 0.0
    beyond: int = 0
    violated: int = 0
    claim: float = 0.0
    calls: list[int] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the bars are met."""
        return not (self.misread or self.violated or self.beyond) and self.undecided <= UNDECIDED * self.count


def draw(name: str, rng: np.random.Generator, dtype: np.dtype[Any]) -> Drawn:
    """Draw a loss of that family, its numbers representable in the dtype."""

    def number(low: float, high: float, *, logarithmic: bool = True) -> float:
        found = np.exp(rng.uniform(np.log(low), np.log(high))) if logarithmic else rng.uniform(low, high)
        return float(dtype.type(found))

    energy = FAMILIES[name](number, lambda count: int(rng.integers(count)))
    factor = number(1e-3, 1e3) if energy.scalable and rng.random() < 0.7 else 1.0
    offset = float(dtype.type(rng.uniform(-1, 1) * factor * energy.weight)) if rng.random() < 0.5 else 0.0
    return Drawn(energy, factor, offset, str(rng.choice(list(REDUCTIONS))), dtype)


def told(found: Reconstruction) -> tuple[str | None, dict[str, float], float]:
    """Return family, parameters and weight, once a weight that makes another member is absorbed."""
    weight = found.weight.coefficient
    if found.density in ("cauchy", "log_cosh") and found.normalizer_ratio is None:
        whole = member(found.density, weight, found.shape)
        if whole is not None:
            return whole.family, dict(whole.parameters), 1.0
    return found.density, dict(found.shape), weight


def judge(drawn: Drawn, tally: Tally) -> str:
    """Take one loss apart and count; return what went wrong, empty where nothing did."""
    loss = Loss.of(drawn.loss)
    probe = Probe(loss, discover(loss, {}, drawn.dtype), drawn.dtype)
    began = time.perf_counter()
    found = dissect(probe, 0).reconstruction
    tally.milliseconds.append(1e3 * (time.perf_counter() - began))
    tally.calls.append(probe.loss.calls.values)
    tally.count += 1
    energy = drawn.energy
    assert found is not None
    if found.density is None:
        tally.undecided += 1
        return "undecided"
    family, parameters, weight = told(found)
    if family != energy.family or set(parameters) != set(energy.parameters) or found.signed or found.swapped:
        tally.misread += 1
        return f"misread as {family} {parameters} of weight {weight:.17g}, {found.parameter} {found.link}"
    off = max((abs(parameters[k] / v - 1) for k, v in energy.parameters.items()), default=0.0)
    heavy = abs(weight / (drawn.factor * energy.weight) - 1)
    if found.normalizer_ratio is not None:
        heavy = max(heavy, abs(found.normalizer_ratio - 1))
    tally.weight = max(tally.weight, heavy) if not drawn.hidden else tally.weight
    if drawn.hidden:
        tally.hidden = max(tally.hidden, off)
    else:
        tally.plain = max(tally.plain, off)
    bar = EXACT[drawn.dtype.name]
    # df = 2w - 1 and the power of a secant are read off the weight
    absorbed = 3 * found.weight.error if set(parameters) != set(found.shape) else 0.0
    claimed = found.shape_error + absorbed + float(np.finfo(drawn.dtype).eps)
    if not drawn.hidden:
        tally.claim = max(tally.claim, claimed)
    tally.violated += off > claimed
    tally.beyond += off > bar and not drawn.hidden
    if off > claimed or (off > bar and not drawn.hidden):
        return f"off by {off:.2g}, claimed {found.shape_error:.2g} and {found.weight.error:.2g}: {parameters}"
    if heavy > max(bar, found.weight.error):
        return f"weight off by {heavy:.2g}, claimed {found.weight.error:.2g}"
    return ""


def run(names: Iterable[str], count: int, seed: int, *, shown: int = 3) -> bool:
    """Print a line for each family and dtype, and the first losses that went wrong; return whether the bars are met."""
    print(
        f"{'':28}{'misread':>8}{'undecided':>10}{'plain':>9}{'offset':>9}{'weight':>9}{'claim':>9}{'violated':>9}{'beyond':>7}"
        f"{'calls':>7}{'most':>6}{'ms':>7}{'most':>7}"
    )
    good = True
    for name in names:
        for dtype in (np.dtype(np.float64), np.dtype(np.float32)):
            rng, tally, wrong = np.random.default_rng((seed, *name.encode())), Tally(), []
            for _ in range(count):
                drawn = draw(name, rng, dtype)
                if trouble := judge(drawn, tally):
                    wrong.append(f"    {drawn}: {trouble}")
            good = good and tally.good
            print(
                f"{name + ' ' + dtype.name:28}{tally.misread:8}{tally.undecided:10}{tally.plain:9.1e}{tally.hidden:9.1e}"
                f"{tally.weight:9.1e}{tally.claim:9.1e}{tally.violated:9}{tally.beyond:7}{median(tally.calls):7.0f}"
                f"{max(tally.calls):6}{median(tally.milliseconds):7.1f}{max(tally.milliseconds):7.0f}",
                flush=True,
            )
            print(*wrong[:shown], sep="\n", end="\n" if wrong else "")
    return good


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    start = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    sys.exit(not run(sys.argv[3:] or FAMILIES, number, start))
