"""The checks: one property per file, in the order of the report."""

from elbocheck.checks import (
    call,
    concentrations,
    data,
    estimates,
    extremes,
    gradient,
    intent,
    likelihood,
    posterior,
    spherical,
    terms,
    weighting,
)
from elbocheck.checks.case import Case, Check

__all__ = ["CHECKS", "Case", "Check"]

CHECKS: tuple[Check, ...] = (
    call.CHECK,
    likelihood.CHECK,
    posterior.CHECK,
    estimates.CHECK,
    spherical.CHECK,
    weighting.CHECK,
    terms.CHECK,
    gradient.CHECK,
    extremes.CHECK,
    concentrations.CHECK,
    data.CHECK,
    intent.CHECK,
)
