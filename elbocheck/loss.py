"""A loss with its roles bound: NumPy arrays by role in, NumPy out, whatever framework is inside."""

from __future__ import annotations

import io
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from elbocheck.adapters import FRAMEWORKS, Adapter, Array, adapter, candidates, plain_function
from elbocheck.adapters.framework import Wrap
from elbocheck.binding import Binding, bind
from elbocheck.errors import CallError, ElbocheckError
from elbocheck.memory import Counter
from elbocheck.mixtures import Mixture
from elbocheck.models.lowered import Lowered
from elbocheck.noise import Noise, capturing
from elbocheck.results import Result, pick, read, total
from elbocheck.roles import Key, Role

Inputs = Mapping[Role, Array]


@dataclass
class Calls:
    """How often the loss was called."""

    values: int = 0
    gradients: int = 0


@dataclass(frozen=True)
class Loss:
    """The user's callable with its roles bound.

    Attributes:
        function: the callable.
        target: how the user named it.
        binding: which argument plays which role.
        adapter: the framework it speaks.
        seed: what its generators are seeded with before every call.
        device: where its tensors are made; None for where the framework makes them.
        draws: whether its value may hang on generators; they are left alone where it is known not to.
        member: which member of a returned container is the loss, where no name says so.
        noise: the random function inside, in the binding, whose draws are replaced by the role eps.
        calls: how often it was called so far.
        counter: what changes it from call to call, where something does.
        wrap: what compiles, or maps over data, the function of its tensors; None for the loss as it is.
        mixture: how it takes the components of a mixture, all of which are alike then; None where it takes none.
    """

    function: Callable[..., Any]
    target: str
    binding: Binding
    adapter: Adapter
    seed: int = 0
    device: str | None = None
    draws: bool = True
    member: str | None = None
    noise: str | None = None
    calls: Calls = field(default_factory=Calls, compare=False)
    counter: Counter | None = None
    wrap: Wrap | None = None
    mixture: Mixture | None = None

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        *,
        target: str | None = None,
        roles: Mapping[Key, str | float] | None = None,
        constants: Mapping[Key, Any] | None = None,
        framework: str | None = None,
        seed: int = 0,
        device: str | None = None,
    ) -> Loss:
        """Bind the roles of `function`.

        Args:
            function: the loss.
            target: a name for the report; by default the function's own.
            roles: overrides, argument (name or position) to role.
            constants: arguments to keep at a value.
            framework: `numpy`, `torch`, `jax`, `tensorflow` or `keras`; by default what the function's module uses.
            seed: seeds the framework's generators before every call.
            device: where its tensors are made, e.g. `cuda:0`.

        Raises:
            UsageError: a role that cannot be resolved, an unknown framework, device or argument.
        """
        name = target or named(function)
        speaks = adapter(framework or candidates(function)[0], device)
        return cls(function, name, bind(function, roles, constants), speaks, seed, device)

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that the loss takes: of a mixture, those of a component."""
        return frozenset(self.binding.roles.values()) - (set() if self.mixture is None else {Role.MIXTURE})

    def speaking(self, framework: str) -> Loss:
        """Return the same loss called through another framework's tensors."""
        return replace(self, adapter=adapter(framework, self.device))

    def __call__(self, inputs: Inputs) -> Result:
        """Call the loss once.

        Args:
            inputs: one array for each role the loss takes.

        Raises:
            CallError: the loss raised (ELB001) or returned what is no loss (ELB004).
        """
        self.calls.values += 1
        tensors = self._tensors(inputs)
        return read(self._run(tensors), self.adapter, self.member)

    def in_memory(self, inputs: Inputs) -> Result:
        """Call the loss once on tensors in the arrays' own memory, strides included, which it may overwrite.

        Raises:
            CallError: the loss raised (ELB001) or returned what is no loss (ELB004).
        """
        self.calls.values += 1
        tensors = {role: self.adapter.shared(array) for role, array in self._given(inputs).items()}
        return read(self._run(tensors), self.adapter, self.member)

    def totalled(self, inputs: Inputs) -> Loss:
        """Return the loss with the member that is the sum of the others read as its value, where there is one."""
        tensors = self._tensors(inputs)
        return replace(self, member=total(self._run(tensors), self.adapter))

    def mutated(self, inputs: Inputs) -> list[Role]:
        """Return the roles whose tensor the loss changed in place during one call."""
        self.calls.values += 1
        tensors = self._tensors(inputs)
        self._run(tensors)
        given = self._given(inputs)
        return [r for r in self.roles if not np.array_equal(self.adapter.array(tensors[r]), given[r], equal_nan=True)]

    def gradient(self, inputs: Inputs, wrt: Mapping[Role, Array]) -> dict[Role, Array]:
        """Return d sum(loss) / d role by automatic differentiation, for the roles in `wrt`.

        Raises:
            CallError: the loss or its derivative raised.
        """
        self.calls.gradients += 1
        given = self._given({**inputs, **wrt})
        others = {role: self.adapter.tensor(array) for role, array in given.items() if role not in wrt}

        def call(leaves: Mapping[str, Any]) -> Any:
            leaf = {Role(name): leaf for name, leaf in leaves.items()}
            return pick(self._run({**others, **leaf}), self.adapter, self.member)[0]

        slopes = self.adapter.gradient(call, {role.value: given[role] for role in wrt})
        found = {Role(name): slope for name, slope in slopes.items()}
        return found if self.mixture is None else {r: self.mixture.added(r, s) for r, s in found.items()}

    def repeated(self, inputs: Inputs) -> Callable[[], Any]:
        """Return a call of the loss on these arrays with nothing around it, to be timed."""
        tensors = self._tensors(inputs)
        args, kwargs = self._arguments(tensors)
        return self.adapter.timed(lambda: self.function(*args, **kwargs), tensors.values())

    def repeated_gradient(self, inputs: Inputs, wrt: Role) -> Callable[[], Any] | None:
        """Return the same with its derivative by one role; None where the framework has none."""
        tensors = self._tensors(inputs)

        def call(leaves: Mapping[str, Any]) -> Any:
            args, kwargs = self._arguments({**tensors, wrt: leaves[wrt.value]})
            return pick(self.function(*args, **kwargs), self.adapter, self.member)[0]

        if not self.adapter.differentiates:
            return None
        both = partial(self.adapter.value_and_grad, call, {wrt.value: tensors[wrt]})
        return self.adapter.timed(both, tensors.values())

    def _given(self, inputs: Inputs) -> dict[Role, Array]:
        """Return the arrays that the loss takes."""
        given = inputs if self.mixture is None else self.mixture.spread(inputs)
        return {role: np.asarray(given[role]) for role in self.binding.roles.values()}

    def _tensors(self, inputs: Inputs) -> dict[Role, Any]:
        return {role: self.adapter.tensor(array) for role, array in self._given(inputs).items()}

    def _run(self, tensors: Mapping[Role, Any]) -> Any:
        args, kwargs = self._arguments(tensors)
        if self.draws:
            self.adapter.seed(self.seed)  # TensorFlow throws its compiled kernels away each time
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                with self.adapter.calling(tensors.values()), self._around(tensors):
                    return self.function(*args, **kwargs) if self.wrap is None else self._wrapped(tensors)
        except ElbocheckError:  # ours: a probe model that cannot answer
            raise
        except (Exception, SystemExit) as error:
            raise CallError("ELB001", _where(error), _remedy(error)) from error

    def _wrapped(self, tensors: Mapping[Role, Any]) -> Any:
        """Return the loss of the wrapped function, which takes nothing but tensors: constants are no arguments of it."""
        roles = sorted(tensors)

        def call(*given: Any) -> Any:
            args, kwargs = self._arguments(dict(zip(roles, given, strict=True)))
            return pick(self.function(*args, **kwargs), self.adapter, self.member)[0]

        assert self.wrap is not None
        return self.wrap(call)(*(tensors[role] for role in roles))

    @contextmanager
    def _around(self, tensors: Mapping[Role, Any]) -> Iterator[None]:
        """Replace the noise that the loss draws; what is compiled runs as it is written, or it would not be seen."""
        with ExitStack() as stack:
            if self.noise is not None or isinstance(self.function, Lowered):
                stack.enter_context(self.adapter.plainly())
            if self.noise is not None:
                eps = tensors[Role.EPS]
                stack.enter_context(capturing(Noise(eps, tuple(eps.shape)), self._globals))
            yield

    @property
    def _globals(self) -> dict[str, Any]:
        """The names of the module that the loss stands in."""
        found: dict[str, Any] = getattr(plain_function(self.function), "__globals__", {})
        return found

    def drawing(self, inputs: Inputs, shape: tuple[int, ...]) -> Loss:
        """Return the loss with the one draw of standard normal noise that it makes, in this shape, as an argument eps."""
        watched = Noise(None, shape)
        written = replace(self, function=self.adapter.written(self.function))
        with self.adapter.plainly(), capturing(watched, self._globals):
            written(inputs)
        if Role.EPS in self.roles or len(watched.taken) != 1:
            return self
        name = f"{watched.taken[0]}()"
        roles = {**self.binding.roles, name: Role.EPS}
        return replace(written, binding=replace(self.binding, roles=roles), noise=name)

    def _arguments(self, tensors: Mapping[Role, Any]) -> tuple[list[Any], dict[str, Any]]:
        values: dict[Key, Any] = dict(self.binding.constants)
        seeded = [key for key, role in self.binding.states.items() if role is Role.SEED]
        values.update({key: self.adapter.generator(str(key), self.seed) for key in seeded})
        values.update({key: tensors[role] for key, role in self.binding.roles.items() if key != self.noise})
        values.update({key: self._batch(values[key], *self.binding.packed[key]) for key in self.binding.packed})
        leading = [*self.binding.positional, *sorted(k for k in values if isinstance(k, int))]
        args = [values.pop(key) for key in dict.fromkeys(leading) if key in values]
        return args, {str(key): value for key, value in values.items()}

    def _batch(self, data: Any, place: int, count: int) -> tuple[Any, ...]:
        """Return the data among the members of a batch; the others are labels, the class 0 for every datum."""
        labels = self.adapter.tensor(np.zeros(len(data), dtype=np.int64))
        return tuple(data if at == place else labels for at in range(count))


