"""Readings of likelihoods of two or three learned parameters: a prediction, a shape of the family's own, perhaps a scale.

Each is split into an energy and a log normaliser, all that hangs on the parameters alone and so is lost without a trace in the
data: a loss that holds the energy and not the normaliser rewards whatever shrinks its mass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np

from elbocheck.adapters import Array
from elbocheck.probing.candidate import Candidate
from elbocheck.probing.data_terms import log_both, log_datum, log_factorial, log_gamma, log_of, nothing
from elbocheck.probing.negative_binomial import softplus
from elbocheck.probing.points import Points
from elbocheck.probing.probe import spread_of
from elbocheck.probing.residuals import SCALE_KINDS
from elbocheck.roles import Role

Part = Callable[[Points], Array]
"""Points to nats."""


def with_shape(points: Points, where: str) -> Iterator[Candidate]:
    """List the readings of a loss that takes a shape parameter, by what its name says that it is.

    Args:
        points: what was probed.
        where: where predictions may lie: `real`, `positive` or `unit`.
    """
    match points.shape_role:
        case Role.TOTAL_COUNT:
            yield from _counted(where)
        case Role.CONCENTRATION:
            yield from _durations(where)
        case Role.CONCENTRATION0 if where != "real":
            yield from _split("beta", "concentration1", "concentration0", _beta, _LOG_BETA, log_both)
            for one in _split("beta", "concentration0", "concentration1", _exchanged_beta, _LOG_BETA, log_both):
                yield replace(one, extra=one.extra + 1)
        case Role.DF:
            yield from _students(points)


def log_normal(points: Points, where: str) -> Iterator[Candidate]:
    """List the readings of a log-normal with a learned scale."""
    if points.scale is None or where == "unit":
        return
    location: Part = (lambda p: p.prediction) if where == "real" else (lambda p: log_of(p.prediction))
    for kind in SCALE_KINDS:
        spread = _spread(kind)
        yield Candidate(
            "log_normal",
            _squares(location, spread),
            "loc" if where == "real" else "median",
            scale_as=kind,
            normalizer=_logarithm(spread),
            guarded=True,
            datum=log_datum,
        )


def _squares(location: Part, spread: Part) -> Callable[..., tuple[Array, ...]]:
    return lambda p: (0.5 * ((log_of(p.x) - location(p)) / spread(p)) ** 2,)


def _logarithm(spread: Part) -> Part:
    return lambda p: np.log(spread(p))


def _spread(kind: str) -> Part:
    return lambda p: spread_of(Role(kind), np.asarray(p.scale))


def _shape(points: Points) -> Array:
    assert points.shape is not None
    return points.shape


def _split(
    family: str, parameter: str, shape_as: str, energy: Part, pieces: tuple[Part, ...], datum: Callable[..., Array]
) -> Iterator[Candidate]:
    """List the density, its normaliser weighed apart, and what it is where some of its pieces go astray."""

    def of(kept: tuple[Part, ...], apart: tuple[Part, ...], extra: int) -> Candidate:
        return Candidate(
            family,
            lambda p: (_sum(p, (energy, *kept)),),
            parameter,
            normalizer=lambda p: _sum(p, apart),
            guarded=True,
            datum=datum,
            shape_as=shape_as,
            extra=extra,
        )

    yield of((), pieces, 0)
    for count in range(1, len(pieces)):
        for apart in combinations(pieces, count):
            yield of(tuple(piece for piece in pieces if piece not in apart), apart, count)


def _sum(points: Points, terms: tuple[Part, ...]) -> Array:
    return np.asarray(np.sum([term(points) for term in terms], axis=0))


def _beta(p: Points) -> Array:
    return np.asarray(-p.prediction * log_of(p.x) - _shape(p) * log_of(1 - p.x))


def _exchanged_beta(p: Points) -> Array:
    return np.asarray(-_shape(p) * log_of(p.x) - p.prediction * log_of(1 - p.x))


_LOG_BETA: tuple[Part, ...] = (
    lambda p: log_gamma(p.prediction),
    lambda p: log_gamma(_shape(p)),
    lambda p: -log_gamma(p.prediction + _shape(p)),
)


def _durations(where: str) -> Iterator[Candidate]:
    """List gamma densities by rate, scale and mean, and the Weibull, of a learned concentration."""
    prefix, log_scales = _log_scales(where)
    for name, log_scale in log_scales.items():
        yield from _split("gamma", prefix + name, "concentration", *_gamma(name, log_scale), log_datum)
    yield from _split("weibull", prefix + "scale", "concentration", *_weibull(log_scales["scale"]), log_datum)


def _log_scales(where: str) -> tuple[str, Mapping[str, Part]]:
    """Return what the names of parameters begin with, and the log scale that each stands for (of a mean: the log mean)."""
    log: Part = (lambda p: p.prediction) if where == "real" else (lambda p: log_of(p.prediction))
    return "log_" if where == "real" else "", {"rate": lambda p: -log(p), "scale": log, "mean": log}


def _gamma(name: str, log_scale: Part) -> tuple[Part, tuple[Part, ...]]:
    def scale(p: Points) -> Array:
        return log_scale(p) - (np.log(_shape(p)) if name == "mean" else 0.0)

    return (
        lambda p: p.x * np.exp(-scale(p)) - _shape(p) * log_of(p.x),
        (lambda p: log_gamma(_shape(p)), lambda p: _shape(p) * scale(p)),
    )


def _weibull(log_scale: Part) -> tuple[Part, tuple[Part, ...]]:
    return (
        lambda p: np.exp(_shape(p) * (log_of(p.x) - log_scale(p))) - _shape(p) * log_of(p.x),
        (lambda p: _shape(p) * log_scale(p), lambda p: -np.log(_shape(p))),
    )


def _students(points: Points) -> Iterator[Candidate]:
    """List Student's densities, with a learned scale where there is one."""
    for kind in (None,) if points.scale is None else SCALE_KINDS:
        scale: Part = (lambda p: np.ones_like(p.value)) if kind is None else _spread(kind)

        def energy(p: Points, scale: Part = scale) -> Array:
            return np.asarray(0.5 * (_shape(p) + 1) * np.log1p(((p.x - p.prediction) / scale(p)) ** 2 / _shape(p)))

        for one in _split("student_t", "loc", "df", energy, (*_LOG_STUDENT, _logarithm(scale)), nothing):
            yield replace(one, scale_as=kind, datum=None)


