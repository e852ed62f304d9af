"""`elbocheck verify`: read a loss by calling it."""

from __future__ import annotations

import argparse
from typing import Any

from elbocheck.cli.output import colour, emit, refuse_folder
from elbocheck.cli.target import add_model, add_target, given, given_model, loaded
from elbocheck.cli.words import codes, shape, span, strings

__all__ = ["add_verify"]


def add_verify(verify: argparse.ArgumentParser) -> None:
    """Add the options of `verify`."""
    add = verify.add_argument
    add("target", help="file.py:name, pkg.mod:name, or a name of [tool.elbocheck.losses] in pyproject.toml")
    add_target(verify)
    add_model(verify)
    add(
        "--shape",
        action="append",
        default=[],
        metavar="WHAT=AxBxC",
        help="shape of one datum (x), prediction or latent vector (z)",
    )
    add("--framework", help="numpy, torch, jax, tensorflow or keras; by default what the loss's module uses")
    add(
        "--dtype",
        help="float64, float32, bfloat16 or float16; by default float64 identifies, the framework's own is stressed",
    )
    add("--device", help="where tensors are made, e.g. cuda or cuda:1; by default where the framework makes them")
    add("--data", metavar="FILE", help="an .npy or .npz file of the data: its kind and range")
    add("--data-kind", help="binary, gray, counts or real")
    add("--data-range", nargs="+", metavar="LOW HIGH", help="lowest and highest value of the data")
    add(
        "--expect",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what is meant: family, beta, sigma, reduction, bound, free_bits",
    )
    add(
        "--variants",
        action="append",
        default=[],
        metavar="NAME,NAME",
        help="other ways to compile and call it that take longer: compile, vmap, batch, memory, all",
    )
    add("--select", action="append", default=[], metavar="CODE", help="report these codes (or prefixes) only")
    add("--ignore", action="append", default=[], metavar="CODE", help="leave these codes (or prefixes) out")
    add("--strict", action="store_true", help="exit with 1 on warnings too")
    add("--format", choices=("text", "json"), default="text", help="how to print the verdict (text)")
    add("--output", metavar="FILE", help="write the report there instead")
    verify.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    from elbocheck.engine import verify

    if options.output:
        refuse_folder(options.output)
    verdict = verify(
        loaded(options),
        **given(options),
        **given_model(options),
        shapes={k: shape(k, v) for k, v in strings("--shape", options.shape).items()},
        framework=options.framework,
        dtype=options.dtype,
        device=options.device,
        intent=_intent(options),
        select=codes("--select", options.select),
        ignore=codes("--ignore", options.ignore),
        variants=[name for text in options.variants for name in text.replace(",", " ").split()],
    )
    _print(verdict, options)
    return verdict.exit_code_if(strict=options.strict)


def _intent(options: argparse.Namespace) -> Any:
    from elbocheck.intent import Intent, describe_data

    kind, ends = describe_data(options.data) if options.data else (None, None)
    if options.data_range is not None:
        ends = span(options.data_range)
    return Intent(options.data_kind or kind, ends, strings("--expect", options.expect))


def _print(verdict: Any, options: argparse.Namespace) -> None:
    from elbocheck.reports import json, terminal

    coloured = not options.output and colour()
    emit(
        json.render(verdict) if options.format == "json" else terminal.render(verdict, colour=coloured), options.output
    )
