"""What a checkpoint's own files say otherwise than its card: other programs go by the files, umit by the card."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np

from umit.chat import Request, prompt, spell
from umit.checkpoints import Checkpoint
from umit.checkpoints.own import own_budget
from umit.engine.template import PROBE, rendered, template_of
from umit.errors import CheckpointError, CheckpointWarning

__all__ = ["check_factor", "contradictions", "own_folders", "warn_of_contradictions"]

_SYSTEM: Final = re.compile(r"<\|im_start\|>system\n(.*?)<\|im_end\|>\n", re.DOTALL)


def check_factor(card: Checkpoint, factor: int, title: str) -> None:
    """Refuse a card whose pictures the weights cannot be fed with.

    Args:
        card: What the weights are asked by.
        factor: Both sides of a fed picture are multiples of it, by the weights' architecture.
        title: What the architecture is called.

    Raises:
        CheckpointError: A task shows pictures by another factor.
    """
    shown = [(name, one) for name, task in card.tasks.items() for one in (task.film, task.volume) if one is not None]
    wrong = {name: one.factor for name, one in shown if one.factor != factor}
    if wrong:
        name = min(wrong)
        raise CheckpointError(
            f"expected a card for {title}, whose pictures have sides that are multiples of {factor}; "
            f"{card.name}'s have {wrong[name]} ({name}); pass card= of this architecture"
        )


def own_folders(engine: Any) -> list[Path]:
    """Return where files of loaded weights lie: the tokenizer's folder, and an adapter's base.

    Args:
        engine: Of :func:`umit.engine.load.load_engine`.
    """
    return [Path(engine.encoder.tokenizer.name_or_path), Path(str(engine.model.name_or_path))]


def contradictions(folder: Path, tokenizer: Any, card: Checkpoint) -> list[str]:
    """Return what the files of a folder say otherwise than a card, each in a sentence.

    Args:
        folder: With the weights.
        tokenizer: Of the weights, with their chat template.
        card: What the weights are asked by.

    Raises:
        CheckpointError: A file that says how pictures are fed is no JSON object.
    """
    return [*_budget(folder, card), *_template(tokenizer, card)]


def warn_of_contradictions(tokenizer: Any, card: Checkpoint) -> None:
    """Warn of each contradiction: of a card that is wrong, or of files that other programs read otherwise.

    Args:
        tokenizer: As loaded from the folder of the weights.
        card: What the weights are asked by.
    """
    for sentence in contradictions(Path(tokenizer.name_or_path), tokenizer, card):
        warnings.warn(f"{card.name}: {sentence}", CheckpointWarning, stacklevel=3)


def _budget(folder: Path, card: Checkpoint) -> list[str]:
    """Compare how many pixels a picture is fed with; a card may leave that to the files."""
    if card.own_pixels:
        return []
    budget = own_budget(folder)
    if budget is None:
        return []
    name, least, most = budget
    said = []
    for part in ("film", "boxes", "points", "volume"):
        shown = getattr(card.dialect, part)
        pixels = shown.fed[0] * shown.fed[1] if shown.fed is not None else 0
        if shown.min_pixels <= pixels <= shown.max_pixels:  # a size of its own, whatever the budget
            wrong, feeds = not least <= pixels <= most, f"{pixels}"
        else:
            wrong = (least, most) != (shown.min_pixels, shown.max_pixels)
            feeds = f"{shown.min_pixels} to {shown.max_pixels}"
        if wrong:
            said.append(f"{part} {feeds}")
    if not said:
        return []
    return [f"{name} feeds {least} to {most} pixels a picture, the card {', '.join(said)}; umit goes by the card"]


def _template(tokenizer: Any, card: Checkpoint) -> list[str]:
    """Compare one question on one picture, as the chat template writes it and as the card does, if it does not ask it."""
    if card.system is None or template_of(tokenizer) is None:
        return []
    try:
        theirs = rendered(tokenizer, pictures=1)
    except CheckpointError as error:
        return [str(error)]
    picture = np.zeros((28, 28, 3), np.uint8)
    ours = spell(prompt(Request(words=(PROBE,), frames=(picture,), system=card.system)))
    said = []
    match = _SYSTEM.match(theirs)
    system = match.group(1) if match else ""
    if system != card.system:
        said.append(f"its chat template has the system line {system!r}, the card {card.system!r}")
    if _SYSTEM.sub("", theirs, count=1) != _SYSTEM.sub("", ours, count=1):
        said.append(f"its chat template writes {theirs!r}, umit by the card {ours!r}")
    return [f"{one}; umit goes by the card" for one in said]
