"""Columns of text that line up in English and in Chinese, whose characters are twice as wide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from unicodedata import east_asian_width

__all__ = ["table", "width"]

# Chinese breaks after any character, English after a blank or a hyphen that joins two corners.
_PIECE = re.compile(r"[\u2e80-\uffff]|[^\s\u2e80-\uffff]+?(?:\)-|\s+|(?=[\u2e80-\uffff])|$)|\s+")


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    Example:
        >>> width("结节 ok")
        7
    """
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def table(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> str:
    """Return rows whose cells are wrapped to the widths of their columns.

    Args:
        rows: Cells, as many in each as there are widths.
        widths: Columns of a terminal.

    Example:
        >>> print(table([("nodule", "yes"), ("a large heart", "no")], (8, 4)))
        nodule    yes
        a large   no
        heart
    """
    lines = []
    for row in rows:
        cells = [_wrapped(cell, limit) for cell, limit in zip(row, widths, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            padded = (p + " " * (w - width(p)) for p, w in zip(parts, widths, strict=True))
            lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _wrapped(text: str, limit: int) -> list[str]:
    """Break a text into lines of at most ``limit`` columns; a longer word is cut."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _PIECE.findall(paragraph):
            if line and width(line + piece.rstrip()) > limit:
                lines.append(line.rstrip())
                line = ""
            while width(piece.rstrip()) > limit:
                lines.append(piece[:limit])
                piece = piece[limit:]
            line += piece if line else piece.lstrip()
        lines.append(line.rstrip())
    return lines
