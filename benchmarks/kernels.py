"""Fused kernels against the fastest peers, in one interleaved run: row sums, ELBOs, importance-weighted bounds, elementwise.

Usage: python benchmarks/kernels.py [THREADS] [SECONDS PER CELL] [rows] [elbos] [iwae] [divergence] [families] [elementwise]

Needs what `peers` imports: torch, jax, tensorflow, tfp-nightly, numpyro, numba-stats, scipy. Prints, for every cell,
nanoseconds a number of the fast and the exact tier, the fastest peer, and how many times as long it takes: of the best
turns, and as the median over pairs of turns; then the spread of our turns, and the share of the bandwidth: the bytes that
the cell must move, beside what a sum of the same arrays reads in the same run. At the end, the range of each workload.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 1
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # before any framework counts processors
os.environ.update(OMP_NUM_THREADS=str(THREADS), TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu")

import jax  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from peers import Call, Jax, Torch, frameworks, jax_way, libraries, torch_ways  # noqa: E402

from elbocheck import densities  # noqa: E402
from elbocheck.bench.clock import Timing, bandwidth, race, ratio  # noqa: E402
from elbocheck.bench.formulas import WORKLOADS  # noqa: E402
from elbocheck.divergences import normal_standard  # noqa: E402
from elbocheck.estimators import elbo, elbo_and_grad, importance_weighted  # noqa: E402
from elbocheck.kernels.lift import lift  # noqa: E402
from elbocheck.kernels.threads import threads  # noqa: E402

torch.set_num_threads(THREADS)
jax.config.update("jax_enable_x64", True)
Cell = tuple[str, int, int, dict[str, Call]]  # title, numbers, bytes to be moved, contenders
OURS = ("fast", "exact")
READER = "sum of the arrays"
SHAPES = ((128, 784), (128, 3072), (4096, 784), (4096, 3072))
BY_FAMILY = {workload.family: workload for workload in WORKLOADS}
DTYPES = (np.float32, np.float64)
LATENTS = 32


def _plus(x: float, y: float) -> float:
    return x + y


READ = lift(_plus)


def reader(*arrays: Any) -> dict[str, Call]:
    """What reading two arrays takes, and nothing else."""
    return {READER: lambda: READ.sums(*arrays, tier="fast")}


FIXED = {"bernoulli": {}, "normal": {"scale": 0.75}, "huber": {"scale": 1.0, "delta": 1.25}}


def rows() -> Iterator[Cell]:
    """Sums over the last axis of three losses, with and without gradient."""
    for dtype in DTYPES:
        for family, fixed in FIXED.items():
            for shape in SHAPES:
                rng = np.random.default_rng(0)
                x, moving = rng.normal(size=shape).astype(dtype), rng.normal(size=shape).astype(dtype)
                x = (x > 0).astype(dtype) if family == "bernoulli" else x
                density, name = getattr(densities, family), "logits" if family == "bernoulli" else "loc"
                given = {**fixed, name: moving}
                for grad in (0, 1):

                    def ours(tier: str, density=density, x=x, given=given, name=name, grad=grad) -> Call:  # type: ignore[no-untyped-def]
                        if grad:
                            return lambda: density.value_and_grad(x, name, tier=tier, **given)
                        return lambda: density.log_prob_sum(x, tier=tier, **given)

                    peers = torch_ways(getattr(Torch(), family), moving, x, grad=grad)
                    peers |= jax_way(getattr(Jax(), family), moving, x, grad=grad)
                    if not grad and family != "huber":
                        peers |= libraries(BY_FAMILY[family], x, moving)
                    title = f"{family} {shape[0]}x{shape[1]} {np.dtype(dtype).name}{' +grad' if grad else ''}"
                    yield (
                        title,
                        x.size,
                        (2 + grad) * x.nbytes,
                        {"fast": ours("fast"), "exact": ours("exact"), **peers, **reader(x, moving)},
                    )


def elbos() -> Iterator[Cell]:
    """A VAE's whole loss, with and without gradient."""
    for dtype in DTYPES:
        for shape in SHAPES:
            rng = np.random.default_rng(1)
            x = (rng.random(shape) > 0.5).astype(dtype)
            logits = rng.normal(size=shape).astype(dtype)
            loc, log_var = (rng.normal(size=(shape[0], LATENTS)).astype(dtype) for _ in "ab")
            arrays = (logits, loc, log_var, x)
            for grad in (0, 3):
                function = elbo_and_grad if grad else elbo

                def ours(tier: str, function=function, x=x, arrays=arrays) -> Call:  # type: ignore[no-untyped-def]
                    return lambda: function(densities.bernoulli, x, {"logits": arrays[0]}, *arrays[1:3], tier=tier)

                peers = torch_ways(Torch().elbo, *arrays, grad=grad) | jax_way(Jax().elbo, *arrays, grad=grad)
                title = f"elbo {shape[0]}x{shape[1]}x{LATENTS} {np.dtype(dtype).name}{' +grad' if grad else ''}"
                yield (
                    title,
                    x.size,
                    (3 if grad else 2) * x.nbytes,
                    {"fast": ours("fast"), "exact": ours("exact"), **peers, **reader(x, logits)},
                )


