"""How the loss is named on the command line, and which argument is what: `verify` and `bench` alike."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from elbocheck.cli.words import is_number, key, literal, pairs, seed, strings

__all__ = ["add_target", "given", "loaded"]


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what the arguments of a loss are."""
    add = parser.add_argument
    add(
        "--role",
        action="append",
        default=[],
        metavar="ARG=ROLE",
        help="what an argument is, by name or position; a number fixes it",
    )
    add("--set", action="append", default=[], metavar="ARG=VALUE", help="keep an argument at a value")
    add("--init", action="append", default=[], metavar="ARG=VALUE", help="instantiate a class with an argument")
    add("--seed", default="0", help="of every random choice, a whole number (0)")


def loaded(options: argparse.Namespace) -> Callable[..., Any]:
    """The loss itself."""
    from elbocheck.adapters.framework import hush_tensorflow
    from elbocheck.loading import load

    hush_tensorflow()
    return load(options.target, pairs("--init", options.init))


def given(options: argparse.Namespace) -> dict[str, Any]:
    """What `verify` and `Loss.of` take of it."""
    roles = {key(k): literal(v) if is_number(v) else v for k, v in strings("--role", options.role).items()}
    constants = {key(k): v for k, v in pairs("--set", options.set).items()}
    return {"target": options.target, "seed": seed(options.seed), "roles": roles, "constants": constants}
