"""Numba's options and its cache, and nothing else.

A kernel is a plain Python function of floats, and so is every function that it names; a loop is a function of arrays that
names kernels. Nothing is compiled, and Numba is not imported, before a loop is first called; then one object is compiled,
or loaded from the disk, for the loop, its kernels, the layout of its arguments and the type that it computes in.

To compute in float32 a kernel needs nothing but float32 constants: its literals, and the globals it names, are converted.
`math.exp`, `expm1`, `log`, `log1p` and `ceil` become those of `libm`.

A closure over a compiled function never hits Numba's cache: the key holds the function's per-process identity. Functions
are therefore copied, with *globals* that hold what they name. Numba's cache also does not see edits in the files of
functions that a kernel calls, so the loop's name carries a hash of all sources it depends on.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dis import get_instructions
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from elbocheck.kernels import libm, primitives

__all__ = ["Bound", "Layout", "Mended", "Widened", "compiled", "dispatcher", "require_kernel"]

OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
# `nnan` and `ninf` would delete the handling of NaN and infinity, `reassoc` and `nsz` the error-free transformations: sums
# ask for `reassoc` themselves (`primitives.add`). `contract` (a product and a sum rounded once) and `arcp` (a division by
# what is constant along a row becomes a product) save time and cost a rounding or none; exact kernels catch errors in
# flight, which `contract` would turn to nothing.
FAST = {"contract", "arcp"}
VECTORISED = ("ceil", "exp", "expm1", "log", "log1p")
MOST = 5  # arguments of a kernel
HERE = Path(__file__).parent
ONCE = ("elbocheck.kernels.elements", "elbocheck.kernels.loops")
"""Modules of what is taken in at one place, and optimised there."""


class Bound(NamedTuple):
    """A function whose free names stand for kernels, constants or other bound functions."""

    function: Callable[..., Any]
    names: tuple[tuple[str, Any], ...]


class Widened(NamedTuple):
    """A function of float64, computed as the tier `exact` does whatever names it: what is computed once for a row."""

    function: Any

    def within(self, layout: Layout) -> Layout:
        """What it is compiled for where another is compiled for this."""
        return layout._replace(computed="float64", fast=False, each=False)


class Mended(NamedTuple):
    """A function that puts back in sums, too, what the tier `fast` puts back where it stores each value."""

    function: Any

    def within(self, layout: Layout) -> Layout:
        """The same."""
        return layout._replace(each=layout.fast)


class Layout(NamedTuple):
    """What machine code depends on beside its functions.

    Attributes:
        varies: for each argument, whether it varies along a row.
        stored: dtype of the arguments that do.
        result: dtype of the results.
        computed: dtype of the arithmetic, and of the arguments that are constant along a row.
        fast: whether the tier is `fast`.
        each: what `primitives.EACH` stands for.
    """

    varies: tuple[bool, ...]
    stored: str
    result: str
    computed: str
    fast: bool = False
    each: bool = False

    @property
    def careful(self) -> bool:
        """What `primitives.CAREFUL` stands for."""
        return not self.fast and self.stored == self.computed

    @property
    def rounded(self) -> bool:
        """What `primitives.ROUNDED` stands for."""
        return self.computed != self.result

    @property
    def options(self) -> dict[str, Any]:
        """Numba's: flags that cost a rounding are set where one of float64 is of no account."""
        return {**OPTIONS, "fastmath": FAST} if self.fast or self.rounded else OPTIONS


@cache
def compiled(loop: Bound, results: tuple[int, ...], *layouts: Layout) -> Any:
    """The machine code of a loop over rows, as a function (given, first, last, pieces, mail): see `_entrance.entrance`.

    What its arguments are is not looked at, which would take as long as laying them out: the layouts say it.

    Args:
        loop: a module-level function of groups of results, groups of arguments and integers, which are given as one tuple,
            and of the first and the last row, to a number; and the kernels that its names stand for.
        results: of each group of results, how many arrays it has.
        layouts: of each group of arguments; all compute in one type.
    """
    (found,) = dispatcher(loop, results, *layouts).overloads.values()
    return found.entry_point


