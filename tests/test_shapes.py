"""Shape discovery: small shapes that can be tiled first, then the usual ones, then one line that asks."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np
import pytest

from elbocheck.errors import CallError, RunError
from elbocheck.loss import Loss
from elbocheck.roles import POSITIVE, Role
from elbocheck.shapes import SMALL, Layout, Shape, discover, filled, nominal, ordinary

F64 = np.dtype(np.float64)


@pytest.mark.parametrize(
    ("role", "shape"),
    [
        (Role.X, (4, 2, 3)),
        (Role.PREDICTION, (4, 6)),
        (Role.LOGITS, (4, 6)),
        (Role.LOG_VAR, (4, 6)),
        (Role.DELTA, ()),
        (Role.Q_LOC, (4, 7)),
        (Role.Q_SCALE, (4, 7)),
        (Role.Z, (4, 7)),
    ],
)
def test_each_role_has_its_shape(role: Role, shape: Shape) -> None:
    """Data and prediction may differ, a likelihood's scale goes with the prediction, the rest with the latents."""
    assert Layout(event=(2, 3), predicted=(6,), latent=(7,)).shape(role) == shape


def test_sizes_are_counted_by_datum() -> None:
    """D and L leave the batch out; a scalar datum counts 1."""
    layout = Layout(batch=9, event=(2, 3), latent=(5, 4))
    assert (layout.pixels, layout.latents, Layout(event=()).pixels) == (6, 20, 1)


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ("B", Layout(8, (2, 3), (6,), (7,))),
        ("L", Layout(4, (2, 3), (6,), (14,))),
        ("0", Layout(4, (4, 3), (12,), (7,))),
        ("1", Layout(4, (2, 6), (12,), (7,))),
    ],
)
def test_tiling_doubles_one_axis(axis: str, expected: Layout) -> None:
    """A flat prediction grows with its datum."""
    assert Layout(4, (2, 3), (6,), (7,)).tiled(axis) == expected


def test_filled_repeats_numbers_and_takes_arrays() -> None:
    """A number fills its array, an array keeps its values, both in the dtype asked for."""
    image = np.arange(24.0)
    arrays = filled(Layout(4, (2, 3)), {Role.X: image, Role.Z: 0.5}, np.dtype(np.float32))
    assert {role: array.shape for role, array in arrays.items()} == {Role.X: (4, 2, 3), Role.Z: (4, 3)}
    assert arrays[Role.X].ravel().tolist() == image.tolist()
    assert set(arrays[Role.Z].ravel().tolist()) == {0.5}
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("role", Role)
def test_ordinary_values_lie_in_the_domain(role: Role) -> None:
    """Positive where the role is, inside (0, 1) for a prediction, the prior for a posterior."""
    value = ordinary(role)
    assert value > 0 if role in POSITIVE else 0 <= value <= 1


class Seen(NamedTuple):
    """The shapes of one prediction, datum and latent vector that a loss was called with."""

    r: Shape
    x: Shape
    m: Shape


def seeing(accepts: Callable[[Seen], bool]) -> Loss:
    """Return a loss that raises unless it accepts the shapes it sees."""

    def loss(recon_x: Any, x: Any, mu: Any) -> float:
        if not accepts(Seen(recon_x.shape[1:], x.shape[1:], mu.shape[1:])):
            raise ValueError(f"cannot take {recon_x.shape}, {x.shape}, {mu.shape}")
        return 1.0

    return Loss.of(loss)


DISCOVERED = [
    ("anything", bool, SMALL[0]),
    ("images", lambda s: len(s.x) == 3, SMALL[1]),
    ("matrices", lambda s: len(s.x) == 2, SMALL[2]),
    ("flat against image", lambda s: len(s.x) == 3 and len(s.r) == 1, SMALL[3]),
    ("784 values", lambda s: s.x == (784,), Layout(2, (784,), tileable=False)),
    ("three channels", lambda s: s.x == (3, 64, 64), Layout(2, (3, 64, 64), tileable=False)),
    (
        "view(-1, 784) of a prediction",
        lambda s: s.r == (784,) and s.x == (1, 28, 28),
        Layout(2, (1, 28, 28), (784,), tileable=False),
    ),
    ("20 latents", lambda s: s.m == (20,), Layout(latent=(20,))),
    (
        "784 values and 20 latents",
        lambda s: s.x == (784,) and s.m == (20,),
        Layout(2, (784,), latent=(20,), tileable=False),
    ),
]


