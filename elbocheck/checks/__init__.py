"""The checks: one property per file, in the order of the report."""

from elbocheck.checks import bins, call, data, extremes, gradient, intent, likelihood, posterior, terms, weighting
from elbocheck.checks.case import Case, Check

__all__ = ["CHECKS", "Case", "Check"]

CHECKS: tuple[Check, ...] = (
    call.CHECK,
    likelihood.CHECK,
    bins.CHECK,
    posterior.CHECK,
    weighting.CHECK,
    terms.CHECK,
    gradient.CHECK,
    extremes.CHECK,
    data.CHECK,
    intent.CHECK,
)
