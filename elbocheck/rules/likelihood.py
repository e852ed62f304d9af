"""ELB4: the reconstruction term as -log p(x | r), with x the target and r the decoder's output."""

from elbocheck.rules.rule import Rule, Severity

BCE_NONBINARY_TARGETS = Rule(
    code="ELB401",
    name="bce-nonbinary-targets",
    severities=(Severity.I,),
    summary="Binary cross-entropy is used on targets between 0 and 1, where it is no density.",
    why="On {0, 1} it is exact. On gray values exp(-BCE) integrates over [0, 1] to 1/C(r), with C(r) = 2 "
    "atanh(1 - 2 r)/(1 - 2 r) and C(1/2) = 2. The missing log C is at least 0.693 nats per pixel (543 at "
    "784 pixels) and grows towards r = 0 and 1 (1.545 at r = 0.01), so the omission changes the optimum: "
    "BCE puts r at the target, the density wants it further from 1/2. The printed value is neither a bound "
    "nor a log-likelihood.",
    signature="For a target x between 0 and 1 the minimum over r is the entropy H(x) > 0, and the integral "
    "of exp(-loss) over x depends on r. It is a finding once --data or --data-kind says the data are not "
    "binary.",
    fix="Take one of three:\n"
    "    x = (x > 0.5).astype(x.dtype)      # a Bernoulli; torch: .to(x.dtype)\n"
    "    nll = bce - log_C                  # the continuous Bernoulli\n"
    "    nll = 0.5 * ((x - r) / sigma)**2 + log(sigma)     # a Gaussian\n"
    "Near r = 1/2 use a series for log C.",
    reference="Loaiza-Ganem & Cunningham 2019, The Continuous Bernoulli, arXiv:1907.06845.",
)

DOUBLE_SIGMOID = Rule(
    code="ELB402",
    name="double-sigmoid",
    severities=(Severity.O, Severity.I),
    summary="The sigmoid is applied twice: in the decoder, and again in a loss that expects logits.",
    why="The second sigmoid sees only [0, 1], so the implied probability stays in [0.5, 0.7311]. No pixel "
    "can be predicted black: the loss stops at 0.31 nats on a white pixel and 0.69 on a black one, "
    "gradients are weak, images are gray.",
    signature="For a target 1 the loss per pixel stays within [0.3133, 0.6931], for a target 0 within "
    "[0.6931, 1.3133].",
    fix="Keep the logits until the loss, and take the sigmoid only to show an image:\n"
    "    nll = bce_with_logits(logits, x)     # decoder without a last sigmoid\n"
    "    image = sigmoid(logits)\n"
    "In Keras: BinaryCrossentropy(from_logits=True) belongs to a decoder without sigmoid, False to one with "
    "it.",
    reference="derivation: log(1 + e^(-p)) for p in [0, 1]; PyTorch documentation, BCEWithLogitsLoss.",
)

MIXTURE_WEIGHT_OVER_COUNTED = Rule(
    code="ELB216",
    name="mixture-weight-over-counted",
    severities=(Severity.O, Severity.I),
    summary="The weight of a mixture's component counts once for every element of a datum instead of once.",
    why="A component is chosen once for the whole datum, so log pi stands once beside the sum of D log densities. Added to "
    "each of them it counts D times: exp(-loss) has the mass of the sum of pi^D, far below 1 unless one component has all "
    "the weight, and the gradient drives the weights there.",
    signature="With the components of one datum made to differ, the loss is -log of the sum of pi_k^D exp(-loss_k), where "
    "loss_k is what it gives with component k in all places.",
    fix="Sum over the elements first, then add the weight:\n"
    "    log_prob = component.log_prob(x).sum(-1)      # (B, K)\n"
    "    nll = -logsumexp(log_softmax(logits, -1) + log_prob, -1)",
    reference="Bishop 1994, Mixture Density Networks, Aston University NCRG/94/004, eq. (27).",
)

