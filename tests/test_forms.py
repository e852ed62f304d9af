"""One loss in the forms people write, and torch's own losses as they are installed."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from elbocheck import Verdict, load, verify

torch = pytest.importorskip("torch", reason="torch is not installed")


def plain(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Return the loss of pytorch/examples."""
    bce = torch.nn.functional.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    return bce - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def as_tuple(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Return it with its terms."""
    loss = plain(recon_x, x, mu, logvar)
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return loss, loss - kl, kl


def as_dict(recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
    """Return it by name, not first."""
    loss, recon, kl = as_tuple(recon_x, x, mu, logvar)
    return {"recon": recon, "kl": kl, "loss": loss}


def as_args(*args: Any, **kwargs: Any) -> Any:
    """Take what comes."""
    recons, x, mu, log_var = args[0], args[1], args[2], args[3]
    return plain(recons, x, mu, log_var)


def as_args_by_line(*args: Any, **kwargs: Any) -> Any:
    """Name what comes."""
    recons = args[0]
    x = args[1]
    mu = args[2]
    log_var = args[3]
    return plain(recons, x, mu, log_var)


class Model:
    """An object that holds its loss."""

    def loss_function(self, recon_x: Any, x: Any, mu: Any, logvar: Any) -> Any:
        """Return the loss."""
        return plain(recon_x, x, mu, logvar)


model = Model()
BY_POSITION = {0: "prediction", 1: "x", 2: "q_loc", 3: "q_log_var"}
FORMS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "view": (plain, {}),
    "tuple": (as_tuple, {}),
    "dict": (as_dict, {}),
    "args": (as_args, {"roles": BY_POSITION}),
    "args by line": (as_args_by_line, {}),
    "method": (model.loss_function, {}),
    "partial": (functools.partial(plain), {}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gets_the_same_verdict(form: str) -> None:
    """The exact ELBO of a Bernoulli decoder, whatever the call looks like."""
    function, options = FORMS[form]
    verdict = verify(function, **options)
    assert verdict.bound.value == "exact", str(verdict)
    assert verdict.codes == ("ELB502",), str(verdict)
    assert verdict.model is not None
    assert (verdict.model.family, verdict.model.beta.formula if verdict.model.beta else "") == ("bernoulli", "1")


FUNCTIONAL = {
    "mse_loss": ("normal", {}, {}),
    "l1_loss": ("laplace", {}, {}),
    "huber_loss": ("huber", {"delta": 0.7}, {"delta": 0.7}),
    "smooth_l1_loss": ("huber", {"beta": 0.3}, {"delta": 0.3}),
    "binary_cross_entropy": ("bernoulli", {}, {}),
    "binary_cross_entropy_with_logits": ("bernoulli", {}, {}),
}
REDUCTIONS = {
    "none": "none (one value per element)",
    "sum": "sum over elements and batch",
    "mean": "mean over elements and batch",
}


def _functional(name: str, **constants: Any) -> Verdict:
    return verify(load(f"torch.nn.functional:{name}"), constants=constants)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", FUNCTIONAL)
def test_torch_functional_losses(name: str, reduction: str) -> None:
    """Family, parameter and reduction of torch's own losses."""
    family, constants, expected = FUNCTIONAL[name]
    verdict = _functional(name, reduction=reduction, **constants)
    assert verdict.model is not None
    assert verdict.model.family == family, str(verdict)
    assert verdict.model.reduction == REDUCTIONS[reduction]
    assert verdict.bound.value == "likelihood-only"
    for parameter, value in expected.items():
        assert math.isclose(verdict.model.parameters[parameter], value)


def test_the_module_form_of_a_loss(tmp_path: Any) -> None:
    """A class is instantiated, with arguments where they are given."""
    huber = load("torch.nn:HuberLoss", {"delta": 0.25, "reduction": "sum"})
    verdict = verify(huber)
    assert verdict.model is not None
    assert math.isclose(verdict.model.parameters["delta"], 0.25)


def test_module_is_what_it_says(request: pytest.FixtureRequest) -> None:
    """The forms above are module-level, as a command line would name them."""
    module: ModuleType = request.module
    found = load(f"{module.__file__}:model.loss_function")
    assert verify(found).bound.value == "exact"
