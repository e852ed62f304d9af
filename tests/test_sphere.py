"""A von Mises-Fisher posterior: its KL to the uniform density on the sphere, by concentration and dimension."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log, pi
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.special import iv, ive

from elbocheck import Outcome, budget, verify
from elbocheck.divergences import sphere

DTYPES = ("float64", "float32")


def bce(x: Any, logits: Any) -> Any:
    """Return the cross entropy of each datum."""
    return np.sum(np.maximum(logits, 0) - x * logits + np.log1p(np.exp(-np.abs(logits))), axis=1)


def log_area(m: int) -> float:
    """Return the log of the area of the unit sphere of R^m."""
    return log(2) + m / 2 * log(pi) - lgamma(m / 2)


def terms(kappa: Any, m: int, bessel: Callable[..., Any] = ive, order: float | None = None) -> tuple[Any, Any, Any]:
    """Return the three terms of the KL in shape (B,): kappa A, minus log I, (m/2 - 1) log kappa and the constants."""
    kappa = kappa.reshape(len(kappa)).astype(np.float64)
    nu = m / 2 - 1 if order is None else order
    mean = kappa * bessel(nu + 1, kappa) / bessel(nu, kappa)
    scale = kappa if bessel is ive else 0.0
    return mean, -np.log(bessel(nu, kappa)) - scale, (m / 2 - 1) * np.log(kappa) - m / 2 * log(2 * pi) + log_area(m)


def kl(kappa: Any, m: int, bessel: Callable[..., Any] = ive, order: float | None = None) -> Any:
    """Return KL(vMF || uniform) of each datum, shape (B,)."""
    return sum(terms(kappa, m, bessel, order))


def loss_of(divergence: Callable[[Any, int], Any]) -> Callable[..., Any]:
    """Return the negative ELBO with this divergence of kappa and the dimension."""

    def loss(x: Any, logits: Any, z_mean: Any, kappa: Any) -> Any:
        return np.mean(bce(x, logits) + divergence(kappa, z_mean.shape[-1])).astype(x.dtype)

    return loss


def by_definition(m: int, kappa: float) -> float:
    """Return the integral of p log(p / uniform) over the angle from the mean, at 30 digits."""
    with mpmath.workdps(30):
        k, width = mpmath.mpf(kappa), 1 / mpmath.sqrt(1 + mpmath.mpf(kappa))
        inner = [width * 2**n for n in range(-2, 7) if width * 2**n < 3]

        def log_density(t: Any) -> Any:
            return k * (mpmath.cos(t) - 1) + (m - 2) * mpmath.log(mpmath.sin(t))

        top = max(map(log_density, inner))  # the quadrature stops at an absolute error

        def integral(f: Callable[[Any], Any]) -> Any:
            return mpmath.quad(lambda t: f(t) * mpmath.exp(log_density(t) - top), [0, *inner, mpmath.pi])

        mass, flat = integral(lambda _: 1), mpmath.beta(mpmath.mpf(m - 1) / 2, mpmath.mpf(1) / 2)
        mean = integral(lambda t: k * (mpmath.cos(t) - 1)) / mass
        return float(mean - mpmath.log(mass / flat) - top)


@pytest.mark.parametrize("m", [2, 3, 8, 64])
@pytest.mark.parametrize("kappa", [1e-3, 0.3, 5.0, 1e2, 1e4])
def test_the_divergence_is_the_integral_of_its_definition(m: int, kappa: float) -> None:
    """Near the prior it keeps its digits; far out, terms of the size of kappa cancel."""
    truth = by_definition(m, kappa)
    allowed = budget.SPHERE_ULPS * np.finfo(np.float64).eps * (truth + kappa * kappa / (1 + kappa))
    assert abs(float(sphere.kl(m, kappa)) - truth) <= allowed


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("flat", [False, True])
def test_a_right_loss_is_silent(dtype: str, *, flat: bool) -> None:
    """Kappa comes as a column or as a vector; the dimension follows the mean's."""

    def loss(x: Any, logits: Any, z_mean: Any, kappa: Any) -> Any:
        each = kappa if flat else kappa[:, 0]
        return np.mean(bce(x, logits) + kl(each, z_mean.shape[-1])).astype(x.dtype)

    verdict = verify(loss, dtype=dtype)
    assert not verdict.findings, str(verdict)
    assert verdict.bound.value == "exact", str(verdict)
    assert verdict.model is not None
    assert verdict.model.divergence == "KL(vMF(z_mean, kappa) || uniform on S^(L-1))"


