"""Measured facts in words: the likelihood, the divergence and the reductions of a report."""

from __future__ import annotations

from collections.abc import Mapping

from elbocheck.anatomy import Anatomy, Reconstruction, Regulariser, Target
from elbocheck.monomial import Monomial
from elbocheck.probing.estimates import NO_POSTERIOR, NO_PRIOR, OTHER_SPREAD
from elbocheck.roles import Role

_VARIANCE = {
    "log_var": "e^{}",
    "log_scale": "e^(2 {})",
    "var": "{}",
    "scale": "{}^2",
    "softplus": "softplus({})^2",
    "softplus_var": "softplus({})",
}


def density(name: str, parameters: Mapping[str, float]) -> str:
    """Return a member of a family with its numbers, e.g. `Huber(scale=28, delta=0.025)`."""
    return f"{_titled(name)}({', '.join(f'{k}={v:.7g}' for k, v in parameters.items())})"


def _titled(name: str) -> str:
    """Return a family's name as a class would be called: `StudentT`."""
    return name.title().replace("_", "")


def likelihood(
    r: Reconstruction | None, family: str | None, parameters: Mapping[str, float], names: Mapping[str, str]
) -> str | None:
    """Return the likelihood with its arguments, e.g. `Normal(loc=recon_x, scale=3.5)`; None where none was identified."""
    if r is None or family is None:
        return None
    shown = {r.parameter: _argument(r, names), **{k: f"{v:.7g}" for k, v in parameters.items()}}
    if r.scale_role is not None and r.scale_as is not None:
        if shown.get("scale") == "1":
            del shown["scale"]
        shown[r.scale_as] = names.get(r.scale_role, r.scale_role.value)
    if r.shape_role is not None and r.shape_as is not None:
        shown[r.shape_as] = names.get(r.shape_role, r.shape_role.value)
    elif r.normalizer_ratio is not None and r.scale_as is None and "delta" in names:
        shown["delta"] = names.get("delta", "delta")
    text = _mixed(r, f"{_titled(family)}({', '.join(f'{k}={v}' for k, v in shown.items())})", names)
    return f"{text} of e^{names.get('x', 'x')}" if r.log_data else text


def _mixed(r: Reconstruction, component: str, names: Mapping[str, str]) -> str:
    """Return a mixture of components, e.g. `Mixture by softmax(pi) of Normal(loc=mu, scale=sigma)`."""
    if r.mixture is None:
        return component
    name = names.get(Role.MIXTURE, Role.MIXTURE)
    by = {"logits": f"softmax({name})", "log_probs": f"e^{name}", "probs": name}[r.mixture.weights_as]
    if r.mixed_as != "mixture":
        return f"{component} for each component, weighed by {by}"
    shared = r.mixture.shared
    each = ", one for a whole datum," if shared is None else ", one for all channels," if shared else ""
    return f"Mixture by {by}{each} of {component}"


def _argument(r: Reconstruction, names: Mapping[str, str]) -> str:
    if r.swapped:
        return names.get("x", "x")
    name = names.get(r.role, r.role.value)
    return f"sigmoid({name})" if r.link == "sigmoid" else name


def divergence(g: Regulariser | None, names: Mapping[str, str]) -> str | None:
    """Return the divergence with its arguments, e.g. `KL(N(mu, e^logvar) || N(0, 1))`."""
    if g is None:
        return None
    if g.pattern in _SLIPS:
        return _SLIPS[g.pattern]
    if "q_kappa" in names:
        return _spherical(g, names)
    if g.categorical is not None:
        return _discrete(g, names)
    if "q_concentration" in names and g.scale_role is None and g.pattern in ("kl", "reversed"):
        q, p = (names.get(role, role) for role in ("q_concentration", "q_rate")), (f"{v:.7g}" for v in g.gamma_prior)
        known = f"KL(Gamma({', '.join(q)}) || Gamma({', '.join(p)}))"
        return known if g.gamma_prior else "KL(prior || q) for a gamma posterior"
    text = _continuous(g, names)
    return f"{text}, estimated from {names.get('z') or names.get('eps', 'a sample')}" if g.sampled else text


def _discrete(g: Regulariser, names: Mapping[str, str]) -> str:
    """Return the divergence of a categorical posterior, e.g. `KL(Categorical(q_logits) || uniform)`, or of two."""
    if g.pattern == "unknown":
        return "no KL that is known here"
    held = f"Categorical({', '.join(f'{p:.4g}' for p in g.class_probs)})" if g.class_probs else "uniform"
    role = str(g.categorical)
    q = f"Categorical({names.get(role, role)})"
    text = f"KL(uniform || {q})" if g.pattern == "reversed" else f"KL({q} || {held})"
    alone = "q_loc" not in names and g.scale_role is None
    return text if alone else f"{_continuous(g, names)} + {text}"


