"""How few calls a verdict takes, and how small a fault it sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elbocheck import Bound, verify
from tests.quality.random_losses import draw, wrong


def loss(weight: float, offset: float = 0.0) -> Any:
    """Return a Bernoulli VAE loss whose KL weight is off by a factor, its value by an offset per pixel."""

    def planted(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
        nll = np.sum(np.logaddexp(0, logits) - x * logits + offset, axis=1)
        kl = -0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var), axis=1)
        return np.mean(nll + weight * kl)

    return planted


@pytest.mark.parametrize("error", [1e-2, 1e-4, 1e-6, 1e-9])
def test_a_wrong_weight_is_seen_to_nine_digits(error: float) -> None:
    """The library test suites that accept 5 % would pass all of these."""
    verdict = verify(loss(1 - error))
    assert (verdict.bound, verdict.codes) == (Bound.NOT_A_BOUND, ("ELB108",))


@pytest.mark.parametrize("offset", [1e-2, 1e-6, 1e-9])
def test_a_constant_is_seen_to_nine_digits(offset: float) -> None:
    """The bound is exact only without it."""
    assert verify(loss(1.0)).bound is Bound.EXACT
    assert verify(loss(1.0, offset)).bound is Bound.CONSTANT


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_random_losses_are_read_right(dtype: str) -> None:
    """No wrong family, parameter, weight, bound or alarm among random losses; the seed is printed on failure."""
    rng = np.random.default_rng(7)
    for _ in range(25):
        drawn = draw(rng)
        said = wrong(drawn, verify(drawn.loss, dtype=dtype), dtype)
        assert said is None, f"{drawn.shown}: {said}"


def test_a_verdict_takes_about_a_thousand_calls() -> None:
    """A loss of a millisecond is read in a second."""
    assert verify(loss(1.0)).run.calls < 1500
