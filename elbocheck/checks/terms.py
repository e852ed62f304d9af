"""The named terms that a loss returns beside its value: do they add up, with the right signs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from elbocheck.checks.case import Case, Check, Skip, finding
from elbocheck.probing.fit import linear
from elbocheck.roles import POSTERIOR_SCALES, PREDICTIONS, Role
from elbocheck.verdict import Finding, Outcome

_REWARDS = ("elbo", "ll", "log_p", "logp", "log_lik", "loglik", "log_prob", "bound")


def run(case: Case) -> Iterator[Finding]:
    """Yield each term that enters the total with the opposite sign of its name."""
    total, terms, noise = _samples(case)
    varying = {n: v for n, v in terms.items() if np.ptp(v) > float(np.max(noise))}
    if not varying:
        return
    columns = np.stack([*varying.values(), np.ones_like(total)], axis=1)
    fit = linear(columns, total, noise)
    if not fit.explains:
        return
    for name, weight, error in zip(varying, fit.coefficients, fit.errors, strict=False):
        reward = any(word in name.lower() for word in _REWARDS) or np.allclose(total, -varying[name])
        if weight < -8 * error and not reward:
            yield finding(
                "ELB417",
                f"The term {name!r} is returned with the other sign: the loss holds {weight:.6g} times it.",
                Outcome.WARN,
                None,
                "Return the term as it stands in the loss; a curve of it then falls as training proceeds.",
            )


def _samples(case: Case) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Return total, scalar terms and noise at a few points that move both terms."""
    rng = np.random.default_rng(case.seed)
    probe, rows, totals = case.probe, [], []
    for _ in range(12):
        values: dict[Role, float] = {}
        for role in sorted(probe.loss.roles):
            if role in PREDICTIONS:
                values[role] = float(rng.uniform(0.1, 0.9))
            elif role is Role.Q_LOC or role in POSTERIOR_SCALES:
                values[role] = float(rng.uniform(0.5, 2.0))
        result = probe.loss(probe.inputs(values))
        totals.append(float(np.sum(result.value)))
        rows.append({n: float(np.sum(v)) for n, v in result.terms.items() if v.shape == result.value.shape})
    total = np.array(totals)
    return total, {n: np.array([r[n] for r in rows]) for n in rows[0]}, probe.noise(total, 1.0)


def skipped(case: Case) -> Skip | None:
    """Skip where the loss returns its value alone."""
    return None if case.loss(case.probe.inputs({})).terms else Skip("the loss returns no named terms")


CHECK = Check("returned terms", ("ELB417",), run, skipped)
