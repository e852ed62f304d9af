"""ELB1: weighting and reduction, with a and b the weights of the reconstruction and the KL per element.

a * SSE + b * KL is a Gaussian decoder with sigma^2 = b / (2a);
a * NLL + b * KL is a beta-ELBO with beta = b / a.
"""

from elbocheck.rules.rule import Rule, Severity

RECON_MEAN_KL_SUM = Rule(
    code="ELB101",
    name="recon-mean-kl-sum",
    severities=(Severity.O,),
    summary="The reconstruction is averaged over the D scalars of a datum, the KL is summed over the latents.",
    why="a = 1/D and b = 1, so beta = b/a = D: the KL weighs D times too much. For squared error this is a "
    "Gaussian decoder with sigma^2 = b/(2a) = D/2; at 784 pixels sigma = 19.8 on data in [0, 1]. The "
    "latents are ignored (posterior collapse), every reconstruction is the mean image, and the model "
    "changes with the image size.",
    signature="Tiling the datum leaves the reconstruction term as it is, tiling the latents doubles the KL. "
    "On a grid of sizes b/a grows exactly like D and not with L; if it also falls like 1/L it is ELB103.",
    fix="Sum over everything that belongs to one datum, then average over the batch only:\n"
    "    recon = 0.5 * ((x - r) ** 2).reshape(B, -1).sum(-1).mean()\n"
    "    kl = 0.5 * (loc**2 + exp(log_var) - 1 - log_var).sum(-1).mean()\n"
    "A decoder with another sigma is better said as 1/(2 sigma^2) in front of the sum, or learned.",
    reference="Lucas et al. 2019, Don't Blame the ELBO!, arXiv:1911.02469; Rybkin et al. 2021, sigma-VAE, "
    "arXiv:2006.13202.",
)

RECON_SUM_KL_LATENT_MEAN = Rule(
    code="ELB102",
    name="recon-sum-kl-latent-mean",
    severities=(Severity.O, Severity.I),
    summary="The reconstruction is summed over the datum, the KL is averaged over the L latents.",
    why="beta = b/a = 1/L: the KL weighs L times too little. For a likelihood without a free scale "
    "(Bernoulli, categorical) the value is no lower bound on log p(x). For squared error it is a Gaussian "
    "decoder with sigma^2 = 1/(2L), sigma = 0.125 at 32 latents. Reconstructions are sharp, samples from "
    "the prior are poor, and widening the latent space weakens the KL further.",
    signature="Tiling the latents leaves the KL term as it is, tiling the datum doubles the reconstruction: "
    "b/a falls exactly like 1/L and does not move with D.",
    fix="Sum the KL over the latent axis before any mean:\n"
    "    kl = 0.5 * (loc**2 + exp(log_var) - 1 - log_var).sum(-1).mean()\n"
    "A KL weight below 1 that is meant: --expect beta=0.03125.",
    reference="Kingma & Welling 2014, arXiv:1312.6114, appendix B: the KL is a sum over the latent dimensions.",
)

BOTH_TERMS_MEAN = Rule(
    code="ELB103",
    name="both-terms-mean",
    severities=(Severity.O,),
    summary="Both terms are averaged, the reconstruction over D scalars and the KL over L latents.",
    why="a = 1/D and b = 1/L, so beta = D/L. For squared error this is a Gaussian decoder with sigma^2 = "
    "D/(2L): 12.25, sigma = 3.5, for 784 pixels and 32 latents, far wider than data in [0, 1]. It is a "
    "valid model, but a blurred one, and it changes with the image size and with the latent size.",
    signature="Tiling the datum or the latents changes neither term; on a grid of sizes b/a is exactly "
    "proportional to D/L.",
    fix="Sum both over one datum, average over the batch only:\n"
    "    recon = 0.5 * ((x - r) ** 2).reshape(B, -1).sum(-1).mean()\n"
    "    kl = 0.5 * (loc**2 + exp(log_var) - 1 - log_var).sum(-1).mean()\n"
    "To keep the mean for the reconstruction, divide both sums by D.",
    reference="derivation: D/(2L) from sigma^2 = b/(2a); effect: Lucas et al. 2019, Don't Blame the ELBO!, "
    "arXiv:1911.02469.",
)

