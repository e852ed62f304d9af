"""The likelihood: links, swapped arguments, constants, normalisers, orientation."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, isclose, log, nan, pi, sqrt

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Array
from elbocheck.anatomy import Reconstruction
from elbocheck.bounds import not_integrable
from elbocheck.checks.case import Case, Check, Skip, finding, number
from elbocheck.domain import COUNTS
from elbocheck.mass import Status, log_mass
from elbocheck.probing.fit import linear
from elbocheck.roles import Role
from elbocheck.verdict import Finding, Outcome

CODES = (
    "ELB307", "ELB401", "ELB402", "ELB403", "ELB404", "ELB405", "ELB406", "ELB407", "ELB408", "ELB409", "ELB410", "ELB413",
    "ELB417", "ELB418",
)  # fmt: skip


def run(case: Case) -> Iterator[Finding]:
    """Name what is wrong with the likelihood."""
    r = case.anatomy.reconstruction
    assert r is not None
    yield from _links(case, r)
    yield from _normaliser(case, r)
    yield from _constant(case, r)
    yield from _huber(r)
    yield from _laplace(case, r)
    yield from _counts(case, r)
    yield from _profiled(case, r)
    yield from _orientation(case)
    if not_integrable(r, case.intent):
        yield finding("ELB418", "The loss stays bounded as a datum goes to infinity, so exp(-loss) has infinite mass.")
    elif case.model.improper is not None:
        yield finding("ELB418", f"As weighed, {case.model.improper}.")
    elif r.integral is not None and r.integral.status is Status.DIVERGENT:
        yield finding("ELB418", f"exp(-loss) of one element has infinite mass over the real line, {r.integral.where}.")


def _links(case: Case, r: Reconstruction) -> Iterator[Finding]:
    """Yield what is wrong with how data and prediction enter a Bernoulli."""
    name = case.names.get(r.role, r.role.value)
    if r.swapped:
        x = case.names.get("x", "x")
        yield finding(
            "ELB404", f"The loss is {r.density}({x}) scored on {name}: it equals the right one with the two exchanged."
        )
    elif r.density == "bernoulli" and r.parameter == "logits":
        if r.link == "sigmoid":
            yield finding(
                "ELB402",
                f"The loss squashes {name} twice: for x = 1 it stays within [0.3133, 0.6931] whatever {name} is.",
            )
        elif r.role is Role.PROBS:
            yield finding(
                "ELB402",
                f"{name} holds probabilities but is read as logits: for x = 1 the loss stays within [0.3133, 0.6931].",
            )
    elif r.role is Role.LOGITS and r.closed:
        yield finding(
            "ELB403", f"{name} holds logits but the loss is defined for values in [0, 1] only.", None, f"{name} = -1.5"
        )
    if r.density == "bernoulli" and not r.swapped and case.intent.data_kind == "gray" and not _beyond_unit(case):
        yield finding(
            "ELB401",
            f"The data are declared {case.intent.data_kind}, and on [0, 1] exp(-loss) integrates to (2p - 1)/log(p/(1 - p)), "
            "not to 1: the continuous Bernoulli's normaliser is missing.",
            Outcome.FAIL,
        )


def _beyond_unit(case: Case) -> bool:
    return case.intent.data_range is not None and (case.intent.data_range[0] < 0 or case.intent.data_range[1] > 1)


def _normaliser(case: Case, r: Reconstruction) -> Iterator[Finding]:
    """Yield what is wrong with a normaliser that a learned parameter varies."""
    if r.mass is not None and r.mass[1] - r.mass[0] > budget.NORMALISER:
        low, high = r.mass
        yield finding(
            "ELB407",
            f"The mass of exp(-loss) over the classes 0 and 1 runs from {number(low)} to {number(high)} as the prediction "
            "moves, whatever the scale of the loss: the classes are weighted.",
            Outcome.FAIL,
            None,
            "Drop the weight on one class: with it the scores are no probabilities.",
        )
    ratio = r.normalizer_ratio
    if ratio is None or abs(ratio - 1) <= budget.NORMALISER:
        return
    role = r.shape_role or r.scale_role or (Role.DELTA if Role.DELTA in case.loss.roles else r.role)
    learned = case.names.get(role, role.value)
    if r.scale_as is not None and r.shape_as is None and abs(ratio) <= budget.NORMALISER:
        yield finding("ELB406", f"The loss falls without end as {learned} grows: the log of the scale is missing.")
    else:
        pixels = case.anatomy.sizes["D"]
        counted = f"counts {number(ratio)} times per element instead of once (with D = {pixels})"
        absent = "is missing" if r.shape_as is None else "or a part of it is missing"
        share = absent if abs(ratio) <= budget.NORMALISER else counted
        yield finding(
            "ELB407", f"The mass of exp(-loss) changes with {learned}: the log normaliser {share}.", Outcome.FAIL
        )


def _constant(case: Case, r: Reconstruction) -> Iterator[Finding]:
    """Yield the note on a constant that is there but is another sigma's."""
    constant, dropped = case.anatomy.constant, case.model.dropped
    g = case.anatomy.regulariser
    if r.density != "normal" or constant is None or not dropped or "L" in constant.powers or r.mixed_as != "mixture":
        return
    if g is not None and g.pattern != "kl":
        return  # what is left may be the other term's
    sizes = case.model.sizes
    if not case.model.free_scale:
        weight = case.model.beta.at(sizes) if case.model.beta is not None else 1.0
        missing = dropped / sizes["D"] * weight
        whole = (
            "(log 2 pi)/2 is not there"
            if isclose(missing, log(2 * pi) / 2, rel_tol=budget.DECLARED)
            else "a constant is off"
        )
        word = "missing" if missing > 0 else "too many"
        yield finding("ELB405", f"{number(abs(missing))} nats per element are {word}: {whole}.", Outcome.NOTE)
        return
    assert case.model.sigma2 is not None
    if abs(dropped / sizes["D"]) > _NO_SIGMA:
        return  # a constant of another origin
    levels = exp(-dropped / sizes["D"])
    if (counted := next((n for n in _LEVELS if isclose(levels, n, rel_tol=budget.DECLARED)), None)) is not None:
        yield _levels(case, counted)
        return
    own = sqrt(case.model.sigma2.at(sizes))
    held = log(sqrt(2 * pi) * own) - dropped / sizes["D"]
    meant = exp(held) / sqrt(2 * pi)
    yield finding(
        "ELB405",
        f"The constant is that of sigma = {number(meant)}, the curvature that of sigma = {number(own)}: "
        f"the value is {number(abs(dropped))} nats per datum too {'low' if dropped > 0 else 'high'}.",
        Outcome.WARN,
    )


