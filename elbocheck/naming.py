"""Arguments whose names mean one thing beside some and another beside others: settled together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from elbocheck.errors import UsageError
from elbocheck.roles import (
    LIKELIHOOD_SCALES,
    LIKELIHOOD_SHAPES,
    LIKELIHOOD_TWIN,
    NAMES,
    POSTERIOR_SCALES,
    PREDICTIONS,
    Key,
    Role,
    spelled,
)

__all__ = ["in_context"]

_PREDICTION_FIRST = ("input", "inputs", "y", "x")
"""Of two arguments that both look like data, the one that is the prediction: `input, target` and `x, y`."""


def in_context(found: Mapping[Key, Role], given: Mapping[Key, Role], fixed: Iterable[Key]) -> dict[Key, Role]:
    """Settle names whose meaning hangs on the others.

    `input` is the data beside `recons`, but the prediction beside `target`. `mu` and `sigma` are the posterior's beside
    a reconstruction, but the decoder's when x is there and no prediction is.
    """
    roles = dict(found)
    data = [key for key, role in roles.items() if role is Role.X]
    predicted = any(role in PREDICTIONS for role in roles.values())
    if len(data) == 2 and not predicted:
        by_name = {spelled(str(key)): key for key in data if key not in given}
        first = next((by_name[name] for name in _PREDICTION_FIRST if name in by_name), None)
        if first is not None:
            roles[first] = Role.PREDICTION
            predicted = True
    held = {NAMES.get(spelled(str(key))) for key in fixed}  # mu kept at 0 still says that logvar is the posterior's
    if data and not predicted:
        roles = _decoder_first(roles, given)
        predicted = any(role in PREDICTIONS for role in roles.values())
    if data and (not predicted or Role.Q_LOC not in {*roles.values(), *held}):
        roles = {k: r if k in given else LIKELIHOOD_TWIN.get(r, r) for k, r in roles.items()}
    _refuse_weights_alone(roles, given)
    return _one_each(_scale_alone(_one_posterior_scale(roles, given), given))


_OF_A_DISTRIBUTION = ("loc", "scale", "log_scale")
"""What the parameters of a likelihood are called beside a posterior's mu and log_var."""


def _decoder_first(roles: dict[Key, Role], given: Mapping[Key, Role]) -> dict[Key, Role]:
    """Beside `mu` and without any other prediction, `loc` and its scale are the decoder's."""
    means = [key for key, role in roles.items() if role is Role.Q_LOC and key not in given]
    if len(means) != 2 or sum(spelled(str(key)) == "loc" for key in means) != 1:
        return roles
    own = {key for key in roles if spelled(str(key)) in _OF_A_DISTRIBUTION and key not in given}
    return {key: LIKELIHOOD_TWIN.get(role, role) if key in own else role for key, role in roles.items()}


def _scale_alone(roles: dict[Key, Role], given: Mapping[Key, Role]) -> dict[Key, Role]:
    """Beside data and without any other prediction or posterior, the one scale there is, is what the decoder predicts."""
    scales = [key for key, role in roles.items() if role in LIKELIHOOD_SCALES and key not in given]
    others = {role for role in roles.values() if role not in LIKELIHOOD_SHAPES | {Role.X}}
    if Role.X in roles.values() and len(scales) == 1 and len(others) == 1:
        roles[scales[0]] = Role.PREDICTION
    return roles


def _one_posterior_scale(roles: dict[Key, Role], given: Mapping[Key, Role]) -> dict[Key, Role]:
    """Of two scales of a posterior, the one that follows its mean is the posterior's; the other is the decoder's."""
    scales = [key for key, role in roles.items() if role in POSTERIOR_SCALES]
    if len(scales) < 2 or Role.Q_LOC not in roles.values():
        return roles
    order = list(roles)
    mean = next(place for place, key in enumerate(order) if roles[key] is Role.Q_LOC)
    own = next((key for key in scales if order.index(key) > mean), scales[0])
    return {
        k: LIKELIHOOD_TWIN.get(r, r) if k in scales and k != own and k not in given else r for k, r in roles.items()
    }


def _refuse_weights_alone(roles: Mapping[Key, Role], given: Mapping[Key, Role]) -> None:
    """Raise UsageError for what is called like the weights of a mixture, where no components stand beside it."""
    named = next((key for key, role in roles.items() if role is Role.MIXTURE and key not in given), None)
    found = set(roles.values())
    mixed = Role.X in found and found & PREDICTIONS and not found & LIKELIHOOD_SHAPES
    if named is not None and not mixed:
        raise UsageError(
            f"cannot tell the role of {named!r}, which is no weight of a mixture's components here: "
            f"type --role {named}=ROLE (or --set {named}=VALUE for a constant); roles are {', '.join(Role)}"
        )


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
