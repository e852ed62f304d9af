"""Fused kernels against the fastest peers, in one interleaved run: row sums, ELBOs, importance-weighted bounds, elementwise.

Usage: python benchmarks/kernels.py [THREADS] [SECONDS PER CELL] [NAME …]

Needs torch and jax; peers are torch eager and compiled, jax.jit and, for three families, scipy.stats. Prints, for every
cell, nanoseconds a number of the fast and the exact tier, the fastest peer, and how many times as long it takes: of the best
turns, and as the median over pairs of turns; then the spread of our turns. Cells that are bound by memory say what share of
the machine's bandwidth they use.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 1
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])  # before any framework counts processors
os.environ.update(OMP_NUM_THREADS=str(THREADS), TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import jax.scipy.special as jss  # noqa: E402
import jax.scipy.stats as jst  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from elbocheck import densities  # noqa: E402
from elbocheck.bench.clock import Timing, bandwidth, race, ratio  # noqa: E402
from elbocheck.bench.formulas import WORKLOADS  # noqa: E402
from elbocheck.estimators import elbo, elbo_and_grad, importance_weighted  # noqa: E402
from elbocheck.kernels.threads import threads  # noqa: E402

torch.set_num_threads(THREADS)
jax.config.update("jax_enable_x64", True)
Call = Callable[[], Any]
Cell = tuple[str, int, int, dict[str, Call]]
SHAPES = ((128, 784), (128, 3072), (4096, 784), (4096, 3072))
DTYPES = (np.float32, np.float64)
LATENTS = 32


def torch_ways(function: Callable[..., Any], *arrays: Any, grad: int = 0) -> dict[str, Call]:
    """Eager and compiled; with `grad`, differentiated by the first so many arrays."""
    given = [torch.from_numpy(array) for array in arrays]
    for leaf in given[:grad]:
        leaf.requires_grad_(True)

    def run(way: Callable[..., Any]) -> Any:
        value = way(*given)
        return (value, torch.autograd.grad(value.sum(), given[:grad])) if grad else value

    torch.compiler.reset()  # or it gives up, silently, after eight shapes
    compiled = torch.compile(function, dynamic=False)
    return {"torch": lambda: run(function), "torch.compile": lambda: run(compiled)}


def jax_way(function: Callable[..., Any], *arrays: Any, grad: int = 0) -> dict[str, Call]:
    """Under jit; with `grad`, value and derivatives by the first so many arrays."""
    given = [jnp.asarray(array) for array in arrays]
    if grad:

        def total(*args: Any) -> Any:
            value = function(*args)
            return value.sum(), value

        compiled = jax.jit(jax.value_and_grad(total, argnums=tuple(range(grad)), has_aux=True))
    else:
        compiled = jax.jit(function)
    return {"jax.jit": lambda: jax.block_until_ready(compiled(*given))}


class Torch:
    """Textbook losses in torch, the framework's own where it has one."""

    def bernoulli(self, logits: Any, x: Any) -> Any:
        return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)

    def normal(self, loc: Any, x: Any) -> Any:
        return -(0.5 * ((x - loc) / 0.75) ** 2).sum(-1)

    def huber(self, loc: Any, x: Any) -> Any:
        return -F.huber_loss(loc, x, reduction="none", delta=1.25).sum(-1)

    def elbo(self, logits: Any, loc: Any, log_var: Any, x: Any) -> Any:
        return self.bernoulli(logits, x) + 0.5 * (1 + log_var - loc**2 - log_var.exp()).sum(-1)

    def iwae(self, logits: Any, loc: Any, log_var: Any, eps: Any, x: Any) -> Any:
        z = loc[:, None] + (0.5 * log_var).exp()[:, None] * eps
        gap = 0.5 * (z**2 - eps**2 - log_var[:, None]).sum(-1)
        fit = -F.binary_cross_entropy_with_logits(logits, x[:, None].expand_as(logits), reduction="none").sum(-1)
        return torch.logsumexp(fit - gap, 1)


