"""What the source of a loss says of its arguments: the names behind `*args`, the members of a batch that is taken apart."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from elbocheck.roles import NAMES, Key, Role, spelled

__all__ = ["members", "names_in_source"]


def names_in_source(
    function: Callable[..., Any], parameters: list[inspect.Parameter]
) -> tuple[dict[Key, str], list[str]]:
    """Read `recons = args[0]` and `kwargs["kld_weight"]` in the loss's own source."""
    catch = {p.kind: p.name for p in parameters}
    args, kwargs = catch.get(inspect.Parameter.VAR_POSITIONAL), catch.get(inspect.Parameter.VAR_KEYWORD)
    tree = _tree(function)
    positions: dict[Key, str] = {}
    keywords: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Name(name)], ast.Subscript(ast.Name(owner), ast.Constant(int(place)))) if (
                owner == args
            ):
                positions[place] = spelled(name)
            case ast.Assign([ast.Tuple(elements)], ast.Tuple(values)):
                positions.update(_taken(elements, values, args))
            case ast.Assign([ast.Tuple(elements)], ast.Name(owner)) | ast.Assign(
                [ast.Tuple(elements)], ast.Subscript(ast.Name(owner), ast.Slice(lower=None))
            ) if owner == args:
                positions.update(enumerate(spelled(e.id) for e in elements if isinstance(e, ast.Name)))
            case ast.Subscript(ast.Name(owner), ast.Constant(str(name))) if owner == kwargs:
                keywords.append(name)
    return positions, keywords


def _taken(elements: Sequence[ast.expr], values: Sequence[ast.expr], args: str | None) -> Iterator[tuple[Key, str]]:
    """Yield the place and the name of each element of `recons, x = args[0], args[1]`."""
    for element, value in zip(elements, values, strict=False):
        match element, value:
            case ast.Name(name), ast.Subscript(ast.Name(owner), ast.Constant(int(place))) if owner == args:
                yield place, spelled(name)


_LABELS = frozenset(["label", "labels", "target", "targets", "y"])
"""What stands beside the data in a batch, though alone it would be the data."""


def members(function: Callable[..., Any], name: Key) -> tuple[int, int] | None:
    """Find an argument that is a whole batch of a data loader: `x, _ = batch`.

    Returns:
        The place of the data, and how many members there are; None for an argument that is not taken apart.
    """
    for node in ast.walk(_tree(function)):
        match node:
            case ast.Assign([ast.Tuple(elements)], ast.Name(taken)) if taken == name:
                named = [spelled(e.id) if isinstance(e, ast.Name) else "" for e in elements]
                data = (at for at, one in enumerate(named) if NAMES.get(one) is Role.X and one not in _LABELS)
                return next(data, 0), len(elements)
    return None


def _tree(function: Callable[..., Any]) -> ast.AST:
    """Return the parsed source of a loss; of one whose model is replaced, of the loss as it was; empty where there is none."""
    plain = getattr(function, "func", function)
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(getattr(plain, "forward", plain))))
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])
