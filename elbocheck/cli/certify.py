"""`elbocheck certify`: prove the references."""

from __future__ import annotations

import argparse

from elbocheck.cli.output import bar, emit, refuse_folder
from elbocheck.cli.words import count, seed

__all__ = ["add_certify"]


def add_certify(certify: argparse.ArgumentParser) -> None:
    """Add the options of `certify`."""
    add = certify.add_argument
    add("names", nargs="*", metavar="NAME", help="a density, a divergence or a named certificate; by default all")
    add("--digits", default="50", metavar="N", help="decimal digits asked, 1 to 1000 (50)")
    add("--points", default="2", metavar="N", help="random members of each form (2)")
    add(
        "--ulp-points",
        default="10000",
        metavar="N",
        help="random points of each kernel and dtype, fewer for slopes, 0 for none (10000)",
    )
    add("--jobs", default="1", metavar="N", help="processes (1)")
    add("--seed", default="0", help="of every random choice, a whole number (0)")
    add("--format", choices=("text", "json"), default="text", help="how to print the table (text)")
    add("--output", metavar="FILE", help="write the table there instead")
    certify.set_defaults(run=_certify)


def _certify(options: argparse.Namespace) -> int:
    from elbocheck.certify import certify, render, to_json

    if options.output:
        refuse_folder(options.output)
    table = certify(
        options.names,
        digits=count("--digits", options.digits, 1),
        points=count("--points", options.points, 1),
        ulp_points=count("--ulp-points", options.ulp_points, 0),
        jobs=count("--jobs", options.jobs, 1),
        seed=seed(options.seed),
        progress=bar,
    )
    emit(to_json(table) if options.format == "json" else render(table), options.output)
    return 1 if table.faults else 0
