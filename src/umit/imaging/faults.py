"""Errors of files: what is told of all that break off, and their file's name, which one place knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from umit.errors import InputError

__all__ = ["naming", "truncated"]


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


def truncated(expected: str, got: str) -> InputError:
    """Return the error of a file that ends too early."""
    return InputError(f"expected {expected}, got {got}", code="truncated", hint="Fetch the file again.")
