"""Distributions and whole models of libraries as they are installed: torch, NumPyro, TFP, Pyro, pythae, diffusers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from elbocheck import verify
from elbocheck.loading import load
from elbocheck.verdict import Bound, Finding, Outcome, Verdict

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries, while they are imported
DTYPES = ("float64", "float32")
CLAMPS = frozenset({"ELB502", "ELB510"})
"""What a clamp of a library's own is reported as."""


def needed(*libraries: str) -> Any:
    """Return the last of some libraries; skip the test where one is missing."""
    found = [pytest.importorskip(one, reason=f"{one} is not installed") for one in libraries]
    return found[-1]


def family(verdict: Verdict) -> str | None:
    """Return the likelihood as the report prints it."""
    assert verdict.model is not None
    return verdict.model.likelihood


def finding(verdict: Verdict, code: str) -> Finding:
    """Return the one finding with a code."""
    (one,) = [f for f in verdict.findings if f.code == code]
    return one


# --- distributions ---

TORCH, NUMPYRO = "torch.distributions", "numpyro.distributions"
DENSITIES = (
    (TORCH, "Normal", "Normal(loc=loc, scale=scale)", ()),
    (TORCH, "Bernoulli", "Bernoulli(logits=logits)", ()),
    (TORCH, "Laplace", "Laplace(loc=loc, scale=scale)", ()),
    (TORCH, "Poisson", "Poisson(rate=rate)", ()),
    (TORCH, "StudentT", "StudentT(loc=loc, scale=scale, df=df)", ("ELB507",)),
    (
        TORCH,
        "NegativeBinomial",
        "NegativeBinomial(logits=logits, total_count=total_count)",
        ("ELB507",),
    ),
    (
        TORCH,
        "Beta",
        "Beta(concentration1=concentration1, concentration0=concentration0)",
        ("ELB507",),
    ),
    (TORCH, "LogNormal", "LogNormal(loc=loc, scale=scale)", ("ELB503",)),  # log x - loc over a scale that underflows
    (TORCH, "ContinuousBernoulli", "ContinuousBernoulli(logits=logits)", ("ELB407", "ELB502", "ELB601")),
    (NUMPYRO, "Laplace", "Laplace(loc=loc, scale=scale)", ()),
    (NUMPYRO, "Bernoulli", "Bernoulli(logits=logits)", ()),
)


@pytest.mark.parametrize(("home", "name", "likelihood", "codes"), DENSITIES, ids=[f"{h}-{n}" for h, n, *_ in DENSITIES])
def test_a_class_of_distributions_is_read_as_its_density(
    home: str, name: str, likelihood: str, codes: tuple[str, ...]
) -> None:
    """The class itself is the target: its family, and what its arithmetic loses in float32."""
    needed(home.partition(".")[0])
    verdict = verify(load(f"{home}:{name}"))
    assert (verdict.bound, family(verdict)) == (Bound.LIKELIHOOD_ONLY, likelihood), str(verdict)
    assert frozenset(verdict.codes) == frozenset(codes), str(verdict)


