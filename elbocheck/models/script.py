"""What a model answers: each call that a loss makes of it, with the tensors that stand in the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from elbocheck.adapters import owner
from elbocheck.errors import UsageError
from elbocheck.models.halves import Halves
from elbocheck.models.posteriors import Gaussian, normal
from elbocheck.models.source import Names
from elbocheck.roles import LIKELIHOOD_TWIN, NAMES, POSTERIOR_SCALES, PREDICTIONS, VARIABLES, Role, spelled

__all__ = ["Members", "Script", "part_kind"]

_KINDS = {
    "posterior": "encode encoder enc inference inference_net recognition recognition_net q posterior encoding",
    "sample": "reparameterize reparametrize reparameterise reparametrise reparam reparameterization reparametrization "
    "reparameterization_trick reparam_trick sample sampling sampler sample_z sample_latent latent_sample rsample",
    "prediction": "decode decoder dec generate generator generative_net generation reconstruct likelihood decoding",
    "whole": "forward apply call __call__ run predict reconstruction",
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_USUAL: dict[str, Names] = {"sample": "z", "prediction": "prediction", "whole": "prediction"}
"""What a part answers where the source gives its answer no name."""
_ORDER = {
    ("posterior", 2): ("q_loc", "q_log_var"),
    ("posterior", 3): ("q_loc", "q_log_var", "z"),
    ("whole", 3): ("prediction", "q_loc", "q_log_var"),
    ("whole", 4): ("prediction", "q_loc", "q_log_var", "z"),
}
"""The usual order of a tuple, for members whose names say nothing, where those that say something agree with it."""
_TOLD = "told"


def part_kind(path: str) -> str | None:
    """Tell which part of a model a path names: `posterior`, `sample`, `prediction`, `whole`; None: none that is known."""
    return _KIND_OF.get(spelled(path.rpartition(".")[2]) or path)


class Members(dict[str, Any]):
    """A mapping whose members are attributes too, as outputs of models are."""

    def __getattr__(self, name: str) -> Any:
        """Return a member."""
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass
class Script:
    """The tensors by name, and what each part answers with them.

    Attributes:
        roles: each tensor's name with its role, in the order of first use.
        answers: what a part answers, where a person said so.
        supply: makes a tensor of a role while the loss is run for the first time; None afterwards.
        tensors: of the running call, by name.
        settings: numbers, modes and steps that the loss reads from its model, by name.
        given: numbers that a person gave, which some of those may be.
        written: what the loss has set on its model in the running call.
        asked: the calls that the loss made, for messages.
        decoded: what the loss gave its decoder last.
        sampler: the last call of the model's own method that draws from the posterior, where its class has one.
    """

    roles: dict[str, Role] = field(default_factory=dict)
    answers: Mapping[str, Names] = field(default_factory=dict)
    supply: Callable[[Role], Any] | None = None
    tensors: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    decoded: Any = None
    sampler: Callable[[], Any] | None = None

    @contextmanager
    def holding(self, tensors: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[None]:
        """Answer with these tensors and settings; what the loss writes is forgotten with the call."""
        before = self.tensors, self.settings
        self.tensors, self.settings, self.written = dict(tensors), {**self.settings, **settings}, {}
        try:
            yield
        finally:
            learned = {name: value for name, value in self.settings.items() if name not in before[1]}
            self.tensors, self.settings, self.written = before[0], {**before[1], **learned}, {}

    def answer(self, path: str, names: Names, given: tuple[Any, ...] = ()) -> Any:
        """Return what a part of the model answers.

        Args:
            path: of the part, e.g. `encode` or `net.decoder`.
            names: what the source calls the answer.
            given: what the loss calls it with.

        Raises:
            UsageError: neither a person nor the source says what the answer means.
        """
        kind = part_kind(path)
        if kind == "prediction" and given:
            self.decoded = given[0]
        shown = f"model{'' if path == '__call__' else '.' + path}(...)"
        if shown not in self.asked:
            self.asked.append(shown)
        told = self.answers.get(path)
        if told is not None:
            if isinstance(names, Halves) and isinstance(told, tuple):
                return self._joined(told, names.axis, _TOLD, path)
            return self._built(told, _TOLD, path)
        if names is None or (isinstance(names, str) and _role(names, kind) is None):
            names = _USUAL.get(kind or "")
        if names is None:
            raise self._unknown(path)
        if kind == "sample" and isinstance(names, str):
            return self.tensor(names, Role.Z)
        return self._built(names, kind, path)

    def tensor(self, name: str, role: Role) -> Any:
        """Return the tensor of a role: under the name that it got first."""
        group = PREDICTIONS if role in PREDICTIONS else {role}
        known = next((n for n, r in self.roles.items() if r in group), None)
        if known is None and self.supply is None:
            raise UsageError(f"the loss asks its model for {name!r} in some calls only: make every call ask the same")
        if known is None:
            known = name if name.isidentifier() and name not in self.roles else role.value
            self.roles[known] = role
        if known not in self.tensors and self.supply is not None:
            self.tensors[known] = self.supply(self.roles[known])
        return self.tensors[known]

    def _built(self, names: Names, kind: str | None, path: str) -> Any:
        if isinstance(names, tuple):
            return tuple(self._built(one, kind, path) for one in _ordered(names, kind))
        if isinstance(names, dict):
            return Members({key: self._built(one, kind, path) for key, one in names.items()})
        if isinstance(names, Halves):
            return self._joined(names.names, names.axis, kind, path)
        if isinstance(names, Gaussian):
            if kind not in ("posterior", "whole"):
                raise self._unknown(path)
            loc, scale = self.tensor("q_loc", Role.Q_LOC), self.tensor("q_scale", Role.Q_SCALE)
            return normal(loc, scale, joined=names.joined)
        if names is None or not spelled(names):  # `_`: kept by nobody
            return None
        if spelled(names) in VARIABLES:
            return {}
        role = _role(names, kind)
        if role is None:
            raise self._unknown(path, names)
        return self.tensor(names, role)

    def _joined(self, names: tuple[Names, ...], axis: int, kind: str | None, path: str) -> Any:
        """Return as one tensor what the loss cuts into parts."""
        parts = [self._built(one, kind, path) for one in _ordered(names, kind)]
        return owner(parts[0]).functions.join(parts, axis)

    def _unknown(self, path: str, name: str | None = None) -> UsageError:
        what = f"what {name!r} is" if name else "what it returns"
        asked = ", ".join(self.asked)
        return UsageError(
            f"the loss calls {asked}; neither its source nor the name tells {what} in model.{path}: say it with "
            f"--component {path}=q_loc,q_log_var (or components={{{path!r}: returns(...)}}); elbocheck roles lists the roles"
        )


def _ordered(names: tuple[Names, ...], kind: str | None) -> tuple[Names, ...]:
    """Return the members of a tuple with the roles of the usual order for those whose names say nothing."""
    if kind == "whole" and len(names) == 2 and isinstance(names[1], tuple):
        return names[0], _ordered(names[1], "posterior")
    usual = _ORDER.get((kind or "", len(names)))
    roles = [_role(one, kind) if isinstance(one, str) else None for one in names]
    agree = usual is not None and all(r is None or _alike(r, Role(u)) for r, u in zip(roles, usual, strict=True))
    if usual is None or not agree:
        return names
    kept = zip(names, roles, usual, strict=True)
    return tuple(one if role is not None or (isinstance(one, str) and not spelled(one)) else u for one, role, u in kept)


def _alike(role: Role, usual: Role) -> bool:
    return any(role in group and usual in group for group in (PREDICTIONS, POSTERIOR_SCALES, {usual}))


def _role(name: str, kind: str | None) -> Role | None:
    """Return what a name stands for in the answer of a part."""
    if kind == _TOLD:
        return Role(name)
    role = NAMES.get(spelled(name)) or (Role(name) if name in set(Role) else None)
    if kind == "prediction" and role is not None:
        role = LIKELIHOOD_TWIN.get(role, role)
    if kind in ("prediction", "whole") and role in (Role.X, Role.Z):
        role = Role.PREDICTION
    return role
