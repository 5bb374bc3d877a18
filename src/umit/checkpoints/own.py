"""What a checkpoint's own files say of how its pictures are fed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from umit.checkpoints.card import Checkpoint
from umit.errors import CheckpointError, CheckpointWarning
from umit.json_file import json_object

__all__ = ["Budget", "as_served", "own_budget", "with_own_pixels"]


class Budget(NamedTuple):
    """How many pixels a picture is fed with.

    Args:
        file: Name of the file that says it.
        least: Fewest.
        most: Most.
    """

    file: str
    least: int
    most: int


def own_budget(folder: Path) -> Budget | None:
    """Return what the files of a folder say; ``None`` where they say nothing.

    Raises:
        CheckpointError: A file that should say it is no JSON object.
    """
    name = "preprocessor_config.json"
    found = json_object(folder / name) or {}
    if not found:
        name = "processor_config.json"
        found = (json_object(folder / name) or {}).get("image_processor") or {}
    size = found.get("size") or {}
    least = found.get("min_pixels") or size.get("shortest_edge")
    most = found.get("max_pixels") or size.get("longest_edge")
    if not isinstance(least, int) or not isinstance(most, int):
        return None
    return Budget(name, least, most)


def with_own_pixels(card: Checkpoint, folders: Sequence[Path]) -> Checkpoint:
    """Return a card that feeds pictures as the checkpoint's own files say, if it leaves that to them.

    Args:
        card: Of the checkpoint.
        folders: With its files; the first that says it decides.

    Raises:
        CheckpointError: It leaves it to them, and none says it, or what one says is no budget.
    """
    if not card.own_pixels:
        return card
    found = next((one for one in map(own_budget, folders) if one is not None), None)
    if found is None:
        raise CheckpointError(
            f"expected preprocessor_config.json beside the weights: the card of {card.name} leaves to it how many pixels "
            "a picture is fed with, found none that says it. Copy it there"
        )
    if not 1 <= found.least <= found.most:
        raise CheckpointError(f"expected some pixels in {found.file}, got {found.least} to {found.most}")
    dialect = card.dialect
    shown = {
        name: replace(getattr(dialect, name), min_pixels=found.least, max_pixels=found.most)
        for name in ("film", "boxes", "points")
    }
    return replace(card, own_pixels=False, dialect=replace(dialect, **shown))


def as_served(card: Checkpoint, place: str | Path) -> Checkpoint:
    """Return the card of weights that a server has, whose files may not be here.

    Args:
        card: Of the checkpoint.
        place: Their folder here, or the name that the server knows them by.

    Raises:
        CheckpointError: As for :func:`with_own_pixels`, of a folder.
    """
    if not card.own_pixels or isinstance(place, Path):
        return with_own_pixels(card, [Path(place)])
    film = card.dialect.film
    warnings.warn(
        f"{card.name}: how many pixels a picture is fed with stands in files that only the server has; fed with "
        f"{film.min_pixels} to {film.max_pixels}, as those of its base say. Name a folder with its "
        "preprocessor_config.json instead",
        CheckpointWarning,
        stacklevel=3,
    )
    return replace(card, own_pixels=False)