def iwae() -> Iterator[Cell]:
    """The importance-weighted bound, 64 samples."""
    for dtype in DTYPES:
        rng = np.random.default_rng(2)
        batch, samples, size = 32, 64, 784
        x = (rng.random((batch, size)) > 0.5).astype(dtype)
        logits = rng.normal(size=(batch, samples, size)).astype(dtype)
        loc, log_var = (rng.normal(size=(batch, LATENTS)).astype(dtype) for _ in "ab")
        eps = rng.normal(size=(batch, samples, LATENTS)).astype(dtype)
        arrays = (logits, loc, log_var, eps, x)

        def ours(tier: str, arrays=arrays, x=x) -> Call:  # type: ignore[no-untyped-def]
            return lambda: importance_weighted(densities.bernoulli, x, {"logits": arrays[0]}, *arrays[1:4], tier=tier)

        peers = torch_ways(Torch().iwae, *arrays) | jax_way(Jax().iwae, *arrays)
        title = f"iwae {batch}x{samples}x{size} {np.dtype(dtype).name}"
        yield title, logits.size, logits.nbytes, {"fast": ours("fast"), "exact": ours("exact"), **peers}


def divergence() -> Iterator[Cell]:
    """Row sums of KL(N(loc, var) || N(0, 1))."""
    for dtype in DTYPES:
        loc, log_var = (np.random.default_rng(5).normal(size=(4096, 64)).astype(dtype) for _ in "ab")

        def ours(tier: str, loc=loc, log_var=log_var) -> Call:  # type: ignore[no-untyped-def]
            return lambda: normal_standard.kl_sum(loc=loc, log_var=log_var, tier=tier)

        peers = torch_ways(Torch().kl, loc, log_var) | jax_way(Jax().kl, loc, log_var)
        title = f"KL 4096x64 {np.dtype(dtype).name}"
        yield (
            title,
            loc.size,
            2 * loc.nbytes,
            {"fast": ours("fast"), "exact": ours("exact"), **peers, **reader(loc, log_var)},
        )


def families() -> Iterator[Cell]:
    """Row sums of the families with special functions, library distributions among the peers."""
    for dtype in DTYPES:
        for workload in WORKLOADS[4:]:
            x, moving = (a.astype(dtype) for a in workload.draw(np.random.default_rng(3), (128, 784)))
            density, given = getattr(densities, workload.family), {**workload.fixed, workload.moving: moving}

            def ours(tier: str, density=density, x=x, given=given) -> Call:  # type: ignore[no-untyped-def]
                return lambda: density.log_prob_sum(x, tier=tier, **given)

            contenders = {"fast": ours("fast"), "exact": ours("exact"), **frameworks(workload, x, moving)}
            contenders |= libraries(workload, x, moving) | reader(x, moving)
            yield f"{workload.family} {np.dtype(dtype).name}", x.size, 2 * x.nbytes, contenders


