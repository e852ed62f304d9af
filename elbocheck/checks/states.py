"""The states of a loss: the weights of its terms in training and evaluation, and along the schedule that it follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import isclose, isfinite

import numpy as np

from elbocheck import budget, situations
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.checks.weighting import declared, reading
from elbocheck.errors import CallError
from elbocheck.monomial import Monomial
from elbocheck.probing.probe import Probe
from elbocheck.probing.reduction import weigh
from elbocheck.probing.structure import random_point
from elbocheck.roles import PREDICTIONS
from elbocheck.shapes import Layout
from elbocheck.situations import Situation
from elbocheck.verdict import Finding, Outcome


@dataclass(frozen=True)
class Shares:
    """The weights of the two terms in one state, over those of the model that is stated.

    Attributes:
        likelihood: of the reconstruction; NaN where there is none.
        divergence: of the KL; NaN where there is none.
    """

    likelihood: float
    divergence: float

    @property
    def ratio(self) -> float:
        """The KL over the reconstruction."""
        return self.divergence / self.likelihood if self.likelihood else float("inf")

    def close(self, other: Shares) -> bool:
        """Tell whether both terms weigh the same."""
        return _same(self.likelihood, other.likelihood) and _same(self.divergence, other.divergence)


def _same(one: float, other: float) -> bool:
    return one == other or isclose(one, other, rel_tol=budget.SHARE, abs_tol=budget.SHARE) or one != one


def run(case: Case) -> Iterator[Finding]:
    """Yield weights that differ between modes, and schedules that do not end at the right weight."""
    for on, off in situations.modes(case.loss):
        if not _agree(case, [on, off]):
            yield from _mismatch(case, on, off)
    for schedule in situations.steps(case.loss):
        if not _agree(case, schedule):
            yield from _scheduled(case, schedule)


def _agree(case: Case, states: list[Situation]) -> bool:
    """Tell whether a loss gives the same values in several states, at one random point."""
    inputs = case.probe.inputs(random_point(case.probe, np.random.default_rng(case.seed)))
    values = []
    for state in states:
        try:
            values.append(state.loss(inputs).value)
        except CallError:
            continue
    return all(v.shape == values[0].shape and np.array_equal(v, values[0], equal_nan=True) for v in values)


def _shares(case: Case, state: Situation, layout: Layout | None = None) -> Shares:
    """Return how much the two terms count in a state."""
    there = _slopes(case, replace(case.probe, loss=state.loss, points=0), layout)
    found = [t / h if h else float("nan") for t, h in zip(there, _slopes(case, case.probe, layout), strict=True)]
    return Shares(*found)


def _formula(case: Case, measured: Callable[[Layout], float]) -> Monomial:
    """Return what two states differ by as a formula in the sizes: one of them may take a mean where the other sums."""
    here = measured(case.probe.layout)
    return weigh(case.probe, here, 0.0, measured, case.anatomy.event_axes)


def _slopes(case: Case, probe: Probe, layout: Layout | None) -> tuple[float, float]:
    """Return what a move of the prediction, and one of the posterior, are worth; 0 where it is rounding."""
    role = next((r for r in sorted(case.loss.roles) if r in PREDICTIONS), None)
    middle = {} if role is None else {role: 0.25}
    ends = [({}, middle), (probe.off_prior, {})]
    found = []
    for one, other in ends:
        high, low = probe(one, layout), probe(other, layout)
        rounding = float(probe.noise(high, low)) + 4 * case.probe.floor
        found.append(0.0 if abs(high - low) <= rounding else high - low)
    return found[0], found[1]


def _mismatch(case: Case, on: Situation, off: Situation) -> Iterator[Finding]:
    """Yield the finding on two modes whose terms weigh differently."""
    on, off = (_seeded(state, case.seed) for state in (on, off))
    try:
        first, second = _shares(case, on), _shares(case, off)
        again = [_shares(case, _seeded(state, case.seed + 1)) for state in (on, off)]
    except CallError:
        return
    if first.close(second):
        return
    if not (first.close(again[0]) and second.close(again[1])):  # dropout: no weight is known of one draw
        message = f"The terms move with random numbers {on.label} or {off.label}: their weights are not compared."
        yield Finding(
            "", Outcome.INCONCLUSIVE, message, "set the noise of training to 0 (dropout p = 0) to compare them"
        )
        return
    if not _same(first.ratio, second.ratio):
        said = (f"{state.label} {_model(case, state, shares)}" for state, shares in ((on, first), (off, second)))
        yield finding("ELB114", _capital(f"{'; '.join(said)}."))
    elif _shape(case, on) == _shape(case, off):  # values per datum, which are then averaged, are no other weight
        factor = _formula(case, lambda layout: _over(_shares(case, on, layout), _shares(case, off, layout)))
        message = f"{on.label} both terms are {case.at(factor)} times what they are {off.label}."
        yield finding("ELB114", _capital(message), Outcome.NOTE)


def _seeded(state: Situation, seed: int) -> Situation:
    """Return the loss in a state in which it may draw."""
    return replace(state, loss=replace(state.loss, draws=True, seed=seed))


def _shape(case: Case, state: Situation) -> tuple[int, ...]:
    """Return the shape of one value."""
    return state.loss(case.probe.inputs({})).value.shape


def _over(one: Shares, other: Shares) -> float:
    pair = (one.likelihood, other.likelihood) if isfinite(one.likelihood) else (one.divergence, other.divergence)
    return pair[0] / pair[1] if pair[1] else float("inf")


def _capital(text: str) -> str:
    """Return a sentence with its first letter raised, unless it starts with a name: `sigma^2 = 1`."""
    return text if text.split(" ", 2)[1] == "=" else text[:1].upper() + text[1:]


def _model(case: Case, state: Situation, shares: Shares) -> str:
    """Say what the weights of a state mean."""
    model = case.model
    ratio = model.sigma2 if model.sigma2 is not None else model.beta
    if ratio is not None and shares.ratio == 0:
        return "there is no KL"
    known = ratio is not None and isfinite(shares.ratio)
    moved = _formula(case, lambda layout: _shares(case, state, layout).ratio) if known else None
    if ratio is None or moved is None or (there := ratio * moved).irregular:
        return f"the KL counts {number(shares.divergence)} and the reconstruction {number(shares.likelihood)} of what is stated"
    below = not model.free_scale and there.at(model.sizes) < 1 - budget.DECLARED
    return f"{reading(case)} = {case.at(there)}" + (" (no bound)" if below else "")


def _scheduled(case: Case, schedule: list[Situation]) -> Iterator[Finding]:
    """Yield the finding on a schedule, its weights at some steps, relative to where it ends."""
    found: dict[int, Shares] = {}
    for state in schedule:
        try:
            found[state.step] = _shares(case, state)
        except CallError:
            continue
    own = case.loss.counter is not None and schedule[0].label.startswith("call")
    last = found.get(max(found, default=0))
    if last is None or (all(last.close(shares) for shares in found.values()) and not own):
        return
    if (said := _ending(case, found)) is None:
        if own:
            yield finding("ELB115", _counted(case, schedule, found) + " It ends at its full weight.", Outcome.NOTE)
        return
    told = _counted(case, schedule, found) if own else _capital(_weights(case, schedule, found))
    yield finding("ELB115", f"{told} {said}")


def _ending(case: Case, found: dict[int, Shares]) -> str | None:
    """Say what is wrong with where a schedule ends; None where it ends at a full weight, or at a declared one."""
    order = sorted(found)
    last, before = found[order[-1]], found[order[-2] if len(order) > 1 else order[-1]]
    if not _same(last.ratio, before.ratio):
        return f"It has not ended by step {order[-1]}: no model is the last one."
    ratio = case.model.beta
    if ratio is None or all(_same(shares.ratio, last.ratio) for shares in found.values()):
        return None
    if declared(case, ratio) or ratio.irregular:
        return None
    full = (ratio.coefficient, ratio.at(case.model.sizes), case.model.scale.coefficient)
    if any(value >= 1 - budget.DECLARED for value in full) or (case.model.free_scale and ratio.equals(0.5)):
        return None
    return f"The KL ends at {number(min(full))} of its weight, and training with it."


def _weights(case: Case, schedule: list[Situation], found: dict[int, Shares]) -> str:
    """Say which model the loss is, from each step at which it becomes another one."""
    shown: list[str] = []
    for state in schedule:
        said = _model(case, state, found[state.step]) if state.step in found else "it cannot be called"
        if not shown or not shown[-1].startswith(said):
            shown.append(f"{said} at {state.label}")
    return "; ".join(shown) + "."


def _counted(case: Case, schedule: list[Situation], found: dict[int, Shares]) -> str:
    """Say what a loss counts, and which model it is on the way."""
    assert case.loss.counter is not None
    names = ", ".join(case.loss.counter.names)
    return f"It counts its own calls ({names}), so equal calls differ: {_weights(case, schedule, found)}"


def skipped(case: Case) -> Skip | None:
    """Skip where the loss has one state."""
    one = not any(True for _ in situations.modes(case.loss)) and not any(True for _ in situations.steps(case.loss))
    return Skip("the loss has one state") if one else None


CHECK = Check("modes and schedules", ("ELB114", "ELB115"), run, skipped)
