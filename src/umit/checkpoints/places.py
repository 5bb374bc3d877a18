"""Weights and the card that goes with them."""

from __future__ import annotations

import os
import warnings
from functools import cache
from pathlib import Path

from umit.checkpoints.card import Checkpoint
from umit.checkpoints.families import GENERIC
from umit.checkpoints.files import CARD, read_card
from umit.checkpoints.known import KNOWN, check_name, check_type, model_type_in, names
from umit.checkpoints.released import PHANTOM_NOTICE
from umit.embedded import EMBEDDED, embedded
from umit.errors import CheckpointError, CheckpointWarning

__all__ = ["locate", "say_terms"]


def locate(checkpoint: str | Path, card: Checkpoint | str | Path | None = None) -> tuple[str | Path, Checkpoint]:
    """Find weights and the card that goes with them.

    Args:
        checkpoint: ``"umit-phantom"``, a folder, or a name on the hub.
        card: A card, the name of a known one, or a ``.json`` file; ``None`` takes the weights' own.

    Returns:
        A folder or a name on the hub, and the card.

    Raises:
        CheckpointError: No weights there, or no card for them.
    """
    if str(checkpoint) == EMBEDDED:
        folder = embedded()
        _say_phantom()
        return folder, _given(card) if card is not None else read_card(folder)
    folder = Path(checkpoint).expanduser()
    if str(checkpoint) and os.path.isdir(folder):  # which no name is too long for; an empty one is no folder
        found = read_card(folder) if card is None else _given(card)
        check_type(found, model_type_in(folder), folder.name)
        return folder, found
    if str(checkpoint) in GENERIC:
        raise CheckpointError(
            f"expected weights, got the card {checkpoint}; pass the folder or the name, and it as card="
        )
    check_name(str(checkpoint))
    if card is not None:
        known = KNOWN.get(str(checkpoint))
        return checkpoint if known is None else known.place, _given(card)
    if str(checkpoint) in KNOWN:
        found = KNOWN[str(checkpoint)]
        return found.place, found
    raise CheckpointError(
        f"expected a folder of weights with {CARD} or one of {names()}, "
        f"got {folder.name!r:.80}; pass card= to load other weights from the hub"
    )


def _given(card: Checkpoint | str | Path) -> Checkpoint:
    if isinstance(card, Checkpoint):
        return card
    known = KNOWN.get(str(card))
    if known is not None:
        return known
    path = Path(card).expanduser()
    if os.path.exists(path):
        return read_card(path)
    raise CheckpointError(f"expected card= of {names()}, or a .json file, got {str(card)!r:.80}")


def say_terms(card: Checkpoint) -> Checkpoint:
    """Warn, once a process, where a licence binds who may use the weights, and for what; return the card."""
    if card.terms:
        _say(card.name, card.terms)
    return card


@cache  # once a process
def _say(name: str, terms: str) -> None:
    warnings.warn(f"{name}: {terms}", CheckpointWarning, stacklevel=4)


@cache  # once a process
def _say_phantom() -> None:
    warnings.warn(f"{EMBEDDED}: {PHANTOM_NOTICE}", CheckpointWarning, stacklevel=4)
