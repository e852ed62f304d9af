"""The exceptions: each says what happened, shows the offending value and carries the exit code of the
command line."""

from typing import ClassVar

__all__ = [
    "CallError",
    "ElbocheckError",
    "OracleError",
    "ParameterError",
    "RunError",
    "TargetError",
    "UsageError",
]


class ElbocheckError(Exception):
    """Anything elbocheck raises on purpose."""

    exit_code: ClassVar[int] = 3


class UsageError(ElbocheckError):
    """The question was put wrongly: an unknown option, role or name."""

    exit_code: ClassVar[int] = 2


class TargetError(UsageError):
    """The loss to verify was not found."""


class RunError(ElbocheckError):
    """The question was right but the run could not be done: the user's import fails, their code crashes."""


class OracleError(ElbocheckError):
    """Two ways to the same high-precision number disagree: no number is better than a wrong one."""


class ParameterError(ElbocheckError, ValueError):
    """A parameter outside its domain, or one that the reference does not have."""

    exit_code: ClassVar[int] = 2


class CallError(RunError):
    """A call of the user's loss failed: which rule it breaks, what happened and what to do."""

    def __init__(self, code: str, what: str, remedy: str) -> None:
        super().__init__(f"the loss {what}; {remedy} [{code}]")
        self.code = code
        self.what = what
        self.remedy = remedy
