"""Measure a loss by calling it."""
