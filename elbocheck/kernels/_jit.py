"""Numba's options and its cache, and nothing else.

A kernel is a plain Python function of floats; functions that it names are kernels too. Nothing is compiled,
and Numba is not imported, before a kernel is first called. What is compiled is one loop per kernel with one
signature, so that a process that finds the cache warm loads exactly one object per kernel it uses.

A closure over a compiled function never hits Numba's cache: the key holds the function's per-process
identity. The loop is therefore a copy of a template whose *globals* hold the kernel. Numba's cache also
does not see edits in the files of functions that a kernel calls, so the loop's name carries a hash of all
sources it can depend on.
"""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

__all__ = ["compiled"]

# No fastmath: `nnan` and `ninf` delete the handling of NaN and infinity, `reassoc` the error-free
# transformations.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}


def element(*arguments: float) -> float:
    """Stand in the templates for the kernel that replaces it."""
    raise NotImplementedError(f"a template was called uncompiled with {arguments}")


def _loop1(out: Any, a: Any, da: int) -> None:
    for i in range(out.size):
        out[i] = element(a[i * da])


def _loop2(out: Any, a: Any, da: int, b: Any, db: int) -> None:
    for i in range(out.size):
        out[i] = element(a[i * da], b[i * db])


def _loop3(out: Any, a: Any, da: int, b: Any, db: int, c: Any, dc: int) -> None:
    for i in range(out.size):
        out[i] = element(a[i * da], b[i * db], c[i * dc])


def _loop4(out: Any, a: Any, da: int, b: Any, db: int, c: Any, dc: int, d: Any, dd: int) -> None:
    for i in range(out.size):
        out[i] = element(a[i * da], b[i * db], c[i * dc], d[i * dd])


def _loop5(out: Any, a: Any, da: int, b: Any, db: int, c: Any, dc: int, d: Any, dd: int, e: Any, de: int) -> None:
    for i in range(out.size):
        out[i] = element(a[i * da], b[i * db], c[i * dc], d[i * dd], e[i * de])


_TEMPLATES: tuple[Callable[..., None], ...] = (_loop1, _loop2, _loop3, _loop4, _loop5)


@cache
def compiled(scalar: Callable[..., float]) -> Callable[..., None]:
    """The machine-code loop of a scalar kernel.

    Args:
        scalar: a module-level function of one to five floats.

    Returns:
        `loop(out, a, step_a, b, step_b, …)`: every array flat, contiguous float64; a step of 0 repeats one
        value.
    """
    import numba
    from numba import types

    function = _function(scalar)
    arity = function.__code__.co_argcount
    read = types.Array(types.float64, 1, "C", readonly=True)
    signature = types.void(types.float64[::1], *(read, types.intp) * arity)
    loop = _copy(_TEMPLATES[arity - 1], function, {"element": _inlined(function)})
    try:
        return numba.njit([signature], cache=True, **OPTIONS)(loop)  # type: ignore[no-any-return]  # numba is untyped
    except (RuntimeError, OSError):  # no folder can be written: compile afresh in every process
        return numba.njit([signature], **OPTIONS)(loop)  # type: ignore[no-any-return]  # numba is untyped


@cache
def _inlined(function: FunctionType) -> Any:
    """A kernel as Numba wants it inside another one: its own callees compiled first."""
    import numba

    names = function.__code__.co_names
    used = {name: function.__globals__[name] for name in names if name in function.__globals__}
    scope = {name: _inlined(value) if isinstance(value, FunctionType) else value for name, value in used.items()}
    scope["__name__"] = function.__module__  # what loading from the cache looks globals up in
    return numba.njit(**OPTIONS)(FunctionType(function.__code__, scope, function.__name__))


def _copy(template: Callable[..., None], function: FunctionType, scope: dict[str, Any]) -> FunctionType:
    """The template with other globals, filed in Numba's cache under the kernel's own module, name and
    line."""
    name = f"{function.__qualname__}_{_fingerprint(function.__code__.co_filename)}"
    code: CodeType = template.__code__.replace(
        co_filename=function.__code__.co_filename,
        co_firstlineno=function.__code__.co_firstlineno,
        co_name=name,
    )
    loop = FunctionType(code, {**scope, "__name__": function.__module__}, name)
    loop.__qualname__ = name
    return loop


@cache
def _fingerprint(filename: str) -> str:
    """Hash of the sources in this folder and of the kernel's own file."""
    sources = [*sorted(Path(__file__).parent.glob("*.py")), Path(filename)]
    return sha256(b"\0".join(path.read_bytes() for path in sources if path.is_file())).hexdigest()[:12]


def _function(scalar: Callable[..., float]) -> FunctionType:
    if not isinstance(scalar, FunctionType) or not 1 <= scalar.__code__.co_argcount <= len(_TEMPLATES):
        raise TypeError(f"a kernel is a Python function of 1 to {len(_TEMPLATES)} floats, got {scalar!r}")
    if scalar.__closure__:
        raise TypeError(
            f"a kernel closes over nothing, {scalar.__qualname__} closes over {scalar.__code__.co_freevars}"
        )
    return scalar
