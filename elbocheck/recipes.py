"""A loss written down: the formula of its energy, and the line of code that builds it from the references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isclose

from elbocheck import budget
from elbocheck.anatomy import Anatomy, Reconstruction
from elbocheck.bins import SHAPES, Bins
from elbocheck.implied import ImpliedModel
from elbocheck.member import family
from elbocheck.mixtures import Mixture
from elbocheck.monomial import Monomial
from elbocheck.roles import Role

__all__ = ["code", "formula"]

_RESIDUAL = {
    "normal": "u^2/2",
    "laplace": "|u|",
    "asymmetric_laplace": "quantile*u for u > 0, (quantile - 1)*u below",
    "huber": "u^2/2 for |u| <= delta, delta*(|u| - delta/2) beyond",
    "charbonnier": "delta^2*(sqrt(1 + (u/delta)^2) - 1)",
    "log_cosh": "log(cosh(u))",
    "logistic": "u + 2*log(1 + e^-u)",
    "cauchy": "log(1 + u^2)",
    "student_t": "(df + 1)/2*log(1 + u^2/df)",
    "generalized_normal": "|u|^power",
    "epsilon_insensitive": "max(|u| - epsilon, 0)",
    "welsch": "1 - e^(-u^2/2)",
    "geman_mcclure": "u^2/(1 + u^2)",
    "tukey": "1 - (1 - min(u^2, 1))^3",
    "truncated_square": "min(u^2, 1)",
    "truncated_absolute": "min(|u|, 1)",
    "barron": "((1 + u^2)^power - 1)/power",
}
_OTHERS = {
    ("bernoulli", "logits"): "log(1 + e^{p}) - {x}*{p}",
    ("bernoulli", "probs"): "-{x}*log({p}) - (1 - {x})*log(1 - {p})",
    ("continuous_bernoulli", "logits"): "log(1 + e^{p}) - {x}*{p} + log(tanh({p}/2)/{p})",
    ("binomial", "logits"): "total_count*log(1 + e^{p}) - {x}*{p}",
    ("binomial", "probs"): "-{x}*log({p}) - (total_count - {x})*log(1 - {p})",
    ("poisson", "rate"): "{p} - {x}*log({p})",
    ("poisson", "log_rate"): "e^{p} - {x}*{p}",
    ("categorical", "log_probs"): "-{x}*{p}",
    ("categorical", "probs"): "-{x}*log({p})",
    ("exponential", "rate"): "{p}*{x} - log({p})",
    ("exponential", "log_rate"): "e^{p}*{x} - {p}",
    ("exponential", "scale"): "{x}/{p} + log({p})",
    ("exponential", "log_scale"): "{x}*e^-{p} + {p}",
    ("gamma", "rate"): "{p}*{x} - concentration*log({p})",
    ("gamma", "mean"): "concentration*({x}/{p} + log({p}))",
    ("weibull", "scale"): "({x}/{p})^concentration + concentration*log({p})",
    ("weibull", "log_scale"): "({x}*e^-{p})^concentration + concentration*{p}",
    ("half_normal", "scale"): "{x}^2/(2*{p}^2) + log({p})",
    ("half_normal", "log_scale"): "{x}^2*e^(-2*{p})/2 + {p}",
    ("rayleigh", "scale"): "{x}^2/(2*{p}^2) + 2*log({p}) - log({x})",
    ("rayleigh", "log_scale"): "{x}^2*e^(-2*{p})/2 + 2*{p} - log({x})",
    ("maxwell", "scale"): "{x}^2/(2*{p}^2) + 3*log({p}) - 2*log({x})",
    ("maxwell", "log_scale"): "{x}^2*e^(-2*{p})/2 + 3*{p} - 2*log({x})",
    ("negative_binomial", "logits"): "{n}*log(1 + e^{p}) + {x}*log(1 + e^-{p})",
    ("negative_binomial", "failure_logits"): "{n}*log(1 + e^-{p}) + {x}*log(1 + e^{p})",
    ("negative_binomial", "probs"): "-{n}*log(1 - {p}) - {x}*log({p})",
    ("negative_binomial", "failure_probs"): "-{n}*log({p}) - {x}*log(1 - {p})",
    ("negative_binomial", "mean"): "{n}*log(1 + {p}/{n}) + {x}*log(1 + {n}/{p})",
    ("negative_binomial", "log_mean"): "{n}*log(1 + e^{p}/{n}) + {x}*log(1 + {n}*e^-{p})",
    ("beta", "mean"): "-{p}*c*log({x}) - (1 - {p})*c*log(1 - {x}) + log(G({p}*c)*G((1 - {p})*c)), c = precision",
    (
        "beta",
        "logits_of_mean",
    ): "-m*c*log({x}) - (1 - m)*c*log(1 - {x}) + log(G(m*c)*G((1 - m)*c)), m = sigmoid({p}), c = precision",
    ("beta", "concentration1"): "-{p}*log({x}) - {n}*log(1 - {x}) + log(G({p})*G({n})/G({p} + {n}))",
    ("beta", "concentration0"): "-{n}*log({x}) - {p}*log(1 - {x}) + log(G({p})*G({n})/G({p} + {n}))",
    ("log_normal", "loc"): "(log({x}) - {p})^2/(2*scale^2)",
    ("log_normal", "median"): "log({x}/{p})^2/(2*scale^2)",
}
_SCALES = {"scale": "{}", "log_scale": "np.exp({})", "var": "np.sqrt({})", "log_var": "np.exp({} / 2)"}


def formula(r: Reconstruction | None, model: ImpliedModel, names: Mapping[str, str]) -> str | None:
    """Return the energy of one element as text, e.g. `u^2/2 with u = (x - x_hat)/3.5`; None where no family was found."""
    if r is None or model.family is None or r.mixed_as != "mixture":
        return None
    if r.mixture is not None:
        one, weights = formula(replace(r, mixture=None), model, names), names.get(Role.MIXTURE, Role.MIXTURE)
        by = {"logits": f"softmax({weights})_k", "log_probs": f"e^{weights}_k", "probs": f"{weights}_k"}
        return f"-log(sum over k of {by[r.mixture.weights_as]}*e^-E_k/Z_k), E = {one}, Z the mass of e^-E"
    x, p = names.get("x", "x"), names.get(r.role.value, r.role.value)
    x, p = (p, x) if r.swapped else (x, f"sigmoid({p})" if r.link == "sigmoid" else p)
    if r.bins is not None:
        return _binned(r, r.bins, x, p, names)
    if model.family not in _RESIDUAL:
        text = _OTHERS.get((model.family, r.parameter))
        return None if text is None else text.format(x=x, p=p, n=_shape_formula(r, names))
    scale = model.parameters.get("scale")
    under = "" if scale is None or isclose(scale, 1.0, rel_tol=budget.DECLARED) else f"/{scale:.7g}"
    if r.scale_role is not None and r.scale_as is not None:
        learned = names.get(r.scale_role.value, r.scale_role.value)
        shown = {"scale": "{}", "log_scale": "e^{}", "var": "sqrt({})", "log_var": "e^({}/2)"}[r.scale_as]
        under += "/" + shown.format(learned)
    return f"{_RESIDUAL[model.family]} with u = {f'({x} - {p})' if under else f'{x} - {p}'}{under}"


def _shape_formula(r: Reconstruction, names: Mapping[str, str]) -> str:
    """Return the other parameter of a family of two in a formula: by its argument's name, or the family's."""
    if r.shape_as is None:
        return next(iter(r.shape), "")
    name = names.get(str(r.shape_role), str(r.shape_role))
    return f"(1/{name})" if r.shape_as == "dispersion" else name


def _binned(r: Reconstruction, bins: Bins, x: str, p: str, names: Mapping[str, str]) -> str:
    """Return the energy of a bin, e.g. `-log(F((x - r + 0.5)/s) - F((x - r - 0.5)/s)), F the logistic distribution function`."""
    scale = _SCALES[r.scale_as].format(names.get(str(r.scale_role), str(r.scale_role))) if r.scale_as else ""
    scale = scale.replace("np.", "")
    if not scale or bins.factor != 1:
        scale = f"{bins.factor:.7g}" + (f"*{scale}" if scale else "")
    high, low = bins.offset + bins.width / 2, bins.offset - bins.width / 2
    ends = ", the first and the last bin open" if bins.open else ""
    return (
        f"-log(F(({x} - {p} {high:+.7g})/s) - F(({x} - {p} {low:+.7g})/s)) with s = {scale}, "
        f"F {SHAPES[bins.shape].words}{ends}"
    )


def code(anatomy: Anatomy, model: ImpliedModel, names: Mapping[str, str]) -> str | None:
    """Return lines that build the loss from the references, up to a constant; None where a part has no reference."""
    r, g = anatomy.reconstruction, anatomy.regulariser
    if r is not None and (nll := _log_prob(r, model, names)) is None:
        return None
    if anatomy.structure.output != "scalar" or not anatomy.structure.additive:
        return None
    lines = []
    if r is not None:
        share = r.weight.scaled(1 / (model.energy_weight or 1.0))
        lines.append(_term(f"-{nll}", share, "D", names.get("x", "x")))
    if g is not None:
        if g.pattern != "kl" or g.prior_var != 1 or g.floor is not None or g.scale_role is None or g.scale_as is None:
            return None
        kl = f"divergences.normal_standard.kl(loc={names.get('q_loc', '0.0')}, {_posterior(g.scale_as, names[g.scale_role.value])})"
        lines.append(_term(kl, g.weight, "L", names[g.scale_role.value]))
    if not lines or any(line is None for line in lines):
        return None
    if len(lines) == 1:
        return f"loss = {lines[0]}"
    return f"likelihood = {lines[0]}\ndivergence = {lines[1]}\nloss = likelihood + divergence"


def _posterior(kind: str, name: str) -> str:
    return {
        "log_var": f"log_var={name}",
        "log_scale": f"log_var=2 * {name}",
        "scale": f"scale={name}",
        "var": f"scale=np.sqrt({name})",
    }.get(kind, f"log_var={name}")


def _log_prob(r: Reconstruction, model: ImpliedModel, names: Mapping[str, str]) -> str | None:
    """Return the call of the reference's log_prob, None where the catalogue has no such form."""
    density = family(model.family)
    if density is None or r.signed or r.mixed_as != "mixture":
        return None
    if r.bins is not None:
        return None if r.mixture is not None else _binned_log_prob(r, r.bins, density.name, names)
    x, given = _given(r, model, names)
    given = _CONVENTIONAL.get(density.name, dict)(given)
    if r.scale_role is not None and r.scale_as is not None:
        learned = _SCALES[r.scale_as].format(names.get(r.scale_role.value, r.scale_role.value))
        own = given.get("scale", "1")
        given["scale"] = learned if own == "1" else f"{own} * {learned}"
    form = next((f for f in density.forms if set(f.names) - {"scale"} <= set(given) <= set(f.names) | {"scale"}), None)
    if form is None:
        return None
    if "scale" in form.names:
        given.setdefault("scale", "1.0")
    arguments = ", ".join(f"{name}={given[name]}" for name in form.names)
    if r.mixture is not None:
        return (
            f"densities.mixture.log_prob(densities.{density.name}, {x}, {_components(r.mixture, names)}, {arguments})"
        )
    return f"densities.{density.name}.log_prob({x}, {arguments})"


