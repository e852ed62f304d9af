"""The truth about a density by two engines: balls that enclose it, mpmath that must agree, and the closed form inside.

Nothing is believed from one computation. What a recipe integrates to in balls must overlap the closed form, where there
is one, and the value that mpmath finds by two rules at two precisions; else an OracleError names both numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any

from elbocheck import enclosure, precision
from elbocheck.arithmetic import Arithmetic, Number
from elbocheck.densities.recipe import Chart, Ladder, Levels, inserted
from elbocheck.enclosure import Enclosure
from elbocheck.errors import OracleError, ParameterError

if TYPE_CHECKING:
    from elbocheck.densities.density import Density, Form
    from elbocheck.divergences.divergence import DivergenceForm
    from elbocheck.precision import Certified

__all__ = ["LogRatio", "Member", "divergence", "exact", "log_prob", "require_digits", "require_overlap"]

MAX_DIGITS = 1000
SPARE = 50  # digits by which a divergence whose closed form is 0 is seen to vanish
ROUNDS = 6  # doublings of the digits where terms cancel
NEGLIGIBLE = 10.0**-300  # an absolute error that is as good as none


def require_digits(digits: int) -> int:
    """Raise unless the digits are a whole number that oracles can give.

    Raises:
        ParameterError: showing the value and the range.
    """
    if not isinstance(digits, int) or not 1 <= digits <= MAX_DIGITS:
        raise ParameterError(f"digits must be a whole number from 1 to {MAX_DIGITS}, got {digits!r}")
    return digits


def exact(m: Arithmetic, value: Any, *, vary: bool = False) -> Any:
    """A parameter as the exact number it is, nested lists elementwise; the variable of Taylor series where it varies."""
    if isinstance(value, list | tuple):
        return [exact(m, entry) for entry in value]
    return m.variable(value) if vary else m.exact(value)  # type: ignore[attr-defined]  # only balls are varied


def require_overlap(name: str, what: str, ball: Enclosure, other_what: str, other: Enclosure) -> None:
    """Raise unless two enclosures can be the same number.

    Raises:
        OracleError: naming both.
    """
    if not ball.holds(other):
        raise OracleError(f"{name}: {what} is {ball} but {other_what} is {other}: they exclude each other")


@dataclass(frozen=True)
class LogRatio:
    """The factor log p - log other of an integrand, both without normalisers; log p alone where there is no other."""

    other: Member | None = None


@dataclass(frozen=True)
class Member:
    """One member of a family, as both engines see it.

    Attributes:
        form: the parametrisation.
        values: the parameters as floats, vectors and matrices as nested tuples.
        place: which parameter varies, where derivatives are taken; None for values alone.
        derive: (m, *values) to the parameters of the form, where they are not the values themselves.
    """

    form: Form
    values: tuple[Any, ...]
    place: int | None = None
    derive: Callable[..., Sequence[Any]] | None = None

    def parameters(self, m: Arithmetic) -> list[Any]:
        """The parameters in the numbers of an engine."""
        lifted = [exact(m, value, vary=i == self.place) for i, value in enumerate(self.values)]
        return lifted if self.derive is None else list(self.derive(m, *lifted))

    def log_density(self, m: Arithmetic, x: Number) -> Number:
        """The definition at a point."""
        return self.form.definition(m, x, *self.parameters(m))

    def definition(self, x: Any, digits: int, order: int = 1) -> list[Enclosure]:
        """Balls of the definition at an exact point, and of its derivatives in the parameter at `place`."""
        return enclosure.taylor(lambda m: self.log_density(m, exact(m, x)), digits, order, floor=NEGLIGIBLE)

    def closed(self, formula: Callable[..., Number] | None, digits: int, order: int = 1) -> list[Enclosure]:
        """Balls of a closed form in the parameters, absolutely accurate, and of its derivatives; None stands for 0."""
        floor = 10.0 ** -min(digits, 300)
        known = formula or (lambda m, *_: m.exact(0))
        return enclosure.taylor(lambda m: known(m, *self.parameters(m)), digits, order, floor=floor)

    def mass(
        self, digits: int, order: int = 1, weight: LogRatio | None = None, scale: Enclosure | None = None
    ) -> list[Enclosure]:
        """Balls of the integral or sum of exp(definition) times a weight, and of its derivatives.

        The digits are relative to the value, or to the scale where that is larger: weights may cancel.

        Raises:
            OracleError: where the recipe does not lead to that many digits.
        """
        recipe = self.form.recipe
        if isinstance(recipe, Levels):
            floor = NEGLIGIBLE if scale is None else 10.0 ** -min(digits, 300)
            return enclosure.taylor(lambda m: _sum(self._terms(m, recipe, weight)), digits, order, floor=floor)
        if isinstance(recipe, Ladder):
            return enclosure.summate(**self._climb(recipe, weight), digits=digits, order=order)
        parts = [
            enclosure.integrate(
                self._integrand(chart, weight),
                self._breaks(chart, weight),
                digits,
                chart.tail,
                order=order,
                scale=scale,
            )
            for chart in recipe
        ]
        return [enclosure.total(column) for column in zip(*parts, strict=True)]

    def witness(self, digits: int, weight: LogRatio | None = None, scale: Enclosure | None = None) -> Enclosure:
        """The same integral or sum by mpmath, two rules at two precisions."""
        recipe, fixed = self.form.recipe, replace(self, place=None)
        if isinstance(recipe, Levels):
            return _enclosed(precision.agree(lambda ctx: _sum(fixed._terms(ctx, recipe, weight)), digits))
        if isinstance(recipe, Ladder):
            return _enclosed(precision.summate(**fixed._climb(recipe, weight), digits=digits))
        least = 0 if scale is None else precision.certified(*scale.exact(), digits, "").value
        parts = [
            precision.integrate(
                fixed._integrand(chart, weight), fixed._breaks(chart, weight), digits, chart.tail, scale=least
            )
            for chart in recipe
        ]
        return enclosure.total([_enclosed(part) for part in parts])

    def mean(self, weight: LogRatio, digits: int, *, by_mpmath: bool = False) -> Enclosure:
        """The expectation of a log ratio, by one of the engines."""
        if by_mpmath:
            mass = self.witness(digits)
            return enclosure.quotient(self.witness(digits, weight, mass), mass)
        mass = self.mass(digits)[0]
        return enclosure.quotient(self.mass(digits, weight=weight, scale=mass)[0], mass)

    def entropy(self, digits: int, *, by_mpmath: bool = False) -> Enclosure:
        """The entropy in nats: log Z - E[log density without it]."""
        rung = digits
        for _ in range(ROUNDS):
            energy = enclosure.negative(self.mean(LogRatio(), rung, by_mpmath=by_mpmath))
            found = enclosure.total([energy, self.closed(self.form.log_mass, rung)[0]])
            missing = digits - found.digits_of(1.0)
            if missing <= 0 or by_mpmath:
                break
            rung += int(missing) + 3
        return found

    def divergence(self, other: Member, digits: int, *, spare: int = 0, by_mpmath: bool = False) -> Enclosure:
        """KL(this || other) in nats, at rising precision until its own digits are known.

        `spare` is how many digits the value is expected to lose; what is not 0 by then counts as 0.
        """
        rung = digits + spare
        for _ in range(ROUNDS):
            ratio = self.mean(LogRatio(other), rung, by_mpmath=by_mpmath)
            ours, theirs = (one.closed(one.form.log_mass, rung)[0] for one in (self, other))
            found = enclosure.total([ratio, enclosure.negative(ours), theirs])
            if found.digits >= digits or (spare and found.small(10.0 ** -min(digits + spare, 300))):
                break
            rung *= 2
        return found

    def _terms(self, m: Any, recipe: Levels, weight: LogRatio | None) -> Iterable[Number]:
        return (self._term(m, k, weight) for k in range(recipe.highest(*self.values) + 1))

    def _term(self, m: Any, k: int, weight: LogRatio | None) -> Number:
        value = m.exp(self.log_density(m, m.exact(k)))
        return value if weight is None or m.vanishes(value) else value * self._factor(m, k, weight)

    def _factor(self, m: Any, k: int, weight: LogRatio) -> Number:
        log_density = self.log_density(m, m.exact(k))
        return log_density - weight.other.log_density(m, m.exact(k)) if weight.other else log_density

    def _climb(self, recipe: Ladder, weight: LogRatio | None) -> dict[str, Any]:
        start = recipe.mode(*self.values)
        known: list[Any] = [None, []]  # an engine at its precision, and what the ratios are made of in it

        def ratio(m: Any, k: int) -> Number:
            if known[0] is not m:
                known[:] = m, recipe.constants(m, *self.parameters(m))
            return recipe.ratio(m, k, *known[1])

        return {
            "first": lambda m: self._term(m, start, None),
            "ratio": ratio,
            "start": start,
            "tail": recipe.tail(replace(self, place=None).parameters),
            "weight": (lambda m, k: self._factor(m, k, weight)) if weight else None,
        }

    def _integrand(self, chart: Chart, weight: LogRatio | None) -> Callable[[Any, Number], Number]:
        known: list[Any] = [None, [], None]  # an engine at its precision, the parameters and the factor in it

        def integrand(m: Any, t: Number) -> Number:
            if known[0] is not m:
                lifted = self.parameters(m)
                known[:] = m, lifted, None if chart.factor is None else chart.factor(m, *lifted)
            lifted, factor = known[1:]
            if chart.log_product is None or weight is not None:
                log_density = self._height(chart, m, t, lifted)
            if chart.log_product is None:
                value = m.exp(log_density) * chart.jacobian(m, t, *lifted)
            else:
                value = m.exp(chart.log_product(m, t, *lifted))
            value = value if factor is None else value * factor
            if weight is None:
                return value
            return value * (log_density - weight.other.seen_from(self, chart, m, t) if weight.other else log_density)

        return integrand

    def _height(self, chart: Chart, m: Any, t: Number, lifted: list[Any]) -> Number:
        if chart.log_density is None:
            return self.form.definition(m, chart.point(m, t, *lifted), *lifted)
        return chart.log_density(m, t, *lifted)

    def seen_from(self, member: Member, chart: Chart, m: Any, t: Number) -> Number:
        """The definition at the point t of a chart of another member."""
        if chart.fixed and chart.log_density and member.form is self.form:  # 1 - x may not be known from x
            return chart.log_density(m, t, *self.parameters(m))
        return self.log_density(m, chart.point(m, t, *member.parameters(m)))

    def _breaks(self, chart: Chart, weight: LogRatio | None = None) -> Callable[[Any], Sequence[Number]]:
        """The chart's breaks, and where the other's definition has its kinks."""
        fixed = replace(self, place=None)
        other = weight.other if weight else None

        def breaks(m: Any) -> Sequence[Number]:
            lifted = fixed.parameters(m)
            found: Sequence[Number] = chart.breaks(m, *lifted)
            if other is None or other.form.kinks is None or chart.coordinate is None:
                return found
            for kink in other.form.kinks(m, *other.parameters(m)):
                at = chart.coordinate(m, kink, *lifted)
                found = found if at is None else inserted(m, found, at)
            return found

        return breaks


def log_prob(density: Density, form: Form, x: Any, values: tuple[Any, ...], digits: int) -> Certified:
    """The log density in nats from its definition and its mass, each by both engines.

    Raises:
        OracleError: if they disagree.
    """
    require_digits(digits)
    if not density.holds(x):
        ctx = precision.context(digits)
        return precision.Certified(-ctx.inf, ctx.zero, "outside the support")
    member = Member(form, frozen(values))
    height = precision.agree(lambda ctx: member.log_density(ctx, exact(ctx, x)), digits)
    if isfinite(height.value):
        ball = member.definition(x, digits)[0]
        require_overlap(density.name, "the definition in balls", ball, "mpmath's", _enclosed(height))
    return (height - _log_mass(density.name, member, digits)).rounded(digits)


@lru_cache(maxsize=4096)
def _log_mass(name: str, member: Member, digits: int) -> Certified:
    ball = enclosure.log(member.mass(digits)[0])
    require_overlap(name, "the integral", ball, "the closed form", member.closed(member.form.log_mass, digits)[0])
    seen = enclosure.log(member.witness(digits))
    require_overlap(name, "the integral in balls", ball, "mpmath's", seen)
    return precision.certified(*ball.exact(), digits, f"{ball.how}; {seen.how}")


@lru_cache(maxsize=4096)
def divergence(name: str, form: DivergenceForm, values: tuple[Any, ...], digits: int) -> Certified:
    """KL(q || p) by the integral of q log(q/p), accepted only if it holds the closed form and mpmath agrees.

    Raises:
        OracleError: naming the two values that exclude each other.
    """
    require_digits(digits)
    (q_form, to_q), (p_form, to_p) = form.posterior, form.prior
    q, p = Member(q_form, values, derive=to_q), Member(p_form, values, derive=to_p)
    closed = enclosure.enclose(lambda m: form.closed(m, *exact(m, values)), digits, floor=NEGLIGIBLE)
    spare = closed.lost() or SPARE * closed.holds_zero()
    ball = q.divergence(p, digits, spare=spare)
    require_overlap(name, "the integral", ball, "the closed form", closed)
    seen = q.divergence(p, digits, spare=spare, by_mpmath=True)
    require_overlap(name, "the integral in balls", ball, "mpmath's", seen)
    return precision.certified(*ball.exact(), digits, f"{ball.how}; {seen.how}")


def frozen(value: Any) -> Any:
    """Nested lists as nested tuples, which can be a key."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def _enclosed(number: Certified) -> Enclosure:
    return enclosure.from_exact(*number.exact(), number.how)


def _sum(terms: Iterable[Number]) -> Number:
    first, *rest = terms
    return sum(rest, first)
