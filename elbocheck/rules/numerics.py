"""ELB5: where the arithmetic breaks, with the first bad input and the safe form."""

from elbocheck.rules.rule import Rule, Severity

EXP_OVERFLOW = Rule(
    code="ELB501",
    name="exp-overflow",
    severities=(Severity.N,),
    summary="An exp() in the loss overflows to infinity.",
    why="exp(t) is infinite beyond t = 88.72 in float32 and bfloat16, 11.09 in float16, 709.78 in float64. "
    "One wild log-variance early in training is enough: the KL is infinite, its gradient too, and all "
    "weights are NaN after the step. In float16 a log-variance of 12 does it.",
    signature="The loss is finite below and infinite or NaN above an input near one of these thresholds "
    "(twice that for exp(0.5 * log_var)), where the true value is finite or the first bad input is "
    "reachable.",
    fix="Cancel before exponentiating, or keep the head's output in range where it is produced, so that "
    "value and gradient agree:\n"
    "    log_var = 10 * tanh(raw / 10)         # smooth, |log_var| < 10\n"
    "    0.5 * ((x - r) * exp(-0.5 * log_var)) ** 2\n"
    "    # not: 0.5 * (x - r) ** 2 / exp(log_var)\n"
    "Under mixed precision compute the loss in float32.",
    reference="derivation: the thresholds are the logarithms of the largest finite numbers, 3.403e38, 65504 "
    "and 1.798e308 (IEEE 754).",
)

LOG_ZERO_OR_CLAMP = Rule(
    code="ELB502",
    name="log-zero-or-clamp",
    severities=(Severity.N,),
    summary="A logarithm reaches 0, or a clamp or epsilon there turns the loss into a flat plateau.",
    why="Without protection log(0) gives infinity. With it the worst mistakes of the decoder cost a "
    "constant: 100 (torch's BCELoss), 27.63 for an epsilon of 1e-12, 16.12 for 1e-7 (Keras). On the plateau "
    "the gradient is 0, or not that of the value, so a confidently wrong pixel is never corrected. An "
    "epsilon of 1e-8 does nothing near 1 in float32, where 1 - 1e-8 equals 1.",
    signature="As the prediction moves further into the wrong, the loss stops growing at one of these "
    "levels, or jumps to infinity, where the definition keeps growing.",
    fix="Compute from logits; no clamp is needed at any logit:\n"
    "    bce = maximum(l, 0) - l * x + log1p(exp(-abs(l)))\n"
    "In torch: binary_cross_entropy_with_logits, or logsigmoid.",
    reference="PyTorch documentation, BCELoss (log clamped at -100) and BCEWithLogitsLoss.",
)

EPS_WRONG_SIDE = Rule(
    code="ELB503",
    name="eps-wrong-side",
    severities=(Severity.N,),
    summary="The epsilon protects one end of the logarithm and breaks the other.",
    why="log(1 - (p + eps)) takes the logarithm of a negative number at p = 1, where log(1 - p + eps) would "
    "not. A saturated sigmoid returns exactly 1 in float32 from a logit of about 17, so the NaN comes late, "
    "once the model is good.",
    signature="NaN exactly at p = 1 or exactly at p = 0, finite at the neighbouring inputs.",
    fix="Leave probabilities and use logits:\n"
    "    bce = maximum(l, 0) - l * x + log1p(exp(-abs(l)))\n"
    "If only p is at hand, clip it on both sides with an epsilon that the type can resolve:\n"
    "    p = clip(p, 1e-6, 1 - 1e-6)",
    reference="Goldberg 1991, What Every Computer Scientist Should Know About Floating-Point Arithmetic, "
    "ACM Computing Surveys 23(1).",
)

LOG1MEXP_UNSAFE = Rule(
    code="ELB504",
    name="log1mexp-unsafe",
    severities=(Severity.N,),
    summary="log(1 - p) is computed from log p in a way that fails when p rounds to 1.",
    why="With log p = logsigmoid(l), log(-expm1(log p)) is -inf once exp(-l) underflows: from l = 88 where "
    "subnormal numbers are flushed to zero, from 104 elsewhere in float32; log(1 - exp(log p)) fails "
    "already near 17. The factor 1-x = 0 does not save it, since 0 * inf is NaN: the loss breaks at pixels "
    "that are predicted right, hence late in training.",
    signature="NaN or infinity at large logits of the correct sign, where the true loss goes to 0; finite "
    "at the wrong sign.",
    fix="Use the symmetry of the sigmoid, exact at every logit:\n"
    "    log_not_p = logsigmoid(-l)            # = -softplus(l)\n"
    "For other families, with a = -log p > 0:\n"
    "    log1mexp = where(a < ln2, log(-expm1(-a)), log1p(-exp(-a)))",
    reference="Maechler 2012, Accurately Computing log(1 - exp(-|a|)), vignette of the R package Rmpfr.",
)

