"""The checks: one property per file, in the order of the report."""

from elbocheck.checks import (
    batches,
    bins,
    call,
    clamps,
    concentrations,
    data,
    estimates,
    extremes,
    gradient,
    intent,
    likelihood,
    mixtures,
    order,
    parameters,
    posterior,
    spherical,
    states,
    strides,
    terms,
    variants,
    weighting,
)
from elbocheck.checks.case import Case, Check

__all__ = ["CHECKS", "Case", "Check"]

CHECKS: tuple[Check, ...] = (
    call.CHECK,
    likelihood.CHECK,
    mixtures.CHECK,
    bins.CHECK,
    posterior.CHECK,
    estimates.CHECK,
    spherical.CHECK,
    weighting.CHECK,
    states.CHECK,
    terms.CHECK,
    order.CHECK,
    batches.CHECK,
    strides.CHECK,
    variants.CHECK,
    gradient.CHECK,
    extremes.CHECK,
    clamps.CHECK,
    concentrations.CHECK,
    parameters.CHECK,
    data.CHECK,
    intent.CHECK,
)
