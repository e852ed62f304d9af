"""Likelihoods over K classes: from logits or log-probabilities, the data as indices or one-hot rows, K last or first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck import verify


def _log_softmax(logits: Any, axis: int) -> Any:
    shifted = logits - logits.max(axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _kl(mu: Any, logvar: Any) -> Any:
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)


def indices(logits: Any, labels: Any, mu: Any, logvar: Any) -> Any:
    """One class a datum, by its index."""
    found = _log_softmax(logits, -1)[np.arange(len(labels)), labels]
    return np.mean(_kl(mu, logvar) - found)


def log_probs(y_pred: Any, labels: Any, mu: Any, logvar: Any) -> Any:
    """The same from log-probabilities."""
    return np.sum(_kl(mu, logvar) - y_pred[np.arange(len(labels)), labels])


def one_hot(logits: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """One-hot rows, the classes last."""
    return np.mean(_kl(mu, logvar) - np.sum(x * _log_softmax(logits, -1), axis=-1))


def one_hot_mean(logits: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The mean over the classes too: the likelihood is divided by K."""
    return np.mean(_kl(mu, logvar)) - np.mean(x * _log_softmax(logits, -1))


def pixels_last(logits: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A class for each pixel of an image, K channels last."""
    return np.mean(_kl(mu, logvar) - np.sum(x * _log_softmax(logits, -1), axis=(1, 2, 3)))


def pixels_first(logits: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The same, K channels first."""
    return np.mean(_kl(mu, logvar) - np.sum(x * _log_softmax(logits, 1), axis=(1, 2, 3)))


def weighed(logits: Any, labels: Any, mu: Any, logvar: Any) -> Any:
    """A beta of 4."""
    return np.mean(4 * _kl(mu, logvar) - _log_softmax(logits, -1)[np.arange(len(labels)), labels])


RIGHT = (indices, log_probs, one_hot, pixels_last, pixels_first)


@pytest.mark.parametrize(
    ("loss", "dtype"),
    [*((loss, "float64") for loss in RIGHT), *((loss, "float32") for loss in RIGHT[:3])],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_likelihood_of_classes_is_exact(loss: Callable[..., Any], dtype: str) -> None:
    """The exact ELBO of a categorical decoder, silent."""
    verdict = verify(loss, dtype=dtype)
    assert (verdict.bound.value, verdict.codes) == ("exact", ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.family == "categorical"
    assert verdict.model.beta is not None
    assert verdict.model.beta.formula == "1"


@pytest.mark.parametrize(("loss", "code", "beta"), [(weighed, "ELB108", "4"), (one_hot_mean, "ELB101", "D")])
def test_a_weight_beside_classes_is_named(loss: Callable[..., Any], code: str, beta: str) -> None:
    """Weights and reductions are judged as for other likelihoods without a scale."""
    verdict = verify(loss)
    assert (verdict.bound.value, verdict.codes) == ("beta", (code,)), str(verdict)
    assert verdict.model is not None
    assert verdict.model.beta is not None
    assert verdict.model.beta.formula == beta


def smoothed(logits: Any, x: Any) -> Any:
    """Labels smoothed by a tenth."""
    rows = 0.9 * x + 0.1 / x.shape[-1]
    return -np.sum(rows * _log_softmax(logits, -1))


def focal(logits: Any, x: Any) -> Any:
    """A focal loss."""
    found = _log_softmax(logits, -1)
    return -np.sum(x * (1 - np.exp(found)) ** 2 * found)


@pytest.mark.parametrize("loss", [smoothed, focal], ids=lambda f: f.__name__)
def test_what_only_looks_like_classes_is_not_claimed(loss: Callable[..., Any]) -> None:
    """No family is named where the values are no cross-entropy."""
    verdict = verify(loss)
    assert verdict.bound.value in ("unidentified", "not-a-density"), str(verdict)
    assert verdict.model is not None
    assert verdict.model.family is None


def _indices_of(log_probs: Any, labels: Any, axis: int) -> Any:
    """Return -log p of each variable's class; classes are whole numbers."""
    if labels.dtype.kind != "i":
        raise TypeError("classes are integers")
    return -np.take_along_axis(log_probs, np.expand_dims(labels, axis), axis).squeeze(axis)


def map_first(logits: Any, labels: Any, mu: Any, logvar: Any) -> Any:
    """A class for each pixel as an integer, K channels first."""
    assert labels.ndim == 3
    return np.mean(_kl(mu, logvar) + np.sum(_indices_of(_log_softmax(logits, 1), labels, 1), axis=(1, 2)))


def map_last(y_pred: Any, labels: Any, mu: Any, logvar: Any) -> Any:
    """The same from log-probabilities with the K channels last."""
    assert labels.ndim == 3
    return np.mean(_kl(mu, logvar) + np.sum(_indices_of(y_pred, labels, -1), axis=(1, 2)))


def tokens(logits: Any, labels: Any, mu: Any, logvar: Any) -> Any:
    """A class for each place of a sequence."""
    assert labels.ndim == 2
    return np.mean(_kl(mu, logvar) + np.sum(_indices_of(_log_softmax(logits, -1), labels, -1), axis=1))


def log_rows(y_pred: Any, target: Any, mu: Any, logvar: Any) -> Any:
    """KLDivLoss with log_target: both are log-probabilities."""
    return np.mean(_kl(mu, logvar) + np.sum(np.exp(target) * (target - y_pred), axis=-1))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", [map_first, map_last, tokens, log_rows], ids=lambda f: f.__name__)
def test_maps_of_classes_and_logarithms_are_exact(loss: Callable[..., Any], dtype: str) -> None:
    """Summed over the variables of a datum, each counts as one."""
    verdict = verify(loss, dtype=dtype)
    assert (verdict.bound.value, verdict.codes) == ("exact", ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.family == "categorical"
    assert verdict.model.beta is not None
    assert verdict.model.beta.formula == "1"
    assert ("e^target" in str(verdict.model.likelihood)) == (loss is log_rows)


def map_mean(logits: Any, labels: Any, mu: Any, logvar: Any) -> Any:
    """The mean over the pixels: the KL weighs D times too much."""
    assert labels.ndim == 3
    return np.mean(_kl(mu, logvar)) + np.mean(_indices_of(_log_softmax(logits, 1), labels, 1))


def test_a_mean_over_a_map_is_named() -> None:
    """Beta is the number of pixels, not of logits."""
    verdict = verify(map_mean)
    assert (verdict.bound.value, verdict.codes) == ("beta", ("ELB101",)), str(verdict)
    assert verdict.model is not None
    assert verdict.model.beta is not None
    assert verdict.model.beta.formula == "D"


def test_a_categorical_distribution_takes_indices() -> None:
    """As it is installed: a class for each datum, which torch would broadcast against logits of other sizes."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    verdict = verify(torch.distributions.Categorical)
    assert (verdict.bound.value, verdict.codes) == ("likelihood-only", ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.family == "categorical"
