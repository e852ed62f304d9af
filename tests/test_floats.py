"""The float types: bfloat16 is rounded as the frameworks round it, travels through them, and is stressed, not identified by."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from elbocheck import identify, verify
from elbocheck.adapters import FRAMEWORKS, adapter
from elbocheck.errors import UsageError
from elbocheck.floats import BFLOAT16, FLOATS, eps, greatest, held, is_half, name_of
from elbocheck.verdict import Bound, Outcome


def test_bfloat16_rounds_to_the_nearest_even() -> None:
    """Halves to even, infinities and NaN untouched, beyond the largest to infinity; the array says what it holds."""
    values = [1.00390625, 1.01171875, -1.0039065, np.inf, 3.4e38, 1e-40]
    found = held([*values, np.nan], BFLOAT16)
    assert found[:5].tolist() == [1.0, 1.015625, -1.0078125, np.inf, np.inf]
    assert abs(found[5] - 1e-40) <= 2.0**-134  # half the spacing of the subnormal ones
    assert np.isnan(found[6])
    assert name_of(found.dtype) == name_of(np.full((2, 3), held(0.1, BFLOAT16)).reshape(3, 2).dtype) == "bfloat16"


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_it_rounds_as_the_framework_does(name: str) -> None:
    """And every framework gives it back as it is."""
    pytest.importorskip(name, reason=f"{name} is not installed")
    speaks = adapter(name)
    drawn = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    rounded = held(drawn, BFLOAT16)
    for array in (rounded, drawn.view(BFLOAT16)):  # the second is not rounded yet: the framework does it
        tensor = speaks.tensor(array)
        assert "bfloat16" in str(tensor.dtype)
        back = speaks.array(tensor)
        assert name_of(back.dtype) == "bfloat16"
        assert np.array_equal(back, rounded)


@pytest.mark.parametrize(("name", "dtype"), FLOATS.items())
def test_the_spacing_and_the_largest_are_those_of_the_type(name: str, dtype: np.dtype[Any]) -> None:
    """1 + eps is the next value, and beyond the largest comes infinity."""
    assert name_of(dtype) == name
    assert held(1 + eps(dtype), dtype) == 1 + eps(dtype)
    assert held(1 + eps(dtype) / 2, dtype) == 1.0
    assert held(greatest(dtype), dtype) == greatest(dtype)
    assert is_half(dtype) == name.endswith("16")


def log_cosh(x_hat: Any, x: Any) -> Any:
    """The naive log cosh: e^|x| overflows beyond 11.09 in float16, 89.4 in bfloat16 and float32."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    return torch.log(torch.cosh(x_hat - x)).sum()


def stable(x_hat: Any, x: Any) -> Any:
    """The same, right."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    u = (x_hat - x).abs()
    return (u + torch.nn.functional.softplus(-2 * u) - 0.6931471805599453).sum()


@pytest.mark.parametrize(("dtype", "outcome"), [("float16", Outcome.FAIL), ("bfloat16", Outcome.WARN)])
def test_half_precision_is_stressed(dtype: str, outcome: Outcome) -> None:
    """What the loss is, float64 tells; where it overflows is the half's: 15 is an everyday residual, 100 is not."""
    pytest.importorskip("torch", reason="torch is not installed")
    verdict = verify(log_cosh, framework="torch", dtype=dtype)
    assert verdict.run.dtype == f"float64, {dtype} stressed"
    assert verdict.model is not None
    assert verdict.model.family == "log_cosh"
    assert verdict.outcome is outcome
    assert {"ELB501"} <= set(verdict.codes) <= {"ELB006", "ELB501"}
    assert verify(stable, framework="torch", dtype=dtype).codes == ()


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_loss_that_rounds_to_half_is_inconclusive(name: str) -> None:
    """Its two digits tell no model from another; the report says what would."""
    pytest.importorskip(name, reason=f"{name} is not installed")
    narrow = adapter(name).tensor(held(np.ones(()), BFLOAT16)).dtype

    def cast(tensor: Any) -> Any:
        if name == "tensorflow":
            return pytest.importorskip("tensorflow").cast(tensor, narrow)
        return tensor.to(narrow) if name == "torch" else tensor.astype(narrow)

    def loss(x_hat: Any, x: Any) -> Any:
        return (cast(x_hat) - cast(x)) ** 2 / 2

    verdict = verify(loss, framework=name)
    assert (verdict.bound, verdict.outcome, verdict.codes) == (Bound.UNIDENTIFIED, Outcome.INCONCLUSIVE, ())
    assert "bfloat16" in verdict.findings[0].message


def test_half_precision_identifies_nothing() -> None:
    """Asking for it is refused, as is a type that a framework has not."""
    with pytest.raises(UsageError, match="float16 leaves too few digits"):
        identify(lambda x_hat, x: (x_hat - x) ** 2, dtype="float16")
    with pytest.raises(UsageError, match="numpy has no 'float16' here: choose from float64, float32"):
        verify(lambda x_hat, x: (x_hat - x) ** 2, framework="numpy", dtype="float16")


def huber(x_hat: Any, x: Any) -> Any:
    """A Huber loss that computes in float32 whatever it is given, and returns float64."""
    u = np.abs(x_hat.astype(np.float32) - x.astype(np.float32))
    return np.sum(np.where(u <= 0.7, 0.5 * u * u, np.float32(0.7) * (u - np.float32(0.35))), dtype=np.float64)


def welsch(x_hat: Any, x: Any) -> Any:
    """In float64, and of no family."""
    return np.sum(1 - np.exp(-((x - x_hat) ** 2) / 2))


def test_a_loss_that_computes_more_coarsely_than_it_returns_is_read_at_its_own_precision() -> None:
    """The report says so; what no family explains in float64 is not blamed on rounding."""
    verdict = verify(huber)
    assert verdict.model is not None
    assert (verdict.run.dtype, verdict.model.family) == ("float32", "huber")
    assert verify(welsch).run.dtype == "float64"
