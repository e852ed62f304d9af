"""`elbocheck bench`: time references, frameworks and a loss."""

from __future__ import annotations

import argparse
from typing import Any

from elbocheck.cli.output import bar, emit, refuse_folder
from elbocheck.cli.target import add_target, given, loaded
from elbocheck.cli.words import count, seed, shape
from elbocheck.errors import UsageError

__all__ = ["add_bench"]


def add_bench(bench: argparse.ArgumentParser) -> None:
    """Add the options of `bench`."""
    add = bench.add_argument
    add("target", nargs="?", help="a loss, as verify takes it; by default the references alone")
    add("--family", action="append", default=[], metavar="NAME", help="a density; by default the loss's, or three")
    add("--shape", default="128x784", metavar="BxD", help="data, and numbers of each (128x784)")
    add("--dtype", action="append", default=[], help="float32 or float64")
    add("--against", metavar="NAMES", help="numpy, scipy, torch, jax, tensorflow; by default what is installed")
    add("--threads", default="1", metavar="N", help="threads of each contender (1)")
    add("--seconds", default="30", metavar="N", help="to spend on turns, a whole number (30)")
    add_target(bench)
    add("--format", choices=("text", "json", "html"), default="text", help="how to print the table (text)")
    add("--output", metavar="FILE", help="write the table there instead")
    bench.set_defaults(run=_bench)


def _bench(options: argparse.Namespace) -> int:
    from elbocheck.bench import bench, html, render, to_json

    if options.output:
        refuse_folder(options.output)
    sizes = shape("x", options.shape)
    if len(sizes) != 2:
        raise UsageError(f"--shape {options.shape}: give two numbers, e.g. --shape 128x784")
    found = bench(
        _theirs(options, sizes[1]) if options.target else None,
        families=options.family,
        shape=(sizes[0], sizes[1]),
        dtypes=options.dtype,
        against=None if options.against is None else options.against.replace(",", " ").split(),
        threads_each=count("--threads", options.threads, 1),
        seconds=count("--seconds", options.seconds, 1),
        seed=seed(options.seed),
        progress=bar,
    )
    emit({"text": render, "json": to_json, "html": html}[options.format](found), options.output)
    return 0


def _theirs(options: argparse.Namespace, size: int) -> Any:
    from elbocheck.bench import read_theirs
    from elbocheck.engine import verify
    from elbocheck.loss import Loss

    function, what = loaded(options), given(options)
    return read_theirs(verify(function, **what), Loss.of(function, **what), size)
