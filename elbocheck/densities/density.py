"""What a density is: a frozen value of parametrisations (forms), each with kernels, derivatives and its
definition.

log_prob(x) = -energy(x) - log_normalizer, in nats; the energy is what a loss computes, defined for every
real x.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from elbocheck.densities.arguments import require_all
from elbocheck.densities.element import log_prob_element
from elbocheck.densities.form import Folded, Form
from elbocheck.densities.prepared import prepared
from elbocheck.domain import Domain, Parameter, matching
from elbocheck.errors import ParameterError, UsageError
from elbocheck.kernels.arrange import Rows, arrange, result_dtype, spelled
from elbocheck.kernels.lift import Array, Lifted, Wide, narrow, sums, total, values

if TYPE_CHECKING:
    from elbocheck.precision import Certified

__all__ = ["Density", "Folded", "Form", "Parameter", "log_prob_element"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Density:
    """A probability density or mass function; every method takes the parameters of one of its forms by name.

    Attributes:
        name: lower case, as reports print it.
        support: where the density is positive.
        forms: the parametrisations, the usual one first.
        source: reference with equation number.
        shape: the name of the free shape parameter, if any.
        temper: (weight, parameters) to the parameters of the member proportional to density**weight, whose energy is weight
            times as large, or a ParameterError where that has no finite mass; None if there is none.
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
        if axis == -1 and self.event_rank == 0:
            specs, given = spelled((x, *parameters.values()))
            form, ready, summed, told, _ = prepared(self, tuple(parameters), specs, tier)
            found, finite = summed(ready(given))
            if not (told and finite):
                self.check(form, parameters, finite)
            return found
        form = self.form(parameters)
        if axis not in (-1, None):
            raise UsageError(f"{self.name}: axis must be -1 or None, got {axis!r}")
        if not isinstance(form.energy, Lifted):
            whole = self._log_prob_of_vectors(form, x, parameters)
            return narrow(np.asarray(np.sum(whole, axis=axis, dtype=np.float64)), whole.dtype)
        rows = arrange(form.arguments(x, parameters), tier, flat=True)
        found, finite = total(log_prob_element(self, form, rows.plan.layout.varies), rows)
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
        names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
        if self.event_rank:
            raise UsageError(f"{self.name} has no fused gradient: use grad")
        specs, given = spelled((x, *parameters.values()))
        form, ready, summed, told, moving = prepared(self, tuple(parameters), specs, tier, names)
        plan, arrays = ready.plan, ready(given)
        slopes = tuple([np.empty((plan.count, plan.size), plan.stored) for _ in moving])
        found, finite = summed(arrays, slopes)
        if not (told and finite):
            self.check(form, parameters, finite)
        grad = {name: narrow(slope.reshape(plan.shape), plan.dtype) for name, slope in zip(moving, slopes, strict=True)}
        for name in names:
            if name not in grad:
                grad[name] = sums(form.slope_element(name), Rows(plan, arrays))[0]
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


def _batch(form: Form, values: list[Wide]) -> tuple[int, ...]:
    """The broadcast shape of the parameters without the axes of vectors and matrices."""
    pairs = zip(form.parameters, values, strict=True)
    return np.broadcast_shapes(*(value.shape[: value.ndim - parameter.event_rank] for parameter, value in pairs))
