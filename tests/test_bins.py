"""Likelihoods of data on a grid: right ones on several grids are silent, wrong ones are named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck import Intent, Outcome, Verdict, identify, verify
from elbocheck.bins import Bins
from tests.quality.random_bins import ndtr

torch = pytest.importorskip("torch")


def kl(mu: Any, logvar: Any) -> Any:
    """Return the KL of each datum to the standard normal prior."""
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)


def softplus(v: Any) -> Any:
    """Return log(1 + e^v)."""
    return np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v)))


def logistic_bins(x: Any, loc: Any, scale: Any, low: float, high: float, levels: int) -> Any:
    """Return -log P of each element, factored so that no digit is lost."""
    half = (high - low) / (levels - 1) / 2
    b, a = (x - loc + half) / scale, (x - loc - half) / scale
    inner = softplus(-b) + softplus(a) - np.log(-np.expm1(a - b))
    return np.where(x < low + half, softplus(-b), np.where(x > high - half, softplus(a), inner))


def bytes_logistic(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """Bytes as they are."""
    nll = logistic_bins(x, x_mean, np.exp(x_log_scale), 0, 255, 256)
    return np.mean(np.sum(nll, axis=1) + kl(mu, logvar))


def symmetric_logistic(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """Bytes scaled to [-1, 1]."""
    nll = logistic_bins(x, x_mean, np.exp(x_log_scale), -1, 1, 256)
    return np.mean(np.sum(nll, axis=1) + kl(mu, logvar))


def unit_by_deviation(x: Any, x_mean: Any, x_std: Any, mu: Any, logvar: Any) -> Any:
    """Bytes scaled to [0, 1], the logistic given by its standard deviation."""
    nll = logistic_bins(x, x_mean, x_std * x.dtype.type(math.sqrt(3) / math.pi), 0, 1, 256)
    return np.sum(nll) + np.sum(kl(mu, logvar))


def five_bits_held(x: Any, x_mean: Any, mu: Any, logvar: Any) -> Any:
    """32 levels of [0, 1], the scale a number."""
    return np.mean(np.sum(logistic_bins(x, x_mean, 0.05, 0, 1, 32), axis=1) + kl(mu, logvar))


def centred_logistic(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """Bytes scaled to [-0.5, 0.5]."""
    nll = logistic_bins(x, x_mean, np.exp(x_log_scale), -0.5, 0.5, 256)
    return np.sum(np.sum(nll, axis=1) + kl(mu, logvar))


def all_integers(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """Every integer, without ends."""
    b, a = ((x - x_mean + h) * np.exp(-x_log_scale) for h in (0.5, -0.5))
    nll = softplus(-b) + softplus(a) - np.log(-np.expm1(a - b))
    return np.mean(np.sum(nll, axis=1) + kl(mu, logvar))


def torch_kl(mu: Any, logvar: Any) -> Any:
    """Return the KL of each datum."""
    return -0.5 * (1 + logvar - mu**2 - logvar.exp()).sum(1)


def torch_logistic(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """In torch, every difference factored."""
    softplus_ = torch.nn.functional.softplus
    inverse = torch.exp(-x_log_scale)
    b, a = (x - x_mean + 1 / 255) * inverse, (x - x_mean - 1 / 255) * inverse
    inner = softplus_(-b) + softplus_(a) - torch.log(-torch.expm1(-2 / 255 * inverse))
    nll = torch.where(x < -0.999, softplus_(-b), torch.where(x > 0.999, softplus_(a), inner))
    return (nll.sum(1) + torch_kl(mu, logvar)).mean()


def torch_normal(x: Any, x_mean: Any, x_logvar: Any, mu: Any, logvar: Any) -> Any:
    """A normal by its log variance, every bin turned to the side where its ends are small."""
    inverse = torch.exp(-x_logvar / 2)
    b, a = (x - x_mean + 1 / 255) * inverse, (x - x_mean - 1 / 255) * inverse
    low, high = torch.where(a > 0, -b, a), torch.where(a > 0, -a, b)
    cdf = torch.special.log_ndtr
    inner = cdf(high) + torch.log(-torch.expm1(cdf(low) - cdf(high)))
    log_px = torch.where(x < -0.999, cdf(b), torch.where(x > 0.999, cdf(-a), inner))
    return (torch_kl(mu, logvar) - log_px.sum(1)).mean()


RIGHT: tuple[tuple[Callable[..., Any], str], ...] = (
    (bytes_logistic, "discretized_logistic"),
    (symmetric_logistic, "discretized_logistic"),
    (unit_by_deviation, "discretized_logistic"),
    (five_bits_held, "discretized_logistic"),
    (centred_logistic, "discretized_logistic"),
    (all_integers, "discretized_logistic"),
    (torch_normal, "discretized_normal"),
    (torch_logistic, "discretized_logistic"),
)


def told(loss: Callable[..., Any], **options: Any) -> Verdict:
    """Return the verdict, NumPy's own complaints about rare bins left out."""
    with np.errstate(all="ignore"):
        return verify(loss, **options)


