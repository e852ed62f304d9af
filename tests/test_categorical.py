"""A categorical posterior by logits or probabilities: its KL to the uniform, or to the prior that a loss holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck import Outcome, verify

Loss = Callable[..., Any]
DTYPES = ("float64", "float32")
HELD = np.log(np.array([0.5, 0.3, 0.2]))


def energy(x: Any, x_hat: Any) -> Any:
    """Return half the squared error of each datum."""
    return 0.5 * np.sum((x - x_hat) ** 2, axis=1)


def log_softmax(logits: Any) -> Any:
    """Return log probabilities."""
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))


def negentropy(logits: Any) -> Any:
    """Return the sum of q log q of each datum."""
    return np.sum(np.exp(log_softmax(logits)) * log_softmax(logits), axis=-1)


def log_classes(q: Any) -> Any:
    """Return log K in the dtype of `q`."""
    return np.log(q.dtype.type(q.shape[-1]))


def normal(mu: Any, log_var: Any) -> Any:
    """Return the KL of a normal posterior for each datum."""
    return 0.5 * np.sum(mu**2 + np.exp(log_var) - 1 - log_var, axis=1)


UNIFORM = "KL(Categorical({}) || uniform)"
RIGHT: dict[str, tuple[Loss, str]] = {
    "logits": (
        lambda x, x_hat, q_logits: np.mean(energy(x, x_hat) + negentropy(q_logits) + log_classes(q_logits)),
        UNIFORM.format("q_logits"),
    ),
    "probabilities": (
        lambda x, x_hat, q_probs: np.sum(
            energy(x, x_hat) + np.sum(q_probs * (np.log(q_probs) + log_classes(q_probs)), axis=-1)
        ),
        UNIFORM.format("q_probs"),
    ),
    "guarded": (
        lambda x, x_hat, qy: np.mean(
            energy(x, x_hat) + np.sum(qy * np.log(qy * qy.shape[-1] + qy.dtype.type(1e-10)), axis=-1)
        ),
        UNIFORM.format("qy"),
    ),
    "another prior": (
        lambda x, x_hat, q_probs: np.mean(
            energy(x, x_hat) + np.sum(q_probs * (np.log(q_probs) - HELD.astype(q_probs.dtype)), axis=-1)
        ),
        "KL(Categorical(q_probs) || Categorical(0.5, 0.3, 0.2))",
    ),
    "beside a normal one": (
        lambda x, x_hat, mu, log_var, q_logits: np.mean(
            energy(x, x_hat) + normal(mu, log_var) + negentropy(q_logits) + log_classes(q_logits)
        ),
        "KL(N(mu, e^log_var) || N(0, 1)) + " + UNIFORM.format("q_logits"),
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_divergence_is_named_and_silent(name: str, dtype: str) -> None:
    """The divergence is named with its prior, the bound is right, nothing is louder than a note."""
    loss, divergence = RIGHT[name]
    verdict = verify(loss, dtype=dtype)
    assert not [f for f in verdict.findings if f.outcome is not Outcome.NOTE], str(verdict)
    assert verdict.bound.value == "constant", str(verdict)
    assert verdict.model is not None
    assert verdict.model.divergence == divergence
    assert verdict.model.scale.equals(1.0)


WRONG: dict[str, tuple[Loss, str, str]] = {
    "sign": (
        lambda x, x_hat, q_logits: np.mean(energy(x, x_hat) - negentropy(q_logits) - log_classes(q_logits)),
        "ELB205",
        "not-a-bound",
    ),
    "reversed": (
        lambda x, x_hat, q_logits: np.mean(
            energy(x, x_hat) - np.mean(log_softmax(q_logits), axis=-1) - log_classes(q_logits)
        ),
        "ELB206",
        "not-a-bound",
    ),
    "absent": (lambda x, x_hat, q_logits: np.mean(energy(x, x_hat)) + 0 * np.sum(q_logits), "ELB207", "not-a-bound"),
    "no log K": (
        lambda x, x_hat, q_logits: np.mean(energy(x, x_hat) + negentropy(q_logits)),
        "ELB215",
        "constant",
    ),
    "mean over classes": (
        lambda x, x_hat, q_probs: (
            np.mean(energy(x, x_hat)) + np.mean(q_probs * (np.log(q_probs) + log_classes(q_probs)))
        ),
        "ELB102",
        "scaled",
    ),
    "sum over the batch": (
        lambda x, x_hat, q_logits: np.mean(energy(x, x_hat)) + np.sum(negentropy(q_logits) + log_classes(q_logits)),
        "ELB104",
        "scaled",
    ),
    "no divergence": (
        lambda x, x_hat, q_logits: np.mean(energy(x, x_hat) + np.sum(q_logits**2, axis=-1)),
        "",
        "not-a-bound",
    ),
    "twice the weight of the normal one": (
        lambda x, x_hat, mu, log_var, q_logits: np.mean(
            energy(x, x_hat) + normal(mu, log_var) + 2 * negentropy(q_logits) + 2 * log_classes(q_logits)
        ),
        "",
        "not-a-bound",
    ),
}
"""Planted faults, the code that names each (none: undecided) and the bound that is left."""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_divergence_is_named(name: str, dtype: str) -> None:
    """The planted fault gets its code, or is left undecided where nothing is known of it."""
    loss, code, bound = WRONG[name]
    verdict = verify(loss, dtype=dtype)
    assert code in [f.code for f in verdict.findings], str(verdict)
    assert verdict.bound.value == bound, str(verdict)


def test_groups_of_classes_are_told_from_classes() -> None:
    """Where a latent has two axes, the last is that of the classes: thirty variables of ten classes each."""

    def loss(x: Any, x_hat: Any, q_logits: Any) -> Any:
        return np.mean(energy(x, x_hat) + np.sum(negentropy(q_logits) + log_classes(q_logits), axis=-1))

    verdict = verify(loss, shapes={"x": (784,), "z": (30, 10)})
    assert verdict.bound.value == "constant", str(verdict)
    assert verdict.model is not None
    assert verdict.model.scale.equals(1.0)
