"""The checker is checked."""
