"""The same loss compiled, mapped over data, or without what compiles it: the same values."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from elbocheck import memory
from elbocheck.adapters import Array
from elbocheck.adapters.framework import Wrap
from elbocheck.checks.case import Case, Check, Skip, finding
from elbocheck.errors import ElbocheckError, UsageError
from elbocheck.loss import Inputs
from elbocheck.models.lowered import Lowered
from elbocheck.probing.batches import chosen, same, told
from elbocheck.probing.structure import random_point
from elbocheck.verdict import Finding, Outcome

VARIANTS = ("compile", "vmap", "batch", "memory")
"""What can be asked for beyond the default run."""


def asked_for(names: Iterable[str]) -> frozenset[str]:
    """Return the variants that were asked for.

    Raises:
        UsageError: an unknown one.
    """
    given = [names] if isinstance(names, str) else list(names)
    for name in given:
        if name not in (*VARIANTS, "all"):
            raise UsageError(f"unknown variant {name!r}: choose from {', '.join(VARIANTS)} or all")
    return frozenset(VARIANTS if "all" in given else given)


@dataclass
class _Once:
    """What wraps a function the first time, and then keeps it: compiled code is called again."""

    wrap: Wrap
    made: Callable[..., Any] | None = None

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function wrapped first."""
        self.made = self.made or self.wrap(function)
        return self.made


def run(case: Case) -> Iterator[Finding]:
    """Yield each way to compile or to call the loss that gives another value."""
    yield from _written(case)
    speaks = case.loss.adapter
    for name, compiler in speaks.compilers.items() if "compile" in case.variants else ():
        yield from _working(case, name, compiler) or _compiled(case, name, compiler)
    for name, mapping in speaks.maps.items() if "vmap" in case.variants else ():
        yield from _mapped(case, name, mapping)


def _inputs(case: Case, seed: int = 0) -> Inputs:
    return case.working.inputs(random_point(case.working, np.random.default_rng(case.seed + seed)))


def _written(case: Case) -> Iterator[Finding]:
    """Yield a loss that somebody compiled already, where it is not what its source says."""
    speaks, inputs = case.loss.adapter, _inputs(case)
    plain = replace(case.loss, function=speaks.written(case.loss.function))
    if plain.function is case.loss.function and speaks.compiles_shapes:
        return
    found = case.loss(inputs).value
    try:
        with speaks.plainly():
            expected = plain(inputs).value
    except ElbocheckError:
        return
    if not same(case.working, found, expected):
        yield _differs("as it was compiled", found, expected)


def _working(case: Case, name: str, compiler: Wrap) -> list[Finding]:
    """Return that a compiler does not work here, where it fails on a sum."""
    one = case.loss.adapter.tensor(np.ones(2, np.float32))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiler(lambda given: given + given)(one)
    except Exception as error:  # noqa: BLE001  # a framework raises what it likes
        message = f"{name} does not work here: {type(error).__name__}: {' '.join(str(error).split())[:120]}"
        return [Finding("", Outcome.INCONCLUSIVE, message, "install the compiler that it needs, then ask again")]
    return []


def _compiled(case: Case, name: str, compiler: Wrap) -> Iterator[Finding]:
    """Yield a loss that another value comes out of compiled: at once, or in a second call, where it keeps the first's state."""
    counter, inputs = case.loss.counter, [_inputs(case), _inputs(case, 1)]
    plain, base = [case.loss, case.loss], case.loss
    if counter is not None and 1 in counter.states:
        inputs = [inputs[0]] * 2
        plain = [replace(case.loss, function=counter.states[n]) for n in (0, 1)]
        base = replace(case.loss, function=memory.copied(counter.states[0].template))
    compiled = replace(base, wrap=_Once(compiler))
    for call, (loss, given) in enumerate(zip(plain, inputs, strict=True)):
        expected = loss(given).value
        try:
            found = compiled(given).value
        except ElbocheckError as error:
            yield _raised(name, error)
            return
        if not same(case.working, found, expected):
            yield _differs(f"under {name}" + ", called again," * call, found, expected)
            return


def _mapped(case: Case, name: str, mapping: Wrap) -> Iterator[Finding]:
    """Yield a loss that another value comes out of for one datum at a time."""

    def each(function: Callable[..., Any]) -> Callable[..., Any]:
        return mapping(lambda *rows: function(*(row[None] for row in rows)))

    inputs, count = _inputs(case), case.working.layout.batch
    if any(not array.ndim for array in inputs.values()):
        return
    try:
        expected = [float(np.sum(case.loss(chosen(inputs, [row], count)).value)) for row in range(count)]
        found = replace(case.loss, wrap=each)(inputs).value.astype(np.float64).reshape(count, -1).sum(axis=1)
    except ElbocheckError as error:
        yield _raised(name, error)
        return
    if not same(case.working, found, np.array(expected)):
        yield _differs(f"under {name}", found, np.array(expected))


def _differs(how: str, found: Array, expected: Array) -> Finding:
    message = f"The loss {how} gives {float(np.sum(found)):.9g}; as it is written: {float(np.sum(expected)):.9g}."
    return finding("ELB007", message, None, how.removeprefix("under "))


def _raised(name: str, error: ElbocheckError) -> Finding:
    """Note a loss that cannot be compiled or mapped: loud, at once, so no more than a note."""
    fix = "Use the framework's own where and cond in place of Python branches on values, and no .item() or .numpy()."
    return finding("ELB007", f"Under {name} the loss {told(error)}.", Outcome.NOTE, name, fix)


def skipped(case: Case) -> Skip | None:
    """Skip a loss that compiled code would not see as it is probed."""
    if case.loss.noise is not None or isinstance(case.loss.function, Lowered):
        return Skip("its noise or its model is replaced, which compiled code would not see")
    return Skip("NumPy compiles nothing") if not case.loss.adapter.compilers else None


CHECK = Check("compiled", ("ELB007",), run, skipped)