def named(function: Callable[..., Any]) -> str:
    """Return what a function calls itself."""
    return getattr(function, "__qualname__", None) or type(function).__name__


ORDINARY = "make the loss accept ordinary input of this shape"


def _remedy(error: BaseException) -> str:
    if isinstance(error, KeyError) and error.args:
        return f"pass it: --set {error.args[0]}=VALUE"
    if isinstance(error, ModuleNotFoundError) and error.name in FRAMEWORKS:
        return f"install it: pip install 'elbocheck[{error.name}]'"
    if any(word in str(error).lower() for word in ("cuda", "gpu")):
        return "if this machine lacks the device it asks for: let it follow the device of its arguments"
    if "unpack" in str(error):
        return "an argument is taken apart inside: wrap the loss in a function that takes each tensor by its own name"
    return ORDINARY


_OWN = ("elbocheck/loss.py", "elbocheck/models/")
"""Between a call of ours and the user's code."""


def _where(error: BaseException) -> str:
    """Say what was raised, and at which line of whose file."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not any(own in f.filename.replace("\\", "/") for own in _OWN)]
    place = f" ({theirs[0].filename}:{theirs[0].lineno}: {theirs[0].line})" if theirs else ""
    message = " ".join(str(error).split())
    return f"raised {type(error).__name__}: {message[:200]}{place}"
