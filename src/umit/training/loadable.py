"""What a folder needs to load by itself, in umit and in plain transformers: weights, tokenizer, processor, card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from umit.checkpoints import CARD, Checkpoint, Origin, read_card, write_card
from umit.engine.load import quiet
from umit.engine.pixels import MEAN, MERGE, PATCH, STD, TEMPORAL
from umit.tasks.dialect import UMIT

__all__ = ["taught_further", "write_beside", "writer"]

_PROCESSOR: Final = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")


def writer(model: Any, tokenizer: Any, folder: Path) -> Callable[[Path], None] | None:
    """Return what writes a model so that it loads by itself, with the card of the weights that it began with.

    Args:
        model: Qwen2-VL; of one with transformers' own adapters inside, those alone are written.
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
    write_beside(tokenizer, card, folder)


def write_beside(tokenizer: Any, card: Checkpoint | None, folder: Path) -> None:
    """Write what stands beside weights: a tokenizer, what plain ``AutoProcessor`` needs, and the card last.

    Args:
        tokenizer: As loaded from the folder of the weights that training began with.
        card: Of what is written, if it has one.
        folder: An existing folder; what is written there before is replaced.
    """
    tokenizer.save_pretrained(folder)
    _write_processor(_place(tokenizer), card, folder)
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
    return replace(base, name=name, notice=notice, origin=origin)


def _place(tokenizer: Any) -> Path | None:
    name = tokenizer.name_or_path
    return Path(name) if name and Path(name).is_dir() else None


def _write_processor(base: Path | None, card: Checkpoint | None, folder: Path) -> None:
    """Write what plain ``AutoProcessor`` needs: the base's own files, or Qwen2-VL's with the card's limits."""
    there = [base / name for name in _PROCESSOR if (base / name).is_file()] if base is not None else []
    for path in there:
        shutil.copyfile(path, folder / path.name)
    if any(path.name == _PROCESSOR[0] for path in there):
        return
    film = (UMIT if card is None else card.dialect).film
    size = {"shortest_edge": film.min_pixels, "longest_edge": film.max_pixels}
    shape = {"patch_size": PATCH, "merge_size": MERGE, "temporal_patch_size": TEMPORAL}
    image = {
        "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True,
        "image_mean": list(MEAN), "image_std": list(STD), "image_processor_type": "Qwen2VLImageProcessor",
        "resample": 3, "rescale_factor": 1 / 255, "size": size, **shape,
    }  # fmt: skip
    video = {"video_processor_type": "Qwen2VLVideoProcessor", "size": size, **shape}
    owner = {"processor_class": "Qwen2VLProcessor"}
    both = {"image_processor": image, "video_processor": video}
    for name, data in zip(_PROCESSOR, ({**image, **owner}, {**both, **owner}, video), strict=True):
        (folder / name).write_text(json.dumps(data, indent=2) + "\n", "utf-8")