@cache
def dispatcher(loop: Bound, results: tuple[int, ...], *layouts: Layout) -> Any:
    """The same as Numba's function, which looks at its arguments: for arrays that no plan was made of."""
    import numba

    from elbocheck.kernels import _entrance

    layouts = tuple(layout._replace(each=layout.fast and len(results) == 1) for layout in layouts)
    scope = {
        "rows": _inlined(loop, layouts[0]._replace(varies=())),
        "enter": _entrance.enter,
        "__name__": _entrance.__name__,
    }
    title = _title(loop, results, layouts)
    function = FunctionType(_entrance.entrance.__code__.replace(co_name=title), scope, title)
    function.__qualname__ = title
    signature = _signature(loop, results, layouts)
    with _no_collection():
        if all(Path(file).is_file() for file in _files(loop)):  # what was typed at a prompt cannot be found again
            try:
                return numba.njit([signature], cache=True, **OPTIONS)(function)
            except (RuntimeError, OSError):  # no folder can be written: compile afresh in every process
                pass
        return numba.njit([signature], **OPTIONS)(function)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Put off looking for garbage, which among the millions of objects of a compiler takes a twentieth of its time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _signature(loop: Bound, results: tuple[int, ...], layouts: tuple[Layout, ...]) -> Any:
    from numba import types

    from elbocheck.kernels._entrance import MAIL

    result, computed = getattr(types, layouts[0].result), getattr(types, layouts[0].computed)
    outputs = [types.Tuple([types.Array(result, 2, "A")] * count) for count in results]
    inputs = [
        types.Tuple(
            [
                types.Array(getattr(types, layout.stored) if v else computed, 1 + v, "A", readonly=True)
                for v in layout.varies
            ]
        )
        for layout in layouts
    ]
    integers = loop.function.__code__.co_argcount - len(outputs) - len(inputs) - 2
    given = types.Tuple([*outputs, *inputs, *[types.intp] * integers])
    return types.intp(given, types.intp, types.intp, types.intp, MAIL)


def require_kernel(scalar: Any) -> None:
    """Raise unless a function can be compiled as a kernel.

    Raises:
        TypeError: saying what a kernel is.
    """
    if not isinstance(scalar, FunctionType) or not 1 <= scalar.__code__.co_argcount <= MOST:
        raise TypeError(f"a kernel is a Python function of 1 to {MOST} floats, got {scalar!r}")
    if scalar.__closure__:
        raise TypeError(
            f"a kernel closes over nothing, {scalar.__qualname__} closes over {scalar.__code__.co_freevars}"
        )


@cache
def _inlined(bound: Bound, layout: Layout) -> Any:
    """A function as Numba wants it inside others, or inside one: what it names compiled first, itself inlined so that loops
    over it can be vectorised."""
    options = {"nopython": True, "forceinline": True, "no_cpython_wrapper": True, **layout.options}
    copy = _copy(bound, layout, bound.function.__name__)
    try:
        from elbocheck.kernels._inlined import Inlined
    except ImportError:  # another version of Numba lacks what it is made of
        import numba

        return numba.jit(**options)(copy)
    return Inlined(copy, options, once=bound.function.__module__ in ONCE)


def _copy(bound: Bound, layout: Layout, title: str) -> FunctionType:
    """The function with what its names stand for, and its constants, in the type it computes in."""
    function = bound.function
    if not isinstance(function, FunctionType):
        raise TypeError(f"only functions written in Python can be compiled, got {function!r}")
    scope = {name: _held(value, layout) for name, value in _globals(bound)}
    scope["__name__"] = function.__module__  # what loading from the cache looks globals up in
    code = function.__code__
    constants = tuple(_typed(value, layout) for value in code.co_consts)
    copy = FunctionType(code.replace(co_consts=constants, co_name=title), scope, title)
    copy.__qualname__ = title
    return copy


