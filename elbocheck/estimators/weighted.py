"""The importance-weighted bound as a training loop computes it: from a decoder's outputs for K samples, one row per datum.

    iwae_i = log(1/K sum_k exp(sum_d log p(x_id | parameters_ikd) + log p(z_ik) - log q(z_ik | x_i)))

in one pass over the data, with all gradients if wanted, in nats.

Source: Burda, Grosse and Salakhutdinov, Importance Weighted Autoencoders (2016), eq. (8) and (14).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elbocheck.densities.density import Density, Form, log_prob_element
from elbocheck.errors import UsageError
from elbocheck.estimators.decoded import POSTERIOR, check_posterior, empty, form_of, moving, of_one_dtype, regulariser
from elbocheck.kernels import loops
from elbocheck.kernels._jit import Bound, Layout, Widened, compiled
from elbocheck.kernels.arrange import Rows, arrange
from elbocheck.kernels.lift import Array, narrow, row_sum
from elbocheck.kernels.threads import shared

__all__ = ["importance_weighted", "importance_weighted_and_grad"]


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
    form = form_of(likelihood, parameters)
    (data, *values), (loc, log_var, noise) = of_one_dtype(form.arguments(x, parameters), (*posterior, eps))
    batch, samples, width = _sizes(data, values, loc, log_var, noise)
    given = (arrange((data,), tier), _rows_of_samples(values, (batch, samples, data.shape[1]), tier))
    latent = (arrange((loc, log_var), tier), arrange((noise,), tier))
    layouts = tuple(rows.plan.layout for rows in (*given, *latent))
    size = data.shape[1]
    names = moving(likelihood, form, given[1].plan.layout.varies, wrt) if grad else ()
    stored = given[0].plan.stored
    slopes = empty(len(names), batch * samples, size, stored)
    sample_slopes = empty(2 if grad else 0, batch * samples, width, stored)
    latent_slopes = tuple(np.zeros((batch, width), stored) for _ in sample_slopes)
    out, weights = np.empty((batch, 1), stored), np.empty((batch, samples), stored)
    loop = _weighted_loop(likelihood, form, names, grad, layouts)
    targets = ((out,), (weights,), slopes, sample_slopes, latent_slopes)
    groups = tuple(rows.arrays for rows in (*given, *latent))
    finite = shared(loop, (*targets, *groups, samples, size, width), batch, samples * (size + width))
    likelihood.check(form, parameters, finite)
    check_posterior(posterior, finite)
    dtype = given[0].plan.dtype
    found = {name: narrow(s.reshape(batch, samples, size), dtype) for name, s in zip(names, slopes, strict=True)}
    inside = {name: narrow(s, dtype) for name, s in zip(POSTERIOR, latent_slopes, strict=False)}
    return narrow(out[:, 0], dtype), {**found, **inside}


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


@cache
def _weighted_loop(
    likelihood: Density, form: Form, names: tuple[str, ...], grad: bool, layouts: tuple[Layout, ...]
) -> Any:
    varies = layouts[0].varies + layouts[1].varies
    element = log_prob_element(likelihood, form, varies, names)
    names_of = (
        ("row_sum", row_sum(element)),
        ("constant", Widened(element.constant)),
        ("regulariser", regulariser(False, grad)),
    )
    return compiled(Bound(loops.importance_weighted, names_of), (1, 1, len(names), 2 * grad, 2 * grad), *layouts)
