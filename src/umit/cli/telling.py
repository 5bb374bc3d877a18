"""What a command says: results on stdout, all else on stderr, and nothing that a terminal would obey."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unicodedata import category

__all__ = ["document", "open_streams", "printable", "say", "tell"]


def say(text: str, end: str = "\n") -> None:
    """Print a result."""
    print(printable(text), end=end, flush=True)


def tell(text: str) -> None:
    """Print a line about the work, which goes on where nobody can be told: a full disk, a reader that left."""
    with suppress(OSError):
        print(f"umit: {' '.join(printable(text).split())}", file=sys.stderr, flush=True)


def printable(text: str) -> str:
    r"""Spell what a terminal would obey instead of showing: control characters and turns of direction.

    Example:
        >>> printable("film\x1b[31m.png")
        'film\\x1b[31m.png'
    """
    return _spelled(text, lambda c: ascii(c)[1:-1])


def document(value: Any, indent: int | None = None) -> str:
    """Return JSON in which nothing is left that a terminal would obey, and which reads as the same value."""
    return _spelled(
        json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False), lambda c: json.dumps(c)[1:-1]
    )


def _spelled(text: str, spell: Callable[[str], str]) -> str:
    if text.isprintable():
        return text
    obeyed = {c for c in set(text) if category(c).startswith("C") and c not in "\n\t"}
    return text.translate({ord(c): spell(c) for c in obeyed})


def open_streams() -> None:
    """Open to nowhere what the shell closed: Python has no stream there, and the next file would take its place."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, "r+", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
            setattr(sys, name, nowhere)
