"""Losses of a model: what they ask is found by running them, parts of a real model are replaced, nothing is left behind."""

from __future__ import annotations

import importlib
import inspect
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.random import standard_normal

from elbocheck import returns, verify
from elbocheck.errors import CallError, UsageError
from elbocheck.models.compiled import training_loss
from elbocheck.verdict import Bound, Outcome


def kl(mu: Any, log_var: Any) -> Any:
    """Return the KL of each datum."""
    return 0.5 * np.sum(mu**2 + np.exp(log_var) - 1 - log_var, axis=1)


def nll(x: Any, logits: Any) -> Any:
    """Return the Bernoulli cross-entropy of each datum."""
    return np.sum(np.logaddexp(0, logits) - x * logits, axis=1)


def parts(model: Any, x: Any) -> Any:
    """Three methods."""
    mu, log_var = model.encode(x)
    return np.mean(nll(x, model.decode(model.reparameterize(mu, log_var))) + kl(mu, log_var))


def whole(vae: Any, x: Any) -> Any:
    """One call, a tuple taken apart."""
    recon, mu, log_var = vae(x)
    return np.mean(nll(x, recon) + kl(mu, log_var))


def unnamed_members(model: Any, x: Any) -> Any:
    """Members by place alone."""
    out = model(x)
    return np.mean(nll(x, out[0]) + kl(out[1], out[2]))


def mapping(model: Any, x: Any) -> Any:
    """Members by key."""
    out = model(x)
    return np.mean(nll(x, out["recon"]) + kl(out["mu"], out["log_var"]))


def attributes(model: Any, x: Any) -> Any:
    """Members by attribute."""
    out = model.forward(x)
    return np.mean(nll(x, out.x_hat) + kl(out.z_mean, out.z_log_var))


def nested(model: Any, x: Any) -> Any:
    """A tuple in a tuple, the scale without a name."""
    recon, (m, s) = model(x)
    return np.mean(nll(x, recon) + kl(m, s))


def later(model: Any, x: Any) -> Any:
    """A tuple that is taken apart later."""
    out = model(x)
    recon, mu, log_var = out
    return np.mean(nll(x, recon) + kl(mu, log_var))


def state(model: Any, x: Any) -> Any:
    """What the model keeps of its last call."""
    recon = model(x)
    return np.mean(nll(x, recon) + kl(model.mu, model.log_var))


def submodules(net: Any, x: Any) -> Any:
    """Networks of the model, noise drawn in the loss."""
    mu, log_var = net.encoder(x)
    z = mu + np.exp(log_var / 2) * np.random.randn(*mu.shape)
    return np.mean(nll(x, net.decoder(z)) + kl(mu, log_var))


def sampled(model: Any, x: Any) -> Any:
    """An estimate of the KL, noise drawn in the loss."""
    mu, log_var = model.encode(x)
    z = mu + np.exp(log_var / 2) * np.random.normal(size=mu.shape)
    estimate = 0.5 * np.sum(z**2 - (z - mu) ** 2 / np.exp(log_var) - log_var, axis=1)
    return np.mean(nll(x, model.decode(z)) + estimate)


def rescaled(model: Any, x: Any) -> Any:
    """A decoder that takes its latents in another unit, and a scale kept off 0."""
    mu, log_var = model.encode(x)
    z = mu + (np.exp(log_var / 2) + 1e-6) * np.random.randn(*mu.shape)
    return np.mean(nll(x, model.decode(0.18 * z)) + kl(mu, log_var))


def squashed(model: Any, x: Any) -> Any:
    """A decoder that starts with a squashing."""
    mu, log_var = model.encode(x)
    z = mu + np.exp(log_var / 2) * np.random.randn(*mu.shape)
    return np.mean(nll(x, model.decode(np.tanh(z))) + kl(mu, log_var))


def method_of_the_answer(model: Any, x: Any) -> Any:
    """What is called on an answer is no member of it, whatever the method."""
    mu, log_var = model.encode(x)
    logits = model.decode(model.reparameterize(mu, log_var))
    low, high = logits.clip(max=0), logits.clip(min=0)
    return np.mean(nll(x, low + high) + kl(mu, log_var))


def softplus_variance(model: Any, x: Any) -> Any:
    """An encoder whose second output is a variance before its softplus."""
    mu, rho = model.encode(x)
    var = np.logaddexp(0, rho)
    z = mu + np.sqrt(var) * np.random.randn(*mu.shape)
    return np.mean(nll(x, model.decode(z)) + kl(mu, np.log(var)))


