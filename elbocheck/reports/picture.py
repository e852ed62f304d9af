"""The picture of an identification: the density that the loss implies against the family, and what is left in ulps."""

from __future__ import annotations

import io
from html import escape
from importlib.util import find_spec
from typing import Any

import numpy as np

from elbocheck.adapters import Array
from elbocheck.errors import UsageError
from elbocheck.identification import Identification
from elbocheck.mass import Status
from elbocheck.probing import likelihood
from elbocheck.probing.likelihood import Fitted
from elbocheck.probing.match import Match
from elbocheck.probing.points import sample
from elbocheck.roles import Role

__all__ = ["page", "png", "require_matplotlib"]

POINTS = 401
DEPTH = 12.0
"""Nats below its peak up to which a density is drawn."""


def require_matplotlib() -> None:
    """Raise where the library that draws is missing.

    Raises:
        UsageError: with the command that installs it.
    """
    if find_spec("matplotlib") is None:
        raise UsageError("matplotlib is not installed: pip install 'elbocheck[plot]'")


def png(found: Identification) -> bytes:
    """Return the picture as PNG."""
    return _saved(found, "png")


def page(found: Identification) -> str:
    """Return a page of its own with the picture and the report."""
    drawing = _saved(found, "svg").decode()
    title = f"elbocheck identify {found.target}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1a1a1a;background:#fff}}
main{{max-width:60rem;margin:auto;padding:1.5rem}}svg{{width:100%;height:auto}}
pre{{overflow-x:auto;font-size:14px;background:#f6f6f4;padding:1rem}}</style></head>
<body><main><h1>{escape(found.target)}</h1>
{drawing[drawing.index("<svg") :]}
<pre>{escape(str(found))}</pre></main></body></html>"""


def _saved(found: Identification, kind: str) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6.2), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=[3, 2])
    _densities(found, above)
    _left(found, below)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=144)
    return buffer.getvalue()


def _densities(found: Identification, axes: Any) -> None:
    """Draw exp(-loss) over its mass, and the family's density where the catalogue has it."""
    mass = found.normalizer
    axes.set_title(found.model.likelihood or "none of the families known here", loc="left")
    if mass is None or mass.status is not Status.OK:
        why = (
            "the elements of the loss do not add up"
            if mass is None
            else f"the mass of exp(-loss) is {mass.status.value}"
        )
        axes.text(0.5, 0.5, f"no density to draw: {why}", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    at = mass.at[0]
    x = _reach(mass.energy, mass.support, next(iter(at.values())))
    height = np.exp(-mass.energy(x) - mass.masses[0].log_value)
    counted = x.size < POINTS
    axes.plot(x, height, "o-" if counted else "-", color="#0b6e99", label="exp(-loss), normalised")
    if (family := _family(found, x, next(iter(at.values())))) is not None:
        axes.plot(x, family, "x" if counted else "--", color="#c4531a", label=f"{found.model.family} of the catalogue")
    axes.set_xlabel(f"x, at {', '.join(f'{_named(found, role)} = {value:g}' for role, value in at.items())}")
    axes.set_ylabel("probability" if counted else "density")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _named(found: Identification, role: Role) -> str:
    return str(found.case.names.get(role.value, role.value))


def _reach(energy: Any, support: Any, centre: float) -> Array:
    """Return where to draw: all of a short support, else as far as the density is visible."""
    low, high = float(support.low), float(support.high)
    if hasattr(support, "closed_low"):
        width = 1e-3
        while width < 1e6 and min(_rise(energy, centre, side * width, low, high) for side in (-1, 1)) < DEPTH:
            width *= 1.25
        return np.linspace(max(low, centre - width), min(high, centre + width), POINTS)
    return np.arange(low, min(high, low + 40) + 1)


def _rise(energy: Any, centre: float, step: float, low: float, high: float) -> float:
    """Return how far the energy has risen at a step from the centre; infinite beyond the support."""
    if not low < centre + step < high:
        return np.inf
    ends = energy(np.array([centre, centre + step]))
    return float(ends[1] - ends[0])


def _family(found: Identification, x: Array, at: float) -> Array | None:
    from elbocheck.member import family

    r, density = found.case.anatomy.reconstruction, family(found.model.family)
    if r is None or density is None or r.scale_role is not None or r.link != "identity":
        return None
    given: dict[str, Any] = {r.parameter: at, **(found.model.member or found.model.parameters)}
    form = next((f for f in density.forms if set(f.names) == set(given) | ({"scale"} & set(f.names))), None)
    if form is None:
        return None
    given = {"scale": 1.0, **given} if "scale" in form.names else given
    return np.asarray(np.exp(density.log_prob(x, **given)))


def _left(found: Identification, axes: Any) -> None:
    """Draw what the family leaves of the loss, in ulps of the loss."""
    fit = _fit(found)
    axes.spines[["top", "right"]].set_visible(False)
    if fit is None:
        axes.text(0.5, 0.5, "no family to compare with", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    match, fitted = fit
    points, dtype = fitted.points, found.case.probe.dtype
    model = likelihood.model_of(match.candidate, points)
    columns = model.columns(fitted.shapes)
    size = np.maximum(np.abs(columns) @ np.abs(fitted.fit.coefficients), np.finfo(dtype).tiny)
    ulps = (points.value - columns @ fitted.fit.coefficients) / np.spacing(size.astype(dtype)).astype(float)
    axes.plot(points.x - points.prediction, ulps, ".", color="#0b6e99", ms=3)
    axes.set_xscale("symlog", linthresh=1e-6)
    far = max(10.0, 1.3 * float(np.max(np.abs(ulps))))
    axes.set_ylim(-far, far)
    axes.set_xticks([sign * 10.0**power for sign in (-1, 1) for power in (-6, -4, -2, 0, 2, 4)] + [0.0])
    axes.axhline(0, color="#888", lw=0.6)
    axes.set_xlabel("x - prediction")
    axes.set_ylabel(f"loss - {match.candidate.family}, in ulps\nof its largest term ({dtype.name})")


def _fit(found: Identification) -> tuple[Match, Fitted] | None:
    r = found.case.anatomy.reconstruction
    if r is None or r.density is None or found.evidence is None:
        return None
    points, where = sample(found.case.probe)
    matches = likelihood.match(found.case.probe, points, where)
    fitted = likelihood.fitted(found.case.probe, points, matches[0].candidate, 0.0) if matches else None
    return None if fitted is None else (matches[0], fitted)
