"""Where an input is one of every day, one of stress or an extreme: how loud a fault there is (each end counts as inside)."""

__all__ = ["LOGITS", "LOG_VARIANCES", "SHAPE_DECADES", "zone"]

Zone = tuple[float, float]
"""The ends of everyday and of stress, as distances from an ordinary value."""

LOGITS: Zone = (20.0, 100.0)
"""Logits, and predictions of real data: a trained network is sure to e^-20; e^100 overflows what it is multiplied by in float32."""

LOG_VARIANCES: Zone = (10.0, 30.0)
"""Scales within e^+-5 of the data's are trained with; e^+-15 is met early in a training that is about to fail."""

SHAPE_DECADES: Zone = (2.0, 4.0)
"""Shapes, in decades from 1: a hundred data tell one of 100 from its limit, ten thousand one of its square."""

RIM = 1.001
"""Relative: an end that was rounded to a float is still inside."""


def zone(distance: float, ends: Zone) -> str:
    """Return `everyday`, `stress` or `extreme` for a distance from an ordinary value."""
    everyday, stress = ends
    return "everyday" if distance <= RIM * everyday else "stress" if distance <= RIM * stress else "extreme"
