"""Random right losses with known answers: family, parameters, reductions, weights, constants, conventions.

`python -m tests.quality.random_losses 1000` counts the wrong verdicts in both dtypes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi
from typing import Any

import numpy as np

from elbocheck import Verdict, verify

FAMILIES = ("normal", "logits", "probs", "huber", "learned")
REDUCTIONS = ("sum", "mean", "none")
SCALES = ("log_var", "log_std", "std", "var")


@dataclass(frozen=True)
class Drawn:
    """A random loss and what it is.

    Attributes:
        loss: the loss.
        family: the density's name.
        ratio: weight of the KL over the weight of the energy.
        bound: the right bound.
        delta: the knot, where there is one.
        shown: how it was drawn.
    """

    loss: Callable[..., Any]
    family: str
    ratio: float
    bound: str
    delta: float | None
    shown: str


def draw(rng: np.random.Generator) -> Drawn:
    """Draw one loss: the negative ELBO, perhaps scaled, perhaps with another KL weight or without its constant."""
    family, reduction, scale = rng.choice(FAMILIES), str(rng.choice(REDUCTIONS)), str(rng.choice(SCALES))
    ratio = float(10 ** rng.uniform(-3, 3)) if rng.random() < 0.5 else 1.0
    factor = float(10 ** rng.uniform(-4, 4)) if rng.random() < 0.4 else 1.0
    delta = float(10 ** rng.uniform(-2, 2)) if family == "huber" else None
    whole = bool(rng.random() < 0.5)
    energy = _ENERGIES[family]

    def value(x: Any, prediction: Any, aside: Any, mu: Any, spread: Any) -> Any:
        recon = energy(x, prediction, aside, delta) / ratio
        if whole and family == "normal":
            recon = recon + x.dtype.type(0.5 * log(2 * pi * ratio))
        per_datum = np.sum(recon, axis=1) + np.sum(_kl(mu, spread, scale), axis=1)
        total = x.dtype.type(factor) * per_datum
        return total if reduction == "none" else np.mean(total) if reduction == "mean" else np.sum(total)

    free = family in ("normal", "huber")
    exact = family in ("logits", "probs") or (family == "normal" and whole) or family == "learned"
    bound = "scaled" if factor != 1 else "exact" if exact else "constant"
    if not free and ratio != 1:
        bound = "beta" if ratio > 1 else "not-a-bound"
    shown = f"{family} {reduction} {scale} ratio={ratio:.6g} factor={factor:.6g} delta={delta} whole={whole}"
    return Drawn(_named(value, family, scale), _DENSITY.get(family, family), ratio, bound, delta, shown)


def _huber(u: Any, delta: Any) -> Any:
    size = np.abs(u)
    return np.where(size <= delta, 0.5 * u**2, delta * (size - 0.5 * delta))


_ENERGIES: dict[str, Callable[..., Any]] = {
    "normal": lambda x, r, s, d: 0.5 * (x - r) ** 2,
    "huber": lambda x, r, s, d: _huber(x - r, x.dtype.type(d)),
    "logits": lambda x, r, s, d: np.maximum(r, 0) - x * r + np.log1p(np.exp(-np.abs(r))),
    "probs": lambda x, r, s, d: -(x * np.log(r) + (1 - x) * np.log1p(-r)),
    "learned": lambda x, r, s, d: 0.5 * ((x - r) ** 2 * np.exp(-s) + s + x.dtype.type(log(2 * pi))),
}
_DENSITY = {"logits": "bernoulli", "probs": "bernoulli", "learned": "normal"}


def _kl(mu: Any, s: Any, scale: str) -> Any:
    match scale:
        case "log_var":
            return 0.5 * (mu**2 + np.exp(s) - 1 - s)
        case "log_std":
            return 0.5 * (mu**2 + np.exp(2 * s) - 1) - s
        case "std":
            return 0.5 * (mu**2 + s**2 - 1) - np.log(s)
    return 0.5 * (mu**2 + s - 1 - np.log(s))


def _named(value: Callable[..., Any], family: str, scale: str) -> Callable[..., Any]:
    """Give the arguments the names that people give them."""
    first = {"logits": "logits", "learned": "x_mu"}.get(family, "recon_x")
    names = ["x", first, *(["x_logvar"] if family == "learned" else []), "mu", scale]
    aside = "x_logvar" if family == "learned" else "None"
    source = f"lambda {', '.join(names)}: value(x, {first}, {aside}, mu, {scale})"
    return eval(source, {"value": value})  # type: ignore[no-any-return]  # built from the constants above


def wrong(drawn: Drawn, verdict: Verdict, dtype: str) -> str | None:
    """Say what is wrong with a verdict, or None."""
    tolerance = 1e-9 if dtype == "float64" else 1e-5
    model = verdict.model
    if model is None or model.family != drawn.family or verdict.bound.value != drawn.bound:
        return f"{verdict.bound.value} {model and model.family}, should be {drawn.bound} {drawn.family}"
    if model.beta is None or model.beta.powers or abs(model.beta.coefficient / drawn.ratio - 1) > tolerance:
        return f"ratio {model.beta and model.beta.formula}, should be {drawn.ratio}"
    if drawn.delta is not None and abs(model.parameters["delta"] / drawn.delta - 1) > tolerance:
        return f"delta {model.parameters['delta']!r}, should be {drawn.delta!r}"
    loud = [f.code for f in verdict.findings if f.outcome.value in ("warn", "fail")]
    loud = [code for code in loud if code != "ELB503"]  # bare logarithms of saturated probabilities are NaN indeed
    expected = drawn.bound in ("beta", "not-a-bound")
    return None if bool(loud) == expected else f"findings {loud}"


def main(count: int) -> None:
    """Print every wrong verdict, and their number."""
    for dtype in ("float64", "float32"):
        rng, bad = np.random.default_rng(20261122), 0
        for _ in range(count):
            drawn = draw(rng)
            said = wrong(drawn, verify(drawn.loss, dtype=dtype), dtype)
            if said is not None:
                bad += 1
                sys.stdout.write(f"{dtype} {drawn.shown}: {said}\n")
        sys.stdout.write(f"{dtype}: {bad} wrong of {count}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
