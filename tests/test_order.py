"""A loss that counts data by their place is named; one that only couples them, or weighs pixels, is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck import verify


def _error(recon_x: Any, x: Any) -> Any:
    return 0.5 * np.sum((x - recon_x) ** 2, axis=tuple(range(1, x.ndim)))


def _kl(mu: Any, logvar: Any) -> Any:
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)


def running(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A cumulative sum weighs the first datum most."""
    return np.mean(np.cumsum(_error(recon_x, x) + _kl(mu, logvar)))


def halves(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The second half of the batch counts twice."""
    each = _error(recon_x, x) + _kl(mu, logvar)
    return (each.sum() + each[len(each) // 2 :].sum()) / len(each)


def last_dropped(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The last datum does not count."""
    return np.mean((_error(recon_x, x) + _kl(mu, logvar))[:-1])


def alternating(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Every second KL is left out, by place."""
    return np.mean(_error(recon_x, x)) + np.mean(_kl(mu, logvar)[::2])


def reversed_values(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Values per datum, handed back in reverse."""
    return (_error(recon_x, x) + _kl(mu, logvar))[::-1]


def neighbours(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Codes of neighbours in the batch are pulled together: a cycle leaves that as it is, an exchange does not."""
    return np.mean(_error(recon_x, x) + _kl(mu, logvar) + np.sum((mu - np.roll(mu, 1, axis=0)) ** 2, axis=1))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "loss", [running, halves, last_dropped, alternating, reversed_values, neighbours], ids=lambda f: f.__name__
)
def test_a_weight_by_place_is_named(loss: Callable[..., Any], dtype: str) -> None:
    """Both scalars and values per datum."""
    assert "ELB308" in verify(loss, dtype=dtype).codes


def plain(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The plain loss."""
    return np.mean(_error(recon_x, x) + _kl(mu, logvar))


def per_datum(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Its values per datum."""
    return _error(recon_x, x) + _kl(mu, logvar)


def per_element(recon_x: Any, x: Any) -> Any:
    """Values per element."""
    return (x - recon_x) ** 2


def profiled(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """The batch's own error as sigma^2: coupled, whatever the order."""
    return 0.5 * x.size * np.log(np.mean((x - recon_x) ** 2)) + np.sum(_kl(mu, logvar))


def kernels(recon_x: Any, x: Any, mu: Any, logvar: Any, z: Any) -> Any:
    """A pairwise kernel over the batch, as in an MMD."""
    apart = np.sum((z[:, None] - z[None]) ** 2, axis=-1)
    return np.mean(_error(recon_x, x)) + np.mean(np.exp(-apart)) + 0.0 * np.sum(mu + logvar)


def pixels(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Pixels have weights: their order is theirs, the batch's does not matter."""
    weights = np.linspace(1.0, 2.0, x[0].size).reshape(x.shape[1:])
    return np.mean(np.sum((0.5 * weights * (x - recon_x) ** 2).reshape(len(x), -1), axis=1) + _kl(mu, logvar))


def far_up(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A constant of a million leaves few digits for the terms."""
    return np.sum(_error(recon_x, x) + _kl(mu, logvar) + x.dtype.type(1e6))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "loss", [plain, per_datum, per_element, profiled, kernels, pixels, far_up], ids=lambda f: f.__name__
)
def test_what_does_not_ask_for_the_order_is_silent(loss: Callable[..., Any], dtype: str) -> None:
    """Rounding of a reordered sum and couplings of the batch are no order."""
    for seed in range(4):
        assert "ELB308" not in verify(loss, dtype=dtype, seed=seed).codes
