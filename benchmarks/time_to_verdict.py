"""How long a person waits: a warm `elbocheck verify` against importing what it stands on, in one interleaved run.

Usage: python benchmarks/time_to_verdict.py [ROUNDS]

Prints the minimum and the median of each command, and the ratio of each verify to the import beside it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

BASE = ("python -c 'import numba, scipy.special'", [sys.executable, "-c", "import numba, scipy.special"])
TARGETS = (
    "elbocheck.gallery.keras_guide_mse:vae_loss",
    "elbocheck.gallery.tutorials:pytorch_examples",
    "elbocheck.gallery.kingma_welling:gaussian_estimator_b",
)


def seconds(command: list[str]) -> float:
    """Return the wall time of one run."""
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False, cwd=Path.home())
    return time.perf_counter() - started


def main(rounds: int) -> None:
    """Time every target against the imports, turn by turn."""
    commands = {target: [sys.executable, "-m", "elbocheck", "verify", target] for target in TARGETS}
    for command in (BASE[1], *commands.values()):
        seconds(command)  # warms the caches, Numba's among them
    base: list[float] = []
    found: dict[str, list[float]] = {target: [] for target in TARGETS}
    ratios: dict[str, list[float]] = {target: [] for target in TARGETS}
    for _ in range(rounds):
        base.append(seconds(BASE[1]))
        for target, command in commands.items():
            found[target].append(seconds(command))
            ratios[target].append(found[target][-1] / base[-1])
    print(f"{'':<58} {'min s':>6} {'median':>6} {'ratio':>6}")
    print(f"{BASE[0]:<58} {min(base):6.2f} {statistics.median(base):6.2f}")
    for target in TARGETS:
        row = found[target]
        print(f"{target:<58} {min(row):6.2f} {statistics.median(row):6.2f} {statistics.median(ratios[target]):6.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
