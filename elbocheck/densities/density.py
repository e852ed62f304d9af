"""What a density is: a frozen value of parametrisations (forms), each with kernels, derivatives and its
definition.

log_prob(x) = -energy(x) - log_normalizer, in nats; the energy is what a loss computes, defined for every
real x.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elbocheck.densities.arguments import require_all
from elbocheck.densities.recipe import Recipe
from elbocheck.domain import Domain, Parameter, matching
from elbocheck.errors import ParameterError, UsageError
from elbocheck.kernels._jit import Bound
from elbocheck.kernels.arrange import arrange, result_dtype
from elbocheck.kernels.elements import (
    Function,
    nothing,
    of_parameters,
    one,
    restricted,
    slope,
    together,
    used_arguments,
    whole,
)
from elbocheck.kernels.lift import Array, Element, Kernel, Lifted, Wide, narrow, scalar, sums, total, values

if TYPE_CHECKING:
    from elbocheck.precision import Certified

__all__ = ["Density", "Folded", "Form", "Parameter", "log_prob_element"]


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
        folded: the energy in a form that sums use.
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
    joint: Kernel | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def arguments(self, x: ArrayLike, parameters: Mapping[str, ArrayLike]) -> tuple[ArrayLike, ...]:
        """What kernels take."""
        return (x, *[parameters[name] for name in self.names])

    def slope_kernel(self, name: str) -> Bound:
        """The derivative of the log density by a parameter, as a kernel."""
        place = self.names.index(name)
        energy, normalizer = self.energy_grad[place], self.log_normalizer_grad[place]
        return slope(scalar(energy), None if normalizer is None else scalar(normalizer))

    @cache  # noqa: B019  # forms live as long as the program
    def slope_element(self, name: str) -> Element:
        """The same for loops."""
        return Element(together(self.slope_kernel(name)))


@dataclass(frozen=True, kw_only=True, eq=False)
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
        event_rank: 0 for densities of numbers, 1 of vectors along the last axis.
    """

    name: str
    support: Domain
    forms: tuple[Form, ...]
    source: str
    shape: str | None = None
    temper: Callable[[float, Mapping[str, float]], dict[str, float]] | None = None
    event_rank: int = 0

    def __reduce__(self) -> Any:
        """Those of the package travel to other processes by name."""
        from elbocheck.densities import DENSITIES, named

        return (named, (self.name,)) if any(self is one for one in DENSITIES) else super().__reduce__()

    def form(self, names: Any) -> Form:
        """The form with these parameter names.

        Raises:
            ParameterError: if there is none, with the closest match.
        """
        return _form(self, tuple(names))

    def log_prob(
        self, x: ArrayLike, *, tier: str = "exact", out: Array | None = None, **parameters: ArrayLike
    ) -> Array:
        """Log density in nats.

        Args:
            x: points, any shape.
            tier: "exact" computes float32 in float64 and rounds once, "fast" computes it in float32.
            out: where to store the result: a C-contiguous array of its shape and dtype.
            **parameters: of one form, broadcast against x.

        Returns:
            The broadcast shape, in the common dtype of the arrays (float32 in, float32 out); -inf outside
            the support.

        Raises:
            ParameterError: for an unknown name or a value outside its domain.
            UsageError: for an unknown tier or an `out` that does not fit.

        Example:
            >>> from elbocheck.densities import normal
            >>> float(normal.log_prob(0.0, loc=0.0, scale=1.0))
            -0.9189385332046728
        """
        form = self.form(parameters)
        if not isinstance(form.energy, Lifted):
            return self._log_prob_of_vectors(form, x, parameters)
        rows = arrange(form.arguments(x, parameters), tier, flat=True)
        found, finite = values(log_prob_element(self, form, rows.plan.layout.varies), rows, out)
        self.check(form, parameters, finite)
        return found

    def log_prob_sum(
        self, x: ArrayLike, *, axis: int | None = -1, tier: str = "exact", **parameters: ArrayLike
    ) -> Array:
        """Log density in nats, summed over the last axis of the broadcast shape, or over all.

        Args:
            x: points, any shape.
            axis: -1 or None.
            tier: as log_prob.
            **parameters: of one form, broadcast against x.

        Returns:
            The broadcast shape without its last axis (or a number), within a few ulps of the true sum.

        Raises:
            ParameterError, UsageError: as log_prob; for another axis.

        Example:
            >>> from elbocheck.densities import bernoulli
            >>> bernoulli.log_prob_sum([[0.0, 1.0], [1.0, 1.0]], logits=0.0).tolist()
            [-1.3862943611198906, -1.3862943611198906]
        """
        form = _form(self, tuple(parameters))
        if axis not in (-1, None):
            raise UsageError(f"{self.name}: axis must be -1 or None, got {axis!r}")
        if not isinstance(form.energy, Lifted):
            whole = self._log_prob_of_vectors(form, x, parameters)
            return narrow(np.asarray(np.sum(whole, axis=axis, dtype=np.float64)), whole.dtype)
        rows = arrange(form.arguments(x, parameters), tier, flat=axis is None)
        found, finite = (sums if axis == -1 else total)(log_prob_element(self, form, rows.plan.layout.varies), rows)
        self.check(form, parameters, finite)
        return found

    def value_and_grad(
        self, x: ArrayLike, wrt: str | tuple[str, ...], *, tier: str = "exact", **parameters: ArrayLike
    ) -> tuple[Array, dict[str, Array]]:
        """Log density in nats, summed over the last axis, and the derivatives of the sums, in one pass.

        Args:
            x: points, any shape.
            wrt: the parameters to differentiate by, at most three that vary along the last axis.
            tier: as log_prob.
            **parameters: of one form, broadcast against x.

        Returns:
            log_prob_sum, and by name the derivative: of the broadcast shape where a parameter varies along the last axis,
            of the shape of the sums where it does not.

        Raises:
            ParameterError, UsageError: as log_prob_sum.

        Example:
            >>> from elbocheck.densities import normal
            >>> value, grad = normal.value_and_grad([0.0, 2.0], "loc", loc=[1.0, 1.0], scale=1.0)
            >>> float(value), grad["loc"].tolist()
            (-2.8378770664093453, [-1.0, 1.0])
        """
        form = self.form(parameters)
        names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
        if unknown := [name for name in names if name not in form.names]:
            raise ParameterError(f"{self.name}: wrt must name some of {', '.join(form.names)}, got {unknown[0]!r}")
        if not isinstance(form.energy, Lifted):
            raise UsageError(f"{self.name} has no fused gradient: use grad")
        rows = arrange(form.arguments(x, parameters), tier)
        plan = rows.plan
        moving = tuple(name for name in names if plan.layout.varies[1 + form.names.index(name)])
        slopes = tuple(np.empty((plan.count, plan.size), plan.layout.result) for _ in moving)
        found, finite = sums(log_prob_element(self, form, plan.layout.varies, moving), rows, slopes)
        self.check(form, parameters, finite)
        grad = {name: narrow(slope.reshape(plan.shape), plan.dtype) for name, slope in zip(moving, slopes, strict=True)}
        for name in names:
            if name not in grad:
                grad[name] = sums(form.slope_element(name), rows)[0]
        return found, {name: grad[name] for name in names}

    def energy(self, x: ArrayLike, *, tier: str = "exact", **parameters: ArrayLike) -> Array:
        """The loss form: -log_prob without its normaliser, in nats, for every real x; shapes and dtypes as
        log_prob."""
        form, values = self._read(parameters)
        if isinstance(form.energy, Lifted):
            return form.energy(x, *form.arguments(x, parameters)[1:], tier=tier)
        return narrow(form.energy.wide(x, *values), result_dtype(x, *parameters.values()))

    def log_normalizer(self, **parameters: ArrayLike) -> Array:
        """Log of the integral (or sum) over the support of exp(-energy), in nats; shapes and dtypes as
        log_prob."""
        form, values = self._read(parameters)
        wide = np.zeros(_batch(form, values)) if form.log_normalizer is None else form.log_normalizer.wide(*values)
        return narrow(wide, result_dtype(*parameters.values()))

    def grad(self, x: ArrayLike, **parameters: ArrayLike) -> dict[str, Array]:
        """Derivative of log_prob with respect to each parameter; NaN outside the support, shapes as
        log_prob."""
        form, values = self._read(parameters)
        points = np.asarray(x, dtype=np.float64)
        dtype = result_dtype(x, *parameters.values())
        inside = self._inside(points)
        result = {}
        kernels = zip(form.parameters, form.energy_grad, form.log_normalizer_grad, strict=True)
        for parameter, energy, normalizer in kernels:
            slope = -energy.wide(points, *values)
            if normalizer is not None:
                slope = slope - normalizer.wide(*values)
            known = inside[(...,) + (None,) * parameter.event_rank]
            result[parameter.name] = narrow(np.where(known, slope, np.nan), dtype)
        return result

    def sample(
        self, rng: np.random.Generator, size: int | tuple[int, ...] | None = None, **parameters: ArrayLike
    ) -> Wide:
        """Independent draws, float64, of the given shape; by default one for each broadcast parameter."""
        form, values = self._read(parameters)
        shape = _batch(form, values) if size is None else size
        return form.draw(rng, (shape,) if isinstance(shape, int) else tuple(shape), *values)

    def oracle(self, x: float, digits: int = 50, **parameters: float) -> "Certified":
        """log_prob from the textbook formula, its normaliser by quadrature or summation, with an error bound.

        Args:
            x: one point, taken as the exact binary number it is.
            digits: asked of the unnormalised log density and of the normaliser each, relative; 1 to 1000.
            **parameters: of one form, one number (or vector, or matrix) each.

        Raises:
            OracleError: if balls, mpmath and the closed form of the normaliser do not agree.
            ParameterError: for a parameter outside its domain, or digits outside 1 to 1000.

        Example:
            >>> from elbocheck.densities import normal
            >>> str(normal.oracle(0.0, digits=20, loc=0.0, scale=1.0).value)[:22]
            '-0.9189385332046727417'
        """
        from elbocheck.oracle import log_prob

        form, arrays = self._read(parameters)
        return log_prob(self, form, x, tuple(value.tolist() for value in arrays), digits)

    def holds(self, x: Any) -> bool:
        """Whether one point, a number or a vector, lies in the support."""
        return bool(np.all(self._inside(np.asarray(x, dtype=np.float64))))

    def check(self, form: Form, parameters: Mapping[str, ArrayLike], finite: bool) -> None:
        """Raise unless the parameters lie in their domains, where that does not follow from finite results.

        Raises:
            ParameterError: naming the first that does not, its value and its domain.
        """
        require_all(self.name, form.parameters, parameters, finite)
        if form.increasing is not None:
            self._require_increasing(form, [np.asarray(parameters[name], dtype=np.float64) for name in form.names])

    def _log_prob_of_vectors(self, form: Form, x: ArrayLike, parameters: Mapping[str, ArrayLike]) -> Array:
        form, values = self._read(parameters)
        points = np.asarray(x, dtype=np.float64)
        value = -form.energy.wide(points, *values)
        if form.log_normalizer is not None:
            value = value - form.log_normalizer.wide(*values)
        known = self._inside(points) | np.isnan(points).any(axis=-1)
        return narrow(np.where(known, value, -np.inf), result_dtype(x, *parameters.values()))

    def _inside(self, points: Wide) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):  # an infinity has no remainder
            inside = np.asarray(self.support.holds(points), dtype=np.bool_)
        return inside if inside.ndim == points.ndim - self.event_rank else np.all(inside, axis=-1, keepdims=False)

    def _read(self, parameters: Mapping[str, ArrayLike]) -> tuple[Form, list[Wide]]:
        """The form that the names select and its checked parameters in order, as float64."""
        form = self.form(parameters)
        values = [np.asarray(parameters[name], dtype=np.float64) for name in form.names]
        with np.errstate(invalid="ignore"):  # an infinity has no remainder
            for parameter, value in zip(form.parameters, values, strict=True):
                parameter.require(self.name, value)
        if form.increasing is not None:
            self._require_increasing(form, values)
        return form, values

    def _require_increasing(self, form: Form, values: list[Wide]) -> None:
        names = form.increasing or ("", "")
        first, second = np.broadcast_arrays(*(values[form.names.index(name)] for name in names))
        wrong = ~(first < second)
        if wrong.any():
            pair = f"{float(first[wrong][0])!r} and {float(second[wrong][0])!r}"
            raise ParameterError(f"{self.name}: {names[0]} must be < {names[1]}, got {pair}")


