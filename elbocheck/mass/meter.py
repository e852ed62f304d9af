"""The energy as it is evaluated: in its own dtype, at numbers of that dtype, counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Energy", "Meter", "Wide"]

Wide = NDArray[np.float64]
Energy = Callable[[NDArray[Any]], Any]


@dataclass(eq=False)
class Meter:
    """An energy in nats, what it was asked, and the numbers at which it can be asked.

    Attributes:
        energy: vectorised over a 1-D array of the dtype.
        dtype: float32 or float64.
        whole: it is defined at integers only.
        most: points it may be asked before the answer must do as it is.
        octaves: of distance looked at, each way from 1, at most.
        calls: so far.
        points: so far.
    """

    energy: Energy
    dtype: np.dtype[Any]
    whole: bool
    most: int
    octaves: int
    calls: int = 0
    points: int = 0

    @property
    def reach(self) -> float:
        """The largest distance looked at, a power of two: its square does not overflow, nor its inverse's vanish.

        An energy of x * x would be infinite beyond it, which looks like a tail that has ended.
        """
        return float(2.0 ** min(np.finfo(self.dtype).maxexp // 2 - 1, self.octaves))

    @property
    def eps(self) -> float:
        """The spacing of the dtype at 1."""
        return float(np.finfo(self.dtype).eps)

    @property
    def spent(self) -> bool:
        """Whether no further point should be asked for."""
        return self.points >= self.most

    def snap(self, x: Wide) -> Wide:
        """The nearest numbers at which the energy can be evaluated."""
        return (np.rint(x) if self.whole else x).astype(self.dtype).astype(np.float64)

    def spacing(self, x: Any) -> Any:
        """The distance between such numbers at x; never so small that its square vanishes."""
        ulps = np.spacing(np.abs(np.asarray(x, dtype=self.dtype))).astype(np.float64)
        return np.maximum(ulps, 1.0 if self.whole else 1 / self.reach)

    def __call__(self, x: Wide) -> Wide:
        """The energies at numbers of the dtype, in float64; infinite, hence without mass, where they are NaN."""
        self.calls += 1
        self.points += x.size
        with np.errstate(all="ignore"):
            values = np.asarray(self.energy(x.astype(self.dtype)), dtype=np.float64)
        return np.where(np.isnan(values), np.inf, np.broadcast_to(values, x.shape))
