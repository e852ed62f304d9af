"""The README says what the code does: its catalogue and its example are generated, and held against the tuples.

`python -m tests.test_readme` writes them anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from elbocheck import identify, load, verify
from elbocheck.certify import release
from elbocheck.densities import DENSITIES
from elbocheck.gallery import GALLERY
from elbocheck.rules import RULES

README = Path(__file__).parent.parent / "README.md"


def families() -> str:
    """Return the table of densities."""
    rows = [f"| {d.name} | {'; '.join(', '.join(f.names) for f in d.forms)} | {d.source} |" for d in DENSITIES]
    return "\n".join(["| family | parameters | source |", "|---|---|---|", *rows])


def rules() -> str:
    """Return the table of rules."""
    rows = [f"| {r.code} | {r.name} | {r.summary} |" for r in RULES]
    return "\n".join(["| code | name | what it says |", "|---|---|---|", *rows])


def example() -> str:
    """Return the report of the first loss of the gallery, its counts and wall time left open."""
    report = str(verify(GALLERY[0].load(), target=GALLERY[0].target))
    return re.sub(r"\d+ points, \d+ calls(.*), \d+\.\d+ s$", r"720 points, 750 calls\1, 0.2 s", report)


def identified() -> str:
    """Return the first part of an identification: what follows are uncertainties, which differ in their last digits."""
    target = "elbocheck.gallery.keras_guide_mse:vae_loss"
    return str(identify(load(target), target=target)).split("\nknown by")[0].rstrip()


def certificates() -> str:
    """Return the table of the release: digits, and the largest error of any kernel."""
    rows = []
    for row in release().rows:
        double, single = row.worst("float64"), row.worst("float32")
        errors = [f"{k.ulps:.1f}" if k else "" for k in (double, single)]
        where = double.name.partition(".")[2] if double else ""
        rows.append(f"| {row.name} | {row.digits:.0f} | {row.route} | {errors[0]} | {errors[1]} | {where} |")
    head = "| what | digits | agree | ulp, float64 | ulp, float32 | worst kernel |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


SECTIONS = {
    "certificates": certificates,
    "families": families,
    "rules": rules,
    "example": example,
    "identified": identified,
}


def section(name: str) -> re.Pattern[str]:
    """Return the pattern of a generated section."""
    return re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)


@pytest.mark.parametrize("name", SECTIONS)
def test_generated_sections_are_current(name: str) -> None:
    """What the README shows is what the code says now."""
    found = section(name).search(README.read_text(encoding="utf-8"))
    assert found is not None
    assert found.group(0) == f"<!-- {name} -->\n{SECTIONS[name]()}\n<!-- /{name} -->"


def test_two_commands_do_all_the_set_up() -> None:
    """The README holds exactly the two commands that a fresh machine needs, each on one line."""
    commands = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert "elbocheck verify" in commands[0]
    assert "pytest" in commands[1]


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    for title, make in SECTIONS.items():
        block = f"<!-- {title} -->\n{make()}\n<!-- /{title} -->"
        text = section(title).sub(block.replace("\\", r"\\"), text)
    README.write_text(text, encoding="utf-8")
