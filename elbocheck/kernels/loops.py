"""Loops over rows that kernels are lifted with. Names that are not defined here stand for kernels.

Every group of arguments is a tuple of arrays: of shape (rows, size) where one varies along a row, of shape (rows,) where it
does not. A loop fills the rows from `first` to `last`, so that threads may share the work: each row is computed by one of
them, and comes out the same whoever does it. It returns a number that is finite if every result is.

A sum is taken in blocks, each in vectors, whose results are added with compensation: its error does not grow with length.
"""

from __future__ import annotations

import math
from sys import float_info
from typing import Any

from elbocheck.kernels.primitives import (
    LANES,
    ROUNDED,
    accumulate,
    add,
    at,
    by_type,
    differs,
    fma,
    lesser,
    number,
    past_line,
    prefetch,
    put,
    ready,
    row_of,
    scale,
    scratch,
    stream,
    streamed,
    wide,
)

__all__ = [
    "elbos", "folded_sum", "halved_sum", "importance_weighted", "kept_sum", "row_sum", "streams", "sums", "triples", "values",
]  # fmt: skip

BLOCK = by_type(float64=128, float32=256)
"""Numbers that fill sixteen lines of a cache, which waits for few more at a time: so few that a sum of them that is not
vectorised stays within three ulps too."""
VECTORS = by_type(float64=32, float32=64)  # numbers that a loop in vectors takes at a time, or a multiple of it
VECTOR = by_type(float64=8, float32=16)  # numbers of one vector: a loop over a heavy element takes no more at a time
STRIP = by_type(float64=64, float32=128)  # numbers that go past the caches at a time, while the next are computed
FEW = 8  # of a rest that fills no vector, added one by one: equals are then off by little more than an ulp
FOLDS = 8  # a longer product rounds more often: rows of everyday numbers, of equals too, stay within three ulps
LITTLE = 2.0**-6  # of an excess over 1, beside which 2**-34 of the whole is a sixteenth of an ulp of float32
ZERO = 0.0
ONE = 1.0
HALF = 0.5
SIGN = 1.0
LEAST = by_type(-float_info.max, -(2.0 - 2.0**-23) * 2.0**127)  # no infinity: less a weight of nothing it would be NaN
SMALL = 1e-30  # times a result, its infinity or NaN is left and nothing else


def element(*arguments: Any) -> Any:
    """Stand in for the kernel that replaces it."""
    raise NotImplementedError(f"a loop was called uncompiled with {arguments}")


constant = regulariser = weight = term_by_term = element


def values(out: Any, arguments: Any, size: int, first: int, last: int) -> Any:
    """out[i, j] = SIGN (element(arguments[i, j]) + constant(parameters[i]))."""
    ready()
    health = common = ZERO
    for i in range(first, last):
        row, target = row_of(arguments, i), row_of(out, i)
        if i == first or differs(arguments, i):
            common = number(constant(*at(row[1:], 0, wide(ZERO))), ZERO)
        for start in range(0, size, BLOCK):
            stop, part = lesser(start + BLOCK, size), ZERO
            prefetch(row, start, stop)
            for j in range(start, stop):
                value = SIGN * (element(*at(row, j, ZERO))[0] + common)
                put(target, j, (value,))
                part = add(part, SMALL * value)
            health += part
    return health


def streams(out: Any, arguments: Any, size: int, first: int, last: int) -> Any:
    """The same of so many that no cache holds them: they go to memory by lines that are not read first, a third of what would be
    moved; each part of a row begins where a line does."""
    ready()
    kept = scratch(ZERO)
    health = common = ZERO
    for i in range(first, last):
        row, target = row_of(arguments, i), row_of(out, i)
        if i == first or differs(arguments, i):
            common = number(constant(*at(row[1:], 0, wide(ZERO))), ZERO)
        start = 0
        while start < size:
            stop, part = lesser(start + STRIP - past_line(target, start), size), ZERO
            prefetch(row, start, stop)
            for j in range(start, stop):
                value = SIGN * (element(*at(row, j, ZERO))[0] + common)
                put(kept, j - start, (value,))
                part = add(part, SMALL * value)
            stream(target, start, kept, stop - start)
            health += part
            start = stop
    streamed()
    return health


def triples(out: Any, arguments: Any, size: int, first: int, last: int) -> Any:
    """out[k][i, j] = the k-th of three values of element(arguments[i, j]).

    They are kept on the stack first: LLVM does not ask of so many arrays whether they overlap, and would compute one by one.
    """
    ready()
    kept = scratch(ZERO) + scratch(ZERO) + scratch(ZERO)
    for i in range(first, last):
        row, target = row_of(arguments, i), row_of(out, i)
        for start in range(0, size, LANES):
            stop = lesser(start + LANES, size)
            for j in range(start, stop):
                put(kept, j - start, element(*at(row, j, ZERO)))
            for j in range(start, stop):
                put(target, j, at(kept, j - start, ZERO))
    return ZERO


