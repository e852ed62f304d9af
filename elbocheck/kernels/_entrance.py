"""How a loop is entered: by its caller alone, or by everyone who watches a mail that it is laid out on. Imported on compiling.

A mail is a row of words that a caller shares with its helpers (`watching`): one holds the address of the loop's machine code,
one that of who leads, and those from ARGUMENTS on what the loop works on.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

__all__ = ["ADDRESS", "ARGUMENTS", "LEADER", "LEADING", "MAIL", "ROOM", "Strided", "called", "entrance"]

MAIL = types.Array(types.int64, 1, "C")
ADDRESS, LEADER, ARGUMENTS, ROOM = 96, 97, 112, 4096
"""Words of a mail: where the addresses stand, where the arguments begin, and how many there are."""
LEADING = (MAIL, types.int64, types.int64, types.int64)  # what who leads takes: first and last row, and how many pieces

PART = (types.voidptr, types.intp, types.intp)  # what machine code of any loop takes: its arguments, first and last row


class Strided(types.Type):
    """An array as a loop sees it: where it begins, and how many bytes its rows are apart."""

    def __init__(self, dtype: Any, ndim: int) -> None:
        super().__init__(name=f"Strided({dtype}, {ndim})")
        self.dtype, self.ndim = dtype, ndim


@register_model(Strided)
class _Model(models.StructModel):
    def __init__(self, manager: Any, kind: Strided) -> None:
        super().__init__(manager, kind, [("data", types.CPointer(kind.dtype)), ("step", types.intp)])


def entrance(given: Any, first: int, last: int, pieces: int, mail: Any) -> int:
    """Fill the rows from first to last, alone or in so many pieces with all who watch a mail, and tell whether all results are
    finite; -1 where somebody is still at work."""
    return enter(rows, given, first, last, pieces, mail)


def rows(*_arguments: Any) -> Any:
    """Stand in for the loop that replaces it."""
    raise NotImplementedError


@intrinsic
def enter(typing: Any, rows: Any, given: Any, first: Any, last: Any, pieces: Any, mail: Any) -> Any:
    """Return 1 if every result is finite, 0 if one is not; -1 where somebody is still at work."""
    seen = types.Tuple(
        [types.Tuple([Strided(a.dtype, a.ndim) for a in g]) if isinstance(g, types.BaseTuple) else g for g in given]
    )
    inside = typing.resolve_function_type(rows, (*seen, types.intp, types.intp), {})

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        start, stop, count, mailed = arguments[2:]
        values = _strided(context, builder, given, seen, arguments[1])
        code = _machine_code(context, builder.module, rows, inside, seen)
        array = context.make_array(MAIL)(context, builder, mailed)
        alone = builder.icmp_signed("==", count, ir.Constant(count.type, 0))
        kind = values.type.as_pointer()
        if context.get_abi_sizeof(values.type) > 8 * (ROOM - ARGUMENTS):
            raise ValueError("a mail has no room for so many arrays")
        place = builder.select(alone, cgutils.alloca_once(builder, values.type), _word(builder, array, ARGUMENTS, kind))
        builder.store(values, place)
        finite = cgutils.alloca_once(builder, ir.IntType(64))
        with builder.if_else(alone) as (by_caller, by_all):
            with by_caller:
                packed = builder.bitcast(place, cgutils.voidptr_t)
                builder.store(_call(context, builder, code, PART, (packed, start, stop)), finite)
            with by_all:
                word = ir.IntType(64).as_pointer()
                builder.store(builder.ptrtoint(code, ir.IntType(64)), _word(builder, array, ADDRESS, word))
                leader = _at(context, builder, array, LEADER, LEADING)
                builder.store(_call(context, builder, leader, LEADING, (mailed, start, stop, count)), finite)
        return builder.load(finite)

    return types.intp(rows, given, first, last, pieces, mail), generate


@intrinsic
def called(_typing: Any, mail: Any, first: Any, last: Any) -> Any:
    """Have the loop of a mail fill the rows from first to last; return 1 if every result is finite, else 0."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        array = context.make_array(MAIL)(context, builder, arguments[0])
        packed = _word(builder, array, ARGUMENTS, cgutils.voidptr_t)
        return _call(context, builder, _at(context, builder, array, ADDRESS, PART), PART, (packed, *arguments[1:]))

    return types.intp(mail, first, last), generate


def _strided(context: Any, builder: Any, given: Any, seen: Any, values: Any) -> Any:
    """Groups of arrays as groups of what loops see of them; integers as they are."""
    groups = []
    for kind, kept, group in zip(given, seen, cgutils.unpack_tuple(builder, values), strict=True):
        if not isinstance(kind, types.BaseTuple):
            groups.append(group)
            continue
        found = []
        for one, light, value in zip(kind, kept, cgutils.unpack_tuple(builder, group, len(kind)), strict=True):
            array = context.make_array(one)(context, builder, value)
            held = cgutils.create_struct_proxy(light)(context, builder)
            held.data, held.step = array.data, cgutils.unpack_tuple(builder, array.strides)[0]
            found.append(held._getvalue())
        groups.append(context.make_tuple(builder, kept, found))
    return context.make_tuple(builder, seen, groups)


def _machine_code(context: Any, module: Any, rows: Any, inside: Any, given: Any) -> Any:
    """A function of PART, the loop itself inlined, that is the same for whoever calls it."""
    kind = context.call_conv.get_function_type(types.int64, PART)
    found = ir.Function(module, kind, module.get_unique_name("rows"))
    found.linkage = "internal"
    found.attributes.add("noinline")
    set.add(found.attributes, '"prefer-vector-width"="512"')  # as `ready` asks of the loop, which is inlined here
    inner = ir.IRBuilder(found.append_basic_block("entry"))
    packed, start, stop = context.call_conv.get_arguments(found)
    values = inner.load(inner.bitcast(packed, context.get_value_type(given).as_pointer()))
    loop = context.get_function(rows, inside)
    context.add_linking_libs(getattr(loop, "libs", ()))
    health = loop(inner, [*cgutils.unpack_tuple(inner, values), start, stop])
    finite = inner.fcmp_ordered("==", inner.fsub(health, health), ir.Constant(health.type, 0.0))
    context.call_conv.return_value(inner, inner.zext(finite, ir.IntType(64)))
    return found


def _call(context: Any, builder: Any, code: Any, kinds: Any, arguments: Any) -> Any:
    return context.call_conv.call_function(builder, code, types.int64, kinds, arguments)[1]


def _at(context: Any, builder: Any, array: Any, place: int, kinds: Any) -> Any:
    """The function whose address stands in a word."""
    address = builder.load(_word(builder, array, place, ir.IntType(64).as_pointer()))
    return builder.inttoptr(address, context.call_conv.get_function_type(types.int64, kinds).as_pointer())


def _word(builder: Any, array: Any, place: int, kind: Any) -> Any:
    return builder.bitcast(builder.gep(array.data, [ir.Constant(ir.IntType(64), place)]), kind)
