"""The proof behind the references: what is certified, to how many digits, by which route, and how far off the kernels are.

`elbocheck certify` prints the table; the one of the release is kept here, with the versions and seeds that made it.
"""

from elbocheck.certify.run import certify, names
from elbocheck.certify.table import KernelRow, Row, Table, release, render, to_json

__all__ = ["KernelRow", "Row", "Table", "certify", "names", "release", "render", "to_json"]
