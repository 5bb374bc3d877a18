"""Which weights a command uses: ``--checkpoint``, ``--card`` and ``--device``."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from umit.cli.telling import tell
from umit.embedded import EMBEDDED

if TYPE_CHECKING:
    from umit.model import UMIT

__all__ = ["add_model", "load_model", "reads_of_model"]


def add_model(parser: ArgumentParser) -> None:
    """Add what chooses the weights."""
    parser.add_argument(
        "--checkpoint",
        metavar="NAME-OR-FOLDER",
        default=EMBEDDED,
        help="weights: the embedded umit-phantom (default), a name on the hub, or a folder",
    )
    parser.add_argument("--card", metavar="NAME", help="card of weights that have none of their own")
    parser.add_argument("--device", default="auto", help="auto (default), cuda, mps or cpu")


def load_model(given: Namespace) -> UMIT:
    """Load the weights, and say so where another machine is asked for them."""
    from umit.checkpoints import locate
    from umit.model import UMIT

    if given.checkpoint != EMBEDDED and not os.path.isdir(os.path.expanduser(given.checkpoint)):
        from umit.engine.hub import endpoint, offline

        locate(given.checkpoint, given.card)  # refuses a name without a card
        if not offline():
            tell(f"asking {endpoint()} for {given.checkpoint}; HF_HUB_OFFLINE=1 takes this disk's copy")
    return UMIT.from_pretrained(given.checkpoint, card=given.card, device=given.device)


def reads_of_model(given: Namespace) -> list[str]:
    """Return the weights and the card as they were named, which may be files or folders."""
    named = [] if given.checkpoint == EMBEDDED else [given.checkpoint]
    return [*named, *([given.card] if given.card else [])]
