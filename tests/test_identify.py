"""`elbocheck identify`: the model, the code that builds the same loss, the mass, the doubts."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isclose, log, pi
from typing import Any

import numpy as np
import pytest

from elbocheck import densities, divergences, identify
from elbocheck.budget import DECLARED
from elbocheck.cli import main
from elbocheck.mass import Status
from elbocheck.verdict import Bound
from tests.quality.learned import log_gamma, softplus


def _kl(m: Any, t: Any) -> Any:
    return 0.5 * np.sum(m**2 + np.exp(t) - 1 - t, axis=1)


def _huber(u: Any, delta: float) -> Any:
    return np.where(np.abs(u) <= delta, 0.5 * u**2, delta * (np.abs(u) - 0.5 * delta))


LOSSES: dict[str, tuple[Callable[..., Any], str]] = {
    "mean squares": (lambda x_hat, x: np.mean((x - x_hat) ** 2), "normal"),
    "absolute": (lambda x_hat, x: 0.3 * np.sum(np.abs(x - x_hat)), "laplace"),
    "huber": (lambda x_hat, x: np.mean(np.sum(_huber(x - x_hat, 0.7), axis=1)), "huber"),
    "student": (lambda x_hat, x: np.sum(2.5 * np.log1p((x - x_hat) ** 2 / 0.36)), "student_t"),
    "logistic": (lambda x_hat, x: np.sum((x - x_hat) / 2 + 2 * np.logaddexp(0, (x_hat - x) / 2)), "logistic"),
    "quantile": (lambda x_hat, x: np.sum(np.maximum(0.9 * (x - x_hat), 0.1 * (x_hat - x))), "asymmetric_laplace"),
    "logits": (lambda logits, x: np.mean(np.sum(np.logaddexp(0, logits) - x * logits, axis=1)), "bernoulli"),
    "counts": (lambda x_hat, x: np.mean(np.exp(x_hat) - x * x_hat), "poisson"),
    "whole": (
        lambda x_hat, x, mu, logvar: np.mean(np.sum((x - x_hat) ** 2, axis=1) / 0.18 + _kl(mu, logvar)),
        "normal",
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_the_code_line_builds_the_same_loss(name: str) -> None:
    """Run on other data, the printed line differs from the loss by a constant of the data alone."""
    function, family = LOSSES[name]
    found = identify(function)
    assert found.model.family == family
    assert found.code is not None
    rng = np.random.default_rng(5)
    names = {key: rng.uniform(0.1, 0.9, (6, 784)) for key in found.roles}
    names |= {key: rng.standard_normal((6, 32)) for key in ("mu", "logvar") if key in names}
    names["x"] = np.round(names["x"])
    apart = []
    for scale in (1.0, 1.7):  # the data stay, everything else moves
        given = {key: value if key == "x" else scale * value for key, value in names.items()}
        scope: dict[str, Any] = {"densities": densities, "divergences": divergences, "np": np, **given}
        exec(found.code, scope)  # our own line, from a table of forms
        apart.append((float(function(**given)), float(scope["loss"])))
    (before, ours), (after, again) = apart
    assert isclose(after - before, again - ours, rel_tol=DECLARED)


def _betas(x: Any, a: Any, b: Any) -> Any:
    return (1 - a) * np.log(x) + (1 - b) * np.log1p(-x) + log_gamma(a) + log_gamma(b) - log_gamma(a + b)


def _counts(x: Any, r: Any, v: Any) -> Any:
    r = np.asarray(r, x.dtype)
    return r * softplus(v) + x * softplus(-v) - log_gamma(x + r) + log_gamma(r) + log_gamma(x + 1)


OF_TWO: dict[str, tuple[Callable[..., Any], str]] = {
    "logits": (lambda x, logits: np.sum(_counts(x, 7.3, logits)), "total_count*log(1 + e^logits)"),
    "probs": (lambda x, probs: np.sum(-4.5 * np.log1p(-probs) - x * np.log(probs)), "-total_count*log(1 - probs)"),
    "failures": (lambda x, probs: np.sum(-4.5 * np.log(probs) - x * np.log1p(-probs)), "-total_count*log(probs)"),
    "mean": (lambda x, x_hat: np.mean((x + 2.5) * np.log1p(x_hat / 2.5) - x * np.log(x_hat)), "log(1 + x_hat/total"),
    "log mean": (lambda x, x_hat: np.sum(_counts(x, 2.5, x_hat - log(2.5))), "log(1 + e^x_hat/total_count)"),
    "r and logits": (
        lambda x, total_count, logits: np.sum(_counts(x, total_count, logits)),
        "total_count*log(1 + e^lo",
    ),
    "mean and r": (lambda x, mu, theta: np.sum(_counts(x, theta, np.log(mu / theta))), "theta*log(1 + mu/theta)"),
    "mean and dispersion": (
        lambda x, mu, dispersion: np.sum(_counts(x, 1 / dispersion, np.log(mu * dispersion))),
        "log(1 + mu/(1/dispersion))",
    ),
    "beta of a mean": (lambda x, probs: np.sum(_betas(x, 7.25 * probs, 7.25 - 7.25 * probs)), "-probs*c*log(x)"),
    "beta of two": (
        lambda x, concentration1, concentration0: np.mean(np.sum(_betas(x, concentration1, concentration0), axis=1)),
        "-concentration1*log(x)",
    ),
}
"""Counts and proportions of all parametrisations: the loss, and a part of its formula."""


@pytest.mark.parametrize("name", OF_TWO)
def test_the_code_line_of_counts_and_proportions_builds_the_same_loss(name: str) -> None:
    """As above; other parameters move, the data stay."""
    function, part = OF_TWO[name]
    found = identify(function)
    assert found.code is not None
    assert found.formula is not None
    assert part in found.formula
    rng = np.random.default_rng(6)
    names = {key: rng.uniform(0.1, 0.9, (6, 50)) for key in found.roles}
    if found.model.family == "negative_binomial":
        names["x"] = np.round(10 * names["x"])
    apart = []
    for power in (1.0, 1.7):
        given = {key: value if key == "x" else value**power for key, value in names.items()}
        scope: dict[str, Any] = {"densities": densities, "np": np, **given}
        exec(found.code, scope)  # our own line, from a table of forms
        apart.append(float(function(**given)) - float(scope["loss"]))
    assert isclose(apart[0], apart[1], rel_tol=DECLARED, abs_tol=DECLARED)


def test_the_mass_is_that_of_the_density() -> None:
    """Quadrature of the loss finds what the closed form says."""
    found = identify(LOSSES["whole"][0])
    assert found.normalizer is not None
    assert found.normalizer.status is Status.OK
    assert found.normalizer.spread == 0
    mass = found.normalizer.masses[0]
    assert abs(mass.log_value - log(0.3 * (2 * pi) ** 0.5)) <= mass.error + 1e-15
    assert found.model.likelihood == "Normal(loc=x_hat, scale=0.3)"


def test_a_bounded_loss_has_no_mass() -> None:
    """Welsch's loss is named, and is no density."""
    found = identify(lambda x_hat, x: np.sum(1 - np.exp(-((x - x_hat) ** 2))))
    assert (found.model.family, found.bound) == ("welsch", Bound.NOT_A_DENSITY)
    assert found.normalizer is not None
    assert found.normalizer.status is Status.DIVERGENT


