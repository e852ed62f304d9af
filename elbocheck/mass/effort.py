"""How hard to look for the mass of a density.

A look of a few thousand points instead of some seven gave improper energies a finite mass, 7 in 400 at random: there is none.
"""

from dataclasses import dataclass

__all__ = ["FULL", "Effort"]


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
"""A bound of a few percent from some 400 points, 750 at jumps; it steps over a second peak that FULL sees."""