_LOG_STUDENT: tuple[Part, ...] = (
    lambda p: log_gamma(_shape(p) / 2) - log_gamma(_shape(p) / 2 + 0.5),
    lambda p: 0.5 * np.log(np.pi * _shape(p)),
)


def _counted(where: str) -> Iterator[Candidate]:
    """List negative binomials of a learned r, or of its inverse, and binomials of a given number of trials."""
    for name, log_odds in _log_odds(where).items():
        for shape_as in ("total_count", "dispersion"):
            energy, pieces = _negative_binomial(name, log_odds, shape_as)
            yield from _split("negative_binomial", name, shape_as, energy, pieces, log_factorial)
    if where != "positive":
        name = "logits" if where == "real" else "probs"
        yield from _split("binomial", name, "total_count", *_binomial(_log_odds(where)[name]), log_factorial)


def _log_odds(where: str) -> Mapping[str, Part]:
    """Return what the prediction may be, and the logits it stands for (of a mean: log mean)."""
    if where == "unit":
        return {
            "probs": lambda p: log_of(p.prediction) - np.log1p(-p.prediction),
            "failure_probs": lambda p: np.log1p(-p.prediction) - log_of(p.prediction),
        }
    if where == "positive":
        return {"mean": lambda p: log_of(p.prediction)}
    return {
        "logits": lambda p: p.prediction,
        "failure_logits": lambda p: -p.prediction,
        "log_mean": lambda p: p.prediction,
    }


def _negative_binomial(name: str, log_odds: Part, shape_as: str) -> tuple[Part, tuple[Part, ...]]:
    def count(p: Points) -> Array:
        return _shape(p) if shape_as == "total_count" else 1 / _shape(p)

    def of_odds(p: Points) -> Array:
        return np.asarray(count(p) * softplus(log_odds(p)) + p.x * softplus(-log_odds(p)))

    def of_mean(p: Points) -> Array:
        return np.asarray((p.x + count(p)) * np.logaddexp(log_odds(p), np.log(count(p))) - p.x * log_odds(p))

    gammas: tuple[Part, ...] = (lambda p: log_gamma(count(p)), lambda p: -log_gamma(p.x + count(p)))
    if "mean" in name:
        return of_mean, (*gammas, lambda p: -count(p) * np.log(count(p)))
    return of_odds, gammas


def _binomial(log_odds: Part) -> tuple[Part, tuple[Part, ...]]:
    return (
        lambda p: _shape(p) * softplus(log_odds(p)) - p.x * log_odds(p),
        (lambda p: log_gamma(_shape(p) - p.x + 1), lambda p: -log_gamma(_shape(p) + 1)),
    )
