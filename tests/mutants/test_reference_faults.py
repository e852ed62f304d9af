"""Planted faults in the references themselves: each must break the budget that the true kernel keeps."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from elbocheck.budget import BUDGETS
from elbocheck.kernels.gamma import deviance, log_root, stirling_error
from elbocheck.kernels.lift import Lifted
from tests.references import KERNELS


def wrong_last_digits(loc: float, scale: float) -> float:
    """1/sqrt(2 pi) copied with twelve digits."""
    return math.log(scale) + 0.918938533204


def half_forgotten(loc: float, log_var: float) -> float:
    """Log_var taken for log scale."""
    return log_var + 0.9189385332046728


def plain_sum(loc: float, scale: float) -> float:
    """The textbook sum, which cancels near scale = 0.399."""
    return math.log(scale) + 0.9189385332046728


def overflowing_square(x: float, loc: float, scale: float) -> float:
    """The square before the division."""
    return 0.5 * ((x - loc) * (x - loc)) / (scale * scale)


def flipped(x: float, loc: float, scale: float) -> float:
    """The derivative by loc with the wrong sign."""
    return (x - loc) / (scale * scale)


def not_squared(x: float, loc: float, scale: float) -> float:
    """The derivative by scale with one z too few."""
    return -(x - loc) / (scale * scale)


def subtracted(x: float, logits: float) -> float:
    """Softplus(l) - x l as torch writes it, which cancels for x = 1."""
    return max(logits, 0.0) + math.log1p(math.exp(-abs(logits))) - x * logits


def naive_log(x: float, logits: float) -> float:
    """log(1 + e**l) in the open."""
    return math.log(1.0 + math.exp(logits)) - x * logits


def offset_forgotten(x: float, loc: float, scale: float, delta: float) -> float:
    """The linear part without half of delta squared."""
    u = abs(x - loc) / scale
    return 0.5 * u * u if u <= delta else delta * (u - delta)


def tails_forgotten(loc: float, scale: float, delta: float) -> float:
    """Z with its core only."""
    return math.log(scale) + math.log(2.5066282746310002 * math.erf(delta * 0.7071067811865476))


def one_tail(loc: float, scale: float, delta: float) -> float:
    """Z with one tail instead of two."""
    core = 2.5066282746310002 * math.erf(delta * 0.7071067811865476)
    return math.log(scale) + math.log(core + math.exp(-0.5 * delta * delta) / delta)


def normal_for_large_delta(loc: float, scale: float, delta: float) -> float:
    """Z taken for sqrt(2 pi) from delta = 5 on, which is off by 3e-7."""
    if delta > 5.0:
        return math.log(scale) + 0.9189385332046728
    core = 2.5066282746310002 * math.erf(delta * 0.7071067811865476)
    return math.log(scale) + math.log(core + 2.0 * math.exp(-0.5 * delta * delta) / delta)


def rounded_square(loc: float, scale: float, delta: float) -> float:
    """The derivative of log Z with the rounding error of delta squared left in the exponent."""
    tails = 2.0 / delta * math.exp(-0.5 * delta * delta)
    return -tails / (delta * (2.5066282746310002 * math.erf(delta * 0.7071067811865476) + tails))


def cancelling(loc: float, log_var: float) -> float:
    """The KL as every paper prints it."""
    return 0.5 * (loc * loc + math.exp(log_var) - 1.0 - log_var)


def exponential_of_half(loc: float, log_var: float) -> float:
    """Log_var taken for log scale in one place."""
    return 0.5 * (loc * loc + math.exp(0.5 * log_var) - 1.0 - log_var)


def plain_scale(loc: float, scale: float) -> float:
    """The KL by scale as printed."""
    return 0.5 * (loc * loc + scale * scale - 1.0) - math.log(scale)


def rounded_mean(x: float, total_count: float, logits: float) -> float:
    """Means as products, and what they exceed as a difference of roundings."""
    n, share = x + total_count, 1.0 / (1.0 + math.exp(-logits))
    ones, zeros = n * share, n * (1.0 - share)
    error = stirling_error(x) + stirling_error(total_count) - stirling_error(n)
    deviances = deviance(x, ones) + deviance(total_count, zeros)
    return deviances + log_root(x, n, total_count, error) if x > 0.0 else total_count * math.log1p(math.exp(logits))


FAULTS: list[tuple[str, Callable[..., float]]] = [
    ("normal.normalizer", wrong_last_digits),
    ("normal.normalizer", plain_sum),
    ("normal.normalizer_log_var", half_forgotten),
    ("normal.energy", overflowing_square),
    ("normal.energy_by_loc", flipped),
    ("negative_binomial.energy", rounded_mean),
    ("normal.energy_by_scale", not_squared),
    ("bernoulli.energy", subtracted),
    ("bernoulli.energy", naive_log),
    ("huber.energy", offset_forgotten),
    ("huber.normalizer", tails_forgotten),
    ("huber.normalizer", one_tail),
    ("huber.normalizer", normal_for_large_delta),
    ("huber.normalizer_by_delta", rounded_square),
    ("KL(normal || standard normal).kl", cancelling),
    ("KL(normal || standard normal).kl", exponential_of_half),
    ("KL(normal || standard normal).kl_scale", plain_scale),
]


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=[f"{name}-{fault.__name__}" for name, fault in FAULTS])
def test_a_planted_fault_breaks_the_budget(name: str, fault: Callable[..., float]) -> None:
    """The check that passes the true kernel fails the faulty one on the same points."""
    case = KERNELS[name]
    wrong = replace(case, reference=replace(case.reference, kernel=Lifted(fault)))
    assert wrong.worst().ulps > BUDGETS[name].ulps


def test_the_true_kernels_keep_silent() -> None:
    """The faults are found because they are faults: the same call accepts what they replace."""
    for name in {name for name, _ in FAULTS}:
        assert KERNELS[name].worst().ulps <= BUDGETS[name].ulps
