"""The reference divergences, one pair of families per file."""

from elbocheck.divergences.divergence import Divergence, DivergenceForm
from elbocheck.divergences.normal_standard import normal_standard

__all__ = ["DIVERGENCES", "Divergence", "DivergenceForm", "normal_standard"]

DIVERGENCES = (normal_standard,)
