"""Which argument of a loss plays which role: a table of names, read in context, that a person can override."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from elbocheck.errors import UsageError

Key = str | int
"""An argument: its name, or its position where the loss takes `*args`."""


class Role(StrEnum):
    """What an argument of a loss means."""

    X = "x"
    PREDICTION = "prediction"
    LOC = "loc"
    LOGITS = "logits"
    PROBS = "probs"
    SCALE = "scale"
    LOG_SCALE = "log_scale"
    VAR = "var"
    LOG_VAR = "log_var"
    DELTA = "delta"
    Q_LOC = "q_loc"
    Q_SCALE = "q_scale"
    Q_LOG_SCALE = "q_log_scale"
    Q_VAR = "q_var"
    Q_LOG_VAR = "q_log_var"
    P_LOC = "p_loc"
    P_SCALE = "p_scale"
    P_LOG_SCALE = "p_log_scale"
    P_VAR = "p_var"
    P_LOG_VAR = "p_log_var"
    Z = "z"


PREDICTIONS = frozenset({Role.PREDICTION, Role.LOC, Role.LOGITS, Role.PROBS})
LIKELIHOOD_SCALES = frozenset({Role.SCALE, Role.LOG_SCALE, Role.VAR, Role.LOG_VAR})
POSTERIOR_SCALES = frozenset({Role.Q_SCALE, Role.Q_LOG_SCALE, Role.Q_VAR, Role.Q_LOG_VAR})
PRIOR_SCALES = frozenset({Role.P_SCALE, Role.P_LOG_SCALE, Role.P_VAR, Role.P_LOG_VAR})
POSITIVE = frozenset({Role.SCALE, Role.VAR, Role.Q_SCALE, Role.Q_VAR, Role.P_SCALE, Role.P_VAR, Role.DELTA})

_NAMES: dict[Role, str] = {
    Role.X: "x xs x_true y_true target targets data batch image images img imgs obs observation observations "
    "original true gt real x_in x_input x_orig ground_truth x_target label labels inputs input sample_x pixels y "
    "observed",
    Role.PREDICTION: "prediction predictions pred preds y_pred x_pred recon_x x_recon recon recons recon_batch "
    "x_rec reconstruction reconstructions reconstructed reconstructed_x x_reconstructed x_hat xhat x_tilde x_prime "
    "x_out out output outputs decoded x_decoded x_decoded_mean decoder_output decoder_out dec_out generated rec "
    "x_reconst reconst recon_image recon_images x_dec dec rec_x outputs_recon reconstructed_image "
    "reconstructed_images input_recon yhat y_hat x_reconstruction recon_data decoding model_output",
    Role.LOC: "x_loc x_mu x_mean mu_x mean_x dec_mu dec_mean px_loc loc_x recon_mu recon_mean p_x_mean mu_dec "
    "decoder_mu x_mus means_x dec_loc recon_loc",
    Role.LOGITS: "logits x_logits logit x_logit recon_logits logits_x decoder_logits recon_x_logits dec_logits "
    "y_logits",
    Role.PROBS: "probs x_probs prob p probabilities dec_probs recon_probs px_probs y_prob y_probs probability x_prob",
    Role.SCALE: "x_scale x_sigma x_std sigma_x dec_sigma dec_std px_scale dec_scale recon_std recon_sigma scale_x "
    "std_x",
    Role.LOG_SCALE: "x_log_scale x_log_std x_log_sigma log_sigma_x dec_log_sigma dec_log_std recon_log_std "
    "log_scale_x dec_log_scale logsigma_x recon_log_scale x_logsigma x_logstd",
    Role.VAR: "x_var var_x dec_var recon_var px_var",
    Role.LOG_VAR: "x_log_var x_logvar logvar_x log_var_x dec_logvar dec_log_var recon_logvar recon_log_var "
    "px_logvar decoder_logvar decoder_log_var logvar_dec log_var_dec",
    Role.DELTA: "delta huber_delta learned_delta",
    Role.Q_LOC: "q_loc mu mus mean means z_mean z_mu mu_z mean_z q_mu q_mean m loc latent_mean latent_mu enc_mu "
    "enc_mean z_loc qz_loc qz_mean posterior_mean mu_q mean_q encoder_mean z_means encoder_mu code_mean",
    Role.Q_SCALE: "q_scale sigma sigmas std stds stddev sd scale z_std z_sigma z_scale sigma_z std_z q_std q_sigma "
    "latent_std enc_std qz_scale stdev z_stddev",
    Role.Q_LOG_SCALE: "q_log_scale log_sigma log_std logstd logsigma log_sd log_stddev z_log_std z_log_sigma "
    "z_logstd log_scale log_sigma_z log_std_z z_logsigma ln_sigma logscale q_log_std enc_log_std",
    Role.Q_VAR: "q_var var vars variance z_var sigma2 sigma_sq z_variance sigma_squared q_variance",
    Role.Q_LOG_VAR: "q_log_var logvar log_var logvars log_vars log_variance z_log_var z_logvar z_log_variance lv "
    "log_sigma2 logsigma2 log_sigma_sq log_var_z logvar_z q_logvar log_sigma_squared latent_logvar latent_log_var "
    "enc_logvar enc_log_var encoder_log_var posterior_logvar log_sigma_2 lnvar z_log_sigma_sq logs2 logvariance "
    "log_v",
    Role.P_LOC: "p_loc prior_mu prior_mean p_mu p_mean prior_loc mu_prior mean_prior mu_p mean_p pz_mean prior_mus",
    Role.P_SCALE: "p_scale prior_std prior_sigma prior_scale p_std p_sigma std_prior sigma_prior sigma_p std_p",
    Role.P_LOG_SCALE: "p_log_scale prior_log_std prior_log_sigma prior_logstd p_log_std prior_log_scale prior_logsigma",
    Role.P_VAR: "p_var prior_var prior_variance var_prior",
    Role.P_LOG_VAR: "p_log_var prior_logvar prior_log_var p_logvar logvar_prior log_var_prior logvar_p log_var_p "
    "pz_logvar",
    Role.Z: "z z_sample zs latent latents z_samples sampled_z z_q code latent_sample",
}
NAMES: dict[str, Role] = {name: role for role, names in _NAMES.items() for name in names.split()}
"""The documented table: an argument's name in lower case, without leading or trailing underscores."""

