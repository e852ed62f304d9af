"""The mass of exp(-energy) of a black box: finite or not, and its logarithm with a bound."""

from elbocheck.mass.effort import COARSE, FULL, Effort
from elbocheck.mass.measure import log_mass
from elbocheck.mass.result import Mass, Status

__all__ = ["COARSE", "FULL", "Effort", "Mass", "Status", "log_mass"]
