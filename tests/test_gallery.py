"""Every loss of the gallery gets exactly its expected verdict."""

from __future__ import annotations

import math

import pytest

from elbocheck import verify
from elbocheck.gallery import GALLERY, Entry

PRECISION = {"float64": 1e-9, "float32": 1e-5}  # the promised relative error of implied parameters


@pytest.mark.parametrize("dtype", PRECISION)
@pytest.mark.parametrize("entry", GALLERY, ids=lambda e: f"{e.target.split('.')[-1]}-{e.bound}")
def test_expected_verdict(entry: Entry, dtype: str) -> None:
    """Bound, codes, formulas and parameters are those of the entry, in both dtypes."""
    if entry.framework != "numpy":
        pytest.importorskip(entry.framework, reason=f"{entry.framework} is not installed")
    verdict = verify(entry.load(), target=entry.target, dtype=dtype, **entry.options)
    assert (verdict.bound.value, verdict.codes) == (entry.bound, tuple(sorted(entry.codes))), str(verdict)
    model = verdict.model
    assert model is not None
    assert model.family == entry.family
    if entry.sigma2 is not None:
        assert model.sigma2 is not None
        assert model.sigma2.formula == entry.sigma2
    if entry.beta is not None:
        assert model.beta is not None
        assert model.beta.formula == entry.beta
    for name, value in entry.parameters.items():
        assert math.isclose(model.parameters[name], value, rel_tol=PRECISION[dtype])
    for formula in (model.sigma2, model.beta):
        if formula is not None and formula.fraction is not None:
            assert math.isclose(formula.coefficient, formula.fraction, rel_tol=PRECISION[dtype])
