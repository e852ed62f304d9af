"""The only table of error budgets: what a float computation may be off by, each entry with its derivation.

The unit of the derivations is u, the largest relative error of one rounding (2**-53 in float64). One ulp of a
result is more than u times the result, so k roundings cost at most k ulps. A library function (exp, log,
expm1, log1p, erf) is within one ulp, hence 2u. A factor that multiplies an error is the condition number of
the step that follows.
"""

from collections.abc import Mapping
from types import MappingProxyType

from elbocheck.budget.distance import Budget, ulp_distance
from elbocheck.budget.functions import FUNCTIONS, RECORDED
from elbocheck.budget.identification import (
    ABSENT,
    BIN_MASS,
    BIN_NATS,
    BIN_SCATTER,
    BOUNDED,
    CURVE,
    DECLARED,
    DEVIATIONS,
    DRAWN,
    EXPONENT,
    GUARDS,
    NORMALISER,
    OTHER_CALLS,
    PARAMETER_CALLS,
    PRIOR,
    PROPORTION,
    RANGE,
    SCREENED,
    SHARE,
    SQUARE,
    TYPED_CONSTANT,
    WEIGHTS_AS,
    parameter_error,
)
from elbocheck.budget.kernels import KERNELS
from elbocheck.budget.masses import (
    ENDS_CREEP,
    ENDS_DEVIATIONS,
    ENDS_ZERO,
    MASS_NOISE,
    MASS_ROUNDINGS,
    MASS_SAFETY,
    MASS_TARGETS,
    mass_tolerance,
)
from elbocheck.budget.rounding import (
    EDGE_NATS,
    EVERYDAY_NATS,
    GRADIENT,
    HEADROOM,
    MATERIAL_NATS,
    PROBED_CURVE,
    PROBED_PART,
    QUOTIENT,
    SLOPE_STEP,
    SPHERE_ULPS,
    WEIGHT_ULPS,
    ratio_error,
    sum_noise,
)
from elbocheck.budget.zones import LOG_VARIANCES, LOGITS, SHAPE_DECADES, zone

__all__ = [
    "ABSENT",
    "BIN_MASS",
    "BIN_NATS",
    "BIN_SCATTER",
    "BOUNDED",
    "BUDGETS",
    "CURVE",
    "DECLARED",
    "DEVIATIONS",
    "DRAWN",
    "EDGE_NATS",
    "ENDS_CREEP",
    "ENDS_DEVIATIONS",
    "ENDS_ZERO",
    "EVERYDAY_NATS",
    "EXPONENT",
    "GRADIENT",
    "GUARDS",
    "HEADROOM",
    "LOGITS",
    "LOG_VARIANCES",
    "MASS_NOISE",
    "MASS_ROUNDINGS",
    "MASS_SAFETY",
    "MASS_TARGETS",
    "MATERIAL_NATS",
    "NORMALISER",
    "OTHER_CALLS",
    "PARAMETER_CALLS",
    "PRIOR",
    "PROBED_CURVE",
    "PROBED_PART",
    "PROPORTION",
    "QUOTIENT",
    "RANGE",
    "RECORDED",
    "SCREENED",
    "SHAPE_DECADES",
    "SHARE",
    "SLOPE_STEP",
    "SPHERE_ULPS",
    "SQUARE",
    "TYPED_CONSTANT",
    "WEIGHTS_AS",
    "WEIGHT_ULPS",
    "Budget",
    "mass_tolerance",
    "parameter_error",
    "ratio_error",
    "sum_noise",
    "ulp_distance",
    "zone",
]

BUDGETS: Mapping[str, Budget] = MappingProxyType({**KERNELS, **FUNCTIONS})
"""All that is held in ulps, by the name of the function."""
