"""Several numbers enclosed together: a formula that yields them all is evaluated once per precision, not once per number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from elbocheck.arithmetic import Number
from elbocheck.enclosure import Balls, Enclosure, enclose

__all__ = ["NEGLIGIBLE", "enclose_all"]

NEGLIGIBLE = 10.0**-300  # an absolute error that is as good as none: exact zeros have no digits


def enclose_all(
    function: Callable[[Balls], Sequence[Number]], digits: int, *, floor: float = NEGLIGIBLE
) -> list[Enclosure]:
    """Evaluate in balls at rising precision until that many digits of each number are certain.

    Args:
        function: numbers from the vocabulary, as many at every precision.
        digits: relative, in decimal digits.
        floor: absolute error that is good enough.

    Raises:
        OracleError: if the largest precision does not suffice.

    Example:
        >>> [one.digits > 30 for one in enclose_all(lambda m: [m.pi, m.sqrt(m.exact(2))], 30)]
        [True, True]
    """
    rungs: list[Sequence[Number]] = []  # every number climbs the same ladder; a ball of any rung contains the truth

    def entry(place: int) -> Callable[[Balls], Number]:
        climb = count()

        def at(m: Balls) -> Number:
            rung = next(climb)
            if rung == len(rungs):
                rungs.append(function(m))
            return rungs[rung][place]

        return at

    first = enclose(entry(0), digits, floor=floor)
    return [first, *(enclose(entry(place), digits, floor=floor) for place in range(1, len(rungs[0])))]
