"""What is known of the mass of a density: a verdict and, if it is finite, its logarithm with a bound."""

from dataclasses import dataclass
from enum import StrEnum
from math import inf, nan

__all__ = ["Mass", "Status", "Trouble"]


class Status(StrEnum):
    """Whether a mass was found; `advice` says what would decide where it was not."""

    OK = "ok"
    DIVERGENT = "divergent"
    UNDECIDED = "undecided"
    UNRESOLVED = "unresolved"

    @property
    def advice(self) -> str:
        """What would decide."""
        return _ADVICE[self]


_ADVICE = {
    Status.OK: "the mass is finite and its error is bounded",
    Status.DIVERGENT: "the mass is infinite: an energy that grows faster than the logarithm of the distance has one",
    Status.UNDECIDED: "no finite range of a float decides: a formula for the tail would, or a wider dtype",
    Status.UNRESOLVED: "the peak is as narrow as the floats around it are coarse: float64, or a location near 0, would do",
}


@dataclass(frozen=True)
class Mass:
    """The integral (or sum) of exp(-energy) over a support.

    Attributes:
        status: whether it was found.
        log_value: its logarithm, in nats; infinite if divergent, NaN if neither.
        error: bound of the absolute error of log_value, in nats; infinite unless ok.
        where: the place that the status is due to, empty if ok.
        calls: of the energy.
        points: at which the energy was evaluated.
    """

    status: Status
    log_value: float = nan
    error: float = inf
    where: str = ""
    calls: int = 0
    points: int = 0


class Trouble(Exception):  # noqa: N818 - a verdict on its way up, which log_mass turns into a Mass
    """The mass is infinite or not found: the status and the place."""

    def __init__(self, status: Status, where: str) -> None:
        super().__init__(where)
        self.status = status
        self.where = where