def row_sum(row: Any, targets: Any, size: int) -> Any:
    """The sum along a row of the first of element's values, compensated between blocks; the others go to `targets`."""
    ready()
    total, lost = ZERO, ZERO
    block = BLOCK + BLOCK if ROUNDED else BLOCK
    start = 0
    while start < size:
        stop, part = start + stretch(size - start, block, VECTORS), ZERO
        prefetch(row, start, stop)
        for j in range(start, stop):
            found = element(*at(row, j, ZERO))
            put(targets, j, found)
            part = add(part, found[0])
        total, lost = joined(total, lost, part)
        start = stop
    return wide(total), wide(lost)


def halved_sum(row: Any, targets: Any, size: int) -> Any:
    """Half the sum along a row of element - 1, where that is rounded to float32: element may be off by 2**-34 of 1.4 and twice
    what it exceeds 1 by. Where all exceed it by little, or one is infinite or NaN, term by term."""
    if not ROUNDED:
        return term_by_term(row, targets, size)
    ready()
    total = -number(size, ZERO)
    for start in range(0, size, BLOCK):
        part = ZERO
        for j in range(start, lesser(start + BLOCK, size)):
            part = add(part, element(*at(row, j, ZERO))[0])
        total += part
    if LITTLE * number(size, ZERO) < total < math.inf:
        return wide(HALF * total), wide(ZERO)
    return term_by_term(row, targets, size)