LOGITS_PROBS_CONFUSION = Rule(
    code="ELB403",
    name="logits-probs-confusion",
    severities=(Severity.N, Severity.I),
    summary="The loss takes logits for probabilities, plain values for logarithmic ones, or the reverse.",
    why="Outside [0, 1] one of log r and log(1 - r) is NaN, or a clamp turns it into a constant with no "
    "gradient. A probability read as a log-probability gives a loss linear in r, which has no minimum "
    "inside the range. Either way the decoder does not learn the distribution that is sampled from.",
    signature="With the declared parametrisation the loss is NaN, clamped or an error outside [0, 1], or it "
    "is linear in r where a likelihood is curved. (Logits given after a sigmoid are ELB402.)",
    fix="Say what the decoder returns, and use the loss of that name:\n"
    "    nll = bce_with_logits(logits, x)\n"
    "    nll = cross_entropy(logits, classes)       # no softmax before it\n"
    "If the tool took the argument wrongly: --role r=logits or --role r=probs.",
    reference="PyTorch documentation, BCELoss, BCEWithLogitsLoss and KLDivLoss (its input is a log-probability).",
)

ARGUMENTS_SWAPPED = Rule(
    code="ELB404",
    name="arguments-swapped",
    severities=(Severity.I,),
    summary="Target and prediction have changed places.",
    why="Squared and absolute error do not notice. Cross-entropy becomes the logarithm of the data: for x "
    "in {0, 1} it is infinite, or, with torch's clamp at 100, exactly 100 |x - r|, so the decoder learns "
    "the median instead of the probability and prints hard black-and-white images. Poisson and KL terms "
    "change likewise.",
    signature="loss(x, r) equals the reference with its arguments exchanged, on inputs where the two differ.",
    fix="PyTorch and optax put the prediction first, Keras the target:\n"
    "    torch.nn.functional.binary_cross_entropy(r, x)\n"
    "    keras.losses.binary_crossentropy(x, r)\n"
    "Naming the arguments settles it: input=r, target=x; y_true=x, y_pred=r.",
    reference="PyTorch documentation, torch.nn.functional.binary_cross_entropy; Keras documentation, "
    "BinaryCrossentropy.",
)

GAUSSIAN_CONSTANT_DROPPED = Rule(
    code="ELB405",
    name="gaussian-constant-dropped",
    severities=(Severity.H, Severity.R),
    summary="The constant (D/2) log(2 pi sigma^2) is missing, or belongs to another sigma than the curvature.",
    why="At a fixed sigma no gradient changes. The printed value is off by 0.919 nats per scalar at sigma = "
    "1 (720.4 at 784 pixels), by another amount at another sigma, so it is no log-likelihood and cannot be "
    "compared between papers. If sigma is learned the log sigma must stay: that is ELB406.",
    signature="The value at r = x against (D/2) log(2 pi sigma^2), with sigma from the curvature 1/sigma^2 in r.",
    fix="Nothing for training. For a number to report:\n"
    "    nll = 0.5 * ((x - r) / sigma)**2 + log(sigma) + 0.5 * log(2 * pi)\n"
    "In torch: GaussianNLLLoss(full=True).",
    reference="Kingma & Welling 2014, arXiv:1312.6114, appendix C.2; Bishop 2006, Pattern Recognition and "
    "Machine Learning, eq. (1.46).",
)

LOG_SCALE_DROPPED = Rule(
    code="ELB406",
    name="log-scale-dropped",
    severities=(Severity.I,),
    summary="The loss divides by a learned scale and does not add its logarithm.",
    why="(x - r)^2/(2 sigma^2) alone falls to 0 as sigma grows, whatever the reconstruction. Training does "
    "exactly that: sigma runs away, the reconstruction term vanishes, the latents collapse, and the loss "
    "looks excellent.",
    signature="The derivative in the scale is negative everywhere; for the right loss it changes sign where "
    "sigma equals the residual. The integral of exp(-loss) over x grows with sigma.",
    fix="Add the logarithm, once per scalar:\n"
    "    nll = 0.5 * ((x - r) * exp(-log_sigma))**2 + log_sigma\n"
    "    nll = abs(x - r) * exp(-log_scale) + log_scale         # Laplace\n"
    "A log_sigma shared by all D scalars must still be added D times.",
    reference="Nix & Weigend 1994, Estimating the Mean and Variance of the Target Probability Distribution, "
    "ICNN; Rybkin et al. 2021, sigma-VAE, arXiv:2006.13202.",
)

