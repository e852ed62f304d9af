"""One loss in NumPy, torch, JAX and TensorFlow has one verdict: bound, findings, model, and parameters to float32's noise."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from elbocheck import budget, verify
from elbocheck.adapters import FRAMEWORKS
from elbocheck.verdict import Outcome, Verdict

Functions = Any
LOG_2PI = math.log(2 * math.pi)
UNARY = ("exp", "log", "log1p", "abs", "sqrt", "maximum", "where")


@cache
def functions(name: str) -> Functions:
    """Return a framework's array functions by NumPy's names, or skip where it is missing."""
    if name == "numpy":
        return SimpleNamespace(**{word: getattr(np, word) for word in (*UNARY, "sum", "mean", "clip")})
    home = pytest.importorskip(name, reason=f"{name} is not installed")
    if name == "jax":
        home = importlib.import_module("jax.numpy")
    if name != "tensorflow":
        words = {word: getattr(home, word) for word in (*UNARY, "sum", "mean", "clip")}
        return SimpleNamespace(**words | ({"maximum": _torch_maximum} if name == "torch" else {}))
    words = {word: getattr(home if hasattr(home, word) else home.math, word) for word in UNARY}
    return SimpleNamespace(**words, sum=home.reduce_sum, mean=home.reduce_mean, clip=home.clip_by_value)


def _torch_maximum(a: Any, b: float) -> Any:
    return a.clamp(min=b)


# --- terms ---


def kl(m: Functions, mu: Any, log_var: Any) -> Any:
    """Return the KL of each latent."""
    return -0.5 * (1 + log_var - mu**2 - m.exp(log_var))


def cross_entropy(m: Functions, logits: Any, x: Any) -> Any:
    """Return the stable cross-entropy of each element."""
    return m.maximum(logits, 0.0) - logits * x + m.log1p(m.exp(-m.abs(logits)))


def summed(m: Functions, energy: Any, divergence: Any) -> Any:
    """Return the sum over each datum, averaged over the batch."""
    return m.mean(m.sum(energy, -1) + m.sum(divergence, -1))


# --- right losses ---


def bernoulli(m: Functions, logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Sums over everything."""
    return m.sum(cross_entropy(m, logits, x)) + m.sum(kl(m, mu, log_var))


