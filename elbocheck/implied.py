"""From what was measured to what it means: the model, the bound, sigma and beta as numbers and formulas.

a * NLL + b * KL + c (DEFECTS: "the three facts"): with weights per datum, rho = b / a. A family with a free scale absorbs
rho: p**(1/rho) renormalised is again a member, for the Gaussian sigma^2 = rho. A family without one is a beta-ELBO, beta = rho.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose, isfinite

from elbocheck.anatomy import Anatomy, Reconstruction, Regulariser
from elbocheck.densities import DENSITIES
from elbocheck.densities.density import Density
from elbocheck.monomial import Monomial

ONE = Monomial(1.0, {})


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
    derived: bool
    free_scale: bool


def family(reconstruction: Reconstruction | None) -> Density | None:
    """Return the density that a reconstruction was read as."""
    if reconstruction is None or reconstruction.density is None:
        return None
    return next(d for d in DENSITIES if d.name == reconstruction.density)


def per_datum(weight: Monomial, total_of: str, batch: int) -> Monomial:
    """Return the weight of one element (or latent) of one datum; the batch, summed or averaged, counts as 1.

    Args:
        weight: the total weight of the term over a call.
        total_of: `D` or `L`.
        batch: the power of B in the reconstruction's weight: 1 for a sum over the batch, 0 for a mean.
    """
    over = {total_of: 1, "B": batch if batch in (0, 1) else 1}
    return weight / Monomial(1.0, {n: p for n, p in over.items() if p})


def imply(anatomy: Anatomy, names: Mapping[str, str], sizes: Mapping[str, int]) -> ImpliedModel:
    """Return the model that an anatomy means.

    Args:
        anatomy: what was measured.
        names: role to argument name, for the text.
        sizes: where the numbers are stated: B, D, L and single axes.
    """
    r, g = anatomy.reconstruction, anatomy.regulariser
    sign = -1.0 if _flipped(r, g) else 1.0
    axes = anatomy.event_axes
    batch = r.weight.powers.get("B", 0) if r else g.weight.powers.get("B", 0) if g else 0
    a = per_datum(_merged(r.weight, axes), "D", batch).scaled(sign) if r and r.weight.coefficient else None
    b = per_datum(g.weight, "L", batch).scaled(sign) if g and g.weight.coefficient else None
    ratio = ONE / a if a and b is None else b / a if a and b else None
    density = family(r)
    free = density is not None and density.temper is not None and (r is None or r.normalizer_ratio is None)
    scale = b or (ONE if free else a) or ONE
    absorbed = _absorbed(r, density, ratio, sizes) if r and free else {}
    parameters = dict(r.shape) if r and r.shape else absorbed
    if ratio is not None and (size := nominal_size(ratio, free=free)) is not None:
        sizes = {**sizes, **dict([size])}
    return ImpliedModel(
        family=None if r is None else r.density,
        likelihood=_likelihood_text(r, parameters, names),
        parameters=parameters,
        density=_density_text(density, absorbed) if r and r.shape else None,
        divergence=_divergence_text(g, names) if g else None,
        reduction=_reduction(r.weight, anatomy, axes, "elements") if r else None,
        divergence_reduction=_reduction(g.weight, anatomy, ("L",), "latents") if g and g.weight.coefficient else None,
        sigma2=ratio if density is not None and density.name == "normal" and free else None,
        beta=ratio if g and g.weight.coefficient else None,
        scale=scale,
        dropped=_dropped(anatomy, density, ratio, scale.scaled(sign), free, sizes),
        sizes=sizes,
        flipped=sign < 0,
        derived=not anatomy.tiled,
        free_scale=free,
    )


def _flipped(r: Reconstruction | None, g: Regulariser | None) -> bool:
    """Tell whether the whole value is to be maximised: every weighted term is negative."""
    weights = [t.weight.coefficient for t in (r, g) if t is not None and t.weight.coefficient]
    return bool(weights) and all(w < 0 for w in weights) and r is not None


def _merged(weight: Monomial, axes: tuple[str, ...]) -> Monomial:
    """Write a weight that has the same power on every event axis with D."""
    found = {weight.powers.get(axis, 0) for axis in axes}
    if len(axes) > 1 and len(found) == 1 and found != {0}:
        others = {n: p for n, p in weight.powers.items() if n not in axes}
        return Monomial(weight.coefficient, {**others, "D": found.pop()}, weight.error)
    return weight


def nominal_size(ratio: Monomial, *, free: bool) -> tuple[str, int] | None:
    """Return the one size at which a weight is nominal, as 784 * mean(...) or sum(...) / 128 leave it, else None."""
    powers = {n: p for n, p in ratio.powers.items() if p}
    if set(powers) not in ({"B"}, {"D"}) or abs(next(iter(powers.values()))) != 1 or ratio.coefficient <= 0:
        return None
    ((axis, power),) = powers.items()
    for nominal in (1.0, 0.5) if free else (1.0,):
        size = (nominal / ratio.coefficient) ** power
        plausible = 8 <= round(size) <= 65536 if axis == "B" else _is_image(round(size))
        if plausible and isclose(size, round(size), rel_tol=max(ratio.error, 1e-6)):
            return axis, round(size)
    return None


def _is_image(size: int) -> bool:
    """Tell whether a number is the size of a usual image, square, of one or three channels."""
    return any(size == channels * side**2 for channels in (1, 3) for side in (28, 32, 64, 96, 128, 224, 256))


def _density_text(density: Density | None, absorbed: Mapping[str, float]) -> str | None:
    if density is None or not absorbed:
        return None
    return f"{density.name.title()}({', '.join(f'{k}={v:.7g}' for k, v in absorbed.items())})"


def _absorbed(
    r: Reconstruction, density: Density | None, ratio: Monomial | None, sizes: Mapping[str, int]
) -> dict[str, float]:
    """Return the parameters once the weight is absorbed, at the stated sizes."""
    if density is None or density.temper is None or ratio is None or not ratio.at(sizes) > 0:
        return dict(r.shape)
    return dict(density.temper(1 / ratio.at(sizes), {"scale": 1.0, **r.shape}))


def _likelihood_text(r: Reconstruction | None, parameters: Mapping[str, float], names: Mapping[str, str]) -> str | None:
    if r is None:
        return None
    name = names.get(r.role, r.role.value)
    if r.density is None:
        return None
    argument = f"sigmoid({name})" if r.link == "sigmoid" else names.get("x", "x") if r.swapped else name
    shown = {k: f"{v:.7g}" for k, v in parameters.items()}
    if r.scale_role is not None and r.scale_as is not None:
        given = names.get(r.scale_role, r.scale_role.value)
        shown[r.scale_as] = given
    elif r.normalizer_ratio is not None:
        shown["delta"] = names.get("delta", "delta")
    listed = ", ".join(f"{k}={v}" for k, v in {r.parameter: argument, **shown}.items())
    return f"{r.density.title()}({listed})"


def _divergence_text(g: Regulariser, names: Mapping[str, str]) -> str | None:
    loc = names.get("q_loc", "0")
    if g.pattern in ("kl", "reversed"):
        given = names.get(g.scale_role, "1") if g.scale_role else "1"
        second = _VARIANCE[g.scale_as].format(given) if g.scale_as else "1"
        q, p = f"N({loc}, {second})", _prior_text(names)
        text = f"KL({q} || {p})" if g.pattern == "kl" else f"KL({p} || {q})"
        return f"max({text}, {g.floor.formula})" if g.floor else text
    if g.pattern == "absent":
        return "none: the loss does not depend on the posterior"
    parts = " + ".join(f"{c:.4g} {n}" for n, c in g.coefficients.items())
    return f"no KL; per latent {parts} (t = log variance)" if parts else "no KL that is known here"


def _prior_text(names: Mapping[str, str]) -> str:
    """Return N(0, 1), or the prior that the loss takes."""
    scale = next((role for role in names if role.startswith("p_") and role != "p_loc"), None)
    second = _VARIANCE[scale.removeprefix("p_")].format(names[scale]) if scale else "1"
    return f"N({names.get('p_loc', '0')}, {second})"


_VARIANCE = {"log_var": "e^{}", "log_scale": "e^(2 {})", "var": "{}", "scale": "{}^2"}


def _reduction(weight: Monomial, anatomy: Anatomy, axes: tuple[str, ...], what: str) -> str:
    """Say how a term is reduced, from the powers of its total weight."""
    output, powers = anatomy.structure.output, weight.powers
    if output == "element":
        return "none (one value per element)"
    batch = "one value per datum" if output in ("datum", "position") else f"{_kind(powers.get('B', 0))} over the batch"
    total = "D" if what == "elements" else "L"
    uniform = total in powers or not any(axis in powers for axis in axes)
    inner = f"{_kind(powers.get(total, 0))} over {what}"
    if not uniform:
        inner = ", ".join(f"{_kind(powers.get(axis, 0))} over {axis}" for axis in axes)
    return f"{inner}, {batch}"


def _kind(power: int) -> str:
    return {1: "sum", 0: "mean"}.get(power, f"size^{power}")


def _dropped(
    anatomy: Anatomy, density: Density | None, ratio: Monomial | None, scale: Monomial, free: bool, sizes: Mapping[str, int]
) -> float | None:
    """Return nats per datum between the exact -ELBO and the loss, at the stated sizes; None where it is not known."""
    r, constant = anatomy.reconstruction, anatomy.constant
    if (r is not None and density is None) or not isfinite(anatomy.constant_value):
        return None
    if free and (ratio is None or not ratio.coefficient > 0):
        return None

    def needed(at: Mapping[str, int]) -> float:
        if not free or density is None or r is None:
            return 0.0
        parameters = _absorbed(r, density, ratio, at)
        return float(density.log_normalizer(**{**parameters, **_loc(density)})) * at["D"]

    batch = r.weight.powers.get("B", 0) if r else 0
    unit = scale * Monomial(1.0, {"B": batch} if batch else {})
    here, held = needed(anatomy.sizes), anatomy.constant_value / unit.at(anatomy.sizes)
    slack = anatomy.constant_error / abs(unit.at(anatomy.sizes)) + abs(here) * _unsure(ratio)
    if abs(here - held) <= slack:
        return 0.0
    if abs(held) <= slack:
        return needed(sizes)
    return None if constant is None else needed(sizes) - (constant / unit).at(sizes)


def _unsure(ratio: Monomial | None) -> float:
    return 0.0 if ratio is None else 8 * ratio.error


def _loc(density: Density) -> dict[str, float]:
    return {"loc": 0.0} if "loc" in density.forms[0].names else {}

