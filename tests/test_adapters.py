"""Every adapter passes values through unchanged, protects its input and differentiates, or says that it cannot."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from elbocheck.adapters import FRAMEWORKS, Adapter, adapter, candidates, generators_kept
from elbocheck.adapters.framework import refuse_old
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
    """A loss that writes into its argument leaves the caller's array alone, and the other way round."""
    array = np.ones(3)
    tensor = speaks.tensor(array)
    array[1] = 7.0
    assert speaks.array(tensor).tolist() == [1.0, 1.0, 1.0]
    if speaks.name in ("numpy", "torch"):  # the others' tensors cannot be written into
        tensor[0] = 5.0
        assert array.tolist() == [1.0, 7.0, 1.0]
        assert speaks.array(tensor).tolist() == [5.0, 1.0, 1.0]


def test_an_adapter_is_short(speaks: Adapter) -> None:
    """What a framework needs of its own fits in ninety lines."""
    file = sys.modules[type(speaks).__module__].__file__
    assert file is not None
    assert len(Path(file).read_text(encoding="utf-8").splitlines()) <= 90


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


@pytest.fixture(params=FRAMEWORKS)
def derives(request: pytest.FixtureRequest) -> Adapter:
    """Each adapter whose framework is installed and has a derivative."""
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    return adapter(request.param)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_framework_differentiates(derives: Adapter, dtype: type[np.floating[Any]]) -> None:
    """d sum(x^2 y) is 2xy and x^2 in the inputs' dtype; where nothing depends on an input it is zero."""
    speaks = derives
    inputs = {name: np.array(values, dtype) for name, values in {"x": [1, 2], "y": [3, 4], "z": [5, 6]}.items()}

    def both(given: Mapping[str, Any]) -> Any:
        return given["x"] ** 2 * given["y"]

    assert speaks.differentiates
    slopes = speaks.gradient(both, inputs)
    assert {name: slope.tolist() for name, slope in slopes.items()} == {"x": [6, 16], "y": [1, 4], "z": [0, 0]}
    assert {slope.dtype for slope in slopes.values()} == {np.dtype(dtype)}


def detached(name: str, tensor: Any) -> Any:
    """Return a tensor that no gradient flows through."""
    if name == "torch":
        return tensor.detach()
    framework = importlib.import_module(name)
    return framework.lax.stop_gradient(tensor) if name == "jax" else framework.stop_gradient(tensor)


def test_there_is_no_slope_where_there_is_no_path(derives: Adapter) -> None:
    """A detached result, a constant tensor and a Python number have the derivative zero."""
    for constant in (
        lambda given: detached(derives.name, given["x"]) * 2,
        lambda given: derives.tensor(np.ones(len(given))),
        lambda given: float(len(given)),
    ):
        slopes = derives.gradient(constant, {"x": np.ones(2)})
        assert {name: slope.tolist() for name, slope in slopes.items()} == {"x": [0.0, 0.0]}


def test_what_numpy_lacks_is_read(derives: Adapter) -> None:
    """A bfloat16 becomes float32."""
    name = "jax.numpy" if derives.name == "jax" else derives.name
    narrow = importlib.import_module(name).bfloat16
    one = derives.tensor(np.ones(2, np.float32))
    half = {"torch": lambda: one.to(narrow), "jax": lambda: one.astype(narrow)}.get(
        derives.name, lambda: importlib.import_module("tensorflow").cast(one, narrow)
    )()
    assert derives.array(half).dtype == np.float32
    assert derives.array(half).tolist() == [1.0, 1.0]


