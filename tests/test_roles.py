"""Roles are read from names in context, a person's word goes first, and what stays open is asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from elbocheck.binding import bind
from elbocheck.errors import UsageError
from elbocheck.roles import LIKELIHOOD_SCALES, NAMES, STATE_NAMES, WEIGHTS, Key, Role, parse_role


def taking(signature: str) -> Callable[..., Any]:
    """Return a function of the given signature."""
    space: dict[str, Any] = {"np": np}
    exec(f"def loss({signature}): return 0.0", space)
    found: Callable[..., Any] = space["loss"]
    return found


BOUND = [
    ("recon_x, x, mu, logvar", {"recon_x": "prediction", "x": "x", "mu": "q_loc", "logvar": "q_log_var"}),
    ("x, x_hat, z_mean, z_log_var", {"x": "x", "x_hat": "prediction", "z_mean": "q_loc", "z_log_var": "q_log_var"}),
    ("y_true, y_pred", {"y_true": "x", "y_pred": "prediction"}),
    ("input, target", {"input": "prediction", "target": "x"}),
    ("inputs, recons", {"inputs": "x", "recons": "prediction"}),
    ("x, y", {"x": "x", "y": "prediction"}),
    ("logits, labels", {"logits": "logits", "labels": "x"}),
    ("mu, logvar", {"mu": "q_loc", "logvar": "q_log_var"}),
    ("x, mu, sigma", {"x": "x", "mu": "prediction", "sigma": "scale"}),
    ("x, mu, logvar", {"x": "x", "mu": "prediction", "logvar": "log_var"}),
    ("x, recon, sigma", {"x": "x", "recon": "prediction", "sigma": "scale"}),
    ("recon, x, mu, std", {"recon": "prediction", "x": "x", "mu": "q_loc", "std": "q_scale"}),
    ("reconX, X, zMean, zLogVar", {"reconX": "prediction", "X": "x", "zMean": "q_loc", "zLogVar": "q_log_var"}),
    ("_mu, log_var_", {"_mu": "q_loc", "log_var_": "q_log_var"}),
    ("mu, logvar, prior_mu, prior_logvar", {"mu": "q_loc", "logvar": "q_log_var", "prior_mu": "p_loc",
                                            "prior_logvar": "p_log_var"}),
    ("recon_x, x, mu=None, logvar=None", {"recon_x": "prediction", "x": "x", "mu": "q_loc", "logvar": "q_log_var"}),
    ("x, mu, theta", {"x": "x", "mu": "prediction", "theta": "total_count"}),
    ("x, total_count, logits", {"x": "x", "total_count": "total_count", "logits": "logits"}),
    ("x, df, loc, scale", {"x": "x", "df": "df", "loc": "prediction", "scale": "scale"}),
    ("x, concentration, rate", {"x": "x", "concentration": "concentration", "rate": "prediction"}),
    ("x, scale, concentration", {"x": "x", "scale": "prediction", "concentration": "concentration"}),
    ("x, concentration1, concentration0", {"x": "x", "concentration1": "prediction",
                                           "concentration0": "concentration0"}),
    ("x, scale", {"x": "x", "scale": "prediction"}),
    ("x, mean, dispersion, beta", {"x": "x", "mean": "prediction", "dispersion": "total_count"}),
    ("x, loc, log_scale, mu, logvar", {"x": "x", "loc": "prediction", "log_scale": "log_scale", "mu": "q_loc",
                                       "logvar": "q_log_var"}),
    ("x, loc, mu, logvar", {"x": "x", "loc": "prediction", "mu": "q_loc", "logvar": "q_log_var"}),
    ("x, px_rate, px_r, qz_m, qz_v", {"x": "x", "px_rate": "prediction", "px_r": "total_count", "qz_m": "q_loc",
                                      "qz_v": "q_var"}),
    ("x, x_mu, x_log_b, mu, logvar", {"x": "x", "x_mu": "loc", "x_log_b": "log_scale", "mu": "q_loc",
                                      "logvar": "q_log_var"}),
    ("logp, target, mean, logv", {"logp": "prediction", "target": "x", "mean": "q_loc", "logv": "q_log_var"}),
    ("recon_x, x, /, mu, *, logvar", {"recon_x": "prediction", "x": "x", "mu": "q_loc", "logvar": "q_log_var"}),
]  # fmt: skip


@pytest.mark.parametrize(("signature", "expected"), BOUND, ids=[row[0] for row in BOUND])
def test_names_are_read_in_context(signature: str, expected: dict[str, str]) -> None:
    """Each argument of a signature gets its role, in the order of the call."""
    assert list(bind(taking(signature)).roles.items()) == list(expected.items())


def test_the_table_of_names_is_plain_and_unambiguous() -> None:
    """A name is written as it is looked up, stands once, means a role or a weight but not both."""
    import elbocheck.roles as module

    listed = [name for names in module._NAMES.values() for name in names.split()]
    assert len(listed) == len(set(listed)) == len(NAMES)
    assert [name for name in listed if module.spelled(name) != name] == []
    assert not WEIGHTS & set(NAMES)
    likelihood = LIKELIHOOD_SCALES | {Role.PREDICTION, Role.LOC}  # `scale` alone is the posterior's, unless no other is
    everything = {**NAMES, **STATE_NAMES}
    assert len(everything) == len(NAMES) + len(STATE_NAMES)
    assert not WEIGHTS & set(STATE_NAMES)
    assert [role for role in Role if role not in likelihood and everything[role.value] is not role] == []


def test_weights_without_a_default_are_one_and_defaults_stay() -> None:
    """`beta` is kept at 1 and said so; `reduction='mean'` stays what the loss says, and is listed."""
    binding = bind(taking("recon_x, x, mu, logvar, beta, kld_weight=0.5, reduction='mean'"))
    assert binding.constants == {"beta": 1.0}
    assert binding.defaults == {"kld_weight": 0.5, "reduction": "mean"}


@pytest.mark.parametrize(
    ("signature", "roles", "constants", "expected", "kept"),
    [
        ("a, b", {"a": "prediction", "b": "x"}, {}, {"a": "prediction", "b": "x"}, {}),
        ("a, b", {0: "prediction", "1": "x"}, {}, {"a": "prediction", "b": "x"}, {}),
        ("recon_x, foo", {1: "x"}, {}, {"recon_x": "prediction", "foo": "x"}, {}),
        ("recon_x, x, delta", {"delta": 0.7}, {}, {"recon_x": "prediction", "x": "x"}, {"delta": 0.7}),
        ("recon_x, x, delta=1.0", {}, {"delta": 2}, {"recon_x": "prediction", "x": "x"}, {"delta": 2}),
        ("recon_x, x, delta=1.0", {"delta": "delta"}, {}, {"recon_x": "prediction", "x": "x", "delta": "delta"}, {}),
        ("recon_x, x, k", {}, {"k": "sum"}, {"recon_x": "prediction", "x": "x"}, {"k": "sum"}),
        (
            "recon_x, x, mu, logvar",
            {},
            {"mu": 0},
            {"recon_x": "prediction", "x": "x", "logvar": "q_log_var"},
            {"mu": 0},
        ),
        ("x, mu, sigma", {"mu": "q_loc"}, {}, {"x": "x", "mu": "q_loc", "sigma": "scale"}, {}),
        ("recon, *args", {1: "x"}, {}, {"recon": "prediction", 1: "x"}, {}),
        ("recon, *args, k=1.0", {1: "x"}, {"k": 2.0}, {"recon": "prediction", 1: "x"}, {"k": 2.0}),
        ("*args", {0: "x", 1: "prediction"}, {2: 4.0}, {0: "x", 1: "prediction"}, {2: 4.0}),
        ("**kwargs", {"a": "x"}, {"b": 1}, {"a": "x"}, {"b": 1}),
    ],
)
def test_a_person_goes_first(
    signature: str,
    roles: dict[Key, str | float],
    constants: dict[Key, Any],
    expected: dict[Key, str],
    kept: dict[Key, Any],
) -> None:
    """Overrides by name or position, a number for a role, and constants win over the table."""
    binding = bind(taking(signature), roles, constants)
    assert (dict(binding.roles), dict(binding.constants)) == (expected, kept)


def test_what_stands_before_open_arguments_goes_by_position() -> None:
    """A named argument before `*args` cannot be passed by name once something is passed by position."""
    assert bind(taking("recon, *args"), {1: "x"}).positional == ("recon",)
    assert bind(taking("recon, x, /, mu")).positional == ("recon", "x")
    assert bind(taking("recon, x")).positional == ()


class Trainer:
    """A loss with open arguments, as PyTorch-VAE writes it."""

    def loss_function(self, *args: Any, **kwargs: Any) -> Any:
        """Read the arguments in the body."""
        recons = args[0]
        inputs = args[1]
        mu = args[2]
        log_var = args[3]
        kld_weight = kwargs["kld_weight"]
        return recons - inputs + kld_weight * (mu + log_var)

    def unpacked(self, *args: Any) -> Any:
        """Read the arguments at once."""
        recon_x, x, mu, logvar = args
        return recon_x - x + mu + logvar

    def at_once(self, *args: Any, **kwargs: Any) -> Any:
        """Read the arguments by a tuple."""
        recons, inputs, mu, log_var = args[0], args[1], args[2], args[3]
        return recons - inputs + kwargs["M_N"] * (mu + log_var)

    def sliced(self, *args: Any) -> Any:
        """Read the first arguments at once."""
        recon_x, x = args[:2]
        return recon_x - x


def test_positions_are_called_what_the_source_calls_them() -> None:
    """The report says `recons`, not `prediction`, and a slice of the arguments is read too."""
    assert bind(Trainer().loss_function).names["prediction"] == "recons"
    assert bind(Trainer().sliced).names == {"prediction": "recon_x", "x": "x"}


def test_open_arguments_are_read_in_the_source() -> None:
    """`recons = args[0]` and `recons, x = args` name the arguments, `kwargs["kld_weight"]` the constant."""
    binding = bind(Trainer().loss_function)
    assert binding.roles == {0: Role.PREDICTION, 1: Role.X, 2: Role.Q_LOC, 3: Role.Q_LOG_VAR}
    assert binding.constants == {"kld_weight": 1.0}
    at_once = bind(Trainer().at_once)
    assert (at_once.roles, at_once.constants) == (binding.roles, {"M_N": 1.0})
    assert bind(Trainer().unpacked).roles == {0: Role.PREDICTION, 1: Role.X, 2: Role.Q_LOC, 3: Role.Q_LOG_VAR}


def test_a_callable_object_is_read_through_its_forward() -> None:
    """A torch module's `__call__` takes anything; its `forward` has the names."""

    class Module:
        def __call__(self, *args: Any) -> Any:
            return self.forward(*args)

        def forward(self, logits: Any, target: Any) -> Any:
            return logits - target

    assert bind(Module()).roles == {"logits": Role.LOGITS, "target": Role.X}