def test_a_sum_of_two_families_is_neither() -> None:
    """What no family explains is said to be unnamed, with the nearest and its own mass."""
    found = identify(lambda x_hat, x: np.sum(np.abs(x - x_hat) + (x - x_hat) ** 2))
    assert (found.model.family, found.code) == (None, None)
    assert found.nearest is not None
    assert found.nearest.off > 0.01
    assert found.normalizer is not None
    assert found.normalizer.status is Status.OK
    assert "nearest" in str(found)


def test_what_cannot_be_excluded_is_stated() -> None:
    """A Gaussian is told with the intervals of the families that it is nested in; a kink with its width."""
    gauss, kinked = identify(LOSSES["mean squares"][0]), identify(LOSSES["huber"][0])
    assert gauss.evidence is not None
    assert any(text.startswith("huber with delta above") for text in gauss.evidence.doubts)
    assert any(text.startswith("generalized_normal with power within") for text in gauss.evidence.doubts)
    assert kinked.evidence is not None
    assert kinked.evidence.kink is not None
    assert 0 < kinked.evidence.kink < 1e-5
    assert kinked.evidence.rounded is None


def test_a_rounded_kink_is_seen() -> None:
    """A knot smoothed over a hundredth of its distance is not passed off as Huber's."""

    def smooth(x_hat: Any, x: Any) -> Any:
        u, width = np.abs(x - x_hat), 1e-3
        inside = 0.5 * u**2
        blend = 0.5 * u**2 - (u - 0.7 + width) ** 3 / (12 * width)
        return np.sum(
            np.where(u < 0.7 - width, inside, np.where(u > 0.7 + width, 0.7 * u - 0.245 - width**2 / 6, blend))
        )

    found = identify(smooth)
    rounded = found.evidence is not None and found.evidence.rounded is not None
    assert found.model.family != "huber" or rounded


