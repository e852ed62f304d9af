"""Do balls ever exclude the truth? Random members of every family: `python -m tests.quality.random_members 100000 [JOBS]`.

The truth is the closed form of the normaliser, evaluated in balls at 20 digits more by another formula than the integral's;
mpmath, which knows neither, confirms it at every 500th member. Prints what is excluded, the digits and the times.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from statistics import median

import numpy as np

from elbocheck import enclosure
from elbocheck.certify import spread
from elbocheck.certify.members import subject
from elbocheck.densities import DENSITIES
from elbocheck.domain import REAL
from elbocheck.errors import OracleError
from elbocheck.oracle import Member

DIGITS = 50
CONFIRMED = 500

Outcome = tuple[str, float, float, str]
"""Family, digits, seconds, what went wrong."""


def outcomes(place: int, count: int, seed: int) -> list[Outcome]:
    """Certify the normaliser of that many random members of one form."""
    density, form = [(d, f) for d in DENSITIES for f in d.forms][place]
    rng, found = np.random.default_rng((seed, place)), []
    for k in range(count):
        member = Member(form, spread.parameters(form, rng))
        began = time.perf_counter()
        try:
            ball = member.mass(DIGITS)[0]
        except OracleError as error:
            found.append((subject(density, form), 0.0, time.perf_counter() - began, f"{member.values}: {error}"))
            continue
        seconds, wrong = time.perf_counter() - began, ""
        truth = member.closed(form.log_mass, DIGITS + 20)[0]
        if not enclosure.log(ball).holds(truth):
            wrong = f"{member.values}: {ball} excludes {truth}"
        elif k % CONFIRMED == 0 and not enclosure.log(member.witness(DIGITS)).holds(truth):
            wrong = f"{member.values}: mpmath excludes {truth}"
        found.append((subject(density, form), ball.digits, seconds, wrong))
    return found


def batches(count: int, seed: int) -> Iterator[tuple[int, int, int]]:
    """The work in pieces: forms that are summed or live on an interval, and cost little, get three times the share."""
    weights = [
        3 if form.recipe.__class__ is not tuple or d.support != REAL else 1 for d in DENSITIES for form in d.forms
    ]
    for place, weight in enumerate(weights):
        share = -(-count * weight // sum(weights))
        for start in range(0, share, 250):
            yield place, min(250, share - start), seed + start


def _work(batch: tuple[int, int, int]) -> list[Outcome]:
    return outcomes(*batch)


def report(found: list[Outcome]) -> None:
    """Print a line for each family and the whole."""
    for name in dict.fromkeys(one[0] for one in found):
        rows = [one for one in found if one[0] == name]
        times = sorted(1e3 * row[2] for row in rows)
        wrong = sum(bool(row[3]) for row in rows)
        digits = min(row[1] for row in rows)
        print(
            f"{name:42} {len(rows):6} draws  {digits:5.1f} digits  {median(times):6.1f} ms  worst {times[-1]:7.1f}  {wrong} wrong"
        )
    times = sorted(1e3 * one[2] for one in found)
    wrong = [one for one in found if one[3]]
    print(f"{len(found)} draws: {len(wrong)} wrong; median {median(times):.1f} ms, worst {times[-1]:.1f} ms")
    for one in wrong[:20]:
        print(f"  {one[0]} {one[3]}")


def main() -> None:
    """Run as many draws as asked."""
    count, jobs = (
        (int(word) for word in [*sys.argv[1:], "1000", "1"][:2]) if len(sys.argv) != 2 else (int(sys.argv[1]), 1)
    )
    seed = 20_261_122
    with ProcessPoolExecutor(jobs) as pool:
        report([one for part in pool.map(_work, batches(count, seed)) for one in part])


if __name__ == "__main__":
    main()
