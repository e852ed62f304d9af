"""What a person declares: the data they train on, and what they meant the loss to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite, nan
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from elbocheck.errors import RunError, UsageError
from elbocheck.verdict import Bound

DATA_KINDS = ("binary", "gray", "counts", "real")
_NUMBERS = ("beta", "sigma", "free_bits")
REDUCTIONS = ("sum", "mean", "none")
"""How a loss is reduced over the batch."""
EXPECTABLE = ("family", "beta", "sigma", "reduction", "bound", "free_bits")


@dataclass(frozen=True)
class Intent:
    """What is declared.

    Attributes:
        data_kind: `binary`, `gray` (levels between two ends), `counts` or `real`; None: not told.
        data_range: lowest and highest value; None: not told.
        expect: `family`, `beta`, `sigma`, `reduction`, `bound`, `free_bits` to what was meant.
    """

    data_kind: str | None = None
    data_range: tuple[float, float] | None = None
    expect: Mapping[str, str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.data_kind is not None and self.data_kind not in DATA_KINDS:
            raise UsageError(f"unknown data kind {self.data_kind!r}: choose from {', '.join(DATA_KINDS)}")
        if self.data_range is not None:
            _refuse_range(*self.data_range)
        for name in self.expect:
            if name not in EXPECTABLE:
                near = get_close_matches(name, EXPECTABLE, n=1, cutoff=0.4)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise UsageError(f"cannot expect {name!r}: {hint}choose from {', '.join(EXPECTABLE)}")
        for name in _NUMBERS:
            self.number(name)
        _refuse_stranger(self.expect, "bound", lambda: [bound.value for bound in Bound])
        _refuse_stranger(self.expect, "family", _families)
        _refuse_stranger(self.expect, "reduction", lambda: list(REDUCTIONS))

    def number(self, name: str) -> float | None:
        """Return a declared number, or None; raise UsageError where it is none."""
        value = self.expect.get(name)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = nan
        if not isfinite(number):
            raise UsageError(f"--expect {name}={value}: {value!r} is no number, write e.g. --expect {name}=1")
        return number


def _refuse_range(low: float, high: float) -> None:
    if not (isfinite(low) and isfinite(high) and low < high):
        raise UsageError(f"no data range from {low} to {high}: give the lowest value, then the highest, e.g. 0 255")


def _refuse_stranger(expect: Mapping[str, str | float], name: str, known: Callable[[], list[str]]) -> None:
    if name in expect and (value := expect[name]) not in (choices := known()):
        near = get_close_matches(str(value).lower(), choices, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(f"--expect {name}={value}: {hint}choose from {', '.join(choices)}")


def _families() -> list[str]:
    from elbocheck.densities import IDENTIFIED  # brings Numba, which only those who ask pay for

    return [density.name for density in IDENTIFIED]


def describe_data(path: str) -> tuple[str, tuple[float, float]]:
    """Return the kind and range of the data in an .npy or .npz file.

    Raises:
        UsageError: no such file, or not an array of numbers.
    """
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"no data file {path!r}: give an .npy or .npz file")
    try:
        with file.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            array = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
    except (ValueError, OSError, EOFError, IndexError, BadZipFile) as error:
        raise RunError(f"{path!r} holds no array of numbers that NumPy can read: save it with numpy.save") from error
    if array.dtype.kind not in "buif" or not array.size:
        raise UsageError(f"{path!r} holds {array.dtype} of shape {array.shape}: an array of numbers is needed")
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise UsageError(f"{path!r} holds values from {low} to {high}: remove what is not finite")
    if low == high and low not in (0, 1):
        raise UsageError(f"{path!r} holds one value only, {low}: give the whole data, or --data-range LOW HIGH")
    if np.all((array == 0) | (array == 1)):
        return "binary", (0.0, 1.0)
    whole = array.dtype.kind in "ui" or bool(np.all(array == np.round(array)))
    kind = "counts" if whole and low >= 0 else "gray" if low >= 0 and high <= 1 else "real"
    return kind, (low, high)