@cache
def _form(density: Density, names: tuple[str, ...]) -> Form:
    return matching(density.name, density.forms, names)


@cache
def log_prob_element(density: Density, form: Form, varies: tuple[bool, ...], wrt: tuple[str, ...] = ()) -> Element:
    """The loop's element: the log normaliser is one number for each row, where none of its arguments varies along it."""
    slopes = tuple(form.slope_kernel(name) for name in wrt)
    normalizer = None if form.log_normalizer is None else scalar(form.log_normalizer)
    moving = normalizer if normalizer is not None and _moves(normalizer, varies[1:]) else None
    constant: Function = nothing if normalizer is None or moving is not None else of_parameters(normalizer)
    if moving is not None and form.joint is not None:
        return Element(together(restricted(scalar(form.joint), density.support), slopes), constant, -1.0)

    def complete(kernel: Function) -> Function:
        inside = restricted(kernel, density.support)
        return inside if moving is None else whole(inside, moving)

    value, folded = together(complete(scalar(form.energy)), slopes), form.folded
    if folded is None or _moves(folded.weight, varies):
        return Element(value, constant, -1.0)
    apart = together(complete(folded.rest), (folded.odds, *slopes))
    return Element(value, constant, -1.0, apart, folded.weight)


def _moves(kernel: Function, varies: tuple[bool, ...]) -> bool:
    """Whether a kernel uses an argument that varies along a row."""
    return any(vary and use for vary, use in zip(varies, used_arguments(kernel), strict=False))


def _batch(form: Form, values: list[Wide]) -> tuple[int, ...]:
    """The broadcast shape of the parameters without the axes of vectors and matrices."""
    pairs = zip(form.parameters, values, strict=True)
    return np.broadcast_shapes(*(value.shape[: value.ndim - parameter.event_rank] for parameter, value in pairs))
