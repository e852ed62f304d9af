"""Kernels: elementary functions in ulps, lifting over arrays, and the cache."""

import contextlib
import doctest
import gc
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import elbocheck.kernels.lift
from elbocheck.budget import BUDGETS, ulp_distance
from elbocheck.densities import binomial
from elbocheck.densities.element import log_prob_element
from elbocheck.kernels import _jit, elementary, libm
from elbocheck.kernels.lift import Lifted, lift, result_dtype
from elbocheck.precision import agree

SIGNED = [s * 10.0**k for k in np.linspace(-300, 2.8, 60) for s in (1.0, -1.0)] + [0.0, 1.0, -1.0, 2.0, -0.7]
NEAR = [float(t) for t in np.linspace(-0.5, 1.0, 61)] + [1e-300, -1e-17, 2.0**-52]
SCALES = [10.0**k for k in np.linspace(-300, 300, 41)] + [0.3989422804014327, 0.3989422804014326, 0.4]

# name, points, truth, ulps: roundings counted as in elbocheck.budget
ELEMENTARY: list[tuple[Callable[..., float], list[float], Callable[..., Any], float]] = [
    (elementary.softplus, SIGNED, lambda ctx, x: ctx.log1p(ctx.exp(x)), 5),
    (elementary.sigmoid, SIGNED, lambda ctx, x: 1 / (1 + ctx.exp(-x)), 4),
    (libm.expm1_minus, SIGNED, lambda ctx, s: ctx.exp(s) - 1 - s, 2),
    (elementary.minus_log1p, NEAR, lambda ctx, t: t - ctx.log(1 + t), 5),
    (libm.half_expm1, [*SIGNED, 700.5, 709.9, 710.4], lambda ctx, s: ctx.expm1(s) / 2, 1),
    (
        elementary.exp_minus_half_square,
        [1e-12, 0.1, 1.7, 9.9, 30.1, 38.4, 41.0],
        lambda ctx, d: ctx.exp(-(d**2) / 2),
        4,
    ),
    (elementary.log_root_two_pi_times, SCALES, lambda ctx, s: ctx.log(s * ctx.sqrt(2 * ctx.pi)), 5),
]


@pytest.mark.parametrize(("scalar", "points", "truth", "ulps"), ELEMENTARY, ids=[r[0].__name__ for r in ELEMENTARY])
def test_elementary_functions_keep_every_bit_they_can(
    scalar: Callable[..., float], points: list[float], truth: Callable[..., Any], ulps: float
) -> None:
    """Where the textbook form cancels or overflows, these stay within a few ulps."""
    known = np.array([agree(lambda ctx, p=p: truth(ctx, ctx.mpf(p)), 40).split() for p in points])
    errors = ulp_distance(Lifted(scalar)(points), known[:, 0], np.float64, remainder=known[:, 1])
    assert errors.max() <= ulps


@pytest.mark.parametrize("scalar", [row[0] for row in ELEMENTARY])
def test_nan_stays_nan(scalar: Callable[..., float]) -> None:
    """No comparison swallows a NaN."""
    assert np.isnan(Lifted(scalar)(math.nan))


def test_product_error_is_exact() -> None:
    """Product and error together are the product."""
    a, b = 1.0 + 2.0**-30, 1.0 - 2.0**-31
    rest = Lifted(elementary.product_error)(a, b, a * b)
    assert int(a * 2**60) * int(b * 2**60) == int(a * b * 2**60) * 2**60 + int(float(rest) * 2**120)


def _second_minus_third(a: float, b: float, c: float) -> float:
    return b - c


def test_arguments_broadcast_and_keep_their_order() -> None:
    """Any mix of shapes and layouts gives what NumPy's own operators give."""
    b = np.arange(12.0).reshape(3, 4)[:, ::2]
    c = np.arange(3.0)[:, None]
    b.flags.writeable = False
    result = Lifted(_second_minus_third)(0.0, b, c)
    np.testing.assert_array_equal(result, b - c)
    assert Lifted(_second_minus_third)(np.ones((0, 2)), 1.0, 2.0).shape == (0, 2)
    assert isinstance(Lifted(_second_minus_third)(0.0, 1.0, 2.0), np.float64)


