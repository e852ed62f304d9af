"""From what was measured to what it means: the model, sigma and beta as numbers and formulas, the dropped constant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from elbocheck import budget, wording
from elbocheck.anatomy import Anatomy, Reconstruction
from elbocheck.member import TEMPERED, Member, member
from elbocheck.monomial import Monomial
from elbocheck.weights import Weights, nominal_size


@dataclass(frozen=True)
class ImpliedModel:
    """The model that a loss implies.

    Attributes:
        family: the likelihood's name, or None where none was identified.
        likelihood: it as text with its parameters, e.g. `Normal(loc=recon_x, scale=3.5)`.
        parameters: recovered parameters: the scale at the stated sizes, a shape as the loss holds it.
        density: the member of the family once the weight is absorbed, for a family with a shape, as text.
        divergence: the other term as text, or None.
        reduction: how the reconstruction is reduced over batch and elements.
        divergence_reduction: how the divergence is.
        sigma2: the Gaussian variance, as a formula in B, D, L; None for other families.
        beta: weight of the KL over the weight of the likelihood at unit scale.
        scale: the factor on the whole, nats per datum to the loss's unit.
        dropped: nats per datum by which the loss lies below the exact -ELBO, at the stated sizes; None if unknown.
        sizes: where the numbers hold.
        flipped: the value is to be maximised.
        derived: sizes whose powers come from the one value that the loss takes.
        free_scale: the family absorbs the ratio of the weights.
        floored: the divergence has a free-bits floor.
        agreement: the largest difference from the family, relative to the loss.
        deviation: the same in nats per element, where a guard or a clamp explains it.
        energy_weight: of the family's unit energy in nats, at the stated sizes, where a density absorbs it; else None.
        member: all parameters of the density once that is absorbed.
        improper: why no density is proportional to exp(-loss) at the weight it has, or None.
    """

    family: str | None
    likelihood: str | None
    density: str | None
    parameters: Mapping[str, float]
    divergence: str | None
    reduction: str | None
    divergence_reduction: str | None
    sigma2: Monomial | None
    beta: Monomial | None
    scale: Monomial
    dropped: float | None
    sizes: Mapping[str, int]
    flipped: bool
    derived: tuple[str, ...]
    free_scale: bool
    floored: bool
    agreement: float = 0.0
    deviation: float = 0.0
    energy_weight: float | None = None
    member: Mapping[str, float] | None = None
    improper: str | None = None


def imply(anatomy: Anatomy, names: Mapping[str, str], sizes: Mapping[str, int]) -> ImpliedModel:
    """Return the model that an anatomy means.

    Args:
        anatomy: what was measured.
        names: role to argument name, for the text.
        sizes: where the numbers are stated: B, D, L and single axes.
    """
    r, g = anatomy.reconstruction, anatomy.regulariser
    weights = Weights.of(anatomy)
    if weights.ratio is not None and (size := nominal_size(weights.ratio, free=weights.free)) is not None:
        sizes = {**sizes, **dict([size])}
    absorbed = _absorbed(anatomy, weights, sizes)
    found = _parameters(r, absorbed)
    named = absorbed.family if absorbed else r.density if r else None
    output, axes = anatomy.structure.output, anatomy.event_axes
    return ImpliedModel(
        family=named,
        likelihood=wording.likelihood(r, named, found, names),
        density=wording.density(absorbed.family, absorbed.parameters)
        if absorbed and dict(absorbed.parameters) != found
        else None,
        parameters=found,
        divergence=wording.with_coupling(anatomy, wording.divergence(g, names)),
        reduction=wording.reduction(r, output, axes, "elements"),
        divergence_reduction=wording.reduction(g, output, ("L",), "latents"),
        sigma2=weights.known if weights.gaussian else None,
        beta=weights.known if weights.divergence else None,
        scale=weights.scale,
        dropped=_dropped(anatomy, weights, sizes),
        sizes=sizes,
        flipped=weights.flipped,
        derived=anatomy.derived,
        free_scale=weights.free,
        floored=g is not None and g.floor is not None,
        agreement=r.agreement if r else 0.0,
        deviation=r.deviation if r else 0.0,
        energy_weight=_energy_weight(r, weights, sizes),
        member=None if absorbed is None else absorbed.parameters,
        improper=_improper(r, weights, sizes),
    )


def _absorbed(anatomy: Anatomy, weights: Weights, sizes: Mapping[str, int]) -> Member | None:
    """Return the density once the weight is absorbed, at the given sizes; None where nothing absorbs it."""
    weight = _energy_weight(anatomy.reconstruction, weights, sizes)
    if anatomy.reconstruction is None or weight is None:
        return None
    return member(str(anatomy.reconstruction.density), weight, anatomy.reconstruction.shape)


def _energy_weight(r: Reconstruction | None, weights: Weights, sizes: Mapping[str, int]) -> float | None:
    """Return the weight of one element's energy in nats, None where no density of the family absorbs one.

    Beside a KL that is the ratio of the weights. A likelihood alone is taken at its word where the family has a free
    scale; the shape of a Student or a secant is read before its elements are averaged: 1/D would make it another family.
    """
    ratio = weights.known
    if r is None or r.density is None or ratio is None or not weights.free or not ratio.coefficient > 0:
        return None
    if weights.divergence is None and r.density in TEMPERED:
        return abs(r.weight.coefficient)
    return 1 / ratio.at(sizes)


def _improper(r: Reconstruction | None, weights: Weights, sizes: Mapping[str, int]) -> str | None:
    weight = _energy_weight(r, weights, sizes)
    if r is None or weight is None or member(str(r.density), weight, r.shape) is not None:
        return None
    return f"exp(-loss) falls like |u|^-{2 * weight:.4g} or slower far from the data, so its mass is infinite"


def _parameters(r: Reconstruction | None, absorbed: Member | None) -> dict[str, float]:
    """Return the parameters as the loss holds them; those of the density where the weight makes it what it is."""
    if r is None:
        return {}
    if absorbed is not None and (not r.shape or r.density in TEMPERED):
        return dict(absorbed.parameters)
    return dict(r.shape)


def _dropped(anatomy: Anatomy, weights: Weights, sizes: Mapping[str, int]) -> float | None:
    """Return nats per datum between the exact -ELBO and the loss, at the stated sizes; None where it is not known."""
    constant, unit = anatomy.constant, weights.unit
    r, absorbed = anatomy.reconstruction, _absorbed(anatomy, weights, sizes)
    unread = r is not None and (r.density is None or r.datum in ("dropped", "other"))
    unread |= anatomy.regulariser is not None and anatomy.regulariser.scaleless
    if (
        unread
        or not isfinite(anatomy.constant_value)
        or (weights.free and (absorbed is None or absorbed.density is None))
    ):
        return None
    here, held = _needed(anatomy, weights, anatomy.sizes), anatomy.constant_value / unit.at(anatomy.sizes)
    slack = anatomy.constant_error / abs(unit.at(anatomy.sizes))
    slack += budget.TYPED_CONSTANT * abs(held) + 8 * abs(here) * (weights.ratio.error if weights.ratio else 0.0)
    if abs(here - held) <= slack:
        return 0.0
    if abs(held) <= slack:
        return _needed(anatomy, weights, sizes)
    return None if constant is None else _needed(anatomy, weights, sizes) - (constant / unit).at(sizes)


def _needed(anatomy: Anatomy, weights: Weights, sizes: Mapping[str, int]) -> float:
    """Return the log normaliser of one datum: what the exact negative log likelihood adds to the energy."""
    r, absorbed = anatomy.reconstruction, _absorbed(anatomy, weights, sizes)
    if r is not None and r.density == "log_normal" and "scale" in r.shape and r.scale_as is None and weights.density:
        return float(weights.density.log_normalizer(loc=0.0, scale=r.shape["scale"])) * sizes["D"]
    if r is not None and r.shape_as is not None:  # its normaliser is counted whole
        return 0.0
    if (
        r is not None and r.scale_as is not None and weights.density is not None and r.bins is None
    ):  # log scale is counted already
        return float(weights.density.log_normalizer(**{"loc": 0.0, "scale": 1.0, **r.shape})) * sizes["D"]
    if absorbed is None or absorbed.density is None or absorbed.density.forms[0].names[0] != "loc":
        return 0.0
    return float(absorbed.density.log_normalizer(**absorbed.parameters, loc=0.0)) * sizes["D"]


def nat(anatomy: Anatomy, model: ImpliedModel) -> float:
    """Return what one nat of one element is worth in the total of a call, at the sizes that the model states."""
    weights, r = Weights.of(anatomy), anatomy.reconstruction
    if r is None:
        return 1.0
    weight = r.weight.at(anatomy.sizes)
    if weights.divergence is None or weights.ratio is None:
        return weight / (model.energy_weight or 1.0)
    return weight * weights.ratio.at(model.sizes)
