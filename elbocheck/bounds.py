"""Whether a loss is a bound on log p(x): the three facts of variational inference applied to an implied model."""

from __future__ import annotations

from math import exp, isclose
from typing import Any

import numpy as np

from elbocheck import budget
from elbocheck.anatomy import Anatomy, Reconstruction
from elbocheck.floats import name_of
from elbocheck.implied import ImpliedModel
from elbocheck.intent import Intent
from elbocheck.mass import Status
from elbocheck.monomial import Monomial
from elbocheck.probing.estimates import NO_POSTERIOR, NO_PRIOR, OTHER_SPREAD
from elbocheck.roles import Role
from elbocheck.verdict import Bound


def bound(anatomy: Anatomy, model: ImpliedModel, intent: Intent, dtype: np.dtype[Any]) -> tuple[Bound, str]:
    """Return the bound and the reason in a sentence; the dtype is what the loss was read in."""
    r, g = anatomy.reconstruction, anatomy.regulariser
    if r is None:
        return _without_data(anatomy)
    if (reason := no_density(r, intent) or model.improper) is not None:
        return Bound.NOT_A_DENSITY, reason
    if (reason := overfull(r) or _broken(anatomy)) is not None:
        return Bound.NOT_A_BOUND, reason
    if r.density is None:
        return Bound.UNIDENTIFIED, _unread(anatomy, dtype)
    kind, reason = _ALONE if g is None else _weighed(model)
    missing = _tails_missing(r)
    if missing and kind is Bound.EXACT:
        return Bound.CONSERVATIVE, f"a lower bound on log p(x), but not the tightest: {missing}"
    return kind, reason + ("" if g is None else _squashed(r)) + (missing and f"; {missing}")


_ALONE = Bound.LIKELIHOOD_ONLY, "a likelihood alone: it needs a KL to be a bound"


def _without_data(anatomy: Anatomy) -> tuple[Bound, str]:
    """Return what a loss is that compares nothing with data."""
    g = anatomy.regulariser
    if anatomy.structure.latent_coupled and not (g and (g.floor or g.target)):
        return Bound.UNIDENTIFIED, _COUPLED
    if g is not None and g.pattern == "kl" and g.weight.coefficient > 0:
        return Bound.DIVERGENCE_ONLY, "a divergence alone: it needs a likelihood to be a bound"
    return Bound.UNIDENTIFIED, "the only term is no KL to N(0, 1) that is known here"


def _tails_missing(r: Reconstruction) -> str:
    """Say that the bins of a likelihood leave mass out, which makes the bound looser and no less a bound."""
    worst = r.bins.worst if r.bins is not None else None
    if worst is None or worst.mass > 1:
        return ""
    return f"the probabilities of all levels add up to less than 1, down to {worst.mass:.4g} at the predictions tried"


def overfull(r: Reconstruction) -> str | None:
    """Return why bins that add up to more than 1 are no probabilities, else None."""
    worst = r.bins.worst if r.bins is not None else None
    if worst is None or worst.mass < 1:
        return None
    return f"exp(-loss) adds up to {worst.mass:.4g}, more than 1, over all levels of the data"


def no_density(r: Reconstruction, intent: Intent) -> str | None:
    """Return why exp(-loss) is no density of the data, or None where nothing speaks against it."""
    if not_integrable(r, intent):
        return "the loss stays bounded as the data go to infinity, so exp(-loss) has infinite mass"
    if r.integral is not None and r.integral.status is Status.DIVERGENT:
        return f"exp(-loss) has infinite mass {r.integral.where}"
    if r.normalizer_ratio is not None and abs(r.normalizer_ratio - 1) > budget.NORMALISER:
        return "its mass changes with a learned parameter: the log normaliser is missing or wrong"
    if r.mixture is not None and r.mixed_as in UNMIXED:
        return UNMIXED[r.mixed_as]
    if r.mass is not None and r.mass[1] - r.mass[0] > budget.NORMALISER:
        return "its mass over {0, 1} changes with the prediction: classes are weighted"
    if r.density == "bernoulli" and intent.data_kind not in (None, "binary"):
        return "a Bernoulli has mass on 0 and 1 only; on other values exp(-loss) does not integrate to 1"
    if (
        r.density == "bernoulli"
        and intent.data_range is not None
        and not 0 <= intent.data_range[0] <= intent.data_range[1] <= 1
    ):
        return "data outside [0, 1] lie outside the Bernoulli's domain"
    return None


UNMIXED = {
    "over-counted": "its mass changes with the weights of the components, which are counted once for every element that shares one",
    "mean": "it is the mean of the components' losses, not the loss of their mean: exp(-loss) has less mass than the mixture",
    "best": "it is the loss of the best component alone: exp(-loss) has less mass than the mixture",
}
"""What a loss that takes components is, where it is no mixture."""


def not_integrable(r: Reconstruction, intent: Intent) -> bool:
    """Tell whether the mass of exp(-loss) is infinite: not where data of no known family are declared to lie between two ends."""
    within = intent.data_range is not None or intent.data_kind in ("binary", "gray")
    return bool(r.bounded) and not (within and r.density is None)


