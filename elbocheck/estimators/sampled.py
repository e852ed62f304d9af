"""ELBOs and importance-weighted bounds as a training loop computes them: from a decoder's outputs, one row per datum.

    elbo_i = sum_d log p(x_id | parameters_id) - KL(N(loc_i, diag(var_i)) || N(0, I)), or with eps ~ N(0, I)
    elbo_i = sum_d log p(x_id | parameters_id) + log p(z_i) - log q(z_i | x_i), z = loc + sqrt(var) eps
    iwae_i = log(1/K sum_k exp(the second, of sample k))

in one pass over the data, with all gradients if wanted, in nats. Near the prior the two log densities of the latents nearly
cancel: with s = e**(log_var/2) - 1 their difference is [(loc + s eps) (loc + (2 + s) eps) - log_var]/2 per dimension.

Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), eq. (7) and (10); Burda, Grosse and Salakhutdinov,
Importance Weighted Autoencoders (2016), eq. (8) and (14).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elbocheck.densities.density import Density, Form, log_prob_element
from elbocheck.divergences import normal_standard
from elbocheck.domain import REAL
from elbocheck.errors import ParameterError, UsageError
from elbocheck.kernels import loops
from elbocheck.kernels._jit import Bound, Layout, compiled
from elbocheck.kernels.arrange import Plan, Rows, arrange, result_dtype
from elbocheck.kernels.elements import slope, together
from elbocheck.kernels.lift import Array, Element, Lifted, narrow, row_sum
from elbocheck.kernels.threads import shared

__all__ = ["elbo", "elbo_and_grad", "importance_weighted", "importance_weighted_and_grad"]

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


def elbo(
    likelihood: Density,
    x: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    q_loc: ArrayLike,
    q_log_var: ArrayLike,
    *,
    eps: ArrayLike | None = None,
    tier: str = "exact",
) -> Array:
    """The single-sample ELBO of each datum.

    Args:
        likelihood: of each number of x, independent.
        x: data, shape (…, D).
        parameters: of one form of the likelihood, by name, broadcast against x: the decoder's output.
        q_loc: means of the posterior, shape (…, L).
        q_log_var: logarithms of its variances, shape (…, L).
        eps: standard normal draws, shape (…, L), for the Monte Carlo estimate of the divergence; None for its closed form.
        tier: "exact" computes float32 in float64 and rounds once, "fast" computes it in float32.

    Returns:
        Shape (…,), in the common dtype of the arrays.

    Raises:
        ParameterError: for an unknown name or a value outside its domain.
        UsageError: for shapes that do not match, or an unknown tier.

    Example:
        >>> from elbocheck.densities import bernoulli
        >>> float(elbo(bernoulli, [0.0, 1.0], {"logits": [0.0, 0.0]}, q_loc=[0.0], q_log_var=[0.0]))
        -1.3862943611198906
    """
    return _elbo(likelihood, x, parameters, (q_loc, q_log_var), eps, (), tier)[0]


def elbo_and_grad(
    likelihood: Density,
    x: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    q_loc: ArrayLike,
    q_log_var: ArrayLike,
    *,
    wrt: Sequence[str] | None = None,
    eps: ArrayLike | None = None,
    tier: str = "exact",
) -> tuple[Array, dict[str, Array]]:
    """The same, with its derivatives by the likelihood's parameters and the posterior's, z held as a function of eps.

    Args:
        likelihood, x, parameters, q_loc, q_log_var, eps, tier: as elbo.
        wrt: parameters of the likelihood that vary along the last axis; None for all that do.

    Returns:
        The bounds, and by name the derivative of each bound: of the shape of x for parameters, of q_loc for
        "q_loc" and "q_log_var". The path from the posterior through the decoder is the caller's.

    Raises:
        ParameterError, UsageError: as elbo.
    """
    return _elbo(likelihood, x, parameters, (q_loc, q_log_var), eps, wrt, tier, True)


def _elbo(
    likelihood: Density, x: ArrayLike, parameters: Mapping[str, ArrayLike], posterior: tuple[ArrayLike, ArrayLike],
    eps: ArrayLike | None, wrt: Sequence[str] | None, tier: str, grad: bool = False,
) -> tuple[Array, dict[str, Array]]:  # fmt: skip
    form = _form(likelihood, parameters)
    latent = posterior if eps is None else (*posterior, eps)
    given, within = _of_one_dtype(form.arguments(x, parameters), latent)
    rows, inner = arrange(given, tier), arrange(within, tier)
    if rows.plan.shape[:-1] != inner.plan.shape[:-1]:
        raise UsageError(
            f"x has rows {rows.plan.shape[:-1]}, the posterior {inner.plan.shape[:-1]}: they must be the same"
        )
    plan, width = rows.plan, inner.plan.size
    names = _moving(likelihood, form, plan.layout.varies[1:], wrt) if grad else ()
    slopes = _empty(len(names), plan.count, plan.size, plan.layout)
    latent_slopes = _empty(2 if grad else 0, plan.count, width, plan.layout)
    out = np.empty((plan.count, 1), plan.layout.result)
    loop = _planned_elbo(likelihood, form, names, eps is None, grad, plan, inner.plan)

    def work(first: int, last: int) -> float:
        return loop((out,), slopes, latent_slopes, rows.arrays, inner.arrays, plan.size, width, first, last)

    finite = shared(work, plan.count, plan.size + width)
    likelihood.check(form, parameters, finite)
    _check_posterior(posterior, finite)
    found = {name: narrow(s.reshape(plan.shape), plan.dtype) for name, s in zip(names, slopes, strict=True)}
    inside = {
        name: narrow(s.reshape(inner.plan.shape), plan.dtype) for name, s in zip(POSTERIOR, latent_slopes, strict=False)
    }
    return narrow(out.reshape(plan.shape[:-1]), plan.dtype), {**found, **inside}


def importance_weighted(
    likelihood: Density,
    x: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    q_loc: ArrayLike,
    q_log_var: ArrayLike,
    eps: ArrayLike,
    *,
    tier: str = "exact",
) -> Array:
    """The importance-weighted bound of each datum from K samples.

    Args:
        likelihood: of each number of x, independent.
        x: data, shape (B, D).
        parameters: of one form of the likelihood, by name, broadcast to (B, K, D): the decoder's output for each sample.
        q_loc: means of the posterior, shape (B, L).
        q_log_var: logarithms of its variances, shape (B, L).
        eps: standard normal draws, shape (B, K, L).
        tier: as elbo.

    Returns:
        Shape (B,), in the common dtype of the arrays.

    Raises:
        ParameterError, UsageError: as elbo.

    Example:
        >>> import numpy as np
        >>> from elbocheck.densities import bernoulli
        >>> logits = np.array([[[0.0], [2.0]]])
        >>> importance_weighted(bernoulli, [[1.0]], {"logits": logits}, [[0.0]], [[0.0]], np.zeros((1, 2, 1))).round(6).tolist()
        [-0.370486]
    """
    return _importance_weighted(likelihood, x, parameters, (q_loc, q_log_var), eps, (), tier)[0]


def importance_weighted_and_grad(
    likelihood: Density,
    x: ArrayLike,
    parameters: Mapping[str, ArrayLike],
    q_loc: ArrayLike,
    q_log_var: ArrayLike,
    eps: ArrayLike,
    *,
    wrt: Sequence[str] | None = None,
    tier: str = "exact",
) -> tuple[Array, dict[str, Array]]:
    """The same, with its derivatives: of shape (B, K, D) by the likelihood's parameters, (B, L) by the posterior's.

    Args:
        likelihood, x, parameters, q_loc, q_log_var, eps, tier: as importance_weighted.
        wrt: as elbo_and_grad.
    """
    return _importance_weighted(likelihood, x, parameters, (q_loc, q_log_var), eps, wrt, tier, True)


def _importance_weighted(
    likelihood: Density, x: ArrayLike, parameters: Mapping[str, ArrayLike], posterior: tuple[ArrayLike, ArrayLike],
    eps: ArrayLike, wrt: Sequence[str] | None, tier: str, grad: bool = False,
) -> tuple[Array, dict[str, Array]]:  # fmt: skip
    form = _form(likelihood, parameters)
    (data, *values), (loc, log_var, noise) = _of_one_dtype(form.arguments(x, parameters), (*posterior, eps))
    batch, samples, width = _sizes(data, values, loc, log_var, noise)
    given = (arrange((data,), tier), _rows_of_samples(values, (batch, samples, data.shape[1]), tier))
    latent = (arrange((loc, log_var), tier), arrange((noise,), tier))
    layouts = tuple(rows.plan.layout for rows in (*given, *latent))
    size = data.shape[1]
    names = _moving(likelihood, form, given[1].plan.layout.varies, wrt) if grad else ()
    slopes = _empty(len(names), batch * samples, size, layouts[0])
    sample_slopes = _empty(2 if grad else 0, batch * samples, width, layouts[0])
    latent_slopes = tuple(np.zeros((batch, width), layouts[0].result) for _ in sample_slopes)
    out, weights = np.empty((batch, 1), layouts[0].result), np.empty((batch, samples), layouts[0].result)
    loop = _weighted_loop(likelihood, form, names, grad, layouts)
    groups = [rows.arrays for rows in (*given, *latent)]

    def work(first: int, last: int) -> float:
        targets = ((out,), (weights,), slopes, sample_slopes, latent_slopes)
        return loop(*targets, *groups, samples, size, width, first, last)

    finite = shared(work, batch, samples * (size + width))
    likelihood.check(form, parameters, finite)
    _check_posterior(posterior, finite)
    dtype = given[0].plan.dtype
    found = {name: narrow(s.reshape(batch, samples, size), dtype) for name, s in zip(names, slopes, strict=True)}
    inside = {name: narrow(s, dtype) for name, s in zip(POSTERIOR, latent_slopes, strict=False)}
    return narrow(out[:, 0], dtype), {**found, **inside}


def _form(likelihood: Density, parameters: Mapping[str, ArrayLike]) -> Form:
    form = likelihood.form(parameters)
    if not isinstance(form.energy, Lifted):
        raise UsageError(f"{likelihood.name} is a density of vectors: fused bounds take densities of numbers")
    return form


def _of_one_dtype(*groups: Sequence[ArrayLike]) -> list[list[Any]]:
    """Arrays of one dtype, that in which all would be added up; Python's numbers as they are."""
    kinds = {v.dtype if type(v) is np.ndarray else type(v) for group in groups for v in group} - {float}
    if len(kinds) == 1 and kinds <= FLOATS:
        return [list(group) for group in groups]
    dtype = result_dtype(*[value for group in groups for value in group])
    return [[v if type(v) in (int, float) else np.asarray(v, dtype) for v in group] for group in groups]


