"""How the loss is named on the command line, and which argument is what: `verify` and `bench` alike."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from types import FunctionType
from typing import Any

from elbocheck.cli.words import is_number, key, literal, pairs, seed, strings

__all__ = ["add_model", "add_target", "given", "given_model", "loaded"]


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


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options that replace parts of a model."""
    add = parser.add_argument
    add("--model", metavar="TARGET", help="the model that the loss takes or uses, parts of which are replaced")
    add(
        "--component",
        action="append",
        default=[],
        metavar="PATH=ROLE,ROLE",
        help="what a part of the model returns: encoder=q_loc,q_log_var,z, or by member __call__=recon:prediction,mu:q_loc",
    )


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


def given_model(options: argparse.Namespace) -> dict[str, Any]:
    """What `verify` and `identify` take of a model."""
    components = {path: _returned(text) for path, text in strings("--component", options.component).items()}
    return {"model": _model(options.model), "components": components}


def _model(target: str | None) -> Any:
    """The model itself: an object, or what a class or a function without arguments makes."""
    if target is None:
        return None
    from elbocheck.loading import load

    found = load(target, again=True)
    return found() if isinstance(found, FunctionType) else found


def _returned(text: str) -> Any:
    """Roles in their order, or members with their roles."""
    from elbocheck.models.components import returns

    words = [word for word in text.replace(" ", "").split(",") if word]
    members = dict(word.split(":", 1) for word in words if ":" in word)
    return returns(*(word for word in words if ":" not in word), **members)
