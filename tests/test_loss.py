"""A loss is called with arrays by role, whatever its signature; what goes wrong in it is told as its own."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from elbocheck.errors import CallError
from elbocheck.loss import Loss
from elbocheck.roles import Role

X, PREDICTION = np.array([[1.0, 2.0]]), np.array([[0.5, 0.25]])
INPUTS = {Role.X: X, Role.PREDICTION: PREDICTION}
DIFFERENCE = float((X - PREDICTION).sum())


def named(recon_x: Any, x: Any) -> Any:
    """Both arguments by name."""
    return (x - recon_x).sum()


def positional(recon_x: Any, x: Any, /) -> Any:
    """Both arguments by position only."""
    return (x - recon_x).sum()


def mixed(recon_x: Any, /, *, x: Any) -> Any:
    """One by position only, one by name only."""
    return (x - recon_x).sum()


def reversed_names(x: Any, recon_x: Any) -> Any:
    """The other order."""
    return (x - recon_x).sum()


def starred(recon: Any, *args: Any, scale: float = 1.0) -> Any:
    """A named argument before open ones."""
    return scale * (args[0] - recon).sum()


def keywords(**kwargs: Any) -> Any:
    """Open keywords alone."""
    return kwargs["scale"] * (kwargs["x"] - kwargs["recon_x"]).sum()


class Model:
    """A model whose method is the loss."""

    scale = 1.0

    def loss(self, recon_x: Any, x: Any) -> Any:
        """Use the model's own state."""
        return self.scale * (x - recon_x).sum()

    def __call__(self, recon_x: Any, x: Any) -> Any:
        """Be a loss."""
        return self.loss(recon_x, x)


@pytest.mark.parametrize(
    ("function", "roles", "constants"),
    [
        (named, {}, {}),
        (positional, {}, {}),
        (mixed, {}, {}),
        (reversed_names, {}, {}),
        (starred, {1: "x"}, {}),
        (starred, {0: "prediction", 1: "x"}, {"scale": 1.0}),
        (keywords, {"x": "x", "recon_x": "prediction"}, {"scale": 1.0}),
        (Model().loss, {}, {}),
        (Model(), {}, {}),
        (functools.partial(starred, scale=1.0), {1: "x"}, {}),
        (lambda a, b: (b - a).sum(), {0: "prediction", "b": "x"}, {}),
    ],
)
def test_each_array_reaches_its_argument(
    function: Callable[..., Any], roles: Mapping[Any, str], constants: Mapping[Any, Any]
) -> None:
    """By name, by position or both, x - prediction comes out."""
    loss = Loss.of(function, roles=roles, constants=constants)
    assert loss(INPUTS).value.tolist() == DIFFERENCE
    assert loss.roles == {Role.X, Role.PREDICTION}


@pytest.mark.parametrize(
    ("function", "target", "name"),
    [(named, None, "named"), (named, "a.py:b", "a.py:b"), (Model(), None, "Model"), (Model().loss, None, "Model.loss")],
)
def test_a_loss_has_a_name(function: Callable[..., Any], target: str | None, name: str) -> None:
    """The one that the user typed, else the function's own."""
    assert Loss.of(function, target=target).target == name


def failing(x: Any) -> Any:
    """Raise with a message of several lines."""
    raise ValueError("first line\nsecond line" + " and more" * 100)


def test_calls_are_counted() -> None:
    """One for each call, failed ones included."""
    loss = Loss.of(failing)
    for _ in range(2):
        with pytest.raises(CallError):
            loss({Role.X: X})
    assert (loss.calls.values, loss.calls.gradients) == (2, 0)


def test_what_it_raises_is_told_with_the_line() -> None:
    """Rule ELB001: the exception, one line of its message, where in whose file, the line itself."""
    with pytest.raises(CallError) as caught:
        Loss.of(failing)({Role.X: X})
    error = caught.value
    assert error.code == "ELB001"
    assert error.what.startswith("raised ValueError: first line second line and more")
    assert f"({__file__}:{failing.__code__.co_firstlineno + 2}: raise ValueError(" in error.what
    assert "elbocheck/loss.py" not in error.what
    assert "\n" not in str(error)
    assert len(error.what) < 500


