"""How reports break lines: a label, then text wrapped beside it, 80 columns."""

from __future__ import annotations

import textwrap

__all__ = ["WIDTH", "capital", "row", "wrapped"]

WIDTH = 80
_LABEL = 14


def row(label: str, text: str, indent: str = "  ") -> list[str]:
    """Return a labelled text as lines."""
    head = f"{indent}{label:<{_LABEL - len(indent)}}"
    return textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * _LABEL, break_on_hyphens=False, break_long_words=False
    )


def wrapped(text: str, indent: str) -> list[str]:
    """Return a text as indented lines."""
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def capital(text: str) -> str:
    """Return a text with a capital first letter."""
    return text[:1].upper() + text[1:]
