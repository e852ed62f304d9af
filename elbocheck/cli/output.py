"""Where reports go: standard output or a file; and progress."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from elbocheck.errors import UsageError

__all__ = ["bar", "colour", "emit", "emit_bytes", "refuse_folder"]


def bar(done: int, of: int, name: str) -> None:
    """Draw progress on a terminal, over itself."""
    if sys.stderr.isatty():
        filled = round(24 * done / of)
        end = "\n" if done == of else ""
        print(
            f"\r\x1b[K[{'#' * filled}{'.' * (24 - filled)}] {done}/{of} {name}"[:110],
            end=end,
            file=sys.stderr,
            flush=True,
        )


def emit(text: str, output: str | None) -> None:
    """Print a text, or write it to a file."""
    if not output:
        encoding = sys.stdout.encoding or "utf-8"  # a console that lacks a letter shows its number
        print(text.encode(encoding, "backslashreplace").decode(encoding))
        return
    try:
        Path(output).write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise _unwritable(output, error.strerror) from None


def emit_bytes(content: bytes, output: str) -> None:
    """Write bytes to a file."""
    try:
        Path(output).write_bytes(content)
    except OSError as error:
        raise _unwritable(output, error.strerror) from None


def refuse_folder(output: str) -> None:
    """Refuse what cannot be written to before the work is done."""
    if os.path.isdir(output):
        raise _unwritable(output, "it is a folder")
    if not os.path.isdir(os.path.dirname(output) or "."):
        raise _unwritable(output, "no such folder")


def _unwritable(output: str, why: str | None) -> UsageError:
    return UsageError(f"cannot write {output!r} ({why}): name a file in a folder that exists")


def colour() -> bool:
    """Whether standard output takes colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
