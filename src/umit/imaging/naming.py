"""Errors that name their file: told once, where the file is known, and not in every function that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from umit.errors import InputError

__all__ = ["naming"]


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Give a file's base name to the input errors raised within that have no ``where``."""
    try:
        yield
        return
    except InputError as error:
        if error.where:
            raise
        fields = {"code": error.code, "hint": error.hint, "where": name}
        named = type(error)(error.message, **fields)
    raise named from None