LIKELIHOOD_NOT_NORMALISED = Rule(
    code="ELB407",
    name="likelihood-not-normalised",
    severities=(Severity.I, Severity.H),
    summary="exp(-loss) does not integrate to a constant over x: a log-normaliser is missing.",
    why="If the missing factor depends on something learned, the loss rewards whatever shrinks it: a "
    "learned Huber delta goes to 0, a weight of a weighted BCE too, and the reconstruction term with it. If "
    "it depends on nothing learned, only a constant is missing and nothing moves.",
    signature="The integral (or sum) of exp(-loss) over the support of x, at several predictions and at "
    "several values of every parameter: constant is harmless, moving is invalid.",
    fix="Add log Z, with Z the integral. For the Huber loss, quadratic up to delta:\n"
    "    Z = sqrt(2 * pi) * erf(delta / sqrt(2))\n"
    "    Z = Z + 2 / delta * exp(-(delta**2) / 2)\n"
    "    nll = huber(x - r, delta) + log(Z)\n"
    "or hold the parameter fixed.",
    reference="Huber 1964, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics "
    "35(1); Barron 2019, A General and Adaptive Robust Loss Function, arXiv:1701.03077.",
)

HUBER_SCALE_MISMATCH = Rule(
    code="ELB408",
    name="huber-scale-mismatch",
    severities=(Severity.O,),
    summary="A Huber-like loss has the slope and the curvature of the other convention.",
    why="Huber(delta) has curvature 1 and slope delta; SmoothL1(beta) has curvature 1/beta and slope 1. "
    "They differ by the factor delta, Huber = delta * SmoothL1 at beta = delta, so exchanging them "
    "multiplies the reconstruction, and divides the relative weight of the KL, by that factor. At delta = 1 "
    "they agree and nothing shows.",
    signature="Slope in the tail, curvature at 0 and position of the kink, read from the curve of one "
    "residual: kink times curvature equals slope in both; which of the two equals 1 names the form.",
    fix="Use the form that the formula means:\n"
    "    HuberLoss(delta=d)                 # curvature 1\n"
    "    d * SmoothL1Loss(beta=d)           # the same\n"
    "With a scale: huber((x - r) / scale, d) + log(scale).",
    reference="Huber 1964, Robust Estimation of a Location Parameter, Annals of Mathematical Statistics "
    "35(1); Girshick 2015, Fast R-CNN, arXiv:1504.08083; PyTorch documentation, HuberLoss.",
)

LAPLACE_SCALE_MISLABELLED = Rule(
    code="ELB409",
    name="laplace-scale-mislabelled",
    severities=(Severity.R, Severity.O),
    summary="A Laplace likelihood takes its scale under the name of a variance.",
    why="|x - r|/e^s + s is a Laplace density whose scale is e^s, and its variance is 2 e^(2 s). The loss is "
    "right and so is its gradient. Whoever reads s as the log variance, in a plot or in exp(s / 2) when "
    "sampling, is off: at s = -4 by the factor 7.39 in the scale.",
    signature="The slope in |x - r| is e^(-s), and the term beside it s, where the argument is called a log "
    "variance (or 1/v and log v where it is called a variance).",
    fix="Give it the name that it has:\n"
    "    nll = abs(x - r) * exp(-log_scale) + log_scale + log(2)\n"
    "or, where a log variance was meant, pass half of it: the scale is exp(log_var / 2) / sqrt(2).",
    reference="derivation: the variance of a Laplace density of scale b is 2 b^2; Rombach et al. 2022, "
    "arXiv:2112.10752, whose autoencoder has such a parameter.",
)

POISSON_FACTORIAL = Rule(
    code="ELB410",
    name="poisson-factorial",
    severities=(Severity.H, Severity.I),
    summary="The log y! of a likelihood of counts is missing, or stands as an approximation.",
    why="log y! does not depend on the rate, so no gradient changes without it; the value is then no log "
    "likelihood (15.1 nats are missing at y = 10) and is comparable on the same data only. "
    "Stirling's approximation, y log y - y + log(2 pi y)/2, lies below log y!, so probabilities come out "
    "too large: over all counts they add up to 1.022 at rate 3, and a bound built on it can exceed log p(x).",
    signature="The sum of exp(-loss) over the counts 0, 1, 2, ... at several rates, and the loss as a "
    "function of the count at one rate.",
    fix="Nothing for training. For a number to report:\n"
    "    nll = rate - y * log(rate) + lgamma(y + 1)\n"
    "In torch PoissonNLLLoss(full=True) is the approximation; -Poisson(rate).log_prob(y) is exact.",
    reference="Abramowitz & Stegun 1964, 6.1.41; PyTorch documentation, PoissonNLLLoss.",
)

