"""What elbocheck asks of a framework: array in, NumPy out, value and gradient, compile; all else follows from these."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from elbocheck.adapters import keras_stream
from elbocheck.errors import UsageError
from elbocheck.floats import BFLOAT16, FLOATS, name_of

Array = NDArray[Any]
Leaves = Mapping[str, Any]
Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True)
class Adapter(ABC):
    """How elbocheck speaks to one framework: NumPy in, NumPy out.

    Attributes:
        name: of the framework, as `--framework` takes it.
        functions: its array functions, by NumPy's names.
        kinds: the classes of its tensors.
        version: of the framework that is installed.
        oldest: the version from which it is known to work.
        differentiates: whether it has a derivative.
        dtypes: the float types that it computes in.
        device: where tensors are made; None for where the framework makes them.
        compilers: what compiles a function of tensors, by the names that reports print.
        maps: what turns a function of one datum's tensors into one of a batch's, by name.
        compiles_shapes: a call of a new shape costs a compilation, even eagerly.
    """

    name: str
    functions: Any
    kinds: tuple[type, ...]
    version: str = ""
    oldest: str = ""
    differentiates: bool = True
    dtypes: tuple[str, ...] = tuple(FLOATS)
    device: Any = None
    compilers: Mapping[str, Wrap] = field(default_factory=dict)
    maps: Mapping[str, Wrap] = field(default_factory=dict)
    compiles_shapes: bool = False

    def owns(self, value: object) -> bool:
        """Tell whether `value` is a tensor of this framework, a traced one included."""
        return isinstance(value, self.kinds)

    @abstractmethod
    def tensor(self, array: Array) -> Any:
        """Return a fresh tensor with the array's values and dtype, on the adapter's device."""

    @abstractmethod
    def array(self, value: Any) -> Array:
        """Return a tensor's values as NumPy, in its own dtype; bfloat16, which NumPy lacks, becomes `floats.BFLOAT16`."""

    @abstractmethod
    def value_and_grad(self, function: Callable[..., Any], leaves: Leaves, *others: Any) -> tuple[Any, Leaves]:
        """Return function(leaves, *others) and d sum of it / d leaf, in tensors; None where nothing depends on a leaf."""

    @abstractmethod
    def ways(self, function: Callable[..., Any], tensors: tuple[Any, ...], grad: bool) -> dict[str, Callable[..., Any]]:
        """Return the ways to run a function of tensors fast, compiled where that works, by the names that reports print.

        Args:
            function: of the tensors.
            tensors: to try it on; compiled code may hold for their shapes alone.
            grad: return value_and_grad of it instead, whose leaves come first.
        """

    def shared(self, _array: Array) -> Any:
        """Return a tensor in the array's own memory, with its strides; None where tensors have none."""
        return None

    def devices(self) -> Mapping[str, Any]:
        """Return the framework's devices by name."""
        return {"cpu": None}

    def seed(self, seed: int) -> None:
        """Seed NumPy's generator, which many losses draw from, Keras's, and the framework's own where it has one."""
        np.random.seed(seed % 2**32)
        keras_stream.seed(seed)

    def generator(self, name: str, seed: int) -> Any:
        """Return what an argument of that name takes its randomness from: a generator, or the seed itself."""
        return np.random.default_rng(seed) if name.endswith("rng") else seed

    def limit(self, _count: int) -> None:  # noqa: B027  # most have nothing to set
        """Set the number of threads, where that can be set."""

    def calling(self, _tensors: Iterable[Any]) -> AbstractContextManager[Any]:
        """Return what a call on these tensors has to be made in."""
        return nullcontext()

    def plainly(self) -> AbstractContextManager[Any]:
        """Return a context in which compiled functions run as they are written."""
        return nullcontext()

    def written(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function as it was written, without what compiles it, where it is told apart from outside."""
        return function

    def keeping(self) -> AbstractContextManager[Any]:
        """Return a context after which the framework's global generator is as it was."""
        return nullcontext()

    def timed(self, call: Callable[[], Any], _tensors: Iterable[Any]) -> Callable[[], Any]:
        """Return a call on these tensors that has done its work when it returns, with nothing else around it."""
        return call

    def gradient(self, call: Callable[[Leaves], Any], inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return d sum(call(inputs)) / d input for every input; zero where nothing depends on it."""
        leaves = {name: self.tensor(array) for name, array in inputs.items()}
        with self.calling(leaves.values()):
            slopes = self.value_and_grad(call, leaves)[1]
        found = {name: slopes.get(name) for name in inputs}
        return {n: np.zeros_like(a) if found[n] is None else self.array(found[n]) for n, a in inputs.items()}

    def on(self, device: str) -> Self:
        """Return the adapter that makes its tensors on a device.

        Raises:
            UsageError: the device is not there.
        """
        known = self.devices()
        wanted = device.lower().replace("gpu", "cuda")
        if wanted not in known:
            raise UsageError(f"no device {device!r} for {self.name}: choose from {', '.join(known)}")
        return replace(self, device=known[wanted])


def functions(home: Any, **others: Any) -> SimpleNamespace:
    """Return array functions by NumPy's names: those that are named, the rest from where a framework has them."""
    names = {name: getattr(home, name) for name in ("abs", "exp", "log", "log1p", "where", "sum") if name not in others}
    return SimpleNamespace(**names, **others)


def tried(name: str, make: Callable[[], Callable[..., Any]], tensors: tuple[Any, ...]) -> dict[str, Callable[..., Any]]:
    """Return what was made by its name, where it can be made and called; nothing where that fails in any way."""
    try:
        made = make()
        made(*tensors)
    except Exception:  # noqa: BLE001  # no compiler on this machine: a framework raises what it likes
        return {}
    return {name: made}


def by_kind(devices: Iterable[tuple[str, object, Any]]) -> dict[str, Any]:
    """Return devices by kind and number, given as (kind, number, device); the first of each kind also without a number."""
    found: dict[str, Any] = {}
    for kind, number, device in devices:
        name = kind.lower().replace("gpu", "cuda")
        found.setdefault(name, device)
        found.setdefault(f"{name}:{number}", device)
    return found


def short(array: Array) -> bool:
    """Tell whether an array of float32 holds what has to become a tensor of bfloat16."""
    return name_of(array.dtype) == "bfloat16"


def lengthened(array: Array) -> Array:
    """Return values that came as bfloat16 as the array of float32 that says so."""
    return np.array(array, dtype=np.float32).view(BFLOAT16)


def refuse_old(found: Adapter) -> None:
    """Raise UsageError where a framework is older than its adapter knows."""
    if _numbers(found.version) < _numbers(found.oldest):
        raise UsageError(f"{found.name} {found.version} is too old: elbocheck needs {found.oldest} or newer")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.partition("+")[0].split(".")[:2] if part.isdecimal()]


def hush_tensorflow() -> None:
    """Keep TensorFlow's own log out of a report, unless somebody asked for it: it goes past Python's stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