def _sizes(data: Any, values: list[Any], loc: Any, log_var: Any, noise: Any) -> tuple[int, int, int]:
    """Batch, samples and latents, once all shapes agree."""
    if np.ndim(data) != 2 or np.ndim(noise) != 3:
        raise UsageError(f"x must have shape (B, D) and eps (B, K, L), got {np.shape(data)} and {np.shape(noise)}")
    batch, samples, width = noise.shape
    fits = len(data) == batch and loc.shape == log_var.shape == (batch, width) and samples > 0
    whole = (batch, samples, data.shape[1])
    try:
        fits = fits and np.broadcast_shapes(whole, *map(np.shape, values)) == whole
    except ValueError:
        fits = False
    if not fits:
        shapes = f"x {data.shape}, q_loc {loc.shape}, q_log_var {log_var.shape}, eps {noise.shape}"
        raise UsageError(f"shapes must be (B, D), (B, L), (B, L), (B, K, L) and parameters (B, K, D), got {shapes}, "
                         f"{', '.join(str(np.shape(value)) for value in values)}")  # fmt: skip
    return batch, samples, width


def _rows_of_samples(values: list[Any], shape: tuple[int, int, int], tier: str) -> Rows:
    """Parameters as one row for each sample of each datum."""
    whole = [
        value if np.ndim(value) == 0 or value.shape[-1] == 1 else np.broadcast_to(value, shape) for value in values
    ]
    return arrange(whole, tier)


