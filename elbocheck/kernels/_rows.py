"""Operations on rows that Numba lacks, as LLVM instructions: imported only when something is compiled.

Arrays reach a loop as a tuple: those of two axes vary along a row, those of one axis hold one number for each row.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from elbocheck.kernels.primitives import LANES

__all__ = [
    "accumulate", "at", "differs", "past_line", "prefetch", "put", "row_of", "scale", "scratch", "stream", "streamed",
]  # fmt: skip

LINE, PAGE = 64, 4096
"""Bytes that memory hands out together, and how far ahead it is asked for them."""


@intrinsic
def row_of(_typing: Any, arrays: Any, i: Any) -> Any:
    """Return a tuple: where row i begins in arrays of two axes, the i-th number of arrays of one axis."""
    members = [types.CPointer(array.dtype) if array.ndim == 2 else array.dtype for array in arrays]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = []
        for k, kind in enumerate(signature.args[0]):
            array = cgutils.create_struct_proxy(kind)(context, builder, builder.extract_value(arguments[0], k))
            start = cgutils.pointer_add(builder, array.data, builder.mul(array.step, arguments[1]))
            found.append(start if kind.ndim == 2 else builder.load(start))
        return context.make_tuple(builder, signature.return_type, found)

    return types.Tuple(members)(arrays, types.intp), generate


@intrinsic
def differs(_typing: Any, arrays: Any, i: Any) -> Any:
    """Tell whether row i > 0 differs from the one before in a bit of what does not vary along it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = ir.Constant(ir.IntType(1), 0)
        before = builder.sub(arguments[1], ir.Constant(arguments[1].type, 1))
        for k, kind in enumerate(signature.args[0]):
            if kind.ndim == 1:
                array = cgutils.create_struct_proxy(kind)(context, builder, builder.extract_value(arguments[0], k))
                offsets = [builder.mul(array.step, at) for at in (arguments[1], before)]
                places = [cgutils.pointer_add(builder, array.data, offset) for offset in offsets]
                here, there = (
                    builder.bitcast(builder.load(place), ir.IntType(kind.dtype.bitwidth)) for place in places
                )
                found = builder.or_(found, builder.icmp_unsigned("!=", here, there))
        return found

    return types.boolean(arrays, types.intp), generate


@intrinsic
def scratch(_typing: Any, like: Any) -> Any:
    """Return a row of LANES numbers of the type of `like` on the stack, as the only one of a tuple."""

    def generate(context: Any, builder: Any, signature: Any, _arguments: Any) -> Any:
        count = ir.Constant(ir.IntType(32), LANES)
        place = cgutils.alloca_once(builder, context.get_value_type(like), size=count)
        place.align = 64
        return context.make_tuple(builder, signature.return_type, [place])

    return types.UniTuple(types.CPointer(like), 1)(like), generate


