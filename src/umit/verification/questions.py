"""What is asked: one question of each form that a card knows, about drawn pictures that any machine draws alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from umit.chat import Request
from umit.checkpoints import Checkpoint
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.imaging.view import render
from umit.queries import Ask, Choose, Describe, Find, Language, Locate, Query
from umit.tasks.table import choose

__all__ = ["asked", "drawn"]

#: Sides in pixels, wide and high: none is a multiple of a patch, and the two differ.
_WIDE: Final = (300, 200)
_HIGH: Final = (200, 300)
_LONGEST: Final = 32  # tokens of an answer: a model that is fed wrongly may find no end


def drawn(width: int, height: int, number: int = 0) -> NDArray[np.uint8]:
    """Return a grey picture: a slope, a bright disc whose place the number decides, and fine stripes.

    Whole numbers alone, so that no library's rounding enters.

    Example:
        >>> drawn(3, 2).tolist()
        [[0, 2, 4], [3, 5, 7]]
    """
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    grey = (x * 2 + y * 3 + number * 40) % 180
    middle = (width // 3 + number * width // 5, height // 2)
    radius = min(width, height) // 6
    disc = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 < radius**2
    grey = np.where(disc, 235, grey) + np.where((x // 2 + y // 2) % 7 == 3, 15, 0)
    found: NDArray[np.uint8] = grey.astype(np.uint8)
    return found


def _scan(size: tuple[int, int], number: int) -> Scan:
    return load(drawn(*size, number), axes="yx")


def asked(card: Checkpoint) -> dict[str, Request]:
    """Return the questions by name, as the card asks them.

    Raises:
        UMITError: The card knows no question on films.
    """
    return dict(_asked(card))


def _asked(card: Checkpoint) -> Iterator[tuple[str, Request]]:
    wide, high, other = _scan(_WIDE, 0), _scan(_HIGH, 0), _scan(_WIDE, 1)
    bare = False
    for name, query, scans in _queries(wide, high, other):
        task = card.tasks.get(choose(query, volume=False))
        if task is None or query.language not in card.languages or query.language not in task.wording or not task.film:
            continue
        whole = task.request(query, render(scans, task.rendering(volume=False)))
        request = replace(whole, max_new_tokens=min(whole.max_new_tokens, _LONGEST))
        if not bare:  # what differs here does not lie in pictures
            bare = True
            yield "no-picture", replace(request, frames=())
        yield name, request


def _queries(wide: Scan, high: Scan, other: Scan) -> Iterator[tuple[str, Query, tuple[Scan, ...]]]:
    options: dict[Language, tuple[str, tuple[str, ...]]] = {
        "en": ("Is there nodule in this image?", ("yes", "no")),
        "zh": ("图像中有结节吗？", ("有", "没有")),
    }
    yield "open", Ask("Which organ is shown?"), (wide,)
    for language, (question, choices) in options.items():
        yield f"options-{language}", Ask(question, choices, language=language), (high,)
    question, choices = options["en"]
    yield "two-pictures", Ask(question, choices), (wide, other)
    yield "classes", Choose(("normal", "nodule", "effusion")), (other,)
    yield "boxes", Find("nodule"), (wide,)
    yield "points", Locate("Sella"), (high,)
    yield "report", Describe(), (high,)
