"""The words of a command as others may read them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Final

__all__ = ["spoken"]

#: An option with its value, or a data set's name with its folder.
_HEAD: Final = re.compile(r"(--[\w-]+=|\w+:(?![\\/]{2}|\\))?(.*)", re.DOTALL)


def spoken(words: Sequence[str]) -> str:
    """Return a command of umit in a line, each place on this disk by its last part.

    What lies above it may name a person, and is of use on this machine alone.

    Example:
        >>> spoken(["train", "slake:/data/anna/SLAKE", "--model", "dz-osamu/UMIT-B", "--out=/tmp/a b"])
        "umit train slake:SLAKE --model dz-osamu/UMIT-B '--out=a b'"
    """
    return shlex.join(["umit", *map(_shortened, words)])


def _shortened(word: str) -> str:
    head, place = _HEAD.fullmatch(word).groups(default="")  # type: ignore[union-attr]  # the second group takes anything
    if not any(mark in place for mark in {"/", os.sep}):
        return word
    if not (os.path.isabs(place) or place[0] in "~." or Path(place).exists()):
        return word
    return head + PurePath(place).name if PurePath(place).name else head + place
