"""Which shapes a loss takes: small ones that can be tiled first, then the usual ones, then an error that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import expm1, log, prod

import numpy as np

from elbocheck.adapters import Array
from elbocheck.errors import CallError, RunError
from elbocheck.floats import held
from elbocheck.loss import ORDINARY, Loss
from elbocheck.roles import LIKELIHOOD_SCALES, LIKELIHOOD_SHAPES, POSITIVE, PREDICTIONS, Role

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The sizes of one call.

    Attributes:
        batch: B.
        event: the shape of one datum, without the batch axis.
        predicted: the shape of one prediction, where it differs from the datum's.
        latent: the shape of one latent vector.
        tileable: False where the loss takes this one event shape only.
        indexed: the data are integers, each the index of a class along one axis of the prediction.
        classes_first: that axis is the first of a prediction, not the last.
        concentration: the shape of what a posterior on a sphere has once per datum: `(1,)` or `()`.
        datum: an ordinary one: 1, or a number below it where the loss is not finite at 1.
    """

    batch: int = 4
    event: Shape = (5,)
    predicted: Shape | None = None
    latent: Shape = (3,)
    tileable: bool = True
    indexed: bool = False
    concentration: Shape = (1,)
    classes_first: bool = False
    datum: float = 1.0

    def shape(self, role: Role) -> Shape:
        """Return the whole shape of the role's array."""
        if role is Role.X:
            return (self.batch, *self.event)
        if role in PREDICTIONS | LIKELIHOOD_SCALES | LIKELIHOOD_SHAPES:
            return (self.batch, *(self.predicted or self.event))
        if role is Role.DELTA:
            return ()
        return (self.batch, *(self.concentration if role is Role.Q_KAPPA else self.latent))

    @property
    def pixels(self) -> int:
        """D: observed scalars per datum."""
        return prod(self.event)

    @property
    def latents(self) -> int:
        """L: latent scalars per datum."""
        return prod(self.latent)

    def tiled(self, axis: str) -> Layout:
        """Return the layout with one axis doubled: `B`, `L`, or the number of an event axis."""
        if axis == "B":
            return replace(self, batch=2 * self.batch)
        if axis == "L":
            return replace(self, latent=(2 * self.latent[0], *self.latent[1:]))
        place = int(axis)
        event = tuple(2 * n if i == place else n for i, n in enumerate(self.event))
        predicted: Shape = (prod(event),)
        if self.predicted is not None and self.indexed:
            predicted = (self.predicted[0], *event) if self.classes_first else (*event, self.predicted[-1])
        return replace(self, event=event, predicted=None if self.predicted is None else predicted)


INDEXED = (
    Layout(event=(), predicted=(5,), indexed=True),
    Layout(event=(3, 7), predicted=(5, 3, 7), indexed=True, classes_first=True),
    Layout(event=(3, 7), predicted=(3, 7, 5), indexed=True),
    Layout(event=(7,), predicted=(5, 7), indexed=True, classes_first=True),
    Layout(event=(7,), predicted=(7, 5), indexed=True),
)
"""One class for each datum, pixel or place of a sequence, as an integer; tried where no array of the prediction's kind is taken
as data."""
SMALL = (Layout(), Layout(event=(2, 3, 7)), Layout(event=(3, 7)), Layout(event=(2, 3, 7), predicted=(42,)))
_USUAL_EVENTS: tuple[Shape, ...] = (
    (784,), (1, 28, 28), (28, 28, 1), (28, 28), (3, 32, 32), (32, 32, 3), (1, 32, 32), (3, 64, 64), (64, 64, 3),
    (1, 64, 64), (3072,), (1024,), (4096,), (12288,), (64,), (256,), (100,), (2,), (3, 128, 128), (3, 224, 224),
)  # fmt: skip
_USUAL_LATENTS: tuple[Shape, ...] = ((3,), (2,), (20,), (32,), (16,), (10,), (64,), (128,), (256,), (8,), (50,), (100,))


def _usual() -> Iterator[Layout]:
    for event in _USUAL_EVENTS:
        yield Layout(batch=2, event=event, tileable=False)
    for event in _USUAL_EVENTS:
        if len(event) > 1:
            yield Layout(batch=2, event=event, predicted=(prod(event),), tileable=False)
    for latent in _USUAL_LATENTS[1:]:
        yield Layout(latent=latent)
        for event in ((784,), (3, 64, 64), (1, 28, 28)):
            yield Layout(batch=2, event=event, latent=latent, tileable=False)


