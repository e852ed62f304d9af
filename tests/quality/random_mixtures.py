"""Random mixtures: `python -m tests.quality.random_mixtures COUNT [SEED]`.

COUNT losses per family of components and dtype: with learned or fixed scales (no mean over elements beside a fixed one: it leaves
open what a nat is), weights given as logits, probabilities or their
logarithms, the axis of the components last or first, chosen for each element or for a datum, any factor and reduction. One in
four makes something else of its components. Prints what is misread, and what is left undecided.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from elbocheck.errors import RunError
from elbocheck.intent import Intent
from elbocheck.loss import Loss
from elbocheck.measuring import measure
from tests.quality.random_bins import KINDS, REDUCTIONS

COMPONENTS: Mapping[str, Callable[[Any], Any]] = {
    "normal": lambda u: -0.5 * u**2 - 0.5 * float(np.log(2 * np.pi)),
    "laplace": lambda u: -np.abs(u) - float(np.log(2)),
    "logistic": lambda u: -u - 2 * np.logaddexp(0, -u).astype(u.dtype),
    "cauchy": lambda u: -np.log1p(u**2) - float(np.log(np.pi)),
}
WEIGHTS = {"logits": "mix_logits", "log_probs": "log_pi", "probs": "pi"}
SCALES = {"log_scale": "x_log_scale", "scale": "x_scale", "var": "x_var", "log_var": "x_logvar"}


@dataclass(frozen=True)
class Drawn:
    """A random loss and what it is.

    Attributes:
        family: of the components.
        kind: how their scale is read; None where it is a number.
        scale: that number.
        weights_as: what the weights are.
        last: the axis of the components is the last one.
        shared: a datum has one component.
        mixed_as: what becomes of the components.
        factor: on the whole.
        reduction: over elements and data.
        dtype: of all.
    """

    family: str
    kind: str | None
    scale: float
    weights_as: str
    last: bool
    shared: bool
    mixed_as: str
    factor: float
    reduction: str
    dtype: np.dtype[Any]

    def element(self, x: Any, weights: Any, loc: Any, v: Any = None) -> Any:
        """Return the loss of each choice of a component."""
        axis = -1 if self.last else 1
        scale = self.dtype.type(self.scale) if self.kind is None else KINDS[self.kind](v)
        each = COMPONENTS[self.family]((np.expand_dims(x, axis) - loc) / scale) - np.log(scale)
        logs = weights
        if self.weights_as == "logits":
            logs = weights - np.logaddexp.reduce(weights, axis, keepdims=True)
        if self.weights_as == "probs":
            logs = np.log(weights)
        if self.shared:
            count = x.shape[1] if self.mixed_as == "over-counted" else 1
            each, logs = each.sum(axis=1 if self.last else 2), count * logs
        if self.mixed_as == "mean":
            return -np.sum(np.exp(logs) * each, axis)
        if self.mixed_as == "best":
            return -np.max(logs + each, axis)
        return -np.logaddexp.reduce(logs + each, axis)

    @property
    def loss(self) -> Callable[..., Any]:
        """The loss."""
        factor = self.dtype.type(self.factor)

        def value(*given: Any) -> Any:
            found = self.element(*given)
            found = REDUCTIONS[self.reduction](factor * (found[:, None] if self.shared else found))
            assert found.dtype == given[0].dtype, found.dtype
            return found

        names = f"x, {WEIGHTS[self.weights_as]}, x_mean" + (f", {SCALES[self.kind]}" if self.kind else "")
        return eval(f"lambda {names}: value({names})", {"value": value})  # type: ignore[no-any-return]


def draw(family: str, rng: np.random.Generator, dtype: np.dtype[Any]) -> Drawn:
    """Draw a loss."""
    kind = None if rng.random() < 0.2 else str(rng.choice(list(KINDS)))
    shared = bool(rng.random() < 0.5)
    wrong = ["mean", "best", *(["over-counted"] if shared else [])]
    factor = float(np.exp(rng.uniform(-3, 3))) if kind is not None and rng.random() < 0.5 else 1.0
    reductions = [r for r in REDUCTIONS if r != "mean" or not (shared or kind is None)]
    return Drawn(
        family,
        kind,
        float(dtype.type(np.exp(rng.uniform(-2, 2)))),
        str(rng.choice(list(WEIGHTS))),
        bool(rng.random() < 0.5),
        shared,
        str(rng.choice(wrong)) if rng.random() < 0.25 else "mixture",
        factor,
        str(rng.choice(reductions)),
        dtype,
    )


def judge(drawn: Drawn) -> str:
    """Return what is wrong, empty where nothing is."""
    try:
        case = measure(Loss.of(drawn.loss), {}, "numpy", drawn.dtype.name, Intent(), 0)
    except RunError as error:
        return f"undecided: {error}"
    r = case.anatomy.reconstruction
    assert r is not None
    if r.density is None or r.mixture is None:
        return f"undecided: {r.mixed_as}, {r.mixture}"
    family = case.model.family if drawn.kind is None else r.density
    wrong = [] if family == drawn.family else [f"read as {family}"]
    if r.mixed_as != drawn.mixed_as:
        wrong.append(f"components are {r.mixed_as}")
    if (r.mixture.last, r.mixture.shared is None, r.mixture.weights_as) != (drawn.last, drawn.shared, drawn.weights_as):
        wrong.append(str(r.mixture))
    if r.scale_as != drawn.kind:
        wrong.append(f"scale read as {r.scale_as}")
    if drawn.kind is not None and abs(r.weight.coefficient / drawn.factor - 1) > r.weight.error:
        wrong.append(f"weight {r.weight.coefficient} +- {r.weight.error:.2g}")
    return "; ".join(wrong)


def run(count: int, seed: int) -> bool:
    """Print a line for each family and dtype."""
    good = True
    for family in COMPONENTS:
        for dtype in (np.dtype(np.float64), np.dtype(np.float32)):
            rng, found, spent = np.random.default_rng((seed, *family.encode())), [], []
            for _ in range(count):
                drawn, began = draw(family, rng, dtype), time.perf_counter()
                found.append((drawn, judge(drawn)))
                spent.append(1e3 * (time.perf_counter() - began))
            missed = [one for one in found if one[1].startswith("undecided")]
            wrong = [one for one in found if one[1] and one not in missed]
            print(
                f"{family} {dtype}: {len(wrong)} wrong, {len(missed)} undecided of {count}, {median(spent):.0f} ms",
                flush=True,
            )
            for drawn, said in [*wrong, *missed][:6]:
                print("   ", drawn, "->", said)
            good = good and not wrong and len(missed) <= 0.005 * count
    return good


if __name__ == "__main__":
    sys.exit(not run(int(sys.argv[1]) if len(sys.argv) > 1 else 10, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
