"""Where references are certified: random parameters and points over the documented domain, its edges and its traps."""

from __future__ import annotations

from typing import Any

import numpy as np

from elbocheck.densities.density import Density, Form
from elbocheck.divergences.divergence import DivergenceForm
from elbocheck.domain import REAL, Integers, Parameter

__all__ = ["columns", "parameters", "points"]

EDGE = 0.1  # share of values at an edge of the span, at 0 or at 1
REACH = 8.0  # powers of ten by which points stray from the bulk


def parameters(form: Form | DivergenceForm, rng: np.random.Generator) -> tuple[Any, ...]:
    """One random member over the span of the oracles: numbers, nested tuples for vectors and matrices."""
    if isinstance(form, Form) and form.example is not None:
        return form.example(rng)
    return tuple(float(_spread(p, p.oracle_span or p.span, rng, 1)[0]) for p in form.parameters)


def columns(form: Form | DivergenceForm, rng: np.random.Generator, count: int) -> list[Any]:
    """Random parameters over the span of the kernels, an array of shape (count,) each."""
    if isinstance(form, Form) and form.example is not None:
        drawn = [form.example(rng) for _ in range(count)]
        return [np.array(column) for column in zip(*drawn, strict=True)]
    return [_spread(p, p.span, rng, count) for p in form.parameters]


def points(density: Density, form: Form, values: list[Any], rng: np.random.Generator) -> Any:
    """Random data for such parameters, shape (count,): draws, their neighbourhood near and far, edges of the support."""
    count = values[0].size
    with np.errstate(all="ignore"):
        drawn = np.asarray(form.draw(rng, (count,), *values), dtype=np.float64)
        size = np.where(np.isfinite(drawn) & (drawn != 0), np.abs(drawn), 1.0)
        stray = drawn + size * _signs(rng, count) * 10.0 ** rng.uniform(-2 * REACH, REACH, count)
        plain = _signs(rng, count) * 10.0 ** rng.uniform(-30, 30, count)
        first = values[0] if density.support is REAL else np.ones(count)
        kind = rng.choice(5, size=count, p=(0.5, 0.25, 0.1, 0.1, 0.05))
        x = np.choose(kind, [drawn, stray, plain, first, np.zeros(count)])
    return _inside(density.support, np.where(np.isfinite(x), x, 1.0))


def _signs(rng: np.random.Generator, count: int) -> Any:
    return np.where(rng.random(count) < 0.5, -1.0, 1.0)


def _spread(parameter: Parameter, span: tuple[float, float], rng: np.random.Generator, count: int) -> Any:
    low, high = span
    domain: Any = parameter.domain
    if domain.low == 0 and domain.high == 1:
        values = 1.0 / (1.0 + np.exp(-rng.uniform(-36.0, 36.0, count)))
        edges = np.array([e for e in (0.0, 0.5, 1.0) if e in domain])
    else:
        values = np.clip(10.0 ** rng.uniform(np.log10(low), np.log10(high), count), low, high)
        near = np.abs(rng.normal(size=count)) + 0.5  # everyday values
        values = np.where(rng.random(count) < 0.3, np.clip(near, low, high), values)
        if isinstance(domain, Integers):
            values = np.clip(np.round(values), domain.low, domain.high)
        if domain.low < 0:
            values = values * _signs(rng, count)
        edges = np.array([e for e in (0.0, 1.0, -1.0, low, high) if e in domain])
    return np.where(rng.random(count) < EDGE, rng.choice(edges, size=count), values)


def _inside(support: Any, x: Any) -> Any:
    """The points folded into the support."""
    if isinstance(support, Integers):
        return np.clip(np.round(np.abs(x)), support.low, min(support.high, 2.0**53))
    if support.low == 0 and support.high == 1:
        folded = np.abs(x) % 1.0 if not support.closed_high else np.minimum(np.abs(x), 1.0)
        return np.where(support.holds(folded), folded, 0.5)
    if support.low == 0:
        return np.where(support.holds(np.abs(x)), np.abs(x), 1.0)
    return x
