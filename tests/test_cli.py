"""The command line: every wrong question gets one line and exit code 2, every impossible run 3, a verdict 0 or 1."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from elbocheck import __version__
from elbocheck.cli import main
from elbocheck.roles import Role
from elbocheck.rules import RULES

SOURCE = """
import numpy as np


def good(recon_x, x, mu, logvar, beta=1.0):
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)
    return np.mean(0.5 * np.sum((x - recon_x) ** 2, axis=1) + beta * kl)


def raises(recon_x, x, mu, logvar):
    raise ValueError("out of cheese")


def text(recon_x, x, mu, logvar):
    return "done"


def nothing(recon_x, x, mu, logvar):
    good(recon_x, x, mu, logvar)


def complex_number(recon_x, x, mu, logvar):
    return 1j * good(recon_x, x, mu, logvar)


def integer(recon_x, x, mu, logvar):
    return int(good(recon_x, x, mu, logvar))


def per_element(recon_x, x, mu, logvar):
    return (x - recon_x) ** 2


def pairs(recon_x, x, mu, logvar):
    return np.zeros((len(x), len(x)))


def all_nan(recon_x, x, mu, logvar):
    return np.nan * good(recon_x, x, mu, logvar)


def infinite(recon_x, x, mu, logvar):
    return np.inf + good(recon_x, x, mu, logvar)


def noisy(recon_x, x, mu, logvar, generator=np.random.default_rng(0)):
    return good(recon_x, x, mu, logvar) + generator.normal()


def odd_size(recon_x, x, mu, logvar):
    if x.size % 77:
        raise ValueError(f"cannot take {x.shape}")
    return good(recon_x, x, mu, logvar)


def unreadable(foo, bar):
    return np.sum(foo - bar)


def open_arguments(*args):
    return np.sum(args[0] - args[1])


def interrupted(recon_x, x, mu, logvar):
    raise KeyboardInterrupt


values = np.arange(1000.0)


class Needy:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, recon_x, x, mu, logvar):
        return good(recon_x, x, mu, logvar, self.weight)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder with a file of losses, and leave nothing of it behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "bad.py").write_text(SOURCE)
    (tmp_path / "no_array.npy").write_text("text")
    np.save(tmp_path / "words.npy", np.array(["a"]))
    np.save(tmp_path / "holes.npy", np.array([0.0, np.nan]))
    importlib.invalidate_caches()
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


