"""One tensor that the source cuts into a mean and a scale: `mu, log_var = h.chunk(2, dim=-1)`, `h[:, :n]` and `h[:, n:]`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Halves", "halved", "halves_of"]

_CUTS = {"chunk": "dim", "split": "dim", "array_split": "axis", "tensor_split": "dim"}
"""What cuts a tensor, and what it calls the axis; TensorFlow, NumPy and JAX say `axis` throughout."""

_MODULES = frozenset(["torch", "tf", "tensorflow", "np", "numpy", "jnp", "ops"])


@dataclass(frozen=True)
class Halves:
    """The names of the parts that a tensor is cut into, in order along an axis."""

    names: tuple[str, ...]
    axis: int


@dataclass(frozen=True)
class _Slice:
    """The first part of a tensor or the rest: its name, the axis, and the ways to write where it is cut."""

    first: bool
    name: str
    axis: int
    cuts: frozenset[str]


def halved(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> Halves | None:
    """Return the parts of an expression that is cut where it stands, as in `torch.chunk(model.encode(x), 2, dim=1)`."""
    above = parents.get(node)
    cut = parents.get(above) if isinstance(above, ast.Attribute) else above
    target = parents.get(cut) if cut is not None else None
    if isinstance(target, ast.Assign) and isinstance(cut, ast.Call) and _subject(cut) is node:
        return _of_cut(target.targets[0], cut)
    return None


def halves_of(name: str, scope: ast.AST) -> Halves | None:
    """Return the parts that a variable is cut into somewhere in a function."""
    slices: dict[bool, _Slice] = {}
    for target, value in _assigned(scope):
        match value:
            case ast.Call() if isinstance(subject := _subject(value), ast.Name) and subject.id == name:
                if (found := _of_cut(target, value)) is not None:
                    return found
            case ast.Subscript(ast.Name(owner), ast.Tuple(places)) if owner == name and isinstance(target, ast.Name):
                if (part := _slice(target.id, places)) is not None:
                    slices[part.first] = part
    if len(slices) < 2:
        return None
    one, rest = slices[True], slices[False]
    return Halves((one.name, rest.name), one.axis) if one.axis == rest.axis and one.cuts & rest.cuts else None


def _assigned(scope: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each target with its value, those of `a, b = c, d` one by one."""
    for node in ast.walk(scope):
        match node:
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)) if len(targets) == len(values):
                yield from zip(targets, values, strict=True)
            case ast.Assign([target], value):
                yield target, value


def _subject(call: ast.Call) -> ast.expr | None:
    """Return what a call cuts: its first argument where a module's function does, else the owner of the method."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _CUTS:
        return None
    return call.args[0] if _by_function(call) else call.func.value


def _by_function(call: ast.Call) -> bool:
    """Tell `torch.chunk(h, 2)` from `h.chunk(2)`."""
    match call.func:
        case ast.Attribute(ast.Name(home) | ast.Attribute(attr=home)):
            return home in _MODULES and bool(call.args)
    return False


def _of_cut(target: ast.expr, call: ast.Call) -> Halves | None:
    if not isinstance(target, ast.Tuple | ast.List) or not all(isinstance(e, ast.Name) for e in target.elts):
        return None
    by_name = [one.value for one in call.keywords if one.arg in ("dim", "axis")]
    place = 2 if _by_function(call) else 1
    axis = [*by_name, *call.args[place : place + 1]]
    return Halves(tuple(e.id for e in target.elts if isinstance(e, ast.Name)), _whole(axis[0]) if axis else 0)


def _whole(node: ast.expr) -> int:
    """Return a number as it is written; the last axis where it is not."""
    try:
        return int(ast.literal_eval(node))
    except (ValueError, TypeError):
        return -1


def _slice(name: str, places: list[ast.expr]) -> _Slice | None:
    """Return `h[:, :n]` or `h[..., n:]` as a part; `-n:` is where `:n` ends, for the parts are halves."""
    match places[-1]:
        case ast.Slice(None, ast.expr() as cut, None):
            first, cuts = True, [cut]
        case ast.Slice(ast.expr() as cut, None, None):
            first, cuts = False, [cut, cut.operand] if isinstance(cut, ast.UnaryOp) else [cut]
        case _:
            return None
    spread = any(isinstance(one, ast.Constant) and one.value is Ellipsis for one in places)
    return _Slice(first, name, -1 if spread else len(places) - 1, frozenset(map(ast.dump, cuts)))