@pytest.mark.parametrize(("accepts", "layout"), [row[1:] for row in DISCOVERED], ids=[row[0] for row in DISCOVERED])
def test_the_first_shape_that_works_is_taken(accepts: Callable[[Seen], bool], layout: Layout) -> None:
    """Tileable where possible; else the usual size that the loss insists on, marked as such."""
    assert discover(seeing(accepts), {}, F64) == layout


@pytest.mark.parametrize(
    ("accepts", "declared", "layout"),
    [
        (bool, {Role.X: (3, 64, 64)}, SMALL[1]),
        (lambda s: s.x == (5, 11), {Role.X: (5, 11)}, Layout(4, (5, 11), tileable=False)),
        (lambda s: s.x == (17, 11), {Role.X: (17, 11)}, Layout(2, (17, 11), tileable=False)),
        (
            lambda s: s.x == (5, 11) and s.r == (55,),
            {Role.X: (5, 11)},
            Layout(4, (5, 11), (55,), tileable=False),
        ),
        (
            bool,
            {Role.X: (5, 11), Role.PREDICTION: (55,)},
            Layout(4, (5, 11), (55,), tileable=False),
        ),
        (lambda s: s.m == (11,), {Role.Z: (11,)}, Layout(latent=(11,), tileable=False)),
        (bool, {Role.X: ()}, Layout(event=(), tileable=False)),
    ],
)
def test_a_declared_shape_is_tried(
    accepts: Callable[[Seen], bool], declared: dict[Role, Shape], layout: Layout
) -> None:
    """A small one of the same rank where the loss takes it, else the declared one."""
    assert discover(seeing(accepts), declared, F64) == layout


def test_a_shape_that_is_not_among_the_usual_ones_is_asked_for() -> None:
    """Exit code 3, the loss's own words and the flag to type."""
    with pytest.raises(RunError, match=r"accepts none of \d+ usual shapes.*cannot take.*--shape x=3x64x64.*--shape z"):
        discover(seeing(lambda s: s.x == (7, 13)), {}, F64)


def test_a_missing_keyword_is_asked_for() -> None:
    """The flag that gives it goes before any talk of shapes."""

    def loss(x: Any, **kwargs: Any) -> float:
        if x.ndim != 2:
            raise ValueError("flat only")
        return float(kwargs["kl_share"])

    with pytest.raises(CallError, match="--set kl_share=VALUE"):
        discover(Loss.of(loss), {}, F64)


def test_a_loss_that_always_fails_alike_is_told_as_such() -> None:
    """The shape is not the reason."""

    def broken(x: Any) -> float:
        raise ValueError("always")

    with pytest.raises(CallError, match="always") as caught:
        discover(Loss.of(broken), {}, F64)
    assert caught.value.code == "ELB001"


def test_a_result_that_is_no_loss_ends_the_search() -> None:
    """Nothing is gained by other shapes."""

    def texting(x: Any) -> str:
        return "text"

    loss = Loss.of(texting)
    with pytest.raises(CallError) as caught:
        discover(loss, {}, F64)
    assert (caught.value.code, loss.calls.values) == ("ELB004", 1)


def test_a_declared_shape_that_fails_is_told_as_it_fails() -> None:
    """The first failure, not a request for what was given already."""
    with pytest.raises(CallError, match=r"cannot take \(4, 5, 11\)"):
        discover(seeing(lambda s: not s), {Role.X: (5, 11), Role.PREDICTION: (5, 11)}, F64)


@pytest.mark.parametrize(
    ("layout", "declared", "event", "latent"),
    [
        (SMALL[0], {}, (784,), (32,)),
        (SMALL[1], {}, (1, 28, 28), (32,)),
        (SMALL[2], {}, (28, 28), (32,)),
        (Layout(2, (3, 64, 64), tileable=False), {}, (3, 64, 64), (32,)),
        (Layout(latent=(20,)), {}, (784,), (20,)),
        (SMALL[1], {Role.X: (3, 64, 64), Role.Z: (128,)}, (3, 64, 64), (128,)),
        (Layout(event=(), tileable=False), {Role.X: ()}, (), (32,)),
    ],
)
def test_numbers_are_stated_at_nominal_sizes(
    layout: Layout, declared: dict[Role, Shape], event: Shape, latent: Shape
) -> None:
    """Declared sizes, those the loss fixes, else MNIST with 32 latents, always 128 data."""
    stated = nominal(layout, declared, channels_first=True)
    assert (stated.batch, stated.event, stated.latent) == (128, event, latent)
    assert stated.pixels == prod(event)


def test_nominal_channels_stand_where_the_framework_has_them() -> None:
    """Last for NumPy, first for torch."""
    stated = [nominal(SMALL[1], {}, channels_first=first).event for first in (True, False)]
    assert stated == [(1, 28, 28), (28, 28, 1)]
