"""Checkpoint cards: what a set of weights knows and how it writes.

A card is ``umit.json`` beside the weights. Weights without a card are refused: frames and prompts cannot
be guessed from them, and a wrong guess gives plausible boxes in wrong places.
"""

from __future__ import annotations

from umit.checkpoints.card import Checkpoint, Evidence, Measured, Origin
from umit.checkpoints.files import CARD, read_card, write_card
from umit.checkpoints.known import KNOWN
from umit.checkpoints.places import locate
from umit.checkpoints.released import PHANTOM, RELEASED
from umit.embedded import EMBEDDED

__all__ = [
    "CARD", "EMBEDDED", "KNOWN", "PHANTOM", "RELEASED", "Checkpoint", "Evidence", "Measured", "Origin", "locate",
    "read_card", "write_card",
]  # fmt: skip
