"""The table of certificates: as a value, as text, as JSON, and the one kept for the release."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["RELEASE", "KernelRow", "Row", "Table", "release", "render", "to_json"]

RELEASE = Path(__file__).with_name("release.json")


@dataclass(frozen=True)
class KernelRow:
    """The largest error of one kernel in one dtype.

    Attributes:
        name: family and kernel.
        dtype: float64 or float32.
        ulps: the error in ulps of that dtype.
        at: the arguments where it happens.
        points: how many were tried.
        fault: where mpmath excludes the ball that the kernel was held against, or the error its budget; None if nowhere.
    """

    name: str
    dtype: str
    ulps: float
    at: tuple[float, ...]
    points: int
    fault: str | None = None


@dataclass(frozen=True)
class Row:
    """What is certified about one form of a family, or under one name.

    Attributes:
        name: the family with its parameters, or the name of the certificate.
        points: members that were certified.
        facts: quantities that were certified at them, altogether.
        digits: the fewest decimal digits that a ball proves of a normaliser.
        fewest: the fewest of any quantity, and which.
        milliseconds: median and worst time of the ball of a normaliser.
        route: which values agree.
        faults: what disagreed, each with the quantity and the member.
        kernels: the float kernels' errors.
    """

    name: str
    points: int
    facts: int
    digits: float
    fewest: tuple[float, str]
    milliseconds: tuple[float, float]
    route: str
    faults: tuple[str, ...]
    kernels: tuple[KernelRow, ...] = ()

    @property
    def all_faults(self) -> tuple[str, ...]:
        """The members' faults and the kernels'."""
        return (*self.faults, *(kernel.fault for kernel in self.kernels if kernel.fault))

    def worst(self, dtype: str) -> KernelRow | None:
        """The kernel with the largest error in a dtype."""
        return max((k for k in self.kernels if k.dtype == dtype), key=lambda k: k.ulps, default=None)


@dataclass(frozen=True)
class Table:
    """Every row, and what made it."""

    versions: dict[str, str]
    digits: int
    seed: int
    rows: tuple[Row, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """What disagreed anywhere."""
        return tuple(fault for row in self.rows for fault in row.all_faults)


def to_json(table: Table) -> str:
    """The table as JSON text, floats in full."""
    return json.dumps(asdict(table), indent=1)


def from_json(text: str) -> Table:
    """The table that `to_json` wrote."""
    data = json.loads(text)
    return Table(data["versions"], data["digits"], data["seed"], tuple(map(_row, data["rows"])))


def _row(data: dict[str, Any]) -> Row:
    kernels = tuple(KernelRow(**{**kernel, "at": tuple(kernel["at"])}) for kernel in data["kernels"])
    lists = {name: tuple(data[name]) for name in ("fewest", "milliseconds", "faults")}
    return Row(**{**data, **lists, "kernels": kernels})


@cache
def release() -> Table:
    """The table that was computed for this release."""
    return from_json(RELEASE.read_text(encoding="utf-8"))


def render(table: Table) -> str:
    """The table for a terminal, 80 columns wide but for long names of arguments."""
    wide = max(len(row.name) for row in table.rows)
    lines = [*_heading(table), "", f"{'':{wide}}  digits  ms med/max  ulp f64  ulp f32"]
    for row in table.rows:
        time = f"{row.milliseconds[0]:.0f}/{row.milliseconds[1]:.0f}"
        errors = [f"{k.ulps:.2f}" if k else "" for k in map(row.worst, ("float64", "float32"))]
        lines.append(f"{row.name:{wide}}  {row.digits:>6.0f}  {time:>10}  {errors[0]:>7}  {errors[1]:>7}".rstrip())
    worst = [kernel for row in table.rows if (kernel := row.worst("float64"))]
    if worst:
        lines += ["", "where float64 is worst", *(f"  {_place(kernel)}" for kernel in worst)]
    return "\n".join([*lines, "", *_footing(table)])


def _heading(table: Table) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in table.versions.items())
    return [f"{table.digits} digits asked, seed {table.seed}", versions]


def _place(kernel: KernelRow) -> str:
    return f"{kernel.name} at ({', '.join(f'{value:.6g}' for value in kernel.at)})"


def _footing(table: Table) -> list[str]:
    facts, points = sum(row.facts for row in table.rows), sum(row.points for row in table.rows)
    tried = sum(kernel.points for row in table.rows for kernel in row.kernels)
    least = min(row.fewest for row in table.rows)
    lines = [f"{facts:,} facts at {points:,} members, each by {' or '.join(_routes(table))}."]
    lines.append(f"Fewest digits of any: {least[0]:.0f}, {least[1]}.")
    if tried:
        lines.append(f"Kernels against balls at {tried:,} points, the balls against mpmath on a sample.")
    lines += [f"FAULT {fault}" for fault in table.faults]
    lines.append("Certified." if not table.faults else f"{len(table.faults)} faults: not certified.")
    return lines


def _routes(table: Table) -> list[str]:
    return sorted({row.route for row in table.rows})
