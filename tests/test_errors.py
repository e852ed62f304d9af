"""The exceptions and their exit codes."""

import pytest

from elbocheck import errors


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ElbocheckError, 3),
        (errors.UsageError, 2),
        (errors.TargetError, 2),
        (errors.RunError, 3),
        (errors.CallError, 3),
        (errors.OracleError, 3),
        (errors.ParameterError, 2),
    ],
)
def test_every_error_is_ours_and_carries_its_exit_code(kind: type[errors.ElbocheckError], code: int) -> None:
    """One `except ElbocheckError` catches all of them, and the command line reads the code from the class."""
    assert issubclass(kind, errors.ElbocheckError)
    assert kind.exit_code == code


def test_the_catalogue_is_complete() -> None:
    """Every exception class of the module is exported."""
    classes = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert classes == set(errors.__all__)


def test_a_bad_parameter_is_a_value_error() -> None:
    """NumPy users catch ValueError."""
    with pytest.raises(ValueError, match="scale"):
        raise errors.ParameterError("scale")
