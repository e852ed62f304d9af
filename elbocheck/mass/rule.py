"""Clenshaw-Curtis rules on [-1, 1]: nested, the ends included, so that no jump hides beyond the last node."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from elbocheck.mass.meter import Wide

__all__ = ["Rule", "rule"]


@dataclass(frozen=True, eq=False)
class Rule:
    """A rule and the poorer one within.

    Attributes:
        nodes: ascending, degree + 1 of them.
        weights: of the rule.
        poorer: weights of the rule of half the degree on every other node, 0 on the rest.
        slope: the matrix that turns values at the nodes into derivatives of their interpolant.
        waves: the matrix that turns values into the last quarter of their Chebyshev coefficients.
    """

    nodes: Wide
    weights: Wide
    poorer: Wide
    slope: Wide
    waves: Wide


@cache
def rule(degree: int) -> Rule:
    """The rule of a degree that is a multiple of 4."""
    angles = np.pi * np.arange(degree, -1, -1) / degree
    nodes = np.cos(angles)
    nodes = (nodes - nodes[::-1]) / 2  # the middle one is 0
    poorer = np.zeros(degree + 1)
    poorer[::2] = _weights(degree // 2)
    halves = np.ones(degree + 1)
    halves[[0, -1]] = 0.5
    orders = np.arange(degree - degree // 4, degree)
    waves = 2 / degree * np.cos(np.outer(orders, angles)) * halves
    return Rule(nodes, _weights(degree), poorer, _differentiation(nodes, halves), waves)


def _weights(degree: int) -> Wide:
    """w_k = c_k / n (1 - sum over j of b_j cos(2 j k pi / n) / (4 j^2 - 1)), n even (Trefethen 2008, eq. 3.5)."""
    j = np.arange(1, degree // 2 + 1)
    factors = np.where(j == degree // 2, 1.0, 2.0) / (4.0 * j**2 - 1)
    sums = np.cos(2 * np.pi * np.outer(np.arange(degree + 1), j) / degree) @ factors
    ends = np.where(np.isin(np.arange(degree + 1), (0, degree)), 1.0, 2.0)
    return np.asarray(ends / degree * (1 - sums))


def _differentiation(nodes: Wide, halves: Wide) -> Wide:
    """Barycentric: D_ij = (w_j / w_i) / (x_i - x_j), rows that sum to 0."""
    weights = halves * (-1.0) ** np.arange(nodes.size)
    apart = nodes[:, None] - nodes[None, :] + np.eye(nodes.size)
    matrix = weights[None, :] / weights[:, None] / apart
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix
