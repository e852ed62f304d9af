"""Rows, sums, gradients and tiers: against NumPy and math.fsum, at every layout, for any number of threads."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import elbocheck.densities.density
import elbocheck.divergences.divergence
import elbocheck.kernels.lift
import elbocheck.kernels.threads
from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.densities import (
    DENSITIES,
    Density,
    bernoulli,
    binomial,
    cauchy,
    discretized_logistic,
    huber,
    laplace,
    logistic,
    negative_binomial,
    normal,
    poisson,
    student_t,
)
from elbocheck.densities.density import Form
from elbocheck.divergences import normal_standard
from elbocheck.domain import Integers
from elbocheck.enclosure import doubles
from elbocheck.errors import ParameterError, UsageError
from elbocheck.kernels.elements import nothing
from elbocheck.kernels.lift import lift
from elbocheck.kernels.threads import threads

ROWS, SIZE = 5, 777
SUM, FAST = (BUDGETS[f"loop.{name}"].ulps for name in ("sum", "fast"))
RNG = np.random.default_rng(4)
X, LOC = RNG.normal(size=(ROWS, SIZE)), RNG.normal(size=(ROWS, SIZE))
SCALARS = [
    density for density in DENSITIES if not density.event_rank and density.name not in ("beta", "truncated_normal")
]


def member(density: Density, shape: tuple[int, ...], dtype: str) -> tuple[Any, dict[str, Any]]:
    """Return points and parameters of the first form, the first parameter varying, in everyday ranges."""
    rng = np.random.default_rng(len(density.name))
    ranges = {
        "loc": (-2, 2),
        "logits": (-4, 4),
        "rate": (0.5, 9),
        "df": (2, 9),
        "concentration": (0.5, 5),
        "levels": (256, 256),
        "quantile": (0.1, 0.9),
        "total_count": (5, 30),
    }
    form = density.forms[0]
    values = {
        name: rng.uniform(*ranges.get(name, (0.5, 2)), size=shape if i == 0 else ())
        for i, name in enumerate(form.names)
    }
    whole = [parameter.name for parameter in form.parameters if isinstance(parameter.domain, Integers)]
    values = {name: np.floor(value) if name in whole else value.astype(dtype) for name, value in values.items()}
    points = form.draw(rng, shape, *[np.asarray(value, np.float64) for value in values.values()])
    return points.astype(dtype), {name: v.astype(dtype) if v.ndim else float(v) for name, v in values.items()}


@pytest.mark.parametrize("density", SCALARS, ids=lambda density: density.name)
def test_row_sums_are_within_three_ulps_of_the_true_sum(density: Density) -> None:
    """In both dtypes and tiers, of what log_prob gives for each number in float64."""
    for dtype in ("float64", "float32"):
        x, values = member(density, (ROWS, SIZE), dtype)
        each = density.log_prob(x.astype(float), **{n: np.asarray(v, float) for n, v in values.items()})
        truth = [math.fsum(row) for row in each]
        terms = np.abs(density.energy(x.astype(float), **values)) + np.abs(density.log_normalizer(**values))
        size = [math.fsum(row) for row in terms]  # what cancels costs ulps of its size
        for tier in ("exact", "fast"):
            found = density.log_prob_sum(x, tier=tier, **values)
            assert found.dtype == dtype
            assert ulp_distance(found, truth, dtype, magnitude=size).max() <= SUM, (tier, dtype)


@pytest.mark.parametrize("density", SCALARS, ids=lambda density: density.name)
def test_what_varies_along_a_row_changes_no_value(density: Density) -> None:
    """Where parameters vary along a row, or from row to row: the energy and the log normaliser, each by itself."""
    x, values = member(density, (ROWS, SIZE), "float64")
    columns = {name: value[:, :1] if np.ndim(value) else value for name, value in values.items()}
    for given in (values, columns):
        energy, normalizer = density.energy(x, **given), density.log_normalizer(**given)
        truth, size = -(energy + normalizer), np.abs(energy) + np.abs(normalizer)
        each = density.log_prob(x, **given)
        assert ulp_distance(each, truth, "float64", magnitude=size).max() <= BUDGETS[f"{density.name}.energy"].ulps
        found = density.log_prob_sum(x, **given)
        totals, sizes = ([math.fsum(row) for row in rows] for rows in (truth, size))
        assert ulp_distance(found, totals, "float64", magnitude=sizes).max() <= SUM


FORMS = [(density, form) for density in SCALARS for form in density.forms]


@pytest.mark.parametrize(
    ("density", "form"), [pair for pair in FORMS if pair[1].folded], ids=lambda one: getattr(one, "name", "")
)
def test_a_folded_energy_is_the_energy(density: Density, form: Form) -> None:
    """Rest and weight times log(1 + odds), in float64."""
    x, values = member(density, (ROWS, SIZE), "float64")
    folded = form.folded
    assert folded is not None
    arguments = [np.broadcast_to(a, x.shape).copy() for a in form.arguments(x, values)]

    weight = folded.weight(*(float(a[0, 0]) for a in arguments))
    rest = lift(folded.rest).wide(*arguments) if folded.rest is not nothing else 0.0
    logs = weight * np.log1p(lift(folded.odds).wide(*arguments))
    energy = (form.joint or form.energy).wide(*arguments)
    off = ulp_distance(rest + logs, energy, "float64", magnitude=np.abs(rest) + np.abs(logs))
    assert off.max() <= BUDGETS[f"{density.name}.energy"].ulps


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [1, 127, 128, 129, 1024, 1025, 5000])
def test_sums_of_equals_stay_within_their_budgets(dtype: str, size: int) -> None:
    """Where all terms are equal their roundings are too, and do not cancel."""
    some = np.append([-30.0, -3.3, -0.7, 0.1, 0.0, 12.3], np.random.default_rng(size).uniform(-4, 4, 500))
    logits = np.repeat(some.astype(dtype)[:, None], size, axis=1)
    for x, sign in ((0.0, 1), (1.0, -1)):
        against = (sign * logits[:, 0].astype(float)).tolist()
        high, low = doubles(lambda m, one: -m.softplus(m.exact(one)), against, 128, 1)
        for tier in ("exact", "fast"):
            found = bernoulli.log_prob_sum(np.full(logits.shape, x, dtype), tier=tier, logits=logits)
            truth = np.array([math.fsum([one] * size) for one in high])
            rest = [
                math.fsum([*[one] * size, -whole]) + size * less
                for one, whole, less in zip(high, truth, low, strict=True)
            ]
            assert ulp_distance(found, truth, dtype, remainder=np.array(rest)).max() <= SUM, (x, tier)


EQUALLY = (
    bernoulli, binomial, cauchy, discretized_logistic, huber, laplace, logistic, negative_binomial, normal, poisson, student_t,
)  # fmt: skip


@pytest.mark.parametrize("density", EQUALLY, ids=lambda density: density.name)
def test_sums_of_equals_of_any_length(density: Density) -> None:
    """Rests that fill no vector, and single numbers after whole blocks: float64 exact and float32 fast, whether LLVM makes
    vectors of the loop or not."""
    for size in (7, 31, 100, 127, 255, 784, 1000, 1025):
        for dtype, tier in (("float64", "exact"), ("float32", "fast")):
            x, values = member(density, (200, 1), dtype)
            wide = {name: np.asarray(value, float) for name, value in values.items()}
            each = density.log_prob(x.astype(float), **wide)[:, 0]
            parts = np.abs(density.energy(x.astype(float), **wide)) + np.abs(density.log_normalizer(**wide))
            rows = {name: np.repeat(value, size, 1) if np.ndim(value) else value for name, value in values.items()}
            found = density.log_prob_sum(np.repeat(x, size, 1), tier=tier, **rows)
            truth = [math.fsum([one] * size) for one in each]
            worst = ulp_distance(found, truth, dtype, magnitude=size * parts[:, 0]).max()
            assert worst <= SUM, (size, dtype, worst)


def test_odds_that_no_product_holds_are_summed_one_by_one() -> None:
    """Far outliers of a heavy tail, in both types, beside rows without any."""
    for dtype, tier, far in (("float64", "exact", 1e60), ("float64", "fast", 1e60), ("float32", "fast", 1e12)):
        x = np.tile([0.3, -1.1, 4.0], (2, 2000)) * [[1.0], [far]]
        truth = [math.fsum(row) for row in student_t.log_prob(x, loc=0.0, scale=1.0, df=3.0)]
        found = student_t.log_prob_sum(x.astype(dtype), tier=tier, loc=0.0, scale=1.0, df=3.0)
        assert ulp_distance(found, truth, dtype).max() <= SUM, (dtype, tier)


@pytest.mark.parametrize(
    "density", [normal, bernoulli, huber, laplace, student_t, poisson], ids=lambda density: density.name
)
def test_results_do_not_depend_on_the_number_of_threads(density: Density, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elementwise, summed, and with gradients: the same bits for one, two and three threads, however little there is to do."""
    for least in ("WORTH", "LITTLE"):
        monkeypatch.setattr(elbocheck.kernels.threads, least, 1e-9)
    x, values = member(density, (67, 4001), "float32")
    moving = density.forms[0].names[0]
    for tier in ("exact", "fast"):

        def everything(tier: str = tier) -> list[Any]:
            value, grad = density.value_and_grad(x, moving, tier=tier, **values)
            whole = density.log_prob_sum(x, axis=None, tier=tier, **values)
            return [density.log_prob(x, tier=tier, **values), value, grad[moving], whole]

        seen = []
        for count in (1, 2, 3):
            with threads(count):
                seen.append(everything())
        for other in seen[1:]:
            for one, two in zip(seen[0], other, strict=True):
                np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("density", SCALARS, ids=lambda density: density.name)
def test_value_and_grad_is_log_prob_sum_and_grad(density: Density) -> None:
    """One pass gives what the separate calls give; of a parameter that does not vary, the sum of its slopes."""
    x, values = member(density, (ROWS, SIZE), "float64")
    names = density.forms[0].names[:3]
    value, grad = density.value_and_grad(x, names, **values)
    assert ulp_distance(value, density.log_prob_sum(x, **values), "float64").max() <= SUM
    slopes = density.grad(x, **values)
    for name in names:
        if np.ndim(values[name]):
            np.testing.assert_array_equal(grad[name], slopes[name])
        else:
            each = slopes[name]
            size = [math.fsum(map(abs, row)) for row in each]
            assert ulp_distance(grad[name], [math.fsum(row) for row in each], "float64", magnitude=size).max() <= SUM


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda a: a,
    "transposed": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "reversed": lambda a: a[::-1, ::-1][::-1, ::-1],
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
    "byteswapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "list": lambda a: a.tolist(),
    "readonly": lambda a: np.broadcast_to(a, a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "loc", [LOC, LOC[:1], LOC[:, :1], LOC[0], 0.25, np.array(0.25), LOC[:1, :1]], ids=lambda a: str(np.shape(a))
)
def test_any_layout_gives_what_numpy_gives(layout: str, loc: Any) -> None:
    """Arrays of every order, alignment and broadcast shape."""
    x = LAYOUTS[layout](X)
    truth = normal.log_prob(X.copy(), loc=np.broadcast_to(loc, X.shape).copy(), scale=1.5)
    np.testing.assert_array_equal(normal.log_prob(x, loc=loc, scale=1.5), truth)
    summed = normal.log_prob_sum(x, loc=loc, scale=1.5)
    assert ulp_distance(summed, [math.fsum(row) for row in truth], "float64").max() <= SUM


def test_three_axes_and_none() -> None:
    """Leading axes of any number, and none at all."""
    x = X[:, :776].reshape(5, 8, 97)
    np.testing.assert_array_equal(normal.log_prob_sum(x, loc=0.0, scale=1.0).shape, (5, 8))
    assert normal.log_prob_sum(x, axis=None, loc=0.0, scale=1.0).shape == ()
    assert normal.log_prob_sum(3.0, loc=0.0, scale=1.0) == normal.log_prob(3.0, loc=0.0, scale=1.0)
    np.testing.assert_array_equal(normal.log_prob_sum(np.ones((3, 0)), loc=0.0, scale=1.0), np.zeros(3))
    assert normal.log_prob(np.ones((0, 3)), loc=0.0, scale=1.0).shape == (0, 3)


@pytest.mark.parametrize("size", [1, 2**16, 2**16 + 1, 3 * 2**16 + 5])
def test_a_long_row_is_summed_in_parts(size: int) -> None:
    """Over all axes, within three ulps of the true sum."""
    x = np.linspace(-3, 3, size)
    truth = math.fsum(normal.log_prob(x, loc=0.1, scale=1.0))
    assert ulp_distance(normal.log_prob_sum(x, axis=None, loc=0.1, scale=1.0), truth, "float64") <= SUM


