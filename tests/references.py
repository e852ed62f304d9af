"""The table of references (one row per parametrisation) and the checks that every row and every planted
fault meets.

A check measures; it returns the worst error in ulps and where, so that a test can hold it against the
budget and a planted fault can be seen to break it. The closed form of the normaliser is the second route
beside quadrature.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.densities import Density, Form, bernoulli, huber, normal
from elbocheck.divergences import Divergence, normal_standard
from elbocheck.kernels.lift import Lifted
from elbocheck.precision import agree

Point = tuple[float, ...]
DIGITS = 40


@dataclass(frozen=True)
class Row:
    """A density's form by name, points (x, *parameters), its closed-form normaliser and the size of what
    cancels."""

    density: Density
    names: tuple[str, ...]
    points: tuple[Point, ...]
    mass: Callable[..., Any]  # (ctx, *parameters)
    terms: Callable[..., float] = lambda *point: 0.0
    differentiable: Callable[..., bool] = lambda *values: True  # where mpmath can differentiate the closed form

    @property
    def form(self) -> Form:
        """The parametrisation under test."""
        return self.density.form(self.names)

    def __str__(self) -> str:
        return f"{self.density.name}({', '.join(self.names)})"


@dataclass(frozen=True)
class Kernel:
    """A compiled kernel, its truth as a function of an mpmath context and a point, and the size of what
    cancels."""

    name: str
    lifted: Lifted
    truth: Callable[..., Any]  # (ctx, *point)
    points: tuple[Point, ...]
    terms: Callable[..., float]

    def __str__(self) -> str:
        return self.name


def _random(seed: int, *columns: Callable[[np.random.Generator], float]) -> tuple[Point, ...]:
    rng = np.random.default_rng(seed)
    return tuple(tuple(float(column(rng)) for column in columns) for _ in range(50))


def _wide(rng: np.random.Generator) -> float:
    return float(rng.standard_normal() * 10.0 ** rng.uniform(-8, 8))


def _positive(rng: np.random.Generator) -> float:
    return float(10.0 ** rng.uniform(-6, 6))


def _log_var(rng: np.random.Generator) -> float:
    return float(rng.standard_normal() * 10.0 ** rng.uniform(-10, 2))


def _datum(rng: np.random.Generator) -> float:
    return float(rng.choice([0.0, 1.0, rng.random()]))


def _huber_mass(ctx: Any, loc: Any, scale: Any, delta: Any) -> Any:
    core = ctx.sqrt(2 * ctx.pi) * ctx.erf(delta / ctx.sqrt(2))
    return scale * (core + 2 / delta * ctx.exp(-(delta**2) / 2))


DENSITY_ROWS = (
    Row(
        normal,
        ("loc", "scale"),
        (
            *_random(1, _wide, _wide, _positive),
            (1e308, -1e308, 1e300),
            (1e200, 0.0, 1e100),
            (0.1, 0.1, 0.3989422804014327),
        ),
        lambda ctx, loc, scale: scale * ctx.sqrt(2 * ctx.pi),
    ),
    Row(
        normal,
        ("loc", "log_var"),
        (
            *_random(2, _wide, _wide, _log_var),
            (1e308, 0.0, 1450.0),
            (1.0, 0.0, -1.8378770664093453),
            (1e-300, 0.0, -1410.0),
        ),
        lambda ctx, loc, log_var: ctx.exp(log_var / 2) * ctx.sqrt(2 * ctx.pi),
    ),
    Row(
        bernoulli,
        ("logits",),
        (*_random(3, _datum, _log_var), (1.0, 40.0), (0.0, -40.0), (1.0, 700.0)),
        lambda ctx, logits: ctx.one,
        lambda x, logits: 0.0 if x in (0.0, 1.0) else 1.0,
    ),
    Row(
        bernoulli,
        ("probs",),
        (
            *_random(4, _datum, lambda rng: rng.random()),
            (1.0, 5e-324),
            (0.0, 1e-17),
            (1.0, 1.0 - 2**-53),
            (0.3, 1e-300),
        ),
        lambda ctx, probs: ctx.one,
    ),
    Row(
        huber,
        ("loc", "scale", "delta"),
        (
            *_random(5, _wide, _wide, _positive, _positive),
            *_random(6, _wide, _wide, _positive, lambda rng: rng.uniform(0.5, 3.0)),
            *((3.0, 0.0, 1.0, delta) for delta in (1e-6, 0.01, 5.1, 6.3, 29.3, 37.3, 1e6)),
        ),
        _huber_mass,
        lambda x, loc, scale, delta: delta,
        lambda loc, scale, delta: delta < 38.0,
    ),
)


@dataclass(frozen=True)
class DivergenceRow:
    """A divergence's form by name, points, and its closed form."""

    divergence: Divergence
    names: tuple[str, ...]
    points: tuple[Point, ...]
    closed: Callable[..., Any]  # (ctx, *parameters)

    def __str__(self) -> str:
        return f"{self.divergence.name}({', '.join(self.names)})"


