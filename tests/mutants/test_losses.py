"""Planted bugs are each killed by a named finding; right losses stay silent."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import pytest

from elbocheck import Intent, Outcome, verify

BUGS: dict[str, tuple[str, dict[str, Any]]] = {
    "kl_sign": ("ELB205", {}),
    "kl_missing_half": ("ELB106", {}),
    "pixel_mean": ("ELB101", {}),
    "latent_mean": ("ELB102", {}),
    "batch_sum": ("ELB104", {}),
    "log_var_as_log_std": ("ELB201", {}),
    "exp_for_square": ("ELB208", {}),
    "double_sigmoid": ("ELB402", {}),
    "swapped": ("ELB404", {}),
    "detached_kl": ("ELB601", {}),
    "target_broadcast": ("ELB116", {}),
    "gray": ("ELB401", {"intent": Intent(data_kind="gray")}),
    "constant_of_another_sigma": ("ELB405", {}),
    "clamp": ("ELB502", {}),
}
RIGHT = (
    "bce_sum",
    "bce_batch_mean",
    "logits_sum",
    "logits_per_datum",
    "logits_scaled",
    "gaussian_sum",
    "gaussian_full",
    "gaussian_small_sigma",
    "gaussian_learned",
    "gaussian_scaled",
    "huber",
    "log_std",
)


@pytest.fixture(scope="module")
def losses() -> ModuleType:
    """The losses, which need torch."""
    pytest.importorskip("torch", reason="torch is not installed")
    return importlib.import_module("tests.mutants.losses")


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_named(losses: ModuleType, name: str) -> None:
    """Each bug gets the finding that names it."""
    code, options = BUGS[name]
    verdict = verify(getattr(losses, f"bug_{name}"), **options)
    assert code in verdict.codes, str(verdict)


@pytest.mark.parametrize("name", BUGS)
def test_the_finding_is_what_kills_a_bug(losses: ModuleType, name: str) -> None:
    """Leaving its rule out leaves the bug unnamed: no other finding carries that code."""
    code, options = BUGS[name]
    verdict = verify(getattr(losses, f"bug_{name}"), ignore=[code], **options)
    assert code not in verdict.codes


@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_loss_stays_silent(losses: ModuleType, name: str, dtype: str | None) -> None:
    """No right loss warns or fails, in any dtype."""
    verdict = verify(getattr(losses, f"right_{name}"), dtype=dtype)
    loud = [f.code for f in verdict.findings if f.outcome is not Outcome.NOTE]
    assert not loud, str(verdict)
    assert verdict.bound.value in ("exact", "constant", "scaled"), str(verdict)
