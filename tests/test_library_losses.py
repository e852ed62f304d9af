"""The losses of Keras, optax, TensorFlow and torch as they are installed: named, called, read; nothing is wrapped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from elbocheck import verify
from elbocheck.loading import load
from elbocheck.verdict import Bound, Outcome, Verdict

MEAN = "mean over elements and batch"
ROWS = "mean over elements, one value per datum"


@dataclass(frozen=True)
class Row:
    """A loss as it is installed, and what it is.

    Attributes:
        target: as the command line takes it.
        likelihood: as the report prints it; None where there is none.
        reduced: how the reconstruction is reduced; None for one value per element.
        codes: of all findings.
        init: arguments of a class.
    """

    target: str
    likelihood: str | None
    reduced: str | None
    codes: frozenset[str] = frozenset()
    init: tuple[tuple[str, Any], ...] = ()

    @property
    def needs(self) -> str:
        """The library."""
        return self.target.partition(":")[0].partition(".")[0]


def row(target: str, likelihood: str | None, reduced: str | None, *codes: str, **init: Any) -> Row:
    """Return a row."""
    return Row(target, likelihood, reduced, frozenset(codes), tuple(init.items()))


TABLE = (
    row("keras.losses:MeanSquaredError", "Normal(loc=y_pred, scale=19.79899)", MEAN),
    row("keras.losses:BinaryCrossentropy", "Bernoulli(probs=y_pred)", MEAN, "ELB502"),
    row("keras.losses:BinaryCrossentropy", "Bernoulli(logits=y_pred)", MEAN, from_logits=True),
    row("keras.losses:Huber", "Huber(loc=y_pred, delta=0.5)", MEAN, delta=0.5),
    row("keras.losses:LogCosh", "LogCosh(loc=y_pred, scale=1)", MEAN),
    row("keras.losses:Poisson", "Poisson(rate=y_pred)", MEAN, "ELB410"),
    row("keras.losses:KLDivergence", "Categorical(probs=y_pred)", "sum over elements, mean over batch"),
    row("keras.losses:CosineSimilarity", None, None, "ELB418"),
    row("keras.losses:mean_squared_error", "Normal(loc=y_pred, scale=19.79899)", ROWS),
    row("keras.losses:binary_crossentropy", "Bernoulli(probs=y_pred)", ROWS, "ELB502"),
    row("keras.losses:huber", "Huber(loc=y_pred, delta=1)", ROWS),
    row("keras.losses:log_cosh", "LogCosh(loc=y_pred, scale=1)", ROWS),
    row("keras.losses:poisson", "Poisson(rate=y_pred)", ROWS, "ELB410"),
    row("keras.losses:kl_divergence", "Categorical(probs=y_pred)", "sum over elements, one value per datum"),
    row("keras.losses:cosine_similarity", None, None, "ELB418"),
    row("optax.losses:l2_loss", "Normal(loc=predictions, scale=1)", None),
    row("optax.losses:squared_error", "Normal(loc=predictions, scale=0.7071068)", None, "ELB107"),
    row("optax.losses:huber_loss", "Huber(loc=predictions, delta=1)", None),
    row("optax.losses:log_cosh", "LogCosh(loc=predictions, scale=1)", None),
    row("optax.losses:sigmoid_binary_cross_entropy", "Bernoulli(logits=logits)", None),
    row(
        "optax.losses:kl_divergence", "Categorical(log_probs=log_predictions)", "sum over elements, one value per datum"
    ),
    row("optax.losses:cosine_distance", None, None, "ELB006", "ELB418"),  # without its epsilon, NaN for a black image
    row("tensorflow.nn:sigmoid_cross_entropy_with_logits", "Bernoulli(logits=logits)", None),
    row("tensorflow.nn:log_poisson_loss", "Poisson(log_rate=log_input)", None, "ELB410"),
    row("tensorflow:keras.losses.MeanSquaredError", "Normal(loc=y_pred, scale=19.79899)", MEAN),
    row("tensorflow:keras.losses.BinaryCrossentropy", "Bernoulli(probs=y_pred)", MEAN, "ELB502"),
    row("tensorflow:compat.v1.losses.mean_squared_error", "Normal(loc=predictions, scale=19.79899)", MEAN, "ELB005"),
    row("torch.nn:HuberLoss", "Huber(loc=input, delta=0.4)", MEAN, delta=0.4),
)


def read(one: Row) -> Verdict:
    """Verify a loss of the table, or skip where its library is missing."""
    pytest.importorskip(one.needs, reason=f"{one.needs} is not installed")
    return verify(load(one.target, dict(one.init)), target=one.target)


@pytest.mark.parametrize("one", TABLE, ids=lambda one: "-".join([one.target, *map(str, dict(one.init))]))
def test_a_library_s_loss_is_read_as_it_is(one: Row) -> None:
    """Family, parameters, reduction and every finding."""
    verdict = read(one)
    assert verdict.model is not None
    assert verdict.bound is (Bound.LIKELIHOOD_ONLY if one.likelihood else Bound.NOT_A_DENSITY)
    assert (verdict.model.likelihood, frozenset(verdict.codes)) == (one.likelihood, one.codes), str(verdict)
    if one.likelihood is not None:
        assert (verdict.model.reduction == one.reduced) or one.reduced is None, verdict.model.reduction
    assert (verdict.outcome is Outcome.FAIL) == (one.likelihood is None)


@pytest.mark.parametrize("name", ["BinaryCrossentropy", "binary_crossentropy"])
def test_the_cap_of_keras_is_named(name: str) -> None:
    """log 1e-7 is -16.118; in float32, where 1 - 1e-7 is 1 - 2**-23, the other side stops at 15.942."""
    verdict = read(row(f"keras.losses:{name}", None, None))
    (cap,) = [one for one in verdict.findings if one.code == "ELB502"]
    assert "15.942" in cap.message
    assert "infinite" in cap.message
    keras = pytest.importorskip("keras")
    assert f"{float(keras.losses.BinaryCrossentropy()([[1.0]], [[0.0]])):.3f}" == "16.118"


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_keras_is_spoken_on_its_other_backends(backend: str) -> None:
    """In a process of its own, for a process has one backend; standard output holds the report alone."""
    for needed in ("keras", backend):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    command = [sys.executable, "-m", "elbocheck", "verify", "keras.losses:Huber", "--init", "delta=0.5"]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, env=environment)
    found = json.loads(done.stdout)
    assert (done.returncode, found["model"]["likelihood"]) == (0, "Huber(loc=y_pred, delta=0.5)")


def test_a_loss_object_that_declares_its_dtype_surprises_nobody() -> None:
    """A loss of Keras computes in the dtype that it says; a function that narrows without a word is still reported."""
    keras = pytest.importorskip("keras", reason="keras is not installed")
    loss = keras.losses.MeanSquaredError()
    assert "ELB005" not in verify(loss).codes
    assert "ELB005" in verify(lambda y_true, y_pred: loss(y_true, y_pred) * 1, framework="keras").codes
    assert verify(keras.losses.MeanSquaredError(dtype="float64")).run.dtype == "float64"
