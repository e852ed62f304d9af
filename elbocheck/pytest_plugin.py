"""The pytest plugin: a fixture that verifies a loss and fails with the report a person sees.

Nothing of elbocheck but this file is loaded until a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from elbocheck.verdict import Verdict


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command line options."""
    group = parser.getgroup("elbocheck")
    group.addoption("--elbocheck-seed", type=int, default=0, help="seed of every random choice of elbocheck (0)")
    group.addoption("--elbocheck-strict", action="store_true", help="let elbocheck's warnings fail the test too")


class Elbocheck:
    """What the `elbocheck` fixture gives a test.

    Attributes:
        seed: of every random choice.
        strict: warnings fail the test too.
    """

    def __init__(self, *, seed: int = 0, strict: bool = False) -> None:
        self.seed = seed
        self.strict = strict

    def verify(self, function: Callable[..., Any], **options: Any) -> Verdict:
        """Verify a loss; fail the test with the report where it fails.

        Args:
            function: the loss.
            **options: those of `elbocheck.verify`.

        Returns:
            The verdict, for further assertions: `verdict.bound`, `verdict.model.sigma2`, `verdict.codes`.
        """
        from elbocheck.engine import verify

        verdict = verify(function, **{"seed": self.seed, **options})
        if verdict.exit_code_if(strict=self.strict):
            pytest.fail(str(verdict), pytrace=False)
        return verdict


@pytest.fixture
def elbocheck(request: pytest.FixtureRequest) -> Elbocheck:
    """Verify losses: `def test_loss(elbocheck): elbocheck.verify(my_loss)`."""
    option = request.config.getoption
    return Elbocheck(seed=option("--elbocheck-seed"), strict=option("--elbocheck-strict"))
