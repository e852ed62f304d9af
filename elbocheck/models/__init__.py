"""Losses that take a model: what they ask of it is found by running them, and answered with tensors that we control."""
