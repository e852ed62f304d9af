"""A distribution as a loss: minus its log density, as a function of the data and of the parameters that it is made with."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, get_args

from elbocheck.errors import UsageError
from elbocheck.roles import NAMES, spelled

__all__ = ["density_loss", "is_distribution"]

_EITHER = (("logits", "probs"), ("log_rate", "rate"), ("log_prob", "prob"))
"""Of two parameters that say the same, the one to vary: the one that a decoder returns."""


def is_distribution(target: Any) -> bool:
    """Tell whether a target is a distribution, a class of them, or a function that says that it makes one."""
    if isinstance(target, FunctionType):
        made = target.__annotations__.get("return")
        kinds = get_args(made) or (made,)
        return all(isinstance(kind, type) and is_distribution(kind) for kind in kinds)
    kind = target if isinstance(target, type) else type(target)
    return callable(getattr(kind, "log_prob", None)) and callable(getattr(kind, "sample", None))


def density_loss(target: Any) -> Callable[..., Any]:
    """Return -log p(x) of a distribution as a function of x and its parameters.

    Args:
        target: a class of torch.distributions, TensorFlow Probability or NumPyro, a function that makes one, or an
            instance, which says by which parameters it is made.

    Raises:
        UsageError: no parameter of it has a name that is known.
    """
    kind = target if isinstance(target, type | FunctionType) else type(target)
    names = _parameters(kind, None if kind is target else target)
    if not names:
        raise UsageError(
            f"{kind.__name__} has no parameter that is known here: write a function of x and its parameters"
        )

    def loss(x: Any, **parameters: Any) -> Any:
        return -kind(**parameters).log_prob(x)

    by_name = inspect.Parameter.KEYWORD_ONLY
    own = [inspect.Parameter(name, by_name) for name in names]
    first = inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    loss.__signature__ = inspect.Signature([first, *own])  # type: ignore[attr-defined]  # functions take any attribute
    loss.__qualname__ = loss.__name__ = f"{kind.__name__}.log_prob"
    loss.__module__ = kind.__module__
    return loss


def _parameters(kind: Callable[..., Any], made: Any) -> list[str]:
    """Return the parameters to vary: those that an instance was made with, else one of each pair that says the same."""
    taken = [
        p.name for p in inspect.signature(kind).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    known = [name for name in taken if spelled(name) in NAMES]
    if made is not None:
        held = getattr(made, "parameters", None)  # TensorFlow Probability's: by name, None where not given
        values = held if isinstance(held, dict) else vars(made)
        known = [name for name in known if values.get(name) is not None]
    for preferred, other in _EITHER:
        if preferred in known and other in known:  # torch keeps logits beside probs, once they were asked for
            given = getattr(made, "_param", None)
            known.remove(preferred if given is not None and given is values[other] else other)
    return known
