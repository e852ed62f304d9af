"""Verifying a loss: what the verdict holds, what is declared, what is left out."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from elbocheck import Bound, Intent, Outcome, Verdict, verify
from elbocheck.errors import UsageError
from elbocheck.gallery import GALLERY

SOURCES = sorted({entry.target for entry in GALLERY if entry.framework == "numpy"})


def kl(mu: Any, log_var: Any) -> Any:
    """Return the KL of each datum."""
    return -0.5 * np.sum(1 + log_var - mu**2 - np.exp(log_var), axis=1)


def logits_with_beta(logits: Any, x: Any, mu: Any, log_var: Any, beta: float = 4.0) -> Any:
    """A beta-ELBO of a Bernoulli decoder."""
    nll = np.sum(np.logaddexp(0, logits) - x * logits, axis=1)
    return np.mean(nll + beta * kl(mu, log_var))


def small_sigma(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """A Gaussian decoder with sigma = 0.1, constants dropped."""
    return np.mean(np.sum((x - x_hat) ** 2, axis=1) / 0.02 + kl(mu, log_var))


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 17])
def test_the_seed_does_not_change_the_verdict(seed: int) -> None:
    """The measurements are exact, whatever the random base point."""
    verdict = verify(logits_with_beta, seed=seed)
    assert (verdict.bound, verdict.codes) == (Bound.BETA, ("ELB108",))
    assert verdict.model is not None
    assert verdict.model.beta is not None
    assert verdict.model.beta.formula == "4"
    assert verdict.run.seed == seed


def test_a_declared_beta_is_no_finding() -> None:
    """`--expect beta=4` says that it is meant."""
    verdict = verify(logits_with_beta, intent=Intent(expect={"beta": 4}))
    assert (verdict.codes, verdict.outcome) == ((), Outcome.PASS)


@pytest.mark.parametrize(
    ("declared", "measured"),
    [
        ({"beta": 2}, "beta = 2, measured 4"),
        ({"family": "normal"}, "measured bernoulli"),
        ({"reduction": "sum"}, "measured sum over elements, mean over batch"),
        ({"bound": "exact"}, "measured beta"),
        ({"sigma": 1}, "nothing of that kind"),
        ({"free_bits": 0.5}, "nothing of that kind"),
    ],
)
def test_a_contradicted_declaration_fails(declared: dict[str, Any], measured: str) -> None:
    """What was declared and is not so is a finding that shows both."""
    verdict = verify(logits_with_beta, intent=Intent(expect=declared))
    found = [f for f in verdict.findings if f.code == "ELB008"]
    assert found
    assert measured in found[0].message
    assert verdict.exit_code == 1


def test_a_declared_sigma_silences_its_note() -> None:
    """A choice of sigma is a note until it is declared."""
    assert verify(small_sigma).codes == ("ELB108",)
    assert verify(small_sigma, intent=Intent(expect={"sigma": 0.1})).codes == ()


def test_select_and_ignore_go_by_prefix() -> None:
    """Findings are left out by code or by the start of one."""
    assert verify(logits_with_beta, ignore=["ELB1"]).codes == ()
    assert verify(logits_with_beta, select=["ELB5"]).codes == ()
    assert verify(logits_with_beta, select=["kl-overall-weight"]).codes == ("ELB108",)


@pytest.mark.parametrize("target", SOURCES)
def test_every_verdict_is_json(target: str) -> None:
    """The verdict as plain values survives strict JSON, with the keys that scripts read."""
    entry = next(e for e in GALLERY if e.target == target)
    verdict = verify(entry.load(), target=target, **entry.options)
    read = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
    assert read["bound"] == entry.bound
    assert read["exit_code"] == verdict.exit_code
    assert {f["code"] for f in read["findings"]} == set(verdict.codes)


def draws_inside(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Sample the KL inside the loss."""
    z = mu + np.exp(log_var / 2) * np.random.standard_normal(mu.shape)
    sampled = 0.5 * np.sum(z**2 - log_var - (z - mu) ** 2 / np.exp(log_var), axis=1)
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + sampled)