KL_BATCH_SUM = Rule(
    code="ELB104",
    name="kl-batch-sum",
    severities=(Severity.O,),
    summary="The KL is summed over the batch, the reconstruction is averaged over it.",
    why="beta grows like the batch size B: the same code with another batch, another number of devices or a "
    "short last batch trains another model. With squared error summed over the datum sigma^2 is B/2 instead "
    "of 1/2. The usual sight is collapse as soon as the batch is enlarged.",
    signature="Tiling the batch doubles the KL term and leaves the reconstruction term as it is; b/a is "
    "proportional to B.",
    fix="Give both terms the same batch reduction:\n    loss = (recon_per_datum + kl_per_datum).mean()",
    reference="Kingma & Welling 2014, arXiv:1312.6114, eq. (8): one factor N/M stands before the sum of whole bounds.",
)

SCALAR_BROADCAST_INTO_BATCH = Rule(
    code="ELB105",
    name="scalar-broadcast-into-batch",
    severities=(Severity.O, Severity.I),
    summary="A reconstruction already summed over the batch is added to the vector of KLs per datum.",
    why="Broadcasting adds the whole batch's reconstruction to each datum, so it counts B times and beta "
    "falls like 1/B. The KL fades as the batch grows: at B = 128 it weighs 1/128. Where beta is below 1 and "
    "the likelihood has no free scale, the value is no bound. A value per datum also contains its "
    "neighbours' errors.",
    signature="Doubling the batch multiplies the reconstruction by 4 where the KL doubles (or by 2 where "
    "the KL stays). If one value per datum is returned, the value of one datum changes with the target of "
    "another.",
    fix="Reduce both to shape (B,) before adding:\n"
    "    recon = bce(x, r).reshape(B, -1).sum(-1)      # (B,), not a scalar\n"
    "    loss = (recon + kl).mean()",
    reference='NumPy documentation, "Broadcasting"; derivation: the mean over i of (sum_j R_j + K_i) is '
    "sum_j R_j + mean K.",
)

KL_DOUBLED = Rule(
    code="ELB106",
    name="kl-doubled",
    severities=(Severity.O,),
    summary="The KL is counted twice: its factor one half is missing.",
    why="beta = 2. It is still a lower bound, a looser one: with a Bernoulli likelihood the latents carry "
    "less information than the ELBO wants. With squared error it is a Gaussian decoder whose sigma^2 is "
    "doubled.",
    signature="The KL counts exactly twice whatever B, D and L. With squared error calls alone cannot say "
    "which half is missing: SSE + 2 KL is 2 (SSE/2 + KL), unit variance and no defect. So the implied "
    "sigma^2 is printed with it.",
    fix="The one half belongs to the whole sum:\n    kl = 0.5 * (loc**2 + exp(log_var) - 1 - log_var).sum(-1)",
    reference="Kingma & Welling 2014, arXiv:1312.6114, appendix B.",
)

RECON_MISSING_HALF = Rule(
    code="ELB107",
    name="recon-missing-half",
    severities=(Severity.H, Severity.O),
    summary="The squared error enters without its factor one half.",
    why="a = 1 and b = 1 make a Gaussian decoder with sigma^2 = b/(2a) = 1/2, not 1. That is a choice of "
    "sigma, valid as it stands, and often closer to the data than sigma = 1. It moves the optimum only if "
    "the code or the paper says unit variance, and then the KL weighs half of what is claimed.",
    signature="a = 1 exactly against b = 1, at every B, D and L.",
    fix="For unit variance:\n"
    "    recon = 0.5 * ((x - r) ** 2).reshape(B, -1).sum(-1)\n"
    "To keep the present weights, report sigma = 0.7071 and declare it: --expect sigma=0.7071.",
    reference="Bishop 2006, Pattern Recognition and Machine Learning, section 1.2.5: squared error and Gaussian noise.",
)

