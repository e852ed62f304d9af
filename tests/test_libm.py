"""exp, expm1, log and log1p in both types: ulps against balls, edges, and that LLVM makes vectors of them."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.enclosure import doubles
from elbocheck.kernels import libm
from elbocheck.kernels.lift import lift

RNG = np.random.default_rng(0)
SPREAD = np.concatenate([10.0 ** RNG.uniform(-320, 308, 4000), RNG.uniform(0.3, 3, 3000)])
POINTS: dict[str, Any] = {
    "exp": np.concatenate([RNG.uniform(-1, 1, 4000), RNG.uniform(-746, 710, 4000)]),
    "exp_of_negative": -np.concatenate([RNG.uniform(0, 1, 2000), RNG.uniform(0, 746, 2000), SPREAD[:1000]]),
    "expm1": np.concatenate(
        [RNG.uniform(-1.5, 1.5, 4000), RNG.uniform(-60, 709, 2000), SPREAD[:2000] % 1, -SPREAD[:50]]
    ),
    "log": SPREAD,
    "log1p": np.concatenate([SPREAD, RNG.uniform(-1, 3, 4000), -(10.0 ** RNG.uniform(-18, 0, 1000))]),
    "log1p_unit": np.concatenate([RNG.uniform(0, 1, 3000), SPREAD % 1, [0.0, 1.0]]),
    "reciprocal_from_one": np.concatenate([RNG.uniform(1, 2, 4000), [1.0, 2.0]]),
}
TRUTH = {"exp_of_negative": "exp", "log1p_unit": "log1p"}
EDGES = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, -2.0, 5e-324, -5e-324, 1e308, -1e308, 709.7, -745.2]


@pytest.mark.parametrize("tier", ["float64", "float32"])
@pytest.mark.parametrize("name", POINTS)
def test_errors_stay_below_the_budget(name: str, tier: str) -> None:
    """Less than one ulp in float64, little more in float32, subnormal numbers included."""
    with np.errstate(over="ignore", under="ignore"):
        points = POINTS[name].astype(tier)
    points = points[np.isfinite(points)]
    found = lift(getattr(libm, name))(points, tier="fast")
    truth = TRUTH.get(name, name)

    def exactly(m: Any, x: float) -> Any:
        return 1 / m.exact(x) if name == "reciprocal_from_one" else getattr(m, truth)(m.exact(x))

    high, low = doubles(exactly, points.astype(float).tolist(), 128, 1)
    errors = ulp_distance(found, high, tier, remainder=low)
    budget = BUDGETS.get(f"libm.{name}", BUDGETS[f"libm.{tier}"])
    assert errors.max() <= budget.ulps, points[errors.argmax()]


@pytest.mark.parametrize("tier", ["float64", "float32"])
@pytest.mark.parametrize("name", ["exp", "expm1", "log", "log1p"])
def test_edges_are_those_of_numpy(name: str, tier: str) -> None:
    """NaN, infinities, signed zeros and both ends of the range."""
    with np.errstate(all="ignore"):
        points = np.array(EDGES).astype(tier)
        expected = getattr(np, name)(points)
    found = lift(getattr(libm, name))(points, tier="fast")
    assert ulp_distance(found, expected, tier).max() <= BUDGETS[f"libm.{tier}"].ulps
    assert (np.signbit(found) == np.signbit(expected))[~np.isnan(expected)].all()


@pytest.mark.parametrize(("name", "known"), [("log_of_normal", np.log), ("exp_of_negative", np.exp)])
def test_what_is_rounded_to_float32_needs_no_guards(name: str, known: Callable[[Any], Any]) -> None:
    """Right to the last bit all over float32, and 0 where it has no number; infinities and NaN stay."""
    rng = np.random.default_rng(5)
    bits = rng.integers(1 << 23, 0x7F800000, 1_000_000, dtype=np.uint32)
    points = np.append(
        bits.view(np.float32), np.float32([1.0, np.nextafter(np.float32(1), 0), 1e-38, 3e38, np.inf, np.nan])
    )
    if name == "exp_of_negative":
        few = -np.abs(rng.normal(size=1_000_000)) * 40
        points = np.concatenate([few, -points, [-0.0, -103.97, -104.0, -1e4, -np.inf, np.nan]]).astype(np.float32)
    with np.errstate(all="ignore"):
        expected = known(points.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(lift(getattr(libm, name))(points), expected)


def test_what_exceeds_its_tangent_is_rounded_once_too() -> None:
    """e**x - 1 - x about 0, where it is half a square, and beyond what float32 holds."""
    rng = np.random.default_rng(6)
    wide = rng.normal(size=200_000) * 10.0 ** rng.uniform(-15, 2, 200_000)
    ends = rng.uniform(0.3, 0.35, 200_000) * rng.choice([-1.0, 1.0], 200_000)  # where a series has its largest error
    points = np.concatenate([wide, ends, [0.0, 88.0, 89.5, 709.5, 711.0, 3e38, -3e38]]).astype(np.float32)
    with np.errstate(all="ignore"):
        expected = lift(libm.expm1_minus)(points.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(lift(libm.expm1_minus)(points), expected)


PROBE = """
import re, sys
from elbocheck import densities
from elbocheck.densities.density import log_prob_element
from elbocheck.kernels import lift
from elbocheck.kernels._jit import Layout, dispatcher
lift.compiled = dispatcher
makers = {"sums": lambda *two: lift._sums(*two, 0), "values": lift._values, "streams": lambda *two: lift._values(*two, True)}
for name in sys.argv[1:]:
    density = getattr(densities, name)
    form = density.forms[0]
    for kind, letter in (("float32", "s"), ("float64", "d")):
        varies = (True, True, *[False] * (len(form.parameters) - 1))
        layout, element = Layout(varies, kind, kind, kind, True), log_prob_element(density, form, varies, ())
        for loop, make in makers.items():
            text = "".join(make(element, layout).inspect_asm().values())
            vectors = len(re.findall(rf"v?(?:add|sub|mul|fmadd[0-9]+)p{letter}\\s|fmul|fmla", text))
            print(name, kind, loop, vectors, len(re.findall("prefetch|prfm", text)))
"""
HOT = (
    "normal", "bernoulli", "huber", "laplace", "logistic", "student_t", "poisson", "negative_binomial",
    "continuous_bernoulli", "discretized_logistic",
)  # fmt: skip


def test_hot_loops_are_made_of_vector_instructions(tmp_path: Path) -> None:
    """What LLVM cannot inline or turn into selects it computes one by one, five times slower and without a word."""
    run = subprocess.run(
        [sys.executable, "-c", PROBE, *HOT],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    counts = {tuple(line.split()[:3]): tuple(map(int, line.split()[3:])) for line in run.stdout.splitlines()}
    assert len(counts) == 6 * len(HOT)
    assert min(vectors for vectors, _ in counts.values()) >= 3, counts
    assert min(ahead for _, ahead in counts.values()) >= 2, counts  # memory is asked ahead for both arrays
