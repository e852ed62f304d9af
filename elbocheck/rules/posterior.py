"""ELB2 and ELB306: the divergence between posterior and prior.

KL(N(loc, e^log_var) || N(0, 1)) = (loc^2 + e^log_var - 1 - log_var) / 2 nats per latent
(Kingma & Welling 2014, arXiv:1312.6114, appendix B).
"""

from elbocheck.rules.rule import Rule, Severity

_APPENDIX_B = "Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114, appendix B"

LOG_VAR_LOG_STD_CONFUSION = Rule(
    code="ELB201",
    name="log-var-log-std-confusion",
    severities=(Severity.I,),
    summary="One place reads the encoder's output s as a log-variance, another as a log-standard-deviation.",
    why="The KL measures another distribution than the one that z is drawn from, so the sum is no bound. "
    "Inside the KL, (loc^2 + e^s - 1 - 2 s)/2 has its minimum -0.193 at s = ln 2, and (loc^2 + e^(2 s) - 1 "
    "- s)/2 has -0.077 at s = -0.347: a negative KL, and a posterior pulled to the wrong width.",
    signature="The KL along s is fitted with e^s, e^(2 s) and s: the exponent must be 1 with a slope of "
    "-1/2, or 2 with a slope of -1. The variance of z for the same s is compared with that exponent. A "
    "parameter that is called log_var but is used as a log-scale everywhere is no finding.",
    fix="Choose one meaning and use it in both places:\n"
    "    z = loc + exp(0.5 * log_var) * eps\n"
    "    kl = 0.5 * (loc**2 + exp(log_var) - 1 - log_var).sum(-1)\n"
    "or\n"
    "    z = loc + exp(log_scale) * eps\n"
    "    kl = (0.5 * (loc**2 + exp(2 * log_scale) - 1) - log_scale).sum(-1)",
    reference=_APPENDIX_B + "; derivation: set the derivative in s to 0.",
)

KL_SIGN_FLIPPED = Rule(
    code="ELB205",
    name="kl-sign-flipped",
    severities=(Severity.I,),
    summary="The KL, or the reconstruction, enters with the wrong sign.",
    why="The loss has no minimum: it falls without limit as the posterior moves away from the prior (or the "
    "reconstruction away from the data). In training the loss turns negative and keeps falling, latents "
    "grow, then NaN.",
    signature="b < 0 or a < 0: the loss falls when only the posterior leaves the prior, or when only the "
    "prediction leaves the target. If both fall the function returns the ELBO itself, which is ELB417 and "
    "no defect of sign.",
    fix="Minimise reconstruction plus KL. The short formula carries its own minus:\n"
    "    kl = -0.5 * (1 + log_var - loc**2 - exp(log_var)).sum(-1)\n"
    "    loss = (recon + kl).mean()",
    reference=_APPENDIX_B + ", which states -KL, the term of the ELBO that is maximised.",
)

KL_REVERSED = Rule(
    code="ELB206",
    name="kl-reversed",
    severities=(Severity.O, Severity.I),
    summary="The divergence is KL(prior || posterior) instead of KL(posterior || prior).",
    why="(log_var + e^(-log_var) (1 + loc^2) - 1)/2 punishes a narrow posterior exponentially and a wide "
    "one hardly, so posteriors stay too wide and the latents carry little. The sum is in general no bound "
    "on log p(x). Both directions vanish at the prior, so a test at one point passes.",
    signature="The term grows like e^(-log_var) (1 + loc^2) for narrow posteriors, and only linearly in "
    "log_var for wide ones; the right one does the opposite.",
    fix="Posterior first:\n"
    "    kl = 0.5 * (loc**2 + exp(log_var) - 1 - log_var).sum(-1)\n"
    "    torch.distributions.kl_divergence(q, p)       # not (p, q)\n"
    "F.kl_div(input, target) is KL(target || input), with input given as log-probabilities.",
    reference=_APPENDIX_B
    + "; Bishop 2006, Pattern Recognition and Machine Learning, section 10.1.2 on both directions.",
)

KL_ABSENT = Rule(
    code="ELB207",
    name="kl-absent",
    severities=(Severity.I,),
    summary="The loss does not depend on the posterior except through z.",
    why="Nothing holds the posterior near the prior: the encoder shrinks its variance to nothing and "
    "spreads its means, and an ordinary autoencoder remains. Reconstructions are excellent, samples decoded "
    "from the prior are noise. The value is no bound.",
    signature="b = 0: with the noise or z held fixed, the derivatives in loc and log_var are 0 everywhere. "
    "A KL that is only logged, multiplied by a warm-up weight of 0, or detached looks the same and is named "
    "if it shows in the outputs.",
    fix="Add it to what is differentiated:\n"
    "    loss = (recon + kl).mean()\n"
    "In Keras: a layer's add_loss must reach the training step through sum(model.losses).",
    reference="Kingma & Welling 2014, arXiv:1312.6114, eq. (7); Ghosh et al. 2020, From Variational to "
    "Deterministic Autoencoders, arXiv:1903.12436, for doing it on purpose.",
)

