"""One loss of the gallery with the verdict that a correct reading gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A real loss, in our own words, and what elbocheck must say of it.

    Attributes:
        target: the loss, as the command line names it.
        source: where it stands in the wild.
        bound: the expected bound.
        codes: exactly the expected codes.
        family: the expected likelihood.
        sigma2: the implied Gaussian variance as a formula in B, D, L.
        beta: the implied weight of the KL as a formula in B, D, L, for a likelihood without a free scale.
        parameters: other parameters to recover.
        options: what is declared to `verify`: roles, data.
    """

    target: str
    source: str
    bound: str
    codes: tuple[str, ...] = ()
    family: str | None = "normal"
    sigma2: str | None = None
    beta: str | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Callable[..., Any]:
        """Import the loss; its framework must be installed."""
        from elbocheck.loading import load

        return load(self.target)

    @property
    def framework(self) -> str:
        """The framework it needs."""
        return "torch" if "torch" in self.target else "numpy"
