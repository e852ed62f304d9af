"""Whole VAE losses on (4, 3, 5, 7) images with 6 latents: how many calls it takes to read every exponent, beta and sigma.

`python -m tests.quality.few_calls` prints a row for each of 24 losses in both dtypes, and the worst of all.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import log, pi, sqrt
from typing import Any

import numpy as np

from elbocheck.loss import Loss
from elbocheck.probing.dissect import dissect
from elbocheck.probing.probe import Probe
from elbocheck.shapes import Layout

AXES = ("B", "H", "W", "C")
"""What the axes of an image are called: NumPy's usual order."""
REDUCTIONS = {
    "sum": ("", ""),
    "mean": ("BHWC", "BL"),
    "batch mean": ("B", "B"),
    "mean over B, C": ("BC", "B"),
    "mean over B, H, W": ("BHW", "BL"),
    "sum over B, mean over D": ("HWC", ""),
}
"""Over which axes each term is averaged; it is added up over the others."""
SCALES = ("log_var", "log_std", "std", "var")
WEIGHTS = (1.0, 4.0, 0.37, 2.5e-3)
SIGMAS = (1.0, 0.1, None, 3.7)
"""The standard deviation of a Gaussian; None: a Bernoulli by its logits."""


@dataclass(frozen=True)
class Case:
    """One loss and its truth.

    Attributes:
        reduction: a key of REDUCTIONS.
        scale: how the posterior's scale is passed.
        beta: the weight of the KL.
        sigma: of the Gaussian, None for a Bernoulli.
    """

    reduction: str
    scale: str
    beta: float
    sigma: float | None

    @property
    def shown(self) -> str:
        """The case in words."""
        return f"{self.reduction:24} {self.scale:8} beta={self.beta:<7g} sigma={self.sigma}"

    @property
    def powers(self) -> tuple[dict[str, int], dict[str, int]]:
        """The powers of each term."""
        recon, latent = REDUCTIONS[self.reduction]
        return (
            {axis: int(axis not in recon) for axis in AXES},
            {axis: int(axis not in latent) for axis in ("B", "L")},
        )


def cases() -> list[Case]:
    """Return the 24: every reduction with every parametrisation, weights and sigmas in turn."""
    return [
        Case(reduction, scale, WEIGHTS[(i + j) % 4], SIGMAS[(i + 2 * j) % 4])
        for (i, reduction), (j, scale) in product(enumerate(REDUCTIONS), enumerate(SCALES))
    ]


@dataclass
class Timed:
    """A function that knows how long its calls took."""

    function: Callable[..., Any]
    seconds: float = 0.0

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        started = time.perf_counter()
        try:
            return self.function(*arguments)
        finally:
            self.seconds += time.perf_counter() - started


def written(case: Case) -> Timed:
    """Return the loss as people write it."""
    recon, latent = REDUCTIONS[case.reduction]

    def value(x: Any, r: Any, mu: Any, s: Any) -> Any:
        if case.sigma is None:
            nll = np.maximum(r, 0) - x * r + np.log1p(np.exp(-np.abs(r)))
        else:
            nll = 0.5 * (x - r) ** 2 / case.sigma**2 + log(case.sigma) + 0.5 * log(2 * pi)
        divided = np.prod([n for axis, n in zip(AXES, x.shape, strict=True) if axis in recon])
        shared = np.prod([n for axis, n in zip(("B", "L"), mu.shape, strict=True) if axis in latent])
        return np.sum(nll) / x.dtype.type(divided) + case.beta * np.sum(_kl(mu, s, case.scale)) / x.dtype.type(shared)

    return Timed(value)


def _kl(mu: Any, s: Any, scale: str) -> Any:
    match scale:
        case "log_var":
            return -0.5 * (1 + s - mu**2 - np.exp(s))
        case "log_std":
            return 0.5 * (mu**2 + np.exp(2 * s) - 1) - s
        case "std":
            return 0.5 * (mu**2 + s**2 - 1 - np.log(s**2))
    return 0.5 * (mu**2 + s - 1 - np.log(s))


@dataclass(frozen=True)
class Measured:
    """What one reading took and gave.

    Attributes:
        calls: of the loss.
        seconds: beside those that the loss itself took.
        exponents: every one of them is right.
        beta: relative error of the KL's weight.
        sigma: of sigma, or of the Bernoulli's weight.
    """

    calls: int
    seconds: float
    exponents: bool
    beta: float
    sigma: float


def measured(case: Case, dtype: str) -> Measured:
    """Read one loss at (4, 3, 5, 7) and 6 latents."""
    timed = written(case)
    first = "logits" if case.sigma is None else "recon_x"
    named = eval(f"lambda x, {first}, mu, {case.scale}: value(x, {first}, mu, {case.scale})", {"value": timed})
    loss = Loss.of(named)
    started = time.perf_counter()
    anatomy = dissect(Probe(loss, Layout(batch=4, event=(3, 5, 7), latent=(6,)), np.dtype(dtype)), 0)
    seconds = time.perf_counter() - started - timed.seconds
    r, g = anatomy.reconstruction, anatomy.regulariser
    assert r is not None
    assert g is not None
    found = {axis: r.weight.powers.get(axis, r.weight.powers.get("D", 0) if axis != "B" else 0) for axis in AXES}
    latent = {axis: g.weight.powers.get(axis, 0) for axis in ("B", "L")}
    extra = set(g.weight.powers) - {"B", "L"} | set(r.weight.powers) - {*AXES, "D"}
    sigma = (1 / sqrt(r.weight.coefficient) / case.sigma) if case.sigma is not None else r.weight.coefficient
    exact = (found, latent) == case.powers and not extra and g.pattern == "kl"
    return Measured(loss.calls.values, seconds, exact, abs(g.weight.coefficient / case.beta - 1), abs(sigma - 1))


def main() -> None:
    """Print every reading and the worst."""
    for dtype in ("float64", "float32"):
        ulp, found = float(np.finfo(dtype).eps), []
        for case in cases():
            one = measured(case, dtype)
            found.append(one)
            told = f"{one.beta / ulp:6.2f} {one.sigma / ulp:6.2f} ulp"
            exact = "exact" if one.exponents else "WRONG"
            sys.stdout.write(
                f"{dtype} {case.shown:60} {one.calls:4} calls {one.seconds * 1e3:7.1f} ms {told} {exact}\n"
            )
        worst = max(max(one.beta, one.sigma) for one in found)
        sys.stdout.write(
            f"{dtype}: {sum(one.exponents for one in found)} of {len(found)} exact; at most {max(one.calls for one in found)} "
            f"calls, {max(one.seconds for one in found) * 1e3:.0f} ms, {worst / ulp:.2f} ulp ({worst:.1e})\n"
        )


if __name__ == "__main__":
    main()