@intrinsic
def at(_typing: Any, row: Any, j: Any, like: Any) -> Any:
    """Return the numbers of a row's column j as a tuple, in the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = []
        for k, kind in enumerate(signature.args[0]):
            value, held = builder.extract_value(arguments[0], k), kind
            if isinstance(kind, types.CPointer):
                value, held = builder.load(builder.gep(value, [arguments[1]])), kind.dtype
            found.append(context.cast(builder, value, held, signature.args[2]))
        return context.make_tuple(builder, signature.return_type, found)

    return types.UniTuple(like, len(row))(row, types.intp, like), generate


@intrinsic
def prefetch(_typing: Any, row: Any, first: Any, last: Any) -> Any:
    """Ask memory for what lies a page beyond columns first to last of a row, whichever row that is of, if of any."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address, *[integer] * 3])
        function = builder.module.declare_intrinsic("llvm.prefetch", [address], kind)
        members = [
            (k, member.dtype) for k, member in enumerate(signature.args[0]) if isinstance(member, types.CPointer)
        ]
        pointers = [builder.extract_value(arguments[0], k) for k, _ in members]
        size = max((kind.bitwidth // 8 for _, kind in members), default=LINE)
        line = ir.Constant(arguments[1].type, LINE // size)
        with cgutils.for_range_slice(builder, *arguments[1:], line) as (j, _):
            place = builder.add(j, ir.Constant(j.type, PAGE // size))
            for start in pointers:
                line_of = builder.bitcast(builder.gep(start, [place]), address)
                builder.call(function, [line_of, integer(0), integer(3), integer(1)])  # to read, soon, data
        return None

    return types.void(row, types.intp, types.intp), generate


@intrinsic
def put(_typing: Any, targets: Any, j: Any, values: Any) -> Any:
    """Store the last values of a tuple at column j of as many rows."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        skipped = len(signature.args[2]) - len(signature.args[0])
        for k, kind in enumerate(signature.args[0]):
            value = builder.extract_value(arguments[2], k + skipped)
            value = context.cast(builder, value, signature.args[2][k + skipped], kind.dtype)
            builder.store(value, builder.gep(builder.extract_value(arguments[0], k), [arguments[1]]))
        return context.get_dummy_value()

    return types.void(targets, types.intp, values), generate


@intrinsic
def past_line(_typing: Any, targets: Any, j: Any) -> Any:
    """Return how many numbers column j of the only one of some rows is past the beginning of a line of memory."""

    def generate(_context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _past_line(builder, _column(builder, arguments), signature.args[0][0].dtype)

    return types.intp(targets, types.intp), generate


@intrinsic
def stream(_typing: Any, targets: Any, j: Any, sources: Any, count: Any) -> Any:
    """Store the first numbers of one row from column j on of another, whole lines past all caches."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, source = signature.args[0][0].dtype, signature.args[2][0].dtype
        to, come, count = _column(builder, arguments), builder.extract_value(arguments[2], 0), arguments[3]
        size = ir.Constant(count.type, LINE * 8 // target.bitwidth)
        past, zero = _past_line(builder, to, target), ir.Constant(count.type, 0)
        head = builder.select(builder.icmp_signed("==", past, zero), zero, builder.sub(size, past))
        head = builder.select(builder.icmp_signed("<", head, count), head, count)
        tail = builder.add(head, builder.mul(builder.sdiv(builder.sub(count, head), size), size))

        def one_by_one(first: Any, last: Any) -> None:
            with cgutils.for_range_slice(builder, first, last, ir.Constant(count.type, 1)) as (k, _):
                value = context.cast(builder, builder.load(builder.gep(come, [k])), source, target)
                builder.store(value, builder.gep(to, [k]))

        one_by_one(zero, head)
        with cgutils.for_range_slice(builder, head, tail, size) as (k, _):
            held, kept = (ir.VectorType(context.get_value_type(kind), size.constant) for kind in (source, target))
            value = builder.load(builder.bitcast(builder.gep(come, [k]), held.as_pointer()), align=source.bitwidth // 8)
            value = value if held == kept else builder.fptrunc(value, kept)
            stored = builder.store(value, builder.bitcast(builder.gep(to, [k]), kept.as_pointer()), align=LINE)
            stored.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        one_by_one(tail, count)
        return context.get_dummy_value()

    return types.void(targets, types.intp, sources, types.intp), generate


@intrinsic
def streamed(_typing: Any) -> Any:
    """Let other threads see what was streamed before what is stored next."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate


def _column(builder: Any, arguments: Any) -> Any:
    """Where column arguments[1] of the only row of arguments[0] is."""
    return builder.gep(builder.extract_value(arguments[0], 0), [arguments[1]])


def _past_line(builder: Any, place: Any, kind: Any) -> Any:
    integer = ir.IntType(64)
    bytes_past = builder.and_(builder.ptrtoint(place, integer), ir.Constant(integer, LINE - 1))
    return builder.udiv(bytes_past, ir.Constant(integer, kind.bitwidth // 8))


@intrinsic
def scale(_typing: Any, targets: Any, j: Any, factor: Any) -> Any:
    """Multiply what is stored at column j of some rows."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for k, kind in enumerate(signature.args[0]):
            place = builder.gep(builder.extract_value(arguments[0], k), [arguments[1]])
            by = context.cast(builder, arguments[2], signature.args[2], kind.dtype)
            builder.store(builder.fmul(builder.load(place), by), place)
        return context.get_dummy_value()

    return types.void(targets, types.intp, factor), generate


@intrinsic
def accumulate(_typing: Any, targets: Any, j: Any, sources: Any, factor: Any) -> Any:
    """Add a multiple of what is stored at column j of some rows to what is stored there in others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for k, kind in enumerate(signature.args[0]):
            place = builder.gep(builder.extract_value(arguments[0], k), [arguments[1]])
            source = builder.load(builder.gep(builder.extract_value(arguments[2], k), [arguments[1]]))
            by = context.cast(builder, arguments[3], signature.args[3], kind.dtype)
            builder.store(builder.fadd(builder.load(place), builder.fmul(source, by)), place)
        return context.get_dummy_value()

    return types.void(targets, types.intp, sources, factor), generate
