"""Speed and accuracy of loss kernels in one table: the references, the frameworks, and a user's own loss."""

from elbocheck.bench.report import html, render, to_json
from elbocheck.bench.run import Bench, Cell, Entry, bench
from elbocheck.bench.theirs import Theirs, read_theirs

__all__ = ["Bench", "Cell", "Entry", "Theirs", "bench", "html", "read_theirs", "render", "to_json"]
