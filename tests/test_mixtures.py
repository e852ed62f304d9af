"""Mixtures: the reference against mpmath, what is read of losses that take components, and what is no mixture."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, log_expit

import elbocheck.densities.mixture
from elbocheck import densities, identify, verify
from elbocheck.budget import ulp_distance
from elbocheck.errors import UsageError
from elbocheck.intent import Intent
from elbocheck.loss import Loss
from elbocheck.measuring import measure
from elbocheck.precision import context
from elbocheck.roles import Role
from elbocheck.verdict import Bound, Verdict
from tests.quality import random_mixtures

HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))
RNG = np.random.default_rng(5)


def log_mean(logs: Any, axis: int) -> Any:
    """Return the log of a sum of exponentials."""
    return np.logaddexp.reduce(logs, axis)


def log_softmax(logits: Any, axis: int = -1) -> Any:
    """Return normalised logarithms."""
    return logits - np.logaddexp.reduce(logits, axis, keepdims=True)


def normal(u: Any, log_scale: Any) -> Any:
    """Return a normal log density."""
    return -0.5 * u**2 - log_scale - HALF_LOG_TWO_PI


# --- The reference ---


def test_its_examples_hold() -> None:
    """The docstring's numbers are computed."""
    assert doctest.testmod(elbocheck.densities.mixture).failed == 0


@pytest.mark.parametrize("component", ["normal", "laplace", "logistic"])
def test_the_reference_is_the_log_of_the_weighed_mean(component: str) -> None:
    """Against 40 digits, with weights over many decades, far from all components too."""
    density = getattr(densities, component)
    form = density.forms[0]
    x, logits = RNG.normal(size=7) * 10 ** RNG.uniform(-1, 2, 7), RNG.normal(size=(7, 4)) * 20
    loc, scale = RNG.normal(size=(7, 4)), 10 ** RNG.uniform(-2, 1, (7, 4))
    found = densities.mixture.log_prob(density, x, logits, loc=loc, scale=scale)
    m = context(40)
    for k, at in enumerate(map(m.convert, x)):
        members = [(m.convert(middle), m.convert(width)) for middle, width in zip(loc[k], scale[k], strict=True)]
        each = [form.definition(m, at, *one) - form.log_mass(m, *one) for one in members]
        weights = [m.convert(v) for v in logits[k]]
        mixed = m.fsum(m.exp(w + e) for w, e in zip(weights, each, strict=True))
        truth = float(m.log(mixed / m.fsum(map(m.exp, weights))))
        size = max(abs(float(v)) for v in (*logits[k], *each))  # what is added up costs ulps of its size
        assert abs(found[k] - truth) <= 8 * np.spacing(size)


def test_components_may_be_shared_and_stand_on_any_axis() -> None:
    """One choice for all elements, or for the channels of a pixel, is the sum over them before the mean."""
    x, loc, scale = RNG.normal(size=(4, 2, 3)), RNG.normal(size=(4, 2, 3, 5)), RNG.uniform(0.5, 2, (4, 2, 3, 5))
    each = densities.normal.log_prob(x[..., None], loc=loc, scale=scale)
    per_pixel, per_datum = RNG.normal(size=(4, 2, 5)), RNG.normal(size=(4, 5))
    found = densities.mixture.log_prob(densities.normal, x, per_pixel, shared=(-1,), loc=loc, scale=scale)
    assert ulp_distance(found, log_mean(log_softmax(per_pixel) + each.sum(axis=2), -1), "float64").max() <= 16
    first = {"loc": np.moveaxis(loc, -1, 1), "scale": np.moveaxis(scale, -1, 1)}
    found = densities.mixture.log_prob(densities.normal, x, per_datum, axis=1, shared=(1, 2), **first)
    assert ulp_distance(found, log_mean(log_softmax(per_datum) + each.sum(axis=(1, 2)), -1), "float64").max() <= 16


def test_float32_is_rounded_once() -> None:
    """The result has NumPy's common dtype, and is the float64 one rounded."""
    x, logits, loc = (RNG.normal(size=s).astype(np.float32) for s in ((9,), (9, 3), (9, 3)))
    found = densities.mixture.log_prob(densities.laplace, x, logits, loc=loc, scale=np.float32(0.5))
    given = {"loc": loc.astype(float), "scale": 0.5}
    wide = densities.mixture.log_prob(densities.laplace, x.astype(float), logits.astype(float), **given)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, wide.astype(np.float32))


# --- What is read ---


def mdn(x: Any, logits: Any, loc: Any, log_scale: Any) -> Any:
    """Return a mixture for each element, its components last."""
    u = (x[..., None] - loc) / np.exp(log_scale)
    return -log_mean(log_softmax(logits) + normal(u, log_scale), -1).sum(-1).mean()