KL_TERM_MISSING = Rule(
    code="ELB208",
    name="kl-term-missing",
    severities=(Severity.O, Severity.I),
    summary="One of the terms loc^2, e^log_var, log_var or -1 is missing from the KL.",
    why="Without loc^2 the means spread freely and the prior no longer covers them. Without e^log_var the "
    "variance grows without limit and the loss falls with it. Without log_var the variance shrinks to 0 and "
    "the posterior is a point. Without the -1 only a constant of L/2 nats is wrong (ELB211).",
    signature="The term is fitted on 1, loc^2, e^log_var and log_var over a grid of both inputs; a "
    "coefficient that should be 1/2 or -1/2 comes out as exactly 0.",
    fix="All four, inside one factor 1/2:\n    kl = 0.5 * (loc**2 + exp(log_var) - 1 - log_var).sum(-1)",
    reference=_APPENDIX_B + ".",
)

KL_HALF_MISPLACED = Rule(
    code="ELB209",
    name="kl-half-misplaced",
    severities=(Severity.I,),
    summary="The factor one half multiplies some terms of the KL and not the others.",
    why="The KL becomes negative and pulls to another width than the prior's. Example: (loc^2 + e^s)/2 - 1 "
    "- s has its minimum -0.693 at variance 2. Each latent then earns a reward that no data pays for, and "
    "the value is no bound.",
    signature="All four terms are present, their coefficients are not in the ratio 1 : 1 : -1 : -1. The "
    "derivative at the prior is not 0, or the minimum is below 0.",
    fix="Keep the parentheses round the whole sum:\n"
    "    kl = -0.5 * (1 + log_var - loc**2 - exp(log_var)).sum(-1)\n"
    "    # not: -0.5 * 1 + log_var - loc**2 - exp(log_var)",
    reference=_APPENDIX_B + "; derivation: the minimum lies where e^s/2 = 1.",
)

KL_PRECEDENCE_ERROR = Rule(
    code="ELB210",
    name="kl-precedence-error",
    severities=(Severity.I,),
    summary="Missing parentheses let an exponential multiply or divide a term that it should not.",
    why="Written as (s + 1 + loc^2) e^(-s) - 1 instead of s + (1 + loc^2) e^(-s) - 1, the term falls "
    "without limit as s goes down. The reconstruction pushes the variance down anyway, and below s = -loc^2 "
    "this term pushes with it, until something overflows. Near s = 0 both agree to first order, so the "
    "first epochs look right.",
    signature="The fit of the term needs a component s e^(-s) (or s e^s), which no KL between two normal "
    "distributions has.",
    fix="One line per term, then one sum; for a prior with its own parameters:\n"
    "    ratio = (exp(log_var) + (loc - p_loc)**2) * exp(-p_log_var)\n"
    "    kl = 0.5 * (p_log_var - log_var + ratio - 1).sum(-1)",
    reference=_APPENDIX_B
    + "; derivation: the KL of two normal distributions is linear in each log-variance apart from "
    "the ratio above.",
)

KL_CONSTANT_OFFSET = Rule(
    code="ELB211",
    name="kl-constant-offset",
    severities=(Severity.H, Severity.R),
    summary="The KL has the right gradient, and is not 0 at the prior.",
    why="Training is unaffected. The printed number is off by the constant, commonly L/2 (the -1 forgotten) "
    "or (L-1)/2 (counted once instead of once per latent), so it must not be compared with other models, "
    "nor a free-bits floor set by it. A constant below 0 makes the value look better than log p(x) allows.",
    signature="The term minus the reference is the same at every loc and log_var; its dependence on L says "
    "which of the two it is.",
    fix="The -1 belongs inside the sum over latents:\n    kl = 0.5 * (loc**2 + exp(log_var) - 1 - log_var).sum(-1)",
    reference=_APPENDIX_B + ".",
)

KL_WRONG_REFERENCE = Rule(
    code="ELB212",
    name="kl-wrong-reference",
    severities=(Severity.I,),
    summary="The KL is smallest at another distribution than the declared prior.",
    why="The encoder is pulled to that other distribution while samples are drawn from the declared prior, "
    "so generated data come from codes that the decoder rarely saw. The number bounds the evidence of "
    "another model.",
    signature="The minimum of the term over loc and log_var lies elsewhere than at the declared prior, N(0, "
    "1) unless p_loc and p_log_var are arguments. A shape no KL has is reported as ELB201 or ELB208 to "
    "ELB210 instead.",
    fix="Use the prior you sample from, with its variance in both places where it enters:\n"
    "    ratio = (exp(log_var) + (loc - p_loc)**2) * exp(-p_log_var)\n"
    "    kl = 0.5 * (p_log_var - log_var + ratio - 1).sum(-1)\n"
    "If another prior is meant, sample from that one.",
    reference="derivation: KL(q || p) >= 0 with equality only at q = p (Kullback & Leibler 1951, On "
    "Information and Sufficiency, Annals of Mathematical Statistics 22(1)).",
)