def test_out_is_filled_and_returned() -> None:
    """An array that fits; what does not is refused with what would."""
    out = np.empty(X.shape)
    assert normal.log_prob(X, loc=LOC, scale=1.0, out=out) is out
    np.testing.assert_array_equal(out, normal.log_prob(X, loc=LOC, scale=1.0))
    for wrong in (out[:, ::2], out[0], out.astype(np.float32), np.asfortranarray(out)):
        with pytest.raises(UsageError, match=r"out must be C-contiguous float64 of shape \(5, 777\), got"):
            normal.log_prob(X, loc=LOC, scale=1.0, out=wrong)
    closed, odd = out.copy(), np.frombuffer(bytearray(out.nbytes + 1), np.uint8)[1:].view(float).reshape(out.shape)
    closed.flags.writeable = False
    for wrong, text in ((closed, "which may not be written"), (odd, "unaligned")):
        with pytest.raises(UsageError, match=rf"out must be C-contiguous float64 of shape .*, {text}"):
            normal.log_prob(X, loc=LOC, scale=1.0, out=wrong)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("tier", ["exact", "fast"])
def test_many_results_go_past_the_caches_unchanged(dtype: str, tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in a line of memory the first one lies, in rows and alone, by several threads; nothing beside them is touched."""
    x, loc = RNG.normal(size=(2, 5, 40_003)).astype(dtype)
    for shape in (x.shape, (x.size,), (x.size // 7, 7), (5, 1)):
        points, centres = (a.ravel()[: math.prod(shape)].reshape(shape) for a in (x, loc))
        for scale in (0.75, np.full((*shape[:-1], 1), 0.75, dtype)):
            given: dict[str, Any] = {"loc": centres, "scale": scale, "tier": tier}
            plain = normal.log_prob(points, **given)
            room = np.full(x.size + 64, 7.0, dtype)
            for start in (0, 1, 3, 16):
                out = room[start : start + points.size].reshape(shape)
                with monkeypatch.context() as patch, threads(2):
                    patch.setattr(elbocheck.kernels.lift, "STREAMED", 0)
                    normal.log_prob(points, out=out, **given)
                np.testing.assert_array_equal(out, plain)
                assert (room[:start] == 7.0).all()
                assert (room[start + points.size :] == 7.0).all()
                room[:] = 7.0


def test_a_wrong_tier_or_axis_is_named() -> None:
    """One clear sentence each."""
    with pytest.raises(UsageError, match="tier must be 'exact' or 'fast', got 'quick'"):
        normal.log_prob(X, loc=LOC, scale=1.0, tier="quick")
    with pytest.raises(UsageError, match="axis must be -1 or None, got 0"):
        normal.log_prob_sum(X, axis=0, loc=LOC, scale=1.0)
    with pytest.raises(ParameterError, match="wrt must name some of loc, scale, got 'sigma'"):
        normal.value_and_grad(X, "sigma", loc=LOC, scale=1.0)


@pytest.mark.parametrize("density", SCALARS, ids=lambda density: density.name)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_bad_parameter_among_many_raises(density: Density, bad: float) -> None:
    """One element of a long array, elementwise and summed: an infinity never passes for a limit."""
    x, values = member(density, (3, 1000), "float64")
    name = density.forms[0].names[0]
    values[name][1, 500] = bad
    for points in (x, np.where(x > 0.5, 0.0, x), np.where(x < 0.5, 1.0, x)):
        for call in (density.log_prob, density.log_prob_sum):
            with pytest.raises(ParameterError, match=f"{name} must be .*got {bad!r}"):
                call(points, **values)


CLOSE = (bernoulli, binomial, cauchy, huber, laplace, logistic, negative_binomial, normal, poisson, student_t)


@pytest.mark.parametrize("density", CLOSE, ids=lambda density: density.name)
def test_fast_float32_stays_close(density: Density) -> None:
    """Where no terms cancel, float32 in float32 is within its budget, also where x - loc cancels.

    Log densities are held to it where their normaliser is not negative: none is off by more than one of its own ulps.
    """
    for scale in (0.75, 1.0, 1.25, 7.0, 2.0 ** RNG.uniform(0, 4, (50, 2000)).astype(np.float32)):
        x, values = member(density, (50, 2000), "float32")
        if "loc" in values:
            values["scale"] = scale
            x[25:] = values["loc"][25:] * (1 + RNG.normal(size=(25, 2000)).astype(np.float32) / 100)
        wide = {n: np.asarray(v, float) for n, v in values.items()}
        energy, normalizer = density.energy(x.astype(float), **wide), density.log_normalizer(**wide)
        for found, truth in (
            (density.energy(x, tier="fast", **values), energy),
            (-density.log_prob(x, tier="fast", **values), energy + normalizer),
        ):
            together = (np.abs(energy) + np.abs(normalizer) <= np.abs(truth)) & (normalizer >= 0)
            apart = (truth is energy) | together
            assert np.where(apart, ulp_distance(found, truth, "float32"), 0).max() <= FAST, scale


def test_fast_float32_stays_close_by_log_var() -> None:
    """Beside the root of the normaliser too, and where e**-log_var is large; what overflows is infinite, not NaN."""
    loc, log_var = RNG.normal(size=(2, 10**5)).astype(np.float32)
    log_var = np.concatenate([3 * log_var[:50_000], np.float32(-1.8378) * (1 + log_var[50_000:] / 1000)])
    x = (loc + np.exp(log_var / 2) * RNG.normal(size=loc.size)).astype(np.float32)
    found = normal.log_prob(x, tier="fast", loc=loc, log_var=log_var)
    truth = normal.log_prob(x.astype(float), loc=loc.astype(float), log_var=log_var.astype(float))
    together = normal.log_normalizer(loc=loc.astype(float), log_var=log_var.astype(float)) >= 0
    assert together.sum() > 40_000
    assert ulp_distance(found, truth, "float32")[together].max() <= FAST
    far = np.array([3e38, -3e38, 1e30], np.float32)
    assert normal.log_prob(far, tier="fast", loc=far[:1], log_var=np.float32([1.0])).tolist()[1:] == [-math.inf] * 2


def test_fast_float32_stays_close_in_bins() -> None:
    """Of a logistic, inner and outer ones: all terms have one sign. Far away nothing is NaN."""
    scale = np.exp(1.5 * RNG.normal(size=10**5)).astype(np.float32)
    loc = (128 + 200 * RNG.normal(size=scale.size)).astype(np.float32)
    x = np.clip(np.rint(loc + scale * RNG.logistic(size=scale.size)), 0, 255).astype(np.float32)
    for points in (x, np.float32(0.0), np.float32(255.0)):
        found = discretized_logistic.log_prob(points, tier="fast", loc=loc, scale=scale, levels=256.0)
        truth = discretized_logistic.log_prob(
            points.astype(float), loc=loc.astype(float), scale=scale.astype(float), levels=256.0
        )
        assert ulp_distance(found, truth, "float32").max() <= FAST
    far = discretized_logistic.log_prob(
        np.float32([0, 9, 255]), tier="fast", loc=np.float32(3e38), scale=1e-3, levels=256.0
    )
    assert far.tolist() == [-math.inf, -math.inf, 0.0]


def test_bins_far_in_a_tail_are_right_in_float64() -> None:
    """There e**u turns what u = (x - loc)/scale lacks into hundreds of ulps."""
    for loc, scale in ((455.6197271668979, 0.3009785711832458), (300.1, 0.7), (61.3, 0.9)):
        for x in (0.0, 128.0, 255.0):
            truth = discretized_logistic.oracle(x, digits=30, loc=loc, scale=scale, levels=256.0).value
            found = discretized_logistic.log_prob([x], loc=loc, scale=scale, levels=256.0)
            assert ulp_distance(found, [float(truth)], "float64").max() <= FAST, (x, loc, scale)


@pytest.mark.parametrize("density", [one for one in SCALARS if one.forms[0].wide], ids=lambda density: density.name)
def test_what_gains_nothing_by_float32_is_stored_as_the_exact_tier_does(density: Density) -> None:
    """Each value is rounded once in the tier `fast` too."""
    form, rng = density.forms[0], np.random.default_rng(3)
    values = {name: np.float32(rng.uniform(0.2, 0.8, 5000)) for name in form.names}
    x = form.draw(rng, (5000,), *[value.astype(float) for value in values.values()]).astype(np.float32)
    found = density.log_prob(x, tier="fast", **values)
    assert ulp_distance(found, density.log_prob(x, **values), "float32").max() <= 0.5
    truth = density.log_prob(x.astype(float), **{name: value.astype(float) for name, value in values.items()})
    assert ulp_distance(found, truth, "float32").max() <= 0.5 + 1e-6


@pytest.mark.parametrize("density", [laplace, normal, huber, student_t, cauchy], ids=lambda density: density.name)
def test_fast_overflows_to_infinity_and_keeps_nan(density: Density) -> None:
    """What is put back of a rounding is NaN or infinite where the result is infinite: it is left out there."""
    shapes = {name: 3.0 for name in density.forms[0].names if name not in ("loc", "scale")}
    for dtype, large in (("float32", 3e38), ("float64", 1e308)):
        x = np.array([math.inf, -math.inf, large, -large, math.nan], dtype)
        for scale in (1e-3, np.full(5, 1e-3, dtype)):
            found = density.energy(x, tier="fast", loc=0.0, scale=scale, **shapes)
            np.testing.assert_array_equal(found, [math.inf] * 4 + [math.nan])


def test_large_counts_beside_their_mean_are_right_in_float32() -> None:
    """Where the deviance leads, and is that of a difference that their quotient knows to few digits."""
    x = np.ldexp(np.random.default_rng(9).uniform(1, 2, 4000), 62).astype(np.float32)
    rate = (x * (1 + np.random.default_rng(10).integers(-9, 10, x.size) * 2.0**-23)).astype(np.float32)
    found = poisson.log_prob(x, rate=rate)
    truth = poisson.log_prob(x.astype(float), rate=rate.astype(float))
    assert ulp_distance(found, truth, "float32").max() <= BUDGETS["rounding.float32"].ulps


def test_means_of_large_counts_are_right_in_float32() -> None:
    """How much they exceed counts of 1e15 takes more digits than the exponential has."""
    x, total_count, logits = 1273435388903424.0, 2546870509371392.0, -1.5148433790451894e-14
    kernel = binomial.form(("total_count", "logits")).energy
    found = kernel.wide(*np.float32([x, total_count, logits]))
    assert ulp_distance(found, kernel.wide(x, total_count, logits), "float64") <= BUDGETS["binomial.energy"].ulps


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("width", [1, 8, 16, 31, 32, 48, 64, 300])
def test_rows_of_latents_are_within_three_ulps(dtype: str, width: int) -> None:
    """In both tiers, as many as fill vectors and not."""
    loc, log_var = np.random.default_rng(width).normal(size=(2, 200, width)).astype(dtype)
    each = normal_standard.kl(loc=loc.astype(float), log_var=log_var.astype(float))
    truth = [math.fsum(row) for row in each]
    for tier in ("exact", "fast"):
        found = normal_standard.kl_sum(loc=loc, log_var=log_var, tier=tier)
        assert ulp_distance(found, truth, dtype).max() <= SUM, tier


@pytest.mark.parametrize("tier", ["exact", "fast"])
def test_rows_of_latents_keep_what_cancels_and_what_is_not_finite(tier: str) -> None:
    """Latents that are nearly the prior, all or some of a row; variances that vanish, overflow, or are not numbers."""
    rng = np.random.default_rng(7)
    near = [10.0**k * rng.normal(size=(20, 48)) for k in range(-9, 1)]
    mixed = np.where(rng.random((20, 48)) < 0.9, near[3], rng.uniform(-100, 85, (20, 48)))
    for spread in (*near, mixed, mixed - 900.0):
        loc = rng.permutation(spread, axis=1).astype(np.float32) * np.float32(0.3)
        log_var = spread.astype(np.float32)
        each = normal_standard.kl(loc=loc.astype(float), log_var=log_var.astype(float))
        truth = [math.fsum(row) for row in each]
        found = normal_standard.kl_sum(loc=loc, log_var=log_var, tier=tier)
        assert ulp_distance(found, truth, "float32").max() <= SUM
    for end in (90.0, 1419.8, 1e4, 1e30):  # 2**2048 = e**1419.8 and its inverse would both have the bits of -1
        log_var = np.full((3, 48), -100.0, np.float32)
        log_var[:, 17] = 0.0, end, -end
        found = normal_standard.kl_sum(loc=np.zeros(48, np.float32), log_var=log_var, tier=tier)
        whole = 47 * 99.0
        truth = [whole / 2, math.inf, (whole + float(log_var[1, 17]) - 1 + math.exp(-end)) / 2]
        assert ulp_distance(found, truth, "float32").max() <= SUM


@pytest.mark.parametrize("rest", [0, 1])
def test_a_long_row_may_leave_no_rest(rest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a row that its cuts fill, nothing is asked beyond its end."""
    asked: list[int] = []

    def alone(_loop: Any, given: tuple[Any, ...], count: int) -> bool:
        asked.append(given[-1])
        return kept(_loop, given, count)

    kept = elbocheck.kernels.lift.alone
    monkeypatch.setattr(elbocheck.kernels.lift, "alone", alone)
    x = RNG.normal(size=2 * elbocheck.kernels.lift.PART + rest)
    each = normal.log_prob(x, loc=0.0, scale=1.0)
    assert ulp_distance(normal.log_prob_sum(x, axis=None, loc=0.0, scale=1.0), math.fsum(each), "float64") <= SUM
    assert asked == [1, 1] * rest


def test_a_long_row_is_cut_the_same_for_any_number_of_threads() -> None:
    """Elementwise and in total, to the last bit and the last number."""
    x = RNG.normal(size=3 * (1 << 16) + 777)
    found = []
    for count in (1, 2):
        with threads(count):
            each = [normal.log_prob(x, loc=0.3, scale=1.5) for _ in range(3)][-1]
            found.append((each, normal.log_prob_sum(x, axis=None, loc=0.3, scale=1.5)))
    assert np.array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    for start in range(0, x.size - 100, 8192 - 50):  # about the cuts, and between
        part = slice(start, start + 100)
        assert np.array_equal(found[0][0][part], normal.log_prob(x[part], loc=0.3, scale=1.5))
    assert ulp_distance(found[0][1], math.fsum(found[0][0]), "float64") <= SUM


@pytest.mark.parametrize(
    "module", [elbocheck.densities.density, elbocheck.divergences.divergence, elbocheck.kernels.threads]
)
def test_examples_run(module: Any) -> None:
    """The examples in the docstrings are right."""
    assert doctest.testmod(module).failed == 0
