"""Targets are found as people write them, and what is not found is said in one line with the remedy."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from elbocheck.errors import TargetError, UsageError
from elbocheck.loading import UserImportError, load

SOURCE = '''
"""A file of losses."""

import functools


def vae_loss(recon_x, x):
    return recon_x - x


class Model:
    def loss_function(self, recon_x, x):
        return recon_x - x

    @property
    def broken(self):
        raise ValueError("no data yet")


class Scaled:
    def __init__(self, scale=1.0):
        if scale == 0:
            raise ValueError("scale is zero")
        self.scale = scale

    def __call__(self, recon_x, x):
        return self.scale * (recon_x - x)


class Needy(Scaled):
    def __init__(self, scale):
        super().__init__(scale)


model = Model()
half = functools.partial(vae_loss, x=0.5)
table = ["a loss is"] * 50
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty folder and leave neither its modules nor its path behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "written_losses.py").write_text(SOURCE)
    (tmp_path / "package_of_losses" / "deep").mkdir(parents=True)
    (tmp_path / "package_of_losses" / "deep" / "losses.py").write_text(SOURCE)
    importlib.invalidate_caches()
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")) or name.startswith("package_of_losses"):
            del sys.modules[name]


@pytest.mark.parametrize(
    "target",
    [
        "written_losses.py:vae_loss",
        "./written_losses.py::vae_loss",
        "package_of_losses/deep/losses.py:vae_loss",
        "package_of_losses.deep.losses:vae_loss",
        "package_of_losses.deep.losses.vae_loss",
        "written_losses:vae_loss",
        "written_losses.py:model.loss_function",
        "written_losses.py:half",
        "written_losses.py:Scaled",
    ],
)
def test_every_way_to_name_a_loss_is_read(target: str) -> None:
    """Files, modules, methods of an object, partials and classes: each gives something that computes recon_x - x."""
    assert load(target)(recon_x=3.0, x=0.5) == 2.5


def test_an_absolute_path_is_read(folder: Path) -> None:
    """The path need not be below the working folder."""
    assert load(f"{folder}/written_losses.py:vae_loss")(3.0, 0.5) == 2.5


def test_a_class_is_instantiated_with_what_is_given() -> None:
    """The arguments of --init reach the constructor."""
    assert load("written_losses.py:Scaled", {"scale": 2.0})(3.0, 0.5) == 5.0


def test_a_bare_name_is_looked_up_in_pyproject(folder: Path) -> None:
    """The table [tool.elbocheck.losses] maps a name to a target."""
    (folder / "pyproject.toml").write_text('[tool.elbocheck.losses]\nmine = "written_losses.py:vae_loss"\n')
    assert load("mine")(3.0, 0.5) == 2.5


def test_neighbours_of_a_file_can_be_imported(folder: Path) -> None:
    """A file in another folder imports what lies beside it, as under `python file.py`."""
    (folder / "apart").mkdir()
    (folder / "apart" / "neighbour_of_loss.py").write_text("offset = 0.25\n")
    (folder / "apart" / "importing_loss.py").write_text(
        "from neighbour_of_loss import offset\ndef loss(x):\n    return x + offset\n"
    )
    assert load("apart/importing_loss.py:loss")(1.0) == 1.25


def test_a_script_that_parses_its_arguments_reads_none_of_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`args = parser.parse_args()` at the top of a training script sees an empty command line, ours comes back."""
    ours = ["elbocheck", "verify", "script.py:loss", "--strict"]
    monkeypatch.setattr(sys, "argv", ours)
    (folder / "parsing_script.py").write_text(
        "import argparse\nargs = argparse.ArgumentParser().parse_args()\ndef loss(x):\n    return x\n"
    )
    assert load("parsing_script.py:loss")(1.0) == 1.0
    assert sys.argv is ours


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("nowhere.py:loss", ["'nowhere.py'", "write the path from the working folder"]),
        ("writen_losses.py:vae_loss", ["'writen_losses.py'", "did you mean 'written_losses.py'?"]),
        ("package_of_losses/deep/loses.py:f", ["did you mean 'package_of_losses/deep/losses.py'?"]),
        ("package_of_losses/deep:f", ["'package_of_losses/deep' is a folder", "folder/file.py:name"]),
        ("a" * 300 + ".py:loss", ["no file", "write the path"]),
        ("a" * 300, ["no loss called", "write file.py:name"]),
        ("written_losses.py:vae_los", ["no 'vae_los'", "did you mean 'vae_loss'?"]),
        ("written_losses.py:model.loss_fn", ["'Model' has no 'loss_fn'", "did you mean 'loss_function'?"]),
        ("written_losses.py:qqq", ["'written_losses' has no 'qqq'", "it has", "vae_loss"]),
        ("written_losses.py", ["write written_losses.py:NAME with one of vae_loss, Model"]),
        ("written_losses.py:", ["write written_losses.py:NAME with one of vae_loss, Model"]),
        ("written_losses", ["write written_losses:NAME with one of vae_loss, Model"]),
        ("nowhere.losses:f", ["no module 'nowhere'", "install it"]),
        ("package_of_losses.shallow:f", ["no module 'package_of_losses.shallow'", "install it"]),
        ("", ["''", "write file.py:name"]),
        (":loss", ["':loss'", "write file.py:name"]),
        (".losses:f", ["'.losses:f'", "write file.py:name"]),
        ("a..b:c", ["'a..b:c'", "write file.py:name"]),
        ("written_losses.py:vae_loss.", ["cannot read the target", "write file.py:name"]),
        ("written_losses.py:.", ["cannot read the target", "write file.py:name"]),
    ],
)
def test_what_is_not_found_is_said_with_the_remedy(target: str, expected: list[str]) -> None:
    """One line with the value that was typed, the closest match where there is one, and what to write."""
    with pytest.raises(TargetError) as caught:
        load(target)
    assert "\n" not in str(caught.value)
    assert [part for part in expected if part not in str(caught.value)] == []
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("target", "init", "expected"),
    [
        ("written_losses.py:table", None, ["'written_losses.py:table' is ['a loss is'", "...", "not callable"]),
        ("written_losses.py:model", None, ["Model object", "not callable", "name a function"]),
        ("written_losses.py:Needy", None, ["without arguments", "'scale'", "--init NAME=VALUE"]),
        ("written_losses.py:Needy", {"scales": 1}, ["with scales", "'scale'", "--init NAME=VALUE"]),
        ("written_losses.py:vae_loss", {"scale": 1}, ["--init goes with a class", "is a function"]),
    ],
)
def test_what_is_no_loss_is_refused(target: str, init: dict[str, float] | None, expected: list[str]) -> None:
    """The object is found, and is nothing that can be called as the user wants."""
    with pytest.raises(UsageError) as caught:
        load(target, init)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
    assert [part for part in expected if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        (b'[tool.elbocheck.losses]\nmine = "a.py:b"\n', "mein", ["'mein'", "did you mean 'mine'?"]),
        (b"[tool.elbocheck]\nlosses = 3\n", "mine", ["losses = 3", "[tool.elbocheck.losses]"]),
        (b"[tool]\nelbocheck = 3\n", "mine", ["elbocheck = 3", "[tool.elbocheck.losses]"]),
        (b"tool = 3\n", "mine", ["tool = 3", "[tool.elbocheck.losses]"]),
        (b"[tool\n", "mine", ["pyproject.toml cannot be read", "repair it"]),
        (b"\xff\n", "mine", ["pyproject.toml cannot be read", "repair it"]),
        (b"[tool.elbocheck.losses]\nmine = 3\n", "mine", ["'3'", "write file.py:name"]),
    ],
)
def test_a_bad_pyproject_is_refused(folder: Path, text: bytes, target: str, expected: list[str]) -> None:
    """Whatever stands in the file, the answer is a usage error and no traceback."""
    (folder / "pyproject.toml").write_bytes(text)
    with pytest.raises(UsageError) as caught:
        load(target)
    assert [part for part in expected if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1 / 0\n", ["line 1", "x = 1 / 0", "ZeroDivisionError"]),
        ("def f(:\n", ["line 1", "SyntaxError"]),
        ("import nowhere_at_all\n", ["line 1", "No module named 'nowhere_at_all'"]),
        ("raise SystemExit(3)\n", ["SystemExit: 3", "if __name__ == '__main__':"]),
        ("def f():\n    raise OSError('no data set')\nf()\n", ["line 3", "line 2", "OSError: no data set"]),
    ],
)
def test_an_error_in_their_file_is_shown_as_theirs(folder: Path, source: str, expected: list[str]) -> None:
    """Their traceback, from their first line on: no frame of ours, and no module left behind."""
    (folder / "failing_losses.py").write_text(source)
    for target in ("failing_losses.py:f", "failing_losses:f"):
        with pytest.raises(UserImportError) as caught:
            load(target)
        text = str(caught.value)
        assert [part for part in expected if part not in text] == []
        assert "loading.py" not in text
        assert "importlib" not in text
        assert caught.value.exit_code == 3
        assert "failing_losses" not in sys.modules


