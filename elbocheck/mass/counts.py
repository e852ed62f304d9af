"""The mass on a run of integers."""

from elbocheck.domain import Integers
from elbocheck.mass.effort import Effort
from elbocheck.mass.meter import Meter
from elbocheck.mass.result import Mass


def on_integers(meter: Meter, support: Integers, hint: float, effort: Effort) -> Mass:
    raise NotImplementedError