@pytest.mark.parametrize(
    ("arguments", "dtype"),
    [
        ((1.0, 2), np.float64),
        ((1, True), np.float64),
        ((np.float32(1), 1e300), np.float32),
        ((np.ones(2, np.float32), np.float64(1)), np.float64),
        ((np.ones(2, np.float16), 1), np.float16),
        ((np.arange(3), 1), np.float64),
        (([1.0, 2.0],), np.float64),
    ],
)
def test_arrays_decide_the_dtype(arguments: tuple[Any, ...], dtype: type) -> None:
    """Python numbers follow the arrays, integers count as float64."""
    assert result_dtype(*arguments) == dtype


@pytest.mark.parametrize("value", [1j, np.longdouble(1), "text"])
def test_other_numbers_are_refused(value: Any) -> None:
    """Complex and extended numbers are not silently truncated."""
    with pytest.raises((TypeError, ValueError)):
        Lifted(elementary.softplus)(value)


def test_float32_is_the_float64_result_rounded_once() -> None:
    """Half an ulp of float32, subnormal results and overflow included."""
    x = np.float32(np.linspace(-110, 110, 4001))
    wide = Lifted(elementary.softplus)(x.astype(np.float64))
    narrow = Lifted(elementary.softplus)(x)
    assert narrow.dtype == np.float32
    assert ulp_distance(narrow, wide, np.float32).max() <= BUDGETS["rounding.float32"].ulps
    assert Lifted(libm.half_expm1)(np.float32(200)) == np.inf


def test_what_is_no_kernel_is_refused() -> None:
    """A closure, a builtin and a function of too many arguments say what a kernel is."""
    offset = 1.0
    for wrong in (math.exp, lambda x: x + offset, lambda a, b, c, d, e, f: a):
        with pytest.raises(TypeError, match="a kernel"):
            lift(wrong)  # type: ignore[arg-type]


PROBE = """
import sys
from elbocheck.densities import huber
assert "numba" not in sys.modules, "importing a density must not load numba"
huber.log_prob([0.0, 2.0], loc=0.0, scale=1.0, delta=1.0)
huber.log_prob_sum([0.0, 2.0], loc=0.0, scale=1.0, delta=1.0)
from elbocheck.densities.density import log_prob_element
from elbocheck.kernels import lift
from elbocheck.kernels._jit import Layout, dispatcher
lift.compiled = dispatcher
varies = (True, False, False, False)
element = log_prob_element(huber, huber.forms[0], varies, ())
layout = Layout(varies, "float64", "float64", "float64")
loops = lift._values.__wrapped__(element, layout), lift._sums.__wrapped__(element, layout, 0)
print(sum(sum(loop.stats.cache_hits.values()) for loop in loops))
"""


