"""One reading of a reconstruction: a family as a linear combination of parts, for one thing its prediction may be.

value = sum of weights * parts(x, prediction) + what the data alone decide. Parts are in nats; how their weights make the
family's parameters is each candidate's own `read`. Functions of the data alone (log x!, log x) change no gradient, so
families whose energy holds one are fitted with a free constant for every datum probed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.curves import Grid
from elbocheck.probing.fit import Shapes
from elbocheck.probing.points import Points

Reading = tuple[float, dict[str, float]]
"""The weight of the family's energy, and its parameters; a weight of NaN: the parts do not make this family."""


def alone(weights: Array, names: Sequence[str], shapes: Shapes) -> Reading:
    """Read one part: its weight, and the shapes by name."""
    return float(weights[0]), dict(zip(names, shapes, strict=True))


@dataclass(frozen=True)
class Candidate:
    """One reading of the element curve.

    Attributes:
        family: the density, or the usual name of a loss that no density has.
        parts: (points, *shapes) to functions of x and the prediction, side by side.
        parameter: what the prediction is to the family.
        shapes: free shape parameters.
        link: `sigmoid` where the loss squashes the prediction first.
        swapped: data and prediction have changed places.
        scale_as: how a learned scale is read.
        shape_as: what another learned parameter is to the family.
        normalizer: points to the log normaliser where a learned parameter varies it.
        guarded: the loss takes logarithms: a small guard, or a softplus cut off at 20, is to be expected.
        datum: (x, parameters) to what the data alone add to the energy in the family's own log density, NaN off its support;
            a loss may keep it, drop it or hold another: a constant is free for every datum. None: one constant for all.
        whole: without its own such term, up to a constant, the loss is another family's.
        read: (weights of the parts, names of the shapes, shapes) to what they mean.
        reread: (candidate, data, what they add over the weight) to another family of the same parts, told apart by that.
        kinks: (*shapes) to where a derivative jumps, in |x - prediction|.
        inner: (points, *shapes) to the size of terms that textbook code forms inside the parts and that cancel there;
            None: products of x and the prediction.
        extra: parameters beyond the shapes.
    """

    family: str
    parts: Callable[..., tuple[Array, ...]]
    parameter: str = "loc"
    shapes: tuple[Grid, ...] = ()
    link: str = "identity"
    swapped: bool = False
    scale_as: str | None = None
    shape_as: str | None = None
    normalizer: Callable[[Points], Array] | None = None
    guarded: bool = False
    datum: Callable[[Array, Mapping[str, float]], Array] | None = None
    whole: bool = False
    read: Callable[[Array, Sequence[str], Shapes], Reading] = alone
    reread: Callable[..., tuple[Candidate, float, dict[str, float]] | None] | None = None
    kinks: Callable[..., tuple[float, ...]] = lambda *_: ()
    inner: Callable[..., Array] | None = None
    extra: int = 0

    @property
    def complexity(self) -> tuple[int, int]:
        """Fewest parameters first; data and prediction where their names say."""
        return len(self.shapes) + self.extra, int(self.swapped) + int(self.link != "identity")


def squashed(parts: Callable[..., tuple[Array, ...]]) -> Callable[..., tuple[Array, ...]]:
    """Return the parts of a loss that squashes its prediction first."""
    return lambda p, *shapes: parts(replace(p, prediction=_sigmoid(p.prediction)), *shapes)


def _sigmoid(v: Array) -> Array:
    return 0.5 * (1 + np.tanh(v / 2))