def _given(r: Reconstruction, model: ImpliedModel, names: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the data and the parameters as a loss holds them, as code, but for a learned scale."""
    x, p = names.get("x", "x"), names.get(r.role.value, r.role.value)
    x, p = (p, x) if r.swapped else (x, f"1 / (1 + np.exp(-{p}))" if r.link == "sigmoid" else p)
    given = {r.parameter: p, **{k: f"{v:.12g}" for k, v in (model.member or model.parameters).items()}}
    if r.shape_role is not None and r.shape_as is not None:
        given[r.shape_as] = names.get(r.shape_role.value, r.shape_role.value)
    return x, given


def _components(mixture: Mixture, names: Mapping[str, str]) -> str:
    """Return how the reference takes weights and components, as code."""
    weights = names.get(Role.MIXTURE, Role.MIXTURE)
    said = [f"np.log({weights})" if mixture.weights_as == "probs" else weights]
    if not mixture.last:
        said.append("axis=1")
    if mixture.shared is None:
        said.append(f"shared=tuple(range(1, {names.get('x', 'x')}.ndim))")
    elif mixture.shared:
        said.append(f"shared=({mixture.shared[0] if mixture.shared[0] < 0 else mixture.shared[0] + 1},)")
    return ", ".join(said)


def _counts(given: dict[str, str]) -> dict[str, str]:
    """Return r and logits of a negative binomial from what a loss holds, as code."""
    r = given.get("total_count") or f"(1 / {given.get('dispersion')})"
    logits = {
        "logits": "{}",
        "failure_logits": "-{}",
        "probs": "np.log({0}) - np.log1p(-{0})",
        "failure_probs": "np.log1p(-{0}) - np.log({0})",
        "mean": "np.log({} / {r})",
        "log_mean": "{} - np.log({r})",
    }
    found = next((text.format(given[name], r=r) for name, text in logits.items() if name in given), None)
    return given if found is None else {"total_count": r, "logits": found}


def _proportions(given: dict[str, str]) -> dict[str, str]:
    """Return both concentrations of a beta from what a loss holds, as code."""
    if "precision" not in given:
        return given
    if "mean" in given:
        one, zero = given["mean"], f"(1 - {given['mean']})"
    else:
        one, zero = (f"1 / (1 + np.exp({sign}{given['logits_of_mean']}))" for sign in ("-", ""))
    return {name: f"{given['precision']} * {m}" for name, m in (("concentration1", one), ("concentration0", zero))}


_CONVENTIONAL = {"negative_binomial": _counts, "beta": _proportions}
"""What a loss holds to the reference's own parameters, as code (as numbers: `conventional`)."""


def _binned_log_prob(r: Reconstruction, bins: Bins, name: str, names: Mapping[str, str]) -> str | None:
    """Return the call in units of one level; None where the ends, the width or the distribution function are others."""
    alike = isclose(bins.width, bins.step, rel_tol=max(bins.error, budget.DECLARED)) and not bins.offset
    if not bins.open or not alike or not bins.levels or bins.guard or SHAPES[bins.shape].stands_for is not None:
        return None
    x, p = names.get("x", "x"), names.get(r.role.value, r.role.value)
    scale = _SCALES[r.scale_as].format(names.get(str(r.scale_role), str(r.scale_role))) if r.scale_as else ""
    if not scale or bins.factor != 1:
        scale = f"{bins.factor:.12g}" + (f" * {scale}" if scale else "")
    per = (bins.levels - 1) / (bins.high - bins.low)
    x, p = (f"({v} - {bins.low:g}) * {per:.12g}" if bins.low else f"{v} * {per:.12g}" for v in (x, p))
    return f"densities.{name}.log_prob(np.round({x}), loc={p}, scale={scale} * {per:.12g}, levels={bins.levels})"


def _term(values: str, weight: Monomial, inner: str, first: str) -> str | None:
    """Return a reduced and weighed term as code, e.g. `0.5 * (...).sum() / len(x)`; None for a weight of single axes."""
    powers = {name: power for name, power in weight.powers.items() if power}
    if set(powers) - {"B", inner} or weight.irregular:
        return None
    reduced = {
        (1, 1): f"{values}.sum()",
        (0, 0): f"{values}.mean()",
        (0, 1): f"{values}.sum() / len({first})",
        (1, 0): f"{values}.mean() * len({first})",
    }.get((powers.get("B", 0), powers.get(inner, 0)))
    if reduced is None:
        return None
    number = weight.coefficient if weight.fraction is None else float(weight.fraction)
    return reduced if isclose(number, 1.0, rel_tol=weight.error) else f"{number:.12g} * {reduced}"
