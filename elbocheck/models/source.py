"""What the source of a loss says about a call that it makes: the names that the result is taken apart into."""

from __future__ import annotations

import ast
import linecache
import sys
from functools import lru_cache
from itertools import islice
from types import CodeType, FrameType

from elbocheck.adapters import FRAMEWORKS
from elbocheck.models.halves import Halves, halved, halves_of
from elbocheck.models.posteriors import Gaussian, asked_as_density

__all__ = ["Names", "caller", "names_of_call", "use_of"]

Names = str | tuple["Names", ...] | dict[str, "Names"] | Halves | Gaussian | None
"""A name, names of a tuple's members (nested), names by key of a mapping or an object, of the parts that a tensor is cut
into, a distribution; None: the source does not say."""


_KERAS = ("keras", "tf_keras", "tensorflow_probability")
_TORCH = ("lightning", "pytorch_lightning", "pyro")
_JAX = ("jaxlib", "flax", "haiku", "equinox", "numpyro", "jaxtyping", "beartype")
_MACHINERY = frozenset([*FRAMEWORKS, *_KERAS, *_TORCH, *_JAX])
"""Packages that call a model on a loss's behalf; other installed packages hold losses as a person's own files do."""


def caller(skipped: str) -> FrameType | None:
    """Return the innermost frame outside the package's folder `skipped` and outside what frameworks put around a call."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _foreign(frame, skipped):
        frame = frame.f_back
    return frame


def _foreign(frame: FrameType, skipped: str) -> bool:
    home = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return home in _MACHINERY or frame.f_code.co_filename.startswith((skipped, "<frozen"))


def names_of_call(frame: FrameType | None) -> Names:
    """Return what the value of the call that `frame` is making is named, e.g. ("mean", "logvar")."""
    return None if frame is None else _named(frame.f_code, frame.f_lasti)


@lru_cache(maxsize=256)
def _named(code: CodeType, instruction: int) -> Names:
    node, parents = _node(code, instruction)
    if node is None:
        return None
    while isinstance(parents.get(node), ast.Await | ast.Starred):
        node = parents[node]
    if (halves := halved(node, parents)) is not None:
        return halves
    match parents.get(node):
        case ast.Assign([target]) | ast.AnnAssign(target) | ast.NamedExpr(target):
            return _names(target, parents)
        case ast.Attribute(attr=key) | ast.Subscript(slice=ast.Constant(str(key))):
            return {key: key}
        case ast.Subscript(slice=ast.Constant(int(place))) as member if place >= 0:
            inner = parents.get(member)
            named = _names(inner.targets[0], parents) if isinstance(inner, ast.Assign) else None
            return (*(None,) * place, named)
    return None


def use_of(frame: FrameType | None) -> str:
    """Tell what becomes of the attribute that `frame` is reading: `called` at once, `handed` on, or used as a `value`."""
    node, parents = (None, {}) if frame is None else _node(frame.f_code, frame.f_lasti)
    parent = parents.get(node) if isinstance(node, ast.Attribute) else None
    match parent:
        case None | ast.Attribute():  # reached into, as in model.encoder.mean(x)
            return "called"
        case ast.Call(func) if func is node:
            return "called"
        case ast.Call() | ast.keyword() | ast.Assign() | ast.IfExp():
            return "handed"
    return "value"


def _names(target: ast.AST, parents: dict[ast.AST, ast.AST]) -> Names:
    match target:
        case ast.Tuple(elements) | ast.List(elements):
            return tuple(_names(element, parents) for element in elements)
        case ast.Name(name):
            return _members(name, target, parents) or name
        case ast.Attribute(attr=name):
            return name
    return None


def _members(name: str, target: ast.AST, parents: dict[ast.AST, ast.AST]) -> Names:
    """Return the members of a variable that are asked for later: `out["mu"]`, `out.mu`, `out[1]`, `mu, log_var = out`."""
    scope = _scope(target, parents)
    if (found := halves_of(name, scope) or asked_as_density(name, scope)) is not None:
        return found
    by_key: dict[str, Names] = {}
    by_place: dict[int, Names] = {}
    for node in ast.walk(scope):
        match node:
            case ast.Assign([ast.Tuple(elements)], ast.Name(owner)) if owner == name:
                return tuple(_names(element, {}) for element in elements)
            case ast.Subscript(ast.Name(owner), ast.Constant(key)) if owner == name:
                if isinstance(key, str):
                    by_key[key] = key
                elif isinstance(key, int) and key >= 0:
                    by_place[key] = _taken_as(node, parents)
            case ast.Attribute(ast.Name(owner), attr) if owner == name and not _of_tensor(node, parents):
                by_key[attr] = attr
    return by_key or _in_order(by_place)


def _scope(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> ast.AST:
    """Return the function that an expression stands in."""
    while node in parents and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        node = parents[node]
    return node


def _taken_as(member: ast.AST, parents: dict[ast.AST, ast.AST]) -> Names:
    """Return the name that a member is given where it is taken."""
    given = parents.get(member)
    return _names(given.targets[0], {}) if isinstance(given, ast.Assign) else None


def _in_order(by_place: dict[int, Names]) -> Names:
    """Return members by their places; one at the first place alone is no sign of a tuple."""
    last = max(by_place, default=0)
    return tuple(by_place.get(place) for place in range(last + 1)) if last else None


_OF_TENSORS = frozenset(
    ["shape", "size", "ndim", "dtype", "device", "itemsize", "data", "grad", "is_cuda", "T", "mT", "at"]
)
"""What people read of a tensor: no sign that a value is a container."""


def _of_tensor(node: ast.Attribute, parents: dict[ast.AST, ast.AST]) -> bool:
    """Tell whether an attribute is one of tensors: one of theirs, or a method, as in `logits.sigmoid()`."""
    above = parents.get(node)
    return node.attr in _OF_TENSORS or (isinstance(above, ast.Call) and above.func is node)


def _node(code: CodeType, instruction: int) -> tuple[ast.AST | None, dict[ast.AST, ast.AST]]:
    """Return the expression that an instruction evaluates, with each node's parent."""
    place = next(islice(code.co_positions(), instruction // 2, None), None)
    source = linecache.getlines(code.co_filename)
    if place is None or None in place or not source:
        return None, {}
    nodes, parents = _tree("".join(source))
    return nodes.get(place), parents


@lru_cache(maxsize=32)
def _tree(source: str) -> tuple[dict[tuple[int | None, ...], ast.AST], dict[ast.AST, ast.AST]]:
    """Return the expressions of a source by position, and each node's parent."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return {}, {}
    nodes: dict[tuple[int | None, ...], ast.AST] = {}
    parents: dict[ast.AST, ast.AST] = {}
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            parents[child] = node
        if isinstance(node, ast.expr):
            nodes.setdefault((node.lineno, node.end_lineno, node.col_offset, node.end_col_offset), node)
    return nodes, parents
