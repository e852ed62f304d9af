"""The end-to-end VAE of the Keras guide "Making new layers and models via subclassing", a real model with `add_loss`.

`keras_guide_mse` holds its mathematics in NumPy. Here only what the encoder and the decoder return is replaced:
`elbocheck verify elbocheck.gallery.keras_guide:training_loss --model elbocheck.gallery.keras_guide:vae
--component encoder=q_loc,q_log_var,z --component decoder=prediction`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


class Sampling(layers.Layer):  # type: ignore[misc]  # Keras comes without types
    """A sample of the posterior."""

    def __init__(self) -> None:
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(1337)

    def call(self, inputs: Any) -> Any:
        """Return z of shape (B, L)."""
        z_mean, z_log_var = inputs
        epsilon = keras.random.normal(shape=ops.shape(z_mean), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


class Encoder(layers.Layer):  # type: ignore[misc]
    """From x to the posterior and a sample of it."""

    def __init__(self, latent_dim: int, intermediate_dim: int) -> None:
        super().__init__(name="encoder")
        self.dense_proj = layers.Dense(intermediate_dim, activation="relu")
        self.dense_mean = layers.Dense(latent_dim)
        self.dense_log_var = layers.Dense(latent_dim)
        self.sampling = Sampling()

    def call(self, inputs: Any) -> Any:
        """Return z_mean, z_log_var and z."""
        x = self.dense_proj(inputs)
        z_mean, z_log_var = self.dense_mean(x), self.dense_log_var(x)
        return z_mean, z_log_var, self.sampling((z_mean, z_log_var))


class Decoder(layers.Layer):  # type: ignore[misc]
    """From z to the reconstruction."""

    def __init__(self, original_dim: int, intermediate_dim: int) -> None:
        super().__init__(name="decoder")
        self.dense_proj = layers.Dense(intermediate_dim, activation="relu")
        self.dense_output = layers.Dense(original_dim, activation="sigmoid")

    def call(self, inputs: Any) -> Any:
        """Return pixels in [0, 1]."""
        return self.dense_output(self.dense_proj(inputs))


class VariationalAutoEncoder(keras.Model):  # type: ignore[misc]
    """Encoder and decoder, with the mean KL as an added loss."""

    def __init__(self, original_dim: int, intermediate_dim: int = 64, latent_dim: int = 32) -> None:
        super().__init__(name="autoencoder")
        self.encoder = Encoder(latent_dim, intermediate_dim)
        self.decoder = Decoder(original_dim, intermediate_dim)

    def call(self, inputs: Any) -> Any:
        """Return the reconstruction."""
        z_mean, z_log_var, z = self.encoder(inputs)
        reconstructed = self.decoder(z)
        self.add_loss(-0.5 * ops.mean(z_log_var - ops.square(z_mean) - ops.exp(z_log_var) + 1))
        return reconstructed


vae = VariationalAutoEncoder(784)
mse_loss_fn = keras.losses.MeanSquaredError()
compiled = VariationalAutoEncoder(784)
compiled.compile(optimizer="adam", loss=keras.losses.MeanSquaredError())


def training_loss(model: Any, x: Any) -> Any:
    """Return the loss of one training step."""
    reconstructed = model(x)
    loss = mse_loss_fn(x, reconstructed)
    loss += sum(model.losses)  # in place: on torch the reconstruction's float32 stays
    return loss
