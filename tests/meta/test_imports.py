"""Importing elbocheck loads nothing heavy, and each third-party library has one home; both proofs can fail."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import elbocheck

ROOT = Path(elbocheck.__file__).parent
HEAVY = frozenset(
    {"numba", "numpy", "mpmath", "hypothesis", "pytest", "scipy", "flint", "torch", "jax", "tensorflow", "keras"}
)
HOMES = {
    "numba": ("kernels/",),
    "llvmlite": ("kernels/",),
    "mpmath": ("precision/",),
    "flint": ("enclosure/",),
    "hypothesis": ("strategies.py",),
    "pytest": ("pytest_plugin.py",),
    "torch": ("adapters/torch.py", "gallery/"),
    "jax": ("adapters/jax.py", "gallery/"),
    "tensorflow": ("adapters/tensorflow.py", "gallery/"),
    "keras": ("adapters/tensorflow.py", "gallery/"),
    "scipy": ("adapters/scipy.py",),
    "rich": ("reports/terminal.py",),
    "matplotlib": ("reports/picture.py",),
}
"""Where each library may be imported; NumPy may be everywhere, SciPy and everything else nowhere."""
EVERYWHERE = frozenset({"numpy", "elbocheck"}) | sys.stdlib_module_names


def heavy_after(statement: str) -> set[str]:
    """Return the heavy libraries that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True)
    return {name for name in done.stdout.split() if name in HEAVY}


@pytest.mark.parametrize(
    "statement",
    [
        "import elbocheck",
        "import elbocheck.cli",
        "import elbocheck; dir(elbocheck); elbocheck.__version__",
        "from elbocheck.cli import main; main(['rules']); main(['rule', 'ELB103'])",
        "from elbocheck import Outcome, Bound, Finding, Verdict, ElbocheckError",
    ],
)
def test_nothing_heavy_is_loaded(statement: str) -> None:
    """The package, its command line and the pages of its rules are light."""
    assert heavy_after(statement) == set()


def test_the_plugin_loads_pytest_alone() -> None:
    """pytest loads the plugin in every project where elbocheck is installed."""
    assert heavy_after("import elbocheck.pytest_plugin") == {"pytest"}


@pytest.mark.parametrize(
    ("statement", "library"),
    [("import elbocheck, scipy", "scipy"), ("import elbocheck; elbocheck.verify", "numpy")],
)
def test_the_proof_can_fail(statement: str, library: str) -> None:
    """A library that is loaded, by the statement or by elbocheck itself, is seen."""
    assert library in heavy_after(statement)


def imported(source: str) -> set[str]:
    """Return the top-level packages that a source imports anywhere, under TYPE_CHECKING too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "elbocheck").partition(".")[0] if not node.level else "elbocheck")
    return found


def strays(place: str, source: str) -> set[str]:
    """Return the libraries that a file of the package imports away from their homes."""
    return {name for name in imported(source) - EVERYWHERE if not place.startswith(HOMES.get(name, ("nowhere",)))}


def files() -> Iterator[tuple[str, str]]:
    """Yield each file of the package with its source."""
    for file in sorted(ROOT.rglob("*.py")):
        yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def test_each_library_is_imported_in_its_home_only() -> None:
    """One third-party library, one home."""
    assert {place: found for place, source in files() if (found := strays(place, source))} == {}


def test_homes_are_lived_in() -> None:
    """The walk sees the files where numba, mpmath and pytest are imported."""
    seen = {name for place, source in files() for name in imported(source) if place.startswith(HOMES.get(name, ("-",)))}
    assert seen >= {"numba", "mpmath", "pytest"}


@pytest.mark.parametrize(
    ("place", "source", "found"),
    [
        ("loss.py", "import numba", {"numba"}),
        ("kernels/exp.py", "import numba.core", set()),
        ("densities/normal.py", "def f():\n    from mpmath import mp\n", {"mpmath"}),
        ("precision/sums.py", "from mpmath.libmp import x", set()),
        ("cli.py", "if TYPE_CHECKING:\n    import torch.nn as nn\n", {"torch"}),
        ("adapters/torch.py", "import torch", set()),
        ("adapters/numpy.py", "import torch", {"torch"}),
        ("budget.py", "import scipy.special", {"scipy"}),
        ("budget.py", "import os, numpy as np\nfrom . import errors\nfrom elbocheck.loss import Loss", set()),
    ],
)
def test_a_stray_import_is_found(place: str, source: str, found: set[str]) -> None:
    """The walk sees imports of every form, and knows where they belong."""
    assert strays(place, source) == found