WRONG_QUESTIONS = [
    # the target
    ("nowhere.py:loss", ["'nowhere.py'", "write the path"]),
    ("bda.py:good", ["'bda.py'", "did you mean 'bad.py'?"]),
    ("bad.py:god", ["'god'", "did you mean 'good'?"]),
    ("bad.py", ["'bad.py' names no loss", "bad.py:NAME", "good"]),
    ("god", ["'god'", "write file.py:name"]),
    ("nowhere.module:loss", ["'nowhere'", "install it"]),
    ("bad.py:values", ["array([", "...", "not callable", "name a function"]),
    ("bad.py:Needy", ["'weight'", "--init NAME=VALUE"]),
    # roles and constants
    ("bad.py:unreadable", ["'foo', 'bar'", "--role foo=ROLE --role bar=ROLE"]),
    ("bad.py:open_arguments --set a=1 --role b=0.5", ["open_arguments(*args)", "--role 0=prediction"]),
    ("bad.py:good --role x", ["--role 'x'", "--role NAME=VALUE"]),
    ("bad.py:good --role y=x", ["'y'", "it takes recon_x, x, mu"]),
    ("bad.py:good --role x=logit", ["'logit'", "did you mean 'logits'?"]),
    ("bad.py:good --role 9=x", ["position 9", "recon_x, x, mu"]),
    ("bad.py:good --role x=prediction", ["'recon_x' and 'x'", "--role x=ROLE"]),
    ("bad.py:good --role mu=x --role mu=q_loc", ["'mu' twice", "'x' and 'q_loc'", "keep one"]),
    ("bad.py:good --set y=1", ["'y'", "it takes recon_x, x, mu"]),
    ("bad.py:good --set =1", ["'=1'", "--set NAME=VALUE"]),
    ("bad.py:good --init weight=1", ["--init goes with a class", "function"]),
    ("bad.py:Needy --init wait=1", ["wait", "'weight'", "--init NAME=VALUE"]),
    # options
    ("bad.py:good --shape x", ["--shape 'x'", "NAME=VALUE"]),
    ("bad.py:good --shape x=0", ["x=0", "--shape x=3x64x64"]),
    ("bad.py:good --shape x=3x-4", ["x=3x-4", "--shape x=3x64x64"]),
    ("bad.py:good --shape x=big", ["x=big", "--shape x=3x64x64"]),
    ("bad.py:good --shape x=3xx4", ["x=3xx4", "--shape x=3x64x64"]),
    ("bad.py:good --shape z=100000x100000000", ["z=100000x100000000", "100,000,000 values at most"]),
    ("bad.py:good --shape y=3", ["'y'", "x, prediction, z", "--shape x=3x64x64"]),
    ("bad.py:good --data-range 1", ["--data-range 1", "--data-range 0 255"]),
    ("bad.py:good --data-range 0 1 2", ["--data-range 0 1 2", "--data-range 0 255"]),
    ("bad.py:good --data-range low high", ["--data-range low high", "--data-range 0 255"]),
    ("bad.py:good --data-range 1 0", ["from 1.0 to 0.0", "lowest value"]),
    ("bad.py:good --data-range 0 nan", ["from 0.0 to nan", "lowest value"]),
    ("bad.py:good --data-kind grey", ["'grey'", "binary, gray, counts, real"]),
    ("bad.py:good --data nowhere.npy", ["'nowhere.npy'", ".npy or .npz"]),
    ("bad.py:good --data words.npy", ["'words.npy'", "numbers"]),
    ("bad.py:good --data holes.npy", ["'holes.npy'", "nan", "not finite"]),
    ("bad.py:good --dtype float16", ["'float16'", "float64, float32"]),
    ("bad.py:good --framework torhc", ["'torhc'", "numpy, torch"]),
    ("bad.py:good --expect beta", ["--expect 'beta'", "NAME=VALUE"]),
    ("bad.py:good --expect bta=1", ["'bta'", "did you mean 'beta'?"]),
    ("bad.py:good --expect beta=four", ["beta=four", "no number"]),
    ("bad.py:good --expect family=normla", ["family=normla", "did you mean 'normal'?"]),
    ("bad.py:good --expect bound=tight", ["bound=tight", "choose from exact"]),
    ("bad.py:good --select FOO", ["'FOO'", "matches no rule", "ELB103"]),
    ("bad.py:good --select ELB104,both-terms-men", ["'both-terms-men'", "did you mean both-terms-mean?"]),
    ("bad.py:good --select ,", ["--select ','", "--select ELB103"]),
    ("bad.py:good --ignore ELB999", ["'ELB999'", "did you mean ELB803?"]),
    ("bad.py:good --output nowhere/report.txt", ["'nowhere/report.txt'", "no such folder"]),
    ("bad.py:good --output .", ["'.'", "it is a folder", "name a file"]),
    ("bad.py:good --seed one", ["--seed one", "whole number"]),
    ("bad.py:good --seed -1", ["--seed", "-1", "whole number"]),
    ("bad.py:good --seed 99999999999", ["--seed 99999999999", "whole number"]),
    ("bad.py:good --format xml", ["'xml'", "'text', 'json'", "--help"]),
    ("bad.py:good --nonsense", ["--nonsense", "--help"]),
    ("bad.py:good another", ["another", "--help"]),
    ("", ["target", "--help"]),
]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr; stdout must be empty."""
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("elbocheck: ")
    assert shown.err.count("\n") == 1, shown.err
    return shown.err


@pytest.mark.parametrize(("words", "expected"), WRONG_QUESTIONS, ids=[row[0] or "nothing" for row in WRONG_QUESTIONS])
def test_a_wrong_question_gets_one_line(words: str, expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The value that was typed and what to type instead, exit code 2."""
    assert main(["verify", *words.split()]) == 2
    line = one_line(capsys)
    assert [part for part in expected if part not in line] == []


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], ["COMMAND", "--help"]),
        (["verfy"], ["'verfy'", "'verify'"]),
        (["rule"], ["code", "--help"]),
        (["rule", "ELB199"], ["'ELB199'", "did you mean ELB"]),
        (["rule", "double-sigmiod"], ["'double-sigmiod'", "did you mean double-sigmoid?"]),
        (["rules", "all"], ["all", "--help"]),
    ],
)
def test_a_wrong_command_gets_one_line(
    argv: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands and codes are checked as well."""
    assert main(argv) == 2
    line = one_line(capsys)
    assert [part for part in expected if part not in line] == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("bad.py:odd_size", ["accepts none of", "cannot take (4, 5)", "--shape x=3x64x64"]),
        ("bad.py:good --data no_array.npy", ["'no_array.npy'", "numpy.save"]),
    ],
)
def test_an_impossible_run_gets_one_line(words: str, expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The question was right, exit code 3."""
    assert main(["verify", *words.split()]) == 3
    line = one_line(capsys)
    assert [part for part in expected if part not in line] == []


BROKEN = [
    ("raises", "ELB001", ["ValueError: out of cheese", "bad.py:"]),
    ("text", "ELB004", ["'done'", "float scalar"]),
    ("nothing", "ELB004", ["None", "float scalar"]),
    ("complex_number", "ELB004", ["complex number", "j", "real part"]),
    ("integer", "ELB004", ["an integer, 0", "float"]),
    ("per_element", "ELB004", ["shape (4, 5)", "batch of 4", "educe it"]),
    ("pairs", "ELB004", ["shape (4, 4)", "batch of 4", "educe it"]),
    ("all_nan", "ELB006", ["nan", "x = 1", "finite"]),
    ("infinite", "ELB006", ["inf", "x = 1", "finite"]),
    ("noisy", "ELB002", ["and then", "one input and one seed", "noise"]),
]


@pytest.mark.parametrize(("name", "code", "expected"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_loss_gets_a_short_report(
    name: str, code: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What it did, what to do, its rule, exit code 3, nothing on stderr."""
    assert main(["verify", f"bad.py:{name}"]) == 3
    shown = capsys.readouterr()
    text = " ".join(shown.out.split())
    assert [part for part in expected if part not in text] == []
    assert text.startswith(f"FAIL bad.py:{name} ")
    assert len(shown.out.splitlines()) < 12
    assert "Traceback" not in shown.out
    assert shown.err == ""
    assert main(["verify", f"bad.py:{name}", "--format", "json"]) == 3
    verdict = json.loads(capsys.readouterr().out)
    assert ([finding["code"] for finding in verdict["findings"]], verdict["exit_code"]) == ([code], 3)


@pytest.mark.parametrize("source", ["x = 1 / 0\n", "def f(:\n", "raise SystemExit(3)\n"])
def test_an_error_in_their_file_is_theirs(source: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3 and their traceback, without a line of ours."""
    (folder / "failing.py").write_text(source)
    assert main(["verify", "failing.py:f"]) == 3
    shown = capsys.readouterr().err
    assert shown.startswith("elbocheck: 'failing.py' does not import; its own error is\n")
    assert "failing.py" in shown.partition("\n")[2]
    assert str(Path(importlib.import_module("elbocheck").__file__ or "?").parent) not in shown


def test_a_value_that_is_no_literal_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    """`--set` takes anything: what Python cannot read goes to the loss as it stands."""
    for value in ("sum", "{[]: 1}", "(" * 300):
        assert main(["verify", "bad.py:raises", "--set", f"mu={value}"]) == 3
        assert value in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 0),
        (["--set", "beta=4", "--expect", "beta=4", "--expect", "family=normal"], 0),
        (["--expect", "beta=2"], 1),
        (["--expect", "beta=2", "--ignore", "ELB008"], 0),
        (["--expect", "beta=2", "--select", "ELB1,ELB2"], 0),
    ],
)
def test_a_verdict_sets_the_exit_code(options: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """0 where nothing failed, 1 where something did, and what is left out does not count."""
    assert main(["verify", "bad.py:good", *options]) == code
    shown = capsys.readouterr()
    assert shown.out.startswith("FAIL  bad.py:good\n" if code else "PASS  bad.py:good\n")
    assert shown.err == ""


def test_every_option_reaches_the_verdict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Roles, constants, shapes, dtype and seed of a whole command line, written to a file as JSON."""
    np.save(folder / "pixels.npy", np.array([0, 255], np.uint8))
    words = (
        "bad.py:Needy --init weight=2.0 --role 0=prediction --set logvar=0.0 --shape x=12288 --shape z=128 "
        "--framework numpy --dtype float32 --data pixels.npy --seed 7 --format json --output report.json --strict"
    )
    code = main(["verify", *words.split()])
    assert capsys.readouterr() == ("", "")
    verdict = json.loads((folder / "report.json").read_text())
    assert verdict["exit_code"] == code
    assert (verdict["run"]["seed"], verdict["run"]["dtype"]) == (7, "float32")
    assert verdict["roles"] == {"recon_x": "prediction", "x": "x", "mu": "q_loc"}
    assert verdict["constants"] == {"logvar": "0.0"}
    sizes = verdict["model"]["sizes"]
    assert (sizes["D"], sizes["L"]) == (12288, 128)


def test_a_report_is_written_where_it_is_wanted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As plain text, and not on the terminal."""
    assert main(["verify", "bad.py:raises", "--output", "report.txt"]) == 3
    assert capsys.readouterr() == ("", "")
    assert (folder / "report.txt").read_text().startswith("FAIL  bad.py:raises\n")


@pytest.mark.parametrize(
    ("terminal", "settings", "painted"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colour_is_for_terminals(
    terminal: bool,
    settings: dict[str, str],
    painted: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """NO_COLOR and a dumb terminal are respected."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    main(["verify", "bad.py:raises"])
    assert ("\x1b[" in capsys.readouterr().out) is painted


def test_rules_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each, and the page by code or by name."""
    assert main(["rules"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{rule.code}  {rule.name}" for rule in RULES]
    assert main(["rule", "elb103"]) == main(["rule", "both-terms-mean"]) == 0
    pages = capsys.readouterr().out
    assert pages[: len(pages) // 2] == pages[len(pages) // 2 :]
    assert pages.startswith("ELB103")


def test_roles_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each role with the names that stand for it, in 80 columns."""
    assert main(["roles"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [role for role in Role if not any(line.split(" ")[0] == role for line in lines)] == []
    assert any(line.startswith("q_log_var ") and "logvar" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_what_a_loss_prints_stays_out_of_the_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A print left in a loss spoils no JSON."""
    (folder / "printing.py").write_text("def loss(recon_x, x):\n    print('here')\n    return 'text'\n")
    assert main(["verify", "printing.py:loss", "--format", "json"]) == 3
    shown = capsys.readouterr()
    assert json.loads(shown.out)["exit_code"] == 3
    assert shown.err == ""


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """As argparse does, with exit code 0."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"elbocheck {__version__}\n")


def test_ctrl_c_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever it comes."""
    assert main(["verify", "bad.py:interrupted"]) == 130
    assert one_line(capsys) == "elbocheck: stopped\n"


# --- What only a process of its own can show ---


def run(*words: str, before: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in a fresh interpreter, after some lines of Python."""
    code = f"{before}\nimport sys\nfrom elbocheck.cli import main\nsys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, **settings}
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, check=False, text=True, env=environment
    )


def test_ctrl_c_stops_a_slow_loss(folder: Path) -> None:
    """A signal to the process: exit code 130, one line, no traceback."""
    (folder / "slow.py").write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it\n"
        "def loss(recon_x, x, mu, logvar):\n"
        "    os.write(1, b'running\\n')  # print is kept from the report\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "elbocheck", "verify", "slow.py:loss"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        _, shown = process.communicate(timeout=60)
    assert (process.returncode, shown) == (130, "elbocheck: stopped\n")


ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "jax", "tensorflow", "keras"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""


@pytest.mark.parametrize(
    ("words", "code", "extra"),
    [
        ("torch.nn.functional:huber_loss", 2, "torch"),
        ("jax.numpy:sum", 2, "jax"),
        ("bad.py:good --framework torch", 2, "torch"),
        ("needs_keras.py:loss", 3, "keras"),
    ],
)
def test_a_missing_framework_names_its_extra(words: str, code: int, extra: str, folder: Path) -> None:
    """In the target, among the options or inside the user's file: the line to type is the last one."""
    (folder / "needs_keras.py").write_text("from keras import losses\n")
    done = run("verify", *words.split(), before=ABSENT)
    assert (done.returncode, done.stdout) == (code, "")
    assert f"{extra} is not installed" in done.stderr.splitlines()[-1]
    assert f"pip install 'elbocheck[{extra}]'" in done.stderr.splitlines()[-1]
    assert ("Traceback" in done.stderr) is (code == 3)  # theirs
    assert "elbocheck/" not in done.stderr


def test_a_console_without_the_letters_still_gets_the_report(folder: Path) -> None:
    """A name outside the console's encoding is escaped, not a crash."""
    (folder / "größe.py").write_text(SOURCE, encoding="utf-8")
    done = run("verify", "größe.py:raises", PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert done.returncode == 3
    assert done.stdout.startswith(r"FAIL  gr\xf6\xdfe.py:raises")
    assert done.stderr == ""


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """`elbocheck rules | head -1` ends quietly."""
    command = [sys.executable, "-u", "-m", "elbocheck", "rules"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_what_a_file_prints_does_not_spoil_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A module that prints while it is imported, and a loss that prints, leave stdout to the report."""
    file = tmp_path / "chatty.py"
    file.write_text("print('loading')\ndef loss(x_hat, x):\n    print('called')\n    return ((x - x_hat) ** 2).sum()\n")
    assert main(["verify", f"{file}:loss", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["family"] == "normal"
