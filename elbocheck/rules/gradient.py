"""ELB6: the gradient that training follows, against the derivative of the loss and of its definition."""

from elbocheck.rules.rule import Rule, Severity

STOP_GRADIENT_MISMATCH = Rule(
    code="ELB304",
    name="stop-gradient-mismatch",
    severities=(Severity.O,),
    summary="The gradient in one group of arguments is not the derivative of the value: part of a term is detached.",
    why="The value is that of one model, training follows another: a KL of which the posterior gets 20 % of the slope and "
    "the prior 80 % moves the prior to the posterior faster than the reverse. The sum may still be printed as a bound; "
    "the point of rest of the two gradients is not its minimum where the shares meet other terms.",
    signature="Group by group (posterior, prior), the automatic derivative is held against central differences "
    "of the value. It is the same fraction of it in every direction. Where the noise is drawn from the posterior both "
    "are averaged over it first, so a detached score of zero mean (sticking the landing, doubly reparametrised "
    "gradients) is no mismatch.",
    fix="If the balance is meant, say so where the value is reported. If not, look for detach, stop_gradient or no_grad:\n"
    "    kl = kl_divergence(posterior, prior)     # both get the derivative",
    reference="Hafner et al. 2021, Mastering Atari with Discrete World Models, arXiv:2010.02193, algorithm 2 (KL balancing).",
)

GRADIENT_WRONG = Rule(
    code="ELB601",
    name="gradient-wrong",
    severities=(Severity.I,),
    summary="The gradient is not the derivative of the loss that was identified.",
    why="Training minimises something else than the number it prints. The loss may still fall, which hides "
    "it for weeks, and the point of rest is not an optimum of the model.",
    signature="The automatic derivative is compared, argument by argument and with the noise held fixed, "
    "with the derivative of the definition at high precision. The tolerance follows from the conditioning "
    "of the input. Where a difference quotient of the loss agrees with the definition the value is right "
    "and only the backward rule is wrong; where it agrees with the gradient the value itself has the defect.",
    fix="Look for a hand-written backward or custom_vjp, detach, stop_gradient or no_grad, a round trip "
    "through NumPy, rounding, and clamps. A stop-gradient that is meant belongs to an estimator with a "
    "name; declare it. To repeat the difference quotient in float64:\n"
    "    h = 1e-6\n"
    "    (loss(r + h * d) - loss(r - h * d)) / (2 * h)      # along d",
    reference="Griewank & Walther 2008, Evaluating Derivatives, 2nd ed., SIAM.",
)

GRADIENT_NOT_FINITE = Rule(
    code="ELB602",
    name="gradient-not-finite",
    severities=(Severity.N,),
    summary="The gradient is NaN or infinite at an input where the loss itself is finite.",
    why="The printed loss looks right up to the step that makes every weight NaN, so the place is hard to "
    "find afterwards. Typical places: sqrt or a norm at 0, x*log(x) at 0, a power below 1 at 0, a where() "
    "whose unused branch is not finite.",
    signature="The value is finite and the automatic derivative is not; a difference quotient or the "
    "definition says whether the true derivative is finite there.",
    fix="A where() cannot hide a bad branch: its zero is multiplied by infinity on the way back. Make the "
    "input safe before the operation, then select:\n"
    "    safe = where(u > 0, u, 1.0)\n"
    "    y = where(u > 0, sqrt(safe), 0.0)\n"
    "Better, work with the unconstrained parameter (logits, log_var), where the singular point is at "
    "infinity.",
    reference='JAX documentation, FAQ, "Gradients contain NaN where using where"; derivation: 0 * inf is NaN.',
)