WEIGHTS = frozenset(
    [
        "beta",
        "kl_weight",
        "kld_weight",
        "weight_kl",
        "kl_beta",
        "kl_coef",
        "kl_coeff",
        "gamma",
        "w",
        "kl_w",
        "kl_lambda",
        "lambda_kl",
        "anneal",
        "annealing_factor",
        "kl_factor",
        "kl_scale",
        "kl_anneal",
        "warmup",
        "beta_kl",
        "c_kl",
        "alpha_kl",
    ]
)
"""Arguments that weigh a term: 1 where the loss gives no default, and said so."""

_LIKELIHOOD_TWIN = {
    Role.Q_LOC: Role.PREDICTION,
    Role.Q_SCALE: Role.SCALE,
    Role.Q_LOG_SCALE: Role.LOG_SCALE,
    Role.Q_VAR: Role.VAR,
    Role.Q_LOG_VAR: Role.LOG_VAR,
}


_PREDICTION_FIRST = ("input", "inputs", "y", "x")
"""Of two arguments that both look like data, the one that is the prediction: `input, target` and `x, y`."""


@dataclass(frozen=True)
class Binding:
    """What each argument is: a role that probing varies, or a constant that it keeps.

    Attributes:
        roles: argument to role, in the order of the call.
        constants: arguments that keep one value: set by a person, or assumed.
        defaults: arguments left at the default the loss gives them, for the report.
        positional: names of the leading arguments that must be passed by position.
    """

    roles: Mapping[Key, Role]
    constants: Mapping[Key, Any]
    defaults: Mapping[str, Any]
    positional: tuple[Key, ...] = ()