def clipped(m: Functions, probs: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Probabilities, held at 1e-6."""
    p = m.clip(probs, 1e-6, 1 - 1e-6)
    return summed(m, -(x * m.log(p) + (1 - x) * m.log(1 - p)), kl(m, mu, log_var))


def half_square(m: Functions, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """No constant."""
    return summed(m, 0.5 * (x - x_hat) ** 2, kl(m, mu, log_var))


def full_normal(m: Functions, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """At sigma = 0.3."""
    return summed(m, 0.5 * ((x - x_hat) / 0.3) ** 2 + math.log(0.3) + 0.5 * LOG_2PI, kl(m, mu, log_var))


def learned(m: Functions, x_mean: Any, x_log_var: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """A learned log variance."""
    return summed(m, 0.5 * ((x - x_mean) ** 2 * m.exp(-x_log_var) + x_log_var + LOG_2PI), kl(m, mu, log_var))


def laplace(m: Functions, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Absolute errors."""
    return summed(m, m.abs(x - x_hat), kl(m, mu, log_var))


def huber(m: Functions, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """At delta = 0.7."""
    u = m.abs(x - x_hat)
    return summed(m, m.where(u <= 0.7, 0.5 * u * u, 0.7 * (u - 0.35)), kl(m, mu, log_var))


def student(m: Functions, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """With 4 degrees of freedom."""
    return summed(m, 2.5 * m.log1p((x - x_hat) ** 2 / 4), kl(m, mu, log_var))


def log_cosh(m: Functions, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """In its stable form."""
    u = m.abs(x - x_hat)
    return summed(m, u + m.log1p(m.exp(-2 * u)) - math.log(2), kl(m, mu, log_var))


def charbonnier(m: Functions, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """A smoothed absolute error."""
    return summed(m, m.sqrt((x - x_hat) ** 2 + 0.01), kl(m, mu, log_var))


def poisson(m: Functions, rate: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Without log x!."""
    return summed(m, rate - x * m.log(rate), kl(m, mu, log_var))


def free_bits(m: Functions, logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Half a nat for each latent."""
    return summed(m, cross_entropy(m, logits, x), m.maximum(kl(m, mu, log_var), 0.5))


# --- defective ones ---


def whole_square(m: Functions, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """The half is forgotten."""
    return summed(m, (x - x_hat) ** 2, kl(m, mu, log_var))


def both_means(m: Functions, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """The Keras guide's."""
    return m.mean((x - x_hat) ** 2) + m.mean(kl(m, mu, log_var))


def uneven(m: Functions, logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """The reconstruction is averaged over the batch, the KL is not."""
    return m.mean(m.sum(cross_entropy(m, logits, x), -1)) + m.sum(kl(m, mu, log_var))


def flipped(m: Functions, logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """The KL is subtracted."""
    return summed(m, cross_entropy(m, logits, x), -kl(m, mu, log_var))


def no_square(m: Functions, logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """The mean's square is missing from the KL."""
    return summed(m, cross_entropy(m, logits, x), -0.5 * (1 + log_var - m.exp(log_var)) + 0.0 * mu)


def misread(m: Functions, logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """The log variance is read as a log standard deviation: a KL all the same, in another parametrisation."""
    return summed(m, cross_entropy(m, logits, x), -0.5 * (1 + 2 * log_var - mu**2 - m.exp(2 * log_var)))


def weighted(m: Functions, logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Beta is 4."""
    return summed(m, cross_entropy(m, logits, x), 4.0 * kl(m, mu, log_var))


def swapped(m: Functions, probs: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Data and prediction have changed places."""
    p = m.clip(x, 1e-6, 1 - 1e-6)
    return summed(m, -(probs * m.log(p) + (1 - probs) * m.log(1 - p)), kl(m, mu, log_var))


def naive(m: Functions, logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """The cross-entropy that overflows."""
    return summed(m, m.log(1 + m.exp(logits)) - logits * x, kl(m, mu, log_var))


LOSSES: tuple[Callable[..., Any], ...] = (
    bernoulli, clipped, half_square, full_normal, learned, laplace, huber, student, log_cosh, charbonnier, poisson,
    free_bits, whole_square, both_means, uneven, flipped, no_square, misread, weighted, swapped, naive,
)  # fmt: skip


@cache
def judged(loss: Callable[..., Any], framework: str) -> Verdict:
    """Return the verdict on a loss in a framework, under jit in JAX, which compiles a whole loss sooner than its parts."""
    bound: Callable[..., Any] = partial(loss, functions(framework))
    if framework == "jax":
        bound = importlib.import_module("jax").jit(bound)
    return verify(bound, framework=framework, target=loss.__name__)


def everything(verdict: Verdict) -> dict[str, Any]:
    """Return what has to be the same in words: all but gradients, which NumPy has not, and the run."""
    model = verdict.model
    assert model is not None
    return {
        "bound": (verdict.bound, verdict.reason),
        "codes": {one.code for one in verdict.findings if not one.code.startswith("ELB60")},
        "likelihood": (model.likelihood, model.family, model.reduction),
        "divergence": (model.divergence, model.divergence_reduction),
        "formulas": [None if one is None else one.formula for one in (model.sigma2, model.beta)],
    }


def numbers(verdict: Verdict) -> dict[str, float]:
    """Return the parameters."""
    model = verdict.model
    assert model is not None
    found = {"sigma2": model.sigma2, "beta": model.beta}
    values = {name: one.at(model.sizes) for name, one in found.items() if one is not None}
    return {**values, **model.parameters}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_a_loss_has_one_verdict_in_every_framework(loss: Callable[..., Any], framework: str) -> None:
    """NumPy's, whose arithmetic nobody compiles."""
    here, there = judged(loss, "numpy"), judged(loss, framework)
    assert everything(there) == everything(here), f"{there}\n{here}"
    known = numbers(here)
    assert numbers(there) == {
        name: pytest.approx(v, rel=budget.ratio_error(np.dtype(np.float32))) for name, v in known.items()
    }


def test_the_defects_are_told_from_the_right_ones() -> None:
    """The losses are not all alike, or their agreement would mean nothing."""
    worst = {loss.__name__: judged(loss, "numpy").outcome for loss in LOSSES}
    assert {name for name, outcome in worst.items() if outcome in (Outcome.WARN, Outcome.FAIL)} == {
        "free_bits", "both_means", "uneven", "flipped", "no_square", "weighted", "swapped",
    }  # fmt: skip
