"""What a divergence is: a frozen value of parametrisations, each with kernels, derivatives and its
definition."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from elbocheck.densities.arguments import require_all
from elbocheck.densities.density import Form
from elbocheck.domain import Parameter, matching
from elbocheck.kernels.arrange import arrange, result_dtype
from elbocheck.kernels.elements import together
from elbocheck.kernels.lift import Array, Element, Lifted, Wide, narrow, sums, values

if TYPE_CHECKING:
    from elbocheck.precision import Certified

__all__ = ["Divergence", "DivergenceForm"]


@dataclass(frozen=True, kw_only=True)
class DivergenceForm:
    """One parametrisation of a divergence.

    Attributes:
        parameters: in the order of the kernels' arguments.
        kl: kernel (*parameters) in nats.
        kl_grad: its derivative with respect to each parameter, kernels of the same arguments.
        closed: (m, *parameters) to the closed form, in the vocabulary of `elbocheck.arithmetic`.
        posterior: a form of q, and (m, *parameters) to its parameters.
        prior: the same of p.
        halved: kernel (*parameters) of twice the value and 1, as sums rounded to float32 take it (`kernels.loops.halved_sum`).
    """

    parameters: tuple[Parameter, ...]
    kl: Lifted
    kl_grad: tuple[Lifted, ...]
    closed: Callable[..., Any]
    posterior: tuple[Form, Callable[..., tuple[Any, ...]]]
    prior: tuple[Form, Callable[..., tuple[Any, ...]]]
    halved: Callable[..., float] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def element(self) -> Element:
        """What loops over latents are compiled for."""
        return replace(self.kl.element, short=True, halved=None if self.halved is None else together(self.halved))


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """KL(q || p) per dimension, in nats; every method takes the parameters of one of its forms by name.

    Attributes:
        name: as reports print it.
        forms: the parametrisations, the usual one first.
        source: reference with equation number.
    """

    name: str
    forms: tuple[DivergenceForm, ...]
    source: str

    def form(self, names: Any) -> DivergenceForm:
        """The form with these parameter names.

        Raises:
            ParameterError: if there is none, with the closest match.
        """
        return matching(self.name, self.forms, names)

    def kl(self, *, tier: str = "exact", out: Array | None = None, **parameters: ArrayLike) -> Array:
        """The divergence in nats.

        Args:
            tier: "exact" computes float32 in float64 and rounds once, "fast" computes it in float32.
            out: where to store the result: a C-contiguous array of its shape and dtype.
            **parameters: of one form, broadcast against each other.

        Returns:
            The broadcast shape, in the common dtype of the arrays (float32 in, float32 out).

        Raises:
            ParameterError: for an unknown name or a value outside its domain.
            UsageError: for an unknown tier or an `out` that does not fit.

        Example:
            >>> from elbocheck.divergences import normal_standard
            >>> float(normal_standard.kl(loc=1.0, log_var=0.0))
            0.5
        """
        form = self.form(parameters)
        rows = arrange([parameters[name] for name in form.names], tier, flat=True)
        found, finite = values(form.element, rows, out)
        require_all(self.name, form.parameters, parameters, finite)
        return found

    def kl_sum(self, *, tier: str = "exact", **parameters: ArrayLike) -> Array:
        """The divergence of independent dimensions along the last axis, in nats; the rest as kl.

        Example:
            >>> from elbocheck.divergences import normal_standard
            >>> normal_standard.kl_sum(loc=[[1.0, 1.0], [0.0, 2.0]], log_var=0.0).tolist()
            [1.0, 2.0]
        """
        form = self.form(parameters)
        found, finite = sums(form.element, arrange([parameters[name] for name in form.names], tier))
        require_all(self.name, form.parameters, parameters, finite)
        return found

    def grad(self, **parameters: ArrayLike) -> dict[str, Array]:
        """Derivative with respect to each parameter; shapes and dtypes as kl."""
        form, wide = self._read(parameters)
        dtype = result_dtype(*parameters.values())
        return {name: narrow(g.wide(*wide), dtype) for name, g in zip(form.names, form.kl_grad, strict=True)}

    def oracle(self, digits: int = 50, **parameters: float) -> "Certified":
        """The divergence by quadrature of its definition, with an error bound; one number per parameter.

        Raises:
            OracleError: if balls, mpmath and the closed form do not agree.
            ParameterError: for a parameter outside its domain, or digits outside 1 to 1000.

        Example:
            >>> from elbocheck.divergences import normal_standard
            >>> float(normal_standard.oracle(20, loc=1.0, log_var=0.0).value)
            0.5
        """
        from elbocheck.oracle import divergence

        form, arrays = self._read(parameters)
        return divergence(self.name, form, tuple(value.tolist() for value in arrays), digits)

    def _read(self, parameters: Mapping[str, ArrayLike]) -> tuple[DivergenceForm, list[Wide]]:
        """The form that the names select and its checked parameters in order, as float64."""
        form = self.form(parameters)
        values = [np.asarray(parameters[name], dtype=np.float64) for name in form.names]
        for parameter, value in zip(form.parameters, values, strict=True):
            parameter.require(self.name, value)
        return form, values
