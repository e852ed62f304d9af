"""ELBOs as a training loop computes them: from a decoder's outputs, one row per datum.

    elbo_i = sum_d log p(x_id | parameters_id) - KL(N(loc_i, diag(var_i)) || N(0, I)), or with eps ~ N(0, I)
    elbo_i = sum_d log p(x_id | parameters_id) + log p(z_i) - log q(z_i | x_i), z = loc + sqrt(var) eps

in one pass over the data, with all gradients if wanted, in nats.

Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), eq. (7) and (10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elbocheck.densities.density import Density, Form, log_prob_element
from elbocheck.errors import UsageError
from elbocheck.estimators.decoded import POSTERIOR, check_posterior, empty, form_of, moving, regulariser
from elbocheck.kernels import loops
from elbocheck.kernels._jit import Bound, Layout, Widened, compiled
from elbocheck.kernels.arrange import Plan, arrange_together
from elbocheck.kernels.lift import Array, narrow, row_sum
from elbocheck.kernels.threads import shared

__all__ = ["elbo", "elbo_and_grad"]


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
    form = form_of(likelihood, parameters)
    latent = posterior if eps is None else (*posterior, eps)
    rows, inner = arrange_together((form.arguments(x, parameters), latent), tier)
    plan, within = rows.plan, inner.plan
    chosen = wrt if wrt is None else tuple(wrt)
    names, loop = _planned_elbo(likelihood, form, chosen, eps is None, grad, plan, within)
    out = np.empty((plan.count, 1), plan.stored)
    slopes = empty(len(names), plan.count, plan.size, plan.stored)
    latent_slopes = empty(2 if grad else 0, plan.count, within.size, plan.stored)
    arrays = ((out,), slopes, latent_slopes, rows.arrays, inner.arrays, plan.size, within.size)
    finite = shared(loop, arrays, plan.count, plan.size + within.size)
    likelihood.check(form, parameters, finite)
    check_posterior(posterior, finite)
    value = out.reshape(plan.outer)
    value = value if plan.final else narrow(value, plan.dtype)
    if not grad:
        return value, {}
    found = {name: narrow(s.reshape(plan.shape), plan.dtype) for name, s in zip(names, slopes, strict=True)}
    for name, s in zip(POSTERIOR, latent_slopes, strict=True):
        found[name] = narrow(s.reshape(within.shape), plan.dtype)
    return value, found


@lru_cache(maxsize=4096)  # by identity, as sums are
def _planned_elbo(
    likelihood: Density, form: Form, wrt: tuple[str, ...] | None, analytic: bool, grad: bool, plan: Plan, latent: Plan
) -> tuple[tuple[str, ...], Any]:
    """The parameters to differentiate by, and the loop."""
    if plan.outer != latent.outer:
        raise UsageError(f"x has rows {plan.outer}, the posterior {latent.outer}: they must be the same")
    names = moving(likelihood, form, plan.layout.varies[1:], wrt) if grad else ()
    return names, _elbo_loop(likelihood, form, names, analytic, grad, plan.layout, latent.layout)


@cache
def _elbo_loop(
    likelihood: Density, form: Form, names: tuple[str, ...], analytic: bool, grad: bool, layout: Layout, latent: Layout
) -> Any:
    element = log_prob_element(likelihood, form, layout.varies, names)
    inside = ("regulariser", regulariser(analytic, grad))
    bound = Bound(loops.elbos, (("row_sum", row_sum(element)), ("constant", Widened(element.constant)), inside))
    return compiled(bound, (1, len(names), 2 * grad), layout, latent)