def elementwise() -> Iterator[Cell]:
    """Ten million numbers into an array that is given."""
    for dtype in DTYPES:
        for workload in WORKLOADS:
            x, moving = (a.astype(dtype) for a in workload.draw(np.random.default_rng(4), (10**7,)))
            density, given = getattr(densities, workload.family), {**workload.fixed, workload.moving: moving}
            out = np.empty_like(x)

            def ours(tier: str, density=density, x=x, given=given, out=out) -> Call:  # type: ignore[no-untyped-def]
                return lambda: density.log_prob(x, tier=tier, out=out, **given)

            tensors, target = (
                (torch.from_numpy(x), torch.from_numpy(moving)),
                torch.empty(x.size, dtype=torch.from_numpy(x).dtype),
            )
            names = {name: getattr(torch, name) for name in ("abs", "exp", "log", "log1p", "lgamma", "relu", "where")}
            space = type("M", (), {name: staticmethod(value) for name, value in names.items()})

            def into(x: Any, moving: Any, out: Any, formula=workload.formula, space=space) -> Any:  # type: ignore[no-untyped-def]
                out.copy_(formula(space, x, moving))

            torch.compiler.reset()  # or it gives up, silently, after eight shapes
            compiled = torch.compile(into, dynamic=False)
            peers: dict[str, Call] = {"torch.compile(out)": lambda c=compiled, t=tensors, o=target: c(*t, o)}  # type: ignore[misc]
            yield f"{workload.family} 1e7 {np.dtype(dtype).name}", x.size, 3 * x.nbytes, {
                "fast": ours("fast"), "exact": ours("exact"), **peers,
            }  # fmt: skip


def line(title: str, numbers: int, moved: int, timings: dict[str, Timing], copying: float) -> tuple[str, float]:
    """One row of the table, and how many times as long the fastest peer takes."""
    peers = {name: timing for name, timing in timings.items() if name not in (*OURS, READER)}
    name = min(peers, key=lambda peer: peers[peer].best)
    peer, fast, exact = peers[name], timings["fast"], timings["exact"]
    speed = (
        timings[READER].best / (2 * numbers)
        if READER in timings
        else np.dtype(title.rsplit(maxsplit=1)[-1]).itemsize / copying
    )
    share = moved / np.dtype(title.split("+", maxsplit=1)[0].rsplit(maxsplit=1)[-1]).itemsize * speed / fast.best
    scipy = f"  scipy.stats {timings['scipy.stats'].best / fast.best:.0f}" if "scipy.stats" in timings else ""
    return (
        f"{title:34}{fast.best / numbers * 1e9:7.3f}{exact.best / numbers * 1e9:8.3f}{peer.best / numbers * 1e9:8.3f}  {name:19}"
        f"{peer.best / fast.best:6.2f}{ratio(peer, fast):7.2f}{peer.best / exact.best:8.2f}{ratio(peer, exact):7.2f}"
        f"{fast.spread:7.0%}{share:7.0%}{scipy}"
    ), peer.best / fast.best


PARTS = {
    "rows": rows,
    "elbos": elbos,
    "iwae": iwae,
    "divergence": divergence,
    "families": families,
    "elementwise": elementwise,
}


def main() -> None:
    """Time every cell that was asked for."""
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    reading, copying = bandwidth(THREADS)
    print(
        f"{THREADS} thread(s); reads {reading / 1e9:.1f} GB/s, copies {copying / 1e9:.1f} GB/s; ns a number; peer / ours"
    )
    heads = ("fast", "exact", "peer", "  fastest peer       ", "fast", "pairs", "exact", "pairs", "spread", "of bw")
    widths = (7, 8, 8, 21, 6, 7, 8, 7, 7, 7)
    print(" " * 34 + "".join(head.rjust(width) for head, width in zip(heads, widths, strict=True)))
    ranges: dict[str, list[float]] = {}
    with threads(THREADS):
        for part in sys.argv[3:] or PARTS:
            for title, numbers, moved, contenders in PARTS[part]():
                for call in contenders.values():
                    call()
                text, found = line(title, numbers, moved, race(contenders, seconds), copying)
                print(text, flush=True)
                words = title.split()
                ranges.setdefault(
                    f"{words[0]} {'1e7 ' * ('1e7' in words)}{words[2 if len(words) > 2 else 1]}", []
                ).append(found)
    for what, found in ranges.items():
        print(f"{what:34}{min(found):5.1f} to {max(found):.1f}")


if __name__ == "__main__":
    main()
