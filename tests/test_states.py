"""Modes and schedules: weights that differ between training and evaluation, and schedules that end below 1."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from elbocheck import Outcome, Verdict, verify
from elbocheck.binding import bind
from elbocheck.intent import Intent
from elbocheck.memory import WALK, copied, counter, remembers
from elbocheck.roles import Role


def kl(mu: Any, logvar: Any) -> Any:
    """The KL of each datum."""
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)


def whole(recon_x: Any, x: Any, mu: Any, logvar: Any, weight: float) -> Any:
    """Half the squared error and a weighed KL."""
    return np.mean(0.5 * np.sum((x - recon_x) ** 2, axis=1) + weight * kl(mu, logvar))


def entropy(logits: Any, x: Any, mu: Any, logvar: Any, weight: float) -> Any:
    """A cross-entropy and a weighed KL."""
    return np.mean(np.sum(np.logaddexp(0.0, logits) - x * logits, axis=1) + weight * kl(mu, logvar))


# --- modes


def in_training(recon_x: Any, x: Any, mu: Any, logvar: Any, training: bool) -> Any:
    """Mean squared error; the KL's weight is 2.5e-4 in training and 1 in validation."""
    return np.mean((x - recon_x) ** 2) + (2.5e-4 if training else 1.0) * np.mean(kl(mu, logvar))


def in_evaluation(recon_x: Any, x: Any, mu: Any, logvar: Any, is_eval: bool = False) -> Any:
    """The other way round, with a default."""
    return whole(recon_x, x, mu, logvar, 1.0 if is_eval else 0.1)


def by_keyword(*args: Any, **kwargs: Any) -> Any:
    """Looked up among the keywords."""
    recons, x, mu, logvar = args
    return whole(recons, x, mu, logvar, 0.5 if kwargs["training"] else 1.0)