@pytest.mark.parametrize(
    ("loss", "family", "dtype"),
    [*((*right, "float64") for right in RIGHT), *((*right, "float32") for right in RIGHT[:4])],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_right_likelihood_of_levels_is_exact_and_silent(loss: Callable[..., Any], family: str, dtype: str) -> None:
    """Any grid, parametrisation, reduction and framework."""
    verdict = told(loss, dtype=dtype)
    assert (verdict.bound.value, verdict.codes) == ("exact", ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.family == family
    assert verdict.model.beta is not None
    assert verdict.model.beta.formula == "1"


def naive(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """A plain difference of sigmoids under a logarithm."""
    inverse = np.exp(-x_log_scale)
    upper, lower = (1 / (1 + np.exp(-(x - x_mean + h) * inverse)) for h in (1 / 255, -1 / 255))
    prob = np.where(x < -0.999, upper, np.where(x > 0.999, 1 - lower, upper - lower))
    return np.mean(-np.sum(np.log(prob), axis=1) + kl(mu, logvar))


def torch_clamped(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """The same in torch, float32 where it is trained, held at 1e-12."""
    inverse = torch.exp(-x_log_scale)
    upper, lower = (torch.sigmoid((x - x_mean + h) * inverse) for h in (1 / 255, -1 / 255))
    prob = torch.where(x < -0.999, upper, torch.where(x > 0.999, 1 - lower, upper - lower))
    return (-torch.log(prob.clamp(min=1e-12)).sum(1) + torch_kl(mu, logvar)).mean()


def wide_bins(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """Bins of [-1, 1] without ends."""
    inverse = np.exp(-x_log_scale)
    b, a = (x - x_mean + 1 / 255) * inverse, (x - x_mean - 1 / 255) * inverse
    nll = softplus(-b) + softplus(a) - np.log(-np.expm1(a - b))
    return np.mean(np.sum(nll, axis=1) + kl(mu, logvar))


def heavy_guard(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """An epsilon of 1e-5 beside each of 256 probabilities."""
    nll = logistic_bins(x, x_mean, np.exp(x_log_scale), -1, 1, 256)
    return np.mean(-np.sum(np.log(np.exp(-nll) + 1e-5), axis=1) + kl(mu, logvar))


def overlapping(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """Ends of [0, 1], bins as wide as those of [-1, 1]."""
    inverse = np.exp(-x_log_scale)
    b, a = (x - x_mean + 1 / 255) * inverse, (x - x_mean - 1 / 255) * inverse
    inner = softplus(-b) + softplus(a) - np.log(-np.expm1(a - b))
    nll = np.where(x < 0.001, softplus(-b), np.where(x > 0.999, softplus(a), inner))
    return np.mean(np.sum(nll, axis=1) + kl(mu, logvar))


FAULTS: tuple[tuple[Callable[..., Any], str, str, Outcome, dict[str, Any]], ...] = (
    (naive, "exact", "ELB505", Outcome.FAIL, {}),
    (torch_clamped, "exact", "ELB505", Outcome.WARN, {}),
    (wide_bins, "conservative", "ELB411", Outcome.WARN, {}),
    (heavy_guard, "not-a-bound", "ELB411", Outcome.FAIL, {}),
    (overlapping, "not-a-bound", "ELB411", Outcome.FAIL, {"intent": Intent(data_range=(0.0, 1.0))}),
    (overlapping, "not-a-bound", "ELB411", Outcome.FAIL, {}),
    (all_integers, "conservative", "ELB411", Outcome.WARN, {"intent": Intent(data_range=(0.0, 255.0))}),
)


@pytest.mark.parametrize(("loss", "bound", "code", "outcome", "options"), FAULTS)
def test_a_fault_in_bins_is_named(
    loss: Callable[..., Any], bound: str, code: str, outcome: Outcome, options: dict[str, Any]
) -> None:
    """What the levels add up to, and where differences are lost."""
    verdict = told(loss, **options)
    assert verdict.bound.value == bound, str(verdict)
    assert next(f.outcome for f in verdict.findings if f.code == code) is outcome, str(verdict)


def test_the_code_of_an_identification_gives_the_same_numbers() -> None:
    """The line that builds the loss from the references is the loss."""
    from elbocheck import densities

    with np.errstate(all="ignore"):
        found = identify(lambda x, x_mean, x_log_scale: logistic_bins(x, x_mean, np.exp(x_log_scale), -1, 1, 256).sum())
    assert found.formula is not None
    assert "first and the last bin open" in found.formula
    assert found.code is not None
    rng = np.random.default_rng(0)
    x, x_mean = -1 + rng.integers(0, 256, (3, 4)) / 127.5, rng.uniform(-1, 1, (3, 4))
    x_log_scale = rng.uniform(-5, 0, (3, 4))
    scope = {"densities": densities, "np": np, "x": x, "x_mean": x_mean, "x_log_scale": x_log_scale}
    exec(found.code, scope)
    assert f"{scope['loss']:.8e}" == f"{logistic_bins(x, x_mean, np.exp(x_log_scale), -1, 1, 256).sum():.8e}"


def rounding(x: Any, x_mean: Any, x_log_scale: Any, mu: Any, logvar: Any) -> Any:
    """Data rounded to bytes by the loss itself."""
    nll = logistic_bins(np.round(x * 255) / 255, x_mean, np.exp(x_log_scale), 0, 1, 256)
    return np.mean(np.sum(nll, axis=1) + kl(mu, logvar))


def test_data_that_the_loss_rounds_have_the_levels_of_bytes() -> None:
    """256 levels, whose bins tile the line."""
    verdict = told(rounding)
    assert (verdict.bound.value, verdict.codes) == ("exact", ()), str(verdict)
    assert verdict.model is not None
    assert verdict.model.parameters == {"levels": 256.0}


def fixed_mixture(x: Any, x_hat: Any) -> Any:
    """Two normals of fixed weights and scales."""
    u = x - x_hat
    return -np.sum(np.logaddexp(-(u**2) / 2, -(u**2) / 18 - math.log(3)) - math.log(2) - 0.5 * math.log(2 * math.pi))


def test_a_mixture_of_fixed_weights_is_a_density_of_no_family() -> None:
    """Its mass is 1, and no name is given to it."""
    verdict = told(fixed_mixture)
    assert verdict.bound.value == "unidentified"
    assert "the mass 1 " in verdict.reason
    assert verdict.model is not None
    assert verdict.model.family is None


@pytest.mark.parametrize(
    ("energy", "family"),
    [
        (lambda u: 103.7 * (1 - np.exp(-(u**2) / (2 * 0.1324203515836018**2))) + 14.07, "welsch"),
        (lambda u: 0.9332427 * np.minimum((u / 13.933292075835821) ** 2, 1) + 0.8701020, "truncated_square"),
    ],
)
def test_what_a_bounded_loss_explains_to_rounding_has_no_bins(energy: Callable[..., Any], family: str) -> None:
    """Bins under a guard resemble a bounded loss with a constant: only what tells their width tells them from it."""
    found = identify(lambda x_hat, x: np.sum(energy(x - x_hat)))
    assert found.model.family == family


def test_a_high_floor_under_the_bins_of_a_fixed_scale_is_seen_through() -> None:
    """A guard of 1e-5 as the least probability holds all bins but the common ones, which still tell the width."""

    def loss(x: Any, x_mean: Any) -> Any:
        ends = [1 / (1 + np.exp(-(x - x_mean + side / 63) / 0.19130303366827306)) for side in (1, -1)]
        return np.sum(-np.log(np.maximum(ends[0] - ends[1], 1e-5)))

    found = identify(loss)
    assert found.model.family == "discretized_logistic"


def test_width_and_scale_are_followed_along_their_valley() -> None:
    """Bins little narrower than a fixed scale: neither moves without the other, so a step is shortened as a whole."""

    def loss(x: Any, x_mean: Any) -> Any:
        ends = [ndtr((x - x_mean + side / 2) / 1.187343637623959) for side in (1, -1)]
        return np.sum(-np.log(ends[0] - ends[1] + 1e-8))

    found = identify(loss)
    assert found.model.family == "discretized_normal"


@pytest.mark.parametrize(("added", "truth"), [(True, [1.5, 0.75]), (False, [1.0, 0.5])])
def test_a_guard_holds_a_probability(added: bool, truth: list[float]) -> None:
    """Epsilon is added to it, or is the least that it may be."""
    bins = Bins("logistic", 1.0, 0.0, 0.0, 0.0, open=True, factor=1.0, constant=0.0, guard=0.5, added=added)
    assert np.exp(-bins.held(-np.log([1.0, 0.25]))) == pytest.approx(truth)


def test_data_that_the_loss_rounds_down_lie_at_the_edges_of_their_bins() -> None:
    """A bin reaches up from its datum: its level is the middle of the data that share it."""

    def loss(x: Any, x_mean: Any, x_log_scale: Any) -> Any:
        low = (np.floor(x * 256) / 256 - x_mean) / np.exp(x_log_scale)
        ends = [1 / (1 + np.exp(-v)) for v in (low + 1 / 256 / np.exp(x_log_scale), low)]
        return -np.sum(np.log(ends[0] - ends[1] + 1e-7))

    said = {f.code: f.message for f in told(loss).findings}
    assert "the 256 levels from 0.00195312 to 0.998047" in said["ELB411"]
