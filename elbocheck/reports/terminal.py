"""The verdict as a person reads it: worst first, 80 columns, colour only where it helps."""

from __future__ import annotations

from collections.abc import Iterator

from elbocheck.implied import ImpliedModel
from elbocheck.monomial import Monomial
from elbocheck.reports.rows import capital, row, wrapped
from elbocheck.verdict import Bound, Finding, Outcome, Verdict

_COLOURS = {Outcome.FAIL: "31", Outcome.WARN: "33", Outcome.NOTE: "36", Outcome.PASS: "32", Outcome.INCONCLUSIVE: "35"}


def render(verdict: Verdict, *, colour: bool = False) -> str:
    """Return the report, without a final newline."""
    lines = [*_headline(verdict, colour), *_findings(verdict, colour)]
    if verdict.model is not None:
        lines += ["", "model", *model_rows(verdict.model), *_bound(verdict)]
    lines += ["", *_run(verdict)]
    return "\n".join(line.rstrip() for line in lines)


def _headline(verdict: Verdict, colour: bool) -> Iterator[str]:
    word = {Outcome.PASS: "pass", Outcome.NOTE: "pass"}.get(verdict.outcome, verdict.outcome.value)
    yield f"{_painted(word.upper(), verdict.outcome, colour)}  {verdict.target}"
    yield from wrapped(_sentence(verdict), "      ")


def _sentence(verdict: Verdict) -> str:
    """Say in one sentence what the loss is."""
    model = verdict.model
    if model is None:
        finding = verdict.findings[0]
        code = f" [{finding.code} {finding.name}]" if finding.code else ""
        return f"{finding.message} {capital(finding.fix.splitlines()[0])}.{code}"
    if verdict.bound is Bound.UNIDENTIFIED:
        return f"Unidentified: {verdict.reason}."
    return f"{capital(verdict.bound.value)}: {verdict.reason}."


def _findings(verdict: Verdict, colour: bool) -> Iterator[str]:
    if verdict.model is None:
        return
    for finding in verdict.findings:
        yield ""
        yield f"{_painted(finding.outcome.value.upper(), finding.outcome, colour)}  {finding.code} {finding.name}".replace(
            "   ", "  "
        )
        yield from wrapped(finding.message, "      ")
        yield from _fix(finding)


def _fix(finding: Finding) -> Iterator[str]:
    """Yield the fix: prose wrapped, code as it stands."""
    if finding.outcome is Outcome.NOTE and finding.code:
        yield f"      More: elbocheck rule {finding.code}"
        return
    label = "Fix: "
    for line in finding.fix.splitlines():
        if line.startswith(" "):
            yield "      " + line
        else:
            yield from wrapped(label + line, "      ")
        label = ""


def model_rows(model: ImpliedModel) -> Iterator[str]:
    """Yield what a model says, a row each."""
    if model.likelihood is not None:
        yield from row("likelihood", f"{model.likelihood} per element")
        if model.density is not None:
            yield from row("as density", f"{model.density} with its weight absorbed, at {_sizes(model)}")
        yield from _agreement(model)
    elif model.reduction is not None:
        yield from row("likelihood", "none of the families known here")
    if model.reduction is not None:
        yield from row("reduced by", model.reduction)
    if model.divergence is not None:
        yield from row("divergence", model.divergence)
    if model.divergence_reduction is not None:
        yield from row("reduced by", model.divergence_reduction)
    yield from _weights(model)
    if model.dropped:
        what = "dropped" if model.dropped > 0 else "added"
        per = f" ({abs(model.dropped) / model.sizes['D']:.6g} per element)" if model.reduction else ""
        yield from row("constant", f"{abs(model.dropped):.6g} nats per datum {what}{per}")
    if model.derived:
        sizes = " and ".join(f"{name} = {model.sizes[name]}" for name in model.derived)
        yield from row("", f"powers of {' and '.join(model.derived)} are derived from the one size taken, {sizes}")


def _agreement(model: ImpliedModel) -> Iterator[str]:
    """Yield how far the loss is from the family, where that is more than float64 rounds."""
    if model.deviation:
        yield from row("", f"but for a guard or clamp, worth up to {model.deviation:.1g} nats per element there")
    elif model.agreement > FINE:
        yield from row("", f"to {model.agreement:.1g} of the loss: what is finer was not seen")


FINE = 1e-10
"""Agreement that goes without saying."""


def _weights(model: ImpliedModel) -> Iterator[str]:
    """Yield sigma and beta as formulas and numbers."""
    if model.sigma2 is not None:
        deviation = f"; sigma = {model.sigma2.at(model.sizes) ** 0.5:.6g}" if model.sigma2.coefficient > 0 else ""
        yield from row("sigma^2", _number(model.sigma2, model) + deviation)
    if model.beta is not None and model.family is not None:
        reading = ", read with unit scale" if model.free_scale else ""
        yield from row("beta", _number(model.beta, model) + reading)
    elif model.beta is not None and model.beta.powers and not model.beta.irregular:
        yield from row("weight", f"KL over reconstruction moves as {model.beta.formula}")


def _sizes(model: ImpliedModel) -> str:
    return ", ".join(f"{name} = {model.sizes[name]}" for name in ("B", "D", "L"))


def _number(formula: Monomial, model: ImpliedModel) -> str:
    """Return `D/(2*L) = 12.25 at D = 784, L = 32`, or the number alone."""
    value = f"{formula.at(model.sizes):.9g}"
    if not formula.powers:
        fraction = formula.fraction
        return value if fraction is None or fraction.denominator in (1, 2, 5, 10) else f"{formula.formula} = {value}"
    at = ", ".join(f"{name} = {model.sizes[name]}" for name in sorted(formula.powers))
    return f"{formula.formula} = {value} at {at}"


def _bound(verdict: Verdict) -> Iterator[str]:
    if (
        verdict.bound not in (Bound.EXACT, Bound.CONSTANT, Bound.SCALED, Bound.BETA, Bound.CONSERVATIVE)
        or verdict.model is None
    ):
        return
    if verdict.model.family == "bernoulli":
        yield from row("holds for", "data in {0, 1}; on gray values its normaliser is missing")


def _run(verdict: Verdict) -> Iterator[str]:
    roles = ", ".join(f"{name} is {role}" for name, role in verdict.roles.items())
    yield from row("roles", roles, "")
    if verdict.constants:
        yield from row("kept", ", ".join(f"{k} = {v}" for k, v in verdict.constants.items()), "")
    skipped = [f"{c.check} ({c.reason})" for c in verdict.checks if c.told]
    if skipped:
        yield from row("not checked", "; ".join(skipped), "")
    run = verdict.run
    called = f"{run.points} points, {run.calls} calls" if run.points else f"{run.calls} calls"
    shown = f", {run.sizes}" if run.sizes else ""
    yield from row("run", f"{called}, {run.dtype}{shown}, seed {run.seed}, {run.seconds:.2f} s", "")


def _painted(text: str, outcome: Outcome, colour: bool) -> str:
    padded = f"{text:<4}"
    return f"\x1b[1;{_COLOURS[outcome]}m{padded}\x1b[0m" if colour and outcome in _COLOURS else padded