DIVERGENCE_ROWS = (
    DivergenceRow(
        normal_standard,
        ("loc", "log_var"),
        (
            *_random(7, _wide, _log_var),
            *((0.0, s) for s in (1e-9, -1e-15, 1.0, -1.0, 2.0, 709.9, 710.3, -1e300, 1e-160)),
        ),
        lambda ctx, loc, log_var: (loc**2 + ctx.exp(log_var) - 1 - log_var) / 2,
    ),
    DivergenceRow(
        normal_standard,
        ("loc", "scale"),
        (
            *_random(8, _wide, _positive),
            *_random(9, lambda rng: 0.0, lambda rng: rng.uniform(0.3, 2.5)),
            *((0.0, scale) for scale in (1.0 + 2**-52, 1.0 - 2**-53, 0.5, 2.0, 5e-324, 1e154)),
        ),
        lambda ctx, loc, scale: (loc**2 + scale**2 - 1) / 2 - ctx.log(scale),
    ),
)


def density_kernels(row: Row) -> Iterator[Kernel]:
    """Every kernel of a form with its truth: the definition, the closed-form normaliser and their
    derivatives."""
    form, parameters = row.form, tuple(point[1:] for point in row.points)

    def energy(ctx: Any, *point: Any) -> Any:
        return -form.definition(ctx, *point)

    def normalizer(ctx: Any, *values: Any) -> Any:
        return ctx.log(row.mass(ctx, *values))

    def scales(*values: float) -> float:
        return max(abs(float(np.log(values[1]))), 1.0) if row.density.shape else 0.0

    def title(lifted: Lifted) -> str:
        return f"{row.density.name}.{lifted.scalar.__name__.strip('_')}"

    yield Kernel(title(form.energy), form.energy, energy, row.points, lambda *point: 0.0)
    for i, lifted in enumerate(form.energy_grad):
        yield Kernel(title(lifted), lifted, _slope(energy, 1 + i), row.points, row.terms)
    if form.log_normalizer is not None:
        yield Kernel(title(form.log_normalizer), form.log_normalizer, normalizer, parameters, scales)
    for i, slope in enumerate(form.log_normalizer_grad):
        if slope is not None:
            known = tuple(values for values in parameters if row.differentiable(*values))
            yield Kernel(title(slope), slope, _slope(normalizer, i), known, lambda *values: 0.0)


def divergence_kernels(row: DivergenceRow) -> Iterator[Kernel]:
    """Every kernel of a divergence's form with its truth: the closed form and its derivatives."""
    form = row.divergence.form(row.names)
    truths = (row.closed, *(_slope(row.closed, i) for i in range(len(row.names))))
    for lifted, truth in zip((form.kl, *form.kl_grad), truths, strict=True):
        name = f"{row.divergence.name}.{lifted.scalar.__name__.strip('_')}"
        yield Kernel(name, lifted, truth, row.points, lambda *values: 0.0)


def _slope(function: Callable[..., Any], place: int) -> Callable[..., Any]:
    """The derivative of (ctx, *arguments) with respect to one argument, by mpmath, with a step scaled to
    the argument."""

    def slope(ctx: Any, *values: Any) -> Any:
        size = abs(values[place]) or ctx.one

        def along(step: Any) -> Any:
            moved = (*values[:place], values[place] + size * step, *values[place + 1 :])
            return function(ctx, *moved)

        return ctx.diff(along, 0) / size

    return slope


def worst(kernel: Kernel, points: Iterable[Point] | None = None) -> tuple[float, Point]:
    """The largest error of a kernel in ulps of float64, and the point where it happens."""
    points = kernel.points if points is None else tuple(points)
    values = kernel.lifted(*np.array(points).T)
    split = [agree(lambda ctx, p=p: kernel.truth(ctx, *map(ctx.mpf, p)), DIGITS).split() for p in points]
    high, low = np.array(split).T
    of_terms = kernel.name in BUDGETS and BUDGETS[kernel.name].of_terms
    terms = np.array([kernel.terms(*point) for point in points]) if of_terms else 0.0
    errors = ulp_distance(values, high, np.float64, remainder=low, magnitude=terms)
    place = int(np.argmax(np.nan_to_num(errors, nan=np.inf)))
    return float(errors[place]), points[place]
