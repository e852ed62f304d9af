"""Published losses, each with the verdict that its formula deserves; torch's own losses by name, in both dtypes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from elbocheck import Intent, Verdict, load, verify
from tests.mutants import published

_PRECISION = {"float64": 1e-9, "float32": 1e-5}  # the promised relative error of implied parameters


@dataclass(frozen=True, kw_only=True)
class Row:
    """One loss and what must be said of it.

    Attributes:
        bound: the right bound.
        family: the right family; None: the tool knows none, and must claim none.
        codes: exactly the findings.
        sigma2: the implied variance as a formula.
        beta: the implied weight of the KL as a formula.
        parameters: of the family.
        options: what is declared to `verify`.
    """

    bound: str
    family: str | None
    codes: tuple[str, ...] = ()
    sigma2: str | None = None
    beta: str | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


_GRAY = {"intent": Intent(data_kind="gray")}
_NAMED: dict[str, Mapping[str, Any]] = {
    "flax": {"roles": {"labels": "x"}},
    "optax_kl": {"roles": {"log_probs": "prediction"}},
    "image": {"shapes": {"x": (28, 28, 1)}},
    "color": {"shapes": {"x": (32, 32, 3)}},
    "beta": {"intent": Intent(expect={"beta": 4.0})},
    "symmetric": {"intent": Intent(data_range=(-1.0, 1.0))},
    "unit": {"intent": Intent(data_range=(0.0, 1.0))},
}
_ALONE = {"bound": "likelihood-only"}

ROWS: dict[str, Row] = {
    "tf_cvae": Row(bound="exact", family="bernoulli", beta="1"),
    "keras_cvae image": Row(
        bound="exact", family="bernoulli", beta="C", codes=("ELB110", "ELB502"), options=_NAMED["image"]
    ),
    "keras_cvae color": Row(
        bound="beta", family="bernoulli", beta="C", codes=("ELB110", "ELB502"), options=_NAMED["color"]
    ),
    "flax_log_sigmoid": Row(bound="exact", family="bernoulli", beta="1", codes=("ELB504",), options=_NAMED["flax"]),
    "nnx_toy": Row(bound="beta", family="bernoulli", beta="D/(10*L)", codes=("ELB103",)),
    "haiku": Row(bound="exact", family="bernoulli", beta="1"),
    "hips": Row(bound="scaled", family="bernoulli", beta="1", codes=("ELB112",)),
    "lightning": Row(bound="exact", family="normal", beta="1"),
    "log_cosh_alpha": Row(
        bound="constant", family="log_cosh", beta="100*D", codes=("ELB101", "ELB509"), parameters={"scale": 0.01}
    ),
    "vanilla_train": Row(bound="scaled", family="normal", sigma2="D/8000", codes=("ELB101", "ELB108")),
    "draw_step": Row(bound="constant", family="bernoulli", beta="1", codes=("ELB211",)),
    "bernoulli_sum": Row(bound="exact", family="bernoulli", beta="1"),
    "bernoulli_sum gray": Row(bound="not-a-density", family="bernoulli", codes=("ELB401",), options=_GRAY),
    "squashed_l2": Row(bound="constant", family="normal", sigma2="1/2", codes=("ELB107",)),
    "beta_vae": Row(bound="beta", family="bernoulli", beta="4", codes=("ELB108",)),
    "beta_vae declared": Row(bound="beta", family="bernoulli", beta="4", options=_NAMED["beta"]),
    "burgess": Row(bound="not-a-bound", family="bernoulli", codes=("ELB305",)),
    "bins_without_tails": Row(
        bound="conservative", family="discretized_logistic", beta="1", codes=("ELB411", "ELB502"), options=_GRAY
    ),
    "bins_without_tails undeclared": Row(
        bound="conservative", family="discretized_logistic", beta="1", codes=("ELB411", "ELB502")
    ),
    "bins_with_tails": Row(**_ALONE, family="discretized_logistic", codes=("ELB502",), options=_NAMED["symmetric"]),
    "bins_of_pixel_cnn": Row(bound="exact", family="discretized_logistic", beta="1", codes=("ELB412",)),
    "bins_of_a_tanh": Row(
        **_ALONE, family="discretized_normal", codes=("ELB412", "ELB502"), options=_NAMED["symmetric"]
    ),
    "bins_of_a_tanh undeclared": Row(**_ALONE, family="discretized_normal", codes=("ELB412", "ELB502")),
    "vdvae": Row(bound="scaled", family="bernoulli", beta="1", codes=("ELB112",)),
    "bits_per_dim": Row(bound="scaled", family="normal", sigma2="1", codes=("ELB112", "ELB413")),
    "bits_per_dim unit": Row(
        bound="scaled", family="normal", sigma2="1", codes=("ELB112", "ELB413"), options=_NAMED["unit"]
    ),
    "sigma_vae": Row(bound="exact", family="normal", beta="1"),
    "sigma_vae_mse": Row(bound="scaled", family="normal", sigma2="B*D/2", codes=("ELB104",)),
    "optimal_sigma": Row(bound="not-a-bound", family=None, codes=("ELB307",)),
    "two_stage": Row(bound="exact", family="normal", beta="1"),
    "continuous_bernoulli": Row(bound="exact", family="continuous_bernoulli", beta="1"),
    "continuous_bernoulli gray": Row(bound="exact", family="continuous_bernoulli", beta="1", options=_GRAY),
    "latent_diffusion": Row(bound="not-a-bound", family="laplace", codes=("ELB108", "ELB409")),
    "keras_mse": Row(**_ALONE, family="normal", sigma2="D/2"),
    "keras_bce": Row(**_ALONE, family="bernoulli", codes=("ELB502",)),
    "keras_huber": Row(**_ALONE, family="huber", parameters={"delta": 1.0}),
    "keras_log_cosh": Row(**_ALONE, family="log_cosh", parameters={"scale": 1.0}),
    "keras_poisson": Row(**_ALONE, family="poisson", codes=("ELB410",)),
    "keras_kl": Row(**_ALONE, family="categorical"),
    "keras_cosine": Row(bound="not-a-density", family=None, codes=("ELB418",)),
    "optax_l2": Row(**_ALONE, family="normal", sigma2="1"),
    "optax_squared_error": Row(**_ALONE, family="normal", sigma2="1/2", codes=("ELB107",)),
    "optax_huber": Row(**_ALONE, family="huber", parameters={"delta": 0.4}),
    "optax_log_cosh": Row(**_ALONE, family="log_cosh", parameters={"scale": 1.0}),
    "optax_sigmoid_bce": Row(**_ALONE, family="bernoulli"),
    "optax_kl": Row(**_ALONE, family="categorical", options=_NAMED["optax_kl"]),
    "optax_cosine": Row(bound="not-a-density", family=None, codes=("ELB418",)),
}
"""By the name of the loss, and a word for what is declared."""


def _holds(row: Row, verdict: Verdict, dtype: str) -> None:
    assert (verdict.bound.value, verdict.codes) == (row.bound, tuple(sorted(row.codes))), str(verdict)
    model = verdict.model
    assert model is not None
    assert model.family == row.family
    for expected, formula in ((row.sigma2, model.sigma2), (row.beta, model.beta)):
        if expected is not None:
            assert formula is not None
            assert formula.formula == expected
    for name, value in row.parameters.items():
        assert math.isclose(model.parameters[name], value, rel_tol=_PRECISION[dtype])


@pytest.mark.parametrize("name", ROWS)
def test_a_published_loss_is_read_right(name: str) -> None:
    """Bound, findings, family and weights are those of the formula."""
    row = ROWS[name]
    _holds(row, verify(getattr(published, name.partition(" ")[0]), **row.options), "float64")


def test_the_wrong_number_of_levels_is_told() -> None:
    """Eight bits for data in [-1, 1], where seven are right, are a warning."""
    verdict = verify(published.bits_per_dim, intent=Intent(data_range=(-1.0, 1.0)))
    assert next(f.outcome.value for f in verdict.findings if f.code == "ELB413") == "warn"


_CLASSES = ("ELB502",)
_CLAMPED = ("ELB502", "ELB510")
TORCH: dict[str, tuple[str, Mapping[str, Any], Row]] = {
    "MSELoss": ("MSELoss", {}, Row(**_ALONE, family="normal", sigma2="D/2")),
    "MSELoss sum": ("MSELoss", {"reduction": "sum"}, Row(**_ALONE, family="normal", sigma2="1/2", codes=("ELB107",))),
    "L1Loss sum": ("L1Loss", {"reduction": "sum"}, Row(**_ALONE, family="laplace", parameters={"scale": 1.0})),
    "HuberLoss": ("HuberLoss", {"delta": 0.25}, Row(**_ALONE, family="huber", parameters={"delta": 0.25})),
    "SmoothL1Loss": ("SmoothL1Loss", {"beta": 0.25}, Row(**_ALONE, family="huber", parameters={"delta": 0.25})),
    "GaussianNLLLoss": ("GaussianNLLLoss", {}, Row(**_ALONE, family="normal", codes=_CLAMPED)),
    "GaussianNLLLoss full": ("GaussianNLLLoss", {"full": True}, Row(**_ALONE, family="normal", codes=_CLAMPED)),
    "PoissonNLLLoss": ("PoissonNLLLoss", {}, Row(**_ALONE, family="poisson", codes=("ELB410",))),
    "PoissonNLLLoss full": ("PoissonNLLLoss", {"full": True}, Row(**_ALONE, family="poisson", codes=("ELB410",))),
    "PoissonNLLLoss rate": ("PoissonNLLLoss", {"log_input": False}, Row(**_ALONE, family="poisson", codes=("ELB410",))),
    "BCELoss": ("BCELoss", {}, Row(**_ALONE, family="bernoulli", codes=_CLASSES)),
    "BCEWithLogitsLoss": ("BCEWithLogitsLoss", {}, Row(**_ALONE, family="bernoulli")),
    "CrossEntropyLoss": ("CrossEntropyLoss", {}, Row(**_ALONE, family="categorical")),
    "CrossEntropyLoss sum": ("CrossEntropyLoss", {"reduction": "sum"}, Row(**_ALONE, family="categorical")),
    "NLLLoss": ("NLLLoss", {}, Row(**_ALONE, family="categorical")),
    "KLDivLoss": ("KLDivLoss", {"reduction": "sum"}, Row(**_ALONE, family="categorical")),
}
"""The class, how it is made, and what must be said of it."""


@pytest.mark.parametrize("dtype", _PRECISION)
@pytest.mark.parametrize("name", TORCH)
def test_a_loss_of_torch_is_read_right(name: str, dtype: str) -> None:
    """Family, parameter, bound and findings, the module called as it is installed."""
    pytest.importorskip("torch", reason="torch is not installed")
    module, init, row = TORCH[name]
    _holds(row, verify(load(f"torch.nn:{module}", init), dtype=dtype), dtype)


@pytest.mark.parametrize("full", [False, True])
def test_torch_keeps_or_drops_the_constant(full: bool) -> None:
    """GaussianNLLLoss drops (log 2 pi)/2 of each element unless told; PoissonNLLLoss drops log x!, or approximates it."""
    pytest.importorskip("torch", reason="torch is not installed")
    gaussian = verify(load("torch.nn:GaussianNLLLoss", {"full": full, "reduction": "sum"})).model
    assert gaussian is not None
    assert gaussian.dropped is not None
    assert math.isclose(
        gaussian.dropped, 0.0 if full else 784 * math.log(2 * math.pi) / 2, rel_tol=_PRECISION["float64"]
    )
    (finding,) = verify(load("torch.nn:PoissonNLLLoss", {"full": full})).findings
    assert ("1.022048 at rate 3" in finding.message) == full
    assert finding.outcome.value == ("fail" if full else "note")


@pytest.mark.parametrize("dtype", _PRECISION)
def test_a_weight_on_one_class_is_told(dtype: str) -> None:
    """BCEWithLogitsLoss with pos_weight is no density; with a weight of 1 it is a Bernoulli."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    name = "torch.nn:BCEWithLogitsLoss"
    weighted = verify(load(name, {"pos_weight": torch.tensor(2.0)}), dtype=dtype)
    assert (weighted.bound.value, weighted.codes) == ("not-a-density", ("ELB407",))
    plain = verify(load(name, {"pos_weight": torch.tensor(1.0)}), dtype=dtype)
    assert plain.model is not None
    assert plain.model.family == "bernoulli"


@pytest.mark.parametrize("dtype", _PRECISION)
def test_a_cosine_of_torch_is_no_density(dtype: str) -> None:
    """CosineEmbeddingLoss levels off whatever the data: exp(-loss) has no mass."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    roles = {"input1": "prediction", "input2": "x"}
    loss = load("torch.nn:CosineEmbeddingLoss")
    verdict = verify(loss, roles=roles, constants={"target": torch.ones(1)}, dtype=dtype)
    assert (verdict.bound.value, "ELB418" in verdict.codes) == ("not-a-density", True), str(verdict)
