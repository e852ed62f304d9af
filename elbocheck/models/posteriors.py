"""An encoder that returns a distribution: recognised by what the loss asks of it, answered with the framework's own Normal."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from typing import Any

from elbocheck.adapters import owner
from elbocheck.errors import UsageError

__all__ = ["Gaussian", "asked_as_density", "normal"]

_ASKED = frozenset(["rsample", "sample", "log_prob", "stddev", "entropy", "kl_divergence"])
"""What is asked of a distribution, and of no tensor."""
_JOINED = frozenset(["Independent", "to_event", "MultivariateNormalDiag", "MultivariateNormal"])
"""What a loss builds its prior with where one density is of a whole vector."""
_HOMES = {
    "torch": ("torch.distributions",),
    "jax": ("numpyro.distributions", "tensorflow_probability.substrates.jax.distributions"),
    "tensorflow": ("tensorflow_probability.python.distributions",),
}


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution of independent latents: one density of the vector, or one of each latent."""

    joined: bool


def asked_as_density(name: str, scope: ast.AST) -> Gaussian | None:
    """Tell whether a variable is used as a distribution somewhere in a function."""
    nodes = list(ast.walk(scope))
    for node in nodes:
        match node:
            case ast.Attribute(ast.Name(asked), attr) if asked == name and attr in _ASKED:
                break
            case ast.Call(ast.Name(called) | ast.Attribute(attr=called), args) if called == "kl_divergence":
                if any(isinstance(given, ast.Name) and given.id == name for given in args):
                    break
    else:
        return None
    words = {n.id for n in nodes if isinstance(n, ast.Name)} | {n.attr for n in nodes if isinstance(n, ast.Attribute)}
    return Gaussian(bool(words & _JOINED))


def normal(loc: Any, scale: Any, *, joined: bool) -> Any:
    """Return N(loc, scale^2) as an object of the library of distributions that is loaded for these tensors.

    Raises:
        UsageError: none is.
    """
    framework = owner(loc).name
    homes = [sys.modules[home] for home in _HOMES.get(framework, ()) if home in sys.modules]
    if not homes:
        raise UsageError(
            f"the loss asks its encoder for a distribution, and {framework} has none loaded: import it first"
        )
    made = homes[0].Normal(loc, scale)
    return homes[0].Independent(made, 1) if joined else made
