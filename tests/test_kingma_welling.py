"""Kingma & Welling's estimators A and B with the decoders of their appendix C, an MLP of one hidden layer, in each framework."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from elbocheck import returns, verify
from elbocheck.verdict import Bound, Verdict

FRAMEWORKS = ("numpy", "torch", "jax", "tensorflow")
X, HIDDEN, Z = 5, 7, 3


def functions(name: str) -> Any:
    """Return what the estimators need of a framework; skip where it is missing."""
    home = pytest.importorskip(name, reason=f"{name} is not installed")
    m = importlib.import_module("jax.numpy") if name == "jax" else home
    words = {word: getattr(m, word) for word in ("exp", "tanh", "matmul", "abs")}
    log1p = home.math.log1p if name == "tensorflow" else m.log1p
    total = home.reduce_sum if name == "tensorflow" else m.sum
    mean = home.reduce_mean if name == "tensorflow" else m.mean
    convert = {"torch": "as_tensor", "tensorflow": "constant"}.get(name, "asarray")
    noise = {
        "numpy": lambda like: np.random.standard_normal(like.shape),
        "torch": lambda like: home.randn_like(like),  # noqa: PLW0108  # looked up when it is called, as losses do
        "jax": lambda like: home.random.normal(home.random.PRNGKey(0), like.shape),
        "tensorflow": lambda like: home.random.normal(like.shape, dtype=like.dtype),
    }[name]
    return SimpleNamespace(**words, log1p=log1p, sum=total, mean=mean, tensor=getattr(m, convert), noise=noise)


class Mlp:
    """Encoder and decoder with one hidden layer of tanh and weights of their own."""

    def __init__(self, m: Any) -> None:
        rng = np.random.default_rng(0)
        self.m = m
        sizes = {
            "hidden": (Z, HIDDEN),
            "out": (HIDDEN, X),
            "lift": (X, HIDDEN),
            "loc": (HIDDEN, Z),
            "scale": (HIDDEN, Z),
        }
        self.weights = {name: rng.normal(0, 0.5, size).astype(np.float32) for name, size in sizes.items()}

    def layer(self, name: str, inputs: Any) -> Any:
        """Multiply by a matrix, in the dtype of what comes in."""
        dtype = str(inputs.dtype).rpartition(".")[2].replace("<dtype: '", "").rstrip("'>")
        return self.m.matmul(inputs, self.m.tensor(self.weights[name].astype(dtype)))

    def encode(self, x: Any) -> Any:
        """Return the mean and the log variance of q."""
        h = self.m.tanh(self.layer("lift", x))
        return self.layer("loc", h), self.layer("scale", h)

    def decode(self, z: Any) -> Any:
        """Return what the likelihood is of: logits, or means."""
        return self.layer("out", self.m.tanh(self.layer("hidden", z)))


def cross_entropy(m: Any, x: Any, y: Any) -> Any:
    """C.1, -log p(x | z) from logits."""
    return m.sum(0.5 * (m.abs(y) + y) - x * y + m.log1p(m.exp(-m.abs(y))), -1)


def gaussian(m: Any, x: Any, y: Any) -> Any:
    """C.2 with a variance of 1."""
    return m.sum(0.5 * (x - y) ** 2 + 0.5 * math.log(2 * math.pi), -1)


Likelihood = Callable[[Any, Any, Any], Any]


def estimator_a(m: Any, nll: Likelihood, weight: float = 1.0) -> Callable[[Any, Any], Any]:
    """-log p(x | z) - log p(z) + log q(z | x) at a sample."""

    def loss(model: Any, x: Any) -> Any:
        mu, log_var = model.encode(x)
        z = mu + m.exp(log_var / 2) * m.noise(mu)
        log_p = -0.5 * m.sum(z**2 + math.log(2 * math.pi), -1)
        log_q = -0.5 * m.sum((z - mu) ** 2 / m.exp(log_var) + log_var + math.log(2 * math.pi), -1)
        y = model.decode(z)
        return m.mean(nll(m, x, y) - log_p + weight * log_q)

    return loss


def estimator_b(m: Any, nll: Likelihood, weight: float = 1.0) -> Callable[[Any, Any], Any]:
    """-log p(x | z) at a sample, and the KL of appendix B."""

    def loss(model: Any, x: Any) -> Any:
        mu, log_var = model.encode(x)
        z = mu + m.exp(log_var / 2) * m.noise(mu)
        y = model.decode(z)
        return m.mean(nll(m, x, y) - weight * 0.5 * m.sum(1 + log_var - mu**2 - m.exp(log_var), -1))

    return loss


ESTIMATORS = (estimator_a, estimator_b)
LIKELIHOODS = {cross_entropy: "Bernoulli(logits=logits)", gaussian: "Normal(loc=loc, scale=1)"}


def read(name: str, estimator: Any, nll: Likelihood, weight: float = 1.0) -> Verdict:
    """Verify an estimator with both networks replaced; nothing else is."""
    m = functions(name)
    prediction = "logits" if nll is cross_entropy else "loc"
    parts = {"encode": returns("q_loc", "q_log_var"), "decode": returns(prediction)}
    model = Mlp(m)
    before = dict(vars(model))
    verdict = verify(estimator(m, nll, weight), model=model, components=parts, framework=name)
    assert vars(model) == before
    return verdict


@pytest.mark.parametrize("nll", LIKELIHOODS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_both_estimators_are_exact(name: str, estimator: Any, nll: Likelihood) -> None:
    """The bound, the likelihood, no finding."""
    verdict = read(name, estimator, nll)
    assert (verdict.bound, verdict.codes) == (Bound.EXACT, ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.likelihood == LIKELIHOODS[nll]


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_model_that_is_guessed_is_read_the_same(name: str) -> None:
    """No model is given: the names of the loss say what its parts answer."""
    verdict = verify(estimator_b(functions(name), cross_entropy), framework=name)
    assert verdict.bound is Bound.EXACT, str(verdict)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_twice_the_kl_is_named(name: str) -> None:
    """A fault in B."""
    assert read(name, estimator_b, cross_entropy, 2.0).codes == ("ELB106",)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_an_unreplaced_decoder_leaves_no_likelihood_to_name(name: str) -> None:
    """Only the encoder is replaced: the reconstruction is a network's, so that no bound is claimed, and why is said."""
    m = functions(name)
    loss = estimator_b(m, cross_entropy)
    verdict = verify(loss, model=Mlp(m), components={"encode": returns("q_loc", "q_log_var")}, framework=name)
    assert verdict.bound not in (Bound.EXACT, Bound.CONSTANT, Bound.SCALED), str(verdict)
