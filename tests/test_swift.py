"""Few calls say what many say, and whatever is not as usual is left to the many."""

from __future__ import annotations

from dataclasses import replace
from math import isclose, log, pi
from typing import Any

import numpy as np
import pytest

from elbocheck import budget, verify
from elbocheck.anatomy import Anatomy
from elbocheck.loss import Loss
from elbocheck.monomial import Monomial
from elbocheck.probing import swift
from elbocheck.probing.dissect import dissect, thorough
from elbocheck.probing.guess import GUESSES, TINY
from elbocheck.probing.probe import Probe
from elbocheck.shapes import Layout
from tests.quality.few_calls import Case, cases, measured

MOST = 40
"""Calls to take a usual loss apart in."""


def probed(function: Any, dtype: str = "float64", **layout: Any) -> Probe:
    """Return the probe of a loss."""
    return Probe(Loss.of(function), Layout(**layout), np.dtype(dtype))


def kl(mu: Any, log_var: Any) -> Any:
    """Return the KL of each latent."""
    return -0.5 * (1 + log_var - mu**2 - np.exp(log_var))


def square(x: Any, r: Any) -> Any:
    """Return half the squared error of each element."""
    return 0.5 * (x - r) ** 2


def entropy(x: Any, p: Any) -> Any:
    """Return the cross-entropy of each element by its probability."""
    return -(x * np.log(p) + (1 - x) * np.log(1 - p))


def logistic(x: Any, logits: Any) -> Any:
    """Return it by its logit."""
    return np.maximum(logits, 0) - x * logits + np.log1p(np.exp(-np.abs(logits)))


def sigmoid(v: Any) -> Any:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-v))


def softplus(v: Any) -> Any:
    """Return log(1 + e^v)."""
    return np.logaddexp(v.dtype.type(0), v)


def learned(x: Any, loc: Any, log_var: Any) -> Any:
    """Return the energy of a normal whose log variance is learned."""
    return 0.5 * ((x - loc) ** 2 * np.exp(-log_var) + log_var + log(2 * pi))


IMAGES = {"batch": 4, "event": (3, 5, 7), "latent": (6,)}
RIGHT: dict[str, tuple[Any, dict[str, Any]]] = {
    "sums": (lambda recon_x, x, mu, log_var: np.sum((x - recon_x) ** 2) + np.sum(kl(mu, log_var)), {}),
    "means": (lambda recon_x, x, mu, log_var: np.mean((x - recon_x) ** 2) + 1e-3 * np.mean(kl(mu, log_var)), IMAGES),
    "whole": (
        lambda recon_x, x, mu, log_var: np.mean(
            np.sum(square(x, recon_x) / 0.09 + log(0.3) + 0.5 * log(2 * pi), axis=1) + np.sum(kl(mu, log_var), axis=1)
        ),
        {},
    ),
    "per datum": (
        lambda recon_x, x, mu, log_var: np.sum(square(x, recon_x), axis=1) + 4 * np.sum(kl(mu, log_var), axis=1) + 0.3,
        {},
    ),
    "logits": (lambda logits, x, mu, log_var: np.sum(logistic(x, logits)) + np.sum(kl(mu, log_var)), IMAGES),
    "probs": (lambda recon_x, x, mu, log_var: np.sum(entropy(x, recon_x)) / 4 + np.sum(kl(mu, log_var)) / 4, {}),
    "absolute": (lambda recon_x, x, mu, std: np.sum(np.abs(x - recon_x)) + np.sum(kl(mu, 2 * np.log(std))), {}),
    "squashed": (lambda logits, x, mu, log_std: np.sum(square(x, sigmoid(logits))) + np.sum(kl(mu, 2 * log_std)), {}),
    "variances": (lambda recon_x, x, mu, var: 7.5 * np.sum(square(x, recon_x)) + np.sum(kl(mu, np.log(var))), IMAGES),
    "raw scales": (
        lambda recon_x, x, mu, rho: np.sum(square(x, recon_x)) + np.sum(kl(mu, 2 * np.log(softplus(rho)))),
        {},
    ),
    "misread": (lambda recon_x, x, mu, log_var: np.sum(square(x, recon_x)) + np.sum(kl(mu, 2 * log_var)), {}),
    "learned": (
        lambda x_mu, x_logvar, x, mu, log_var: np.sum(learned(x, x_mu, x_logvar)) / 4 + np.sum(kl(mu, log_var)) / 4,
        IMAGES,
    ),
    "a learned scale": (
        lambda x_mu, x_sigma, x: np.mean(np.sum(square(x, x_mu) / x_sigma**2 + np.log(x_sigma), axis=1)),
        {},
    ),
    "a learned log scale": (
        lambda x_mu, x_log_std, x, mu, log_var: (
            np.sum(np.abs(x - x_mu) * np.exp(-x_log_std) + x_log_std + log(2)) + np.sum(kl(mu, log_var))
        ),
        {},
    ),
    "likelihood alone": (lambda recon_x, x: np.mean((x - recon_x) ** 2) + 1.5, IMAGES),
    "KL alone": (lambda mu, log_var: np.mean(np.sum(kl(mu, log_var), axis=1)), {}),
    "a fixed size": (
        lambda recon_x, x, mu, log_var: (
            np.sum(square(x.reshape(-1, 35), recon_x.reshape(-1, 35)).mean(1)) + np.sum(kl(mu, log_var))
        ),
        {"event": (5, 7), "tileable": False},
    ),
}


