"""What a random energy is: a formula in the dtype of its arguments, and the truth about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Number(Protocol):
    """Draws a number between two ends, log-uniformly unless told."""

    def __call__(self, low: float, high: float, *, logarithmic: bool = True) -> float:
        """Return the number."""
        ...


Pick = Callable[[int], int]
"""Draws an integer below the given one."""


@dataclass(frozen=True)
class Energy:
    """One element of a loss.

    Attributes:
        family: the density that it is of, or the usual name of a loss that no density has.
        parameters: of the family.
        value: (x, prediction, ...) to it.
        weight: of the family's energy.
        arguments: names of the loss's arguments after x.
        scalable: a factor leaves it in its family.
        raised: it holds a constant of the size of its weight.
        way: how it is written.
    """

    family: str
    parameters: Mapping[str, float]
    value: Callable[..., Any]
    weight: float = 1.0
    arguments: tuple[str, ...] = ("x_hat",)
    scalable: bool = True
    raised: bool = False
    way: int = 0


Draw = Callable[[Number, Pick], Energy]


def written(ways: list[Callable[..., Any]], pick: Pick) -> tuple[int, Callable[..., Any]]:
    """Pick one of several ways to write a formula; return its number and itself."""
    k = pick(len(ways))
    return k, ways[k]