def _rounded_huber(delta: float, width: float) -> Callable[..., Any]:
    """Huber's loss whose curvature falls linearly over a width on each side of the knot."""

    def loss(x_hat: Any, x: Any) -> Any:
        u = np.abs(x - x_hat)
        between = 0.5 * u**2 - np.clip(u - delta + width, 0.0, 2 * width) ** 3 / (12 * width)
        beyond = delta * (u - 0.5 * delta) - width**2 / 6
        return np.sum(np.where(u < delta + width, between, beyond))

    return loss


@pytest.mark.parametrize("delta", [0.05, 0.7, 20.0])
@pytest.mark.parametrize("loss", [_rounded_huber, lambda _, width: lambda x_hat, x: np.sum(np.hypot(x - x_hat, width))])
def test_what_is_rounded_wider_than_stated_is_seen(loss: Callable[..., Any], delta: float) -> None:
    """The stated width is an upper bound: a kink rounded over four times as much is no longer the plain family's."""
    sharp = identify(loss(delta, 1e-30))
    assert sharp.evidence is not None
    assert sharp.evidence.kink is not None
    seen = identify(loss(delta, 4 * sharp.evidence.kink))
    rounded = seen.evidence is None or seen.evidence.rounded is not None or seen.evidence.kink is None
    assert seen.model.family != sharp.model.family or rounded


def test_what_is_nested_nearer_than_stated_is_seen() -> None:
    """The stated interval is one: a knot well below it is a Huber's, one well above passes for a Gaussian."""
    found = identify(LOSSES["mean squares"][0])
    assert found.evidence is not None
    edge = float(next(text for text in found.evidence.doubts if text.startswith("huber")).rsplit(" ", 1)[-1])
    near, far = (identify(lambda x_hat, x, d=d: np.sum(_huber(x - x_hat, d))) for d in (edge / 2, edge * 2))
    assert (near.model.family, far.model.family) == ("huber", "normal")


@pytest.mark.parametrize("form", ["text", "json", "html", "png"])
def test_the_command_shows_it(form: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """All four formats."""
    if form in ("html", "png"):
        pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    output = tmp_path / "report"
    assert main(["identify", "elbocheck.gallery.huber:fixed", "--format", form, "--output", str(output)]) == 0
    content = output.read_bytes()
    if form == "json":
        assert json.loads(content)["model"]["family"] == "huber"
    else:
        start = {"text": b"elbocheck.gallery", "html": b"<!doctype html>", "png": b"\x89PNG"}[form]
        assert content.startswith(start)
    assert capsys.readouterr().out == ""


def test_a_picture_needs_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """One clear line."""
    assert main(["identify", "elbocheck.gallery.huber:fixed", "--format", "png"]) == 2
    assert "--output FILE.png" in capsys.readouterr().err