@pytest.mark.parametrize("name", ["Normal", "Bernoulli"])
def test_a_distribution_of_tfp_on_jax(name: str) -> None:
    """In a process of its own: it does not import where TensorFlow is loaded without tf_keras."""
    if find_spec("tensorflow_probability") is None or find_spec("jax") is None:
        pytest.skip("tensorflow_probability or jax is not installed")
    target = f"tensorflow_probability.substrates.jax:distributions.{name}"
    command = [sys.executable, "-m", "elbocheck", "verify", target, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    likelihood = {"Normal": "Normal(loc=loc, scale=scale)", "Bernoulli": "Bernoulli(logits=logits)"}[name]
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["model"]["likelihood"] == likelihood


def test_continuous_bernoulli_of_torch_loses_its_mass_in_a_default_run() -> None:
    """Beyond |logit| of 15.94 torch's log normaliser is held, in float32; float64 alone keeps its mass further."""
    needed("torch")
    verdict = verify(load("torch.distributions:ContinuousBernoulli"))
    assert verdict.outcome is Outcome.FAIL
    message = finding(verdict, "ELB407").message
    assert "-15.9" in message
    assert "0.159 at -100" in message


@pytest.mark.parametrize(("name", "likelihood", "code"), [(*d[1:3], d[3][0]) for d in DENSITIES if d[3] == ("ELB507",)])
def test_digits_that_a_density_loses_are_lost_in_single_precision_only(name: str, likelihood: str, code: str) -> None:
    """In float64 alone the same densities are silent, or lose far less."""
    needed("torch")
    single, double = (verify(load(f"{TORCH}:{name}"), dtype=dtype) for dtype in ("float32", "float64"))
    assert family(single) == family(double) == likelihood
    assert code in single.codes
    assert "In float32" in finding(single, code).message


def test_an_instance_says_its_parameters() -> None:
    """Made from logits, it is a function of logits; made from a rate, of a rate."""
    torch = needed("torch")
    made = torch.distributions.Bernoulli(logits=torch.tensor([0.5]))
    assert family(verify(made)) == "Bernoulli(logits=logits)"
    assert family(verify(torch.distributions.Poisson(torch.tensor([0.5])))) == "Poisson(rate=rate)"


@pytest.mark.parametrize("made_from", ["logits", "probs"])
def test_an_instance_that_was_asked_for_its_other_parameter_is_the_same(made_from: str) -> None:
    """torch keeps logits beside the probs that a distribution was made from, once log_prob has needed them."""
    torch = needed("torch")
    made = torch.distributions.Bernoulli(**{made_from: torch.tensor([0.5])})
    assert made.log_prob(torch.ones(1)) + made.probs + made.logits
    assert family(verify(made)) == f"Bernoulli({made_from}={made_from})"


# --- Pyro and NumPyro ---


def pyro_loss(estimator: str, *, prior: float = 1.0) -> Callable[..., Any]:
    """Return -ELBO as Pyro computes it, as a function of tensors; the prior is N(0, prior^2)."""
    torch = needed("torch")
    infer = needed("pyro", "pyro.infer")
    import pyro  # skipped above where it is missing

    normal, bernoulli = pyro.distributions.Normal, pyro.distributions.Bernoulli

    def loss(x: Any, logits: Any, mu: Any, log_var: Any) -> Any:
        def model(x: Any) -> None:
            with pyro.plate("data", x.shape[0]):
                pyro.sample("z", normal(torch.zeros_like(mu), prior * torch.ones_like(mu)).to_event(1))
                pyro.sample("x", bernoulli(logits=logits, validate_args=False).to_event(1), obs=x)

        def guide(_x: Any) -> None:
            with pyro.plate("data", x.shape[0]):
                pyro.sample("z", normal(mu, torch.exp(log_var / 2)).to_event(1))

        return getattr(infer, estimator)().differentiable_loss(model, guide, x)

    return loss


def numpyro_loss(estimator: str, *, prior: float = 1.0) -> Callable[..., Any]:
    """Return the same as NumPyro computes it."""
    infer = needed("jax", "numpyro", "numpyro.infer")
    import jax  # skipped above where it is missing
    import numpyro

    normal, bernoulli = numpyro.distributions.Normal, numpyro.distributions.BernoulliLogits

    def loss(x: Any, logits: Any, mu: Any, log_var: Any) -> Any:
        def model(x: Any) -> None:
            with numpyro.plate("data", x.shape[0]):
                numpyro.sample("z", normal(jax.numpy.zeros_like(mu), prior).to_event(1))
                numpyro.sample("x", bernoulli(logits).to_event(1), obs=x)

        def guide(_x: Any) -> None:
            with numpyro.plate("data", x.shape[0]):
                numpyro.sample("z", normal(mu, jax.numpy.exp(log_var / 2)).to_event(1))

        return getattr(infer, estimator)().loss(jax.random.PRNGKey(0), {}, model, guide, x)

    return loss


LIBRARIES = {"pyro": pyro_loss, "numpyro": numpyro_loss}
UNSAFE = frozenset({"ELB001", "ELB501", "ELB502"})
"""What happens at log variances of -100 and beyond, where the scale of a guide underflows."""


@pytest.mark.parametrize("estimator", ["TraceMeanField_ELBO", "Trace_ELBO"])
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_library_s_elbo_is_the_exact_elbo(library: str, estimator: str, dtype: str) -> None:
    """With the analytic KL, and with the estimate from a sample that the library draws."""
    verdict = verify(LIBRARIES[library](estimator), dtype=dtype)
    assert verdict.bound is Bound.EXACT, str(verdict)
    assert verdict.outcome in (Outcome.PASS, Outcome.NOTE), str(verdict)
    assert family(verdict) == "Bernoulli(logits=logits)"
    assert verdict.model is not None
    assert verdict.model.divergence is not None
    assert verdict.model.divergence.startswith("KL(N(mu, e^log_var) || N(0, 1))")
    assert set(verdict.codes) <= UNSAFE, str(verdict)


@pytest.mark.parametrize("library", LIBRARIES)
def test_another_prior_in_the_model_is_seen(library: str) -> None:
    """A prior of scale 2 is no N(0, 1)."""
    verdict = verify(LIBRARIES[library]("TraceMeanField_ELBO", prior=2.0), dtype="float64")
    assert verdict.model is not None
    assert verdict.codes != () or "N(0, 1)" not in str(verdict.model.divergence), str(verdict)


# --- pythae ---


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("kind", "bound", "likelihood"),
    [("mse", Bound.CONSTANT, "Normal(loc=recon_x, scale=1)"), ("bce", Bound.EXACT, "Bernoulli(probs=recon_x)")],
)
def test_the_vae_of_pythae(kind: str, bound: Bound, likelihood: str, dtype: str) -> None:
    """Its `loss_function`, of the object that a person makes; torch's own cap of a log at -100 is a note."""
    needed("torch")
    models = needed("pythae.models")
    config = models.VAEConfig(input_dim=(1, 4, 5), latent_dim=3, reconstruction_loss=kind)
    verdict = verify(models.VAE(config).loss_function, dtype=dtype)
    assert (verdict.bound, family(verdict)) == (bound, likelihood), str(verdict)
    assert verdict.outcome in (Outcome.PASS, Outcome.NOTE)
    assert verdict.codes == (("ELB502",) if kind == "bce" else ()), str(verdict)