@pytest.mark.parametrize(
    ("signature", "roles", "constants", "expected"),
    [
        ("foo, bar, x", {}, {}, ["'foo', 'bar'", "loss(foo, bar, x)", "--role foo=ROLE --role bar=ROLE", "--set NAME"]),
        ("*args", {}, {}, ["loss(*args)", "--role 0=prediction --role 1=x"]),
        ("", {}, {}, ["nothing varies in loss()", "--role NAME=ROLE"]),
        ("x", {"x": 1.0}, {}, ["nothing varies in loss(x)", "--role NAME=ROLE"]),
        ("recon_x, x", {"x": "logit"}, {}, ["'logit'", "did you mean 'logits'?", "--set NAME=VALUE"]),
        ("recon_x, x", {"x": "qqq"}, {}, ["'qqq'", "roles are x, prediction"]),
        ("recon_x, x", {"recon": "loc"}, {}, ["'recon'", "it takes recon_x, x", "did you mean 'recon_x'?"]),
        ("recon_x, x", {}, {"qqq": 1}, ["'qqq'", "it takes recon_x, x"]),
        ("recon_x, x", {2: "x"}, {}, ["position 2", "recon_x, x", "position 0"]),
        ("recon_x, *, x", {1: "x"}, {}, ["position 1", "recon_x, x"]),
        ("recon_x, x", {}, {"7": 1}, ["position 7", "recon_x, x"]),
        ("recon_x, x", {"x": "prediction"}, {}, ["'recon_x' and 'x'", "'prediction'", "--role x=ROLE"]),
        ("recon_x, x", {0: "loc", "recon_x": "probs"}, {}, ["'recon_x' is given twice", "position 0"]),
        ("recon_x, x", {"x": "x"}, {"x": 1.0}, ["'x' has both the role 'x' and the value 1.0"]),
        ("foo, x, weight=np.eye(2)", {}, {}, ["'foo'", "weight=array([[1., 0.], [0., 1.]])"]),
    ],
)
def test_what_cannot_be_resolved_is_asked_for(
    signature: str, roles: dict[Key, str | float], constants: dict[Key, Any], expected: list[str]
) -> None:
    """One line that shows the value and the flag to type."""
    with pytest.raises(UsageError) as caught:
        bind(taking(signature), roles, constants)
    assert "\n" not in str(caught.value)
    assert [part for part in expected if part not in str(caught.value)] == []
    assert caught.value.exit_code == 2


def test_a_role_is_read_by_its_value() -> None:
    """Every role's own name is read."""
    assert [parse_role(role.value) for role in Role] == list(Role)


def test_the_helper_makes_the_signature_it_is_given() -> None:
    """The rows above test the signature they show."""
    assert str(inspect.signature(taking("a, /, b=1, *args, c, **k"))) == "(a, /, b=1, *args, c, **k)"
