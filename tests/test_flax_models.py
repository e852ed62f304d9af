"""Losses as JAX people write them: parameters and a key as arguments, flax modules around, their state left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elbocheck import returns, verify
from elbocheck.models.components import kept
from elbocheck.verdict import Bound, Verdict

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries, while they are imported
jax = pytest.importorskip("jax", reason="jax is not installed")
linen = pytest.importorskip("flax.linen", reason="flax is not installed")
nnx = pytest.importorskip("flax.nnx", reason="flax is not installed")
jnp = jax.numpy


def terms(logits: Any, x: Any, mean: Any, logvar: Any) -> Any:
    """Return the reconstruction and the KL of a batch."""
    nll = jnp.sum(jnp.logaddexp(0, logits) - x * logits, axis=-1)
    return jnp.mean(nll), jnp.mean(-0.5 * jnp.sum(1 + logvar - mean**2 - jnp.exp(logvar), axis=-1))


def is_exact(verdict: Verdict) -> None:
    """Assert a silent, exact bound of a Bernoulli likelihood."""
    assert (verdict.bound, verdict.codes) == (Bound.EXACT, ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.family == "bernoulli"


class Vae(linen.Module):  # type: ignore[misc]  # flax has no types here
    """A module of flax.linen."""

    @linen.compact
    def __call__(self, x: Any, z_rng: Any) -> Any:
        """Return logits, means and log variances."""
        mean, logvar = linen.Dense(2)(x), linen.Dense(2)(x)
        z = mean + jnp.exp(logvar / 2) * jax.random.normal(z_rng, mean.shape)
        return linen.Dense(5)(z), mean, logvar


vae = Vae()
APPLY = {"apply": returns("logits", "q_loc", "q_log_var")}


def of_params(params: Any, batch: Any, z_rng: Any) -> Any:
    """A linen loss: what the model learned, data, a key."""
    logits, mean, logvar = vae.apply({"params": params}, batch, z_rng)
    return sum(terms(logits, batch, mean, logvar))


def of_params_twice(params: Any, batch: Any, z_rng: Any) -> Any:
    """The same with twice the KL."""
    logits, mean, logvar = vae.apply({"params": params}, batch, z_rng)
    nll, kl = terms(logits, batch, mean, logvar)
    return nll + 2 * kl


def of_a_model(params: Any, state: Any, key: Any, model: Any, batch: Any) -> Any:
    """The order of haiku: parameters, state, key; the model an argument."""
    (logits, mean, logvar), _state = model.apply(params, state, key, batch)
    return sum(terms(logits, batch, mean, logvar))


def of_a_key(logits: Any, batch: Any, mean: Any, logvar: Any, rng_key: Any) -> Any:
    """Tensors and a key: the noise is drawn in the loss."""
    first, _rest = jax.random.split(rng_key)
    z = mean + jnp.exp(logvar / 2) * jax.random.normal(first, mean.shape)
    log_ratio = 0.5 * jnp.sum(z**2 - (z - mean) ** 2 / jnp.exp(logvar) - logvar, axis=-1)
    return terms(logits, batch, mean, logvar)[0] + jnp.mean(log_ratio)


def test_a_loss_of_linen_s_parameters_is_exact() -> None:
    """The parameters are an empty mapping, the key a key; the module is left as it was."""
    before = dict(vars(vae))
    verdict = verify(of_params, model=vae, components=APPLY)
    is_exact(verdict)
    assert vars(vae) == before
    assert "z_rng" in verdict.constants


def test_a_fault_in_a_loss_of_parameters_is_named() -> None:
    """Twice the KL."""
    assert verify(of_params_twice, model=vae, components=APPLY).codes == ("ELB106",)


def test_a_model_that_is_an_argument_beside_its_parameters() -> None:
    """Nothing has to be said of it."""
    is_exact(verify(of_a_model, shapes={"x": (5,)}))


def test_a_key_among_tensors_is_made() -> None:
    """JAX would refuse a number."""
    is_exact(verify(of_a_key))


class Stateful(nnx.Module):  # type: ignore[misc]  # flax has no types here
    """A module of flax.nnx, with weights and streams of keys of its own."""

    def __init__(self, rngs: Any) -> None:
        self.lift = nnx.Linear(5, 4, rngs=rngs)
        self.decoder = nnx.Linear(2, 5, rngs=rngs)
        self.rngs = rngs

    def encoder(self, x: Any) -> Any:
        """Return a mean and a log variance."""
        h = self.lift(x)
        return h[:, :2], h[:, 2:]

    def __call__(self, x: Any) -> Any:
        """Return logits, means and log variances."""
        mean, logvar = self.encoder(x)
        z = mean + jnp.exp(logvar / 2) * jax.random.normal(self.rngs.noise(), mean.shape)
        return self.decoder(z), mean, logvar


PARTS = {"encoder": returns("q_loc", "q_log_var"), "decoder": returns("logits")}


def of_nnx(model: Any, x: Any) -> Any:
    """An nnx loss."""
    logits, mean, logvar = model(x)
    return sum(terms(logits, x, mean, logvar))


def leaves(model: Any) -> list[Any]:
    """Return all that a model keeps, its counts of keys as well."""
    return [np.asarray(jax.random.key_data(v) if _is_key(v) else v) for v in jax.tree.leaves(nnx.state(model))]


def _is_key(value: Any) -> bool:
    return bool(jnp.issubdtype(value.dtype, jax.dtypes.prng_key))


def test_a_loss_of_an_nnx_model_is_exact_and_leaves_its_state() -> None:
    """Its streams of keys are not moved on, which JAX would refuse under its derivative."""
    model = Stateful(nnx.Rngs(0, noise=1))
    before = leaves(model)
    is_exact(verify(of_nnx, model=model, components=PARTS))
    assert all(np.array_equal(a, b) for a, b in zip(before, leaves(model), strict=True))
    assert set(vars(model)) >= {"lift", "decoder", "rngs"}
    model(jnp.zeros((1, 5)))
    assert not all(np.array_equal(a, b) for a, b in zip(before, leaves(model), strict=True))  # streams move again


def test_an_nnx_model_is_put_back_when_its_loss_raises() -> None:
    """Also what it changed before it raised."""
    model = Stateful(nnx.Rngs(0))
    before = leaves(model)

    def broken() -> None:
        with kept(model):
            model.lift.bias[...] = model.lift.bias[...] + 1
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        broken()
    assert all(np.array_equal(a, b) for a, b in zip(before, leaves(model), strict=True))
