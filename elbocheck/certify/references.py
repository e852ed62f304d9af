"""Every kernel beside the truth that it is held against: definitions, closed forms, and their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from elbocheck.budget import BUDGETS
from elbocheck.certify import spread
from elbocheck.certify.members import subject
from elbocheck.densities.density import Density, Form
from elbocheck.divergences.divergence import Divergence
from elbocheck.domain import Integers
from elbocheck.kernels.lift import Kernel
from elbocheck.oracle import exact

__all__ = ["Reference", "density_references", "divergence_references"]

Truth = Callable[..., Any]


@dataclass(frozen=True)
class Reference:
    """A kernel and the truth it is held against.

    Attributes:
        name: family and kernel, the key of its budget.
        owner: the row of the table it belongs to.
        kernel: the compiled function of float arrays.
        truth: (m, *arguments) in the vocabulary of definitions.
        place: the argument that the truth is differentiated in; None for the value itself.
        sample: (generator, count) to arrays of arguments.
        whole: places of arguments that are integers.
        increasing: places of two arguments of which the first must be less than the second.
    """

    name: str
    owner: str
    kernel: Kernel
    truth: Truth
    place: int | None
    sample: Callable[[np.random.Generator, int], list[Any]]
    whole: tuple[int, ...] = ()
    increasing: tuple[int, int] | None = None

    @property
    def share(self) -> int:
        """One in how many points it gets: values of data the most, normalisers fewer, derivatives fewest."""
        return 20 if self.place is not None else 10 if ".normalizer" in self.name else 1

    @property
    def excused(self) -> bool:
        """Whether errors are excused by conditioning: the budget says so, or there is none."""
        return self.name not in BUDGETS or BUDGETS[self.name].of_terms

    def balls(self, m: Any, arguments: Any) -> Any:
        """The truth at one point, as a ball."""
        if self.place is None:
            return self.truth(m, *(m.exact(value) for value in arguments))
        return self.truth(m, *(exact(m, value, vary=i == self.place) for i, value in enumerate(arguments)))


def density_references(density: Density) -> Iterator[Reference]:
    """Every kernel of every form of a density of numbers, against its definition and closed form."""
    for form in density.forms:
        if any(parameter.event_rank for parameter in form.parameters):
            continue
        whole = tuple(i for i, p in enumerate(form.parameters) if isinstance(p.domain, Integers))
        yield from _energies(density, form, whole)
        yield from _normalizers(density, form, whole)


def _energies(density: Density, form: Form, whole: tuple[int, ...]) -> Iterator[Reference]:
    def sample(rng: np.random.Generator, count: int) -> list[Any]:
        values = spread.columns(form, rng, count)
        return [spread.points(density, form, values, rng), *values]

    def energy(m: Any, x: Any, *values: Any) -> Any:
        return -form.definition(m, x, *values)

    discrete = (0,) if isinstance(density.support, Integers) else ()
    integers, ordered = (*discrete, *(i + 1 for i in whole)), _ordered(form, 1)
    owner = subject(density, form)
    yield Reference(_title(density.name, form.energy), owner, form.energy, energy, None, sample, integers, ordered)
    for i, kernel in enumerate(form.energy_grad):
        if i not in whole:
            yield Reference(_title(density.name, kernel), owner, kernel, energy, i + 1, sample, integers, ordered)


def _ordered(form: Form, first: int) -> tuple[int, int] | None:
    """Where the parameters that must increase stand among a kernel's arguments."""
    if form.increasing is None:
        return None
    low, high = (form.names.index(name) + first for name in form.increasing)
    return low, high


def _normalizers(density: Density, form: Form, whole: tuple[int, ...]) -> Iterator[Reference]:
    if form.log_normalizer is None or form.log_mass is None:
        return

    def sample(rng: np.random.Generator, count: int) -> list[Any]:
        return spread.columns(form, rng, count)

    owner, title, ordered = subject(density, form), _title(density.name, form.log_normalizer), _ordered(form, 0)
    yield Reference(title, owner, form.log_normalizer, form.log_mass, None, sample, whole, ordered)
    for i, kernel in enumerate(form.log_normalizer_grad):
        if kernel is not None:
            yield Reference(_title(density.name, kernel), owner, kernel, form.log_mass, i, sample, whole, ordered)


def divergence_references(divergence: Divergence) -> Iterator[Reference]:
    """Every kernel of a divergence, against its closed form."""
    for form in divergence.forms:

        def sample(rng: np.random.Generator, count: int, form: Any = form) -> list[Any]:
            return spread.columns(form, rng, count)

        for place, kernel in zip((None, *range(len(form.parameters))), (form.kl, *form.kl_grad), strict=True):
            title = _title(divergence.name, kernel)
            yield Reference(title, divergence.name, kernel, form.closed, place, sample)


def _title(owner: str, kernel: Any) -> str:
    scalar = getattr(kernel, "scalar", kernel)
    return f"{owner}.{scalar.__name__.strip('_')}"
