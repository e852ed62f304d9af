"""The kernels' certificate: the largest error in ulps over the whole domain, against balls, and where it happens.

The unit is one ulp of the true result. Of kernels whose budget is one of terms it is what moving every argument by a
quarter of its ulp, the mean rounding of a number, changes the truth by, where that is larger: beside a root that falls
between two floats no arithmetic keeps relative accuracy, and a thousandth power multiplies what its base was rounded by.
Three searches: random points over the domain, its edges among them, and a climb from the worst ones found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elbocheck import doubled, enclosure, precision
from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.certify.references import Reference
from elbocheck.errors import OracleError

__all__ = ["Worst", "beyond", "measure", "mismatch"]

BITS = 192  # of the balls that kernels are held against; more where a point needs them
ROUNDING = 0.25  # ulps: the mean rounding of an argument
BESIDE_BALLS = 100  # digits more at which mpmath confirms itself, where it confirms a ball
SUSPECT = {8: 1.5, 4: 0.5 + 2.0**-20}  # raw ulps by bytes, from which the conditioning of a point is looked at
ATTEMPTS = 4  # points for each that mpmath is to confirm
LOOKED_AT = 4000  # points whose conditioning is computed, the worst first
PARENTS, CHILDREN, GENERATIONS = 12, 12, 12

Point = tuple[float, ...]


@dataclass(frozen=True)
class Worst:
    """The largest error found.

    Attributes:
        ulps: of the result or of the conditioning, whichever is larger.
        at: the arguments.
        points: at how many the truth is known, and was met or missed; others (a kink, outside the support) do not count.
    """

    ulps: float
    at: tuple[float, ...]
    points: int


def measure(
    reference: Reference, dtype: Any, count: int, seed: int, *, also: Sequence[Point] = (), climb: bool = True
) -> Worst:
    """The largest error of a kernel in ulps of a dtype, over random points and a climb from the worst of them.

    Args:
        reference: the kernel and its truth.
        dtype: float64 or float32; arguments are rounded to it.
        count: random points.
        seed: of the points and the climb.
        also: points that are tried besides.
        climb: whether to search on from the worst.
    """
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    arguments = np.array(reference.sample(rng, count))
    if also:
        arguments = np.concatenate([np.array(also, dtype=np.float64).T, arguments], axis=1)
    with np.errstate(over="ignore", under="ignore"):
        arguments = arguments.astype(dtype).astype(np.float64)
    errors, known = _errors(reference, arguments, dtype)
    if not known:
        raise OracleError(f"{reference.name}: the truth is known at none of {errors.size} points")
    worst, best = _conditioned(reference, arguments, errors, dtype)
    order = np.argsort(-errors, kind="stable")[:PARENTS]
    parents = np.concatenate([arguments[:, order], arguments[:, [best]]], axis=1)
    champion = arguments[:, best]
    for _ in range(GENERATIONS if climb else 0):
        children = _mutate(reference, parents, rng, dtype)
        errors, more = _errors(reference, children, dtype)
        known += more
        found, place = _conditioned(reference, children, errors, dtype)
        if found > worst:
            worst, champion = found, children[:, place]
        order = np.argsort(-errors, kind="stable")[:PARENTS]
        parents = np.concatenate([children[:, order], champion[:, None]], axis=1)
    return Worst(worst, tuple(float(value) for value in champion), known)


def _errors(reference: Reference, arguments: Any, dtype: Any) -> tuple[Any, int]:
    """Raw errors in ulps, 0 where the truth itself is not known, and at how many points it is."""
    with np.errstate(all="ignore"):
        values = reference.kernel(*arguments.astype(dtype))
    high, low = _truths(reference, arguments)
    errors = ulp_distance(values, high, dtype, remainder=low)
    unknown = np.isnan(high)
    return np.where(unknown, 0.0, np.nan_to_num(errors, nan=np.inf)), int(np.count_nonzero(~unknown))


def _truths(reference: Reference, arguments: Any) -> tuple[Any, Any]:
    """The truth at each point as a sum of two floats; NaN where the definition has none (a kink, outside the support).

    Double-double arithmetic has the first say, where its bound is below 2**-80 of the value; balls have the last.
    """
    if reference.place is not None:
        return enclosure.doubles(reference.balls, arguments.T.tolist(), BITS, 2)
    high, low, known = doubled.sharp_values(reference.truth, *arguments)
    rest = np.flatnonzero(~known)
    high[rest], low[rest] = enclosure.doubles(reference.balls, arguments[:, rest].T.tolist(), BITS, 1)
    return high, low


def _conditioned(reference: Reference, arguments: Any, errors: Any, dtype: Any) -> tuple[float, int]:
    """The largest error after conditioning, and where; points are looked at from the worst raw error down."""
    if not reference.excused:
        place = int(np.argmax(errors))
        return float(errors[place]), place
    suspect = SUSPECT[np.dtype(dtype).itemsize]
    order = np.argsort(-errors, kind="stable")[:LOOKED_AT]
    worst, best = 0.0, int(order[0])
    for block in np.array_split(order, max(1, order.size // 64)):
        if errors[block[0]] <= worst or errors[block[0]] <= suspect:
            break
        factor = _excuse(reference, arguments[:, block], dtype)
        excess = errors[block] / factor
        place = int(np.argmax(excess))
        if excess[place] > worst:
            worst, best = float(excess[place]), int(block[place])
    rest = errors[errors <= suspect]
    if rest.size and float(rest.max()) > worst:
        worst, best = float(rest.max()), int(np.argmax(np.where(errors <= suspect, errors, -1.0)))
    return worst, best


def _excuse(reference: Reference, arguments: Any, dtype: Any) -> Any:
    """How many ulps of the result the truth moves by when every argument moves by its rounding; at least 1."""
    high, low = _truths(reference, arguments)
    moved = np.zeros_like(high)
    for i in range(arguments.shape[0]):
        if i in reference.whole:
            continue
        steps = []
        for towards in (np.inf, -np.inf):
            beside = arguments.copy()
            beside[i] = np.nextafter(beside[i].astype(dtype), towards, dtype=dtype)
            near, rest = _truths(reference, beside)
            with np.errstate(invalid="ignore"):
                steps.append(np.nan_to_num(np.abs((near - high) + (rest - low)), posinf=0.0))
        moved += np.maximum(*steps)
    with np.errstate(over="ignore", invalid="ignore"):
        unit = np.spacing(np.abs(high).astype(dtype)).astype(np.float64)
        return np.maximum(1.0, np.nan_to_num(ROUNDING * moved / unit))


def _mutate(reference: Reference, parents: Any, rng: np.random.Generator, dtype: Any) -> Any:
    """Children near their parents: one argument a few ulps, or a factor, away."""
    children = np.repeat(parents, CHILDREN, axis=1)
    count = children.shape[1]
    place = rng.integers(children.shape[0], size=count)
    with np.errstate(over="ignore"):
        factor = 1.0 + rng.normal(size=count) * 10.0 ** rng.uniform(-16, 0, count)
        moved = children[place, np.arange(count)] * factor
    fixed = np.isin(place, reference.whole)
    moved = np.where(fixed, children[place, np.arange(count)] + rng.integers(-2, 3, count), moved)
    with np.errstate(over="ignore", under="ignore"):
        moved = moved.astype(dtype).astype(np.float64)
    old = children[place, np.arange(count)]
    same_kind = (np.sign(moved) == np.sign(old)) & ((old > 1) | (moved <= 1)) & np.isfinite(moved)
    if reference.increasing is not None:
        ends = [np.where(place == end, moved, children[end]) for end in reference.increasing]
        same_kind &= ends[0] < ends[1]
    children[place, np.arange(count)] = np.where(same_kind, moved, old)
    return children


def beyond(reference: Reference, dtype: str, worst: Worst) -> str | None:
    """What is wrong with an error that is larger than the budget; None if it is not. float32 is float64 rounded once."""
    budget = BUDGETS.get(reference.name if dtype == "float64" else "rounding.float32")
    if budget is None or worst.ulps <= budget.ulps:
        return None
    return (
        f"{reference.name} at {worst.at}: {worst.ulps:.3g} ulp in {dtype}, the budget is {budget.ulps:g}: {budget.why}"
    )


def mismatch(reference: Reference, count: int, seed: int, digits: int = 25) -> str | None:
    """Where balls and mpmath exclude each other on a random sample of the kernel's points; None if nowhere.

    A point at which one of the two has no number is replaced by another; too few of the others are a fault too.
    """
    arguments = np.array(reference.sample(np.random.default_rng(seed), ATTEMPTS * count))
    confirmed, last = 0, "no point tried"
    for point in arguments.T.tolist():
        if confirmed == count:
            return None
        order = 1 if reference.place is None else 2
        ball = enclosure.known(reference.balls, point, digits, order)
        if ball is None:
            last = f"no ball at {tuple(point)}"
            continue
        try:
            seen = _by_mpmath(reference, point, digits)
        except OracleError as error:
            last = str(error)
            continue
        if not ball.holds(seen):
            return f"{reference.name} at {tuple(point)}: balls give {ball}, mpmath {seen}"
        confirmed += 1
    return None if confirmed >= count else f"{reference.name}: mpmath confirms {confirmed} points of {count}; {last}"


def _by_mpmath(reference: Reference, point: list[float], digits: int) -> Any:
    place = reference.place

    def value(ctx: Any, moved: Any = None) -> Any:
        return reference.truth(ctx, *(moved if i == place else ctx.mpf(v) for i, v in enumerate(point)))

    if place is None:
        found = precision.agree(lambda ctx: reference.truth(ctx, *map(ctx.mpf, point)), digits, BESIDE_BALLS)
    else:
        found = precision.derivative(value, point[place], 1, digits)
    return enclosure.from_exact(*found.exact(), found.how)
