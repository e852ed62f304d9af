"""The programs that this project began with, unchanged, under the real frameworks: TensorFlow's tutorial, Keras's guide."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from elbocheck import budget, verify
from elbocheck.measuring import opened_loss
from elbocheck.probing.probe import Probe
from elbocheck.roles import Role
from elbocheck.shapes import Layout
from elbocheck.verdict import Bound

DTYPES = ("float64", "float32")


def tutorial() -> Any:
    """Return the tutorial's module."""
    pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    from elbocheck.gallery import tensorflow_cvae

    return tensorflow_cvae


def test_the_tutorial_is_the_exact_elbo() -> None:
    """28x28x1 images, Bernoulli(logits), the KL estimated from z with both densities in full."""
    verdict = verify(tutorial().compute_loss, shapes={"x": (28, 28, 1)})
    assert (verdict.bound, verdict.codes) == (Bound.EXACT, ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.likelihood == "Bernoulli(logits=x_logit)"
    assert verdict.model.divergence == "KL(N(mean, e^logvar) || N(0, 1)), estimated from z"
    assert verdict.constants == {}


def in_double(model: Any, x: Any) -> Any:
    """The tutorial's loss with its one float32 constant in the dtype of the images."""
    import tensorflow as tf

    def log_normal_pdf(sample: Any, mean: Any, logvar: Any) -> Any:
        log2pi = tf.math.log(tf.constant(2.0 * np.pi, x.dtype))
        return tf.reduce_sum(-0.5 * ((sample - mean) ** 2.0 * tf.exp(-logvar) + logvar + log2pi), axis=1)

    mean, logvar = model.encode(x)
    z = model.reparameterize(mean, logvar)
    x_logit = model.decode(z)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(logits=x_logit, labels=x)
    zero = tf.zeros((), x.dtype)
    terms = log_normal_pdf(z, zero, zero) - log_normal_pdf(z, mean, logvar)
    return -tf.reduce_mean(-tf.reduce_sum(cross_entropy, axis=[1, 2, 3]) + terms)


@pytest.mark.parametrize(("dtype", "bar"), [("float64", 1e-12), ("float32", 1e-5)])
def test_the_expectation_of_the_tutorial_is_the_analytic_elbo(dtype: str, bar: float) -> None:
    """Quadrature over the noise, at random arrays, against the closed form."""
    module = tutorial()
    rng = np.random.default_rng(11)
    layout = Layout(batch=3, event=(28, 28, 1), latent=(2,))
    arrays = {
        Role.X: rng.integers(0, 2, (3, 28, 28, 1)).astype(float),
        Role.LOGITS: rng.normal(0, 3, (3, 28, 28, 1)),
        Role.Q_LOC: rng.normal(0, 2, (3, 2)),
        Role.Q_LOG_VAR: rng.uniform(-3, 2, (3, 2)),
    }
    ask = partial(opened_loss, target=None, roles=None, constants=None, framework="tensorflow", device=None, seed=0)
    chosen = in_double if dtype == "float64" else module.compute_loss
    with ask(chosen, shapes={"x": (28, 28, 1)}, model=None, components=None) as loss:
        found = Probe(loss, layout, np.dtype(dtype))(arrays)
    x, logits, m, t = (a.astype(dtype).astype(np.float64) for a in arrays.values())
    kl = 0.5 * np.sum(m**2 + np.exp(t) - 1 - t)
    truth = (np.sum(np.logaddexp(0, logits) - x * logits) + kl) / 3
    assert math.isclose(found, truth, rel_tol=bar)


def corrupted(*, p: str = "", q: str = "", axis: int = 1, drop: str = "") -> Callable[[Any, Any], Any]:
    """Return the tutorial's loss with a fault in one of its densities."""
    import tensorflow as tf

    def log_normal_pdf(sample: Any, mean: Any, logvar: Any, fault: str) -> Any:
        log2pi = tf.math.log(np.pi if fault == "log2pi" else 2.0 * np.pi)
        logvar = 2 * logvar if fault == "log-std" else logvar
        return tf.reduce_sum(-0.5 * ((sample - mean) ** 2.0 * tf.exp(-logvar) + logvar + log2pi), axis=axis)

    def compute_loss(model: Any, x: Any) -> Any:
        mean, logvar = model.encode(x)
        z = model.reparameterize(mean, logvar)
        x_logit = model.decode(z)
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(logits=x_logit, labels=x)
        logpx_z = -tf.reduce_sum(cross_entropy, axis=[1, 2, 3])
        logpz = log_normal_pdf(z, 0.0, 0.0, p)
        logqz_x = 0.0 if drop == "q" else log_normal_pdf(z, mean, logvar, q)
        return -tf.reduce_mean(logpx_z + logpz - logqz_x)

    return compute_loss


FAULTS = {
    "a wrong log2pi": ({"p": "log2pi"}, "ELB211"),
    "logvar read as log-std": ({"q": "log-std"}, "ELB201"),
    "a forgotten log q": ({"drop": "q"}, "ELB213"),
    "raxis=0": ({"axis": 0}, "ELB004"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_tutorial_is_named(name: str) -> None:
    """Each of the mistakes that people make with its code."""
    tutorial()
    options, code = FAULTS[name]
    assert verify(corrupted(**options)).codes == (code,)  # type: ignore[arg-type]


GUIDE = """
import json, sys
import numpy as np
import keras
import elbocheck
from elbocheck.gallery import keras_guide

def state(model):
    return [np.array(v) for v in model.variables], [dict(vars(p)).keys() for p in model._flatten_layers()]

parts = {"encoder": elbocheck.returns("q_loc", "q_log_var", "z"), "decoder": elbocheck.returns("prediction")}
x = np.random.default_rng(0).random((8, 784)).astype("float32")
answers = {}
for name, loss, model in (("step", keras_guide.training_loss, keras_guide.vae), ("compiled", keras_guide.compiled, None)):
    owner = model or loss
    owner(x)
    before = state(owner)
    verdict = elbocheck.verify(loss, model=model, components=parts)
    after = state(owner)
    kept = all(np.array_equal(a, b) for a, b in zip(before[0], after[0])) and before[1] == after[1]
    m = verdict.model
    answers[name] = [verdict.bound.value, list(verdict.codes), m.sigma2.formula, m.sigma2.at({"D": 784, "L": 32, "B": 128}), kept]

from elbocheck.models.compiled import training_loss
model = keras_guide.compiled
stream = model.encoder.sampling.seed_generator.state
start = np.array(stream)
mine = float(np.array(keras.ops.convert_to_numpy(training_loss(model)(keras.ops.convert_to_tensor(x)))))
stream.assign(start)  # the same noise
model.reset_metrics()
answers["value"] = [mine, float(model.train_on_batch(x, x))]
print("ANSWERS" + json.dumps(answers))
"""


SUMMED = 8 * 784
"""Squares that the batch of the compiled model adds up."""


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_the_guide_on_every_backend(backend: str) -> None:
    """sigma^2 = beta = D/(2 L) = 12.25, ELB103, by the training step and by the compiled model; the models are left alone."""
    pytest.importorskip("keras", reason="keras is not installed")
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", GUIDE], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout.partition("ANSWERS")[2])
    for name in ("step", "compiled"):
        bound, codes, formula, number, kept = answers[name]
        assert (bound, codes, formula) == ("scaled", ["ELB103"], "D/(2*L)"), answers
        assert math.isclose(number, 12.25, rel_tol=budget.ratio_error(np.dtype(np.float32)))
        assert kept
    ours, theirs = answers["value"]
    assert math.isclose(ours, theirs, rel_tol=budget.sum_noise(SUMMED, np.dtype(np.float32))), answers
