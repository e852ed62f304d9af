"""Mixtures of densities: log p(x) = log sum_k pi_k p_k(x), in nats, where one component is chosen for several elements too.

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. (14.144) and (5.148).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from elbocheck.densities.density import Density
from elbocheck.kernels.lift import Array, result_dtype

__all__ = ["log_prob"]


def log_prob(
    component: Density,
    x: ArrayLike,
    logits: ArrayLike,
    *,
    axis: int = -1,
    shared: tuple[int, ...] = (),
    **parameters: ArrayLike,
) -> Array:
    """Return the log density of a mixture, computed in float64 and rounded once.

    Args:
        component: the family of the components.
        x: data, of the shape of the parameters without the axis of the components.
        logits: logarithms of the weights, up to a constant; of the shape of the parameters without the shared axes.
        axis: of the components, in the parameters.
        shared: axes of the data along which all elements have one component together.
        **parameters: of the components.

    Returns:
        Nats, of the shape of the data without the shared axes.

    Raises:
        ParameterError: parameters outside the component's domain.

    Example:
        >>> from elbocheck import densities
        >>> two = densities.mixture.log_prob(densities.normal, 0.5, [0.0, 0.0], loc=[0.0, 1.0], scale=1.0)
        >>> round(float(two), 6)
        -1.043939
    """
    dtype = result_dtype(x, logits, *parameters.values())
    wide: dict[str, Any] = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
    at = axis % max(value.ndim for value in wide.values())
    each = component.log_prob(np.expand_dims(np.asarray(x, np.float64), at), **wide)
    over = tuple(one + (one >= at) for one in (a % (each.ndim - 1) for a in shared))
    each, at = each.sum(axis=over), at - sum(one < at for one in over)
    weights = np.asarray(logits, np.float64)
    where = at - each.ndim  # weights may lack leading axes
    joint = each + weights - np.logaddexp.reduce(weights, where, keepdims=True)
    return np.asarray(np.logaddexp.reduce(joint, where)).astype(dtype)
