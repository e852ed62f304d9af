"""A loss that is another one compiled, for another batch or in another memory is named; a right one never."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from elbocheck import Outcome, Verdict, verify
from elbocheck.errors import UsageError

Loss = Callable[..., Any]


def said(verdict: Verdict) -> dict[str, tuple[Outcome, str, str | None]]:
    """Return the findings by code."""
    return {f.code: (f.outcome, f.message, f.counterexample) for f in verdict.findings}


def differs(loss: Loss, where: str, **options: Any) -> str:
    """Return what ELB007 says of a loss, having asserted that it fails there."""
    outcome, message, counterexample = said(verify(loss, **options))["ELB007"]
    assert (outcome, counterexample) == (Outcome.FAIL, where), message
    return message


# --- NumPy: batches and memory. ---


def _error(recon_x: Any, x: Any) -> Any:
    return 0.5 * np.sum((x - recon_x) ** 2, axis=tuple(range(1, x.ndim)))


def _kl(mu: Any, logvar: Any) -> Any:
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=-1)


def mean(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The plain loss."""
    return np.mean(_error(recon_x, x) + _kl(mu, logvar))


def squeezed_sums(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The last axis is summed, then the mean is taken over what squeeze left: data, or for one datum latents."""
    kl = (-0.5 * (1 + logvar - mu**2 - np.exp(logvar))).squeeze()
    return np.mean(_error(recon_x, x)) + kl.sum() / kl.shape[0]


def branched(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """One datum has no KL."""
    return np.mean(_error(recon_x, x)) + (np.mean(_kl(mu, logvar)) if x.shape[0] > 1 else 0.0)


def counted_in_a_byte(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Beyond 256 data the index comes round again, and the mean counts the first twice."""
    return np.mean((_error(recon_x, x) + _kl(mu, logvar))[np.arange(len(x)).astype(np.uint8)])


def raises_for_one(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A batch of one loses its axis, and there is no axis 1 left."""
    flat = (x - recon_x).reshape(len(x), -1).squeeze()
    return np.mean(0.5 * np.sum(flat**2, axis=1)) + np.mean(_kl(mu, logvar))


def flat_in_place(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Writes into the flattened prediction, which is the prediction itself only where that is contiguous."""
    flat = recon_x.reshape(-1)
    flat[flat < 0.4] = 0.4
    return np.mean(_error(recon_x, x) + _kl(mu, logvar))


def in_place(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Scales the first datum in place: all of them where they are stored once."""
    recon_x[0] *= 1.0 + 0.1 * np.arange(recon_x[0].size).reshape(recon_x[0].shape)
    recon_x[0] /= 2.0
    return np.mean(_error(recon_x, x) + _kl(mu, logvar))


def raw_memory(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Reads the numbers behind the array and not its strides."""
    behind = np.lib.stride_tricks.as_strided(recon_x, (recon_x.size,), (recon_x.itemsize,)).reshape(x.shape)
    return np.mean(_error(behind, x) + _kl(mu, logvar))


@pytest.mark.parametrize(
    ("loss", "where"),
    [
        (squeezed_sums, "a batch of 1"),
        (branched, "a batch of 1"),
        (counted_in_a_byte, "a batch of 257"),
        (flat_in_place, "transposed views"),
        (raw_memory, "transposed views"),
    ],
    ids=lambda f: getattr(f, "__name__", None),
)
def test_another_batch_or_memory_is_named(loss: Loss, where: str) -> None:
    """With the smallest size, or the first kind of memory, that shows it."""
    message = differs(loss, where)
    assert "datum costs" in message or "fresh arrays" in message


def test_a_write_that_reaches_other_data_is_named() -> None:
    """By the write itself, once: what it does to a batch that is one datum stored once follows from it."""
    verdict = verify(in_place)
    assert {"ELB003", "ELB007"} & set(verdict.codes) == {"ELB003"}, str(verdict)


def test_what_raises_for_one_datum_is_a_warning() -> None:
    """The exception is shown."""
    outcome, message, where = said(verify(raises_for_one))["ELB007"]
    assert (outcome, where) == (Outcome.WARN, "a batch of 1")
    assert "last batch of an epoch" in message
    assert "AxisError" in message


def total(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Sums."""
    return np.sum(_error(recon_x, x) + _kl(mu, logvar))


def of_a_data_set(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A batch stands for sixty thousand data."""
    return 60_000 / len(x) * total(recon_x, x, mu, logvar)


def per_datum(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Values per datum."""
    return _error(recon_x, x) + _kl(mu, logvar)


def one_by_one(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A loop over the data, which rounds each partial sum."""
    added = x.dtype.type(0)
    for value in per_datum(recon_x, x, mu, logvar):
        added += value
    return added / len(x)


def beside_a_constant(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A constant that no datum owns: the sum does not grow with the batch alone."""
    return total(recon_x, x, mu, logvar) + x.dtype.type(0.01)


def free_bits(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A floor for each datum."""
    return np.mean(_error(recon_x, x) + np.maximum(_kl(mu, logvar), 0.5))


def floor_of_a_batch(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A floor for the mean: one datum alone may lie under it."""
    return np.mean(_error(recon_x, x)) + np.maximum(np.mean(_kl(mu, logvar)), 4.0)


def profiled(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The batch's own error as sigma^2 couples its data."""
    return 0.5 * x.size * np.log(np.mean((x - recon_x) ** 2)) + np.sum(_kl(mu, logvar))


def far_up(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A constant of a million leaves few digits for the terms."""
    return np.sum(per_datum(recon_x, x, mu, logvar) + x.dtype.type(1e6))


def unevenly(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The KL is summed over the batch where the error is averaged: another rule's."""
    return np.mean(_error(recon_x, x)) + np.sum(_kl(mu, logvar))


RIGHT = (mean, total, of_a_data_set, per_datum, one_by_one, beside_a_constant, free_bits, floor_of_a_batch, profiled)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", [*RIGHT, far_up, unevenly], ids=lambda f: f.__name__)
def test_right_losses_are_silent(loss: Loss, dtype: str) -> None:
    """In both dtypes, whatever is asked for."""
    for seed in (0, 5):
        assert "ELB007" not in verify(loss, dtype=dtype, seed=seed, variants="all").codes


def test_an_unknown_variant_is_refused() -> None:
    """With those there are."""
    with pytest.raises(UsageError, match="unknown variant 'jit': choose from compile, vmap, batch, memory or all"):
        verify(mean, variants=["jit"])


# --- torch ---


@pytest.fixture
def torch() -> ModuleType:
    """Torch, where it is installed."""
    return pytest.importorskip("torch", reason="torch is not installed")  # type: ignore[no-any-return]


def in_torch(torch: ModuleType, flat: Loss, finish: Loss | None = None) -> Loss:
    """Return the binary cross-entropy and KL of images that `flat` makes into vectors."""

    def loss(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        bce = torch.nn.functional.binary_cross_entropy(flat(recon_x), flat(x), reduction="none").sum(-1)
        kl = -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(-1)
        return (finish or torch.mean)(bce + kl)

    return loss


def test_a_view_is_a_note_for_those_who_ask(torch: ModuleType) -> None:
    """It raises at once and says what to do, so a default run is silent; the arguments and the remedy are named."""
    loss = in_torch(torch, lambda t: t.view(t.shape[0], -1))
    assert "ELB007" not in verify(loss, shapes={"x": (1, 28, 28)}).codes
    verdict = verify(loss, shapes={"x": (1, 28, 28)}, variants=["memory"])
    found = next(f for f in verdict.findings if f.code == "ELB007")
    assert (found.outcome, found.counterexample) == (Outcome.NOTE, "recon_x, x: transposed views")
    assert ".reshape" in found.fix


def behind(torch: ModuleType, tensor: Any) -> Any:
    """Return the numbers behind a tensor, whatever its strides."""
    return torch.as_strided(tensor, (tensor.shape[0], tensor[0].numel()), (tensor[0].numel(), 1))


def test_torch_strides_are_named(torch: ModuleType) -> None:
    """Numbers read past the strides."""
    differs(in_torch(torch, lambda t: behind(torch, t)), "transposed views")


def test_torch_batches_are_named(torch: ModuleType) -> None:
    """An index of eight bits, in the dtype of training."""

    def finish(each: Any) -> Any:
        return each[torch.arange(len(each)).to(torch.uint8).long()].mean()

    assert "257" in differs(in_torch(torch, lambda t: t.flatten(1), finish), "a batch of 257")


def test_a_branch_for_the_compiler_of_torch_is_named(torch: ModuleType) -> None:
    """Compiled, the loss is halved."""

    def finish(each: Any) -> Any:
        return each.mean() / (2 if torch.compiler.is_compiling() else 1)

    differs(in_torch(torch, lambda t: t.flatten(1), finish), "torch.compile", variants=["compile"])


@pytest.mark.parametrize("reduced", ["mean", "sum"])
def test_right_torch_losses_are_silent(torch: ModuleType, reduced: str) -> None:
    """Compiled and mapped as well."""
    asked = ["all"] if reduced == "mean" else ["vmap", "memory"]
    verdict = verify(in_torch(torch, lambda t: t.reshape(len(t), -1), getattr(torch, reduced)), variants=asked)
    assert "ELB007" not in verdict.codes, str(verdict)
    assert not any("does not work" in finding.message for finding in verdict.findings), str(verdict)


# --- JAX ---


@pytest.fixture
def jnp() -> ModuleType:
    """JAX's NumPy, where it is installed."""
    return pytest.importorskip("jax.numpy", reason="jax is not installed")  # type: ignore[no-any-return]


def in_jax(jnp: ModuleType, beta: Loss = lambda kl: 1.0) -> Loss:
    """Return the squared error and KL, weighed."""

    def loss(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        error = 0.5 * jnp.sum((x - recon_x) ** 2, axis=tuple(range(1, x.ndim)))
        kl = -0.5 * jnp.sum(1 + logvar - mu**2 - jnp.exp(logvar), axis=-1)
        return jnp.mean(error + beta(kl) * kl)

    return loss


def test_a_constant_kept_by_jit_is_named(jnp: ModuleType) -> None:
    """What was traced at the sizes of the probes keeps the weight of that time."""
    import jax

    weight = {"beta": 4.0}
    loss = jax.jit(in_jax(jnp, lambda kl: weight["beta"]))
    verify(loss)
    weight["beta"] = 1.0
    message = differs(loss, "as it was compiled")
    assert "as it is written" in message


def test_a_counter_that_jit_stops_is_named(jnp: ModuleType) -> None:
    """Compiled, the weight never warms up."""

    class Annealed:
        """A weight that grows with the calls."""

        step = 0

        def __call__(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
            self.step += 1
            return in_jax(jnp, lambda kl: min(1.0, self.step / 50))(recon_x, x, mu, logvar)

    differs(Annealed(), "jax.jit, called again,", variants=["compile"])


def test_another_value_for_one_datum_at_a_time_is_named(jnp: ModuleType) -> None:
    """Mapped, the KL is doubled."""
    loss = in_jax(jnp, lambda kl: 2.0 if "Batch" in type(kl).__name__ else 1.0)
    differs(loss, "jax.vmap", variants=["vmap"])


def test_a_branch_on_values_is_a_note(jnp: ModuleType) -> None:
    """It cannot be traced."""
    verdict = verify(in_jax(jnp, lambda kl: 1.0 if kl.sum() > -1 else 2.0), variants=["compile"])
    assert said(verdict)["ELB007"][::2] == (Outcome.NOTE, "jax.jit")


@pytest.mark.parametrize("compiled", [False, True])
def test_right_jax_losses_are_silent(jnp: ModuleType, compiled: bool) -> None:
    """As they are and compiled already."""
    import jax

    loss = jax.jit(in_jax(jnp)) if compiled else in_jax(jnp)
    assert "ELB007" not in verify(loss, variants=[] if compiled else ["compile", "vmap"]).codes


# --- TensorFlow ---


@pytest.fixture
def tf() -> ModuleType:
    """TensorFlow, where it is installed."""
    return pytest.importorskip("tensorflow", reason="tensorflow is not installed")  # type: ignore[no-any-return]


def in_tensorflow(tf: ModuleType, beta: Loss = lambda: 1.0) -> Loss:
    """Return the squared error and KL, weighed."""

    def loss(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        error = 0.5 * tf.reduce_sum((x - recon_x) ** 2, axis=list(range(1, len(x.shape))))
        kl = -0.5 * tf.reduce_sum(1 + logvar - mu**2 - tf.exp(logvar), axis=-1)
        return tf.reduce_mean(error + beta() * kl)

    return loss


def test_a_constant_kept_by_a_graph_is_named(tf: ModuleType) -> None:
    """A function of TensorFlow that was traced before the weight changed."""
    weight = {"beta": 4.0}
    loss = tf.function(in_tensorflow(tf, lambda: weight["beta"]))
    verify(loss)
    weight["beta"] = 1.0
    differs(loss, "as it was compiled")


def test_a_branch_for_graphs_is_named(tf: ModuleType) -> None:
    """In a graph the KL is doubled."""
    loss = in_tensorflow(tf, lambda: 1.0 if tf.executing_eagerly() else 2.0)
    differs(loss, "tf.function", variants=["compile"])


def test_right_tensorflow_losses_are_silent(tf: ModuleType) -> None:
    """In a graph and through XLA."""
    assert "ELB007" not in verify(in_tensorflow(tf), variants=["all"]).codes


def test_jax_batches_are_named(jnp: ModuleType) -> None:
    """One datum has no KL, compiled or not; a batch of 257 is tried where it is asked for."""

    def branched(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        return in_jax(jnp, lambda kl: 0.0 if len(kl) == 1 else 1.0)(recon_x, x, mu, logvar)

    differs(branched, "a batch of 1")
    assert "ELB007" not in verify(in_jax(jnp), variants=["batch"]).codes
