"""Random unnormalised densities of known mass, and improper ones, in both dtypes.

`python -m tests.quality.random_masses 12000 [seed]` counts broken bounds, improper energies given a finite mass and proper
ones called divergent, and prints what a mass costs. Energies are computed by NumPy in the dtype, from parameters
that it holds exactly.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from math import inf, log, pi
from typing import Any

import numpy as np

from elbocheck.budget import MASS_TARGETS
from elbocheck.densities import named
from elbocheck.domain import COUNTS, OPEN_UNIT, POSITIVE, REAL, UNIT, Domain, Integers
from elbocheck.mass import Mass, Status, log_mass

SINGLE_OUT = 1000.0  # spacings of the location below which a scale may go unresolved


@dataclass(frozen=True)
class Drawn:
    """A random energy and what is known of it.

    Attributes:
        energy: of an array, in its dtype.
        support: where it is defined.
        truth: the log-mass in nats; infinite for an improper one.
        shown: how it was drawn.
        hint: where to look first.
        spacings: the least scale in spacings of the location.
    """

    energy: Callable[[Any], Any]
    support: Domain
    truth: float
    shown: str
    hint: float = 0.0
    spacings: float = inf


@dataclass
class Tally:
    """What went wrong, what it cost."""

    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    errors: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """Random numbers that a dtype holds exactly."""

    rng: np.random.Generator
    dtype: np.dtype[Any]

    def power(self, low: float, high: float) -> float:
        """A power of ten, log-uniform between two exponents."""
        return float(self.dtype.type(10 ** self.rng.uniform(low, high)))

    def between(self, low: float, high: float) -> float:
        """Uniform."""
        return float(self.dtype.type(self.rng.uniform(low, high)))

    def location(self, scale: float) -> float:
        """0, or up to where the spacing is a thirtieth of the scale."""
        if self.rng.random() < 0.2:
            return 0.0
        size = scale * self.power(-1, -log(30 * float(np.finfo(self.dtype).eps), 10))
        return float(self.dtype.type(size * self.rng.choice((-1, 1))))


def kind(value: float, x: Any) -> Any:
    """A number in the dtype of an array."""
    return x.dtype.type(value)


def charbonnier(u: Any, delta: float) -> Any:
    """delta**2 (sqrt(1 + (u/delta)**2) - 1) without cancellation."""
    v = u / kind(delta, u)
    return kind(delta, u) ** 2 * (np.abs(v) / (1 + np.hypot(kind(1, u), v)) * np.abs(v))


def huber(u: Any, delta: float) -> Any:
    """Quadratic within delta, linear beyond."""
    size, knot = np.abs(u), kind(delta, u)
    return np.where(size <= knot, size * size / 2, knot * (size - knot / 2))


SHAPES: dict[str, tuple[str, tuple[float, float], Callable[[Any, float], Any]]] = {
    "normal": ("", (0, 0), lambda u, a: u * u / 2),
    "laplace": ("", (0, 0), lambda u, a: np.abs(u)),
    "huber": ("delta", (-1, 1), huber),
    "charbonnier": ("delta", (-0.5, 1), charbonnier),
    "log_cosh": ("", (0, 0), lambda u, a: np.abs(u) + np.log1p(np.exp(-2 * np.abs(u))) - kind(log(2), u)),
    "logistic": ("", (0, 0), lambda u, a: u + 2 * np.log1p(np.exp(-u))),
    "student_t": ("df", (-1, 1.5), lambda u, a: (kind(a, u) + 1) / 2 * np.log1p(u * u / kind(a, u))),
    "cauchy": ("", (0, 0), lambda u, a: np.log1p(u * u)),
    "generalized_normal": ("power", (-0.3, 1), lambda u, a: np.abs(u) ** kind(a, u)),
}
"""By density: its shape, the decades it is drawn from, and the energy of the standardised difference."""

IMPROPER: dict[str, Callable[[Any, float], Any]] = {
    "welsch": lambda u, c: 1 - np.exp(-u * u / 2),
    "geman_mcclure": lambda u, c: u * u / (1 + u * u),
    "tukey": lambda u, c: 1 - (1 - np.minimum(u * u, 1)) ** 3,
    "truncated": lambda u, c: np.minimum(u * u / 2, kind(20 * c, u)),
    "cosine": lambda u, c: 1 - np.cos(u),
    "slow": lambda u, c: kind(0.3 + 0.7 * c, u) * np.log1p(np.abs(u)),
    "log": lambda u, c: np.log1p(np.abs(u)),
    "half": lambda u, c: np.log1p(u * u) / 2,
    "ramp": lambda u, c: np.exp(-u),
    "softplus": lambda u, c: np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u))),
    "constant": lambda u, c: 0 * u,
    "linear": lambda u, c: -u,
    "pole": lambda u, c: np.log(np.abs(u)) + u * u / 2,
    "steep": lambda u, c: kind(1 + c, u) * np.log(np.abs(u)) + np.abs(u),
    "relu": lambda u, c: np.maximum(u, 0),
}


def shifted(source: Source, scale: float) -> tuple[float, dict[str, Any]]:
    """A location, and what the draw says of it."""
    at = source.location(scale)
    hint = at * source.between(0.9, 1.1) if source.rng.random() < 0.3 else 0.0
    spacing = float(np.spacing(source.dtype.type(abs(at))))
    return at, {"hint": hint, "spacings": scale / spacing}


def standardised(x: Any, at: float, scale: float) -> Any:
    """(x - at) / scale in the dtype of x."""
    return (x - kind(at, x)) / kind(scale, x)


def location_family(source: Source) -> Drawn:
    """A member of a location-scale family, perhaps one-sided or with a jump."""
    name = str(source.rng.choice(list(SHAPES)))
    shape, decades, of = SHAPES[name]
    scale = source.power(-2, 2)
    at, about = shifted(source, scale)
    value = source.power(*decades) if shape else 1.0
    extra = {shape: value} if shape else {}
    truth = float(named(name).log_normalizer(loc=0.0, scale=scale, **extra))
    shown = f"{name} at {at!r} scale {scale!r} {shape} {value!r}"
    return Drawn(lambda x: of(standardised(x, at, scale), value), REAL, truth, shown, **about)


def mixture(source: Source) -> Drawn:
    """Two normals of comparable scales, 2 to 30 of them apart."""
    scale = source.power(-2, 2)
    at, about = shifted(source, scale)
    other = float(source.dtype.type(scale * source.power(-0.5, 0.5)))
    away = float(source.dtype.type(at + scale * source.between(2, 30)))
    weight = source.between(-3, 3)

    def energy(x: Any) -> Any:
        first, second = standardised(x, at, scale), standardised(x, away, other)
        return -np.logaddexp(-first * first / 2, kind(weight, x) - second * second / 2)

    truth = float(np.logaddexp(log(scale), weight + log(other))) + log(2 * pi) / 2
    about["spacings"] = min(scale, other) / float(np.spacing(source.dtype.type(max(abs(at), abs(away)))))
    return Drawn(energy, REAL, truth, f"mixture {at!r} {scale!r}, {away!r} {other!r}, {weight!r}", **about)


def truncated(source: Source) -> Drawn:
    """A normal, or nearly a constant, that jumps to 0 at two points."""
    scale = source.power(-2, 2)
    at, about = shifted(source, scale)
    low = float(source.dtype.type(at + scale * source.between(-3, 1)))
    high = float(source.dtype.type(low + scale * source.power(-1, 0.5)))
    flat = source.power(0, 6)
    wide = float(source.dtype.type(scale * flat))
    truth = float(named("truncated_normal").log_normalizer(loc=at, scale=wide, low=low, high=high))
    about["hint"] = source.between(low, high)  # where all is infinite, nothing is found
    about["spacings"] = min(high - low, wide) / float(np.spacing(source.dtype.type(max(abs(low), abs(high)))))

    def energy(x: Any) -> Any:
        u = standardised(x, at, wide)
        return np.where((x >= kind(low, x)) & (x <= kind(high, x)), u * u / 2, kind(inf, x))

    return Drawn(energy, REAL, truth, f"truncated at {at!r} scale {wide!r} in {low!r}, {high!r}", **about)


def one_sided(source: Source) -> Drawn:
    """A gamma, beta or continuous Bernoulli, with poles at ends of the support."""
    match source.rng.integers(3):
        case 0:
            a, rate = source.power(-1, 1.7), source.power(-3, 3)
            truth = float(named("gamma").log_normalizer(concentration=a, rate=rate))

            def gamma(x: Any) -> Any:
                return kind(rate, x) * x - (kind(a, x) - 1) * np.log(x)

            return Drawn(gamma, POSITIVE, truth, f"gamma {a!r} {rate!r}")
        case 1:
            a, b = source.power(-0.6, 1.3), source.power(-0.6, 1.3)
            truth = float(named("beta").log_normalizer(concentration1=a, concentration0=b))

            def beta(x: Any) -> Any:
                return -(kind(a, x) - 1) * np.log(x) - (kind(b, x) - 1) * np.log1p(-x)

            return Drawn(beta, OPEN_UNIT, truth, f"beta {a!r} {b!r}")
    logit = source.between(-30, 30)
    truth = float(named("continuous_bernoulli").log_normalizer(logits=logit)) + float(np.logaddexp(0, logit))
    return Drawn(lambda x: -kind(logit, x) * x, UNIT, truth, f"continuous_bernoulli {logit!r}")


def heavy(source: Source) -> Drawn:
    """c log(1 + |u|) with c from 1.0005 on."""
    scale = source.power(-2, 2)
    at, about = shifted(source, scale)
    c = float(source.dtype.type(1 + source.power(-3.3, 0.5)))
    truth = log(2 / (c - 1)) + log(scale)
    return Drawn(
        lambda x: kind(c, x) * np.log1p(np.abs(standardised(x, at, scale))), REAL, truth,
        f"heavy {c!r} at {at!r} scale {scale!r}", **about,
    )  # fmt: skip


def counts(source: Source) -> Drawn:
    """A Poisson or negative binomial, a power law, or classes."""
    match source.rng.integers(4):
        case 0:
            rate = source.between(-3, 9)
            return Drawn(lambda k: named("poisson").energy(k, log_rate=kind(rate, k)), COUNTS, 0.0, f"poisson {rate!r}")
        case 1:
            n, logit = source.power(-0.5, 2), source.between(-4, 4)
            return Drawn(
                lambda k: named("negative_binomial").energy(k, total_count=kind(n, k), logits=kind(logit, k)),
                COUNTS, 0.0, f"negative_binomial {n!r} {logit!r}",
            )  # fmt: skip
        case 2:
            from scipy.special import zeta

            a = float(source.dtype.type(1 + source.power(-1, 0.7)))
            return Drawn(lambda k: kind(a, k) * np.log(k), Integers(1, inf), log(zeta(a)), f"zeta {a!r}")
    logits = source.rng.normal(size=source.rng.integers(2, 50)).astype(source.dtype) * 10
    truth = float(np.logaddexp.reduce(logits.astype(np.float64)))
    return Drawn(lambda k: -logits[k.astype(int)], Integers(0, logits.size - 1), truth, "classes")


def improper(source: Source) -> Drawn:
    """An energy whose mass is infinite."""
    if source.rng.random() < 0.15:
        a = source.between(0, 1) if source.rng.random() < 0.7 else 1.0
        if source.rng.random() < 0.5:
            return Drawn(lambda k: kind(a, k) * np.log(k), Integers(1, inf), inf, f"harmonic {a!r}")
        return Drawn(lambda k: -kind(a, k) * k, COUNTS, inf, f"poisson without log y! {a!r}")
    name = str(source.rng.choice(list(IMPROPER)))
    scale, c = source.power(-2, 2), source.between(0, 1)
    at, about = shifted(source, scale)
    sign = -1 if source.rng.random() < 0.5 else 1
    return Drawn(
        lambda x: IMPROPER[name](sign * standardised(x, at, scale), c), REAL, inf,
        f"{name} {c!r} at {at!r} scale {sign * scale!r}", **about,
    )  # fmt: skip


KINDS = (*[location_family] * 3, mixture, truncated, one_sided, heavy, counts, improper, improper)


def draw(source: Source) -> Drawn:
    """One energy, perhaps with a constant added."""
    drawn = KINDS[source.rng.integers(len(KINDS))](source)
    if source.rng.random() < 0.7:
        return drawn
    constant, energy = source.power(-1, 6) * float(source.rng.choice((-1, 1))), drawn.energy
    constant = float(source.dtype.type(constant))
    return replace(
        drawn, energy=lambda x: energy(x) + kind(constant, x), truth=drawn.truth - constant,
        shown=f"{drawn.shown} + {constant!r}",
    )  # fmt: skip


def fault(drawn: Drawn, mass: Mass) -> str | None:
    """Name what is wrong with an answer, or None."""
    proper = drawn.truth < inf
    if mass.status is Status.OK:
        if not proper:
            return "improper, given a finite mass"
        return "bound broken" if abs(mass.log_value - drawn.truth) > mass.error else None
    if mass.status is Status.DIVERGENT:
        return "proper, called divergent" if proper else None
    if mass.status is Status.UNRESOLVED:
        return "unresolved too early" if drawn.spacings > SINGLE_OUT else None
    return None


def trial(drawn: Drawn, dtype: str, tally: Tally, **options: Any) -> str | None:
    """Weigh one energy and count what happened."""
    start = time.perf_counter()
    mass = log_mass(drawn.energy, drawn.support, dtype=dtype, hint=drawn.hint, **options)  # type: ignore[arg-type]
    tally.seconds.append(time.perf_counter() - start)
    tally.calls.append(mass.calls)
    tally.statuses[f"{'proper' if drawn.truth < inf else 'improper'} {mass.status}"] += 1
    if mass.status is Status.OK:
        tally.errors.append(mass.error)
    said = fault(drawn, mass)
    if said:
        tally.faults[said] += 1
        return f"{dtype} {drawn.shown} hint {drawn.hint!r}: {said}: {mass} off {abs(mass.log_value - drawn.truth):.2e}"
    if mass.status is Status.UNDECIDED and drawn.truth < inf and drawn.spacings > SINGLE_OUT:
        return f"{dtype} {drawn.shown} hint {drawn.hint!r}: {mass}"
    return None


def summary(dtype: str, tally: Tally) -> Iterator[str]:
    """Lines about a run."""
    yield f"{dtype}: faults {dict(tally.faults)}"
    yield f"  {dict(sorted(tally.statuses.items()))}"
    bounds, calls, times = np.array(tally.errors), np.array(tally.calls), 1e3 * np.array(tally.seconds)
    yield f"  bound median {np.median(bounds):.1e}, 90 % {np.quantile(bounds, 0.9):.1e}, 99 % {np.quantile(bounds, 0.99):.1e} nats"
    yield f"  calls median {np.median(calls):g}, most {calls.max()}; ms median {np.median(times):.2f}, 99 % {np.quantile(times, 0.99):.1f}"
    met = float(np.median(bounds)) <= MASS_TARGETS[dtype]
    yield f"  median bound {'meets' if met else 'MISSES'} {MASS_TARGETS[dtype]:g}"


def main(count: int, seed: int) -> None:
    """Print every fault, every undecided proper energy, and the summary."""
    sys.stdout.write(f"seed {seed}\n")
    for dtype in ("float64", "float32"):
        source, tally = Source(np.random.default_rng(seed), np.dtype(dtype)), Tally()
        with np.errstate(all="ignore"):
            for _ in range(count):
                said = trial(draw(source), dtype, tally)
                if said is not None:
                    sys.stdout.write(f"{said}\n")
        sys.stdout.write("\n".join(summary(dtype, tally)) + "\n")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    main(given[0] if given else 1000, given[1] if len(given) > 1 else int(np.random.default_rng().integers(2**32)))
