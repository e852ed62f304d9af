"""SciPy: NumPy's formulas with the functions of scipy.special."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special

from elbocheck.adapters import Array
from elbocheck.adapters.kit import Contender, Formula, Kit
from elbocheck.adapters.numpy import namespace

_M = namespace(special.gammaln)


def _each(formula: Formula, x: Array, moving: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(formula(_M, x, moving))


def _sums(formula: Formula, x: Array, moving: Array) -> Mapping[str, Contender]:
    return {"scipy": lambda: formula(_M, x, moving).sum(-1)}


KIT = Kit("scipy", _each, _sums, lambda _formula, _x, _moving: {}, lambda _count: None)