def _globals(bound: Bound) -> Iterator[tuple[str, Any]]:
    """What the names of a function stand for."""
    own, known = dict(bound.names), bound.function.__globals__
    for name in {step.argval for step in get_instructions(bound.function) if step.opname == "LOAD_GLOBAL"}:
        if name in own or name in known:
            yield name, own[name] if name in own else known[name]


def _held(value: Any, layout: Layout) -> Any:
    """A global as a compiled function sees it."""
    layout = layout._replace(varies=())  # of no account inside, where all are numbers
    if isinstance(value, Widened | Mended):
        return _held(value.function, value.within(layout))
    if isinstance(value, Bound):
        return _inlined(value, layout)
    if isinstance(value, FunctionType):
        if value.__module__ == primitives.__name__:
            from elbocheck.kernels import _intrinsics, _rows

            name = value.__name__
            name = "polynomial_by_halves" if name == "polynomial" and layout.rounded else name
            return getattr(_rows if name in _rows.__all__ else _intrinsics, name)
        return _inlined(Bound(value, ()), layout)
    if value is math:
        return _mathematics(layout)
    if value is primitives.CAREFUL:
        return layout.careful
    if value is primitives.ROUNDED:
        return layout.rounded
    if value is primitives.EACH:
        return layout.each
    if isinstance(value, primitives.ByType):
        value = getattr(value, layout.computed)
    return _typed(value, layout)


@cache
def _mathematics(layout: Layout) -> ModuleType:
    """The module math with the functions that LLVM vectorises, and constants in the type that is computed in."""
    module = ModuleType("math")
    module.__dict__.update({name: _typed(value, layout) for name, value in vars(math).items() if name[:1] != "_"})
    for name in VECTORISED:
        setattr(module, name, _inlined(Bound(getattr(libm, name), ()), layout))
    return module


def _typed(value: Any, layout: Layout) -> Any:
    """A float, or a tuple of floats, in the type that is computed in; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(_typed(item, layout) for item in value)
    if not isinstance(value, float) or layout.computed == "float64":
        return value
    with np.errstate(over="ignore", under="ignore"):
        return np.float32(value)


def _title(loop: Bound, results: tuple[int, ...], layouts: tuple[Layout, ...]) -> str:
    """A name for Numba's cache, and for its files, that differs where the code does."""
    what = f"{_spelled(loop)} {results} {layouts} {_fingerprint(tuple(sorted(set(_files(loop)))))}"
    return f"{loop.function.__name__}_{layouts[0].computed}_{sha256(what.encode()).hexdigest()[:16]}"


def _spelled(value: Any) -> str:
    if isinstance(value, Widened | Mended):
        return f"{type(value).__name__} {_spelled(value.function)}"
    if isinstance(value, Bound):
        return f"{_spelled(value.function)}({', '.join(f'{name}={_spelled(part)}' for name, part in value.names)})"
    return f"{value.__module__}.{value.__qualname__}" if callable(value) else repr(value)


def _files(value: Any) -> Iterator[str]:
    """The sources of a bound function, of what is bound to it, and of what those outside this folder name."""
    return (function.__code__.co_filename for function in _named(value, set()))


def _named(value: Any, seen: set[Any]) -> Iterator[FunctionType]:
    if isinstance(value, Widened | Mended):
        yield from _named(value.function, seen)
    elif isinstance(value, Bound):
        for part in (value.function, *(part for _, part in value.names)):
            yield from _named(part, seen)
    elif isinstance(value, FunctionType) and value not in seen:
        seen.add(value)
        yield value
        if Path(value.__code__.co_filename).parent != HERE:
            for name in value.__code__.co_names:
                yield from _named(value.__globals__.get(name), seen)


@cache
def _fingerprint(files: tuple[str, ...]) -> str:
    """Hash of the sources in this folder and of a loop's own."""
    sources = [*sorted(HERE.glob("*.py")), *map(Path, files)]
    return sha256(b"\0".join(path.read_bytes() for path in sources if path.is_file())).hexdigest()[:12]
