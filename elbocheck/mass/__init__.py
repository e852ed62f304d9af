"""The mass of exp(-energy) of a black box: finite or not, and its logarithm with a bound."""

from elbocheck.mass.measure import log_mass
from elbocheck.mass.result import Mass, Status

__all__ = ["Mass", "Status", "log_mass"]
