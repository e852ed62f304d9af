"""ELB203 and ELB213: a KL estimated from a sample of the posterior, log q(z|x) - log p(z)."""

from elbocheck.rules.rule import Rule, Severity

_EQUATION_6 = "Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114, eq. (6)"

SAMPLING_SCALE_MISMATCH = Rule(
    code="ELB203",
    name="sampling-scale-mismatch",
    severities=(Severity.I,),
    summary="z is drawn with another variance than its log density is taken for.",
    why="log q(z|x) - log p(z) has the KL as its mean only if z comes from q. Drawn at another spread its mean "
    "is no KL: it can be negative, and its optimum is another posterior than the one that is used.",
    signature="The mean over the noise, an exact integral, is (m^2 + e^(a t) - e^((a - c) t) - c t)/2 with "
    "a != c: a from the sampler, c from the density. Of a KL in closed form: what the decoder is given, at two "
    "noises, has another spread about the mean than the KL is taken for.",
    fix="Draw with the standard deviation of the density:\n"
    "    std = exp(0.5 * log_var)\n"
    "    z = loc + std * eps\n"
    "    log_q = Normal(loc, std).log_prob(z)",
    reference=_EQUATION_6 + "; derivation: E[(z - m)^2 e^(-c t)] = e^((a - c) t).",
)

DENSITY_TERM_DROPPED = Rule(
    code="ELB213",
    name="density-term-dropped",
    severities=(Severity.I,),
    summary="One of log q(z|x) and log p(z) is missing from the estimate of the KL.",
    why="Without log q(z|x) nothing rewards a posterior for being wide, and it collapses to a point; without "
    "log p(z) nothing ties it to the prior. Neither is a bound on log p(x).",
    signature="The mean over the noise is (m^2 + sigma^2)/2, that of -log p(z), or -log(sigma) and a constant, "
    "that of log q(z|x); a KL has both.",
    fix="Keep both, at the same sample:\n    kl = (log_q(z) - log_p(z)).sum(-1)\n    loss = (recon + kl).mean()",
    reference=_EQUATION_6 + ".",
)
