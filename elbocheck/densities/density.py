"""What a density is: a frozen value of parametrisations (forms), each with kernels, derivatives and its
definition.

log_prob(x) = -energy(x) - log_normalizer, in nats; the energy is what a loss computes, defined for every
real x.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elbocheck.domain import Domain, Integers, Parameter, matching
from elbocheck.errors import OracleError
from elbocheck.kernels.lift import Array, Lifted, Wide, narrow, result_dtype

if TYPE_CHECKING:
    from elbocheck.precision import Certified

__all__ = ["Density", "Form", "Parameter"]


@dataclass(frozen=True, kw_only=True)
class Form:
    """One parametrisation of a density.

    Attributes:
        parameters: in the order of the kernels' arguments.
        energy: kernel (x, *parameters) of -log_prob without its normaliser.
        energy_grad: its derivative with respect to each parameter, kernels of the same arguments.
        log_normalizer: kernel (*parameters) of the log of the integral or sum of exp(-energy); None stands
            for 0.
        log_normalizer_grad: its derivatives, None where 0.
        definition: (mpmath context, x, *parameters) to the log of the textbook density without its
            normaliser.
        breaks: (mpmath context, *parameters) to the quadrature's break points; None where the support is
            discrete.
        draw: (generator, shape, *parameters) to samples.
    """

    parameters: tuple[Parameter, ...]
    energy: Lifted
    energy_grad: tuple[Lifted, ...]
    log_normalizer: Lifted | None
    log_normalizer_grad: tuple[Lifted | None, ...]
    definition: Callable[..., Any]
    breaks: Callable[..., list[Any]] | None
    draw: Callable[..., Wide]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(parameter.name for parameter in self.parameters)


@dataclass(frozen=True, kw_only=True)
class Density:
    """A probability density or mass function; every method takes the parameters of one of its forms by name.

    Attributes:
        name: lower case, as reports print it.
        support: where the density is positive.
        forms: the parametrisations, the usual one first.
        source: reference with equation number.
        shape: the name of the free shape parameter, if any.
        temper: (weight, parameters) to the parameters of the member proportional to density**weight; None
            if there is none.
        log_concave: whether the tails are log-concave, which bounds them for the quadrature.
    """

    name: str
    support: Domain
    forms: tuple[Form, ...]
    source: str
    shape: str | None = None
    temper: Callable[[float, Mapping[str, float]], dict[str, float]] | None = None
    log_concave: bool = True

    def form(self, names: Any) -> Form:
        """The form with these parameter names.

        Raises:
            ParameterError: if there is none, with the closest match.
        """
        return matching(self.name, self.forms, names)

    def log_prob(self, x: ArrayLike, **parameters: ArrayLike) -> Array:
        """Log density in nats.

        Args:
            x: points, any shape.
            **parameters: of one form, broadcast against x.

        Returns:
            The broadcast shape, in the common dtype of the arrays (float32 in, float32 out); -inf outside
            the support.

        Raises:
            ParameterError: for an unknown name or a value outside its domain.

        Example:
            >>> from elbocheck.densities import normal
            >>> float(normal.log_prob(0.0, loc=0.0, scale=1.0))
            -0.9189385332046728
        """
        form, values = self._read(parameters)
        points = np.asarray(x, dtype=np.float64)
        value = -form.energy.wide(points, *values)
        if form.log_normalizer is not None:
            with np.errstate(invalid="ignore"):
                value = value - form.log_normalizer.wide(*values)
        inside = self._inside(points) | np.isnan(points)
        return narrow(np.where(inside, value, -np.inf), result_dtype(x, *parameters.values()))

    def energy(self, x: ArrayLike, **parameters: ArrayLike) -> Array:
        """The loss form: -log_prob without its normaliser, in nats, for every real x; shapes and dtypes as
        log_prob."""
        form, values = self._read(parameters)
        return narrow(form.energy.wide(x, *values), result_dtype(x, *parameters.values()))

    def log_normalizer(self, **parameters: ArrayLike) -> Array:
        """Log of the integral (or sum) over the support of exp(-energy), in nats; shapes and dtypes as
        log_prob."""
        form, values = self._read(parameters)
        shape = np.broadcast_shapes(*(value.shape for value in values))
        wide = np.zeros(shape) if form.log_normalizer is None else form.log_normalizer.wide(*values)
        return narrow(wide, result_dtype(*parameters.values()))

    def grad(self, x: ArrayLike, **parameters: ArrayLike) -> dict[str, Array]:
        """Derivative of log_prob with respect to each parameter; NaN outside the support, shapes as
        log_prob."""
        form, values = self._read(parameters)
        points = np.asarray(x, dtype=np.float64)
        dtype = result_dtype(x, *parameters.values())
        inside = self._inside(points)
        result = {}
        for name, energy, normalizer in zip(form.names, form.energy_grad, form.log_normalizer_grad, strict=True):
            slope = -energy.wide(points, *values)
            if normalizer is not None:
                slope = slope - normalizer.wide(*values)
            result[name] = narrow(np.where(inside, slope, np.nan), dtype)
        return result

    def sample(
        self, rng: np.random.Generator, size: int | tuple[int, ...] | None = None, **parameters: ArrayLike
    ) -> Wide:
        """Independent draws, float64, of the given shape; by default one for each broadcast parameter."""
        form, values = self._read(parameters)
        shape = np.broadcast_shapes(*(value.shape for value in values)) if size is None else size
        return form.draw(rng, (shape,) if isinstance(shape, int) else tuple(shape), *values)

    def oracle(self, x: float, digits: int = 50, **parameters: float) -> "Certified":
        """log_prob from the textbook formula, its normaliser by quadrature or summation, with an error bound.

        Args:
            x: one point, taken as the exact binary number it is.
            digits: asked of the unnormalised log density and of the normaliser each, relative.
            **parameters: of one form, one number each.

        Raises:
            OracleError: if two computations disagree.

        Example:
            >>> from elbocheck.densities import normal
            >>> str(normal.oracle(0.0, digits=20, loc=0.0, scale=1.0).value)[:22]
            '-0.9189385332046727417'
        """
        from elbocheck.precision import Certified, agree, context

        form, arrays = self._read(parameters)
        values = tuple(float(value) for value in arrays)
        if float(x) not in self.support:
            ctx = context(digits)
            return Certified(-ctx.inf, ctx.zero, "outside the support")
        height = agree(lambda ctx: form.definition(ctx, ctx.mpf(float(x)), *map(ctx.mpf, values)), digits)
        return height - _mass(self, form, values, digits).log()

    def _inside(self, points: Wide) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):  # an infinity has no remainder
            return np.asarray(self.support.holds(points))

    def _read(self, parameters: Mapping[str, ArrayLike]) -> tuple[Form, list[Wide]]:
        """The form that the names select and its checked parameters in order, as float64."""
        form = self.form(parameters)
        values = [np.asarray(parameters[name], dtype=np.float64) for name in form.names]
        for parameter, value in zip(form.parameters, values, strict=True):
            parameter.require(self.name, value)
        return form, values


@lru_cache(maxsize=4096)
def _mass(density: Density, form: Form, values: tuple[float, ...], digits: int) -> "Certified":
    """The integral or sum over the support of the unnormalised textbook density."""
    from elbocheck.precision import agree, integrate, log_concave_tail

    def unnormalised(ctx: Any, t: Any) -> Any:
        return ctx.exp(form.definition(ctx, t, *map(ctx.mpf, values)))

    if isinstance(density.support, Integers):
        low, high = density.support.low, density.support.high
        if high == np.inf:
            raise OracleError(f"{density.name}: no recipe yet for a sum over infinitely many integers")
        return agree(lambda ctx: ctx.fsum(unnormalised(ctx, ctx.mpf(k)) for k in range(low, int(high) + 1)), digits)
    if form.breaks is None:
        raise OracleError(f"{density.name} {form.names}: quadrature needs break points")
    breaks = form.breaks
    tail = log_concave_tail(unnormalised) if density.log_concave else None
    return integrate(unnormalised, lambda ctx: breaks(ctx, *map(ctx.mpf, values)), digits, tail)
