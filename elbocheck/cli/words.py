"""Words of the command line as values; each raises `UsageError` that shows the word and the remedy."""

from __future__ import annotations

import ast
from math import prod
from typing import Any

from elbocheck.errors import UsageError

__all__ = ["codes", "count", "is_number", "key", "literal", "pairs", "seed", "shape", "span", "strings"]


_LARGEST = 10**8
"""Values of one datum: a call holds a few arrays of them."""


def strings(flag: str, words: list[str]) -> dict[str, str]:
    """Split NAME=VALUE words; a name stands once."""
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{flag} {word!r}: write {flag} NAME=VALUE")
        if name in pairs:
            raise UsageError(f"{flag} gives {name!r} twice, {pairs[name]!r} and {value!r}: keep one")
        pairs[name] = value
    return pairs


def pairs(flag: str, words: list[str]) -> dict[str, Any]:
    """The same with values read as literals."""
    return {name: literal(value) for name, value in strings(flag, words).items()}


def literal(text: str) -> Any:
    """Read a Python literal (numbers, True, None, tuples); anything else is a string."""
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text


def is_number(text: str) -> bool:
    """Whether a word is a number."""
    return isinstance(literal(text), int | float)


def key(text: str) -> str | int:
    """An argument by name, or by position."""
    return int(text) if text.isdecimal() else text


def count(flag: str, text: str, least: int) -> int:
    """A whole number that a flag takes."""
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise UsageError(f"{flag} {text}: give a whole number from {least} up")
    return int(text)


def seed(text: str) -> int:
    """A seed of NumPy's generators."""
    if not (text.isascii() and text.isdecimal()) or int(text) >= 2**32:
        raise UsageError(f"--seed {text}: give a whole number from 0 to {2**32 - 1}")
    return int(text)


def shape(name: str, text: str) -> tuple[int, ...]:
    """Sizes as 3x64x64, or scalar."""
    if text in ("", "scalar"):
        return ()
    try:
        shape = tuple(int(part) for part in text.replace(",", "x").split("x"))
    except ValueError:
        shape = (0,)
    if min(shape) < 1 or prod(shape) > _LARGEST:
        raise UsageError(
            f"--shape {name}={text}: write the sizes of one datum, e.g. --shape x=3x64x64 or x=scalar, "
            f"{_LARGEST:,} values at most"
        )
    return shape


def codes(flag: str, words: list[str]) -> list[str]:
    """Codes of rules, in one word or several."""
    for word in words:
        if not word.replace(",", " ").split():
            raise UsageError(f"{flag} {word!r} names no rule: write codes, e.g. {flag} ELB103,ELB4")
    return [code for word in words for code in word.replace(",", " ").split()]


def span(words: list[str]) -> tuple[float, float]:
    """A lowest and a highest value."""
    ends = " ".join(words).replace(",", " ").split()
    try:
        low, high = map(float, ends)
    except ValueError:
        raise UsageError(f"--data-range {' '.join(words)}: give two numbers, e.g. --data-range 0 255") from None
    return low, high