def drawn_at_once(model: Any, x: Any) -> Any:
    """A sample drawn with its mean and its standard deviation, of which both densities are taken."""
    mu, log_var = model.encode(x)
    z = np.random.normal(mu, np.exp(log_var / 2))
    estimate = 0.5 * np.sum(z**2 - (z - mu) ** 2 / np.exp(log_var) - log_var, axis=1)
    return np.mean(nll(x, model.decode(z)) + estimate)


def by_position(x: Any, model: Any, mu: Any, log_var: Any, /) -> Any:
    """No argument has a name; the model stands among them."""
    return np.mean(nll(x, model.decode(mu)) + kl(mu, log_var))


class Own:
    """A model whose loss is a method, and which draws by itself."""

    power = 0.5

    def reparameterize(self, mu: Any, log_var: Any) -> Any:
        """Draw."""
        return mu + np.exp(self.power * log_var) * np.random.standard_normal(mu.shape)

    def loss(self, x: Any) -> Any:
        """Take the KL in closed form."""
        mu, log_var = self.encode(x)  # type: ignore[attr-defined]
        recon = self.decode(self.reparameterize(mu, log_var))  # type: ignore[attr-defined]
        return np.mean(nll(x, recon) + kl(mu, log_var))


class Trained:
    """A training step as Lightning calls it: a batch of data and labels, its number."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        """Return the loss of a batch, and its number."""
        x, _ = batch
        recon, mu, log_var = self(x)  # type: ignore[operator]
        return {"loss": np.mean(nll(x, recon) + kl(mu, log_var)), "number": batch_idx}


def labelled(model: Any, batch: Any) -> Any:
    """Labels first, and used."""
    label, x = batch
    recon, mu, log_var = model(x)
    return np.mean(nll(x, recon) + kl(mu, log_var)) + math.log(10) * (len(label) / len(x))


class OwnWide(Own):
    """The same, too wide."""

    power = 1.0

    def loss(self, x: Any) -> Any:
        """Take the KL in closed form."""
        return super().loss(x)


def imported(model: Any, x: Any) -> Any:
    """The same with a function that the module has by its own name."""
    mu, log_var = model.encode(x)
    z = mu + np.exp(log_var / 2) * standard_normal(mu.shape)
    estimate = 0.5 * np.sum(z**2 - (z - mu) ** 2 / np.exp(log_var) - log_var, axis=1)
    return np.mean(nll(x, model.decode(z)) + estimate)


def annealed(model: Any, x: Any) -> Any:
    """A weight that has reached 1, by a counter of the model's; the KL is kept on it."""
    recon, mu, log_var = model(x)
    model.step += 1
    model.kl = kl(mu, log_var)
    return np.mean(nll(x, recon) + min(1.0, model.step / 1000) * model.kl)


RIGHT = (
    imported,
    annealed,
    parts,
    rescaled,
    squashed,
    method_of_the_answer,
    by_position,
    softplus_variance,
    drawn_at_once,
    Own.loss,
    Trained.training_step,
    whole,
    unnamed_members,
    mapping,
    attributes,
    nested,
    later,
    state,
    submodules,
    sampled,
)