CATEGORICAL_KL_LOG_MISSING = Rule(
    code="ELB215",
    name="categorical-kl-log-missing",
    severities=(Severity.H, Severity.O),
    summary="The KL of a categorical posterior to the uniform prior lacks its log K.",
    why="The sum of q log q alone is minus the entropy: the gradient is right, the value is log K nats per "
    "variable too low, so the printed number looks better than the bound is and can be negative.",
    signature="The term is KL(q || uniform) up to a constant, and at a uniform posterior it falls by log 2 "
    "for every doubling of the number of classes, where the KL stays 0.",
    fix="Take the logarithm relative to the prior's:\n    kl = (q * (log(q) + log(K))).sum(-1)",
    reference="Jang, Gu & Poole 2017, Categorical Reparameterization with Gumbel-Softmax, arXiv:1611.01144, "
    "eq. (7) with a uniform prior.",
)

KL_WRONG_DIMENSION = Rule(
    code="ELB217",
    name="kl-wrong-dimension",
    severities=(Severity.O, Severity.I),
    summary="The KL of a von Mises-Fisher posterior has Bessel functions of another order than its sphere's.",
    why="On the unit sphere of R^m the normaliser holds the order m/2 - 1 and the mean length the quotient of the orders "
    "m/2 and m/2 - 1. Another order is another sphere's, or no sphere's at all: the concentration is paid for at the "
    "wrong rate, and the sum is no bound.",
    signature="The term along kappa is fitted with kappa A(kappa), log I(kappa) and log kappa, each for m and its "
    "neighbours, at a number of latents and at twice as many: the dimension found must be that number, or one that the "
    "loss holds.",
    fix="With m the length of the vector that lies on the sphere:\n"
    "    ratio = ive(m / 2, kappa) / ive(m / 2 - 1, kappa)\n"
    "    log_c = (m / 2 - 1) * log(kappa) - m / 2 * log(2 * pi)\n"
    "    log_c -= log(ive(m / 2 - 1, kappa)) + kappa\n"
    "    log_area = log(2) + m / 2 * log(pi) - gammaln(m / 2)\n"
    "    kl = kappa * ratio + log_c + log_area",
    reference="Davidson et al. 2018, Hyperspherical Variational Auto-Encoders, arXiv:1804.00891, eq. (15).",
)

CAPACITY_TARGET = Rule(
    code="ELB305",
    name="capacity-target",
    severities=(Severity.I,),
    summary="The KL is pulled to a target C, by |KL - C| or (KL - C)^2.",
    why="Below the target a smaller KL costs more, so the value is no bound on log p(x) at any weight: where "
    "KL < C it is below the negative ELBO by up to gamma C. It says which rate the code is held at, which "
    "may be what is wanted, but it must not be reported or compared as a log-likelihood.",
    signature="Along the posterior the term falls up to KL = C and rises beyond: |K - c| has a kink there, "
    "(K - c)^2 its vertex. A term that is flat below and never falls is free bits (ELB306).",
    fix="Keep it for training if the rate is meant, and report the bound next to it:\n"
    "    train = recon + gamma * abs(kl - C)\n"
    "    bound = recon + kl",
    reference="Burgess et al. 2018, Understanding disentangling in beta-VAE, arXiv:1804.03599, eq. (8).",
)

FREE_BITS_FLOOR = Rule(
    code="ELB306",
    name="free-bits-floor",
    severities=(Severity.O,),
    summary="The KL is replaced by max(KL, floor), known as free bits.",
    why="Below the floor the KL costs nothing and has no gradient, so latents are kept in use and collapse "
    "is avoided. The value stays a lower bound, since max(KL, floor) >= KL, but a looser one, and the "
    "optimum moves. A floor on the batch mean, on each latent and on each datum are three different losses.",
    signature="The term is flat near the prior and follows the KL beyond, never below it. A term that falls "
    "again is a capacity target |KL - C|, which is no bound.",
    fix="If it is meant, keep it and report the plain KL next to it. For the bound itself evaluate without "
    "the floor:\n"
    "    train = recon + maximum(kl, floor)\n"
    "    bound = recon + kl",
    reference="Kingma et al. 2016, Improving Variational Inference with Inverse Autoregressive Flow, arXiv:1606.04934.",
)
