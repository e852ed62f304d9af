"""A benchmark as text, JSON, or one HTML file with a plot: speed across, error up, in one picture."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from html import escape
from typing import Any

from elbocheck.bench.run import Bench, Cell, Entry

__all__ = ["html", "render", "to_json"]

HEAD = f"  {'':22}{'best':>10}{'numbers/s':>12}{'memory':>11}{'of read':>9}{'spread':>8}{'slower':>9}  worst error"


def render(bench: Bench) -> str:
    """The table in plain text."""
    lines = [
        f"{bench.shape[0]} x {bench.shape[1]}, {_threads(bench)} each; this machine reads {bench.reading / 1e9:.1f} GB/s, "
        f"copies {bench.copying / 1e9:.1f} GB/s",
        "contenders take turns; spread is between the quartiles; slower is the median over pairs of turns",
    ]
    if bench.missing:
        lines.append(f"not installed: {', '.join(bench.missing)}")
    for cell in bench.cells:
        lines += ["", f"{cell.family}, {cell.dtype}, {cell.what}", HEAD]
        lines += [f"  {_line(bench, cell, entry)}" for entry in cell.entries]
    return "\n".join(lines)


def _line(bench: Bench, cell: Cell, entry: Entry) -> str:
    rate = cell.moved / entry.timing.best
    return (
        f"{_short(entry.name, 21):22}{_time(entry.timing.best):>10}{cell.numbers / entry.timing.best / 1e6:>10,.0f} M"
        f"{rate / 1e9:>6.1f} GB/s{rate / bench.reading:>8.0%}{entry.timing.spread:>8.0%}{entry.ratio:>8.2f}x  {_error(entry, cell)}"
    )


def _short(name: str, most: int) -> str:
    """A target by its end, where its function stands."""
    return name if len(name) <= most else "…" + name[1 - most :]


def _threads(bench: Bench) -> str:
    return f"{bench.threads} thread{'s' if bench.threads > 1 else ''}"


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:,.2f} ms"


def _error(entry: Entry, cell: Cell) -> str:
    if entry.ulps is None or entry.worst is None:
        return "" if cell.what != "value" else "not seen"
    place = f"at x = {entry.worst[0]:.6g}, {entry.worst[1]:.6g}"
    return f"{_ulps(entry.ulps)} ulp {place}"


def _ulps(ulps: float) -> str:
    return "infinitely many" if math.isinf(ulps) else f"{ulps:.2f}" if ulps < 100 else f"{ulps:.1e}"


def to_json(bench: Bench) -> str:
    """The same, whole, as JSON; an error without end is null."""
    data = asdict(bench)
    for cell in data["cells"]:
        for entry in cell["entries"]:
            if entry["ulps"] is not None and math.isinf(entry["ulps"]):
                entry["ulps"] = None
    return json.dumps(data, indent=1)


# --- HTML: one file, its own SVG, nothing fetched. ---

WIDTH, ROW, LEFT, MIDDLE, RIGHT = 880, 26, 190, 470, 860
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c;background:#fff}
svg{width:100%;height:auto;display:block;margin:.3rem 0 1.6rem}text{fill:currentColor;font-size:13px}
.ours{fill:#0b6e4f}.theirs{fill:#8a8f98}.user{fill:#b4540a}.dim{fill:#667}.rule{stroke:#ccc}pre{overflow-x:auto;font-size:12px}
@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#17191c}.ours{fill:#3fbf8f}.theirs{fill:#7d838c}
.user{fill:#f0964a}.dim{fill:#9aa}.rule{stroke:#444}}
"""


def html(bench: Bench) -> str:
    """One page: for each cell two bars a contender, numbers a second and worst error in bits lost; the table below."""
    title = f"elbocheck bench, {bench.shape[0]} x {bench.shape[1]}, {_threads(bench)}"
    charts = "\n".join(_chart(cell) for cell in bench.cells)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>
<style>{STYLE}</style></head><body><main><h1>{escape(title)}</h1>
<p>Left, numbers a second: longer is faster. Right, the largest error found: shorter is more accurate; the axis counts
the bits that are lost, 0 is one rounding. Green: elbocheck. Grey: frameworks. Orange: your loss.</p>
{charts}
<h2>The table</h2><pre>{escape(render(bench))}</pre></main></body></html>"""


def _chart(cell: Cell) -> str:
    fastest = max(cell.numbers / entry.timing.best for entry in cell.entries)
    height = 34 + ROW * len(cell.entries)
    title = f"{cell.family}, {cell.dtype}, {cell.what}"
    seen = cell.what == "value"
    body = [f'<text x="{LEFT}" y="16" class="dim">million numbers a second</text>']
    body += [f'<text x="{MIDDLE + 100}" y="16" class="dim">worst error, bits lost</text>'] if seen else []
    for k, entry in enumerate(cell.entries):
        body += _bars(entry, 28 + ROW * k, cell.numbers / entry.timing.best, fastest, _bits(cell), seen)
    winner = cell.entries[0].name
    return (
        f'<h2>{escape(title)}</h2><svg viewBox="0 0 {WIDTH} {height}" role="img"><title>{escape(f"{title}: {winner} is fastest")}</title>'
        f"{''.join(body)}</svg>"
    )


def _bits(cell: Cell) -> int:
    return 24 if cell.dtype == "float32" else 53


def _bars(entry: Entry, top: int, rate: float, fastest: float, bits: int, seen: bool) -> list[str]:
    kind = _kind(entry.name)
    length = max(2.0, (MIDDLE - LEFT) * rate / fastest)
    found = [
        f'<text x="{LEFT - 8}" y="{top + 14}" text-anchor="end">{escape(_short(entry.name, 25))}</text>',
        f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="18" rx="2" class="{kind}"/>',
        f'<text x="{LEFT + length + 6:.1f}" y="{top + 14}">{rate / 1e6:,.0f}</text>',
    ]
    if seen and entry.ulps is not None:
        start = MIDDLE + 100
        lost = min(max(math.log2(max(entry.ulps, 0.5)) + 1.0, 0.0), bits) if math.isfinite(entry.ulps) else bits
        wide = max(2.0, (RIGHT - start - 110) * lost / bits)
        found += [
            f'<line x1="{start}" y1="{top}" x2="{start}" y2="{top + 18}" class="rule"/>',
            f'<rect x="{start}" y="{top}" width="{wide:.1f}" height="18" rx="2" class="{kind}"/>',
            f'<text x="{start + wide + 6:.1f}" y="{top + 14}">{escape(_ulps(entry.ulps))} ulp</text>',
        ]
    return found


def _kind(name: str) -> str:
    if name.startswith("elbocheck "):
        return "ours"
    known: Any = ("numpy", "scipy", "torch", "torch.compile", "jax.jit", "tensorflow XLA")
    return "theirs" if name in known else "user"
