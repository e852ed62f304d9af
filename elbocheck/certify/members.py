"""The certificate of a density: normaliser, derivatives, value, entropy and KL at members spread over its domain.

A quantity counts only where three numbers agree: the ball of the integral, which contains the truth by proof, the closed
form, and mpmath's own value. What disagrees is a fault with the name of the quantity, never a smaller number of digits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from elbocheck import enclosure, precision
from elbocheck.certify import spread
from elbocheck.densities.density import Density, Form
from elbocheck.densities.recipe import Chart
from elbocheck.divergences.divergence import Divergence, DivergenceForm
from elbocheck.domain import Integers
from elbocheck.enclosure import Enclosure
from elbocheck.errors import OracleError
from elbocheck.oracle import Member, exact, require_overlap

__all__ = ["Claims", "Fact", "difference", "divergence_facts", "fact", "facts", "subject"]

DERIVATIVE_DIGITS = 45  # of mpmath's differences, which lose what the steps take
VANISHING = 10.0**-200  # a value that need not be known relative to itself
ROUNDS = 4  # of asking for as many more digits as derivatives cancel
DIGITS_OF_MPMATH = 30  # of entropies and divergences: a second engine at 50 digits would take minutes


Claims = tuple[float, float, list[tuple[str, Enclosure, str, Enclosure]]]
"""Digits, seconds and pairs (what, ball, other what, other ball) that must overlap."""


@dataclass(frozen=True)
class Fact:
    """One quantity of one member.

    Attributes:
        quantity: normaliser, a derivative, value, entropy, KL.
        at: the member's parameters by name.
        digits: decimal digits that the ball proves; 0 for a fault.
        seconds: what the ball took.
        route: how it was obtained, and by what confirmed.
        fault: what disagreed; None if nothing.
    """

    quantity: str
    at: dict[str, Any]
    digits: float
    seconds: float
    route: str
    fault: str | None = None


def subject(density: Density, form: Form) -> str:
    """The family with its parameters, as tables print it."""
    return f"{density.name}({', '.join(form.names)})"


def facts(density: Density, form: Form, rng: np.random.Generator, digits: int) -> Iterator[Fact]:
    """Every quantity of one random member."""
    values = spread.parameters(form, rng)
    member, at = Member(form, values), dict(zip(form.names, values, strict=True))

    def make(quantity: str, check: Callable[[], Claims]) -> Fact:
        return fact(density.name, at, quantity, digits, check)

    yield make("normaliser", partial(_normaliser, member, digits))
    for i, parameter in enumerate(form.parameters):
        if parameter.event_rank == 0 and not isinstance(parameter.domain, Integers):
            moved = replace(member, place=i)
            if form.log_mass is not None:
                yield make(f"normaliser by {parameter.name}", partial(_slopes, moved, digits))
            yield make(f"value by {parameter.name}", partial(_value_slopes, moved, digits, rng))
    yield make("value", partial(_value, member, digits, rng))
    if isinstance(form.recipe, tuple) and any(chart.log_density for chart in form.recipe):
        yield make("charts", partial(_charts, member, form.recipe, digits, rng))
    yield make("entropy", partial(_entropy, member, digits))
    if form.example is None:
        yield make("KL", partial(_divergence, member, _neighbour(member, rng), digits))


def fact(name: str, at: dict[str, Any], quantity: str, digits: int, check: Callable[[], Claims]) -> Fact:
    """What a check found, or the fault that it met: two values that exclude each other, or too few digits to tell."""
    title = f"{name}, {quantity}"
    try:
        proven, seconds, claims = check()
        if proven < digits:
            raise OracleError(f"{title}: {proven:.1f} digits proven, {digits} asked")
        for what, ball, other_what, other in claims:
            require_overlap(title, what, ball, other_what, other)
            _require_sharp(title, min(digits, DIGITS_OF_MPMATH), {what: ball, other_what: other})
    except (OracleError, ZeroDivisionError, OverflowError) as error:
        return Fact(quantity, at, 0.0, 0.0, "none", f"{error}" if isinstance(error, OracleError) else repr(error))
    route = " = ".join(dict.fromkeys(part for claim in claims for part in (claim[0], claim[2])))
    return Fact(quantity, at, proven, seconds, route)


def _require_sharp(title: str, digits: int, balls: dict[str, Enclosure]) -> None:
    """Raise where a ball is so wide that it would overlap a wrong number too."""
    for what, ball in balls.items():
        if ball.digits_of(1.0) < digits - 1:
            raise OracleError(f"{title}: {what} is only known to be {ball}, which proves nothing")


def _normaliser(member: Member, digits: int) -> Claims:
    began = time.perf_counter()
    mass = member.mass(digits)[0]
    seconds = time.perf_counter() - began
    ball = enclosure.log(mass)
    closed = member.closed(member.form.log_mass, digits)[0]
    seen = enclosure.log(member.witness(digits))
    return mass.digits, seconds, [("balls", ball, "closed form", closed), ("balls", ball, "mpmath", seen)]


def _slopes(member: Member, digits: int) -> Claims:
    """First and second derivative of log Z: by integrating the differentiated density, and of the closed form."""
    began = time.perf_counter()
    rung = digits
    for _ in range(ROUNDS):
        first, second = enclosure.log_derivatives(member.mass(rung, order=3))
        missing = digits - min(one.digits_of(1.0) for one in (first, second))
        if missing <= 0:
            break
        rung += int(missing) + 5
    seconds = time.perf_counter() - began
    claims = []
    _, *closed = member.closed(member.form.log_mass, digits, order=3)
    for order, (ball, formula) in enumerate(zip((first, second), closed, strict=True), start=1):
        seen = difference(member, order, lambda ctx, values: member.form.log_mass(ctx, *values))  # type: ignore[misc]
        claims += [("balls", ball, "closed form", formula), ("closed form", formula, "mpmath", seen)]
    return min(one.digits_of(1.0) for one in (first, second)), seconds, claims


def _value_slopes(member: Member, digits: int, rng: np.random.Generator) -> Claims:
    x = _point(member, rng)
    began = time.perf_counter()
    found = member.definition(x, digits, order=3)
    seconds = time.perf_counter() - began
    claims = []
    for order in (1, 2):
        seen = difference(member, order, lambda ctx, values: member.form.definition(ctx, exact(ctx, x), *values))
        claims.append(("balls", found[order], "mpmath", seen))
    return _fewest(found), seconds, claims


def difference(member: Member, order: int, function: Callable[[Any, list[Any]], Any]) -> Enclosure:
    """The derivative of (m, parameters) in the parameter at `place`, by mpmath's differences."""
    place = member.place or 0

    def along(ctx: Any, moved: Any) -> Any:
        return function(ctx, [moved if i == place else exact(ctx, v) for i, v in enumerate(member.values)])

    seen = precision.derivative(along, member.values[place], order, DERIVATIVE_DIGITS)
    return enclosure.from_exact(*seen.exact(), seen.how)