class Owner:
    """An owner with a mode, which has no methods for it."""

    training = True

    def __init__(self) -> None:
        self.training = True

    def loss_function(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        """Weigh by mode."""
        return whole(recon_x, x, mu, logvar, 0.25 if self.training else 1.0)


def enclosed() -> Callable[..., Any]:
    """A function that asks an object in its closure."""
    owner = Owner()

    def loss(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        return owner.loss_function(recon_x, x, mu, logvar)

    return loss


@pytest.mark.parametrize(
    "loss",
    [in_training, in_evaluation, by_keyword, Owner().loss_function, enclosed(), partial(in_training)],
    ids=["argument", "default", "keyword", "method", "closure", "partial"],
)
def test_weights_that_differ_between_modes_are_named(loss: Callable[..., Any]) -> None:
    """Whoever tells the mode."""
    (found,) = (f for f in verify(loss).findings if f.code == "ELB114")
    assert found.outcome is Outcome.WARN


def test_the_two_models_are_stated() -> None:
    """The weight in training is named too, and both variances are."""
    verdict = verify(in_training)
    assert verdict.codes == ("ELB101", "ELB108", "ELB114")
    (found,) = (f for f in verdict.findings if f.code == "ELB114")
    assert "D/8000" in found.message
    assert "D/2" in found.message
    assert verdict.constants == {"training": "True (assumed)"}


def logged(recon_x: Any, x: Any, mu: Any, logvar: Any, training: bool = False) -> Any:
    """The mode does nothing to the value."""
    return whole(recon_x, x, mu, logvar, 1.0 if training else 1)


def per_pixel(recon_x: Any, x: Any, mu: Any, logvar: Any, train: bool) -> Any:
    """Reported per pixel in evaluation: the model is the same."""
    return whole(recon_x, x, mu, logvar, 1.0) / (1 if train else x.shape[1])


def test_equal_weights_are_silent() -> None:
    """A mode without effect says nothing, one that scales both terms is a note."""
    assert "ELB114" not in verify(logged).codes
    (found,) = (f for f in verify(per_pixel).findings if f.code == "ELB114")
    assert found.outcome is Outcome.NOTE
    assert "D = 784 at D = 784 times" in found.message


def averaged(recon_x: Any, x: Any, mu: Any, logvar: Any, training: bool = True) -> Any:
    """The objective in training, the error of a pixel in evaluation."""
    if training:
        return whole(recon_x, x, mu, logvar, 1.0)
    return np.mean((x - recon_x) ** 2) + np.mean(kl(mu, logvar))


def summed(recon_x: Any, x: Any, mu: Any, logvar: Any, training: bool = True) -> Any:
    """The KL is summed over the batch in evaluation."""
    return whole(recon_x, x, mu, logvar, 1.0 if training else len(x))


@pytest.mark.parametrize(
    ("loss", "says"), [(averaged, "D/2 = 392 at D = 784"), (summed, "B = 128 at B = 128")], ids=["mean", "sum"]
)
def test_the_other_model_is_stated_at_the_nominal_sizes(loss: Callable[..., Any], says: str) -> None:
    """Another reduction is a formula, not the number that it is at the sizes of the probe."""
    (found,) = (f for f in verify(loss).findings if f.code == "ELB114")
    assert found.message == f"training = True sigma^2 = 1; training = False sigma^2 = {says}."


def test_values_per_datum_in_one_mode_are_no_other_weight() -> None:
    """Whoever takes them averages them."""

    def each(recon_x: Any, x: Any, mu: Any, logvar: Any, training: bool = True) -> Any:
        values = 0.5 * np.sum((x - recon_x) ** 2, axis=1) + kl(mu, logvar)
        return values.mean() if training else values

    assert verify(each).findings == ()


def test_a_mode_that_switches_noise_off_is_not_accused() -> None:
    """Dropout moves the value in training; nothing is said of its weights but that they are not known."""
    torch = pytest.importorskip("torch", reason="torch is not installed")

    def each(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        return (0.5 * (x - recon_x) ** 2).sum(1) - 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1)

    def dropped(recon_x: Any, x: Any, mu: Any, logvar: Any, training: bool = False) -> Any:
        return each(torch.nn.functional.dropout(recon_x, 0.2, training), x, mu, logvar).mean()

    class Dropped(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.part = torch.nn.Dropout(0.3)

        def forward(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
            return each(self.part(recon_x), x, mu, logvar).mean()

    for loss in (dropped, Dropped().eval()):
        verdict = verify(loss)
        assert (verdict.codes, verdict.bound.value) == ((), "constant")
        (found,) = verdict.findings
        assert found.outcome is Outcome.INCONCLUSIVE
        assert "not compared" in found.message
    for random, switch in ((partial(dropped, training=True), "--set training=False"), (Dropped(), ".eval()")):
        (found,) = verify(random).findings
        assert "draws random numbers" in found.message
        assert switch in found.fix


def test_a_mode_is_put_back() -> None:
    """After the run, and after a failure in it, every module is in the mode that it was in."""
    torch = pytest.importorskip("torch", reason="torch is not installed")

    class Weighed(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, fails: bool) -> None:
            super().__init__()
            self.part, self.other, self.fails = torch.nn.Dropout(0.5), torch.nn.Dropout(0.5), fails
            self.part.eval()

        def forward(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
            if self.fails and not self.training:
                raise ValueError("not in evaluation")
            each = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1)
            return torch.nn.functional.mse_loss(recon_x, x) + (2.5e-4 if self.training else 1.0) * each.mean()

    for fails, codes in ((False, {"ELB101", "ELB108", "ELB114"}), (True, {"ELB101", "ELB108"})):
        module = Weighed(fails)
        assert set(verify(module).codes) == codes
        assert (module.training, module.part.training, module.other.training) == (True, False, True)
    assert "ELB114" not in verify(torch.nn.MSELoss()).codes


# --- schedules


def warm(recon_x: Any, x: Any, mu: Any, logvar: Any, step: int) -> Any:
    """A linear warm-up to 1."""
    return whole(recon_x, x, mu, logvar, min(1.0, step / 1000))


def cyclical(recon_x: Any, x: Any, mu: Any, logvar: Any, global_step: int = 0) -> Any:
    """Up in the first half of each cycle, 1 in the second."""
    return whole(recon_x, x, mu, logvar, min(1.0, 2 * (global_step % 2000) / 2000))


def sigmoidal(logits: Any, x: Any, mu: Any, logvar: Any, epoch: int) -> Any:
    """A logistic schedule."""
    return entropy(logits, x, mu, logvar, float(1 / (1 + np.exp(-0.5 * (epoch - 20)))))


def table(recon_x: Any, x: Any, mu: Any, logvar: Any, epoch: int) -> Any:
    """A table of weights, which ends."""
    return whole(recon_x, x, mu, logvar, [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0][epoch])


def indifferent(recon_x: Any, x: Any, mu: Any, logvar: Any, iteration: int) -> Any:
    """The step is only logged."""
    return whole(recon_x, x, mu, logvar, 1.0 + 0 * iteration)


@pytest.mark.parametrize("loss", [warm, cyclical, sigmoidal, table, indifferent], ids=lambda f: f.__name__)
def test_a_schedule_that_ends_at_1_is_silent(loss: Callable[..., Any]) -> None:
    """The model is the last one's, without a finding."""
    verdict = verify(loss)
    assert verdict.codes == (), str(verdict)
    assert verdict.bound.value in ("exact", "constant")


def low(logits: Any, x: Any, mu: Any, logvar: Any, current_epoch: int) -> Any:
    """A warm-up that stops at a tenth."""
    return entropy(logits, x, mu, logvar, min(0.1, current_epoch / 100))


def endless(recon_x: Any, x: Any, mu: Any, logvar: Any, step: int) -> Any:
    """A weight that grows for ever."""
    return whole(recon_x, x, mu, logvar, step / 1000)


def fading(recon_x: Any, x: Any, mu: Any, logvar: Any, n_iter: float) -> Any:
    """A weight that falls from 1 to 0.01."""
    return whole(recon_x, x, mu, logvar, max(0.01, 1 - n_iter / 1000))


@pytest.mark.parametrize("loss", [low, endless, fading], ids=lambda f: f.__name__)
def test_a_schedule_that_ends_below_1_is_named(loss: Callable[..., Any]) -> None:
    """So is one that does not end."""
    (found,) = (f for f in verify(loss).findings if f.code == "ELB115")
    assert found.outcome is Outcome.WARN


def test_a_declared_end_of_a_schedule_is_silent() -> None:
    """A beta of a tenth was meant."""
    assert "ELB115" not in verify(low, intent=Intent(expect={"beta": 0.1})).codes
    assert "ELB115" in verify(low, intent=Intent(expect={"beta": 0.2})).codes


def test_a_repetition_is_no_schedule() -> None:
    """`n_iter=20` says how often to repeat: it keeps its value."""

    def repeated(recon_x: Any, x: Any, n_iter: int = 20) -> Any:
        return sum(np.sum((x - recon_x) ** 2) for _ in range(n_iter)) / n_iter

    assert bind(repeated).states == {}
    assert verify(repeated).constants == {"n_iter": "20 (default)"}


# --- counters


class Counter:
    """Counts its calls in an attribute."""

    def __init__(self, top: float) -> None:
        self.top, self.calls = top, 0

    def __call__(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        """Weigh by the number of calls."""
        self.calls += 1
        return whole(recon_x, x, mu, logvar, min(self.top, self.calls / 500))

    def method(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        """Do the same as a method."""
        return self(recon_x, x, mu, logvar)


class Growing:
    """Keeps the weight itself, not the number of calls."""

    def __init__(self, top: float) -> None:
        self.weight, self.top = 0.0, top

    def __call__(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        """Let the weight grow."""
        self.weight = min(self.top, self.weight + 0.01)
        return whole(recon_x, x, mu, logvar, self.weight)


def closure(top: float) -> Callable[..., Any]:
    """A counter in a closure."""
    calls = 0

    def loss(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        nonlocal calls
        calls += 1
        return whole(recon_x, x, mu, logvar, min(top, calls / 500))

    return loss


def listed(top: float) -> Callable[..., Any]:
    """A counter in a list, behind a function of its own."""
    state = [0]

    def weight() -> float:
        state[0] += 1
        return min(top, state[0] / 500)

    def loss(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        return whole(recon_x, x, mu, logvar, weight())

    return loss


def attribute(top: float) -> Callable[..., Any]:
    """A counter on the function itself."""

    def loss(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        loss.calls += 1  # type: ignore[attr-defined]
        return whole(recon_x, x, mu, logvar, min(top, loss.calls / 500))  # type: ignore[attr-defined]

    loss.calls = 0  # type: ignore[attr-defined]
    return loss


CALLS = 0


def shared(top: float, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """A counter in a global variable."""
    global CALLS
    CALLS += 1
    return whole(recon_x, x, mu, logvar, min(top, CALLS / 500))


def buffered(top: float) -> Callable[..., Any]:
    """A counter in a buffer of a torch module."""
    torch = pytest.importorskip("torch", reason="torch is not installed")

    class Module(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("step", torch.tensor(0))

        def forward(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
            self.step += 1
            each = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1)
            return (0.5 * torch.sum((x - recon_x) ** 2, dim=1) + min(top, float(self.step) / 500) * each).mean()

    return Module()


def optional(top: float, shift: Any = None) -> Callable[..., Any]:
    """A counter beside an option that is None."""
    calls = 0

    def loss(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        nonlocal calls
        calls += 1
        moved = recon_x if shift is None else recon_x + shift
        return whole(moved, x, mu, logvar, min(top, calls / 500))

    return loss


class Slotted:
    """A counter in a slot."""

    __slots__ = ("calls", "top")

    def __init__(self, top: float) -> None:
        self.top, self.calls = top, 0

    def __call__(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        """Weigh by the number of calls."""
        self.calls += 1
        return whole(recon_x, x, mu, logvar, min(self.top, self.calls / 500))


class Arrayed:
    """A counter in an array of one element."""

    def __init__(self, top: float) -> None:
        self.top, self.calls = top, np.zeros(1)

    def __call__(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        """Weigh by the number of calls."""
        self.calls += 1
        return whole(recon_x, x, mu, logvar, min(self.top, self.calls.item() / 500))


COUNTERS: dict[str, Callable[[float], Callable[..., Any]]] = {
    "attribute": Counter,
    "method": lambda top: Counter(top).method,
    "weight": Growing,
    "closure": closure,
    "list": listed,
    "function": attribute,
    "partial": lambda top: partial(Counter(top)),
    "buffer": buffered,
    "option": optional,
    "slot": Slotted,
    "array": Arrayed,
}


def _counted(verdict: Verdict) -> Outcome:
    (found,) = (f for f in verdict.findings if f.code == "ELB115")
    return found.outcome


@pytest.mark.parametrize("kind", COUNTERS)
def test_a_counter_is_told_from_noise(kind: str) -> None:
    """The loss is read where its schedule ends: a note where that is 1, a warning below."""
    full, less = verify(COUNTERS[kind](1.0)), verify(COUNTERS[kind](0.2))
    assert (full.codes, _counted(full), full.bound.value) == (("ELB115",), Outcome.NOTE, "constant"), str(full)
    assert _counted(less) is Outcome.WARN
    assert less.model is not None
    assert less.model.sigma2 is not None
    assert less.model.sigma2.formula == "1/5"


def test_a_global_counter_is_told_from_noise() -> None:
    """Copies count for themselves: the user's own variable moves by the calls that looked for it only."""
    verdict = verify(partial(shared, 0.25))
    assert _counted(verdict) is Outcome.WARN
    assert CALLS < 50


def test_a_generator_inside_is_no_counter() -> None:
    """Its draws differ from call to call, although copies are repeatable, and although calls are counted too."""

    class Drawing:
        def __init__(self, top: float) -> None:
            self.rng, self.calls, self.top = np.random.default_rng(0), 0, top

        def __call__(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
            self.calls += 1
            weight = max(self.top, 1 - self.calls / 500)
            return whole(recon_x + 0.1 * self.rng.standard_normal(x.shape), x, mu, logvar, weight)

    for top in (1.0, 0.5):  # without and with a schedule beside it
        assert verify(Drawing(top)).codes == ("ELB002",)


def test_what_is_counted_for_the_record_is_silent() -> None:
    """A counter that the value does not hang on is nobody's business."""

    class Logging:
        def __init__(self) -> None:
            self.calls, self.values = 0, [0.0]

        def __call__(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
            self.calls += 1
            value = whole(recon_x, x, mu, logvar, 1.0)
            self.values.append(float(value))
            return value

    assert verify(Logging()).codes == ()
    loss, numbers = Logging(), (np.ones((2, 3)), np.zeros((2, 3)), np.ones((2, 2)), np.zeros((2, 2)))
    assert remembers(loss, lambda function: np.asarray(function(*numbers)))
    assert counter(loss, lambda function: np.asarray(function(*numbers))) is None


def test_a_counter_is_set_not_followed() -> None:
    """A schedule of whole steps is jumped along: a thousand steps ahead is one call."""

    class Counting:
        def __init__(self) -> None:
            self.calls = 0

        def __call__(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
            total[0] += 1
            self.calls += 1
            return whole(recon_x, x, mu, logvar, min(1.0, self.calls / 5000))

    total = [0]
    assert _counted(verify(Counting())) is Outcome.NOTE
    assert total[0] < WALK


def test_a_running_mean_for_the_record_is_not_followed() -> None:
    """It takes no whole steps, but the value does not hang on it: thousands of calls would say so no better."""

    class Averaging:
        def __init__(self) -> None:
            self.mean = 0.0

        def __call__(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
            total[0] += 1
            value = whole(recon_x, x, mu, logvar, 1.0)
            self.mean = 0.99 * self.mean + 0.01 * float(value)
            return value

    total = [0]
    assert verify(Averaging()).codes == ()
    assert total[0] < WALK


def test_what_cannot_be_told_is_not_called_noise() -> None:
    """A state that is no number, or that cannot be copied, makes equal calls differ; the remedy says which."""
    counts, lock = itertools.count(), threading.Lock()

    def opaque(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        return whole(recon_x, x, mu, logvar, min(1.0, next(counts) / 500))

    def locked(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        with lock:
            return opaque(recon_x, x, mu, logvar)

    for loss, says in ((opaque, "keeps something between calls"), (locked, "cannot be copied")):
        (found,) = verify(loss).findings
        assert found.code == "ELB002"
        assert says in found.fix


def test_a_copy_shares_no_state() -> None:
    """Calls of a copy leave the original where it was, whatever it counts with."""
    numbers = (np.ones((2, 3)), np.zeros((2, 3)), np.ones((2, 2)), np.zeros((2, 2)))
    for kind in ("attribute", "closure", "list", "function", "weight"):
        loss = COUNTERS[kind](1.0)
        first = [copied(loss)(*numbers) for _ in range(2)]
        assert first[0] == first[1] == loss(*numbers), kind
        assert loss(*numbers) != first[0], kind
    counts = itertools.count()
    draw = copied(lambda: next(counts))
    assert (draw(), draw(), next(counts)) == (0, 1, 0)


# --- seeds


def test_a_seed_is_given() -> None:
    """A seed or a generator that the loss takes is the run's own, started anew for each call."""

    def seeded(recon_x: Any, x: Any, seed: int) -> Any:
        return np.sum((x - recon_x) ** 2) * (1 + 0 * np.random.default_rng(seed).standard_normal())

    def drawing(recon_x: Any, x: Any, rng: Any) -> Any:
        return np.sum((x - recon_x + 0.1 * rng.standard_normal(x.shape)) ** 2)

    assert bind(seeded).states == {"seed": Role.SEED}
    assert verify(seeded).codes == ("ELB107",)
    verdict = verify(drawing)
    assert verdict.codes == ()
    assert "draws random numbers" in verdict.findings[0].message


def test_a_person_says_which_argument_is_a_state() -> None:
    """By role, or by a value, which is then kept."""

    def loss(recon_x: Any, x: Any, mu: Any, logvar: Any, phase: int) -> Any:
        return whole(recon_x, x, mu, logvar, min(0.25, phase / 10))

    assert "ELB115" in verify(loss, roles={"phase": "step"}).codes
    assert "ELB115" not in verify(loss, constants={"phase": 2}).codes
    assert "ELB115" not in verify(low, constants={"current_epoch": 3}).codes