def drops_out(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Blot out pixels inside the loss."""
    kept = np.random.uniform(size=x.shape) < 0.5
    kl = 0.5 * np.sum(mu**2 + np.exp(log_var) - 1 - log_var, axis=1)
    return np.mean(np.sum(kept * (x - x_hat) ** 2, axis=1) + kl)


def test_normal_noise_of_a_loss_is_integrated() -> None:
    """What numpy.random draws for the posterior becomes an argument, and the KL its exact mean."""
    verdict = verify(draws_inside)
    assert (verdict.bound.value, verdict.codes) == ("constant", ())
    assert verdict.model is not None
    assert verdict.model.divergence == "KL(N(mu, e^log_var) || N(0, 1)), estimated from numpy.random.standard_normal()"


def test_a_loss_that_draws_is_inconclusive() -> None:
    """A sampled value is no value: the verdict says what would decide."""
    verdict = verify(drops_out)
    assert (verdict.outcome, verdict.exit_code) == (Outcome.INCONCLUSIVE, 3)
    assert "take the sample z as an argument" in verdict.findings[0].fix


class Counting:
    """A loss with a schedule inside."""

    def __init__(self) -> None:
        self.step = 0

    def __call__(self, x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
        """Weigh the KL by the number of calls so far."""
        self.step += 1
        return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + min(1.0, self.step / 10_000) * kl(mu, log_var))


class Sealed(Counting):
    """The same, and no copy of it can be made."""

    def __deepcopy__(self, memo: Any) -> Any:
        """Refuse."""
        raise TypeError("cannot be copied")


def test_a_loss_with_a_memory_is_read_where_its_schedule_ends() -> None:
    """Copies of it are repeatable; at the end of its schedule it is the plain loss."""
    verdict = verify(Counting())
    assert (verdict.bound.value, verdict.codes, verdict.exit_code) == ("constant", ("ELB115",), 0)


def test_a_loss_with_a_sealed_memory_is_refused() -> None:
    """Two values for one input: nothing that is measured would mean anything; why it is not read is said."""
    verdict = verify(Sealed())
    assert (verdict.codes, verdict.exit_code) == (("ELB002",), 3)
    assert "cannot be copied" in verdict.findings[0].fix


def elastic(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """A sum of two families is none of them."""
    return np.mean(np.sum(np.abs(x - x_hat) + (x - x_hat) ** 2, axis=1) + kl(mu, log_var))


def weighted_pixels(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Pixels that count more to the right."""
    weights = np.linspace(0.5, 1.5, x.shape[1])
    return np.mean(np.sum(weights * (x - x_hat) ** 2, axis=1) + kl(mu, log_var))


def smoothness(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """A total variation beside the squared error."""
    rough = np.sum(np.diff(x_hat, axis=1) ** 2, axis=1)
    return np.mean(0.5 * np.sum((x - x_hat) ** 2, axis=1) + 0.1 * rough + kl(mu, log_var))


@pytest.mark.parametrize("loss", [elastic, weighted_pixels, smoothness])
def test_what_is_not_known_is_not_claimed(loss: Any) -> None:
    """Unidentified is inconclusive, never a pass, and no alarm."""
    verdict = verify(loss)
    assert (verdict.bound, verdict.outcome) == (Bound.UNIDENTIFIED, Outcome.INCONCLUSIVE)
    assert not [f for f in verdict.findings if f.outcome in (Outcome.FAIL, Outcome.WARN)]


def cosine(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """A bounded loss."""
    norms = np.sqrt(np.sum(x**2, axis=1) * np.sum(x_hat**2, axis=1)) + 1e-8
    return np.mean(1 - np.sum(x * x_hat, axis=1) / norms + kl(mu, log_var))


def welsch(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
    """Another."""
    return np.mean(np.sum(1 - np.exp(-((x - x_hat) ** 2) / 2), axis=1) + kl(mu, log_var))


@pytest.mark.parametrize("loss", [cosine, welsch])
def test_a_bounded_loss_is_no_density(loss: Any) -> None:
    """Its mass is infinite, whatever its weight."""
    verdict = verify(loss)
    assert verdict.bound is Bound.NOT_A_DENSITY
    assert "ELB418" in verdict.codes


def test_misuse_raises() -> None:
    """A wrong option never yields fewer checks in silence."""
    for options in (
        {"dtype": "float16"},
        {"framework": "jaxx"},
        {"device": "cuda:9"},
        {"seed": -1},
        {"shapes": {"y": (3,)}},
        {"select": ["X"]},
    ):
        with pytest.raises(UsageError):
            verify(small_sigma, **options)
    with pytest.raises(UsageError, match="not a loss"):
        verify(3)  # type: ignore[arg-type]


def test_the_hard_coded_size_is_named() -> None:
    """784 * mean(...) is the sum at 784 pixels only."""

    def keras_old(x_decoded_mean: Any, x: Any, z_mean: Any, z_log_var: Any) -> Any:
        bce = -(x * np.log(x_decoded_mean) + (1 - x) * np.log(1 - x_decoded_mean))
        return np.mean(784 * np.mean(bce, axis=-1) + kl(z_mean, z_log_var))

    verdict = verify(keras_old)
    assert "ELB109" in verdict.codes
    assert verdict.bound is Bound.EXACT
    assert "D = 784 only" in verdict.reason


@pytest.mark.parametrize("deviation", [0.5, 2.0])
def test_a_prior_held_as_a_number_is_read(deviation: float) -> None:
    """KL(q || N(0, v)) has the shape of a misplaced half; its constant tells them apart."""

    def fixed_prior(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
        v = deviation**2
        nll = np.sum(np.logaddexp(0, logits) - x * logits, axis=1)
        kl = 0.5 * np.sum(math.log(v) - log_var + (np.exp(log_var) + mu**2) / v - 1, axis=1)
        return np.mean(nll + kl)

    def misplaced(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
        nll = np.sum(np.logaddexp(0, logits) - x * logits, axis=1)
        return np.mean(nll + np.sum(0.5 * (mu**2 + np.exp(log_var) - 1) - 0.5 * deviation**2 * log_var, axis=1))

    verdict = verify(fixed_prior)
    assert (verdict.bound, verdict.codes) == (Bound.EXACT, ())
    assert verdict.model is not None
    assert verdict.model.divergence == f"KL(N(mu, e^log_var) || N(0, {deviation**2:g}))"
    assert verify(misplaced).exit_code == 1


def test_data_with_more_axes_are_tried() -> None:
    """Three sums over the last axis eat the batch of two-dimensional data: images are meant."""

    def images(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
        nll = (np.logaddexp(0, logits) - x * logits).sum(-1).sum(-1).sum(-1)
        return np.mean(nll + kl(mu, log_var))

    verdict = verify(images)
    assert (verdict.bound, verdict.codes) == (Bound.EXACT, ())


@pytest.mark.parametrize(("loss", "code"), [("naive", "ELB509"), ("flax", "ELB504")])
def test_overflows_have_their_names(loss: str, code: str) -> None:
    """log(1 + e^l) overflows on one side; log(1 - e^-0) is NaN at a right prediction."""

    def naive(logits: Any, x: Any) -> Any:
        return np.sum(np.log(1 + np.exp(logits)) - x * logits)

    def flax(logits: Any, x: Any) -> Any:
        log_p = -np.logaddexp(0, -logits)
        return -np.sum(x * log_p + (1 - x) * np.log(-np.expm1(log_p)))

    assert code in verify({"naive": naive, "flax": flax}[loss]).codes


def test_the_last_axis_is_told_from_the_others() -> None:
    """A mean over channels and a sum over the rest: right for one channel."""

    def last_axis(logits: Any, x: Any, mu: Any, log_var: Any) -> Any:
        bce = np.mean(np.logaddexp(0, logits) - x * logits, axis=-1)
        return np.mean(np.sum(bce, axis=(1, 2)) + kl(mu, log_var))

    assert verify(last_axis).findings[0].outcome is Outcome.NOTE
    colour: Verdict = verify(last_axis, shapes={"x": (32, 32, 3)})
    assert (colour.codes, colour.bound) == (("ELB110",), Bound.BETA)
    assert colour.model is not None
    assert colour.model.beta is not None
    assert colour.model.beta.formula == "C"


def test_a_mean_over_time_is_told_from_one_over_channels() -> None:
    """The mean over the first axis of a sequence weighs the KL by its length; over both axes it is the mean over all."""

    def over(axis: Any) -> Any:
        def loss(x_hat: Any, x: Any, mu: Any, log_var: Any) -> Any:
            recon = 0.5 * np.mean((x - x_hat) ** 2, axis=axis)
            return np.mean(recon.reshape(len(x), -1).sum(axis=-1) + kl(mu, log_var))

        return loss

    for axis, code in ((1, "ELB111"), (2, "ELB110"), ((1, 2), "ELB101")):
        assert verify(over(axis), shapes={"x": (24, 6)}).codes == (code,)


def test_a_loss_that_no_family_explains_is_still_integrated() -> None:
    """Its mass is finite, or the finding says that it is not."""
    fine = verify(lambda x_hat, x: np.sum(np.abs(x - x_hat) + (x - x_hat) ** 2))
    assert "has the mass 1.091 whatever the prediction" in fine.reason
    assert fine.codes == ()
    heavy = verify(lambda x_hat, x: 0.4 * np.sum(np.log1p(np.abs(x - x_hat))))
    assert (heavy.bound, heavy.codes) == (Bound.NOT_A_DENSITY, ("ELB418",))


def test_the_weight_of_a_logarithm_decides() -> None:
    """log(1 + u^2) is Cauchy's, three halves of it a Student's of two degrees, a half of it no density at all."""

    def weighed(weight: float) -> Any:
        return verify(lambda x_hat, x: weight * np.sum(np.log1p((x - x_hat) ** 2)))

    cauchy, student, none = map(weighed, (1.0, 1.5, 0.5))
    assert cauchy.model.family == "cauchy"
    assert student.model.family == "student_t"
    assert student.model.parameters["df"] == pytest.approx(2.0)
    assert (none.bound, none.codes) == (Bound.NOT_A_DENSITY, ("ELB418",))
