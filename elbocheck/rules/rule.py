"""One entry of the catalogue: what can be wrong with a loss, why it matters, and what to do about it."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_WIDTH = 80


class Severity(StrEnum):
    """What a defect costs, named by the letter that the catalogue prints."""

    H = "H"
    O = "O"  # noqa: E741  the catalogue's own letter
    I = "I"  # noqa: E741  the catalogue's own letter
    N = "N"
    R = "R"

    @property
    def description(self) -> str:
        """The cost in a few words."""
        return _DESCRIPTIONS[self]

    @property
    def rank(self) -> int:
        """How bad it is: 2 for I and N, 1 for O and R, 0 for H (letters themselves sort by alphabet only)."""
        return _RANKS[self]


_DESCRIPTIONS = {
    Severity.H: "harmless: a constant or a global scale, the optimum stays",
    Severity.O: "moves the optimum: training converges to another model",
    Severity.I: "invalid: no bound on log p(x), no density, or no usable loss",
    Severity.N: "numerically unsafe: NaN, infinity or lost digits in a reachable region",
    Severity.R: "reported only: training is unaffected, the printed number misleads",
}
_RANKS = {Severity.I: 2, Severity.N: 2, Severity.O: 1, Severity.R: 1, Severity.H: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A named defect and the text of its page.

    Texts are ASCII prose. A line that starts with blanks is code and is never wrapped.

    Attributes:
        code: stable identifier, such as "ELB101".
        name: the same in kebab-case words.
        severities: what it can cost; more than one where that depends on the loss.
        summary: the defect in one sentence.
        why: what happens in training.
        signature: how calling the loss, and nothing else, tells it apart.
        fix: what to change, with a line of code where that helps.
        reference: where the right formula stands.
    """

    code: str
    name: str
    severities: tuple[Severity, ...]
    summary: str
    why: str
    signature: str
    fix: str
    reference: str

    def page(self) -> str:
        """The rule as plain text of at most 80 columns, ending in a newline."""
        blocks = [
            f"{self.code}  {self.name}",
            "\n".join(f"  {severity}  {severity.description}" for severity in self.severities),
        ]
        for title, text in (
            ("WHAT", self.summary),
            ("WHY IT MATTERS", self.why),
            ("HOW IT IS TOLD APART", self.signature),
            ("WHAT TO DO", self.fix),
            ("REFERENCE", self.reference),
        ):
            blocks.append("\n".join([title, *_wrapped(text)]))
        return "\n\n".join(blocks) + "\n"


def _wrapped(text: str) -> Iterator[str]:
    """The lines of a section: prose filled, code lines kept as they are, both indented by two."""
    for line in text.splitlines():
        if line.startswith(" "):
            yield "  " + line
        else:
            yield from textwrap.wrap(
                line,
                _WIDTH,
                initial_indent="  ",
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
