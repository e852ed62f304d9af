"""The fixture, as a library's own test suite uses it: pytest is run on a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOSSES = """
import numpy as np

def right(x_hat, x, mu, log_var):
    kl = -0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var), axis=1)
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + kl)

def flipped(x_hat, x, mu, log_var):
    kl = 0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var), axis=1)
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + kl)

def averaged(x_hat, x, mu, log_var):
    return np.mean((x - x_hat) ** 2) - 0.5 * np.mean(1 + log_var - mu**2 - np.exp(log_var))
"""
TESTS = """
import losses

def test_right(elbocheck):
    verdict = elbocheck.verify(losses.right)
    assert verdict.bound == "constant"

def test_flipped(elbocheck):
    elbocheck.verify(losses.flipped)

def test_averaged(elbocheck):
    elbocheck.verify(losses.averaged, seed=3)
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with losses and their tests."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "losses.py").write_text(LOSSES)
    (folder / "test_losses.py").write_text(TESTS)
    return folder


def _pytest(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_failing_loss_fails_with_the_report(suite: Path) -> None:
    """The report that a person sees is the failure's text, without a traceback of ours."""
    done = _pytest(suite)
    assert "1 failed, 2 passed" in done.stdout
    assert "ELB205 kl-sign-flipped" in done.stdout
    assert "engine.py" not in done.stdout


def test_strict_lets_warnings_fail(suite: Path) -> None:
    """Under --elbocheck-strict the averaged loss fails too."""
    done = _pytest(suite, "--elbocheck-strict")
    assert "2 failed, 1 passed" in done.stdout
    assert "ELB103 both-terms-mean" in done.stdout


def test_the_seed_is_an_option(suite: Path) -> None:
    """The option reaches the report; a test's own seed wins."""
    done = _pytest(suite, "--elbocheck-seed", "41", "-k", "flipped or averaged", "--elbocheck-strict")
    assert "seed 41" in done.stdout
    assert "seed 3," in done.stdout