# --- diffusers ---


def diagonal(mean: Any, log_var: Any) -> Any:
    """Return diffusers' Gaussian of two matrices, as one of 1x1 maps."""
    torch = needed("torch")
    vae = needed("diffusers", "diffusers.models.autoencoders.vae")
    return vae.DiagonalGaussianDistribution(torch.cat([mean, log_var], dim=1)[:, :, None, None])


def divergence(mu: Any, log_var: Any) -> Any:
    """Its KL."""
    return diagonal(mu, log_var).kl()


def surprise(x: Any, mean: Any, log_var: Any) -> Any:
    """Its negative log density of data."""
    return diagonal(mean, log_var).nll(x[:, :, None, None])


def sampled(x: Any, logits: Any, mu: Any, log_var: Any) -> Any:
    """A loss with its sample and its density: log q - log p, from one draw."""
    torch = needed("torch")
    q = diagonal(mu, log_var)
    z = q.sample()
    log_p = -0.5 * (z**2 + torch.log(torch.tensor(2 * torch.pi, dtype=z.dtype))).sum(dim=[1, 2, 3])
    nll = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    return (nll - q.nll(z) - log_p).mean()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", [divergence, surprise], ids=lambda f: f.__name__)
def test_the_diagonal_gaussian_of_diffusers(loss: Callable[..., Any], dtype: str) -> None:
    """Right inside its clamp of the log variance to [-30, 20]; outside, the value and the gradient are held: named."""
    diagonal_is_there = needed("torch", "diffusers")
    assert diagonal_is_there
    verdict = verify(loss, dtype=dtype)
    assert frozenset(verdict.codes) == CLAMPS, str(verdict)
    assert "From log_var = -32 on a clamp" in finding(verdict, "ELB510").message
    if loss is divergence:
        assert verdict.bound is Bound.DIVERGENCE_ONLY
        assert verdict.model is not None
        assert verdict.model.divergence == "KL(N(mu, e^log_var) || N(0, 1))"
    else:
        assert family(verdict) == "Normal(loc=mean, log_var=log_var)"


def test_the_sample_of_diffusers_is_captured() -> None:
    """Its noise has two more axes of length one than the latent has."""
    needed("torch", "diffusers")
    verdict = verify(sampled)
    assert verdict.bound is Bound.EXACT, str(verdict)
    assert verdict.model is not None
    assert str(verdict.model.divergence).startswith("KL(N(mu, e^log_var) || N(0, 1)), estimated from")
