"""The verdict as plain values."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from typing import Any

from elbocheck.identification import Identification
from elbocheck.implied import ImpliedModel
from elbocheck.monomial import Monomial
from elbocheck.verdict import Verdict

SCHEMA = 1


def as_dict(verdict: Verdict) -> dict[str, Any]:
    """Return everything a verdict says; numbers that JSON lacks (inf, nan) become null."""
    return {
        "schema": SCHEMA,
        "target": verdict.target,
        "outcome": verdict.outcome.value,
        "exit_code": verdict.exit_code,
        "bound": verdict.bound.value,
        "reason": verdict.reason,
        "model": None if verdict.model is None else _model(verdict.model),
        "findings": [{"name": f.name, **asdict(f)} for f in verdict.findings],
        "checks": [{"check": c.check, "outcome": c.outcome.value, "reason": c.reason} for c in verdict.checks],
        "roles": dict(verdict.roles),
        "constants": dict(verdict.constants),
        "run": {**asdict(verdict.run), "seconds": round(verdict.run.seconds, 3)},
    }


def _model(model: ImpliedModel) -> dict[str, Any]:
    return {
        "family": model.family,
        "likelihood": model.likelihood,
        "density": model.density,
        "parameters": {name: _number(value) for name, value in model.parameters.items()},
        "reduction": model.reduction,
        "divergence": model.divergence,
        "divergence_reduction": model.divergence_reduction,
        "sigma2": _formula(model.sigma2, model.sizes),
        "beta": _formula(model.beta, model.sizes),
        "scale": _formula(model.scale, model.sizes),
        "dropped_nats_per_datum": None if model.dropped is None else _number(model.dropped),
        "maximised": model.flipped,
        "sizes": dict(model.sizes),
    }


def render(verdict: Verdict) -> str:
    """Return the verdict as JSON text."""
    return text(as_dict(verdict))


def text(values: dict[str, Any]) -> str:
    """Return plain values as JSON text."""
    return json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)


def identification(found: Identification) -> dict[str, Any]:
    """Return everything an identification says; numbers that JSON lacks (inf, nan) become null."""
    mass, evidence = found.normalizer, found.evidence
    return {
        "schema": SCHEMA,
        "target": found.target,
        "bound": found.bound.value,
        "reason": found.reason,
        "model": _model(found.model),
        "formula": found.formula,
        "code": found.code,
        "normalizer": mass
        and {
            "support": mass.support.describe(),
            "status": mass.status.value,
            "masses": [
                {
                    "at": {role.value: value for role, value in at.items()},
                    "status": m.status.value,
                    "log_mass": _number(m.log_value),
                    "error": _number(m.error),
                    "where": m.where,
                }
                for at, m in zip(mass.at, mass.masses, strict=True)
            ],
        },
        "evidence": evidence and asdict(evidence),
        "nearest": found.nearest and asdict(found.nearest),
        "roles": dict(found.roles),
        "run": {**asdict(found.run), "seconds": round(found.run.seconds, 3)},
    }


def _formula(formula: Monomial | None, sizes: Any) -> dict[str, Any] | None:
    if formula is None:
        return None
    return {
        "formula": formula.formula,
        "value": _number(formula.at(sizes)),
        "coefficient": _number(formula.coefficient),
        "powers": dict(formula.powers),
        "relative_error": _number(formula.error),
    }


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None