_NO_SIGMA = 100.0
"""Nats per element by which no sigma's constant differs from another's: their ratio would be e^100."""
_LEVELS = (256.0, 255.0, 128.0, 127.5)
"""Bytes over the width of the data, [0, 1] or [-1, 1]."""


def _levels(case: Case, counted: float) -> Finding:
    """Report a density of scaled data that is counted as one of bytes, and whether the data are scaled like that."""
    message = f"log {counted:g} = {number(log(counted))} nats per element are added, as for data that were bytes."
    if case.intent.data_range is None:
        return finding("ELB413", message, Outcome.NOTE)
    low, high = case.intent.data_range
    fits = any(isclose(counted, n / (high - low), rel_tol=budget.RANGE) for n in (255, 256))
    if not fits:
        message += f" For data from {low:g} to {high:g} it should be log {number(256 / (high - low))}."
    return finding("ELB413", message, Outcome.NOTE if fits else Outcome.WARN)


def _huber(r: Reconstruction) -> Iterator[Finding]:
    """Yield a quadratic core whose linear tails do not continue it."""
    if r.mismatch is None:
        return
    knot, curvature, slope = r.mismatch
    if abs(slope / (curvature * knot) - 1) > _JOIN:
        yield finding(
            "ELB408",
            f"The core has curvature {number(curvature)} up to |x - r| = {number(knot)}, so the tails should have slope "
            f"{number(curvature * knot)}; they have {number(slope)}.",
            Outcome.WARN,
            f"|x - r| = {number(knot)}",
        )


_JOIN = 1e-3


def _laplace(case: Case, r: Reconstruction) -> Iterator[Finding]:
    """Yield the note on a Laplace scale that is called a variance."""
    called = {Role.LOG_VAR: "log_scale", Role.VAR: "scale"}
    if r.density != "laplace" or r.scale_role is None or called.get(r.scale_role) != r.scale_as:
        return
    name = case.names.get(r.scale_role, r.scale_role.value)
    is_log = r.scale_role is Role.LOG_VAR
    scale, word = (f"e^{name}", "log variance") if is_log else (name, "variance")
    yield finding(
        "ELB409",
        f"{name} is called a {word}, but the Laplace density has the scale {scale}: its variance is 2 "
        f"{f'e^(2 {name})' if is_log else f'{name}^2'}.",
        Outcome.NOTE,
    )


