"""Every adapter passes values through unchanged, protects its input and differentiates, or says that it cannot."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from elbocheck.adapters import FRAMEWORKS, Adapter, adapter, candidates
from elbocheck.errors import UsageError

DTYPES = (np.float32, np.float64)


@pytest.fixture(params=["numpy", *FRAMEWORKS])
def speaks(request: pytest.FixtureRequest) -> Adapter:
    """Each adapter whose framework is installed."""
    if request.param != "numpy":
        pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    return adapter(request.param)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)])
def test_values_dtype_and_shape_survive_the_round_trip(
    speaks: Adapter, dtype: type[np.floating[Any]], shape: tuple[int, ...]
) -> None:
    """There and back, bit by bit, infinities and NaN included."""
    array = np.resize(np.array([0.1, -np.inf, np.nan, 1e-30], dtype), shape)
    tensor = speaks.tensor(array)
    assert speaks.owns(tensor)
    back = speaks.array(tensor)
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, shape, array.tobytes())


def test_a_tensor_shares_nothing_with_its_array(speaks: Adapter) -> None:
    """A loss that writes into its argument leaves the caller's array alone."""
    array = np.ones(3)
    tensor = speaks.tensor(array)
    tensor[0] = 5.0
    assert array.tolist() == [1.0, 1.0, 1.0]
    assert speaks.array(tensor).tolist() == [5.0, 1.0, 1.0]


def test_an_adapter_goes_by_its_name(speaks: Adapter) -> None:
    """The name that asks for an adapter is the one that it carries; text belongs to none."""
    assert adapter(speaks.name) is speaks
    assert not speaks.owns("text")
    assert speaks.array(2.5).tolist() == 2.5


def test_a_seed_repeats_the_draws(speaks: Adapter) -> None:
    """NumPy's generator is seeded by every adapter: losses mix them. Any whole number will do."""
    draws = []
    for seed in (3, 3, 2**40 + 3, 4):
        speaks.seed(seed)
        draws.append(np.random.rand())
    assert draws[0] == draws[1] == draws[2] != draws[3]


def test_numpy_has_no_derivative() -> None:
    """It says so, and refuses."""
    numpy = adapter("numpy")
    assert not numpy.differentiates
    with pytest.raises(NotImplementedError, match="no gradient in x"):
        numpy.gradient(lambda given: given["x"], {"x": np.ones(2)})


@pytest.mark.parametrize("dtype", DTYPES)
def test_torch_differentiates(dtype: type[np.floating[Any]]) -> None:
    """d sum(x^2 y) is 2xy and x^2 in the inputs' dtype; where nothing depends on an input it is zero."""
    pytest.importorskip("torch", reason="torch is not installed")
    speaks = adapter("torch")
    inputs = {name: np.array(values, dtype) for name, values in {"x": [1, 2], "y": [3, 4], "z": [5, 6]}.items()}

    def both(given: Mapping[str, Any]) -> Any:
        return given["x"] ** 2 * given["y"]

    assert speaks.differentiates
    slopes = speaks.gradient(both, inputs)
    assert {name: slope.tolist() for name, slope in slopes.items()} == {"x": [6, 16], "y": [1, 4], "z": [0, 0]}
    assert {slope.dtype for slope in slopes.values()} == {np.dtype(dtype)}


def test_torch_has_no_slope_where_there_is_no_path() -> None:
    """A detached result, a constant tensor and a Python number have the derivative zero."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    for constant in (
        lambda given: given["x"].detach() * 2,
        lambda given: torch.ones(len(given)),
        lambda given: float(len(given)),
    ):
        slopes = adapter("torch").gradient(constant, {"x": np.ones(2)})
        assert {name: slope.tolist() for name, slope in slopes.items()} == {"x": [0.0, 0.0]}


def test_torch_reads_what_numpy_lacks() -> None:
    """A bfloat16 becomes float32, a tensor with a gradient is detached."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    speaks = adapter("torch")
    assert speaks.array(torch.tensor(1.5, dtype=torch.bfloat16)).dtype == np.float32
    assert speaks.array(torch.tensor(1.5, requires_grad=True)).tolist() == 1.5


def test_torch_draws_are_seeded() -> None:
    """The framework's own generator too."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    speaks = adapter("torch")
    draws = []
    for seed in (3, 3, 4):
        speaks.seed(seed)
        draws.append(float(torch.rand(())))
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("name", ["jaxx", "", "Torch", "numpy.linalg"])
def test_an_unknown_framework_is_refused(name: str) -> None:
    """The value and the choice are shown, and nothing is imported."""
    with pytest.raises(UsageError, match="choose from numpy, torch") as caught:
        adapter(name)
    assert repr(name) in str(caught.value)


def _in_module(**names: Any) -> Callable[..., Any]:
    """Return a function whose module holds the given names."""
    space: dict[str, Any] = {"__name__": "somewhere", **names}
    exec("def loss(x): return x", space)
    found: Callable[..., Any] = space["loss"]
    return found


def test_the_framework_is_what_the_module_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module, a submodule, a function or a class of a loaded framework among the globals puts it first."""
    torch, nn = ModuleType("torch"), ModuleType("torch.nn.functional")
    monkeypatch.setitem(sys.modules, "torch", torch)
    thing = type("Tensor", (), {"__module__": "torch"})
    for held in (torch, nn, thing, thing()):
        loss = _in_module(held=held)
        assert candidates(loss) == ["torch", "numpy"]
        assert candidates(functools.partial(loss, x=1)) == ["torch", "numpy"]
        owner = type("Owner", (), {"forward": loss, "loss": loss})
        assert candidates(owner().loss) == candidates(owner()) == ["torch", "numpy"]
    assert candidates(_in_module(np=np, torchlike=ModuleType("torchlike"))) == ["numpy", "torch"]


def test_a_framework_that_is_not_loaded_is_not_considered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking must not import it."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert candidates(_in_module(held=ModuleType("torch"))) == ["numpy"]
    assert "torch" not in sys.modules
