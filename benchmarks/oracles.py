"""Exact answers by the clock: digits and seconds of ELBOs, gradients, evidences and importance-weighted bounds.

Usage: python benchmarks/oracles.py [ROUNDS]

Prints the fewest digits of each answer's numbers and the best and median wall time over the rounds. Then, what one log
density costs in each engine that certificates ask: double-double arithmetic, balls, mpmath. One thread.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from elbocheck.densities import bernoulli, student_t
from elbocheck.doubled import sharp_values
from elbocheck.enclosure import doubles
from elbocheck.estimators import BernoulliLogit, LinearGaussian
from elbocheck.precision import context

SAMPLES = (1, 2, 3, 5, 10, 50, 1000)


def numbers(answer: Any) -> Iterator[Any]:
    """Yield every ball of an answer, however it is nested."""
    if hasattr(answer, "digits"):
        yield answer
        return
    for part in answer.values() if isinstance(answer, dict) else answer:
        yield from numbers(part)


def questions() -> dict[str, Callable[[], Any]]:
    """Return what is asked, by name."""
    rng = np.random.default_rng(1)
    pixels, latents = 784, 32
    weights, bias = rng.normal(size=(pixels, latents)) / latents**0.5, rng.normal(size=pixels)
    x, loc, scale = rng.integers(0, 2, pixels), rng.normal(size=latents), rng.uniform(0.3, 1.2, latents)
    big, five = BernoulliLogit(weights, bias), BernoulliLogit(weights[:5, :2] * 4, bias[:5])
    small = BernoulliLogit([[1.3], [-0.7], [0.4], [2.0], [-1.0]], [0.1, -0.2, 0.3, 0.0, 0.5])
    one, linear = BernoulliLogit(weights[:, :1] * 4, bias), LinearGaussian(weights, bias, 0.3)
    return {
        "ELBO, 784 pixels, 32 latents": lambda: big.elbo(x, loc, scale),
        "gradient of it, 25,936 entries": lambda: big.elbo_grad(x, loc, scale),
        "gradient, 5 pixels, 2 latents": lambda: five.elbo_grad(x[:5], loc[:2], scale[:2]),
        "evidence, 5 pixels, 2 latents": lambda: five.log_evidence(x[:5]),
        "evidence, 784 pixels, 1 latent": lambda: one.log_evidence(x),
        f"IWAE, K = {SAMPLES}": lambda: small.iwae([1, 0, 1, 1, 0], [0.8], [0.6], SAMPLES),
        "the same, q far and narrow": lambda: small.iwae([1, 0, 1, 1, 0], [-1.0], [0.5], SAMPLES),
        "linear-Gaussian evidence, 784, 32": lambda: linear.log_evidence(bias + 0.1),
    }


def main(rounds: int) -> None:
    """Ask each question a few times."""
    for name, ask in questions().items():
        times = []
        for _ in range(rounds):
            started = time.perf_counter()
            answer = ask()
            times.append(time.perf_counter() - started)
        digits = min(number.digits for number in numbers(answer))
        print(f"{name:44} {digits:5.1f} digits  best {min(times):7.4f} s  median {statistics.median(times):7.4f} s")


def engines(rounds: int) -> None:
    """Time the engines on one definition after the other."""
    rng = np.random.default_rng(2)
    for density, count in ((bernoulli, 1), (student_t, 3)):
        definition = density.forms[0].definition
        points = rng.uniform(0.5, 3.0, (1 + count, 200_000))
        few = points[:, :2000].T.tolist()
        ctx = context(30)
        ways: dict[str, tuple[int, Callable[[], Any]]] = {
            "double-double": (points.shape[1], lambda d=definition, p=points: sharp_values(d, *p)),  # type: ignore[misc]
            "balls, 128 bits": (
                len(few),
                lambda d=definition, f=few: doubles(lambda m, p: d(m, *map(m.exact, p)), f, 128, 1),  # type: ignore[misc]
            ),
            "mpmath, 30 digits": (
                len(few),
                lambda d=definition, f=few, m=ctx: [d(m, *map(m.mpf, p)) for p in f],  # type: ignore[misc]
            ),
        }
        for name, (size, way) in ways.items():
            way()
            times = []
            for _ in range(rounds):
                started = time.perf_counter()
                way()
                times.append(time.perf_counter() - started)
            print(f"{density.name + ' log density, ' + name:44} {min(times) / size * 1e9:9.0f} ns a point")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    engines(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
