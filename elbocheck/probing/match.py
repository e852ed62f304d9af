"""A family that explains the probes, with all that its fit told."""

from __future__ import annotations

from dataclasses import dataclass

from elbocheck.adapters import Array
from elbocheck.probing.candidate import Candidate
from elbocheck.probing.fit import Shapes
from elbocheck.probing.points import Points


@dataclass(frozen=True)
class Match:
    """A candidate that explains the probes.

    Attributes:
        candidate: the candidate.
        weight: of its energy in a whole call, and that weight's uncertainty.
        error: uncertainty of the weight, same unit.
        constant: what is left of a call.
        constant_error: its uncertainty.
        parameters: the family's parameters.
        parameter_error: their relative uncertainty.
        normalizer_ratio: weight of the log normaliser over that of the energy; None where nothing varies it.
        deviation: the largest difference in nats per element, where a guard explains it.
        residual: the largest difference in units of the rounding to be expected.
        datum: what becomes of the term of the data alone: `none` where the family has none, `whole`, `dropped` or `other`.
        agreement: the largest difference, relative to the loss and the weight of the energy.
        fitted: the candidate whose parts were fitted: another one where the data's own term told the family.
        shapes: of that.
        coefficients: of its parts.
        points: that it was fitted to.
    """

    candidate: Candidate
    weight: float
    error: float
    constant: float
    constant_error: float
    parameters: dict[str, float]
    parameter_error: float
    normalizer_ratio: float | None
    deviation: float
    residual: float
    datum: str
    agreement: float
    fitted: Candidate
    shapes: Shapes
    coefficients: Array
    points: Points

    @property
    def complexity(self) -> tuple[int, int, float]:
        """Fewest parameters first, then the closest."""
        return (*self.candidate.complexity, self.residual)

    @property
    def limiting(self) -> bool:
        """Whether a shape ends where it may not go on: another family is the limit."""
        ends = ((grid.values[0], grid.values[-1]) for grid in self.fitted.shapes)
        return any(shape in end for shape, end in zip(self.shapes, ends, strict=True))