def test_a_failing_file_gives_back_the_module_it_hid(folder: Path) -> None:
    """A file named like a loaded module replaces it only if it imports."""
    (folder / "colorsys.py").write_text("x = 1 / 0\n")
    hidden = importlib.import_module("colorsys") if "colorsys" in sys.modules else None
    sys.modules["colorsys"] = hidden or importlib.import_module("string")
    there = sys.modules["colorsys"]
    try:
        with pytest.raises(UserImportError):
            load("colorsys.py:f")
        assert sys.modules["colorsys"] is there
    finally:
        if hidden is None:
            del sys.modules["colorsys"]


@pytest.mark.parametrize(
    ("target", "init", "what"),
    [
        ("written_losses.py:model.broken", None, "cannot be reached"),
        ("written_losses.py:Scaled", {"scale": 0}, "cannot be made"),
    ],
)
def test_an_error_in_their_object_is_shown_as_theirs(target: str, init: dict[str, float] | None, what: str) -> None:
    """A property or a constructor that raises is their code too."""
    with pytest.raises(UserImportError, match=what) as caught:
        load(target, init)
    assert "ValueError" in str(caught.value)
    assert "loading.py" not in str(caught.value)


def test_a_missing_framework_names_its_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the target and in the file alike, the line to type is there."""

    class Absent:
        """A finder that knows no framework."""

        def find_spec(self, name: str, *_: object) -> None:
            """Refuse the framework."""
            if name.partition(".")[0] == "jax":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "jax"]:  # where another test brought it in
        monkeypatch.delitem(sys.modules, name)
    (folder / "jax_losses.py").write_text("import jax\n")
    with pytest.raises(TargetError, match=r"jax is not installed.*pip install 'elbocheck\[jax\]'"):
        load("jax.numpy:sum")
    with pytest.raises(UserImportError) as caught:
        load("jax_losses.py:f")
    assert str(caught.value).endswith("jax is not installed: pip install 'elbocheck[jax]'")