@pytest.mark.parametrize("loss", RIGHT, ids=lambda f: f.__name__)
def test_a_right_loss_of_a_model_is_exact_and_silent(loss: Any) -> None:
    """However the model is asked, the loss is the ELBO that it is."""
    verdict = verify(loss)
    assert (verdict.bound, verdict.codes) == (Bound.EXACT, ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.family == "bernoulli"


def test_labels_that_come_with_the_data_are_classes() -> None:
    """The data are found by name among the members of a batch; log(10), a uniform prior over labels, is a constant."""
    verdict = verify(labelled)
    assert (verdict.bound, verdict.codes) == (Bound.CONSTANT, ()), str(verdict)


def learned(model: Any, x: Any) -> Any:
    """A decoder with a mean and a log variance of its own."""
    mu, log_var = model.encode(x)
    mean, logvar = model.decode(model.reparameterize(mu, log_var))
    each = 0.5 * ((x - mean) ** 2 * np.exp(-logvar) + logvar + math.log(2 * math.pi))
    return np.mean(np.sum(each, axis=1) + kl(mu, log_var))


def test_a_decoder_s_mean_and_variance_are_not_the_posterior_s() -> None:
    """The same names, in the answer of the decoder."""
    verdict = verify(learned)
    assert (verdict.bound, verdict.codes) == (Bound.EXACT, ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.family == "normal"


class Compiled:
    """What a Keras model has of a training step; it answers with what it is given."""

    compiled = True

    def __call__(self, x: Any, *, training: bool) -> Any:
        """Return the prediction in that mode."""
        return x, training

    def compute_loss(self, **given: Any) -> Any:
        """Return what the step gives its loss."""
        return given


def test_a_compiled_model_is_run_as_in_training() -> None:
    """Its data are its targets too."""
    given = training_loss(Compiled())(3)
    assert given == {"x": 3, "y": 3, "y_pred": (3, True), "sample_weight": None, "training": True}


def doubled(model: Any, x: Any) -> Any:
    """Twice the KL."""
    recon, mu, log_var = model(x)
    return np.mean(nll(x, recon) + 2 * kl(mu, log_var))


def weighted(model: Any, x: Any) -> Any:
    """The model's own weight."""
    recon, mu, log_var = model(x)
    return np.mean(nll(x, recon) + model.beta * kl(mu, log_var))


def other_spread(model: Any, x: Any) -> Any:
    """A sample twice as wide in logarithms."""
    mu, log_var = model.encode(x)
    z = mu + np.exp(log_var) * np.random.randn(*mu.shape)
    estimate = 0.5 * np.sum(z**2 - (z - mu) ** 2 / np.exp(log_var) - log_var, axis=1)
    return np.mean(nll(x, model.decode(z)) + estimate)


def wide_beside_a_closed_form(model: Any, x: Any) -> Any:
    """A sample twice as wide in logarithms, of which the value says nothing."""
    mu, log_var = model.encode(x)
    z = mu + np.exp(log_var) * np.random.randn(*mu.shape)
    return np.mean(nll(x, model.decode(z)) + kl(mu, log_var))


def narrow_beside_a_closed_form(model: Any, x: Any) -> Any:
    """A temperature on the noise."""
    mu, log_var = model.encode(x)
    z = mu + 0.5 * np.exp(log_var / 2) * np.random.randn(*mu.shape)
    return np.mean(nll(x, model.decode(z)) + kl(mu, log_var))


def as_log_scale(model: Any, x: Any) -> Any:
    """The log variance taken for a log scale in the density."""
    mu, log_var = model.encode(x)
    z = model.reparameterize(mu, log_var)
    estimate = 0.5 * np.sum(z**2 - (z - mu) ** 2 / np.exp(2 * log_var) - 2 * log_var, axis=1)
    return np.mean(nll(x, model.decode(z)) + estimate)


def no_posterior(model: Any, x: Any) -> Any:
    """log q is missing."""
    mu, log_var = model.encode(x)
    z = model.reparameterize(mu, log_var)
    return np.mean(nll(x, model.decode(z)) + 0.5 * np.sum(z**2 + math.log(2 * math.pi), axis=1))


def no_prior(model: Any, x: Any) -> Any:
    """log p is missing."""
    mu, log_var = model.encode(x)
    z = model.reparameterize(mu, log_var)
    return np.mean(nll(x, model.decode(z)) - 0.5 * np.sum((z - mu) ** 2 / np.exp(log_var) + log_var, axis=1))


def no_log_term(model: Any, x: Any) -> Any:
    """A closed form without its logarithm."""
    mu, log_var = model.encode(x)
    recon = model.decode(model.reparameterize(mu, log_var))
    return np.mean(nll(x, recon) + 0.5 * np.sum(mu**2 + np.exp(log_var) - 1, axis=1))


def over_the_batch(model: Any, x: Any) -> Any:
    """The KL summed over the wrong axis."""
    mu, log_var = model.encode(x)
    recon = model.decode(model.reparameterize(mu, log_var))
    return np.mean(nll(x, recon) + 0.5 * np.sum(mu**2 + np.exp(log_var) - 1 - log_var, axis=0))


def by_mode(model: Any, x: Any) -> Any:
    """Another weight in training than outside of it."""
    recon, mu, log_var = model(x)
    return np.mean(nll(x, recon) + (2.0 if model.training else 1.0) * kl(mu, log_var))


def saturated(model: Any, x: Any) -> Any:
    """A schedule that ends below 1."""
    recon, mu, log_var = model(x)
    return np.mean(nll(x, recon) + min(0.2, model.global_step / 1000) * kl(mu, log_var))


SEVERAL = {by_mode: {"ELB106", "ELB114"}, saturated: {"ELB108", "ELB115"}}


@pytest.mark.parametrize("loss", SEVERAL, ids=lambda f: f.__name__)
def test_modes_and_steps_of_a_model_are_varied(loss: Any) -> None:
    """What a loss reads of its model's state is a state of the loss."""
    assert set(verify(loss).codes) == SEVERAL[loss]


WRONG = {
    doubled: "ELB106",
    other_spread: "ELB203",
    wide_beside_a_closed_form: "ELB203",
    narrow_beside_a_closed_form: "ELB203",
    OwnWide.loss: "ELB203",
    as_log_scale: "ELB201",
    no_posterior: "ELB213",
    no_prior: "ELB213",
    no_log_term: "ELB208",
    over_the_batch: "ELB004",
}


@pytest.mark.parametrize("loss", WRONG, ids=lambda f: f.__name__)
def test_a_fault_is_named(loss: Any) -> None:
    """The fault, and nothing but the fault."""
    verdict = verify(loss)
    assert verdict.codes == (WRONG[loss],), str(verdict)


def test_a_weight_of_the_model_is_assumed_and_can_be_set() -> None:
    """`model.beta` is an argument like any other: 1 unless it is set, and said."""
    verdict = verify(weighted)
    assert verdict.bound is Bound.EXACT
    assert verdict.constants["beta"] == "1.0 (assumed)"
    assert "ELB108" in verify(weighted, constants={"beta": 4.0}).codes


def test_a_loss_of_an_installed_package_is_read_as_one_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its source says what its model answers, wherever it lies."""
    home = tmp_path / "site-packages"
    home.mkdir()
    text = "".join(map(inspect.getsource, (kl, nll, whole)))
    (home / "an_installed_vae.py").write_text(f"import numpy as np\nfrom typing import Any\n{text}", encoding="utf-8")
    monkeypatch.syspath_prepend(home)
    loss = importlib.import_module("an_installed_vae").whole
    assert verify(loss).bound is Bound.EXACT


class Real:
    """A model of plain Python that keeps what it is given."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.weight = np.ones(3)

    def encode(self, x: Any) -> Any:
        """Return the first three values, and nothing."""
        return x[:, :3], 0 * x[:, :3]

    def decode(self, z: Any) -> Any:
        """Return it as it is."""
        return z

    def __call__(self, x: Any) -> Any:
        """Encode and decode."""
        mu, log_var = self.encode(x)
        self.seen.append(x)
        self.last = mu
        return self.decode(mu), mu, log_var


class Fixed(NamedTuple):
    """A model whose attributes cannot be set, as haiku's are."""

    apply: Any


PARTS = {"encode": returns("q_loc", "q_log_var"), "decode": returns("logits")}


def test_parts_of_a_real_model_are_replaced_and_put_back() -> None:
    """Everything but the parts runs as it is; afterwards the model is what it was."""
    model = Real()
    before = dict(vars(model))
    verdict = verify(whole, model=model, components=PARTS)
    assert (verdict.bound, verdict.codes) == (Bound.EXACT, ())
    assert vars(model) == before
    assert model.seen == []


def test_a_global_model_is_replaced_too() -> None:
    """A loss that takes no model may use one."""
    model = Real()

    def loss(x: Any) -> Any:
        return whole(model, x)

    assert verify(loss, model=model, components=PARTS).bound is Bound.EXACT


def test_a_model_is_put_back_when_its_loss_raises() -> None:
    """Also on failure."""
    model = Real()

    def loss(vae: Any, x: Any) -> Any:
        vae(x)
        vae.extra = 1
        raise ValueError("no")

    verdict = verify(loss, model=model, components=PARTS)
    assert verdict.outcome is Outcome.FAIL
    assert vars(model).keys() == {"seen", "weight"}
    assert model.encode.__func__ is Real.encode
    assert model.seen == []


def opaque(model: Any, x: Any) -> Any:
    """An answer that nothing is said of."""
    h = model.encode(x)
    return np.mean(h)


def reads(model: Any, x: Any) -> Any:
    """An attribute that nothing is said of."""
    return np.mean((x - model(x)) ** 2) + model.strangeness * 2


def adds_losses(model: Any, x: Any) -> Any:
    """The losses of layers, which no probe model has: the KL would be dropped in silence."""
    return np.mean((x - model(x)) ** 2) + sum(model.losses)


BAD = {
    "losses of layers": (lambda: verify(adds_losses), r"model\.losses, which only its own model has.*--model"),
    "an answer without a name": (lambda: verify(opaque), r"model\.encode\(\.\.\.\).*--component encode="),
    "an attribute without a meaning": (lambda: verify(reads), r"model\.strangeness.*--model"),
    "no such part": (
        lambda: verify(whole, model=Real(), components={"encoder": returns("q_loc")}),
        "no component 'encoder' in Real: did you mean 'encode'",
    ),
    "no attribute to set": (
        lambda: verify(whole, model=Fixed(lambda x: x), components={"apply": returns("q_loc", "q_log_var")}),
        "component 'apply' of Fixed cannot be replaced",
    ),
    "no role": (lambda: returns("q_lok"), "unknown role 'q_lok': did you mean 'q_loc'"),
    "nothing returned": (returns, "takes roles or members"),
    "no parts": (lambda: verify(whole, model=Real()), "no component of Real to replace"),
    "no model": (lambda: verify(lambda x, mu: x, components=PARTS), "of no model"),
    "not returns": (lambda: verify(whole, model=Real(), components={"encode": "q_loc"}), "write returns"),  # type: ignore[dict-item]
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_question_gets_one_clear_line(name: str) -> None:
    """Which value, and the remedy."""
    ask, message = BAD[name]
    with pytest.raises(UsageError, match=message) as caught:
        ask()
    assert "\n" not in str(caught.value)


def test_a_loss_that_fails_says_what_it_asked() -> None:
    """The calls that it made are in the message."""

    def loss(model: Any, x: Any) -> Any:
        _mu, _log_var = model.encode(x)
        raise ValueError("something else")

    with pytest.raises(CallError, match=r"something else.*it called model\.encode"):
        verify(loss)


def draws_and_raises(x: Any, recon: Any, mu: Any, log_var: Any) -> Any:
    """Draw, and fail off the prior, when the draw has been replaced."""
    z = mu + np.random.randn(*mu.shape)
    if np.any(mu):
        raise ValueError("no")
    return np.mean(nll(x, recon) + np.sum(z, axis=1))


def test_random_functions_are_put_back() -> None:
    """In their modules and under the names of the loss's own, also when the loss raises."""
    before = np.random.randn, np.random.standard_normal, standard_normal
    verify(imported)
    assert verify(draws_and_raises).codes == ("ELB001",)
    assert (np.random.randn, np.random.standard_normal, standard_normal) == before
    assert all("elbocheck" not in str(getattr(one, "__module__", "")) for one in before)


def test_the_generators_are_left_as_they_were() -> None:
    """Verifying draws from nobody's stream."""
    np.random.seed(5)
    state = np.random.get_state()[1].copy()
    verify(sampled)
    assert np.array_equal(np.random.get_state()[1], state)


def test_a_torch_model_is_left_as_it_was() -> None:
    """Weights, buffers, mode, attributes, hooks and the generator, whether its loss returns or raises half way."""
    torch = pytest.importorskip("torch", reason="torch is not installed")

    class Network(torch.nn.Module):  # type: ignore[misc]  # torch is imported here
        """An encoder with statistics of its own, a decoder, and a loss that is kept."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = torch.nn.Linear(5, 6)
            self.norm = torch.nn.BatchNorm1d(5)
            self.register_buffer("calls", torch.zeros(()), persistent=False)
            self.decoder = torch.nn.Linear(3, 5)

        def forward(self, x: Any) -> Any:
            """Return the reconstruction; the KL is kept, and the call counted."""
            self.calls += 1
            mu, log_var = self.encoder(self.norm(x))
            self.kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1)
            return self.decoder(mu + torch.randn_like(mu) * (0.5 * log_var).exp())

    def loss(model: Any, x: Any) -> Any:
        recon = model.train()(x)
        return (0.5 * ((recon - x) ** 2).sum(1) + model.kl).mean()

    def raises(model: Any, x: Any) -> Any:
        loss(model, x)
        model.extra = 1
        raise ValueError("half way")

    model = Network().eval()
    names = [set(vars(part)) for part in model.modules()]
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.get_rng_state().clone()
    parts = {"encoder": returns("q_loc", "q_log_var"), "decoder": returns("prediction")}
    assert verify(loss, model=model, components=parts).bound is Bound.CONSTANT
    assert verify(raises, model=model, components=parts).outcome is Outcome.FAIL
    assert [set(vars(part)) for part in model.modules()] == names
    assert all(not part.training for part in model.modules())
    assert all(torch.equal(value, tensors[name]) for name, value in model.state_dict().items())
    assert model.calls == 0
    assert torch.equal(torch.get_rng_state(), generator)
