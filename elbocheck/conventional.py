"""What a loss calls its parameters, in the reference's own: a mean and a dispersion are a negative binomial's r and logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from elbocheck.adapters import Array
from elbocheck.anatomy import Reconstruction
from elbocheck.densities.density import Density
from elbocheck.member import family

__all__ = ["conventional"]

Given = Mapping[str, Array]
"""What the loss is given and what it holds, by the name that identifying found for it."""


def conventional(r: Reconstruction, prediction: Array, shape: Array | None) -> tuple[Density, dict[str, Array]] | None:
    """Return the reference and its parameters for what a loss is given, in float64; None where it has no such reading.

    Args:
        r: what the loss was read as.
        prediction: what it is given as the prediction.
        shape: what it is given as its other learned parameter, where it takes one; a learned scale is 1.
    """
    density, read = family(r.density), _READ.get(str(r.density))
    given: dict[str, Array] = {**{name: np.asarray(value) for name, value in r.shape.items()}}
    given |= {r.parameter: prediction} | ({r.shape_as: shape} if r.shape_as is not None and shape is not None else {})
    if r.density == "student_t":
        given.setdefault("scale", np.asarray(1.0))
    if density is None or read is None or r.link != "identity":
        return None
    try:
        return density, read(given)
    except KeyError:  # a reading of other parameters
        return None


def _beta(given: Given) -> dict[str, Array]:
    if "precision" not in given:
        return {name: given[name] for name in ("concentration1", "concentration0")}
    mean, precision = given["mean"], given["precision"]
    return {"concentration1": mean * precision, "concentration0": (1 - mean) * precision}


def _gamma(given: Given) -> dict[str, Array]:
    a = given["concentration"]
    if {"mean", "log_mean"} & set(given):
        return {"concentration": a, "rate": a / _either(given, "mean")}
    rate = 1 / _either(given, "scale") if {"rate", "log_rate"}.isdisjoint(given) else _either(given, "rate")
    return {"concentration": a, "rate": rate}


def _negative_binomial(given: Given) -> dict[str, Array]:
    r = 1 / given["dispersion"] if "dispersion" in given else given["total_count"]
    if {"mean", "log_mean"} & set(given):
        return {"total_count": r, "logits": np.log(_either(given, "mean")) - np.log(r)}
    return {"total_count": r, "logits": _logits(given)}


def _logits(given: Given) -> Array:
    for name, sign in (("", 1.0), ("failure_", -1.0)):
        if f"{name}logits" in given:
            return sign * given[f"{name}logits"]
        if f"{name}probs" in given:
            with np.errstate(divide="ignore", invalid="ignore"):
                return sign * (np.log(given[f"{name}probs"]) - np.log1p(-given[f"{name}probs"]))
    raise KeyError("logits")


def _either(given: Given, name: str) -> Array:
    """Return a positive parameter that may be given by its logarithm."""
    return np.exp(given[f"log_{name}"]) if f"log_{name}" in given else given[name]


_READ: Mapping[str, Callable[[Given], dict[str, Array]]] = {
    "beta": _beta,
    "gamma": _gamma,
    "weibull": lambda given: {"scale": _either(given, "scale"), "concentration": given["concentration"]},
    "student_t": lambda given: {name: given[name] for name in ("loc", "scale", "df")},
    "negative_binomial": _negative_binomial,
    "binomial": lambda given: {"total_count": given["total_count"], "logits": _logits(given)},
    "continuous_bernoulli": lambda given: {"logits": _logits(given)},
}