def _value(member: Member, digits: int, rng: np.random.Generator) -> Claims:
    x = _point(member, rng)
    began = time.perf_counter()
    ball = member.definition(x, digits)[0]
    seconds = time.perf_counter() - began
    seen = precision.agree(lambda ctx: member.log_density(ctx, exact(ctx, x)), digits)
    return _fewest([ball]), seconds, [("balls", ball, "mpmath", enclosure.from_exact(*seen.exact(), seen.how))]


def _charts(member: Member, charts: tuple[Chart, ...], digits: int, rng: np.random.Generator) -> Claims:
    """The recipe's own form of the density against the definition, at places between its breaks."""
    claims = []
    began = time.perf_counter()
    for chart in charts:
        if chart.log_density is not None:
            own, defined = enclosure.pair(partial(_both, member, chart, float(rng.random())), digits)
            claims.append(("chart", own, "definition", defined))
    return (
        _fewest([ball for _, own, _, defined in claims for ball in (own, defined)]),
        time.perf_counter() - began,
        claims,
    )


def _fewest(balls: list[Enclosure]) -> float:
    """The digits of the least known of several balls, relative to themselves or to what is as good as 0."""
    return min(ball.digits_of(VANISHING) for ball in balls)


def _both(member: Member, chart: Chart, share: float, m: Any) -> tuple[Any, Any]:
    lifted = member.parameters(m)
    breaks = [at for at in chart.breaks(m, *lifted) if not isinstance(at, float)]
    t = breaks[0] + (breaks[-1] - breaks[0]) * m.exact(share)
    own = chart.log_density(m, t, *lifted) if chart.log_density else m.exact(0)
    return own, member.form.definition(m, chart.point(m, t, *lifted), *lifted)


