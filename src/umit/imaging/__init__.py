"""Scans, the files they come from, and the pictures that a model sees of them."""
