"""`elbocheck identify`: what a loss is, without judging it."""

from __future__ import annotations

import argparse
from typing import Any

from elbocheck.cli.output import emit, emit_bytes, refuse_folder
from elbocheck.cli.target import add_model, add_target, given, given_model, loaded
from elbocheck.cli.words import shape, strings
from elbocheck.errors import UsageError

__all__ = ["add_identify"]


def add_identify(parser: argparse.ArgumentParser) -> None:
    """Add the options of `identify`."""
    add = parser.add_argument
    add("target", help="file.py:name, pkg.mod:name, or a name of [tool.elbocheck.losses] in pyproject.toml")
    add_target(parser)
    add_model(parser)
    add("--shape", action="append", default=[], metavar="WHAT=AxBxC", help="shape of one datum (x), prediction or z")
    add("--framework", help="numpy, torch, jax, tensorflow or keras; by default what the loss's module uses")
    add("--dtype", help="float64 (the default) or float32")
    add("--device", help="where tensors are made, e.g. cuda or cuda:1; by default where the framework makes them")
    add("--format", choices=("text", "json", "html", "png"), default="text", help="how to show it (text)")
    add("--output", metavar="FILE", help="write the report there instead; png needs one")
    parser.set_defaults(run=_identify)


def _identify(options: argparse.Namespace) -> int:
    from elbocheck.identification import identify

    if options.output:
        refuse_folder(options.output)
    elif options.format == "png":
        raise UsageError("a picture does not go to a terminal: add --output FILE.png")
    if options.format in ("html", "png"):
        from elbocheck.reports.picture import require_matplotlib

        require_matplotlib()
    found = identify(
        loaded(options),
        **given(options),
        **given_model(options),
        shapes={k: shape(k, v) for k, v in strings("--shape", options.shape).items()},
        framework=options.framework,
        dtype=options.dtype,
        device=options.device,
    )
    _show(found, options)
    return 0


def _show(found: Any, options: argparse.Namespace) -> None:
    from elbocheck.reports import json, picture

    match options.format:
        case "json":
            emit(json.text(found.as_dict()), options.output)
        case "html":
            emit(picture.page(found), options.output)
        case "png":
            emit_bytes(picture.png(found), options.output)
        case _:
            emit(str(found), options.output)
