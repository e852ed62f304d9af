"""A density as loops over rows compute it: kernels put together for what varies along a row and what does not."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from elbocheck.kernels._jit import Mended
from elbocheck.kernels.elements import (
    Function,
    nothing,
    restricted,
    together,
    used_arguments,
    whole,
    wide_where_stored,
)
from elbocheck.kernels.lift import Element, Summation, scalar

if TYPE_CHECKING:
    from elbocheck.densities.density import Density
    from elbocheck.densities.form import Form

__all__ = ["log_prob_element"]


@cache
def log_prob_element(density: Density, form: Form, varies: tuple[bool, ...], wrt: tuple[str, ...] = ()) -> Element:
    """The loop's element: the log normaliser is one number for each row, where none of its arguments varies along it."""
    slopes = tuple(form.slope_kernel(name) for name in wrt)
    normalizer = None if form.log_normalizer is None else scalar(form.log_normalizer)
    moving = normalizer if normalizer is not None and _moves(normalizer, varies[1:]) else None
    summation = Summation.KEPT if form.wide else form.summation
    constant: Function = nothing if normalizer is None or moving is not None else normalizer
    joint = form.joint if moving is not None else None

    def complete(kernel: Function) -> Function:
        inside = restricted(kernel, density.support)
        found = inside if moving is None or joint is not None else whole(inside, moving, form.wide_normalizer)
        found = wide_where_stored(found) if form.wide else found
        return Mended(found) if form.mended else found

    value = together(complete(scalar(form.energy if joint is None else joint)), slopes)
    folded = form.folded if joint is form.joint else None
    if folded is None or _moves(folded.weight, varies):
        return Element(value, constant, -1.0, summation=summation)
    apart = together(complete(folded.rest), (folded.odds, *slopes))
    return Element(value, constant, -1.0, apart, folded.weight)


def _moves(kernel: Function, varies: tuple[bool, ...]) -> bool:
    """Whether a kernel uses an argument that varies along a row."""
    return any(vary and use for vary, use in zip(varies, used_arguments(kernel), strict=False))
