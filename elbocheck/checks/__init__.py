"""The checks: one property per file, in the order of the report."""

from elbocheck.checks import (
    call,
    clamps,
    data,
    extremes,
    gradient,
    intent,
    likelihood,
    order,
    posterior,
    states,
    terms,
    weighting,
)
from elbocheck.checks.case import Case, Check

__all__ = ["CHECKS", "Case", "Check"]

CHECKS: tuple[Check, ...] = (
    call.CHECK,
    likelihood.CHECK,
    posterior.CHECK,
    weighting.CHECK,
    states.CHECK,
    terms.CHECK,
    order.CHECK,
    gradient.CHECK,
    extremes.CHECK,
    clamps.CHECK,
    data.CHECK,
    intent.CHECK,
)