def _squashed(r: Reconstruction) -> str:
    """Say of which model a doubly squashed Bernoulli is the bound."""
    twice = r.density == "bernoulli" and r.parameter == "logits" and (r.link == "sigmoid" or r.role is Role.PROBS)
    return "; of a decoder whose probabilities cannot leave [0.5, 0.7311]" if twice else ""


_UNREAD = {
    "unweighed": "their weights do not enter: it is no mixture by them",
    "unknown": "what becomes of different ones is no mixture that is known here",
}
"""What components that differ leave unread."""


def _unread(anatomy: Anatomy, dtype: np.dtype[Any]) -> str:
    """Say why no family was read."""
    if not anatomy.structure.separable:
        return "the elements of a datum do not add up: no likelihood per element"
    if not anatomy.structure.homogeneous:
        return "the elements have different weights: no likelihood that is the same for all"
    r, decided = anatomy.reconstruction, ""
    if r is not None and r.mixture is not None:
        return "equal components are a known family, but " + _UNREAD[r.mixed_as]
    if dtype != np.float64:
        decided = f"; float64 tells families apart that {name_of(dtype)} does not (--dtype float64)"
    if r is not None and r.integral is not None and r.integral.status is Status.OK:
        mass = f"{exp(r.integral.log_value):.4g}"
        return (
            "the reconstruction is none of the families known here, yet a density of the residual: "
            f"exp(-loss) of one element has the mass {mass} whatever the prediction{decided}"
        )
    return f"the reconstruction is none of the families known here{decided}"


def _broken(anatomy: Anatomy) -> str | None:
    """Return why the whole cannot be a bound, or None."""
    s, r, g = anatomy.structure, anatomy.reconstruction, anatomy.regulariser
    if s.broadcast:
        return "predictions meet the targets of other data"
    if s.batch_coupled:
        return "the loss of one datum depends on the others"
    if g is not None and g.target is not None:
        return _NO_KL["capacity"]
    if s.latent_coupled and (g is None or g.floor is None):
        return _COUPLED
    if not s.additive:
        return "reconstruction and divergence do not add up"
    if r is not None and r.swapped:
        return "data and prediction have changed places"
    if g is None:
        return None
    if g.pattern != "kl":
        return _NO_KL.get(g.pattern, "the divergence is not KL(q || N(0, 1))")
    if r is not None and r.density is not None and g.weight.coefficient * r.weight.coefficient < 0:
        return "reconstruction and KL pull in opposite directions"
    return None


_COUPLED = "the divergence of one datum depends on the posteriors of the others"
_NO_KL = {
    "absent": "the posterior does not enter: nothing is paid for information",
    OTHER_SPREAD: "the sample is not drawn from the posterior whose density is taken",
    NO_POSTERIOR: "log q(z|x) is missing from the KL",
    NO_PRIOR: "log p(z) is missing from the KL",
    "dimension": "the Bessel functions of the KL are those of another sphere",
    "capacity": "the KL is pulled to a target: below it a smaller KL costs more, so the value is no bound",
}


def _weighed(model: ImpliedModel) -> tuple[Bound, str]:
    """Decide among exact, constant, scaled, beta and not-a-bound for a sound likelihood and KL."""
    ratio, what = model.beta, "the ELBO, to be maximised" if model.flipped else "the negative ELBO"
    if ratio is None:
        return Bound.UNIDENTIFIED, "the terms weigh each other differently at other sizes, by no whole power of any"
    whole = model.scale.equals(1.0)
    somewhere = bool(ratio.powers) and isclose(ratio.at(model.sizes), 1.0, rel_tol=max(ratio.error, budget.DECLARED))
    nominal = ratio.equals(1.0) or somewhere
    looser = "; free bits raise it where the KL is below its floor" if model.floored else ""
    at = "" if ratio.equals(1.0) or not nominal or model.free_scale else _only_at(ratio, model)
    if not model.free_scale and not nominal:
        return _of_beta(ratio, model)
    if not whole:
        return Bound.SCALED, f"{model.scale.formula} times {what}" + _up_to(model.dropped) + at + looser
    if model.dropped == 0:
        return Bound.EXACT, what + at + looser
    return Bound.CONSTANT, what + _up_to(model.dropped) + at + looser


def _of_beta(ratio: Monomial, model: ImpliedModel) -> tuple[Bound, str]:
    """Tell a beta-ELBO that stays below log p(x) from a value that does not."""
    if not ratio.at(model.sizes) > 1:
        return Bound.NOT_A_BOUND, f"the KL is weighed by beta = {ratio.formula}, below 1: the value can exceed log p(x)"
    if any(power < 0 for power in ratio.powers.values()):
        return Bound.BETA, f"a beta-ELBO; a lower bound only while beta = {ratio.formula} is at least 1"
    return Bound.BETA, "a beta-ELBO with beta above 1: still a lower bound, not the tightest"


def _only_at(ratio: Monomial, model: ImpliedModel) -> str:
    """Say where a weight that moves with a size is nominal."""
    return "".join(f", at {name} = {model.sizes[name]} only" for name in sorted(ratio.powers))


def _up_to(dropped: float | None) -> str:
    return "" if dropped == 0 else ", up to a constant that changes no gradient"