def test_torch_reads_a_tensor_with_a_gradient() -> None:
    """It is detached."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    assert adapter("torch").array(torch.tensor(1.5, requires_grad=True)).tolist() == 1.5


def test_rows_that_were_gathered_have_a_slope() -> None:
    """TensorFlow gives it as a list of rows; it is read as the whole."""
    tf = pytest.importorskip("tensorflow", reason="tensorflow is not installed")
    slopes = adapter("tensorflow").gradient(lambda given: tf.gather(given["x"], [1, 1]) * 3.0, {"x": np.ones((3, 2))})
    assert slopes["x"].tolist() == [[0.0, 0.0], [6.0, 6.0], [0.0, 0.0]]


def test_jax_keeps_the_setting_of_its_user() -> None:
    """A call on doubles is made in doubles, a call on singles makes no doubles, and afterwards all is as it was."""
    jax = pytest.importorskip("jax", reason="jax is not installed")
    speaks, before = adapter("jax"), jax.config.jax_enable_x64
    for dtype in DTYPES:
        given = [speaks.tensor(np.ones(2, dtype))]
        with speaks.calling(given):
            assert (given[0] + jax.numpy.zeros(2)).dtype == dtype
        assert jax.config.jax_enable_x64 == before


def test_a_device_is_named(speaks: Adapter) -> None:
    """Tensors are made there; one that is absent is named with those that exist."""
    here = adapter(speaks.name, "cpu")
    assert here.array(here.tensor(np.ones(2))).tolist() == [1.0, 1.0]
    with pytest.raises(UsageError, match=f"no device 'cuda:9' for {speaks.name}: choose from cpu"):
        adapter(speaks.name, "cuda:9")


def test_a_framework_that_is_too_old_is_refused(speaks: Adapter) -> None:
    """Its version and the one that is needed are shown; a build's name and a pre-release do not confuse."""
    refuse_old(replace(speaks, version=f"{speaks.oldest}.0rc1+cpu"))
    with pytest.raises(UsageError, match=f"^{speaks.name} 0.4.1 is too old: elbocheck needs {speaks.oldest} or newer$"):
        refuse_old(replace(speaks, version="0.4.1"))


@pytest.mark.parametrize("name", ["torch", "tensorflow"])
def test_the_frameworks_own_draws_are_seeded(name: str) -> None:
    """NumPy's generator is not the only one; JAX has none."""
    framework = pytest.importorskip(name, reason=f"{name} is not installed")
    speaks, draw = adapter(name), framework.rand if name == "torch" else framework.random.uniform
    draws = []
    for seed in (3, 3, 4):
        speaks.seed(seed)
        draws.append(float(draw(())))
    assert draws[0] == draws[1] != draws[2]


def test_the_generator_of_keras_is_seeded_and_kept() -> None:
    """Its functions draw from it where they are given no seed; verifying draws from nobody's stream."""
    keras = pytest.importorskip("keras", reason="keras is not installed")
    draws = []
    with generators_kept():
        for seed in (3, 3, 2**40 + 3, 4):
            adapter("keras").seed(seed)
            draws.append(float(keras.random.uniform(())))
    assert draws[0] == draws[1] == draws[2] != draws[3]
    keras.utils.set_random_seed(5)
    first = float(keras.random.uniform(()))
    keras.utils.set_random_seed(5)
    with generators_kept():
        keras.random.uniform(())
    assert float(keras.random.uniform(())) == first


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


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh interpreter."""
    for name in (*FRAMEWORKS, "keras"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("nothing_loaded")
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


@pytest.mark.usefixtures("nothing_loaded")
@pytest.mark.parametrize(
    ("library", "framework"),
    [
        ("optax.losses", "jax"),
        ("flax.nnx", "jax"),
        ("haiku", "jax"),
        ("numpyro.distributions", "jax"),
        ("pyro", "torch"),
        ("tensorflow_probability", "tensorflow"),
        ("tensorflow_probability.python.distributions", "tensorflow"),
        ("tensorflow_probability.substrates.jax.distributions", "jax"),
        ("keras.losses", "jax"),
    ],
)
def test_a_library_speaks_the_framework_that_it_is_built_on(
    library: str, framework: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And Keras that of its backend."""
    for name in FRAMEWORKS:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    keras = ModuleType("keras")
    keras.backend = SimpleNamespace(backend=lambda: "jax")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keras", keras)
    assert candidates(_in_module(held=ModuleType(library)))[:2] == [framework, "numpy"]


@pytest.mark.usefixtures("nothing_loaded")
def test_what_a_function_names_itself_comes_before_the_rest_of_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its code, in a function inside it, or in what it closes over."""
    for name in FRAMEWORKS:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    space = {"__name__": "somewhere", "torch": sys.modules["torch"], "jnp": ModuleType("jax.numpy")}
    exec("def loss(x): return (lambda: jnp.sum(x))()", space)
    assert candidates(space["loss"]) == ["jax", "torch", "numpy", "tensorflow"]  # type: ignore[arg-type]
    tf = ModuleType("tensorflow")
    assert candidates(lambda x: tf.sum(x) + 1)[0] == "tensorflow"
    jitted = type("PjitFunction", (), {"__module__": "jaxlib._jax", "__call__": lambda self, x: x})()
    jitted.__wrapped__ = lambda x: x
    assert candidates(jitted)[0] == "jax"


@pytest.mark.usefixtures("nothing_loaded")
def test_a_framework_that_is_not_loaded_is_not_considered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking must not import it."""
    assert candidates(_in_module(held=ModuleType("torch"))) == ["numpy"]
    assert "torch" not in sys.modules
