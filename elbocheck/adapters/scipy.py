"""SciPy: NumPy's formulas with the functions of scipy.special."""

from __future__ import annotations

from scipy import special

from elbocheck.adapters.numpy import with_gamma

ADAPTER = with_gamma("scipy", special.gammaln)
