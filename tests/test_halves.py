"""Encoders that return one tensor, which the loss cuts into a mean and a log variance."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import pytest

from elbocheck import returns, verify
from elbocheck.verdict import Bound

torch: Any = None
tf: Any = None
jnp: Any = None
"""Put in where a test needs them."""
HOMES = {"torch": ("torch", "torch"), "tensorflow": ("tf", "tensorflow"), "jax": ("jnp", "jax.numpy")}


def kl(mu: Any, log_var: Any) -> Any:
    """Return the KL of each datum; axis 1 in every framework."""
    return 0.5 * (mu**2 + np.e**log_var - 1 - log_var).sum(1)


def nll(x: Any, x_hat: Any) -> Any:
    """Return half the squared error of each datum."""
    return 0.5 * ((x - x_hat) ** 2).sum(1)


def chunk(model: Any, x: Any) -> Any:
    """A method, later."""
    h = model.encode(x)
    mu, log_var = h.chunk(2, dim=-1)
    return (nll(x, model.decode(mu)) + kl(mu, log_var)).mean()


def chunk_at_once(model: Any, x: Any) -> Any:
    """A function, where the encoder is called."""
    mu, log_var = torch.chunk(model.encode(x), 2, dim=1)
    return (nll(x, model.decode(mu)) + kl(mu, log_var)).mean()


def split_in_chain(model: Any, x: Any) -> Any:
    """A method of the call itself."""
    mu, log_var = model.encode(x).split(model.latent_dim, 1)
    return (nll(x, model.decode(mu)) + kl(mu, log_var)).mean()


def torch_split(model: Any, x: Any) -> Any:
    """A function, later."""
    stats = model.encoder(x)
    mu, log_var = torch.split(stats, stats.shape[1] // 2, dim=1)
    return (nll(x, model.decoder(mu)) + kl(mu, log_var)).mean()


def numpy_split(model: Any, x: Any) -> Any:
    """NumPy's."""
    h = model.encode(x)
    mu, log_var = np.split(h, 2, axis=-1)
    return (nll(x, model.decode(mu)) + kl(mu, log_var)).mean()


def slices(model: Any, x: Any) -> Any:
    """Two slices."""
    h = model.encode(x)
    n = h.shape[1] // 2
    mu = h[:, :n]
    log_var = h[:, n:]
    return (nll(x, model.decode(mu)) + kl(mu, log_var)).mean()


def slices_from_the_end(model: Any, x: Any) -> Any:
    """The second half counted from the end."""
    h = model.encode(x)
    n = h.shape[1] // 2
    mu, log_var = h[:, :n], h[:, -n:]
    return (nll(x, model.decode(mu)) + kl(mu, log_var)).mean()


def slices_at_once(model: Any, x: Any) -> Any:
    """Two slices in one statement."""
    h = model.encode(x)
    n = model.latent_dim
    mu, log_var = h[..., :n], h[..., n:]
    return (nll(x, model.decode(mu)) + kl(mu, log_var)).mean()


def tensorflow_split(model: Any, x: Any) -> Any:
    """TensorFlow's, as its tutorial's encoder does."""
    mu, log_var = tf.split(model.encode(x), num_or_size_splits=2, axis=1)
    energy = 0.5 * tf.reduce_sum((x - model.decode(mu)) ** 2, 1)
    return tf.reduce_mean(energy + 0.5 * tf.reduce_sum(mu**2 + tf.exp(log_var) - 1 - log_var, 1))


def jax_split(model: Any, x: Any) -> Any:
    """JAX's."""
    h = model.encode(x)
    mu, log_var = jnp.split(h, 2, axis=-1)
    return (nll(x, model.decode(mu)) + kl(mu, log_var)).mean()


def exchanged(model: Any, x: Any) -> Any:
    """The halves in the other order: the names say so."""
    log_var, mu = model.encode(x).chunk(2, dim=1)
    return (nll(x, model.decode(mu)) + kl(mu, log_var)).mean()


FRAMEWORK = {"chunk": "torch", "torch": "torch", "exchanged": "torch", "tensorflow": "tensorflow", "jax": "jax"}
FRAMEWORK |= {"split": "torch"}
RIGHT = (chunk, chunk_at_once, split_in_chain, torch_split, numpy_split, slices, slices_at_once, exchanged)
RIGHT += (slices_from_the_end, tensorflow_split, jax_split)


def framework(loss: Any) -> str:
    """Return the framework of a loss, its names in this module; skip where it is missing."""
    name = FRAMEWORK.get(loss.__name__.partition("_")[0], "numpy")
    pytest.importorskip(name, reason=f"{name} is not installed")
    if name in HOMES:
        own, home = HOMES[name]
        setattr(sys.modules[__name__], own, importlib.import_module(home))
    return name


@pytest.mark.parametrize("loss", RIGHT, ids=lambda f: f.__name__)
def test_a_right_loss_of_halves_is_read(loss: Any) -> None:
    """The encoder's one tensor is the mean and the log variance side by side."""
    verdict = verify(loss, framework=framework(loss))
    assert (verdict.bound, verdict.codes) == (Bound.CONSTANT, ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.divergence == "KL(N(mu, e^log_var) || N(0, 1))"


def neighbours(model: Any, x: Any) -> Any:
    """All but the last and all but the first: no halves, the prediction beside itself moved by one."""
    recon = model(x)
    before, after = recon[:, :-1], recon[:, 1:]
    return (nll(x, recon) + 0 * ((after - before) ** 2).sum(1)).mean()


def test_slices_that_overlap_are_no_halves() -> None:
    """A penalty on differences of neighbours takes such slices of the prediction."""
    verdict = verify(neighbours)
    assert (verdict.bound, verdict.codes) == (Bound.LIKELIHOOD_ONLY, ()), str(verdict)


def doubled(model: Any, x: Any) -> Any:
    """Twice the KL."""
    mu, log_var = np.split(model.encode(x), 2, axis=-1)
    return (nll(x, model.decode(mu)) + 2 * kl(mu, log_var)).mean()


def no_log(model: Any, x: Any) -> Any:
    """The logarithm is missing."""
    h = model.encode(x)
    n = h.shape[1] // 2
    mu, log_var = h[:, :n], h[:, n:]
    return (nll(x, model.decode(mu)) + 0.5 * (mu**2 + np.exp(log_var) - 1).sum(1)).mean()


@pytest.mark.parametrize(("loss", "code"), [(doubled, "ELB106"), (no_log, "ELB208")], ids=["doubled", "no_log"])
def test_a_fault_beside_halves_is_named(loss: Any, code: str) -> None:
    """As it is with two tensors."""
    assert code in verify(loss).codes


class Cut:
    """A model whose encoder returns one array."""

    def encode(self, x: Any) -> Any:
        """Return six numbers."""
        return x[:, :1] + np.zeros(6)

    def decode(self, z: Any) -> Any:
        """Return five."""
        return z[:, :1] + np.zeros(5)


def test_a_real_encoder_of_one_tensor_is_replaced_by_its_halves() -> None:
    """What is said of it is what its halves are."""
    parts = {"encode": returns("q_loc", "q_log_var"), "decode": returns("loc")}
    verdict = verify(numpy_split, model=Cut(), components=parts)
    assert (verdict.bound, verdict.codes) == (Bound.CONSTANT, ()), str(verdict)
