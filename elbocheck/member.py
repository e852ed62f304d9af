"""The member of a family that a weighed energy implies: exp(-w E(x)) renormalised, its weight absorbed.

A weight on squares is a scale: w u^2/2 is Normal(scale=w^-1/2); likewise for every family with `Density.temper`. For
log(1 + (u/s)^2) it is a number of degrees of freedom: df = 2w - 1, scale = s/sqrt(df) (Student 1908 in today's notation),
Cauchy at w = 1, and no density at all for w <= 1/2, where the tails are as heavy as 1/u. For log cosh(u/s) it is the
power of a hyperbolic secant: w = 1 is that density, w = 2 the logistic of scale s/2 (Talacko 1956).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose, sqrt

from elbocheck import budget
from elbocheck.densities import DENSITIES
from elbocheck.densities.density import Density, Form

__all__ = ["TEMPERED", "Member", "absorbs", "family", "member", "reference"]


@dataclass(frozen=True)
class Member:
    """A density of a family.

    Attributes:
        family: its name.
        parameters: besides the location.
        density: the family's reference; None where the catalogue has none.
    """

    family: str
    parameters: Mapping[str, float]
    density: Density | None


TEMPERED = frozenset({"cauchy", "log_cosh", "log_normal", "barron"})
"""Families without `Density.temper` whose weight makes another density instead of a temperature."""


def member(name: str, weight: float, parameters: Mapping[str, float]) -> Member | None:
    """Return the density proportional to exp(-weight * energy); None where there is none.

    Args:
        name: of the family.
        weight: of its energy in nats, positive.
        parameters: of the energy of weight 1, without its location.
    """
    density = family(name)
    if _tempered(density):
        assert density is not None
        assert density.temper is not None
        return Member(name, density.temper(weight, {"scale": 1.0, **parameters}), density)
    match name:
        case "cauchy":
            return _student(weight, parameters["scale"])
        case "log_cosh":
            return _secant(weight, parameters["scale"])
        case "log_normal":
            return Member(name, {"scale": 1 / sqrt(weight), **parameters}, density)
        case "barron":
            found = {**parameters, "weight": weight}
            return Member(name, found, None) if parameters["power"] > 0 else None
    return Member(name, parameters, density)


def _tempered(density: Density | None) -> bool:
    """Tell whether a location family has a free scale that absorbs a weight."""
    return density is not None and density.temper is not None and density.forms[0].names[0] == "loc"


def absorbs(name: str | None, parameters: Mapping[str, float]) -> bool:
    """Tell whether some density is proportional to exp(-weight * energy) for a range of weights."""
    if name == "log_normal" and "scale" in parameters:  # its log x, which the weight would scale too, told the scale
        return False
    return name in TEMPERED or _tempered(family(name))


def family(name: str | None) -> Density | None:
    """Return the reference of that name, None where the catalogue has none."""
    return next((density for density in DENSITIES if density.name == name), None)


def reference(name: str | None, parameter: str, shape: Mapping[str, float]) -> tuple[Form, list[float]] | None:
    """Return the form of a family whose energy a loss of weight 1 is, and the parameters after the prediction.

    Args:
        name: of the family.
        parameter: what the prediction is to it.
        shape: its other parameters; its scale is 1 unless told.

    Returns:
        None where the catalogue has no such form, or the prediction moves its normaliser.
    """
    density = family(name)
    given = {"scale": 1.0, **shape}
    for form in density.forms if density is not None else ():
        settled = form.log_normalizer is None or parameter == "loc"
        if form.names[0] == parameter and settled and set(form.names[1:]) <= set(given):
            return form, [given[other] for other in form.names[1:]]
    return None


def _student(weight: float, scale: float) -> Member | None:
    if isclose(weight, 1.0, rel_tol=budget.DECLARED):
        return Member("cauchy", {"scale": scale}, family("cauchy"))
    freedom = 2 * weight - 1
    if freedom <= 0:
        return None
    return Member("student_t", {"df": freedom, "scale": scale / sqrt(freedom)}, family("student_t"))


def _secant(weight: float, scale: float) -> Member:
    if isclose(weight, 2.0, rel_tol=budget.DECLARED):
        return Member("logistic", {"scale": scale / 2}, family("logistic"))
    if isclose(weight, 1.0, rel_tol=budget.DECLARED):
        return Member("log_cosh", {"scale": scale}, family("log_cosh"))
    return Member("log_cosh", {"scale": scale, "power": weight}, None)