CDF_UNDERFLOW = Rule(
    code="ELB505",
    name="cdf-difference-underflow",
    severities=(Severity.N,),
    summary="A bin's probability is the difference of two numbers that are both close to 1, and rounds to 0.",
    why="Above the prediction both values of the distribution function are 1 to the last bit from 17 scales on in "
    "float32 (37 in float64) for a logistic, from 5.5 (8.3) for a normal; below it they keep their digits. The "
    "logarithm is then -infinity, or what a clamp makes of it long before the true value gets there. Small scales, "
    "which a good decoder has, bring it about at ordinary residuals, on one side only.",
    signature="Infinity or a plateau at a level whose true probability is ordinary, at scales from a quarter "
    "of a bin up, with the datum above the prediction; finite and right at the mirrored prediction.",
    fix="Take both from the side where they are small, or factor the difference (a, b the two arguments):\n"
    "    log_prob = -softplus(-b) - softplus(a) + log1mexp(b - a)     # logistic\n"
    "    a, b = where(a > 0, -b, a), where(a > 0, -a, b)    # any symmetric one\n"
    "PixelCNN++ takes the density times the width of a bin where the difference is below 1e-5.",
    reference="Salimans et al. 2017, PixelCNN++, arXiv:1701.05517, section 2.1 and its code; Maechler 2012 for "
    "log1mexp.",
)

LGAMMA_CANCELLATION = Rule(
    code="ELB507",
    name="lgamma-cancellation",
    severities=(Severity.N,),
    summary="Differences of lgamma lose their digits for a large shape: degrees of freedom, counts, concentrations.",
    why="lgamma(a) is about a log a, so a float32 rounds it by 1 nat from a = 1e6 on while the difference that the density "
    "needs is of order 1. A Student density of df = 1e8 is 0.92 nats too high in float32, a negative binomial of "
    "total_count = 1e8 puts more than all of its mass on a single count, and gradients in the shape are noise: what "
    "should become a normal or a Poisson density never does.",
    signature="The value against the certified density as the shape grows, at data that stay usual: the error grows in "
    "proportion to the shape.",
    fix="Limit the shape where it is produced, at about 1e4 in float32, or take the difference as one function:\n"
    "    log_ratio = lgamma(b) - betaln(a, b)      # lgamma(a + b) - lgamma(a)\n"
    "or compute these terms in float64.",
    reference="derivation: lgamma(a) = a log a - a + ...; DiDonato & Morris 1992, ACM TOMS 18(3), 360-373, for log B(a, b).",
)

SOFTPLUS_OVERFLOW = Rule(
    code="ELB509",
    name="softplus-overflow",
    severities=(Severity.N,),
    summary="log(1 + exp(t)) is written out and overflows for large t.",
    why="The value is infinite from t = 88.72 in float32 (11.09 in float16, 709.78 in float64) although the "
    "true value is nearly t. The gradient there is inf/inf = NaN. A log-cosh or cosh reconstruction with a "
    "sharpness of 100 reaches it at a residual of 0.444. For very negative t all digits are lost: 1 + "
    "exp(-17) is 1 in float32.",
    signature="Infinite on one side only; the other side decays to 0.",
    fix="Never exponentiate a positive number:\n"
    "    softplus = maximum(t, 0) + log1p(exp(-abs(t)))\n"
    "or the library's own: torch.nn.functional.softplus, jax.nn.softplus, numpy.logaddexp(0, t).\n"
    "    log_cosh = abs(t) + log1p(exp(-2 * abs(t))) - ln2",
    reference="Maechler 2012, Accurately Computing log(1 - exp(-|a|)), vignette of the R package Rmpfr, "
    "which also treats log(1 + exp(t)).",
)

CLAMP_GRADIENT_MISMATCH = Rule(
    code="ELB510",
    name="clamp-gradient-mismatch",
    severities=(Severity.N, Severity.O),
    summary="A clamp on a scale holds the value, and its gradient is another one's.",
    why="Beyond a clamp the value no longer moves. With the clamp under no_grad the gradient goes on as if it did, and "
    "is that of no value; with an ordinary clamp it is exactly 0, so an argument that has left the range is never "
    "brought back, although the KL or the likelihood would pull at it.",
    signature="The scale argument is driven outwards to log variances of +-50. Where the value stops moving while the automatic "
    "derivative does not, or where both are 0 from there on though the definition rises, a clamp is named with its place.",
    fix="Limit the range where the argument is made, smoothly, and leave the loss without a clamp:\n"
    "    log_var = 10 * tanh(raw / 10)",
    reference="derivation: the derivative of min(max(s, a), b) is 0 outside [a, b].",
)
