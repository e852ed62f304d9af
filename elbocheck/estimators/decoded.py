"""What bounds from a decoder's outputs have in common: arguments, gradients asked for, the divergence of a latent.

Near the prior the two log densities of the latents nearly cancel: with s = e**(log_var/2) - 1 their difference is
[(loc + s eps) (loc + (2 + s) eps) - log_var]/2 per dimension.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elbocheck.densities.density import Density, Form
from elbocheck.divergences import normal_standard
from elbocheck.domain import REAL
from elbocheck.errors import ParameterError, UsageError
from elbocheck.kernels._jit import Bound
from elbocheck.kernels.arrange import result_dtype
from elbocheck.kernels.elements import together
from elbocheck.kernels.lift import Array, Element, Lifted, row_sum

__all__ = ["POSTERIOR", "check_posterior", "empty", "form_of", "moving", "of_one_dtype", "regulariser"]

POSTERIOR = ("q_loc", "q_log_var")
FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}


def _gap(loc: float, log_var: float, eps: float) -> float:
    """Log q(z) - log p(z)."""
    grown = math.expm1(0.5 * log_var)
    return 0.5 * ((loc + grown * eps) * (loc + (2.0 + grown) * eps) - log_var)


def _gap_by_loc(loc: float, log_var: float, eps: float) -> float:
    return loc + math.exp(0.5 * log_var) * eps


def _gap_by_log_var(loc: float, log_var: float, eps: float) -> float:
    moved = math.exp(0.5 * log_var) * eps
    return 0.5 * ((loc + moved) * moved - 1.0)


_FORM = normal_standard.forms[0]
_ANALYTIC = (_FORM.kl.scalar, tuple(grad.scalar for grad in _FORM.kl_grad))
_SAMPLED = (_gap, (_gap_by_loc, _gap_by_log_var))


def form_of(likelihood: Density, parameters: Mapping[str, ArrayLike]) -> Form:
    """The likelihood's form with these parameters, of which numbers are the events.

    Raises:
        UsageError: for a density of vectors.
    """
    form = likelihood.form(parameters)
    if not isinstance(form.energy, Lifted):
        raise UsageError(f"{likelihood.name} is a density of vectors: fused bounds take densities of numbers")
    return form


def of_one_dtype(*groups: Sequence[ArrayLike]) -> list[list[Any]]:
    """Arrays of one dtype, that in which all would be added up; Python's numbers as they are."""
    kinds = {v.dtype if type(v) is np.ndarray else type(v) for group in groups for v in group} - {float}
    if len(kinds) == 1 and kinds <= FLOATS:
        return [list(group) for group in groups]
    dtype = result_dtype(*[value for group in groups for value in group])
    return [[v if type(v) in (int, float) else np.asarray(v, dtype) for v in group] for group in groups]


def empty(count: int, rows: int, size: int, dtype: np.dtype[Any]) -> tuple[Array, ...]:
    """Arrays for as many results, shape (rows, size)."""
    return tuple([np.empty((rows, size), dtype) for _ in range(count)])


def moving(likelihood: Density, form: Form, varies: Sequence[bool], wrt: Sequence[str] | None) -> tuple[str, ...]:
    """The parameters to differentiate by."""
    varying = [name for name, vary in zip(form.names, varies, strict=True) if vary]
    if wrt is None:
        return tuple(varying)
    if wrong := [name for name in wrt if name not in varying]:
        raise UsageError(
            f"{likelihood.name}: wrt must name parameters that vary along the last axis ({', '.join(varying)}), got {wrong[0]!r}"
        )
    return tuple(wrt)


def check_posterior(posterior: tuple[ArrayLike, ArrayLike], finite: bool) -> None:
    """Raise unless the posterior's parameters are real, where that does not follow from finite results.

    Raises:
        ParameterError: naming the first that is not.
    """
    if finite:
        return
    for name, value in zip(POSTERIOR, posterior, strict=True):
        wrong = ~REAL.holds(np.asarray(value))
        if wrong.any():
            raise ParameterError(f"{name} must be real, got {np.asarray(value)[wrong].flat[0].item()!r}")


@cache
def regulariser(analytic: bool, grad: bool) -> Bound:
    """The divergence of a row of latents, in closed form or as an estimate, with its slopes if wanted."""
    value, slopes = _ANALYTIC if analytic else _SAMPLED
    return row_sum(Element(together(value, slopes if grad else ()), short=True))
