"""The catalogue of defects: every rule that a finding can name, found by code, by name or by prefix."""

from collections.abc import Iterable

from elbocheck.errors import UsageError
from elbocheck.rules import bins, call, data, estimates, gradient, likelihood, numerics, posterior, weighting
from elbocheck.rules.rule import Rule, Severity

__all__ = ["RULES", "Rule", "Severity", "matching", "rule"]

RULES: tuple[Rule, ...] = (
    call.RAISES,
    call.NONDETERMINISTIC,
    call.MUTATES_INPUT,
    call.WRONG_SHAPE,
    call.DTYPE_CHANGED,
    call.NOT_FINITE,
    call.COMPILED_DIFFERS,
    call.EXPECTATION_CONTRADICTED,
    weighting.RECON_MEAN_KL_SUM,
    weighting.RECON_SUM_KL_LATENT_MEAN,
    weighting.BOTH_TERMS_MEAN,
    weighting.KL_BATCH_SUM,
    weighting.SCALAR_BROADCAST_INTO_BATCH,
    weighting.KL_DOUBLED,
    weighting.RECON_MISSING_HALF,
    weighting.KL_OVERALL_WEIGHT,
    weighting.HARD_CODED_DIMENSION,
    weighting.LAST_AXIS_MEAN,
    weighting.LENGTH_NORMALISED_RECON,
    weighting.GLOBAL_SCALE,
    weighting.TRAIN_EVAL_WEIGHT_MISMATCH,
    weighting.STATEFUL_KL_WEIGHT,
    weighting.TARGET_BROADCAST,
    posterior.LOG_VAR_LOG_STD_CONFUSION,
    estimates.SAMPLING_SCALE_MISMATCH,
    posterior.KL_SIGN_FLIPPED,
    posterior.KL_REVERSED,
    posterior.KL_ABSENT,
    posterior.KL_TERM_MISSING,
    posterior.KL_HALF_MISPLACED,
    posterior.KL_PRECEDENCE_ERROR,
    posterior.KL_CONSTANT_OFFSET,
    posterior.KL_WRONG_REFERENCE,
    estimates.DENSITY_TERM_DROPPED,
    posterior.CATEGORICAL_KL_LOG_MISSING,
    likelihood.MIXTURE_WEIGHT_OVER_COUNTED,
    posterior.KL_WRONG_DIMENSION,
    gradient.STOP_GRADIENT_MISMATCH,
    posterior.CAPACITY_TARGET,
    posterior.FREE_BITS_FLOOR,
    likelihood.PROFILED_SCALE,
    call.NOT_PERMUTATION_EQUIVARIANT,
    likelihood.BCE_NONBINARY_TARGETS,
    likelihood.DOUBLE_SIGMOID,
    likelihood.LOGITS_PROBS_CONFUSION,
    likelihood.ARGUMENTS_SWAPPED,
    likelihood.GAUSSIAN_CONSTANT_DROPPED,
    likelihood.LOG_SCALE_DROPPED,
    likelihood.LIKELIHOOD_NOT_NORMALISED,
    likelihood.HUBER_SCALE_MISMATCH,
    likelihood.LAPLACE_SCALE_MISLABELLED,
    likelihood.POISSON_FACTORIAL,
    bins.DISCRETISED_MASS,
    bins.APPROXIMATE_CDF,
    likelihood.DEQUANTISATION_OFFSET,
    likelihood.ELBO_ORIENTATION,
    likelihood.NOT_INTEGRABLE,
    numerics.EXP_OVERFLOW,
    numerics.LOG_ZERO_OR_CLAMP,
    numerics.EPS_WRONG_SIDE,
    numerics.LOG1MEXP_UNSAFE,
    numerics.CDF_UNDERFLOW,
    numerics.LGAMMA_CANCELLATION,
    numerics.SOFTPLUS_OVERFLOW,
    numerics.CLAMP_GRADIENT_MISMATCH,
    gradient.GRADIENT_WRONG,
    gradient.GRADIENT_NOT_FINITE,
    data.TARGET_OUTSIDE_DOMAIN,
)


def rule(code: str) -> Rule:
    """The rule with this code or kebab-case name, in any case.

    Raises:
        UsageError: nothing is called that; the message offers the closest match.

    Example:
        >>> rule("both-terms-mean").code
        'ELB103'
    """
    wanted = code.strip()
    for candidate in RULES:
        if wanted.upper() == candidate.code or wanted.lower() == candidate.name:
            return candidate
    raise UsageError(f"no rule is called {code!r}{_hint(wanted)}")


def matching(prefixes: Iterable[str]) -> frozenset[str]:
    """The codes that --select and --ignore mean: "ELB1" is all of ELB1xx, a kebab-case name is its rule.

    Raises:
        UsageError: an entry matches no rule, so that a typing error never silently drops a check.

    Example:
        >>> sorted(matching(["ELB80", "elb306"]))
        ['ELB306', 'ELB803']
    """
    if isinstance(prefixes, str):
        raise UsageError(f"prefixes must be a list of codes, got one string; write [{prefixes!r}]")
    codes: set[str] = set()
    for prefix in prefixes:
        wanted = prefix.strip()
        found = {
            candidate.code
            for candidate in RULES
            if (wanted.upper().startswith("ELB") and candidate.code.startswith(wanted.upper()))
            or wanted.lower() == candidate.name
        }
        if not found:
            raise UsageError(f"{prefix!r} matches no rule{_hint(wanted)}")
        codes |= found
    return frozenset(codes)


def _hint(wanted: str) -> str:
    """The closest code or name and the remedy, to end an error message with."""
    import difflib  # only an error needs it

    digits = wanted[3:6].upper().replace("O", "0").ljust(3, "0")  # a letter O is typed for a zero
    if wanted.upper().startswith("ELB") and digits.isdecimal():
        close = [min((entry.code for entry in RULES), key=lambda code: abs(int(code[3:]) - int(digits)))]
    else:
        close = difflib.get_close_matches(wanted.lower(), [entry.name for entry in RULES], n=1)
    remedy = "give a code such as ELB103, a name such as both-terms-mean, or a prefix such as ELB1 to select by"
    return f"; did you mean {close[0]}? Otherwise {remedy}" if close else f"; {remedy}"
