"""ELB41x: likelihoods of data on a grid, whose bins are differences of a distribution function."""

from elbocheck.rules.rule import Rule, Severity

DISCRETISED_MASS = Rule(
    code="ELB411",
    name="discretised-mass-error",
    severities=(Severity.I, Severity.O),
    summary="The probabilities of all levels of the data do not add up to 1.",
    why="Below 1 the value is still a bound, a loose one: what the open tails hold is counted as lost, so the model "
    "is paid for pushing its predictions away from the ends, and numbers are not comparable with those of a "
    "normalised likelihood. Above 1 the bins overlap or an epsilon is added to each, and the value can exceed "
    "log p(x): the reported likelihood is then better than any model's.",
    signature="The sum of exp(-loss) of one element over all levels of the data, at several predictions and "
    "scales; the levels are those of --data-range, else those that open ends or the width of a bin show.",
    fix="Let the first and the last bin reach to infinity, and let the width be the distance of two levels:\n"
    "    half = (high - low) / (levels - 1) / 2\n"
    "    upper = cdf((x + half - loc) / scale)\n"
    "    lower = cdf((x - half - loc) / scale)\n"
    "    prob = where(x == low, upper, where(x == high, 1 - lower, upper - lower))",
    reference="Salimans et al. 2017, PixelCNN++, arXiv:1701.05517, eq. (2).",
)

APPROXIMATE_CDF = Rule(
    code="ELB412",
    name="approximate-cdf",
    severities=(Severity.O,),
    summary="Bins are differences of an approximate distribution function, or densities where they are rare.",
    why="Differences of any distribution function telescope to 1, so the loss is a likelihood, but not quite of the "
    "density that it is called by: a tanh of a cubic is within 0.0004 of the normal distribution function, "
    "yet its tails fall like exp(-0.07 v^3), nats away from exp(-v^2/2) at five deviations. A density times the "
    "width of a bin, taken where the difference is small, is too low by log(sinh(h)/h) in the logistic's tail, "
    "h half a width over the scale. Rare data pull harder or less than the named family would.",
    signature="The bins at several scales, from the middle of a bin to the other end of the data, beside those "
    "of the family; the sum over all levels is 1.",
    fix="Use the distribution function of the family:\n"
    "    cdf = 0.5 * (1 + erf(v / sqrt(2)))     # normal\n"
    "or say which one it is where results are compared.",
    reference="Page 1977, Approximations to the Cumulative Normal Function, Applied Statistics 26(1); Nichol & "
    "Dhariwal 2021, improved-diffusion, arXiv:2102.09672.",
)