def test_ctrl_c_is_not_taken_for_a_defect() -> None:
    """A KeyboardInterrupt goes through."""

    def interrupted(x: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Loss.of(interrupted)({Role.X: X})


def test_an_exit_of_the_loss_is_its_failure() -> None:
    """`sys.exit()` in a loss must not end a verification in silence with the loss's own code."""

    def leaving(x: Any) -> Any:
        raise SystemExit(0)

    with pytest.raises(CallError, match="raised SystemExit"):
        Loss.of(leaving)({Role.X: X})


def test_warnings_of_a_loss_stay_inside() -> None:
    """NumPy's warnings and others are neither shown nor raised."""

    def noisy(x: Any) -> Any:
        warnings.warn("deprecated", DeprecationWarning, stacklevel=1)
        return np.log(x - x).sum()

    assert Loss.of(noisy)({Role.X: X}).value.tolist() == -np.inf


@pytest.mark.parametrize(("seed", "other", "same"), [(1, 1, True), (1, 2, False)])
def test_every_call_starts_from_the_seed(seed: int, other: int, same: bool) -> None:
    """The draws of a loss depend on the seed and on nothing before."""

    def drawing(x: Any) -> float:
        return float(np.random.rand())

    first, second = Loss.of(drawing, seed=seed), Loss.of(drawing, seed=other)
    draws = [loss({Role.X: X}).value.tolist() for loss in (first, first, second)]
    assert draws[0] == draws[1]
    assert (draws[0] == draws[2]) is same


def test_writing_into_an_argument_is_seen_and_harms_nothing() -> None:
    """The role is named; the caller's array keeps its values. A NaN that stays is no change."""

    def writing(recon_x: Any, x: Any) -> Any:
        recon_x -= x
        return recon_x.sum()

    inputs = {Role.X: np.array([np.nan, 1.0]), Role.PREDICTION: np.ones(2)}
    assert Loss.of(writing).mutated(inputs) == [Role.PREDICTION]
    assert inputs[Role.PREDICTION].tolist() == [1.0, 1.0]
    assert Loss.of(named).mutated(inputs) == []


@pytest.mark.parametrize(("recon", "kl"), [(1.0, 2.0), (2.0, 1.0)])
def test_the_sum_of_the_terms_is_the_loss(recon: float, kl: float) -> None:
    """A loss that returns its terms and then their sum is read as the sum, its terms as terms."""

    def loss(recon_x: Any, x: Any) -> Any:
        return recon, kl, recon + kl

    bound = Loss.of(loss)
    assert bound(INPUTS).value.tolist() == recon
    result = bound.totalled(INPUTS)(INPUTS)
    assert (result.value.tolist(), result.terms) == (3.0, {"0": recon, "1": kl})


def test_torch_gradients_by_role() -> None:
    """The slope of 3 x^2 y with respect to the roles asked for, the others held; the loss may sit in a tuple."""
    torch = pytest.importorskip("torch", reason="torch is not installed")

    def loss(recon_x: Any, x: Any) -> Any:
        return {"loss": 3 * recon_x**2 * x, "log": torch.ones(())}

    bound = Loss.of(loss, framework="torch")
    slopes = bound.gradient(INPUTS, {Role.PREDICTION: PREDICTION})
    assert {role: slope.tolist() for role, slope in slopes.items()} == {Role.PREDICTION: (6 * PREDICTION * X).tolist()}
    assert (bound.calls.values, bound.calls.gradients) == (0, 1)


def test_a_loss_can_be_spoken_to_in_another_framework() -> None:
    """The same binding through another adapter."""
    pytest.importorskip("torch", reason="torch is not installed")
    kinds: list[str] = []

    def loss(recon_x: Any, x: Any) -> Any:
        kinds.append(type(x).__name__)
        return (x - recon_x).sum()

    bound = Loss.of(loss, framework="numpy")
    assert bound(INPUTS).value == bound.speaking("torch")(INPUTS).value
    assert kinds == ["ndarray", "Tensor"]


def test_a_loss_for_an_absent_device_is_told_what_to_do() -> None:
    """The framework's own words, the line, and what would help."""

    def loss(x_hat: Any, x: Any) -> Any:
        raise AssertionError("Torch not compiled with CUDA enabled")

    with pytest.raises(CallError, match="CUDA") as caught:
        Loss.of(loss)({Role.PREDICTION: np.ones(2), Role.X: np.ones(2)})
    assert "follow the device of its arguments" in caught.value.remedy
