"""What probing measured of a loss: plain values, before anyone says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from elbocheck.bins import Bins
from elbocheck.mass import Mass
from elbocheck.mixtures import Mixture
from elbocheck.monomial import Monomial
from elbocheck.probing.structure import Structure
from elbocheck.roles import Role


@dataclass(frozen=True)
class Reconstruction:
    """The part of a loss that compares data with a prediction.

    Attributes:
        role: the prediction's role as declared or inferred.
        density: the family's name, or None where none explains the values.
        parameter: what the prediction is to the family: `loc`, `logits`, `probs`, `rate`, `log_rate`, ...
        link: `identity`, or `sigmoid` where the loss squashes the prediction first.
        swapped: data and prediction have changed places.
        weight: of one element's energy times all elements: the total over a call, negative where it is flipped.
        shape: free shape parameters with their values, e.g. {"delta": 0.7}.
        shape_error: their relative uncertainty.
        scale_role: the role of a learned scale, where the loss takes one.
        scale_as: how the values show that it is read: `scale`, `log_scale`, `var`, `log_var`; None: no influence.
        shape_role: the role of another learned parameter of the likelihood, where the loss takes one.
        shape_as: what that is to the family: `total_count`, `df`, `concentration`, `concentration0`, ...
        normalizer_ratio: weight of the log normaliser over the weight of the energy; None where nothing varies it.
        deviation: the largest difference from the family in nats per element among ordinary values.
        closed: the loss is defined for predictions in [0, 1] only.
        bounded: the loss stays bounded as the data go to infinity; None where not decided.
        mass: of an unidentified loss that scores classes: least and largest sum of exp(-loss) over {0, 1}.
        signed: the data are -1 and 1, not 0 and 1.
        log_data: the data are logarithms of one-hot rows.
        datum: what becomes of the family's term of the data alone (log x! of a Poisson): `none`, `whole`, `dropped`, `other`.
        integral: mass of exp(-loss) of one element on the real line, for a loss of the residual that no family explains.
        agreement: the largest difference from the family, relative to the loss: seen, or allowed where all was met to rounding.
        bins: of a likelihood of data on a grid.
        mixture: how the loss takes components, all of which the family is; None where it takes none.
        mixed_as: what it makes of different ones: `mixture`, `over-counted`, `unweighed`, `mean`, `best` or `unknown`.
        mismatch: for a quadratic core with linear tails that do not join: (knot, curvature, tail slope).
    """

    role: Role
    density: str | None
    parameter: str = "loc"
    link: str = "identity"
    swapped: bool = False
    weight: Monomial = field(default_factory=lambda: Monomial(0.0, {}))
    shape: Mapping[str, float] = field(default_factory=dict)
    shape_error: float = 0.0
    scale_role: Role | None = None
    scale_as: str | None = None
    shape_role: Role | None = None
    shape_as: str | None = None
    normalizer_ratio: float | None = None
    deviation: float = 0.0
    closed: bool = False
    bounded: bool | None = None
    mass: tuple[float, float] | None = None
    signed: bool = False
    log_data: bool = False
    datum: str = "none"
    integral: Mass | None = None
    agreement: float = 0.0
    bins: Bins | None = None
    mixture: Mixture | None = None
    mixed_as: str = "mixture"
    mismatch: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Target:
    """What a KL is pulled to: gain * |KL - level|^power.

    Attributes:
        level: C, in nats of a datum.
        gain: gamma.
        power: 1 or 2.
        per: what is pulled: the KL of each `datum`, of each `latent` or of the whole `batch`.
    """

    level: Monomial
    gain: Monomial
    power: int
    per: str


@dataclass(frozen=True)
class Regulariser:
    """The part of a loss that depends on the posterior.

    Attributes:
        scale_role: the posterior's scale role.
        scale_as: how it is read, `log_var`, `log_scale`, `var`, `scale`, `softplus` (of a raw value, a standard deviation) or
            `softplus_var` (a variance); None where no KL explains the values.
        read_as: the role that the scale argument turns out to have, where it is another than its name says.
        offset: what is added to a softplus.
        pattern: `kl`, `reversed`, `missing`, `mixed-scales`, `halved`, `precedence`, `reference`, `unequal`, `prior`, `swapped`,
            `misread`, `absent`, `capacity`, `dimension`, `unknown`.
        weight: of one latent's KL times all latents, for a call; negative where it is flipped.
        coefficients: of the basis functions, over the weight, for a pattern other than `kl`.
        missing: the term that is absent (`m^2`, `sigma^2`, `log sigma^2`).
        floor: the free-bits floor in nats per datum, where there is one.
        floor_per: what the floor holds for: each `datum`, each `latent` or the whole `batch`.
        slope_at_prior: derivative in the log variance at the prior, over the weight.
        lowest: the least value seen, over the weight, relative to the prior's.
        deviation: the largest difference from the KL in nats per latent among ordinary values.
        prior_loc: the mean of the prior that the loss holds as a number.
        prior_var: its variance.
        target: what the KL is pulled to, for the pattern `capacity`.
        categorical: the role of a categorical posterior, alone or beside a normal one.
        class_probs: the prior that the loss holds for it, where it is not uniform.
        gamma_prior: concentration and rate of the prior of a gamma posterior.
        sampled: it is estimated from a sample of the posterior, log q(z) - log p(z), which was integrated.
        sphere: the dimension m of the space around the sphere of a von Mises-Fisher posterior; 0 for another one.
        sphere_held: the loss holds m as a number.
    """

    scale_role: Role | None
    scale_as: str | None
    pattern: str
    weight: Monomial
    coefficients: Mapping[str, float] = field(default_factory=dict)
    missing: str | None = None
    floor: Monomial | None = None
    floor_per: str = ""
    prior_loc: float = 0.0
    prior_var: float = 1.0
    slope_at_prior: float = 0.0
    lowest: float = 0.0
    deviation: float = 0.0
    read_as: Role | None = None
    offset: float = 0.0
    target: Target | None = None
    categorical: Role | None = None
    class_probs: tuple[float, ...] = ()
    gamma_prior: tuple[float, ...] = ()
    sampled: bool = False
    sphere: int = 0
    sphere_held: bool = False

    @property
    def scaleless(self) -> bool:
        """Whether it is the KL of a normal posterior whose variance is no argument: known up to a constant."""
        other = self.categorical is not None or bool(self.gamma_prior or self.sphere)
        return self.pattern == "kl" and self.scale_role is None and not other

    @property
    def to_standard(self) -> bool:
        """Whether it is a KL to N(0, 1), or to the prior that is passed, in a parametrisation that has a reference."""
        held = self.prior_loc != 0 or self.prior_var != 1
        return (
            self.pattern == "kl"
            and not held
            and not self.offset
            and not self.sphere
            and self.scale_as != "softplus_var"
        )

    @property
    def raised(self) -> bool:
        """Whether it is worth something at the base point: a floor, another prior, or a scale that is not 1 there."""
        return (
            self.floor is not None
            or not self.to_standard
            or self.read_as is not None
            or bool(self.class_probs or self.gamma_prior)
        )


@dataclass(frozen=True)
class Anatomy:
    """Everything measured about one loss.

    Attributes:
        structure: what adds up and what couples.
        reconstruction: None where the loss takes no data or prediction.
        regulariser: None where the loss takes no posterior.
        constant: what is left when both terms are 0, for a call, as a formula; None where it is 0 or follows none.
        constant_value: the same as a number, at the sizes of the probes.
        constant_error: its uncertainty, same unit.
        derived: sizes that could not be tiled: their powers come from one size.
        sizes: of the probes, by name.
    """

    structure: Structure
    reconstruction: Reconstruction | None
    regulariser: Regulariser | None
    constant: Monomial | None
    constant_value: float
    constant_error: float
    event_axes: tuple[str, ...]
    derived: tuple[str, ...]
    sizes: Mapping[str, int]