def bind(
    function: Callable[..., Any],
    roles: Mapping[Key, str | float] | None = None,
    constants: Mapping[Key, Any] | None = None,
) -> Binding:
    """Decide the role of every argument of `function`.

    Args:
        function: the loss.
        roles: overrides, argument (name or position) to role; a number fixes the argument instead.
        constants: arguments to keep at a value.

    Returns:
        The binding.

    Raises:
        UsageError: an unknown role or argument, or an argument whose role no rule decides (with the flag to type).
    """
    given, fixed = _split(roles or {}, constants or {})
    parameters = _parameters(function)
    plain = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    takes_any = len(plain) < len(parameters)
    by_position = [p.name for p in plain if p.kind is not p.KEYWORD_ONLY]
    if not takes_any:
        _refuse_strangers([*given, *fixed], [p.name for p in plain], len(by_position))
    _by_name(given, fixed, by_position)
    found: dict[Key, Role] = {}
    defaults: dict[str, Any] = {}
    unresolved: list[str] = []
    positional: list[Key] = []
    for parameter in plain:
        key: Key = parameter.name
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(key)
        if key in fixed:
            continue
        role = given.get(key) or NAMES.get(_plain(parameter.name))
        if key not in given and parameter.default is not parameter.empty and not _tensor_default(parameter):
            defaults[parameter.name] = parameter.default
        elif role is not None:
            found[key] = role
        elif _plain(parameter.name) in WEIGHTS:
            fixed[key] = 1.0
        else:
            unresolved.append(parameter.name)
    if takes_any:
        _bind_open_arguments(function, parameters, given, fixed, found)
    _refuse_unresolved(function, unresolved, found, takes_any)
    if any(isinstance(key, int) for key in (*found, *fixed)):  # what stands before *args goes by position too
        positional = [*by_position]
    return Binding(_in_context(found, given, fixed), fixed, defaults, tuple(positional))


def _by_name(given: dict[Key, Role], fixed: dict[Key, Any], names: Sequence[str]) -> None:
    """Turn positions into names where the argument has one; refuse what is said twice."""
    for table in (given, fixed):
        for place in [key for key in table if isinstance(key, int) and key < len(names)]:
            if names[place] in table:
                raise UsageError(f"argument {names[place]!r} is given twice, by name and as position {place}: keep one")
            table[names[place]] = table.pop(place)
    for key, role in given.items():
        if key in fixed:
            raise UsageError(
                f"argument {key!r} has both the role {role.value!r} and the value {fixed[key]!r}: keep one"
            )


def _split(roles: Mapping[Key, str | float], constants: Mapping[Key, Any]) -> tuple[dict[Key, Role], dict[Key, Any]]:
    given: dict[Key, Role] = {}
    fixed = {_key(key): value for key, value in constants.items()}
    for key, role in roles.items():
        if isinstance(role, str):
            given[_key(key)] = parse_role(role)
        else:
            fixed[_key(key)] = role
    return given, fixed


def parse_role(text: str) -> Role:
    """Return the role called `text`, or raise UsageError with the closest match."""
    try:
        return Role(text)
    except ValueError:
        near = get_close_matches(text, [r.value for r in Role], n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"unknown role {text!r}: {hint}roles are {', '.join(Role)}; a fixed value goes with --set NAME=VALUE"
        ) from None


def _key(key: Key) -> Key:
    return int(key) if isinstance(key, str) and key.isdecimal() else key


def _plain(name: str) -> str:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return snake.lower().strip("_")


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(getattr(function, "forward", function)).parameters.values())
    except (TypeError, ValueError):  # built-in functions without a signature take what they are given
        return [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]


def _tensor_default(parameter: inspect.Parameter) -> bool:
    """Tell whether a defaulted argument is still a tensor of the model: `logvar=None` yes, `weight=None` no."""
    return parameter.default is None and NAMES.get(_plain(parameter.name)) in POSTERIOR_SCALES | {Role.Q_LOC}


def _refuse_strangers(keys: Iterable[Key], names: Sequence[str], count: int) -> None:
    takes = ", ".join(names) or "no arguments"
    for key in keys:
        if isinstance(key, int) and key >= count:
            raise UsageError(f"no argument at position {key}: the loss takes {takes}, the first is at position 0")
        if isinstance(key, str) and key not in names:
            near = get_close_matches(key, names, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"the loss has no argument {key!r}: it takes {takes}{hint}")


def _bind_open_arguments(
    function: Callable[..., Any],
    parameters: list[inspect.Parameter],
    given: Mapping[Key, Role],
    fixed: dict[Key, Any],
    found: dict[Key, Role],
) -> None:
    """Bind what goes into `*args` and `**kwargs`: what a person said first, then the names in the loss's own source."""
    named = {p.name for p in parameters}
    open_roles = {key: role for key, role in given.items() if key not in named and key not in found}
    if not open_roles and not found:
        positions, keywords = _names_in_source(function, parameters)
        open_roles = {place: NAMES[name] for place, name in positions.items() if name in NAMES}
        for name in keywords:
            if name in NAMES:
                open_roles[name] = NAMES[name]
            elif name in WEIGHTS and name not in fixed:
                fixed[name] = 1.0
    found.update(sorted(open_roles.items(), key=lambda item: (isinstance(item[0], str), item[0])))


