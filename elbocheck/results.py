"""What a loss returned: which member is the loss, and which others are its named terms."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from typing import Any

import numpy as np

from elbocheck import budget
from elbocheck.adapters import Adapter, Array
from elbocheck.errors import CallError

LOSS_NAMES = ("loss", "total_loss", "total", "objective", "vae_loss", "neg_elbo", "negative_elbo", "nelbo", "elbo")


@dataclass(frozen=True)
class Result:
    """One evaluation of a loss.

    Attributes:
        value: the loss, in nats as far as anyone knows: a scalar, one per datum or one per element.
        terms: the other members of a tuple, dict or object, by name.
        exact_dtype: False where Python numbers hide the dtype of the arithmetic.
    """

    value: Array
    terms: Mapping[str, Array]
    exact_dtype: bool


def total(returned: Any, adapter: Adapter) -> str | None:
    """Return the member that is the sum of all the others, as in `(recon, kl, recon + kl)`; None where a name says it."""
    members = _members(returned, adapter)
    if not members or len(members) < 3 or any(name in members for name in LOSS_NAMES):
        return None
    values = {n: float(np.sum(adapter.array(v))) for n, v in members.items() if _numeric(v, adapter)}
    everything = sum(values.values())
    for name, value in values.items():
        if value and isclose(2 * value, everything, rel_tol=budget.DECLARED):
            return name
    return None


def pick(returned: Any, adapter: Adapter, member: str | None = None) -> tuple[Any, dict[str, Any]]:
    """Return the member that is the loss, and the other numeric members by name.

    The loss is `member`, else the member called `loss` (or a name of LOSS_NAMES), else the first.
    """
    members = _members(returned, adapter)
    if members is None:
        return returned, {}
    if not members:
        raise CallError("ELB004", f"returned an empty {type(returned).__name__}", "return the loss")
    name = member or next((n for n in LOSS_NAMES if n in members), next(iter(members)))
    others = {n: v for n, v in members.items() if n != name and _numeric(v, adapter)}
    return members[name], others


def read(returned: Any, adapter: Adapter, member: str | None = None) -> Result:
    """Turn what the loss returned into NumPy, or raise CallError with the value and the remedy."""
    loss, others = pick(returned, adapter, member)
    if not _numeric(loss, adapter):
        raise CallError(
            "ELB004",
            f"returned {_shown(loss)}, which is no loss",
            "return a float scalar, one value per datum, or a tuple, dict or object that holds it",
        )
    value = adapter.array(loss)
    if value.dtype.kind == "c":
        raise CallError("ELB004", f"returned a complex number, {_shown(loss)}", "return its real part")
    if value.dtype.kind != "f":
        what = "an integer" if value.dtype.kind in "iu" else f"{value.dtype} values"
        raise CallError(
            "ELB004",
            f"returned {what}, {_shown(loss)}",
            "return a float: integer arithmetic rounds the loss and has no gradient",
        )
    terms = {n: adapter.array(v) for n, v in others.items()}
    return Result(value, {n: t for n, t in terms.items() if t.dtype.kind == "f"}, type(loss) is not float)


def _members(returned: Any, adapter: Adapter) -> dict[str, Any] | None:
    """Return the named members of a container, or None where `returned` is no container."""
    if returned is None or isinstance(returned, str | bytes) or _numeric(returned, adapter):
        return None
    if isinstance(returned, Mapping):
        return {str(name): value for name, value in returned.items()}
    if isinstance(returned, tuple | list):
        names = getattr(returned, "_fields", None) or map(str, range(len(returned)))
        return dict(zip(names, returned, strict=True))
    if dataclasses.is_dataclass(returned) and not isinstance(returned, type):
        return {f.name: getattr(returned, f.name) for f in dataclasses.fields(returned)}
    return dict(vars(returned)) if hasattr(returned, "__dict__") and not callable(returned) else None


def _numeric(value: Any, adapter: Adapter) -> bool:
    if isinstance(value, bool | np.bool_):
        return False
    return adapter.owns(value) or isinstance(value, np.ndarray | np.generic | float | int | complex)


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."
