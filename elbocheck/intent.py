"""What a person declares: the data they train on, and what they meant the loss to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from elbocheck.errors import RunError, UsageError

DATA_KINDS = ("binary", "gray", "counts", "real")
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
        if self.data_range is not None and not self.data_range[0] < self.data_range[1]:
            raise UsageError(f"data range {self.data_range} is empty: give the lowest value first, e.g. 0 255")
        for name in self.expect:
            if name not in EXPECTABLE:
                near = get_close_matches(name, EXPECTABLE, n=1, cutoff=0.4)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise UsageError(f"cannot expect {name!r}: {hint}choose from {', '.join(EXPECTABLE)}")

    def number(self, name: str) -> float | None:
        """Return a declared number, or None; raise UsageError where it is none."""
        value = self.expect.get(name)
        if value is None:
            return None
        try:
            return float(value)
        except ValueError:
            raise UsageError(f"--expect {name}={value}: {value!r} is no number") from None


def describe_data(path: str) -> tuple[str, tuple[float, float]]:
    """Return the kind and range of the data in an .npy or .npz file.

    Raises:
        UsageError: no such file, or not an array of numbers.
    """
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"no data file {path!r}: give an .npy or .npz file")
    try:
        loaded = np.load(file, allow_pickle=False)
        array = loaded if isinstance(loaded, np.ndarray) else loaded[loaded.files[0]]
    except (ValueError, OSError, IndexError) as error:
        raise RunError(f"cannot read {path!r} as a NumPy array ({error}): save it with numpy.save") from error
    if array.dtype.kind not in "buif" or not array.size:
        raise UsageError(f"{path!r} holds {array.dtype} of shape {array.shape}: an array of numbers is needed")
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise UsageError(f"{path!r} holds values from {low} to {high}: remove what is not finite")
    if np.all((array == 0) | (array == 1)):
        return "binary", (0.0, 1.0)
    whole = array.dtype.kind in "ui" or bool(np.all(array == np.round(array)))
    kind = "counts" if whole and low >= 0 else "gray" if 0 <= low and high <= 1 else "real"
    return kind, (low, high)
