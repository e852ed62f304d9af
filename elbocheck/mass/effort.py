"""How hard to look: many points at once, or few because each is a call."""

from dataclasses import dataclass

__all__ = ["COARSE", "FULL", "Effort"]


@dataclass(frozen=True)
class Effort:
    """The densities of points that a mass is worked out with.

    Attributes:
        octaves: of distance looked at, each way from 1, at most.
        decades: each way from 1 that are scanned densely: data and scales that people have.
        per_decade: points of the scan there, each way from an anchor.
        beyond: points of the scan between there and the end of the range, each way.
        zoom: points a round between the neighbours of a minimum or beside an edge.
        slope: points on which the law of an end is fitted.
        degree: of the quadrature, a multiple of 4.
        width: of the first panels, in e-folds of distance.
        looks: points of the look along a ray that each of them takes.
        split: panels that one which is not resolved is cut into.
        depth: nats below its peak where the density counts as gone.
        terms: integers that are summed one by one at most.
        loose: factor on the tolerance of the quadrature.
        most: points, roughly, after which the answer must do as it is.
    """

    octaves: int
    decades: float
    per_decade: int
    beyond: int
    zoom: int
    slope: int
    degree: int
    width: float
    looks: int
    split: int
    depth: float
    terms: int
    loose: float
    most: int


FULL = Effort(1024, 15.0, 8, 96, 64, 24, 24, 2.0, 4, 8, 45.0, 2**17, 1.0, 400_000)
COARSE = Effort(200, 8.0, 3, 24, 12, 12, 12, 2.0, 2, 4, 30.0, 1024, 2.0**16, 2000)
"""A bound of a few percent from some 400 points, 750 at jumps; it steps over a second peak that FULL sees."""
