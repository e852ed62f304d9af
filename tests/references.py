"""Hand-picked points of every reference: where formulas cancel, overflow, change branch or meet an edge of their domain.

One row for each form of each density of numbers, and of each divergence. Random points and the climb come besides.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from elbocheck.certify.kernels import Point, Worst, measure
from elbocheck.certify.references import Reference, density_references, divergence_references
from elbocheck.densities import DENSITIES, Density, Form
from elbocheck.divergences import DIVERGENCES

POINTS: dict[str, tuple[Point, ...]] = {
    "normal(loc, scale)": ((1e308, -1e308, 1e300), (1e200, 0.0, 1e100), (0.1, 0.1, 0.3989422804014327)),
    "normal(loc, log_var)": ((1e308, 0.0, 1450.0), (1.0, 0.0, -1.8378770664093453), (1e-300, 0.0, -1410.0)),
    "bernoulli(logits)": ((1.0, 40.0), (0.0, -40.0), (1.0, 700.0), (0.3, 2.0), (0.7, -0.5)),
    "bernoulli(probs)": ((1.0, 5e-324), (0.0, 1e-17), (1.0, 1.0 - 2**-53), (0.3, 1e-300), (0.3, 0.31)),
    "huber(loc, scale, delta)": tuple((3.0, 0.0, 1.0, delta) for delta in (1e-6, 0.01, 1.4, 5.1, 6.3, 29.3, 37.3, 1e6)),
    "laplace(loc, scale)": ((1e308, -1e308, 1e300), (0.3, 0.3, 2.0), (1.0, 0.0, 0.5), (1.0, 0.0, 0.4999999999999999)),
    "asymmetric_laplace(loc, scale, quantile)": (
        (1e308, -1e308, 1e300, 0.3),
        (1.0, 0.0, 1e-308, 1e-10),
        (-1.0, 0.0, 1.0, 0.9999999999999999),
        (1.0, 0.0, 0.25, 0.5),
        (0.3, 0.3, 0.24999999999999997, 0.4999999999999999),
    ),
    "epsilon_insensitive(loc, scale, epsilon)": (
        (1e308, -1e308, 1e300, 2.0),
        (0.3, 0.0, 0.1, 3.0),
        (0.3, 0.1, 0.1, 2.0000000000000004),
        (1.0, 0.0, 0.5, 1e-17),
        (1.0, 0.0, 0.25, 1.0),
        (1.0, 0.0, 1.0, 0.0),
    ),
    "exponential(rate)": ((0.0, 1e300), (1e-300, 1e-300), (1.0, 1.0), (1e300, 1e-300)),
    "exponential(log_rate)": ((0.0, 1450.0), (1e-300, 720.0), (1e300, -1400.0), (1.0, 0.0)),
    "exponential(scale)": ((0.0, 1e-300), (1e-300, 1e300), (1.0, 1.0), (1e300, 1e-8)),
    "logistic(loc, scale)": ((1e300, 0.0, 1e-300), (1e-200, 0.0, 1.0), (40.0, 0.0, 1.0), (-800.0, 0.0, 1.0)),
    "log_cosh(loc, scale)": ((1e-200, 0.0, 1.0), (0.5, 0.0, 1.0), (-800.0, 0.0, 1.0), (1.0, 0.0, 0.3183098861837907)),
    "charbonnier(loc, scale, delta)": tuple(
        (u, 0.0, 1.0, delta) for u, delta in ((1e-200, 1.0), (3.0, 1e-6), (3.0, 1e6), (1e150, 1.0), (1.0, 1.4))
    ),
    "student_t(loc, scale, df)": tuple(
        (u, 0.0, 1.0, df) for u, df in ((1e-200, 1.0), (1e160, 3.0), (2.0, 1e15), (1e8, 1e15), (2.0, 0.01), (0.0, 1.0))
    ),
    "cauchy(loc, scale)": ((1e-200, 0.0, 1.0), (1e200, 0.0, 1.0), (1.0, 0.0, 0.3183098861837907)),
    "generalized_normal(loc, scale, power)": tuple(
        (u, 0.0, 1.0, power) for u, power in ((1e-200, 0.01), (3.0, 1.0), (3.0, 2.0), (1.001, 1000.0), (0.999, 1000.0))
    ),
    "gamma(concentration, rate)": ((1e-300, 0.01, 1.0), (1.0, 1.0, 1.0), (1e8, 1e8, 1.0), (3.0, 1e8, 1e8)),
    "weibull(scale, concentration)": (
        (1e-300, 1e20, 0.01),
        (1.0, 1.0, 1.0),
        (1.0000000000000002, 1.0, 1000.0),
        (3.0, 2.9999999999999996, 0.3),
        (2.0, 0.4999999999999999, 0.5),
        (5e-324, 1e-10, 1.05),
    ),
    "log_normal(loc, scale)": (
        (1.0, 0.0, 0.3989422804014327),
        (1e300, 690.7755278982137, 1e-3),
        (5e-324, 0.0, 1e30),
        (0.1353352832366127, 0.0, 1.0),
        (1e308, -1e308, 1e300),
    ),
    "log_normal(loc, log_scale)": (
        (1.0, 0.0, -0.9189385332046728),
        (1e300, 690.7755278982137, -7.0),
        (2.0, 0.0, 720.0),
        (2.0, 0.0, -100.0),
    ),
    "beta(concentration1, concentration0)": (
        (0.5, 1.0, 1.0),
        (1e-300, 0.01, 2.0),
        (0.9999999999999999, 2.0, 1e-9),
        (0.5, 1e8, 1e8),
    ),
    "continuous_bernoulli(logits)": ((0.5, 0.0), (0.5, 1e-9), (0.3, -40.0), (1.0, 1e300), (0.0, 709.0)),
    "continuous_bernoulli(probs)": (
        (0.5, 0.5),
        (0.5, 0.5000000001),
        (0.3, 1e-17),
        (1.0, 0.9999999999999999),
        (0.0, 1e-300),
    ),
    "truncated_normal(loc, scale, low, high)": (
        (0.5, 0.0, 1.0, 0.0, 1.0),
        (31.0, 0.0, 1.0, 30.0, 40.0),
        (-31.0, 0.0, 1.0, -40.0, -30.0),
        (0.0, 0.0, 1.0, -9.0, 9.0),
    ),
    "poisson(rate)": ((0.0, 1e-9), (0.0, 1e9), (1.0, 1.0), (1e15, 1e15), (1000.0, 1000.5), (3.0, 1e-200)),
    "poisson(log_rate)": ((0.0, -700.0), (1.0, 0.0), (1000.0, 6.907755278982137), (3.0, 40.0)),
    "binomial(total_count, logits)": (
        (0.0, 0.0, 3.0),
        (0.0, 9e15, -700.0),
        (7.0, 7.0, 690.0),
        (8.0, 7.0, 0.5),
        (500.0, 1000.0, 1e-9),
        (3.0, 1e15, -33.3),
    ),
    "binomial(total_count, probs)": (
        (0.0, 5.0, 0.0),
        (5.0, 5.0, 1.0),
        (2.0, 5.0, 0.0),
        (8.0, 7.0, 0.5),
        (500.0, 1000.0, 0.5000000000000001),
        (1e15, 3e15, 0.3333333333333333),
    ),
    "negative_binomial(total_count, logits)": (
        (0.0, 1.0, 0.0),
        (1e9, 0.5, 20.0),
        (5.0, 1e9, -18.0),
        (1000.0, 1000.0, 0.0),
    ),
    "discretized_logistic(loc, scale, levels)": (
        (0.0, 128.0, 1e-3, 256.0),
        (255.0, 128.0, 1e-3, 256.0),
        (128.0, 128.0, 1e3, 256.0),
        (127.0, 0.0, 1.0, 256.0),
    ),
}
"""Points (x, *parameters)."""

PAIRS: dict[str, tuple[Point, ...]] = {
    "KL(normal || standard normal)(loc, log_var)": tuple(
        (0.0, s) for s in (1e-9, -1e-15, 1.0, -1.0, 2.0, 709.9, 710.3, -1e300, 1e-160)
    ),
    "KL(normal || standard normal)(loc, scale)": tuple(
        (0.0, scale) for scale in (1.0 + 2**-52, 1.0 - 2**-53, 0.5, 2.0, 5e-324, 1e154)
    ),
}
"""Parameters of divergences."""

FEW = 400  # random points of a kernel in a test; the release table has a million


@dataclass(frozen=True)
class Row:
    """A form of a density of numbers, with its hand-picked points."""

    density: Density
    form: Form
    points: tuple[Point, ...]

    def __str__(self) -> str:
        return f"{self.density.name}({', '.join(self.form.names)})"


ROWS = tuple(
    Row(density, form, POINTS.get(f"{density.name}({', '.join(form.names)})", ()))
    for density in DENSITIES
    if density.event_rank == 0
    for form in density.forms
)


@dataclass(frozen=True)
class Case:
    """A kernel with its truth and the hand-picked points for its arguments."""

    reference: Reference
    points: tuple[Point, ...]

    def __str__(self) -> str:
        return self.reference.name

    def worst(self, count: int = FEW, *, climb: bool = True) -> Worst:
        """The largest error in ulps of float64."""
        return measure(self.reference, "float64", count, 1, also=self.points, climb=climb)


def _cases() -> Iterator[Case]:
    for density in DENSITIES:
        for reference in density_references(density):
            points = POINTS.get(reference.owner, ())
            of_parameters = reference.truth is not None and ".normalizer" in reference.name
            yield Case(reference, tuple(point[1:] for point in points) if of_parameters else points)
    for divergence in DIVERGENCES:
        for form in divergence.forms:
            names = f"{divergence.name}({', '.join(form.names)})"
            for reference in divergence_references(divergence):
                if reference.kernel in (form.kl, *form.kl_grad):
                    yield Case(reference, PAIRS.get(names, ()))


CASES = {f"{case.reference.owner}: {case}": case for case in _cases()}
KERNELS = {str(case): case for case in CASES.values()}