def _names_in_source(
    function: Callable[..., Any], parameters: list[inspect.Parameter]
) -> tuple[dict[int, str], list[str]]:
    """Read `recons = args[0]` and `kwargs["kld_weight"]` in the loss's own source."""
    catch = {p.kind: p.name for p in parameters}
    args, kwargs = catch.get(inspect.Parameter.VAR_POSITIONAL), catch.get(inspect.Parameter.VAR_KEYWORD)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return {}, []
    positions: dict[int, str] = {}
    keywords: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Assign([ast.Name(name)], ast.Subscript(ast.Name(owner), ast.Constant(int(place)))) if (
                owner == args
            ):
                positions[place] = _plain(name)
            case ast.Assign([ast.Tuple(elements)], ast.Name(owner)) if owner == args:
                positions.update(enumerate(_plain(e.id) for e in elements if isinstance(e, ast.Name)))
            case ast.Subscript(ast.Name(owner), ast.Constant(str(name))) if owner == kwargs:
                keywords.append(name)
    return positions, keywords


def _refuse_unresolved(
    function: Callable[..., Any], unresolved: list[str], found: Mapping[Key, Role], takes_any: bool
) -> None:
    if not unresolved and found:
        return
    if unresolved:
        flags = " ".join(f"--role {argument}=ROLE" for argument in unresolved)
        raise UsageError(
            f"cannot tell the role of {', '.join(map(repr, unresolved))} in {_named(function)}: "
            f"type {flags} (or --set NAME=VALUE for a constant); roles are {', '.join(Role)}"
        )
    if not takes_any:
        raise UsageError(
            f"nothing varies in {_named(function)}: a loss takes data, a prediction or the parameters of a posterior; "
            "say which argument is one with --role NAME=ROLE"
        )
    raise UsageError(
        f"cannot tell what {_named(function)} takes: give the roles by position, "
        "e.g. --role 0=prediction --role 1=x --role 2=q_loc --role 3=q_log_var, constants by --set NAME=VALUE"
    )


def _named(function: Callable[..., Any]) -> str:
    """Return the loss's name and signature on one line."""
    name = getattr(function, "__name__", type(function).__name__)
    try:
        signature = str(inspect.signature(getattr(function, "forward", function)))
    except (TypeError, ValueError):
        signature = "(...)"
    return name + " ".join(signature.split())


def _in_context(found: Mapping[Key, Role], given: Mapping[Key, Role], fixed: Iterable[Key]) -> dict[Key, Role]:
    """Settle names whose meaning hangs on the others.

    `input` is the data beside `recons`, but the prediction beside `target`. `mu` and `sigma` are the posterior's beside
    a reconstruction, but the decoder's when x is there and no prediction is.
    """
    roles = dict(found)
    data = [key for key, role in roles.items() if role is Role.X]
    predicted = any(role in PREDICTIONS for role in roles.values())
    if len(data) == 2 and not predicted:
        by_name = {_plain(str(key)): key for key in data if key not in given}
        first = next((by_name[name] for name in _PREDICTION_FIRST if name in by_name), None)
        if first is not None:
            roles[first] = Role.PREDICTION
            predicted = True
    held = {NAMES.get(_plain(str(key))) for key in fixed}  # mu kept at 0 still says that logvar is the posterior's
    if data and (not predicted or Role.Q_LOC not in {*roles.values(), *held}):
        roles = {k: r if k in given else _LIKELIHOOD_TWIN.get(r, r) for k, r in roles.items()}
    return _one_each(roles)


def _one_each(roles: dict[Key, Role]) -> dict[Key, Role]:
    seen: dict[str, Key] = {}
    for key, role in roles.items():
        group = "prediction" if role in PREDICTIONS else role.value
        if group in seen:
            raise UsageError(
                f"arguments {seen[group]!r} and {key!r} both look like {role.value!r}: "
                f"type --role {key}=ROLE (or --set {key}=VALUE for a constant); roles are {', '.join(Role)}"
            )
        seen[group] = key
    return roles
