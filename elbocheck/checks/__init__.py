"""The checks: one property per file, in the order of the report."""

from elbocheck.checks import call, data, extremes, gradient, intent, likelihood, parameters, posterior, terms, weighting
from elbocheck.checks.case import Case, Check

__all__ = ["CHECKS", "Case", "Check"]

CHECKS: tuple[Check, ...] = (
    call.CHECK,
    likelihood.CHECK,
    posterior.CHECK,
    weighting.CHECK,
    terms.CHECK,
    gradient.CHECK,
    extremes.CHECK,
    parameters.CHECK,
    data.CHECK,
    intent.CHECK,
)