def filled(layout: Layout, values: Mapping[Role, float | Array], dtype: np.dtype) -> dict[Role, Array]:
    """Return one array per role: a number fills the whole array, an array is taken as it is (repeated over the batch)."""
    out: dict[Role, Array] = {}
    for role, value in values.items():
        shape = layout.shape(role)
        array = np.asarray(value, np.int64) if layout.indexed and role is Role.X else held(value, dtype)
        if role is Role.Q_PROBS and array.ndim == 0:  # probabilities add up to 1 whatever number would fill them
            array = held(1 / shape[-1], dtype)
        if role is Role.Q_LOC and array.ndim == 0 and Role.Q_KAPPA in values:  # so do the squares of a direction
            array = held(shape[-1] ** -0.5, dtype)
        out[role] = np.full(shape, array) if array.ndim == 0 else array.reshape(shape)
    return out


def ordinary(role: Role) -> float:
    """Return a value of the role that every right loss accepts."""
    if role is Role.X:
        return 1.0
    if role in PREDICTIONS:
        return 0.75
    if role is Role.Q_RAW_SCALE:
        return log(expm1(1))  # softplus of it is 1
    return 1.0 if role in POSITIVE else 0.5 if role is Role.Z else 0.0


def nominal(layout: Layout, declared: Mapping[Role, Shape], *, channels_first: bool) -> Layout:
    """Return the sizes at which a report states numbers: declared ones, those the loss fixes, else 128, 784 and 32."""
    usual = {0: (), 1: (784,), 2: (28, 28), 3: (1, 28, 28) if channels_first else (28, 28, 1)}
    event = declared.get(Role.X) or (usual.get(len(layout.event), layout.event) if layout.tileable else layout.event)
    latent = declared.get(Role.Z) or ((32,) if layout.latent == Layout.latent else layout.latent)
    return Layout(batch=128, event=event, latent=latent)


def layouts(declared: Mapping[Role, Shape], *, concentrated: bool = False, few: bool = False) -> Iterator[Layout]:
    """Yield the sizes to try, small ones alone where `few`, each with a concentration as a column and as a vector."""
    for layout in _declared(declared) if declared else SMALL if few else (*SMALL, *_usual()):
        yield layout
        if concentrated:
            yield replace(layout, concentration=())


def discover(loss: Loss, declared: Mapping[Role, Shape], dtype: np.dtype) -> Layout:
    """Find a layout that the loss accepts.

    A small one that can be tiled is preferred, even where a person declared the real one: a loss that hard-codes
    `view(-1, 784)` reads 1568 pixels as two data, so tiling a fixed size would be silently wrong.

    Args:
        loss: the loss.
        declared: shapes of one datum, prediction or latent vector that a person gave (roles x, prediction, z).
        dtype: the dtype to call it in.

    Raises:
        CallError: the loss fails in the same way at every shape.
        RunError: it fails at all of them, in ways that hang on the shape.
    """
    failures: list[CallError] = []
    for layout in layouts(declared, concentrated=Role.Q_KAPPA in loss.roles, few=loss.mixture is not None):
        if len(failures) == len(SMALL) and not declared:
            if (indexed := _indexed(loss, dtype)) is not None:  # before sizes at which indices would only be broadcast
                return indexed
            _refuse_square(loss, dtype)
        try:
            value = loss(filled(layout, {role: ordinary(role) for role in loss.roles}, dtype)).value
        except CallError as error:
            failures.append(error)
            if error.code != "ELB001":
                raise
        else:
            if Role.Q_KAPPA in loss.roles:
                return _told_apart(loss, layout, dtype)
            shaped = loss.roles & LIKELIHOOD_SHAPES and Role.X in loss.roles
            usual = np.all(np.isfinite(value)) and (not shaped or _finite_at(loss, layout, layout.datum, dtype))
            return layout if usual else _inside(loss, layout, dtype)
    raise _refusal(failures, declared=bool(declared))