def world_model(x: Any, log_pi: Any, mu: Any, sigma: Any) -> Any:
    """Return a mixture for each datum, its components before the elements."""
    each = normal((x[:, None] - mu) / sigma, np.log(sigma)).sum(-1)
    return -log_mean(log_pi + each, 1).mean()


def with_kl(x: Any, pi: Any, mu_x: Any, sigma_x: Any, mu: Any, logvar: Any) -> Any:
    """Return a whole ELBO with a mixture density network as decoder."""
    each = normal((x[..., None] - mu_x) / sigma_x, np.log(sigma_x))
    kl = -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum(-1)
    return (-log_mean(np.log(pi) + each, -1).sum(-1) + kl).mean()


def pixels(x: Any, logit_probs: Any, means: Any, log_scales: Any) -> Any:
    """Return a discretised mixture of logistics that all channels of a pixel share, with exact bins."""
    high, low = ((x[..., None] - means + h / 255) * np.exp(-log_scales) for h in (1, -1))
    gap = np.where(high - low > 0, high - low, 1.0)
    between = -np.logaddexp(0, -high) - np.logaddexp(0, low) + np.log(-np.expm1(-gap))
    ends = np.where(x[..., None] < -0.999, log_expit(high), np.where(x[..., None] > 0.999, log_expit(-low), between))
    return -log_mean(log_softmax(logit_probs) + ends.sum(-2), -1).sum((1, 2)).mean()


def over_counted(x: Any, logits: Any, loc: Any, log_scale: Any) -> Any:
    """Add the log weight of the component to every element."""
    each = normal((x[:, None] - loc) / np.exp(log_scale), log_scale)
    return -log_mean((log_softmax(logits)[..., None] + each).sum(-1), -1).mean()


def mean(x: Any, logits: Any, loc: Any, log_scale: Any) -> Any:
    """Return the mean of the components' losses."""
    each = normal((x[..., None] - loc) / np.exp(log_scale), log_scale)
    return -(np.exp(log_softmax(logits)) * each).sum(-1).sum(-1).mean()


def best(x: Any, logits: Any, loc: Any, log_scale: Any) -> Any:
    """Return the loss of the best component."""
    each = normal((x[..., None] - loc) / np.exp(log_scale), log_scale)
    return -np.max(log_softmax(logits) + each, -1).sum(-1).mean()


def unweighed(x: Any, logits: Any, loc: Any, log_scale: Any) -> Any:
    """Forget the weights."""
    each = normal((x[..., None] - loc) / np.exp(log_scale), log_scale)
    return -log_mean(each + 0 * logits, -1).sum(-1).mean()


