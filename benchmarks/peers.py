"""What the kernels race against: the textbook losses in torch and JAX, and the log densities of libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as npd
import torch
import torch.nn.functional as F
from numba_stats import laplace as ns_laplace
from numba_stats import norm as ns_norm
from numba_stats import t as ns_t
from scipy import stats
from tensorflow_probability.substrates.jax import distributions as tfd

from elbocheck.adapters.kit import kit
from elbocheck.bench.formulas import COUNT, DF, SCALE, Workload

__all__ = ["Call", "Jax", "Torch", "frameworks", "jax_way", "libraries", "torch_ways"]

Call = Callable[[], Any]


def torch_ways(function: Callable[..., Any], *arrays: Any, grad: int = 0) -> dict[str, Call]:
    """Eager and compiled; with `grad`, differentiated by the first so many arrays."""
    given = [torch.from_numpy(array) for array in arrays]
    for leaf in given[:grad]:
        leaf.requires_grad_(True)

    def run(way: Callable[..., Any]) -> Any:
        value = way(*given)
        return (value, torch.autograd.grad(value.sum(), given[:grad])) if grad else value

    torch.compiler.reset()  # or it gives up, silently, after eight shapes
    compiled = torch.compile(function, dynamic=False)
    return {"torch": lambda: run(function), "torch.compile": lambda: run(compiled)}


def jax_way(function: Callable[..., Any], *arrays: Any, grad: int = 0) -> dict[str, Call]:
    """Under jit; with `grad`, value and derivatives by the first so many arrays."""
    given = [jnp.asarray(array) for array in arrays]
    if grad:

        def total(*args: Any) -> Any:
            value = function(*args)
            return value.sum(), value

        compiled = jax.jit(jax.value_and_grad(total, argnums=tuple(range(grad)), has_aux=True))
    else:
        compiled = jax.jit(function)
    return {"jax.jit": lambda: jax.block_until_ready(compiled(*given))}


class Torch:
    """Textbook losses in torch, the framework's own where it has one."""

    def bernoulli(self, logits: Any, x: Any) -> Any:
        return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)

    def normal(self, loc: Any, x: Any) -> Any:
        return -(0.5 * ((x - loc) / 0.75) ** 2).sum(-1)

    def huber(self, loc: Any, x: Any) -> Any:
        return -F.huber_loss(loc, x, reduction="none", delta=1.25).sum(-1)

    def kl(self, loc: Any, log_var: Any) -> Any:
        return -0.5 * (1 + log_var - loc**2 - log_var.exp()).sum(-1)

    def elbo(self, logits: Any, loc: Any, log_var: Any, x: Any) -> Any:
        return self.bernoulli(logits, x) - self.kl(loc, log_var)

    def iwae(self, logits: Any, loc: Any, log_var: Any, eps: Any, x: Any) -> Any:
        z = loc[:, None] + (0.5 * log_var).exp()[:, None] * eps
        gap = 0.5 * (z**2 - eps**2 - log_var[:, None]).sum(-1)
        fit = -F.binary_cross_entropy_with_logits(logits, x[:, None].expand_as(logits), reduction="none").sum(-1)
        return torch.logsumexp(fit - gap, 1)


class Jax:
    """The same in JAX."""

    def bernoulli(self, logits: Any, x: Any) -> Any:
        return (x * logits - jax.nn.relu(logits) - jnp.log1p(jnp.exp(-jnp.abs(logits)))).sum(-1)

    def normal(self, loc: Any, x: Any) -> Any:
        return -(0.5 * ((x - loc) / 0.75) ** 2).sum(-1)

    def huber(self, loc: Any, x: Any) -> Any:
        u = jnp.abs(x - loc)
        return -jnp.where(u <= 1.25, 0.5 * u * u, 1.25 * (u - 0.625)).sum(-1)

    def kl(self, loc: Any, log_var: Any) -> Any:
        return -0.5 * (1 + log_var - loc**2 - jnp.exp(log_var)).sum(-1)

    def elbo(self, logits: Any, loc: Any, log_var: Any, x: Any) -> Any:
        return self.bernoulli(logits, x) - self.kl(loc, log_var)

    def iwae(self, logits: Any, loc: Any, log_var: Any, eps: Any, x: Any) -> Any:
        z = loc[:, None] + jnp.exp(0.5 * log_var)[:, None] * eps
        gap = 0.5 * (z**2 - eps**2 - log_var[:, None]).sum(-1)
        return jax.nn.logsumexp(self.bernoulli(logits, x[:, None]) - gap, 1)


