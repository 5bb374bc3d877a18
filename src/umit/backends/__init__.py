"""Engines that answer requests."""