class Jax:
    """The same in JAX."""

    def bernoulli(self, logits: Any, x: Any) -> Any:
        return (x * logits - jax.nn.relu(logits) - jnp.log1p(jnp.exp(-jnp.abs(logits)))).sum(-1)

    def normal(self, loc: Any, x: Any) -> Any:
        return -(0.5 * ((x - loc) / 0.75) ** 2).sum(-1)

    def huber(self, loc: Any, x: Any) -> Any:
        u = jnp.abs(x - loc)
        return -jnp.where(u <= 1.25, 0.5 * u * u, 1.25 * (u - 0.625)).sum(-1)

    def elbo(self, logits: Any, loc: Any, log_var: Any, x: Any) -> Any:
        return self.bernoulli(logits, x) + 0.5 * (1 + log_var - loc**2 - jnp.exp(log_var)).sum(-1)

    def iwae(self, logits: Any, loc: Any, log_var: Any, eps: Any, x: Any) -> Any:
        z = loc[:, None] + jnp.exp(0.5 * log_var)[:, None] * eps
        gap = 0.5 * (z**2 - eps**2 - log_var[:, None]).sum(-1)
        return jax.nn.logsumexp(self.bernoulli(logits, x[:, None]) - gap, 1)


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
                    title = f"{family} {shape[0]}x{shape[1]} {np.dtype(dtype).name}{' +grad' if grad else ''}"
                    yield title, x.size, (2 + grad) * x.nbytes, {"fast": ours("fast"), "exact": ours("exact"), **peers}


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
                    {"fast": ours("fast"), "exact": ours("exact"), **peers},
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


def families() -> Iterator[Cell]:
    """Row sums of the families with special functions, SciPy's distributions among the peers."""
    from scipy import stats

    from elbocheck.adapters.kit import kit

    scipy_ways = {
        "poisson": stats.poisson.logpmf,
        "negative_binomial": lambda x, logits: stats.nbinom.logpmf(x, 3.5, 1 / (1 + np.exp(logits))),
        "student_t": lambda x, loc: stats.t.logpdf(x, 4.5, loc, 0.75),
    }
    jax_ways = {
        "student_t": lambda x, loc: jst.t.logpdf(x, 4.5, loc, 0.75).sum(-1),
        "poisson": lambda x, rate: (x * jnp.log(rate) - rate - jss.gammaln(x + 1)).sum(-1),
    }
    for dtype in DTYPES:
        for workload in WORKLOADS[4:]:
            x, moving = (a.astype(dtype) for a in workload.draw(np.random.default_rng(3), (128, 784)))
            density, given = getattr(densities, workload.family), {**workload.fixed, workload.moving: moving}

            def ours(tier: str, density=density, x=x, given=given) -> Call:  # type: ignore[no-untyped-def]
                return lambda: density.log_prob_sum(x, tier=tier, **given)

            peers = {**kit("torch").sums(workload.formula, x, moving), **kit("jax").sums(workload.formula, x, moving)}
            if workload.family in scipy_ways:
                way = scipy_ways[workload.family]
                peers["scipy.stats"] = lambda way=way, x=x, moving=moving: way(x, moving).sum(-1)  # type: ignore[misc]
            if workload.family in jax_ways:
                peers.update({"jax.scipy": jax_way(jax_ways[workload.family], x, moving)["jax.jit"]})
            yield f"{workload.family} {np.dtype(dtype).name}", x.size, 2 * x.nbytes, {
                "fast": ours("fast"), "exact": ours("exact"), **peers,
            }  # fmt: skip


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


def line(title: str, numbers: int, moved: int, timings: dict[str, Timing], most: float) -> str:
    """Return one row of the table."""
    peers = {name: timing for name, timing in timings.items() if name not in ("fast", "exact")}
    name = min(peers, key=lambda peer: peers[peer].best)
    peer, fast, exact = peers[name], timings["fast"], timings["exact"]
    return (
        f"{title:34}{fast.best / numbers * 1e9:7.3f}{exact.best / numbers * 1e9:8.3f}{peer.best / numbers * 1e9:8.3f}  {name:19}"
        f"{peer.best / fast.best:6.2f}{ratio(peer, fast):7.2f}{peer.best / exact.best:8.2f}{ratio(peer, exact):7.2f}"
        f"{fast.spread:7.0%}{moved / fast.best / most:7.0%}"
    )


def main() -> None:
    """Time every cell that was asked for."""
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    wanted = sys.argv[3:] or ["rows", "elbos", "iwae", "families", "elementwise"]
    reading, copying = bandwidth(THREADS)
    print(
        f"{THREADS} thread(s); reads {reading / 1e9:.1f} GB/s, copies {copying / 1e9:.1f} GB/s; ns a number; peer / ours"
    )
    heads = ("fast", "exact", "peer", "  fastest peer       ", "fast", "pairs", "exact", "pairs", "spread", "of bw")
    widths = (7, 8, 8, 21, 6, 7, 8, 7, 7, 7)
    print(" " * 34 + "".join(head.rjust(width) for head, width in zip(heads, widths, strict=True)))
    with threads(THREADS):
        for part in wanted:
            for title, numbers, moved, contenders in {
                "rows": rows, "elbos": elbos, "iwae": iwae, "families": families, "elementwise": elementwise
            }[part]():  # fmt: skip
                for call in contenders.values():
                    call()
                most = copying if part == "elementwise" else reading
                print(line(title, numbers, moved, race(contenders, seconds), most), flush=True)


if __name__ == "__main__":
    main()
