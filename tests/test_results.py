"""What a loss returns is read in whatever form it comes, or refused with the value and the remedy."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from elbocheck.adapters import adapter
from elbocheck.errors import CallError
from elbocheck.results import LOSS_NAMES, pick, read, total

NUMPY = adapter("numpy")
Terms = namedtuple("Terms", ["recon", "loss"])  # noqa: PYI024 - as people write it


@dataclass
class Output:
    """A model output as a dataclass."""

    reconstruction: Any
    loss: Any


class Plain:
    """A model output as a plain object."""

    def __init__(self) -> None:
        self.kl = 2.0
        self.elbo = 3.0
        self.name = "vae"


@pytest.mark.parametrize(
    ("returned", "value", "terms"),
    [
        (3.0, 3.0, {}),
        (np.float32(3.0), 3.0, {}),
        (np.array(3.0), 3.0, {}),
        (np.array([1.0, 2.0]), [1.0, 2.0], {}),
        ((3.0, 1.0, 2.0), 3.0, {"1": 1.0, "2": 2.0}),
        ([3.0, 1.0], 3.0, {"1": 1.0}),
        ((3.0, "info", None, 2), 3.0, {}),
        ({"kl": 1.0, "loss": 3.0}, 3.0, {"kl": 1.0}),
        (OrderedDict(recon=2.0, total_loss=3.0), 3.0, {"recon": 2.0}),
        ({"bce": 2.0, "kl": 1.0}, 2.0, {"kl": 1.0}),
        (Terms(1.0, 3.0), 3.0, {"recon": 1.0}),
        (Output(np.ones(2), 3.0), 3.0, {"reconstruction": [1.0, 1.0]}),
        (Plain(), 3.0, {"kl": 2.0}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_form_of_result_is_read(returned: Any, value: Any, terms: dict[str, Any]) -> None:
    """The member called loss, else the first, is the loss; other floats are its terms, the rest is left out."""
    result = read(returned, NUMPY)
    assert result.value.tolist() == value
    assert {name: term.tolist() for name, term in result.terms.items()} == terms


@pytest.mark.parametrize("name", LOSS_NAMES)
def test_each_known_name_is_the_loss(name: str) -> None:
    """Wherever it stands in the dictionary."""
    assert pick({"first": 1.0, name: 3.0}, NUMPY) == (3.0, {"first": 1.0})


def test_the_better_name_wins() -> None:
    """`loss` goes before `elbo`, whichever comes first."""
    assert pick({"elbo": -3.0, "loss": 3.0}, NUMPY) == (3.0, {"elbo": -3.0})


@pytest.mark.parametrize(
    ("returned", "name"),
    [
        ((1.0, 2.0, 3.0), "2"),
        ((3.0, 1.0, 2.0), "0"),
        ({"kl": 1.0, "all": np.array([1.0, 2.0]), "recon": 2.0}, "all"),
        ({"kl": 1.0, "loss": 5.0, "both": 6.0}, None),
        ((1.0, 1.0), None),
        ((0.0, 0.0, 0.0), None),
        ((1.0, 2.0, 4.0), None),
        (3.0, None),
    ],
)
def test_the_sum_of_the_other_members_is_found(returned: Any, name: str | None) -> None:
    """`(recon, kl, recon + kl)` tells by its numbers which one is the loss, unless a name does."""
    assert total(returned, NUMPY) == name
    if name is not None:
        value = read(returned, NUMPY, name).value
        assert float(value.sum()) == 3.0


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("done", ["returned 'done'", "return a float scalar"]),
        (b"done", ["returned b'done'", "return a float scalar"]),
        (None, ["returned None", "return a float scalar"]),
        (True, ["returned True", "return a float scalar"]),
        (print, ["returned <built-in function print>", "return a float scalar"]),
        (("done", 1.0), ["returned 'done'", "return a float scalar"]),
        ({"loss": None, "kl": 1.0}, ["returned None", "return a float scalar"]),
        (3, ["an integer, 3", "return a float"]),
        (np.int64(3), ["an integer", "3", "return a float"]),
        (np.array([1, 2]), ["an integer, array([1, 2])", "return a float"]),
        (np.zeros((2, 2), int), ["an integer, array([[0, 0], [0, 0]])", "return a float"]),
        (np.array(["a"]), ["<U1 values, array(['a']", "return a float"]),
        (np.array([None]), ["object values", "return a float"]),
        (np.array([True]), ["bool values", "return a float"]),
        (1j, ["a complex number, 1j", "return its real part"]),
        (np.array([1j]), ["a complex number", "return its real part"]),
        ((), ["an empty tuple", "return the loss"]),
        ({}, ["an empty dict", "return the loss"]),
        ("a\n" * 100, ["...", "return a float scalar"]),
    ],
)
def test_what_is_no_loss_is_refused(returned: Any, expected: list[str]) -> None:
    """Rule ELB004, one line, the value (shortened) and what to return instead."""
    with pytest.raises(CallError) as caught:
        read(returned, NUMPY)
    assert caught.value.code == "ELB004"
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 220
    assert [part for part in expected if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("returned", "exact"), [(3.0, False), (np.float64(3.0), True), (np.float32(3.0), True), (np.ones(2), True)]
)
def test_python_numbers_hide_their_dtype(returned: Any, exact: bool) -> None:
    """`float(loss)` says nothing on the dtype of the arithmetic."""
    assert read(returned, NUMPY).exact_dtype is exact


def test_tensors_are_read() -> None:
    """A tensor that requires a gradient, inside a dictionary, becomes NumPy in its own dtype."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    loss = torch.tensor(3.0, requires_grad=True)
    result = read({"loss": loss * 1, "kl": torch.tensor(1), "step": 4, "bce": loss * 2}, adapter("torch"))
    assert result.value.dtype == np.float32
    assert (result.value.tolist(), {n: t.tolist() for n, t in result.terms.items()}) == (3.0, {"bce": 6.0})