def _empty(count: int, rows: int, size: int, layout: Layout) -> tuple[Array, ...]:
    return tuple(np.empty((rows, size), layout.result) for _ in range(count))


def _moving(likelihood: Density, form: Form, varies: Sequence[bool], wrt: Sequence[str] | None) -> tuple[str, ...]:
    """The parameters to differentiate by."""
    moving = [name for name, vary in zip(form.names, varies, strict=True) if vary]
    if wrt is None:
        return tuple(moving)
    if wrong := [name for name in wrt if name not in moving]:
        raise UsageError(
            f"{likelihood.name}: wrt must name parameters that vary along the last axis ({', '.join(moving)}), got {wrong[0]!r}"
        )
    return tuple(wrt)


def _check_posterior(posterior: tuple[ArrayLike, ArrayLike], finite: bool) -> None:
    if finite:
        return
    for name, value in zip(POSTERIOR, posterior, strict=True):
        wrong = ~REAL.holds(np.asarray(value))
        if wrong.any():
            raise ParameterError(f"{name} must be real, got {np.asarray(value)[wrong].flat[0].item()!r}")


@cache
def _regulariser(analytic: bool, grad: bool) -> Bound:
    value, slopes = _ANALYTIC if analytic else _SAMPLED
    return row_sum(Element(together(value, tuple(slope(s, None) for s in slopes) if grad else ())))


@lru_cache(maxsize=4096)  # by identity, as sums are
def _planned_elbo(
    likelihood: Density, form: Form, names: tuple[str, ...], analytic: bool, grad: bool, plan: Plan, latent: Plan
) -> Any:
    return _elbo_loop(likelihood, form, names, analytic, grad, plan.layout, latent.layout)


@cache
def _elbo_loop(
    likelihood: Density, form: Form, names: tuple[str, ...], analytic: bool, grad: bool, layout: Layout, latent: Layout
) -> Any:
    element = log_prob_element(likelihood, form, layout.varies, names)
    regulariser = ("regulariser", _regulariser(analytic, grad))
    bound = Bound(loops.elbos, (("row_sum", row_sum(element)), ("constant", element.constant), regulariser))
    return compiled(bound, (1, len(names), 2 * grad), layout, latent)


@cache
def _weighted_loop(
    likelihood: Density, form: Form, names: tuple[str, ...], grad: bool, layouts: tuple[Layout, ...]
) -> Any:
    varies = layouts[0].varies + layouts[1].varies
    element = log_prob_element(likelihood, form, varies, names)
    names_of = (
        ("row_sum", row_sum(element)),
        ("constant", element.constant),
        ("regulariser", _regulariser(False, grad)),
    )
    return compiled(Bound(loops.importance_weighted, names_of), (1, 1, len(names), 2 * grad, 2 * grad), *layouts)
