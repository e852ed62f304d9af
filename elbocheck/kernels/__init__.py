"""Numba's home: scalar formulas written as plain Python, compiled on first use and lifted over arrays."""