SCIPY: dict[str, Callable[..., Any]] = {
    "normal": lambda x, loc: stats.norm.logpdf(x, loc, SCALE),
    "laplace": lambda x, loc: stats.laplace.logpdf(x, loc, SCALE),
    "student_t": lambda x, loc: stats.t.logpdf(x, DF, loc, SCALE),
    "poisson": stats.poisson.logpmf,
    "negative_binomial": lambda x, logits: stats.nbinom.logpmf(x, COUNT, 1 / (1 + np.exp(logits))),
}
NUMBA_STATS: dict[str, Callable[..., Any]] = {  # which take one number for each parameter
    "normal": lambda x, loc: ns_norm.logpdf((x - loc).ravel(), 0.0, SCALE).reshape(x.shape),
    "laplace": lambda x, loc: ns_laplace.logpdf((x - loc).ravel(), 0.0, SCALE).reshape(x.shape),
    "student_t": lambda x, loc: ns_t.logpdf((x - loc).ravel(), DF, 0.0, SCALE).reshape(x.shape),
}
TFP: dict[str, Callable[[Any], Any]] = {
    "normal": lambda loc: tfd.Normal(loc, SCALE),
    "laplace": lambda loc: tfd.Laplace(loc, SCALE),
    "student_t": lambda loc: tfd.StudentT(DF, loc, SCALE),
    "poisson": tfd.Poisson,
    "negative_binomial": lambda logits: tfd.NegativeBinomial(COUNT, logits=logits),
    "bernoulli": lambda logits: tfd.Bernoulli(logits=logits),
    "continuous_bernoulli": lambda logits: tfd.ContinuousBernoulli(logits=logits),
}
NUMPYRO: dict[str, Callable[[Any], Any]] = {
    "normal": lambda loc: npd.Normal(loc, SCALE),
    "laplace": lambda loc: npd.Laplace(loc, SCALE),
    "student_t": lambda loc: npd.StudentT(DF, loc, SCALE),
    "poisson": npd.Poisson,
    "negative_binomial": lambda logits: npd.NegativeBinomialLogits(COUNT, logits),
    "bernoulli": npd.BernoulliLogits,
}


def frameworks(workload: Workload, x: Any, moving: Any) -> dict[str, Call]:
    """The textbook formula in torch, JAX and TensorFlow, eager and compiled: sums of rows."""
    return {
        name: call
        for one in ("torch", "jax", "tensorflow")
        for name, call in kit(one).sums(workload.formula, x, moving).items()
    }


def libraries(workload: Workload, x: Any, moving: Any) -> dict[str, Call]:
    """Log densities of scipy.stats, numba-stats, TFP on JAX and NumPyro, summed."""
    family, ways = workload.family, {}
    for name, arrays in (("scipy.stats", SCIPY), ("numba-stats", NUMBA_STATS)):
        if family in arrays:
            ways[name] = lambda way=arrays[family]: way(x, moving).sum(-1)
    for name, distributions in (("TFP on JAX", TFP), ("NumPyro", NUMPYRO)):
        if family in distributions:

            def density(x: Any, moving: Any, make: Any = distributions[family]) -> Any:
                return make(moving).log_prob(x).sum(-1)

            ways[name] = jax_way(density, x, moving)["jax.jit"]
    return ways