_RATES = (0.3, 3.0, 30.0)
_APPROXIMATE = 0.1
"""Of the mass of a Poisson: a stand-in for log x! that is off by less is meant to be it, one that is off by more is not."""


def _counts(case: Case, r: Reconstruction) -> Iterator[Finding]:
    """Yield what became of the log x! of a Poisson, or of a negative binomial beside its gamma functions."""
    name = case.names.get("x", "x")
    if r.density not in ("poisson", "negative_binomial") or r.swapped or r.datum not in ("dropped", "other"):
        return
    fixed = r.density == "negative_binomial" and r.shape_as is None
    what = f"log({name}! G(r)/G(r + {name})), with r = {number(r.shape['total_count'])}," if fixed else f"log {name}!"
    if r.datum == "dropped":
        message = f"{what} is not there: the value is no log likelihood, and no gradient changes."
        yield finding("ELB410", message, Outcome.NOTE)
        return
    message = f"Another function of {name} stands where {what} belongs: the value is no log likelihood, and "
    if r.density != "poisson":
        yield finding("ELB410", message + "no gradient changes.", Outcome.NOTE)
        return
    masses = {rate: _count_mass(case, r, rate) for rate in _RATES}
    if all(abs(mass - 1) < _APPROXIMATE for mass in masses.values()):
        worst = max(masses, key=lambda rate: abs(masses[rate] - 1))
        yield finding(
            "ELB410",
            f"log {name}! is approximated: over all counts exp(-loss) adds up to {number(masses[worst])} at rate "
            f"{number(worst)}, not to 1.",
            Outcome.FAIL,
        )
    else:
        yield finding("ELB410", message + "no gradient changes.", Outcome.NOTE)


def _count_mass(case: Case, r: Reconstruction, rate: float) -> float:
    """Return the sum over all counts of exp(-loss) for one element at a rate; NaN where it is not found."""
    weight = r.weight.at(case.anatomy.sizes)
    prediction = log(rate) if r.parameter == "log_rate" else rate

    def energy(counts: Array) -> Array:
        return case.probe.table({Role.X: counts, r.role: np.full(counts.shape, prediction)}) / weight

    found = log_mass(energy, COUNTS, hint=rate)
    return exp(found.log_value) if found.status is Status.OK and found.error < _APPROXIMATE / 4 else nan


def _profiled(case: Case, r: Reconstruction) -> Iterator[Finding]:
    """Yield a scale that the loss sets to the batch's own error: with all residuals alike it is affine in their logarithm."""
    if r.density is not None or r.closed or not case.anatomy.structure.batch_coupled:
        return
    steps = np.geomspace(0.03, 30.0, 7)
    values = case.probe.table({Role.X: np.zeros_like(steps), r.role: steps})
    fit = linear(np.stack([np.log(steps), np.ones(7)], axis=1), values, case.probe.noise(values) + case.probe.floor)
    if fit.explains and fit.coefficients[0] > 4 * fit.errors[0]:
        yield finding(
            "ELB307",
            "With all residuals alike the loss is affine in log|x - r|: its scale is the batch's own error, so the value is a "
            "profile likelihood.",
        )


def _orientation(case: Case) -> Iterator[Finding]:
    """Yield a value that is to be maximised: a note where its name says so."""
    if not case.model.flipped:
        return
    name = case.loss.target.lower().rsplit(":", 1)[-1]
    meant = any(word in name for word in ("elbo", "log_p", "logp", "log_lik", "loglik", "log_prob", "lower_bound"))
    alone = case.anatomy.regulariser is None
    yield finding(
        "ELB417",
        "The value grows as the prediction approaches the data: it is a bound to maximise, not a loss to minimise.",
        Outcome.NOTE if meant or alone else Outcome.WARN,
    )


def skipped(case: Case) -> Skip | None:
    """Skip where the loss compares nothing with data."""
    return None if case.anatomy.reconstruction is not None else Skip("the loss takes no data and prediction")


CHECK = Check("likelihood", CODES, run, skipped)