def test_a_fresh_process_finds_the_compiled_kernels(tmp_path: Path) -> None:
    """The first process compiles one object per kernel, the second loads it; where nothing can be kept, it
    still runs."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", PROBE]
    seen = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)]
    assert [run.stdout.strip() for run in seen] == ["0", "2"]
    assert len(list(tmp_path.rglob("*.nbc"))) == 2


def test_a_kernel_is_compiled_anew_where_what_it_names_has_changed() -> None:
    """In whichever file that is: the binomial's means are those of the negative binomial's."""
    element = log_prob_element(binomial, binomial.forms[0], (True, False, True))
    files = {Path(file).name for file in _jit._files(element.value)}
    assert {"binomial.py", "negative_binomial.py"} <= files
    assert "poisson.py" not in files


def test_a_kernel_without_a_file_is_compiled_without_a_cache() -> None:
    """A kernel typed at a prompt has nowhere to be kept, and still runs."""
    scope: dict[str, Any] = {"__name__": "typed"}
    exec(compile("def double(x):\n    return 2.0 * x\n", "<typed>", "exec"), scope)
    assert Lifted(scope["double"])(4.0) == 8.0


def test_garbage_is_collected_after_compiling_as_before() -> None:
    """Whether it ends well or not, and only where it was before."""
    for before in (gc.enable, gc.disable):
        before()
        with contextlib.suppress(ValueError), _jit._no_collection():
            assert not gc.isenabled()
            raise ValueError
        assert gc.isenabled() is (before is gc.enable)
    gc.enable()


def test_examples_run() -> None:
    """The examples in the docstrings are right."""
    assert doctest.testmod(elbocheck.kernels.lift).failed == 0


def _softplus(x: float) -> float:
    return math.log1p(math.exp(-abs(x))) + (x if x > 0.0 else 0.0)


def _softplus_by_numba(x: float) -> float:  # by another name, or what was compiled before would be found on the disk
    return math.log1p(math.exp(-abs(x))) + (x if x > 0.0 else 0.0)


def _of_integers(x: float) -> float:
    steps = 0
    while x > 1.0:
        x *= 0.5
        steps = steps + 0.75  # type: ignore[assignment]  # what this is about
    return x + steps


def _of_a_list(x: float) -> float:
    total = 0.0
    for part in [x, 2.0 * x, x * x]:
        total += part
    return total


def _of_a_function_inside(x: float) -> float:
    return sum([k * x for k in range(1, 4)])


def _of_an_array(x: float) -> float:
    held = np.zeros(3)
    held[1] = x
    return float(held.sum())


def _of_such(x: float) -> float:
    return _of_integers(x) + _of_a_list(x)


@pytest.mark.parametrize("kernel", [_of_integers, _of_a_list, _of_a_function_inside, _of_an_array, _of_such])
def test_all_that_numba_compiles_is_compiled(kernel: Callable[[float], float]) -> None:
    """What the short way, for functions of numbers, does not lead to: variables of several types, and of such whose users
    Numba counts."""
    points = [0.25, 5.0, 9.0]
    assert lift(kernel)(points).tolist() == [kernel(x) for x in points]


LONGER = """
import numpy as np
from numba.core.compiler_machinery import PassManager
from elbocheck.densities import negative_binomial, student_t
from elbocheck.estimators import elbo_and_grad
from elbocheck.kernels import _inlined
def longer(passes, state):
    if isinstance(state.pipeline, _inlined.Inlined):
        print(state.func_id.func_name)
    run(passes, state)
run = PassManager.run
PassManager.run = longer
x = np.ones((2, 3))
for dtype, tier, density, parameters in (
    ("f4", "fast", student_t, {"loc": x, "scale": x, "df": 3.0}),
    ("f8", "exact", negative_binomial, {"total_count": 3.0, "logits": x}),
):
    q, held = x.astype(dtype), {name: np.asarray(value, dtype) for name, value in parameters.items()}
    elbo_and_grad(density, q, held, q, q, tier=tier)
"""


def test_densities_are_compiled_the_short_way(tmp_path: Path) -> None:
    """None of their functions needs all that Numba has, which takes half as long again."""
    run = subprocess.run(
        [sys.executable, "-c", LONGER],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == []


def test_another_numba_compiles_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Numba lacks what the shorter compiler of inlined parts is made of, its own gives the same bits."""
    points, caches = np.linspace(-9, 9, 1001), (_jit._inlined, _jit._mathematics)
    expected = lift(_softplus)(points)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setitem(sys.modules, "elbocheck.kernels._inlined", None)
    assert (
        type(_jit._inlined(_jit.Bound(_softplus, ()), _jit.Layout((), *["float64"] * 3))).__module__
        == "numba.core.registry"
    )
    np.testing.assert_array_equal(lift(_softplus_by_numba)(points), expected)
    for cache in caches:
        cache.cache_clear()
