"""The cards that umit brings, by name; and what to say to somebody whose weights have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, get_args

from umit.checkpoints.card import Checkpoint, ModelType
from umit.checkpoints.families import BASES, GENERIC
from umit.checkpoints.medical import FOLDERS, MEDICAL
from umit.checkpoints.released import PHANTOM, RELEASED
from umit.embedded import EMBEDDED
from umit.errors import CheckpointError
from umit.tasks.task import TaskName

__all__ = ["KNOWN", "advice", "check_name", "check_type", "model_type_in", "names", "released_for"]

#: Every card that has a name.
KNOWN: Final[dict[str, Checkpoint]] = {EMBEDDED: PHANTOM, **RELEASED, **BASES, **MEDICAL, **GENERIC}
#: Checkpoints that are taken for Qwen-VL and are none, by what their names hold; each read in its makers' files.
_OTHERS: Final = {
    "chiron-o1": "it is InternVL3",
    "fleming-vl": "it is InternVL3 with code of its own",
    "lingshu-i": "it is InternVL",
    "hulu-med": "it is Qwen's language model behind a SigLIP encoder of its own",
    "eyecaregpt": "it is Qwen2.5-VL's language model behind a SigLIP encoder and a connector of its own",
    "radvlm": "it is LLaVA-OneVision",
    "vila-m3": "it is VILA",
    "citrus-v": "it is an architecture of its own, with SAM2 inside",
    "huatuogpt-vision-34b": "it is LLaVA",
    "medix-r1-30b": "its layers are mixtures of experts, which umit does not load",
    "medvision-v0": "in which frame it writes was never stated, and its users found it inconsistent",
}


def released_for(task: TaskName) -> list[str]:
    """Return the names of the paper's checkpoints that know a task."""
    return [card.name for card in RELEASED.values() if task in card.tasks]


def names(kind: str | None = None) -> str:
    """Return the names of all cards, or of those of one architecture, in a line."""
    cards = [card for card in KNOWN.values() if kind in (None, card.model_type)]
    shown, folders = [], {f"{name}/{one}": name for name, found in FOLDERS.items() for one in found[1:]}
    for card in cards:
        if card.name not in folders:
            shown.append(card.name)
    for name in dict.fromkeys(folders[card.name] for card in cards if card.name in folders):
        shown.append(f"{name}'s other {len(FOLDERS[name]) - 1} sub-folders")
    return ", ".join(shown)


def check_name(name: str) -> None:
    """Refuse a name on the hub that is no checkpoint that loads, with what it is.

    Raises:
        CheckpointError: Another architecture, or weights in sub-folders of which none is named.
    """
    for holder, folders in FOLDERS.items():
        if name == holder or (name.startswith(f"{holder}/") and name not in KNOWN):
            raise CheckpointError(
                f"expected a sub-folder of {holder}, which holds several checkpoints, got {name!r:.80}; use one of "
                f"{', '.join(f'{holder}/{folder}' for folder in folders)}"
            )
    why = next((why for part, why in _OTHERS.items() if part in name.casefold()), None)
    if why is not None:
        raise CheckpointError(f"expected weights of {' or '.join(get_args(ModelType))}, {name!r} is none: {why}")


def model_type_in(folder: Path) -> str | None:
    """Return the architecture that the ``config.json`` of a folder names; ``None`` if it names none."""
    try:
        found: Any = json.loads((folder / "config.json").read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    kind = found.get("model_type") if isinstance(found, dict) else None
    return kind if isinstance(kind, str) else None


def check_type(card: Checkpoint, kind: str | None, name: str) -> None:
    """Refuse a card of another architecture than the weights'.

    Args:
        card: What the weights would be asked by.
        kind: What their ``config.json`` names; ``None`` if it names none.
        name: Of the weights, for the message.

    Raises:
        CheckpointError: They differ.
    """
    if kind in get_args(ModelType) and kind != card.model_type:
        raise CheckpointError(
            f"expected weights of {card.model_type} for the card of {card.name}, those in {name!r} are {kind}; "
            f"pass card= with one of: {names(kind)}"
        )


def advice(folder: Path) -> str:
    """Return what to do about a folder of weights without a card."""
    kind = model_type_in(folder)
    if kind not in get_args(ModelType):
        return f"pass card= with one of: {names()}"
    bases, rest = (
        ", ".join(repr(card.name) for card in cards.values() if card.model_type == kind) for cards in (BASES, MEDICAL)
    )
    paper = f"; of the paper's, {', '.join(map(repr, RELEASED))}" if kind == "qwen2_vl" else ""
    return (
        f"its config.json says {kind}, which tells nothing of how it was taught. Pass card= with the checkpoint that these "
        f"weights are: of Qwen's own, {bases}; of fine-tunes, {rest}{paper}. Any other is asked in words alone with "
        f"card='generic:{kind}', and `umit calibrate` measures where it draws. A card of other weights puts boxes in "
        "wrong places. On the command line card= is --card"
    )
