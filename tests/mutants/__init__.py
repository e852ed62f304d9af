"""Planted faults, each killed by a named finding, and right variants that stay silent."""
