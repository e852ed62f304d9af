"""The weights of the two terms per datum, and what their ratio means.

a * NLL + b * KL + c (Kingma & Welling 2013, eq. 3, times a constant): with weights per datum, rho = b / a. A family with a
free scale absorbs rho: p**(1/rho) renormalised is again a member, for the Gaussian with sigma^2 = rho. A family without
one is a beta-ELBO with beta = rho (Higgins et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isclose

from elbocheck import budget
from elbocheck.anatomy import Anatomy
from elbocheck.densities.density import Density
from elbocheck.member import absorbs, family
from elbocheck.monomial import Monomial

ONE = Monomial(1.0, {})


@dataclass(frozen=True)
class Weights:
    """Weights per datum; a loss that is to be maximised is turned over first.

    Attributes:
        likelihood: a, of one element's energy; None where there is none.
        divergence: b, of one latent's KL; None where there is none.
        batch: the power of B that belongs to the reduction: 1 for a sum over the batch, 0 for a mean.
        flipped: the value is to be maximised.
        density: the family, None where none was identified.
        free: the family has a free scale, which absorbs the ratio.
        axes: the names of the event axes.
    """

    likelihood: Monomial | None
    divergence: Monomial | None
    batch: int
    flipped: bool
    density: Density | None
    free: bool
    axes: tuple[str, ...]

    @classmethod
    def of(cls, anatomy: Anatomy) -> Weights:
        """Return the weights of an anatomy."""
        r, g = anatomy.reconstruction, anatomy.regulariser
        whole = [term.weight for term in (r, g) if term is not None and term.weight.coefficient]
        batch = whole[0].powers.get("B", 0) if whole else 0
        batch = batch if batch in (0, 1) else 1
        flipped = r is not None and bool(whole) and all(w.coefficient < 0 for w in whole)
        unit = Monomial(-1.0 if flipped else 1.0, {"B": batch} if batch else {})
        density = family(r.density) if r else None
        return cls(
            likelihood=r.weight / (unit * _size("D")) if r and r.weight.coefficient else None,
            divergence=g.weight / (unit * _size("L")) if g and g.weight.coefficient else None,
            batch=batch,
            flipped=flipped,
            density=density,
            free=r is not None and r.normalizer_ratio is None and absorbs(r.density, r.shape),
            axes=anatomy.event_axes,
        )

    @property
    def gaussian(self) -> bool:
        """Whether the ratio is a variance."""
        return self.free and self.density is not None and self.density.name == "normal"

    @property
    def ratio(self) -> Monomial | None:
        """Rho: b / a, or 1 / a for a likelihood alone."""
        if self.likelihood is None:
            return None
        return _plain((self.divergence or ONE) / self.likelihood, self.axes)

    @property
    def known(self) -> Monomial | None:
        """Rho where it follows a formula; one that moves with a size by no whole power says nothing at other sizes."""
        return None if self.ratio is None or self.ratio.irregular else self.ratio

    @property
    def scale(self) -> Monomial:
        """The factor on the whole: b, which is 1 for a KL in nats; a for a likelihood that cannot absorb it."""
        if self.divergence is not None:
            return self.divergence
        return ONE if self.free or self.likelihood is None else self.likelihood

    @property
    def unit(self) -> Monomial:
        """What one nat of one datum is worth in the value of a call."""
        return self.scale * Monomial(-1.0 if self.flipped else 1.0, {"B": self.batch} if self.batch else {})


def _size(name: str) -> Monomial:
    return Monomial(1.0, {name: 1})


def _plain(weight: Monomial, axes: tuple[str, ...]) -> Monomial:
    """Write D for a product of all event axes, and single axes where only some have a power."""
    if len(axes) < 2 or not any(axis in weight.powers for axis in axes):
        return weight
    spread = weight.powers.get("D", 0)
    powers = {axis: weight.powers.get(axis, 0) + spread for axis in axes}
    others = {n: p for n, p in weight.powers.items() if n not in (*axes, "D")}
    same = set(powers.values())
    powers = {"D": same.pop()} if len(same) == 1 else powers
    return replace(weight, powers={**others, **{n: p for n, p in powers.items() if p}})


def nominal_size(ratio: Monomial, *, free: bool) -> tuple[str, int] | None:
    """Return the one size at which a weight is nominal, as 784 * mean(...) or sum(...) / 128 leave it, else None."""
    powers = {n: p for n, p in ratio.powers.items() if p}
    if set(powers) not in ({"B"}, {"D"}) or abs(next(iter(powers.values()))) != 1 or ratio.coefficient <= 0:
        return None
    ((axis, power),) = powers.items()
    for nominal in (1.0, 0.5) if free else (1.0,):
        size = (nominal / ratio.coefficient) ** power
        plausible = 8 <= round(size) <= 1024 if axis == "B" else _is_image(round(size))
        if plausible and isclose(size, round(size), rel_tol=max(ratio.error, budget.DECLARED)):
            return axis, round(size)
    return None


def _is_image(size: int) -> bool:
    """Tell whether a number is the size of a usual image, square, of one or three channels."""
    return any(size == channels * side**2 for channels in (1, 3) for side in (28, 32, 64, 96, 128, 224, 256))
