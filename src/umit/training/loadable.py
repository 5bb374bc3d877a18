"""What a folder needs to load by itself, in umit and in plain transformers: weights, tokenizer, processor, card."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from umit.checkpoints import CARD, Checkpoint, Origin, read_card, write_card
from umit.engine.families import Family, family_of
from umit.engine.load import quiet
from umit.engine.preprocessor import PROCESSOR_FILES, write_processor_files
from umit.tasks.dialect import UMIT

__all__ = ["taught_further", "write_beside", "writer"]


def writer(model: Any, tokenizer: Any, folder: Path) -> Callable[[Path], None] | None:
    """Return what writes a model so that it loads by itself, with the card of the weights that it began with.

    Args:
        model: A model of any family; of one with transformers' own adapters inside, those alone are written.
        tokenizer: As loaded from the folder of the weights that training began with.
        folder: Whose name the card takes.

    Returns:
        ``None`` where layers are peft's, which knows alone how to write them.
    """
    layered = any("lora_" in name for name, _ in model.named_parameters())
    if layered and not getattr(model, "_hf_peft_config_loaded", False):
        return None
    return partial(_write, model, tokenizer, _card_beside(tokenizer, folder))


def _write(model: Any, tokenizer: Any, card: Checkpoint | None, folder: Path) -> None:
    with quiet():
        model.save_pretrained(folder)
    write_beside(tokenizer, family_of(model), card, folder)


def write_beside(tokenizer: Any, family: Family, card: Checkpoint | None, folder: Path) -> None:
    """Write what stands beside weights: a tokenizer, what plain ``AutoProcessor`` needs, and the card last.

    Args:
        tokenizer: As loaded from the folder of the weights that training began with.
        family: Of the weights.
        card: Of what is written, if it has one.
        folder: An existing folder; what is written there before is replaced.
    """
    tokenizer.save_pretrained(folder)
    _write_processor(_place(tokenizer), family, card, folder)
    if card is not None:
        write_card(card, folder)


def _card_beside(tokenizer: Any, folder: Path) -> Checkpoint | None:
    place = _place(tokenizer)
    if place is None or not (place / CARD).is_file():
        return None
    base = read_card(place)
    return taught_further(base, folder.resolve().name, Origin(base=base.name))


def taught_further(base: Checkpoint, name: str, origin: Origin, more: str = "") -> Checkpoint:
    """Return the card of weights that were taught further: the base's prompts and frames, and what is their own.

    Args:
        base: The card of those that they began as.
        name: Their own.
        origin: Where they come from.
        more: Ends the sentence that is printed where results are shown.
    """
    notice = f"Research use only, not a medical device; {origin.base} taught further{more}."
    # How sure the base was says nothing of what became of it.
    return replace(base, name=name, notice=notice, origin=origin, confidence=None)


def _place(tokenizer: Any) -> Path | None:
    name = tokenizer.name_or_path
    return Path(name) if name and Path(name).is_dir() else None


def _write_processor(base: Path | None, family: Family, card: Checkpoint | None, folder: Path) -> None:
    """Write what plain ``AutoProcessor`` needs: the base's own files, or the family's with the card's limits."""
    there = [base / name for name in PROCESSOR_FILES if (base / name).is_file()] if base is not None else []
    for path in there:
        shutil.copyfile(path, folder / path.name)
    if any(path.name == PROCESSOR_FILES[0] for path in there):
        return
    film = (UMIT if card is None else card.dialect).film
    write_processor_files(family, folder, min_pixels=film.min_pixels, max_pixels=film.max_pixels)