RIGHT: dict[str, tuple[Callable[..., Any], str]] = {
    "the dimension is a number": (
        lambda x, logits, kappa: np.mean(bce(x, logits) + kl(kappa, 10)),
        "KL(vMF(kappa) || uniform on S^9)",
    ),
    "a number that differs from the probes' latents": (
        lambda x, logits, mu, kappa: np.mean(bce(x, logits) + kl(kappa, 20) + 0 * mu.sum(-1)),
        "KL(vMF(mu, kappa) || uniform on S^19)",
    ),
    "log q of a draw": (
        lambda x, logits, mu, kappa, z: np.mean(
            bce(x, logits) + np.sum(mu * z, axis=-1) * kappa.reshape(len(kappa)) + sum(terms(kappa, mu.shape[-1])[1:])
        ),
        "KL(vMF(mu, kappa) || uniform on S^(L-1))",
    ),
    "a direction that is normalised": (
        lambda x, logits, mu, kappa: np.mean(
            bce(x, logits)
            + kl(kappa, mu.shape[-1]) * np.sum((mu / np.linalg.norm(mu, axis=-1, keepdims=True)) ** 2, -1)
        ),
        "KL(vMF(mu, kappa) || uniform on S^(L-1))",
    ),
    "sums over the batch": (
        lambda x, logits, mu, kappa: np.sum(bce(x, logits)) + np.sum(kl(kappa, mu.shape[-1])),
        "KL(vMF(mu, kappa) || uniform on S^(L-1))",
    ),
    "closed form in R^3": (
        lambda x, logits, kappa: np.mean(
            bce(x, logits)
            + np.squeeze(kappa / np.tanh(kappa) - 1 + np.log(kappa) - kappa - np.log(-np.expm1(-2 * kappa)) + log(2))
        ),
        "KL(vMF(kappa) || uniform on S^2)",
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", RIGHT)
def test_right_variants_are_silent(name: str, dtype: str) -> None:
    """However it is written, it is the KL, and the whole the negative ELBO."""
    loss, text = RIGHT[name]
    verdict = verify(loss, dtype=dtype)
    assert not [f for f in verdict.findings if f.outcome is not Outcome.NOTE], str(verdict)
    assert verdict.bound.value in ("exact", "constant"), str(verdict)
    assert verdict.model is not None
    assert verdict.model.divergence == text


WRONG: dict[str, tuple[Callable[[Any, int], Any], str]] = {
    "sign": (lambda k, m: -kl(k, m), "ELB205"),
    "reversed": (lambda k, m: -sum(terms(k, m)[1:]), "ELB206"),
    "absent": (lambda k, _m: 0 * k[:, 0], "ELB207"),
    "mean length missing": (lambda k, m: sum(terms(k, m)[1:]), "ELB208"),
    "log kappa missing": (lambda k, m: sum(terms(k, m)[:2]), "ELB208"),
    "log Bessel missing": (lambda k, m: terms(k, m)[0] + terms(k, m)[2], "ELB208"),
    "mean length doubled": (lambda k, m: kl(k, m) + terms(k, m)[0], "ELB209"),
    "order m/2": (lambda k, m: kl(k, m, order=m / 2), "ELB217"),
    "order m/2 in the normaliser": (lambda k, m: terms(k, m)[0] + sum(terms(k, m, order=m / 2)[1:]), "ELB217"),
    "order m/2 in the mean": (lambda k, m: terms(k, m, order=m / 2)[0] + sum(terms(k, m)[1:]), "ELB217"),
    "dimension of the sphere": (lambda k, m: kl(k, m - 1) if m > 2 else kl(k, m), "ELB217"),
    "one dimension more": (lambda k, m: kl(k, m + 1), "ELB217"),
    "no divergence": (lambda k, _m: np.log1p(k[:, 0] ** 2), ""),
    "mean over latents": (lambda k, m: kl(k, m) / m, "ELB102"),
    "no area": (lambda k, m: kl(k, m) - log_area(m), "ELB211"),
    "area of the sphere in R^(m+1)": (lambda k, m: kl(k, m) - log_area(m) + log_area(m + 1), "ELB211"),
    "no powers of 2 pi": (lambda k, m: kl(k, m) + m / 2 * log(2 * pi), "ELB211"),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_divergence_is_named(name: str, dtype: str) -> None:
    """The planted fault gets its code; only a constant leaves a bound."""
    divergence, code = WRONG[name]
    verdict = verify(loss_of(divergence), dtype=dtype)
    assert [f.code for f in verdict.findings] == [code], str(verdict)
    assert (verdict.bound.value == "constant") == (code == "ELB211"), str(verdict)


OFF: dict[str, tuple[Callable[[int], float], str]] = {
    "area": (lambda m: -log_area(m), "the log of the sphere's area is left out"),
    "one more": (lambda m: log_area(m + 1) - log_area(m), "that of the sphere in R^(L+1)"),
    "one less": (lambda m: log_area(m - 1) - log_area(m), "that of the sphere in R^(L-1)"),
}


@pytest.mark.parametrize("held", [None, 10])
@pytest.mark.parametrize("name", OFF)
def test_a_slip_in_the_constant_is_called_by_its_cause(name: str, held: int | None) -> None:
    """By its size where the loss holds the dimension, by how it moves where the latents tell it."""
    slip, words = OFF[name]

    def loss(x: Any, logits: Any, mu: Any, kappa: Any) -> Any:
        m = held or mu.shape[-1]
        return np.mean(bce(x, logits) + kl(kappa, m) + slip(m) + 0 * mu.sum(-1)).astype(x.dtype)

    (said,) = verify(loss).findings
    assert said.code == "ELB211"
    assert words in said.message


@pytest.mark.parametrize("beta", [0.5, 4.0])
def test_its_weight_is_beta(beta: float) -> None:
    """As for any other posterior."""
    verdict = verify(loss_of(lambda k, m: beta * kl(k, m)))
    assert verdict.model is not None
    assert verdict.model.beta is not None
    assert verdict.model.beta.equals(beta)
    assert verdict.codes == ("ELB108",)


@pytest.mark.parametrize(("bessel", "codes"), [(iv, ("ELB501",)), (ive, ())])
def test_an_overflow_of_the_bessel_function_is_found(bessel: Callable[..., Any], codes: tuple[str, ...]) -> None:
    """I(720) is beyond the largest float, I(720) e^-720 is not."""
    assert verify(loss_of(lambda k, m: kl(k, m, bessel))).codes == codes


def test_torch_is_read_with_its_gradient() -> None:
    """The circle, by the Bessel functions that torch holds."""
    torch = pytest.importorskip("torch")

    def loss(x: Any, logits: Any, mu: Any, kappa: Any) -> Any:
        special = torch.special
        mean = kappa * special.i1e(kappa) / special.i0e(kappa)
        divergence = (mean - torch.log(special.i0e(kappa)) - kappa).squeeze(-1)
        recon = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
        return (recon + divergence + 0 * mu.sum(-1)).mean()

    verdict = verify(loss, framework="torch")
    assert not verdict.findings, str(verdict)
    assert verdict.bound.value == "exact", str(verdict)
    assert str(verdict.model and verdict.model.divergence) == "KL(vMF(mu, kappa) || uniform on S^1)"


def test_torch_in_single_precision_overflows_at_everyday_concentrations() -> None:
    """I0(100) is beyond the largest float32."""
    torch = pytest.importorskip("torch")

    def loss(x: Any, logits: Any, kappa: Any) -> Any:
        special = torch.special
        divergence = kappa * special.i1(kappa) / special.i0(kappa) - torch.log(special.i0(kappa))
        recon = torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
        return (recon + divergence.squeeze(-1)).mean()

    verdict = verify(loss, framework="torch")
    assert [(f.code, f.outcome) for f in verdict.findings] == [("ELB501", Outcome.FAIL)], str(verdict)
