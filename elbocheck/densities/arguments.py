"""Parameters as they come from outside: checked where the results do not tell that they are right."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elbocheck.domain import REAL, Interval, Parameter

__all__ = ["require_all"]


def require_all(owner: str, parameters: Sequence[Parameter], values: Mapping[str, Any], finite: bool) -> None:
    """Raise unless values lie in the domains of their parameters, where that does not follow from finite results.

    Raises:
        ParameterError: naming the first that does not, its value and its domain.
    """
    for parameter in parameters:
        value, domain = values[parameter.name], parameter.domain
        if type(value) is float:
            if type(domain) is Interval and domain.low < value < domain.high:
                continue
        elif finite and domain is REAL and type(value) is np.ndarray and value.ndim:
            continue
        with np.errstate(invalid="ignore"):  # an infinity has no remainder
            parameter.require(owner, np.asarray(value))