DEQUANTISATION_OFFSET = Rule(
    code="ELB413",
    name="dequantisation-or-unit-offset",
    severities=(Severity.R,),
    summary="The value counts each scalar as one of 256 levels: log 256, or the like, is added to a density.",
    why="Bytes that are dequantised and divided by 256 have a density 256 times as high, so bits per dimension "
    "of the bytes need log 256 = 5.545 nats (8 bits) more for each scalar. Of data scaled to [-1, 1] it is log 128, one "
    "bit less. No gradient changes; with the wrong one of the two every reported number is off by one bit.",
    signature="The constant of one element, beyond (log 2 pi sigma^2)/2, is log 256, 255, 128 or 127.5. It "
    "is held against --data-range where that is given, else it is a note.",
    fix="For data in [low, high] that were bytes:\n"
    "    nats = nll + D * log(256 / (high - low))\n"
    "    bits_per_dim = nats / (D * log(2))",
    reference="Theis et al. 2016, A Note on the Evaluation of Generative Models, arXiv:1511.01844, section 3.1; "
    "Dinh et al. 2017, arXiv:1605.08803.",
)

ELBO_ORIENTATION = Rule(
    code="ELB417",
    name="elbo-orientation",
    severities=(Severity.R,),
    summary="The function returns the ELBO where a loss is expected, or a loss under the name elbo.",
    why="If the sign is turned before the optimiser, training is right and only the reader is misled. If it "
    "is not, the optimiser makes the model worse at every step. In a plot of several models the order of "
    "merit is reversed.",
    signature="Does the value fall as r approaches x and the posterior approaches the prior? Both falling "
    "is a loss, both rising is a bound, one of each is ELB205. The answer is compared with the name or with "
    "the declared role.",
    fix="Return what the name says, and turn the sign in one place:\n"
    "    loss = -elbo.mean()\n"
    "If the function is meant to return the bound, nothing is wrong: it is read as one.",
    reference="Kingma & Welling 2014, arXiv:1312.6114, eq. (3): the bound is maximised.",
)

PROFILED_SCALE = Rule(
    code="ELB307",
    name="batch-coupled-regulariser",
    severities=(Severity.H,),
    summary="The scale of the likelihood is set to the batch's own error: a profile likelihood, not a sum over data.",
    why="With sigma^2 = mean((x - r)^2) the Gaussian NLL of a batch is (n/2) log sigma^2 plus a constant: the least that "
    "any sigma gives. It bounds no log p(x) of one datum, its value hangs on the batch, and a batch that is "
    "reconstructed exactly costs minus infinity. As a way to train with the optimal sigma it is sound.",
    signature="All residuals alike, the loss is affine in log|x - r|, and changes of two data do not add up.",
    fix="Report the bound with sigma held at the training set's optimum:\n"
    "    sigma2 = mean_squared_error_of_the_training_set\n"
    "    nll = 0.5 * ((x - r)**2 / sigma2 + log(2 * pi * sigma2)).sum()",
    reference="Rybkin, Daniilidis & Levine 2021, Simple and effective VAE training with calibrated decoders, "
    "arXiv:2006.13202, section 4.",
)

NOT_INTEGRABLE = Rule(
    code="ELB418",
    name="not-integrable",
    severities=(Severity.I,),
    summary="The loss is bounded in the residual, or grows no faster than its logarithm: exp(-loss) has infinite mass.",
    why="A loss of weight w on log(1 + u^2) needs w > 1/2: below that its tails fall no faster than 1/|u|. "
    "Tukey's biweight, Welsch and cosine losses level off at a maximum M; exp(-loss) never falls below "
    "exp(-M), and its integral over the line is infinite. No likelihood, no bound and no sigma exist. Far "
    "residuals get no gradient, so an early bad pixel stays bad. As a robust training criterion it may "
    "serve; then do not call the sum an ELBO.",
    signature="The curve of one residual stays below a fixed level as the residual grows to the end of the "
    "floating-point range, or grows like k log|t| with k <= 1; with k > 1 it is integrable and passes.",
    fix="A heavy-tailed density with the same intention, for example Student's t:\n"
    "    t = (x - r) / scale\n"
    "    nll = 0.5 * (nu + 1) * log1p(t**2 / nu) + log(scale)\n"
    "or the Huber loss. If the support really is bounded, say so with --data-range.",
    reference="Barron 2019, A General and Adaptive Robust Loss Function, arXiv:1701.03077; derivation: a "
    "positive lower bound on the integrand.",
)