def _refusal(failures: Sequence[CallError], *, declared: bool) -> CallError | RunError:
    """Return what to raise for a loss that failed at every shape: its own error, or a question for the shape."""
    told = next((error for error in failures if error.remedy != ORDINARY), failures[0])
    if declared or len({error.what for error in failures}) == 1 or told.remedy != ORDINARY:
        return told
    asked = RunError(
        f"the loss accepts none of {len(failures)} usual shapes; with {SMALL[0].event[0]} values a datum it {told.what}; "
        "name the shape of one datum, e.g. --shape x=3x64x64 (and --shape z=128 for the latents)"
    )
    asked.__cause__ = told
    return asked


INSIDE = 0.4
"""An ordinary datum strictly between 0 and 1."""


def _inside(loss: Loss, layout: Layout, dtype: np.dtype) -> Layout:
    """Return the layout with a datum inside the unit interval, where the loss is finite there and not at its end."""
    if Role.X not in loss.roles or layout.indexed or not _finite_at(loss, layout, INSIDE, dtype):
        return layout
    return replace(layout, datum=INSIDE)


OTHER_SHAPE = 2.0
"""A shape beside the ordinary 1, at which powers of x and of 1 - x vanish from a density."""


def _finite_at(loss: Loss, layout: Layout, x: float, dtype: np.dtype) -> bool:
    """Tell whether a loss is finite at a datum, for a shape parameter of 1 and another."""
    given = {r: ordinary(r) for r in loss.roles} | {Role.X: x}
    moved = dict.fromkeys(loss.roles & LIKELIHOOD_SHAPES, OTHER_SHAPE)
    with suppress(CallError):
        calls = [given, {**given, **moved}] if moved else [given]
        return all(np.all(np.isfinite(loss(filled(layout, call, dtype)).value)) for call in calls)
    return False


def _told_apart(loss: Loss, layout: Layout, dtype: np.dtype) -> Layout:
    """Return the layout with the shape of a concentration that is not broadcast over the batch: which moves the loss least."""
    moved: list[tuple[int, float, Layout]] = []
    for one in (layout, replace(layout, concentration=() if layout.concentration else (1,))):
        with suppress(CallError):
            ends = [
                loss(filled(one, {r: ordinary(r) for r in loss.roles} | {Role.Q_KAPPA: k}, dtype)) for k in (1.0, 8.0)
            ]
            values = [end.value.astype(np.float64) for end in ends]
            moved.append((values[0].size, round(abs(float(np.sum(values[1] - values[0]))), 6), one))
    return min(moved, key=lambda found: found[:2])[2]


def _refuse_square(loss: Loss, dtype: np.dtype) -> None:
    """Raise CallError where a loss that takes no small sizes takes as many data as latents: a term is summed over the batch."""
    for event in ((5,), (2, 5, 7)):
        square = Layout(batch=3, event=event)
        try:
            loss(filled(square, {role: ordinary(role) for role in loss.roles}, dtype))
        except CallError:
            continue
        raise CallError(
            "ELB004",
            "runs only for as many data as latents: one term has a value for each latent where the other has one for each datum",
            "sum over the latents (axis=1 or -1), not over the batch (axis=0)",
        )


def _indexed(loss: Loss, dtype: np.dtype) -> Layout | None:
    """Return how a loss that takes no data of the prediction's shape takes the indices of classes."""
    for layout in INDEXED if Role.X in loss.roles else ():
        with suppress(CallError):
            loss(filled(layout, {role: ordinary(role) for role in loss.roles}, dtype))
            return layout
    return None


def _declared(declared: Mapping[Role, Shape]) -> Iterator[Layout]:
    """Yield the small layouts of the declared rank, then the declared sizes themselves."""
    event = declared.get(Role.X, Layout.event)
    latent = declared.get(Role.Z, Layout.latent)
    if Role.PREDICTION not in declared:
        for layout in SMALL:
            if len(layout.event) == len(event) and len(latent) == 1:
                yield layout
    batch = 2 if prod(event) > 100 else 4
    whole = Layout(batch=batch, event=event, predicted=declared.get(Role.PREDICTION), latent=latent, tileable=False)
    yield whole
    if len(event) > 1 and whole.predicted is None:
        yield replace(whole, predicted=(prod(event),))
