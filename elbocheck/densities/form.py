"""What a parametrisation is: kernels, their derivatives, and the definition that they are held against."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elbocheck.densities.recipe import Recipe
from elbocheck.domain import Parameter
from elbocheck.kernels.elements import Function, one, together, whole
from elbocheck.kernels.lift import Element, Kernel, Summation, Wide, scalar

__all__ = ["Folded", "Form"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Folded:
    """An energy as rest + weight log(1 + odds), of which many are summed with few logarithms: scalar kernels of x and the
    parameters.

    Attributes:
        rest: what is no logarithm.
        odds: at least 0.
        weight: of parameters alone.
    """

    rest: Function
    odds: Function
    weight: Function = one


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """One parametrisation of a density.

    Attributes:
        parameters: in the order of the kernels' arguments.
        energy: kernel (x, *parameters) of -log_prob without its normaliser.
        energy_grad: its derivative with respect to each parameter, kernels of the same arguments.
        log_normalizer: kernel (*parameters) of the log of the integral or sum of exp(-energy); None stands
            for 0.
        log_normalizer_grad: its derivatives, None where 0.
        definition: (m, x, *parameters) to the log of the textbook density without its normaliser, in the
            vocabulary of `elbocheck.arithmetic`, like what follows.
        log_mass: (m, *parameters) to the closed form of the log normaliser; None stands for 0.
        recipe: how the mass is found without the closed form.
        draw: (generator, shape, *parameters) to samples.
        kinks: (m, *parameters) to the points where the definition is not smooth; None where there are none.
        entropy: (m, *parameters) to the closed form of the entropy in nats, where there is one.
        kl: (m, parameters, parameters of another member) to the closed form of KL(this || other), where there
            is one.
        example: generator to random parameters, where their domains alone do not tell.
        increasing: names of two parameters of which the first must be less than the second.
        folded: the energy, or what is joint, in a form that sums use.
        wide_normalizer: whether the log normaliser of each value is computed in float64 in the tier `fast` too: where float32
            is ulps off and its loop is not in vectors, so that it costs nothing.
        wide: the same of the whole.
        mended: whether sums of the tier `fast` put back what roundings cost, as it does where each value is stored: a sum of
            equals is off by as many ulps as one of them.
        summation: how values are added: kept first where the whole is wide.
        joint: kernel (x, *parameters) of the energy and the log normaliser together, where apart they cancel or cost more.
    """

    parameters: tuple[Parameter, ...]
    energy: Kernel
    energy_grad: tuple[Kernel, ...]
    log_normalizer: Kernel | None
    log_normalizer_grad: tuple[Kernel | None, ...]
    definition: Callable[..., Any]
    log_mass: Callable[..., Any] | None
    recipe: Recipe
    draw: Callable[..., Wide]
    entropy: Callable[..., Any] | None = None
    kl: Callable[..., Any] | None = None
    kinks: Callable[..., list[Any]] | None = None
    example: Callable[[np.random.Generator], tuple[Any, ...]] | None = None
    increasing: tuple[str, str] | None = None
    folded: Folded | None = None
    wide_normalizer: bool = False
    wide: bool = False
    mended: bool = False
    summation: Summation = Summation.BLOCKS
    joint: Kernel | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def arguments(self, x: ArrayLike, parameters: Mapping[str, ArrayLike]) -> tuple[ArrayLike, ...]:
        """What kernels take."""
        return (x, *map(parameters.__getitem__, self.names))

    def slope_kernel(self, name: str) -> Function:
        """The derivative of minus the log density by a parameter, as a kernel."""
        place = self.names.index(name)
        energy, normalizer = self.energy_grad[place], self.log_normalizer_grad[place]
        return scalar(energy) if normalizer is None else whole(scalar(energy), scalar(normalizer))

    @cache  # noqa: B019  # forms live as long as the program
    def slope_element(self, name: str) -> Element:
        """The derivative of the log density, for loops."""
        return Element(together(self.slope_kernel(name)), sign=-1.0)