def kept_sum(row: Any, targets: Any, size: int) -> Any:
    """The same of an element that takes long, whose values are kept first: whether LLVM makes vectors of it or not, it does of
    the sums, and few at a time lose little where all are equal."""
    ready()
    total, lost = ZERO, ZERO
    kept = scratch(ZERO)
    for start in range(0, size, LANES):
        stop = lesser(start + LANES, size)
        prefetch(row, start, stop)
        for j in range(start, stop):
            found = element(*at(row, j, ZERO))
            put(targets, j, found)
            put(kept, j - start, found[:1])
        lanes = -(-(stop - start) // VECTORS) * VECTORS
        for k in range(stop - start, lanes):
            put(kept, k, (ZERO,))
        for first in range(0, lanes, VECTORS):
            part = ZERO
            for k in range(
                first, lesser(first + VECTORS, lanes)
            ):  # as many, which LLVM is not to know: it would add one by one
                part = add(part, at(kept, k, ZERO)[0])
            total, lost = joined(total, lost, part)
    return wide(total), wide(lost)


def stretch(left: int, block: int, vectors: int) -> int:
    """How many of the numbers that are left are summed next: a block, whole vectors, or so few that what a sum of equals is
    off by stays small where they are added one after the other."""
    if ROUNDED:
        return lesser(left, block)
    return block if left >= block else left - left % vectors if left >= vectors else lesser(left, FEW)


def folded_sum(row: Any, targets: Any, size: int) -> Any:
    """The sum along a row of rest + weight log(1 + odds), odds >= 0: element's values are rest and -odds.

    (1 + u)(1 + v) = 1 + (u + v (1 + u)), and no term cancels: of FOLDS numbers one logarithm is taken. Where odds are
    small, 1 + u is rounded by less of the whole than u + v would be.
    """
    ready()
    total, lost = ZERO, ZERO
    logs, less = ZERO, ZERO
    folded = scratch(ZERO)
    for begin in range(0, size, FOLDS * LANES):
        end = lesser(begin + FOLDS * LANES, size)
        lanes = lesser(-(-(end - begin) // VECTORS) * VECTORS, LANES)
        for k in range(lanes):
            put(folded, k, (ZERO,))
        start = begin
        while start < end:
            stop, part, first = start + stretch(end - start, LANES, VECTORS), ZERO, start - (start - begin) % LANES
            prefetch(row, start, stop)
            for j in range(start, stop):
                found = element(*at(row, j, ZERO))
                put(targets, j, found)
                part = add(part, found[0])
                odds = at(folded, j - first, ZERO)[0]
                put(folded, j - first, (fma(-found[1], ONE + odds, odds),))
            total, lost = joined(total, lost, part)
            start = stop
        for k in range(0, lanes, VECTORS):
            part = ZERO
            for each in range(k, k + VECTORS):
                part = add(part, math.log1p(at(folded, each, ZERO)[0]))
            logs, less = joined(logs, less, part)
    if logs - logs + (total - total) != ZERO:  # a product overflowed, or a term
        return term_by_term(row, targets, size)
    return weighted(wide(total), wide(lost), weight(*at(row, 0, wide(ZERO))), wide(logs), wide(less))


def weighted(total: Any, lost: Any, factor: Any, more: Any, less: Any) -> Any:
    """total + lost + factor (more + less), rounded once, and what the float lacks."""
    product = factor * more
    total, lost = joined(total, lost, product)
    return total, lost + (fma(factor, more, -product) + factor * less)


def unweighted(total: Any, lost: Any, _factor: Any, _more: Any, _less: Any) -> Any:
    """The same of nothing more, in place of `weighted`: beside a row of latents its roundings take a tenth of the time."""
    return total, lost


def settled(total: Any, lost: Any) -> Any:
    """total + lost, or the infinity or NaN that total is."""
    return total + lost if total - total == wide(ZERO) else total


def joined(total: Any, lost: Any, part: Any) -> Any:
    """total + lost + part as the rounded sum and what it lacks (Knuth)."""
    longer = total + part
    moved = longer - total
    return longer, lost + ((total - (longer - moved)) + (part - moved))


def sums(out: Any, slopes: Any, arguments: Any, size: int, first: int, last: int) -> Any:
    """out[i] = SIGN (the sum over j of element(arguments[i, j]) + size constant(parameters[i])); slopes beside it."""
    health = common = wide(ZERO)
    for i in range(first, last):
        row = row_of(arguments, i)
        if i == first or differs(arguments, i):
            common = constant(*at(row[1:], 0, wide(ZERO)))
        total, lost = row_sum(row, row_of(slopes, i), size)
        value = SIGN * settled(*weighted(total, lost, number(size, total), common, wide(ZERO)))
        put(row_of(out, i), 0, (value,))
        health += SMALL * value
    return health


def elbos(
    out: Any,
    slopes: Any,
    latent_slopes: Any,
    arguments: Any,
    latents: Any,
    size: int,
    width: int,
    first: int,
    last: int,
) -> Any:
    """out[i] = the log likelihood of arguments[i] less the sum of the regulariser of latents[i]; slopes beside it."""
    health = common = wide(ZERO)
    for i in range(first, last):
        row = row_of(arguments, i)
        if i == first or differs(arguments, i):
            common = constant(*at(row[1:], 0, wide(ZERO)))
        total, lost = row_sum(row, row_of(slopes, i), size)
        total, lost = weighted(total, lost, number(size, total), common, wide(ZERO))
        gap, rest = regulariser(row_of(latents, i), row_of(latent_slopes, i), width)
        total, lost = joined(total, lost + rest, gap)
        value = -settled(total, lost)
        put(row_of(out, i), 0, (value,))
        health += SMALL * value
    return health


def importance_weighted(
    out: Any, weights: Any, slopes: Any, sample_slopes: Any, latent_slopes: Any,
    data: Any, parameters: Any, posterior: Any, noise: Any,
    samples: int, size: int, width: int, first: int, last: int,
) -> Any:  # fmt: skip
    """out[i] = log of the mean over k of exp(log likelihood - regulariser), the sum streamed past its largest term.

    The weights of the samples come beside it, and with them the slopes: of the parameters for each sample, of the
    posterior's parameters summed over the samples.
    """
    health = ZERO
    for i in range(first, last):
        top, mass = LEAST, ZERO
        kept = row_of(weights, i)
        for k in range(samples):
            sample = i * samples + k
            row = row_of(data, i) + row_of(parameters, sample)
            total, lost = row_sum(row, row_of(slopes, sample), size)
            common = constant(*at(row[1:], 0, wide(ZERO)))
            total, lost = weighted(total, lost, number(size, total), common, wide(ZERO))
            latent = row_of(posterior, i) + row_of(noise, sample)
            gap, rest = regulariser(latent, row_of(sample_slopes, sample), width)
            weight = number(-settled(*joined(total, lost + rest, gap)), ZERO)
            put(kept, k, (weight,))
            apart = math.exp(-abs(weight - top))
            if weight > top:
                mass = fma(mass, apart, ONE)
                top = weight
            else:
                mass += apart
        value = top + math.log(mass / number(samples, ZERO))
        put(row_of(out, i), 0, (value,))
        health += SMALL * value
        for k in range(samples):
            share = math.exp(at(kept, k, ZERO)[0] - top) / mass
            put(kept, k, (share,))
            for j in range(size):
                scale(row_of(slopes, i * samples + k), j, share)
            for j in range(width):
                accumulate(row_of(latent_slopes, i), j, row_of(sample_slopes, i * samples + k), share)
    return health
