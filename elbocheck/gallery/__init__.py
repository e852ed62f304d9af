"""Real losses, right and defective, each with its expected verdict: demonstration, documentation and test material."""

from __future__ import annotations

from elbocheck.gallery.entry import Entry
from elbocheck.intent import Intent

__all__ = ["GALLERY", "Entry"]

_GRAY = {"intent": Intent(data_kind="gray", data_range=(0.0, 1.0))}
_BINARY = {"intent": Intent(data_kind="binary", data_range=(0.0, 1.0))}
_BYTES = {"intent": Intent(data_kind="counts", data_range=(0.0, 255.0))}


def _here(name: str) -> str:
    return f"elbocheck.gallery.{name}"


_SEEDS = (
    Entry(
        target=_here("keras_guide_mse:vae_loss"),
        source="Keras guide, making new layers and models via subclassing: end-to-end VAE",
        bound="scaled",
        codes=("ELB103",),
        sigma2="D/(2*L)",
    ),
    Entry(
        target=_here("kingma_welling:bernoulli_estimator_b"),
        source="Kingma & Welling 2013, equation 10, appendices B and C.1",
        bound="exact",
        family="bernoulli",
        beta="1",
    ),
    Entry(
        target=_here("kingma_welling:gaussian_estimator_b"),
        source="Kingma & Welling 2013, equation 10, appendices B and C.2",
        bound="exact",
        beta="1",
    ),
    Entry(
        target=_here("kingma_welling:bernoulli_estimator_a"),
        source="Kingma & Welling 2013, equation 6",
        bound="exact",
        family="bernoulli",
        beta="1",
    ),
    Entry(
        target=_here("squared_error:sse"),
        source="squared error, summed",
        bound="likelihood-only",
        codes=("ELB107",),
        sigma2="1/2",
    ),
    Entry(target=_here("squared_error:half_sse"), source="half the squared error", bound="likelihood-only", sigma2="1"),
    Entry(
        target=_here("squared_error:mse"), source="mean squared error per datum", bound="likelihood-only", sigma2="D/2"
    ),
    Entry(
        target=_here("squared_error:batch_mse"),
        source="mean over batch and pixels",
        bound="likelihood-only",
        sigma2="D/2",
    ),
    Entry(
        target=_here("squared_error:sse_with_constant"),
        source="as sse, normalised",
        bound="likelihood-only",
        sigma2="1/2",
    ),
    Entry(
        target=_here("squared_error:half_sse_with_constant"),
        source="as half_sse, normalised",
        bound="likelihood-only",
        sigma2="1",
    ),
    Entry(
        target=_here("squared_error:mse_with_constant"),
        source="as mse, normalised",
        bound="likelihood-only",
        sigma2="D/2",
    ),
    Entry(
        target=_here("squared_error:vae_loss"), source="half the squared error plus KL", bound="constant", sigma2="1"
    ),
    Entry(
        target=_here("huber:fixed"),
        source="Huber 1964, fixed knot",
        bound="likelihood-only",
        family="huber",
        parameters={"delta": 0.7},
    ),
    Entry(
        target=_here("huber:learned"),
        source="Huber 1964, learned knot",
        bound="not-a-density",
        codes=("ELB407",),
        family="huber",
        options={"roles": {"delta": "delta"}},
    ),
    Entry(
        target=_here("huber:learned_normalised"),
        source="Huber 1964, learned knot, with log Z",
        bound="likelihood-only",
        family="huber",
        options={"roles": {"delta": "delta"}},
    ),
    Entry(
        target=_here("cross_entropy:from_logits"),
        source="sigmoid cross-entropy",
        bound="likelihood-only",
        family="bernoulli",
        options=_BINARY,
    ),
    Entry(
        target=_here("cross_entropy:from_logits"),
        source="sigmoid cross-entropy on gray pixels",
        bound="not-a-density",
        codes=("ELB401",),
        family="bernoulli",
        options=_GRAY,
    ),
    Entry(
        target=_here("cross_entropy:from_logits"),
        source="sigmoid cross-entropy on bytes",
        bound="not-a-density",
        codes=("ELB803",),
        family="bernoulli",
        options=_BYTES,
    ),
    Entry(
        target=_here("squared_error:vae_loss"), source="Gaussian on bytes", bound="constant", sigma2="1", options=_BYTES
    ),
)


def _tutorials(module: str) -> tuple[Entry, ...]:
    """Return the tutorials, which exist in NumPy and in torch."""
    return (
        Entry(
            target=_here(f"{module}:pytorch_examples"),
            source="pytorch/examples vae",
            bound="exact",
            codes=("ELB502",),
            family="bernoulli",
            beta="1",
            options=_BINARY,
        ),
        Entry(
            target=_here(f"{module}:pytorch_examples"),
            source="pytorch/examples vae on gray images",
            bound="not-a-density",
            codes=("ELB401", "ELB502"),
            family="bernoulli",
            beta="1",
            options=_GRAY,
        ),
        Entry(
            target=_here(f"{module}:pytorch_examples_2017"),
            source="pytorch/examples vae, 2017",
            bound="scaled",
            codes=("ELB109", "ELB112", "ELB502"),
            family="bernoulli",
            beta="B/128",
        ),
        Entry(
            target=_here(f"{module}:sums"), source="sums over everything", bound="exact", family="bernoulli", beta="1"
        ),
        Entry(
            target=_here(f"{module}:gray_images"),
            source="MSE mean plus a tenth of the mean KL",
            bound="scaled",
            codes=("ELB103",),
            sigma2="D/(20*L)",
        ),
        Entry(
            target=_here(f"{module}:latent_mean"),
            source="BCE per datum plus the mean KL",
            bound="not-a-bound",
            codes=("ELB102",),
            family="bernoulli",
            beta="1/L",
        ),
    )


_RESEARCH = (
    Entry(
        target=_here("world_models:vae_loss"),
        source="Ha & Schmidhuber 2018",
        bound="constant",
        codes=("ELB107", "ELB306"),
        sigma2="1/2",
    ),
    Entry(
        target=_here("learned_scale:log_scale_dropped"),
        source="decoder with a learned sigma",
        bound="not-a-density",
        codes=("ELB406",),
    ),
)

GALLERY: tuple[Entry, ...] = (*_SEEDS, *_tutorials("tutorials"), *_tutorials("torch_tutorials"), *_RESEARCH)
