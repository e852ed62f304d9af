"""elbocheck: which probability model a VAE loss implies, whether it is a bound, and where its arithmetic breaks.

Everything is resolved on first use: importing the package loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elbocheck.engine import verify
    from elbocheck.errors import ElbocheckError
    from elbocheck.identification import identify
    from elbocheck.intent import Intent
    from elbocheck.loading import load
    from elbocheck.loss import Loss
    from elbocheck.models.components import returns
    from elbocheck.roles import Role
    from elbocheck.verdict import Bound, Finding, Outcome, Verdict

__version__ = "0.1.0"

_HOMES = {
    "Bound": "elbocheck.verdict",
    "ElbocheckError": "elbocheck.errors",
    "Finding": "elbocheck.verdict",
    "Intent": "elbocheck.intent",
    "Loss": "elbocheck.loss",
    "Outcome": "elbocheck.verdict",
    "Role": "elbocheck.roles",
    "Verdict": "elbocheck.verdict",
    "identify": "elbocheck.identification",
    "load": "elbocheck.loading",
    "returns": "elbocheck.models.components",
    "verify": "elbocheck.engine",
}
_MODULES = ("certify", "densities", "divergences", "estimators", "gallery", "rules")

__all__ = [
    "Bound",
    "ElbocheckError",
    "Finding",
    "Intent",
    "Loss",
    "Outcome",
    "Role",
    "Verdict",
    "identify",
    "load",
    "returns",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _MODULES:
        return import_module(f"elbocheck.{name}")
    raise AttributeError(f"module 'elbocheck' has no attribute {name!r}: it has {', '.join([*__all__, *_MODULES])}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])
