"""Every float there is: all 2**32 float32 logits of the Bernoulli energy for both targets, all 16-bit values for every family.

Usage: python benchmarks/sweep.py [float32] [float16] [--torch]

float32: both tiers (and torch's binary_cross_entropy_with_logits) against the float64 kernel, whose own error is certified.
float16: x, and the first parameter, run through all float16 and all bfloat16 values, the others ordinary; the exact tier.
Prints the largest error in ulps, where it is, and the time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from elbocheck.budget import ulp_distance
from elbocheck.densities import DENSITIES, bernoulli
from elbocheck.kernels.lift import Lifted
from elbocheck.kernels.threads import thread_count, threads

CHUNK = 1 << 20
ENERGY = bernoulli.forms[0].energy
ORDINARY = {"probs": 0.25, "low": -1.0, "high": 4.0, "levels": 256.0}
MANTISSA, LEAST = 23, -149


def contenders(with_torch: bool) -> dict[str, Callable[[Any, float], Any]]:
    """Return what is swept, by name: (logits, target) to float32 values."""
    found: dict[str, Callable[[Any, float], Any]] = {
        tier: lambda logits, x, tier=tier: ENERGY(np.float32(x), logits, tier=tier) for tier in ("fast", "exact")
    }
    if with_torch:
        import torch

        def loss(logits: Any, x: float) -> Any:
            target = torch.full((logits.size,), x)
            given = torch.from_numpy(logits)
            return torch.nn.functional.binary_cross_entropy_with_logits(given, target, reduction="none").numpy()

        found["torch"] = loss
    return found


def errors(values: Any, truth: Any) -> Any:
    """Return errors in ulps of float32; infinite where the kind differs."""
    _, exponent = np.frexp(truth)
    with np.errstate(all="ignore"):
        unit = np.ldexp(1.0, np.maximum(exponent - 1 - MANTISSA, LEAST))
        found = np.abs(values.astype(np.float64) - truth) / unit
        rounded = truth.astype(np.float32)
    odd = ~np.isfinite(values) | ~np.isfinite(rounded)
    return np.where(odd, np.where((values == rounded) | (np.isnan(values) & np.isnan(rounded)), 0.0, np.inf), found)


def chunk(start: int, x: float, swept: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Return the worst error of each contender among some logits, and where."""
    logits = np.arange(start, start + CHUNK, dtype=np.uint64).astype(np.uint32).view(np.float32)
    logits = logits[np.isfinite(logits)]
    if not logits.size:
        return {}
    with threads(1):
        truth = ENERGY.wide(np.float32(x), logits)
        found = {}
        for name, call in swept.items():
            missed = errors(call(logits, x), truth)
            place = int(np.argmax(missed))
            found[name] = float(missed[place]), float(logits[place])
    return found


def sweep_float32(with_torch: bool) -> None:
    """Run through all logits for both targets."""
    swept = contenders(with_torch)
    for x in (0.0, 1.0):
        started, worst = time.perf_counter(), dict.fromkeys(swept, (0.0, 0.0))
        chunk(0, x, swept)
        with ThreadPoolExecutor(thread_count()) as pool:
            for found in pool.map(lambda start, x=x: chunk(start, x, swept), range(0, 1 << 32, CHUNK)):
                worst = {name: max(seen, found.get(name, seen)) for name, seen in worst.items()}
        for name, (ulps, place) in worst.items():
            print(f"bernoulli, target {x:g}, all 2**32 logits, {name:6} worst {ulps:.8g} ulp at {place:.9g}")
        print(f"  {time.perf_counter() - started:.0f} s on {thread_count()} threads")


def halves() -> Iterator[tuple[str, Any, type]]:
    """Yield all finite 16-bit values as float32, and their dtype: NumPy has no bfloat16, whose values are float32."""
    bits = np.arange(1 << 16, dtype=np.uint32)
    for name, values, dtype in (
        ("float16", bits.astype(np.uint16).view(np.float16).astype(np.float32), np.float16),
        ("bfloat16", (bits << 16).view(np.float32), np.float32),
    ):
        yield name, values[np.isfinite(values)], dtype


def sweep_float16() -> None:
    """Run every scalar family's energy through all 16-bit values of x, and of its first parameter."""
    for density in DENSITIES:
        for form in density.forms:
            if not isinstance(form.energy, Lifted) or form.parameters[0].event_rank:
                continue
            others = [ORDINARY.get(parameter.name, 1.5) for parameter in form.parameters]
            for kind, values, dtype in halves():
                started = time.perf_counter()
                first = values[form.parameters[0].domain.holds(values)].astype(dtype)
                runs = [(values.astype(dtype), others), (np.asarray(1, dtype), [first, *others[1:]])]
                worst = 0.0
                for x, given in runs:
                    exact = form.energy.wide(x, *given)
                    worst = max(worst, float(ulp_distance(form.energy(x, *given), exact, dtype).max()))
                seconds = time.perf_counter() - started
                print(f"{density.name + str(form.names):56} {kind:9} exact, worst {worst:.6f} ulp, {seconds:.2f} s")


if __name__ == "__main__":
    asked = [word for word in sys.argv[1:] if not word.startswith("-")] or ["float16", "float32"]
    if "float16" in asked:
        sweep_float16()
    if "float32" in asked:
        sweep_float32("--torch" in sys.argv)