KL_OVERALL_WEIGHT = Rule(
    code="ELB108",
    name="kl-overall-weight",
    severities=(Severity.O, Severity.I),
    summary="The KL carries a constant weight that no reduction explains.",
    why="With a likelihood that has no free scale this is a beta-VAE: beta above 1 gives a looser bound and "
    "fewer used latents; beta below 1 gives no bound at all, and the number must not be compared with a "
    "log-likelihood. With squared error or another free scale it is a choice of sigma, sigma^2 = b/(2a), "
    "and valid.",
    signature="b/a is the same at every B, D and L, and is not 1 (nor 2, which is ELB106).",
    fix="If it is meant, declare it and the finding is gone:\n"
    "    --expect beta=4          or      --expect sigma=0.1\n"
    "If not, look for kl_weight, beta, a warm-up factor that stops below 1, a mean where a sum was meant, or, at "
    "beta = 0.5, a one half that the log likelihood lacks.",
    reference="Higgins et al. 2017, beta-VAE, ICLR; Alemi et al. 2018, Fixing a Broken ELBO, arXiv:1711.00464.",
)

HARD_CODED_DIMENSION = Rule(
    code="ELB109",
    name="hard-coded-dimension",
    severities=(Severity.O,),
    summary="A size written as a number makes the weights right at that size only.",
    why="At another image size, another latent size, or in the short last batch of each epoch the KL weight "
    "is off by the ratio of the sizes, with no error raised. A last batch of 96 divided by 128 counts a "
    "quarter less.",
    signature="The terms scale with the size as a plain sum or mean, and the constant left over is itself a "
    "size (784, 3072, 128): the weights agree with the nominal ones at this single D, L or B and nowhere "
    "else.",
    fix="Take the size from the argument:\n"
    "    B = x.shape[0]; D = x[0].size        # torch: x[0].numel()\n"
    "or avoid it: sum over one datum, mean over the batch.",
    reference="derivation: a mean over D multiplied by the constant n is n/D times the sum, right at D = n only.",
)

LAST_AXIS_MEAN = Rule(
    code="ELB110",
    name="last-axis-mean",
    severities=(Severity.O,),
    summary="The reconstruction is averaged over the last axis only, so beta is the number of channels.",
    why="A library's cross-entropy or squared error takes the mean over the last axis. On images with one channel that "
    "is nothing, so the loss is right there; on colour images the reconstruction counts a third of what it should.",
    signature="Tiling one axis at a time: the reconstruction's weight stays when the last axis grows and doubles with "
    "every other one; beta = C.",
    fix="Sum over every axis of a datum:\n"
    "    recon = cost(x, r).reshape(B, -1).sum(-1).mean()\n"
    "or multiply the reduced cost by the number of channels.",
    reference="derivation: mean over C, sum over the rest, is 1/C of the sum over all.",
)

LENGTH_NORMALISED_RECON = Rule(
    code="ELB111",
    name="length-normalised-recon",
    severities=(Severity.O,),
    summary="The reconstruction is averaged over one axis, such as time, and summed over the others; the KL is summed.",
    why="beta is the length of that axis: the KL of a sequence of 100 steps weighs 100 times too much, and sequences of another "
    "length train another model. With squared error the decoder's sigma^2 grows with the length.",
    signature="Tiling one axis at a time: the reconstruction's weight stays when that axis grows, here not the last one, and "
    "doubles with the others; beta is the size of that axis.",
    fix="Sum over every axis of a datum:\n"
    "    recon = cost(x, r).reshape(B, -1).sum(-1).mean()\n"
    "For values per step, divide reconstruction and KL alike.",
    reference="derivation: mean over T, sum over the rest, is 1/T of the sum over all.",
)