def cooled(x: Any, logits: Any, loc: Any, log_scale: Any) -> Any:
    """Mix at another temperature."""
    each = normal((x[..., None] - loc) / np.exp(log_scale), log_scale)
    return -(log_mean(2 * (log_softmax(logits) + each), -1) / 2).sum(-1).mean()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("loss", "bound", "likelihood"),
    [
        (mdn, Bound.LIKELIHOOD_ONLY, "Mixture by softmax(logits) of Normal(loc=loc, log_scale=log_scale)"),
        (world_model, Bound.LIKELIHOOD_ONLY, "Mixture by e^log_pi, one for a whole datum, of Normal(loc=mu, scale=sigma)"),
        (with_kl, Bound.EXACT, "Mixture by pi of Normal(loc=mu_x, scale=sigma_x)"),
        (
            pixels,
            Bound.LIKELIHOOD_ONLY,
            "Mixture by softmax(logit_probs), one for all channels, "
            "of DiscretizedLogistic(loc=means, levels=256, log_scale=log_scales)",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)  # fmt: skip
def test_a_right_mixture_is_read_and_nothing_is_found(
    loss: Callable[..., Any], bound: Bound, likelihood: str, dtype: str
) -> None:
    """Families of components, how they are weighed, and along which axes they are shared."""
    verdict = verify(loss, dtype=dtype)
    assert (verdict.bound, verdict.codes) == (bound, ())
    assert verdict.model is not None
    assert verdict.model.likelihood == likelihood


@pytest.mark.parametrize(
    ("loss", "code", "words"),
    [
        (over_counted, "ELB216", "counts 5 times instead of once"),
        (mean, "ELB407", "the mean of the components' losses"),
        (best, "ELB407", "the loss of the best component alone"),
    ],
)
def test_what_is_no_mixture_is_named(loss: Callable[..., Any], code: str, words: str) -> None:
    """With the components of one datum made to differ, the value tells what becomes of them."""
    verdict: Verdict = verify(loss)
    assert verdict.bound is Bound.NOT_A_DENSITY
    assert verdict.codes == (code,)
    assert words in str(verdict).replace("\n     ", "")


@pytest.mark.parametrize(
    ("loss", "words"), [(cooled, "what becomes of different ones"), (unweighed, "their weights do not enter")]
)
def test_what_is_no_mixture_that_is_known_is_unidentified(loss: Callable[..., Any], words: str) -> None:
    """What equal components hide is not taken for granted: another temperature, or weights that are passed for nothing."""
    verdict = verify(loss)
    assert verdict.bound is Bound.UNIDENTIFIED
    assert words in verdict.reason


def test_weights_that_the_channels_of_a_pixel_share_are_counted_by_channel() -> None:
    """As often as channels share a component, not as there are elements."""

    def loss(x: Any, logits: Any, loc: Any, log_scale: Any) -> Any:
        each = normal((x[..., None] - loc) / np.exp(log_scale), log_scale)
        return -log_mean((log_softmax(logits)[..., None, :] + each).sum(-2), -1).sum((1, 2)).mean()

    verdict = verify(loss, shapes={"x": (2, 5, 3)})
    assert verdict.codes == ("ELB216",)
    shared = verdict.findings[0].message
    assert "counts 7 times" in shared  # the small layout that is tried first has seven


@pytest.mark.parametrize("loss", [mdn, world_model, with_kl])
def test_the_code_line_builds_the_same_loss(loss: Callable[..., Any]) -> None:
    """On arrays whose components differ."""
    from elbocheck import divergences

    found = identify(loss)
    assert found.code is not None
    case = found.case
    assert case.loss.mixture is not None
    arrays = case.loss.mixture.spread({r: RNG.uniform(0.2, 0.8, a.shape) for r, a in case.probe.inputs({}).items()})
    weights = RNG.uniform(-1, 1, arrays[Role.MIXTURE].shape)
    weights = log_softmax(weights, case.loss.mixture.axis)
    arrays[Role.MIXTURE] = np.exp(weights) if loss is with_kl else weights
    given = {str(key): arrays[role] for key, role in case.loss.binding.roles.items()}
    scope: dict[str, Any] = {"np": np, "densities": densities, "divergences": divergences, **given}
    exec(found.code, scope)
    assert ulp_distance(scope["loss"], loss(**given), "float64") <= 64


def test_the_bins_of_pixel_cnn_are_told_as_approximate() -> None:
    """The published form takes a density times a width for rare bins."""

    def published(x: Any, logit_probs: Any, means: Any, log_scales: Any) -> Any:
        centred, inverse = x[..., None] - means, np.exp(-log_scales)
        high, low, middle = inverse * (centred + 1 / 255), inverse * (centred - 1 / 255), inverse * centred
        share = expit(high) - expit(low)
        rare = middle - log_scales - 2 * np.logaddexp(0, middle) - float(np.log(127.5))
        each = np.where(share > 1e-5, np.log(np.maximum(share, 1e-12)), rare)
        each = np.where(x[..., None] > 0.999, log_expit(-low), each)
        each = np.where(x[..., None] < -0.999, log_expit(high), each)
        return -log_mean(log_softmax(logit_probs) + each.sum(-2), -1).sum((1, 2)).mean()

    verdict = verify(published)
    assert verdict.codes == ("ELB412",)
    assert verdict.model is not None
    assert "DiscretizedLogistic(loc=means, levels=256" in str(verdict.model.likelihood)


def test_torch_builds_the_same_from_its_distributions() -> None:
    """Values and gradients of all components are right, and a planted fault in one is found."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    d = torch.distributions

    def right(x: Any, logits: Any, loc: Any, scale: Any) -> Any:
        mixed = d.MixtureSameFamily(d.Categorical(logits=logits), d.Independent(d.Normal(loc, scale), 1))
        return -mixed.log_prob(x).mean()

    def detached(x: Any, logits: Any, loc: Any, scale: Any) -> Any:
        held = right(x, logits, loc.detach(), scale.detach()) - right(x, logits, loc, scale.detach())
        return right(x, logits, loc, scale) + held

    verdict = verify(right)
    assert verdict.model is not None
    assert (verdict.codes, "one for a whole datum" in str(verdict.model.likelihood)) == ((), True)
    assert verify(detached).codes != ()


@pytest.mark.parametrize(
    "loss",
    [lambda x, mu, theta, pi: x, lambda z, pi, mu, sigma: z],
    ids=["zero-inflated", "prior"],
)
def test_weights_without_components_are_asked_for(loss: Callable[..., Any]) -> None:
    """Pi beside a dispersion, or without data, is something else."""
    with pytest.raises(UsageError, match="cannot tell the role of 'pi'"):
        verify(loss)


def test_gradients_of_components_are_added() -> None:
    """What all components share has the derivative of their sum."""
    case = measure(Loss.of(mdn), {}, None, None, Intent(), 0)
    mixture = case.loss.mixture
    assert mixture is not None
    slopes = RNG.normal(size=(4, 5, 6))
    np.testing.assert_array_equal(mixture.added(Role.PREDICTION, slopes), slopes.sum(-1))
    assert mixture.added(Role.Q_LOC, slopes) is slopes


def test_random_mixtures_are_read() -> None:
    """A few of every family, some of them no mixtures."""
    assert random_mixtures.run(4, 11)