def alike(one: Monomial, two: Monomial) -> bool:
    """Tell whether two formulas are the same to within their uncertainty."""
    close = isclose(one.coefficient, two.coefficient, rel_tol=one.error + two.error)
    return close and (one.powers, one.irregular, one.fraction) == (two.powers, two.irregular, two.fraction)


def settled(anatomy: Anatomy) -> Anatomy:
    """Return an anatomy without its measured numbers, which carry rounding."""
    blank = Monomial(0.0, {})
    r, g = anatomy.reconstruction, anatomy.regulariser
    return replace(
        anatomy,
        reconstruction=r
        and replace(r, weight=blank, agreement=0.0, normalizer_ratio=r.normalizer_ratio and round(r.normalizer_ratio)),
        regulariser=g and replace(g, weight=blank, slope_at_prior=0.0, lowest=0.0),
        constant=anatomy.constant and blank,
        constant_value=0.0,
        constant_error=0.0,
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", RIGHT)
def test_few_calls_say_what_many_say(name: str, dtype: str) -> None:
    """Every field of the anatomy is that of the thorough path; numbers agree to within their uncertainty."""
    function, layout = RIGHT[name]
    probe, other = probed(function, dtype, **layout), probed(function, dtype, **layout)
    swiftly, thoroughly = swift.explained(probe, 0), thorough(other, 0)
    assert swiftly is not None
    assert probe.points <= MOST
    assert settled(swiftly) == settled(thoroughly)
    for one, two in (
        (swiftly.reconstruction, thoroughly.reconstruction),
        (swiftly.regulariser, thoroughly.regulariser),
    ):
        assert one is None or two is None or alike(one.weight, two.weight)
    if swiftly.constant is not None and thoroughly.constant is not None:
        assert alike(swiftly.constant, thoroughly.constant)
    off = abs(swiftly.constant_value - thoroughly.constant_value)
    assert off <= swiftly.constant_error + thoroughly.constant_error


def _weighted(recon_x: Any, x: Any, mu: Any, log_var: Any) -> Any:
    weight = np.ones(x.shape[1])
    weight[2] = 1 + 1e-4
    return np.sum(weight * square(x, recon_x)) + np.sum(kl(mu, log_var))


def _coupled(recon_x: Any, x: Any, mu: Any, log_var: Any) -> Any:
    return np.sum(square(x, recon_x)) + np.sum(kl(mu, log_var)) + 1e-6 * np.sum(mu[0] * mu[-1])


def _leaking(recon_x: Any, x: Any, mu: Any, log_var: Any) -> Any:
    own = np.sum(square(x, recon_x), axis=1) + np.sum(kl(mu, log_var), axis=1)
    return own + 1e-6 * (np.roll(own, 1) - own)


def _clamped_logits(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    return np.sum(entropy(x, np.clip(sigmoid(logits), 1e-7, 1 - 1e-7))) + np.sum(kl(mu, log_var))


def _clamped(recon_x: Any, x: Any, mu: Any, log_var: Any) -> Any:
    return np.sum(entropy(x, np.clip(recon_x, 1e-7, 1 - 1e-7))) + np.sum(kl(mu, log_var))


def _guarded(recon_x: Any, x: Any, mu: Any, log_var: Any) -> Any:
    terms = -(x * np.log(recon_x + 1e-8) + (1 - x) * np.log(1 - recon_x + 1e-8))
    return np.sum(terms) + np.sum(kl(mu, log_var))


def _with(recon: Any = square, divergence: Any = kl) -> Any:
    return lambda recon_x, x, mu, log_var: np.sum(recon(x, recon_x)) + np.sum(divergence(mu, log_var))


FAULTS: dict[str, Any] = {
    "a weight at one pixel": _weighted,
    "two data coupled": _coupled,
    "a leak between data": _leaking,
    "an extra absolute residual": _with(lambda x, r: square(x, r) + 1e-7 * np.abs(x - r)),
    "an extra absolute datum": _with(lambda x, r: square(x, r) + 1e-7 * np.abs(x)),
    "a rounded corner": _with(lambda x, r: np.sqrt((x - r) ** 2 + 1e-12)),
    "a wide core": _with(lambda x, r: np.where(abs(x - r) < 3e3, square(x, r), 3e3 * (abs(x - r) - 1.5e3))),
    "a guard": _guarded,
    "a clamp": _clamped,
    "a clamp on logits": _clamped_logits,
    "free bits per latent": _with(divergence=lambda m, t: np.maximum(kl(m, t), 0.5)),
    "free bits per datum": lambda recon_x, x, mu, log_var: (
        np.sum(square(x, recon_x)) + np.sum(np.maximum(np.sum(kl(mu, log_var), axis=1), 1e-3))
    ),
    "free bits of the batch": lambda recon_x, x, mu, log_var: (
        np.sum(square(x, recon_x)) + np.maximum(np.sum(kl(mu, log_var)), 0.5)
    ),
    "a target": lambda recon_x, x, mu, log_var: np.sum(square(x, recon_x)) + abs(np.sum(kl(mu, log_var)) - 25),
    "a far target": lambda recon_x, x, mu, log_var: np.sum(square(x, recon_x)) + abs(np.sum(kl(mu, log_var)) - 1e5),
    "a swapped scale": _with(divergence=lambda m, t: kl(t, m)),
    "a guard in the KL": _with(divergence=lambda m, t: 0.5 * (m**2 + np.exp(t) - 1 - np.log(np.exp(t) + 1e-8))),
    "half a KL": _with(divergence=lambda m, t: kl(m, t) + 1e-6 * t),
    "a clamped variance": _with(divergence=lambda m, t: kl(m, np.maximum(t, -2.9))),
    "another prior": _with(divergence=lambda m, t: kl(m - 1e-3, t)),
    "an annealed product": lambda recon_x, x, mu, log_var: (
        np.sum(square(x, recon_x)) * (1 + 1e-9 * np.sum(mu**2)) + np.sum(kl(mu, log_var))
    ),
    "turned over": lambda recon_x, x, mu, log_var: -np.sum(square(x, recon_x)) - np.sum(kl(mu, log_var)),
    "a size under a root": lambda recon_x, x, mu, log_var: (
        np.sum(square(x, recon_x)) / x.shape[0] ** 0.5 + np.sum(kl(mu, log_var))
    ),
    "hidden large numbers": lambda recon_x, x, mu, log_var: (
        np.sum(square(x, recon_x) + 1e6 - 1e6) + np.sum(kl(mu, log_var))
    ),
    "a normaliser left out": lambda x_mu, x_logvar, x: np.sum(learned(x, x_mu, x_logvar) - 0.5 * x_logvar),
    "half a normaliser": lambda x_mu, x_logvar, x: np.sum(learned(x, x_mu, x_logvar) - 0.25 * x_logvar),
    "a clamped scale": lambda x_mu, x_logvar, x: np.sum(learned(x, x_mu, np.maximum(x_logvar, -1.9))),
    "a guarded scale": lambda x_mu, x_var, x: np.sum(square(x, x_mu) / (x_var + 1e-6) + 0.5 * np.log(x_var + 1e-6)),
    "reversed": _with(divergence=lambda m, t: 0.5 * ((1 + m**2) * np.exp(-t) - 1 + t)),
    "asymmetric": _with(lambda x, r: np.where(x > r, 1.0, 1.001) * square(x, r)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_is_not_as_usual_falls_through(name: str) -> None:
    """No fault is taken for a usual loss, whichever numbers the dice show."""
    for seed in range(5):
        assert swift.explained(probed(FAULTS[name]), seed) is None


@pytest.mark.parametrize(
    "name", ["a clamp", "a clamp on logits", "free bits per latent", "a target", "a swapped scale"]
)
def test_coarse_faults_fall_through_in_single_precision(name: str) -> None:
    """Those that float32 can show are seen there too."""
    for seed in range(5):
        assert swift.explained(probed(FAULTS[name], "float32"), seed) is None


def test_what_falls_through_is_measured_thoroughly() -> None:
    """A floor is not lost on the way."""
    anatomy = dissect(probed(FAULTS["free bits per latent"]), seed=0)
    assert anatomy.regulariser is not None
    assert anatomy.regulariser.floor is not None


def test_arguments_beyond_the_usual_are_not_guessed_at() -> None:
    """A learned prior goes the thorough way without a call."""
    probe = probed(
        lambda recon_x, x, p_loc, mu, log_var: np.sum((x - recon_x) ** 2) + np.sum((mu - p_loc) ** 2 - log_var)
    )
    assert swift.explained(probe, 0) is None
    assert probe.points == 0


def test_a_verdict_is_the_same_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of a usual loss does not tell which way it went, but for the number of calls."""
    function, _ = RIGHT["whole"]
    quick = verify(function)
    monkeypatch.setattr(swift, "explained", lambda probe, seed: None)
    slow = verify(function)
    assert quick.model is not None
    assert slow.model is not None
    assert (quick.bound, quick.codes, quick.model.likelihood) == (slow.bound, slow.codes, slow.model.likelihood)
    assert quick.run.calls < slow.run.calls


@pytest.mark.parametrize("guess", GUESSES, ids=lambda g: f"{g.density}-{g.parameter}-{g.link}")
def test_the_exact_places_are_exact(guess: Any) -> None:
    """Each guess is large at one of its places, and nothing at the other, next to it."""
    high, low = (float(guess.energy(np.array([x]), np.array([r]))[0]) for x, r in (guess.high, guess.low))
    assert low <= 2 * TINY < high


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.shown)
def test_a_whole_loss_on_images_is_read_exactly(case: Case, dtype: str) -> None:
    """Every exponent, beta and sigma of 24 losses, in few calls and to the last bits."""
    found = measured(case, dtype)
    assert found.exponents
    assert found.calls <= MOST
    assert max(found.beta, found.sigma) <= budget.WEIGHT_ULPS * np.finfo(dtype).eps
