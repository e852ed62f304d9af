"""The float types that a loss is called in: NumPy's, and bfloat16, which NumPy lacks, as float32 arrays that say so."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["BFLOAT16", "FLOATS", "eps", "greatest", "held", "is_half", "name_of"]

BFLOAT16: np.dtype[Any] = np.dtype(np.float32, metadata={"values": "bfloat16"})
"""Arrays of float32 whose values are bfloat16's: 8 significant bits, the exponents of float32."""

FLOATS: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "float64": np.dtype(np.float64),
        "float32": np.dtype(np.float32),
        "bfloat16": BFLOAT16,
        "float16": np.dtype(np.float16),
    }
)


def name_of(dtype: np.dtype[Any]) -> str:
    """Return the name of the type that the values have."""
    said: Mapping[str, str] = dtype.metadata or {}
    return said.get("values", dtype.name)


def eps(dtype: np.dtype[Any]) -> float:
    """Return the spacing of the values at 1."""
    return 2.0**-7 if name_of(dtype) == "bfloat16" else float(np.finfo(dtype).eps)


def greatest(dtype: np.dtype[Any]) -> float:
    """Return the largest finite value."""
    return (2.0 - 2.0**-7) * 2.0**127 if name_of(dtype) == "bfloat16" else float(np.finfo(dtype).max)


def is_half(dtype: np.dtype[Any]) -> bool:
    """Tell whether two or three digits are all there is."""
    return eps(dtype) > 1e-4


def held(values: ArrayLike, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values as an array of the type, each rounded to the nearest it has."""
    with np.errstate(over="ignore"):
        array = np.asarray(values, dtype=dtype)
    return _nearest(array).view(dtype) if name_of(dtype) == "bfloat16" else array


def _nearest(array: NDArray[Any]) -> NDArray[Any]:
    """Round float32 to the nearest multiple of the 16th bit, halves to even; NaN and infinities are left alone."""
    bits = np.array(array, dtype=np.float32).view(np.uint32)
    rounded = ((bits + (np.uint32(0x7FFF) + ((bits >> 16) & 1))) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isfinite(array), rounded, array).astype(np.float32)