def _spherical(g: Regulariser, names: Mapping[str, str]) -> str:
    """Return the divergence of a posterior on a sphere, e.g. `KL(vMF(z_mean, kappa) || uniform on S^(L-1))`."""
    q = f"vMF({', '.join(names[role] for role in ('q_loc', 'q_kappa') if role in names)})"
    where = f"uniform on S^{g.sphere - 1 if g.sphere_held else '(L-1)'}"
    known = {"kl": f"KL({q} || {where})", "reversed": f"KL({where} || {q})"}
    parts = " + ".join(f"{c:.4g} {n}" for n, c in g.coefficients.items())
    return known.get(g.pattern) or (f"no KL; per datum {parts}" if parts else "no KL that is known here")


def _continuous(g: Regulariser, names: Mapping[str, str]) -> str:
    """Return the divergence of a normal posterior."""
    if g.pattern not in ("kl", "reversed", "capacity"):
        parts = " + ".join(f"{c:.4g} {n}" for n, c in g.coefficients.items())
        return f"no KL; per latent {parts} (t = log variance)" if parts else "no KL that is known here"
    variance = "s^2" if g.scaleless else "1"
    if g.scale_role is not None and g.scale_as is not None:
        variance = _VARIANCE[g.scale_as].format(names.get(g.scale_role, g.scale_role.value))
        if g.offset:
            inside, power = variance.removesuffix("^2"), "^2" if variance.endswith("^2") else ""
            variance = f"({inside} + {g.offset:.4g}){power}"
    q, p = f"N({names.get('q_loc', '0')}, {variance})", _prior(names, g.prior_loc, g.prior_var)
    text = f"KL({p} || {q})" if g.pattern == "reversed" else f"KL({q} || {p})"
    if g.target is not None:
        return _pulled(g.target, text)
    if g.floor is None:
        return text
    if g.floor_per == "latent":
        each = g.floor / Monomial(1.0, {"L": 1})
        return f"max({text}, {each.formula}) for each latent"
    return f"max({text}, {g.floor.formula}) for {'each datum' if g.floor_per == 'datum' else 'the batch mean'}"


def with_coupling(anatomy: Anatomy, text: str | None) -> str | None:
    """Return the divergence in words, with what couples the data of a batch named beside it."""
    g = anatomy.regulariser
    if not anatomy.structure.latent_coupled or (g is not None and (g.floor or g.target)):
        return text
    coupling = "a term that couples the data of a batch"
    return f"{text} + {coupling}" if g is not None and g.pattern == "kl" else coupling


def _pulled(target: Target, text: str) -> str:
    """Return a KL that is pulled to a target, e.g. `1000 |KL(...) - 25|`."""
    gain = "" if target.gain.equals(1.0) else f"{target.gain.formula} "
    level = target.level / Monomial(1.0, {"L": 1}) if target.per == "latent" else target.level
    inside = f"({text} - {level.formula})^2" if target.power == 2 else f"|{text} - {level.formula}|"
    where = {"latent": " for each latent", "datum": "", "batch": " for the whole batch"}[target.per]
    return f"{gain}{inside}{where}"


_SLIPS = {
    OTHER_SPREAD: "no KL: the sample is drawn with another spread than its density has",
    NO_POSTERIOR: "no KL: the mean of -log p(z) alone",
    NO_PRIOR: "no KL: the mean of log q(z) alone",
    "absent": "none: the loss does not depend on the posterior",
    "unequal": "a KL that counts some latents more than others",
    "swapped": "a KL with mean and scale exchanged",
    "misread": "a KL that takes the scale argument for its logarithm",
    "prior": "a KL at the standard prior, but not to the prior that is passed",
}


def _prior(names: Mapping[str, str], loc: float, held: float) -> str:
    """Return N(0, 1), or the prior that the loss takes or holds."""
    scale = next((role for role in names if role.startswith("p_") and role != "p_loc"), None)
    variance = _VARIANCE[scale.removeprefix("p_")].format(names[scale]) if scale else f"{held:.7g}"
    return f"N({names.get('p_loc', f'{loc:.7g}')}, {variance})"


def reduction(term: Reconstruction | Regulariser | None, output: str, axes: tuple[str, ...], what: str) -> str | None:
    """Say how a term is reduced, from the powers of its total weight.

    Args:
        term: the term with its total weight; None or without one: there is nothing to say.
        output: the kind of result, see `Structure.output`.
        axes: the names of the axes that are reduced.
        what: `elements` or `latents`.
    """
    if term is None or not term.weight.coefficient:
        return None
    if term.weight.irregular:
        return "no sum or mean"
    if output == "element":
        return "none (one value per element)"
    powers, total = term.weight.powers, "D" if what == "elements" else "L"
    kept = output in ("datum", "position")
    batch = "one value per datum" if kept else f"{_kind(powers.get('B', 0))} over batch"
    if total not in powers and any(axis in powers for axis in axes):
        return ", ".join([*(f"{_kind(powers.get(axis, 0))} over {axis}" for axis in axes), batch])
    inner = _kind(powers.get(total, 0))
    if not kept and inner == _kind(powers.get("B", 0)):
        return f"{inner} over {what} and batch"
    return f"{inner} over {what}, {batch}"


def _kind(power: int) -> str:
    return {1: "sum", 0: "mean"}.get(power, f"size^{power}")
