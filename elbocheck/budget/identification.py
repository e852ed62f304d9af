"""What a black-box loss may deviate by, and still be called this or that."""

from typing import Any

import numpy as np

from elbocheck.floats import eps

__all__ = [
    "ABSENT",
    "BIN_MASS",
    "BIN_NATS",
    "BIN_SCATTER",
    "BOUNDED",
    "CURVE",
    "DECLARED",
    "DEVIATIONS",
    "EXPONENT",
    "GUARDS",
    "NORMALISER",
    "OTHER_CALLS",
    "PARAMETER_CALLS",
    "PRIOR",
    "PROPORTION",
    "RANGE",
    "SCREENED",
    "SHARE",
    "SQUARE",
    "TYPED_CONSTANT",
    "WEIGHTS_AS",
    "parameter_error",
]

GUARDS = (0.0, 1e-6, 1e-3)
"""Deviations from a family, in nats per element among ordinary values, tried in this order.

0: rounding only. 1e-6: a guard such as log(p + 1e-8) moves nothing that training feels. 1e-3: a clamp at 1e-4 or so
still leaves the family unmistakable (the next family is more than 1e-2 away); the clamp is then a finding of its own."""

SCREENED = 4.0
"""Times the noise above which a fit to a part of the probes rules a family out: the noise of that part is reckoned with its
own coefficients, which differ from those of all probes by a fraction of their errors where the family is right."""

ABSENT = 1e-7
"""A basis function of the divergence counts as absent below this share of the largest coefficient: the condition number
of the twelve functions on the probing grid is about 1e5, which lifts float64 rounding to 1e-10."""

PRIOR = 1e-4
"""Mean, and variance less 1, below which a prior that a loss holds as numbers counts as N(0, 1): a guard inside the
logarithm moves a fitted coefficient by less, and nobody means a prior so near the standard one."""

EXPONENT = 0.02
"""Distance of a measured exponent from an integer: a ratio of 1, 2 or 4 carries rounding of 1e-3 at the worst."""

DEVIATIONS = 6.0
"""Standard errors that a parameter is claimed to: roundings of hundreds of values are a normal deviate in their sum, beyond
six of its deviations once in a billion; but the deviation is itself measured, on tens of values at the least, and five of it
were passed once in fourteen thousand random losses."""

PARAMETER_CALLS = {"numpy": 2000}
OTHER_CALLS = 256
"""Probes beyond the first that a parameter may cost, where its error is beyond what its dtype can tell: a NumPy call takes
20 us, another framework's ten times that."""

SQUARE = 1e-6
"""Distance of the general loss's power from 1, relative, below which it is a square: its curvature over the probes' twelve
decades tells 1e-12 in float64 and 1e-7 in float32."""

NORMALISER = 1e-3
"""Distance of the weight of a log normaliser from 1, relative to the energy: a missing or halved one is off by 0.5 or 1."""

BOUNDED = 1e-3
"""Growth per e-fold of distance, relative to the whole rise, below which a loss is bounded: a logarithm that has risen
over 18 e-folds still grows by 1/18 of its rise per e-fold."""

CURVE = 1e-6
"""Relative agreement of a curve no family explains with a parabola or a common floor: rounding of differences at 1e-2,
where a rise of 1e-4 stands on values of order 1, is 1e-12."""

DECLARED = 1e-6
"""A declared number agrees with a measured one to the digits that people type."""

WEIGHTS_AS = 1e-4
"""Share of a value by which a change of all weights of a mixture at once counts as none: far above the rounding of float32, and
far below a nat of each element, which unnormalised ones move it by."""

RANGE = 2.0**-8
"""What a declared range of the data is known to: one of 256 levels more or less."""

TYPED_CONSTANT = 1e-5
"""Relative rounding of a constant that still counts as the exact one: log(2 pi)/2 typed as 0.91893, or held in float32."""

PROPORTION = 1e-3
"""What the shares of a slope that a group of arguments gets in several directions may differ by: each is a claim over a
central difference known to QUOTIENT; mixes that people write (0.8, 1/1.1) are tenths."""

DRAWN = 0.01
"""What the standard deviation of a sample may differ by from that of the KL, relative: people add up to 1e-3 to one of the two,
float16 has three digits; a factor that is forgotten or too many changes it by tens of percent."""

SHARE = 1e-4
"""What the weights of a term in two states may differ by, relative: a difference of two values, in float32 of four digits, is
compared with another; schedules and modes change a weight by far more."""

BIN_SCATTER = 8.0
"""How far off a number read from bins may be, over what the values scatter about the fit: rounding is assumed at its worst,
and is usually a twentieth of that. Rounding of several hundred probes is as good as independent: 8 deviations."""

BIN_MASS = 1e-4
"""Distance from 1 of what a likelihood adds up to over all levels of the data, below which a guard moves it and no tail is
missing: 1e-7 inside the logarithm of 256 bins is 2.6e-5, two tails left out at an ordinary scale more than 1e-2."""

BIN_NATS = 1e-2
"""What a bin may cost beside the named distribution function's, in nats, before it is said to be approximate: a tanh of a
cubic is off by 0.03 at two deviations and by nats at five."""


def parameter_error(dtype: np.dtype[Any]) -> float:
    """Relative uncertainty of a parameter beyond which more probes are spent on it: 4500 roundings in float64, eight in float32."""
    return 1e-12 if eps(dtype) < 1e-10 else 1e-6