GLOBAL_SCALE = Rule(
    code="ELB112",
    name="global-scale",
    severities=(Severity.H,),
    summary="Both terms are multiplied by the same factor, such as 1/D, 1/B or 1/ln 2.",
    why="The optimum is unchanged, and so are the implied sigma and beta. The printed value is in other "
    "units (per pixel, bits, sum over the batch), the gradient is scaled too, and with it the best learning "
    "rate of plain SGD, any gradient clipping and weight decay. Adam hardly notices.",
    signature="a and b change together on every grid of sizes; their ratio does not.",
    fix="Nothing has to change. To compare the value with published nats per datum divide by the printed "
    "factor. Bits per dimension are nats / (D * ln 2).",
    reference="derivation: the minimum of c * f is at the minimum of f for every c > 0.",
)

TRAIN_EVAL_WEIGHT_MISMATCH = Rule(
    code="ELB114",
    name="train-eval-weight-mismatch",
    severities=(Severity.R, Severity.O),
    summary="The terms are weighed otherwise in training than in evaluation.",
    why="What validation reports is not the objective that is trained: the best checkpoint, early stopping and the "
    "learning-rate schedule follow another model, with another sigma or beta. A weight of 2.5e-4 in training and 1 in "
    "validation differ by a factor of 4000 in sigma^2.",
    signature="The slopes of the loss in the prediction and in the posterior are taken with training true and false, or "
    "after .train() and after .eval(); their ratio differs.",
    fix="Compute one loss in both modes; report another weighting beside it, under its own name:\n"
    "    loss = recon + kl_weight * kl          # both modes\n"
    '    return {"loss": loss, "nelbo": recon + kl}',
    reference="derivation: sigma^2 = b/(2a), beta = b/a, each with the weights of its mode.",
)

STATEFUL_KL_WEIGHT = Rule(
    code="ELB115",
    name="stateful-kl-weight",
    severities=(Severity.O,),
    summary="The weight of the KL hangs on a counter inside the loss, or follows a schedule that ends below 1.",
    why="A schedule that stops at 0.1 trains a beta-VAE with beta = 0.1 to the end, which for a likelihood without a free "
    "scale is no bound. A counter inside the loss advances with every call: validation batches, logging and gradient "
    "accumulation speed the schedule up, and a run that is resumed starts it anew.",
    signature="Equal arguments cost more from call to call, and no longer once a copy of the loss with its own counter is "
    "called each time; or an argument called step or epoch moves the slope of the KL. The weights are measured at steps "
    "0 to 999999, and the model that is stated is the last one's.",
    fix="Hand the step in, and let the weight end at 1 (or declare where it ends: --expect beta=0.1):\n"
    "    kl_weight = min(1.0, step / warmup_steps)",
    reference="Bowman et al. 2016, Generating Sentences from a Continuous Space, arXiv:1511.06349, section 3.1.",
)

TARGET_BROADCAST = Rule(
    code="ELB116",
    name="target-broadcast",
    severities=(Severity.I,),
    summary="Shapes (n, 1) and (n,) met, so each prediction is compared with the target of every datum.",
    why="The result is an (n, n) table, then its mean. For squared error that mean is var(x) + mean((r_i - "
    "mean(x))^2): the best prediction is the batch mean for every datum, whatever its input. Training looks "
    "healthy, the loss falls and settles near var(x), and the decoder learns nothing about single data.",
    signature="The mixed difference between the prediction of one datum and the target of another is not 0: "
    "changing both moves the loss by something else than the sum of both single changes. For the right loss "
    "it is exactly 0.",
    fix="Make the shapes equal and check it once:\n"
    "    r = r.reshape(x.shape)         # (n, 1) to (n,)\n"
    "    assert r.shape == x.shape\n"
    "Use squeeze(-1), not squeeze(), which also drops a batch of one.",
    reference='NumPy documentation, "Broadcasting"; derivation: expand the mean over i and j of (r_i - x_j)^2.',
)
