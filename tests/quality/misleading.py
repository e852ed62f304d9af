"""Losses built to mislead: each is almost a plain one. Does the tool claim the plain one and say nothing?

`python -m tests.quality.misleading [KIND]` prints what is said of each, and counts those of which nothing is: the same
family, bound and weights as the plain twin, no other finding, and no interval stated.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import gammaln

import elbocheck
from elbocheck import Verdict, verify

Loss = Callable[..., Any]
Energy = Callable[[Any, Any], Any]
"""(x, prediction) to the cost of each element."""


@dataclass(frozen=True)
class Misleading:
    """A loss, and the plain one that it is not.

    Attributes:
        kind: what was done to it.
        value: how much.
        loss: the loss.
        twin: the plain one.
        dtype: what they are called in.
    """

    kind: str
    value: float
    loss: Loss
    twin: Loss
    dtype: str


# --- Plain losses ---


def _alone(energy: Energy, role: str = "prediction") -> Loss:
    source = f"lambda {role}, target: energy(target, {role}).sum()"
    return eval(source, {"energy": energy})  # type: ignore[no-any-return]  # built from the constants below


def _square(x: Any, r: Any) -> Any:
    return 0.5 * (x - r) ** 2


def _absolute(x: Any, r: Any) -> Any:
    return np.abs(x - r)


def _softplus(v: Any) -> Any:
    return np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v)))


def _bce(x: Any, r: Any) -> Any:
    return _softplus(r) - x * r


def _log_cosh(x: Any, r: Any) -> Any:
    u = np.abs(x - r)
    return u + np.log1p(np.exp(-2 * u)) - u.dtype.type(np.log(2))


def _poisson(x: Any, r: Any) -> Any:
    return r - x * np.log(r) + gammaln(x + 1).astype(r.dtype)


def _huber(x: Any, r: Any) -> Any:
    size = np.abs(x - r)
    return np.where(size <= _KNOT, 0.5 * size**2, _KNOT * (size - 0.5 * _KNOT))


_KNOT = 0.7


def _kl(mu: Any, log_var: Any) -> Any:
    return 0.5 * (mu**2 + np.exp(log_var) - 1 - log_var)


def _vae(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
    return _bce(x, logits).sum() + _kl(mu, log_var).sum()


def _learned(recon: Any, x: Any, x_log_sigma: Any) -> Any:
    return (0.5 * ((x - recon) * np.exp(-x_log_sigma)) ** 2 + x_log_sigma).sum()


# --- What was done to them ---


def _smoothed_huber(width: float) -> Energy:
    """The slope goes from |u| to the knot along a parabola of that width, without a kink."""

    def energy(x: Any, r: Any) -> Any:
        a = np.abs(x - r)
        inside = np.clip(a, _KNOT - width, _KNOT + width)
        start = 0.5 * (_KNOT - width) ** 2
        bend = (
            start + _KNOT * (inside - _KNOT + width) + ((_KNOT + width - inside) ** 3 - (2 * width) ** 3) / (12 * width)
        )
        return np.where(a < _KNOT - width, 0.5 * a**2, bend + _KNOT * np.maximum(a - _KNOT - width, 0))

    return energy


def _student(df: float) -> Energy:
    return lambda x, r: 0.5 * (df + 1) * np.log1p((x - r) ** 2 / df)


def _hashed(energy: Energy, size: float) -> Energy:
    """Add noise that the bits of the value decide: the same input gives the same value."""

    def noisy(x: Any, r: Any) -> Any:
        value = np.asarray(energy(x, r))
        bits = value.astype(np.float64).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        return value + (size * (bits.astype(np.float64) / 2.0**64 - 0.5)).astype(value.dtype)

    return noisy


def _half_precision(energy: Energy) -> Energy:
    def rounded(x: Any, r: Any) -> Any:
        value = energy(x.astype(np.float16), r.astype(np.float16))
        return value.astype(r.dtype)

    return rounded


def _outliers(share: float, width: float) -> Energy:
    def energy(x: Any, r: Any) -> Any:
        u = x - r
        return -np.logaddexp(np.log1p(-share) - 0.5 * u**2, np.log(share / width) - 0.5 * (u / width) ** 2)

    return energy


def _smoothed_labels(share: float) -> Energy:
    return lambda x, r: _bce(x * (1 - share) + 0.5 * share, r)


def _weighted_bce(weight: float) -> Energy:
    return lambda x, r: weight * x * _softplus(-r) + (1 - x) * _softplus(r)


def _guarded_poisson(eps: float) -> Energy:
    return lambda x, r: r - x * np.log(r + eps) + gammaln(x + 1).astype(r.dtype)


def _uneven(extra: float) -> Energy:
    """The first element of each datum weighs more."""

    def energy(x: Any, r: Any) -> Any:
        value = _square(x, r)
        return value * np.where(np.arange(value.shape[-1]) == 0, 1 + extra, 1.0).astype(value.dtype)

    return energy


def _weighed_kl(weight: float) -> Loss:
    def loss(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
        return _bce(x, logits).sum() + weight * _kl(mu, log_var).sum()

    return loss


def _guarded_kl(eps: float) -> Loss:
    def loss(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
        variance = np.exp(log_var)
        return _bce(x, logits).sum() + 0.5 * (mu**2 + variance - 1 - np.log(variance + eps)).sum()

    return loss


def _coupled_terms(size: float) -> Loss:
    def loss(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
        return _vae(logits, x, mu, log_var) + size * logits.mean() * mu.mean()

    return loss


def _counted_scale(count: float) -> Loss:
    def loss(recon: Any, x: Any, x_log_sigma: Any) -> Any:
        return (0.5 * ((x - recon) * np.exp(-x_log_sigma)) ** 2 + count * x_log_sigma).sum()

    return loss


def _quantile(q: float) -> Energy:
    return lambda x, r: 2 * np.maximum(q * (x - r), (q - 1) * (x - r))


ENERGIES: dict[str, tuple[Energy, Callable[[float], Energy], tuple[float, ...]]] = {
    "huber, kink smoothed": (_huber, _smoothed_huber, (1e-6, 1e-5, 1e-4, 1e-3)),
    "student for a normal": (_square, _student, (60.0, 1e3, 1e4, 1e6)),
    "normal plus c |u|": (_square, lambda c: lambda x, r: _square(x, r) + c * np.abs(x - r), (1e-9, 1e-7, 1e-5, 1e-3)),
    "normal plus c u^4": (_square, lambda c: lambda x, r: _square(x, r) + c * (x - r) ** 4, (1e-12, 1e-9, 1e-6, 1e-4)),
    "normal of another power": (
        _square,
        lambda p: lambda x, r: 0.5 * np.abs(x - r) ** p,
        (1.9999, 1.99999, 1.999999, 2.0001),
    ),
    "normal with a ripple": (
        _square,
        lambda c: lambda x, r: _square(x, r) + c * np.sin(100 * (x - r)),
        (1e-6, 1e-5, 1e-4, 1e-3),
    ),
    "normal, weight moves with x": (
        _square,
        lambda c: lambda x, r: (1 + c * x) * _square(x, r),
        (1e-8, 1e-6, 1e-4, 1e-2),
    ),
    "normal, one element heavier": (_square, _uneven, (1e-8, 1e-6, 1e-4, 1e-2)),
    "normal, residual clipped": (
        _square,
        lambda c: lambda x, r: 0.5 * np.clip(x - r, -c, c) ** 2,
        (1e2, 1e3, 2e4, 1e6),
    ),
    "normal, a step far out": (
        _square,
        lambda c: lambda x, r: _square(x, r) + np.where(np.abs(x - r) > 37.3, r.dtype.type(c), r.dtype.type(0)),
        (1e-6, 1e-3, 1e-1, 1.0),
    ),
    "normal with outliers": (_square, lambda s: _outliers(s, 10.0), (1e-12, 1e-9, 1e-6, 1e-3)),
    "normal, prediction rounded": (
        _square,
        lambda n: lambda x, r: _square(x, np.round(r * n) / n),
        (255.0, 1e4, 1e6, 1e8),
    ),
    "normal, noise of the bits": (_square, lambda c: _hashed(_square, c), (1e-8, 1e-6, 1e-5, 1e-3)),
    "normal in half precision": (_square, lambda _: _half_precision(_square), (16.0,)),
    "laplace, noise of the bits": (_absolute, lambda c: _hashed(_absolute, c), (1e-8, 1e-6, 1e-5, 1e-3)),
    "laplace of another power": (
        _absolute,
        lambda p: lambda x, r: np.abs(x - r) ** p,
        (1.0001, 1.00001, 1.000001, 0.9999),
    ),
    "laplace, charbonnier": (
        _absolute,
        lambda c: lambda x, r: np.sqrt((x - r) ** 2 + c**2),
        (1e-9, 1e-6, 1e-4, 1e-2),
    ),
    "laplace, a dead zone": (
        _absolute,
        lambda c: lambda x, r: np.maximum(np.abs(x - r) - c, 0),
        (1e-9, 1e-7, 1e-5, 1e-3),
    ),
    "laplace, uneven sides": (_absolute, _quantile, (0.5001, 0.50001, 0.500001, 0.5000001)),
    "laplace in half precision": (_absolute, lambda _: _half_precision(_absolute), (16.0,)),
    "log-cosh plus c u^2": (
        _log_cosh,
        lambda c: lambda x, r: _log_cosh(x, r) + c * (x - r) ** 2,
        (1e-10, 1e-8, 1e-6, 1e-4),
    ),
}
LOGITS: dict[str, tuple[Energy, Callable[[float], Energy], tuple[float, ...]]] = {
    "bernoulli, labels smoothed": (_bce, _smoothed_labels, (1e-6, 1e-3, 1e-2, 0.1)),
    "bernoulli, one class heavier": (_bce, _weighted_bce, (1.000001, 1.0001, 1.001, 1.1)),
    "bernoulli, a temperature": (_bce, lambda t: lambda x, r: _bce(x, r / t), (1.000001, 1.0001, 1.001, 1.1)),
    "bernoulli, logits clipped": (_bce, lambda c: lambda x, r: _bce(x, np.clip(r, -c, c)), (6.0, 15.0, 30.0, 80.0)),
    "bernoulli, noise of the bits": (_bce, lambda c: _hashed(_bce, c), (1e-8, 1e-6, 1e-5, 1e-3)),
    "bernoulli in half precision": (_bce, lambda _: _half_precision(_bce), (16.0,)),
}
RATES: dict[str, tuple[Energy, Callable[[float], Energy], tuple[float, ...]]] = {
    "poisson, a guard in the log": (_poisson, _guarded_poisson, (1e-12, 1e-8, 1e-5, 1e-3)),
}
WHOLE: dict[str, tuple[Loss, Callable[[float], Loss], tuple[float, ...]]] = {
    "KL of another weight": (_vae, _weighed_kl, (1.0000001, 1.00001, 1.0001, 0.9999)),
    "KL with a guarded log": (_vae, _guarded_kl, (1e-10, 1e-8, 1e-6, 1e-4)),
    "terms that nearly add up": (_vae, _coupled_terms, (1e-12, 1e-9, 1e-6, 1e-3)),
    "log sigma counted almost once": (_learned, _counted_scale, (1.0000001, 1.00001, 1.001, 0.999)),
}


def losses() -> Iterator[Misleading]:
    """List every loss, in both dtypes."""
    for dtype in ("float64", "float32"):
        for table, role in ((ENERGIES, "prediction"), (LOGITS, "logits"), (RATES, "prediction")):
            for kind, (plain, changed, values) in table.items():
                for value in values:
                    yield Misleading(kind, value, _alone(changed(value), role), _twin(plain, role), dtype)
        for kind, (plain, made, values) in WHOLE.items():
            for value in values:
                yield Misleading(kind, value, made(value), plain, dtype)


@lru_cache
def _twin(energy: Energy, role: str) -> Loss:
    return _alone(energy, role)


@lru_cache
def _verified(loss: Loss, dtype: str) -> Verdict:
    return verify(loss, dtype=dtype)


def claimed(verdict: Verdict) -> tuple[object, ...]:
    """Return what is claimed without a number for how sure it is: bound, family, its parametrisation, weights, findings."""
    model = verdict.model
    if model is None:
        return (verdict.bound, None, verdict.codes)
    beta = model.beta.formula if model.beta is not None else None
    return (
        verdict.bound,
        model.family,
        model.free_scale,
        beta,
        frozenset(f.code for f in verdict.findings) - {"ELB005"},
    )


def said(loss: Loss, dtype: str) -> str:
    """Return the interval or deviation that identification states for a loss, empty where it states none."""
    identify = getattr(elbocheck, "identify", None)
    if identify is None:
        return ""
    text = str(identify(loss, dtype=dtype))
    return next((line.strip() for line in text.splitlines() if any(word in line for word in STATED)), "")


STATED = ("agreement", "kink", "nested", "but ")
"""Words that state how sure an identification is."""


def shown(verdict: Verdict) -> str:
    """Return a verdict on one line."""
    model = verdict.model
    likelihood = model.likelihood if model is not None and model.likelihood else "no family"
    beta = f", beta {model.beta.formula}" if model is not None and model.beta is not None else ""
    return f"{verdict.bound.value}: {likelihood}{beta} {' '.join(f.code or 'undecided' for f in verdict.findings)}".rstrip()


def main(kind: str = "") -> None:
    """Print what is said of every loss, and how many pass for their plain twin."""
    silent: dict[str, int] = {}
    counts: dict[str, int] = {}
    for one in losses():
        if kind not in one.kind:
            continue
        verdict, twin = _verified(one.loss, one.dtype), _verified(one.twin, one.dtype)
        same = claimed(verdict) == claimed(twin)
        stated = said(one.loss, one.dtype) if same else ""
        passes = same and not stated
        counts[one.kind] = counts.get(one.kind, 0) + 1
        silent[one.kind] = silent.get(one.kind, 0) + passes
        mark = "SILENT" if passes else "stated" if same else "named "
        print(f"{mark} {one.dtype} {one.kind} {one.value:g}: {shown(verdict)} {stated}".rstrip())
    for name, count in counts.items():
        print(f"{silent[name]:3} of {count:2} silent  {name}")
    print(f"{sum(silent.values())} of {sum(counts.values())} losses pass for a plain one with nothing said")


if __name__ == "__main__":
    main(*sys.argv[1:2])
