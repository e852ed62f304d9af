"""An identification as a person reads it: the model, its formula and code, its mass, and how surely all that is known."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log10

from elbocheck.bins import Bins
from elbocheck.identification import Evidence, Identification
from elbocheck.mass import Status
from elbocheck.probing.normalizer import Normalizer
from elbocheck.reports.rows import capital, row, wrapped
from elbocheck.reports.terminal import model_rows

__all__ = ["render"]


def render(found: Identification) -> str:
    """Return the report, without a final newline."""
    said = wrapped(f"{capital(found.bound.value)}: {found.reason}.", "      ")
    lines = [found.target, *said, "", "model", *model_rows(found.model)]
    if found.formula is not None:
        lines += row("energy", found.formula)
    if found.code is not None:
        lines += [
            "",
            "code",
            "  from elbocheck import densities, divergences",
            *(f"  {line}" for line in found.code.splitlines()),
        ]
    lines += ["", "known by", *_known(found)]
    return "\n".join([*lines, "", *_run(found)])


def _known(found: Identification) -> Iterator[str]:
    if found.evidence is not None:
        yield from _evidence(found.evidence)
    elif found.nearest is not None:
        shown = ", ".join(f"{k}={v:.4g}" for k, v in found.nearest.parameters.items())
        if found.model.family is not None:
            yield from row("but", "a closer look does not bear the family out to the last digit")
        yield from row(
            "nearest", f"{found.nearest.family}({shown}), off by up to {_share(found.nearest.off)} of the loss"
        )
    r = found.case.anatomy.reconstruction
    if r is not None and r.bins is not None:
        yield from _binned(r.bins, r.agreement)
    if found.normalizer is not None:
        yield from row("mass", mass(found.normalizer) + _data_term(found))


def _binned(bins: Bins, agreement: float) -> Iterator[str]:
    """Say how well bins were met, and what they add up to."""
    yield from row(
        "agreement", f"bins of {bins.width:.9g}, known to {bins.error:.1g}; met to {agreement:.1g} of the loss"
    )
    if bins.masses:
        low, high = min(m.mass for m in bins.masses), max(m.mass for m in bins.masses)
        over = f"the {bins.levels} levels from {bins.low:g} to {bins.high:g}" if bins.levels else "all integers"
        yield from row("mass", f"{low:.7g} to {high:.7g} over {over}, at {len(bins.masses)} predictions and scales")


def _data_term(found: Identification) -> str:
    """Say that a mass lacks what the data alone decide."""
    r = found.case.anatomy.reconstruction
    if (
        r is None
        or r.bins is not None
        or (r.datum != "other" and (r.datum != "dropped" or r.density not in DATA_TERMS))
    ):
        return ""
    if r.datum == "other":
        return (
            "; what the loss adds for the data alone is another than this family's, which no gradient of a model feels"
        )
    also = ", and is as well a multiple of -log of a density like exp(-(x/s)^k/k)/s" if r.density == "weibull" else ""
    return f"; the loss leaves out {DATA_TERMS[str(r.density)]}, which no gradient of a model feels{also}"


DATA_TERMS = {
    "poisson": "log x!",
    "negative_binomial": "the log of the binomial coefficient",
    "binomial": "the log of the binomial coefficient",
    "gamma": "(1 - concentration) log x",
    "weibull": "(1 - concentration) log x",
    "log_normal": "log x",
}


def _evidence(evidence: Evidence) -> Iterator[str]:
    low, high = evidence.reach
    yield from row(
        "agreement",
        f"to {evidence.agreement:.1g} of the loss at {evidence.points} points, |x - prediction| from {low:.0g} to {high:.0g}",
    )
    if evidence.grain > COARSE * 2**-52 and evidence.agreement > evidence.grain:
        yield from row("", f"the loss itself computes to {evidence.grain:.1g} only: finer differences cannot be seen")
    if evidence.parameter_error > 0:
        yield from row("", f"its parameters are known to {evidence.parameter_error:.1g} of themselves")
    if evidence.rounded is not None:
        yield from row("but", evidence.rounded)
    elif evidence.kink is not None:
        yield from row("kink", f"sharp, or rounded over less than {evidence.kink:.1g}")
    if evidence.doubts:
        yield from row("nested", f"cannot be told from {'; '.join(evidence.doubts)}")


COARSE = 2.0**30
"""Roundings of float64 from which a loss computes visibly more coarsely than its dtype."""


def mass(normalizer: Normalizer) -> str:
    """Say what exp(-loss) of one element integrates to."""
    first = normalizer.masses[0]
    over = "the real line" if normalizer.support.describe() == "real" else f"x {normalizer.support.describe()}"
    match normalizer.status:
        case Status.DIVERGENT:
            worst = next(m for m in normalizer.masses if m.status is Status.DIVERGENT)
            return f"exp(-loss) of one element has infinite mass over {over}, {worst.where}: no density"
        case Status.OK:
            value = f"{exp(first.log_value):.{_digits(first.error)}g} +- {exp(first.log_value) * first.error:.0e}"
            if normalizer.spread == 0:
                return f"{value} per element over {over} at every prediction tried: {_normalised(first.log_value, first.error)}"
            others = ", ".join(f"{exp(m.log_value):.4g}" for m in normalizer.masses)
            return f"{others} per element over {over}: it moves with the prediction, by {normalizer.spread:.3g} nats"
    return f"not decided over {over}: {normalizer.status.advice}"


def _normalised(log_value: float, error: float) -> str:
    if abs(log_value) <= max(error, 1e-6 * abs(log_value)):
        return "normalised"
    return f"a density up to the constant {log_value:.6g} nats"


def _digits(error: float) -> int:
    return max(2, min(12, int(-log10(max(error, 1e-16)))))


def _share(part: float) -> str:
    return f"{min(100 * part, 100):.0f} %" if part >= 0.01 else f"{part:.1g}"


def _run(found: Identification) -> Iterator[str]:
    yield from row("roles", ", ".join(f"{name} is {role}" for name, role in found.roles.items()), "")
    run = found.run
    yield from row(
        "run", f"{run.points} points, {run.calls} calls, {run.dtype}, seed {run.seed}, {run.seconds:.2f} s", ""
    )