def _entropy(member: Member, digits: int) -> Claims:
    began = time.perf_counter()
    ball = member.entropy(digits)
    seconds = time.perf_counter() - began
    claims = [("balls", ball, "mpmath", member.entropy(min(digits, DIGITS_OF_MPMATH), by_mpmath=True))]
    if member.form.entropy is not None:
        claims.append(("balls", ball, "closed form", member.closed(member.form.entropy, digits)[0]))
    return ball.digits_of(1.0), seconds, claims


def _divergence(member: Member, other: Member, digits: int) -> Claims:
    began = time.perf_counter()
    ball = member.divergence(other, digits)
    seconds = time.perf_counter() - began
    seen = member.divergence(other, min(digits, DIGITS_OF_MPMATH), spare=ball.lost(), by_mpmath=True)
    claims = [("balls", ball, "mpmath", seen)]
    if member.form.kl is not None:
        formula = member.form.kl
        closed = enclosure.enclose(
            lambda m: formula(m, member.parameters(m), other.parameters(m)), digits, floor=10.0 ** -min(digits, 300)
        )
        claims.append(("balls", ball, "closed form", closed))
    return ball.digits_of(1.0), seconds, claims


def _neighbour(member: Member, rng: np.random.Generator) -> Member:
    """Another member, not far: the first two parameters moved by about their own size.

    The location stays where the definition has kinks that no break can be put at.
    """
    recipe, moved = member.form.recipe, []
    stays = (
        member.form.kinks is not None and isinstance(recipe, tuple) and any(one.coordinate is None for one in recipe)
    )
    for i, (parameter, value) in enumerate(zip(member.form.parameters, member.values, strict=True)):
        if i > 1 or isinstance(parameter.domain, Integers) or (stays and i == 0):
            moved.append(value)
        elif parameter.domain.low < 0:
            unit = _width(member) if parameter.name == "loc" else 1.0
            moved.append(value + unit * float(rng.normal()))
        elif parameter.domain.high == 1:
            moved.append(float(np.clip(value * rng.uniform(0.5, 1.0), 1e-9, 1 - 1e-9)))
        else:
            moved.append(value * float(2.0 ** rng.normal()))
    return replace(member, values=tuple(moved))


def _width(member: Member) -> float:
    """By how much locations are moved: the scale, where the form has one."""
    named = dict(zip(member.form.names, member.values, strict=True))
    return float(named["scale"] if "scale" in named else np.exp(named["log_var"] / 2) if "log_var" in named else 1.0)


def _point(member: Member, rng: np.random.Generator) -> Any:
    """A random point, a vector where the density is one of vectors, and not on a kink."""
    drawn = member.form.draw(rng, (), *(np.asarray(value, dtype=np.float64) for value in member.values))
    return np.asarray(drawn if member.form.kinks is None else np.nextafter(drawn, np.inf)).tolist()


def divergence_facts(
    divergence: Divergence, form: DivergenceForm, rng: np.random.Generator, digits: int
) -> Iterator[Fact]:
    """The divergence of one random pair: by integral, closed form and mpmath."""
    values = spread.parameters(form, rng)
    at = {parameter.name: value for parameter, value in zip(form.parameters, values, strict=True)}
    yield fact(divergence.name, at, "KL", digits, partial(_pair, form, values, digits))


def _pair(form: DivergenceForm, values: tuple[Any, ...], digits: int) -> Claims:
    q, p = (Member(one, values, derive=derive) for one, derive in (form.posterior, form.prior))
    began = time.perf_counter()
    ball = q.divergence(p, digits)
    seconds = time.perf_counter() - began
    closed = enclosure.enclose(lambda m: form.closed(m, *exact(m, values)), digits, floor=1e-300)
    seen = q.divergence(p, min(digits, DIGITS_OF_MPMATH), spare=ball.lost(), by_mpmath=True)
    return ball.digits, seconds, [("balls", ball, "closed form", closed), ("balls", ball, "mpmath", seen)]
