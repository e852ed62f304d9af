"""Sums of log densities over rows, of arguments whose names, shapes, dtypes and numbers were seen before: all is ready but the
arrays. With small batches Python takes as long as the arithmetic.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from elbocheck.densities.arguments import require_all
from elbocheck.densities.element import log_prob_element
from elbocheck.domain import REAL
from elbocheck.errors import ParameterError
from elbocheck.kernels.arrange import NUMBER, Ready, Spec, made_ready
from elbocheck.kernels.lift import Summing, summing

if TYPE_CHECKING:
    from elbocheck.densities.density import Density
    from elbocheck.densities.form import Form

__all__ = ["Prepared", "prepared"]


class Prepared(NamedTuple):
    """What sums over rows are made with.

    Attributes:
        form: that the names select.
        rows: from what is given, x and the parameters.
        sums: of those.
        told: whether finite results tell that all parameters that are no numbers lie in their domains.
        moving: the parameters whose slopes come with the sums: of those asked for, what varies along a row.
    """

    form: Form
    rows: Ready
    sums: Summing
    told: bool
    moving: tuple[str, ...]


@lru_cache(maxsize=256)
def prepared(
    density: Density, names: tuple[str, ...], specs: tuple[Any, ...], tier: str, wrt: tuple[str, ...] = ()
) -> Prepared:
    """Everything that does not depend on what arrays hold; numbers are checked.

    Args:
        density: of numbers.
        names: of the parameters, in the order in which they are given.
        specs: of x and the parameters, see `spelled`.
        tier: "exact" or "fast".
        wrt: parameters to differentiate by.

    Raises:
        ParameterError: for an unknown name, or a number outside its domain.
        UsageError, TypeError: for an unknown tier, or shapes and dtypes that do not fit.
    """
    shapes = tuple([spec if type(spec) is tuple else NUMBER for spec in specs])
    form, rows, sums, told, moving = _of_shapes(density, names, shapes, tier, wrt)
    numbers = {name: float(spec) for name, spec in zip(("x", *names), specs, strict=True) if type(spec) is not tuple}
    require_all(density.name, [one for one in form.parameters if one.name in numbers], numbers, False)
    return Prepared(form, rows.filled(numbers.values()), sums, told, moving)


@lru_cache(maxsize=256)
def _of_shapes(
    density: Density, names: tuple[str, ...], specs: tuple[Spec, ...], tier: str, wrt: tuple[str, ...]
) -> Prepared:
    """The same of any numbers."""
    form = density.form(names)
    if unknown := [name for name in wrt if name not in form.names]:
        raise ParameterError(f"{density.name}: wrt must name some of {', '.join(form.names)}, got {unknown[0]!r}")
    rows = made_ready(specs, (0, *(1 + names.index(name) for name in form.names)), tier)
    given = {name: spec for name, spec in zip(names, specs[1:], strict=True) if spec is not NUMBER}
    told = all(one.domain is REAL and given[one.name][0] for one in form.parameters if one.name in given)
    varies = rows.plan.layout.varies
    moving = tuple(name for name in wrt if varies[1 + form.names.index(name)])
    sums = summing(log_prob_element(density, form, varies, moving), rows.plan, len(moving))
    return Prepared(form, rows, sums, told and form.increasing is None, moving)
