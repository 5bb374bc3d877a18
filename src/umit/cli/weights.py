"""Which weights a command uses: ``--checkpoint``, ``--card``, ``--free`` and ``--device``, or those of ``--server``."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from umit.cli.telling import tell
from umit.embedded import EMBEDDED
from umit.errors import InputError

if TYPE_CHECKING:
    from umit.model import UMIT

__all__ = ["add_model", "add_served", "check_served", "load_model", "reads_of_model"]


def add_model(parser: ArgumentParser, *, first: bool = False) -> None:
    """Add what chooses the weights.

    Args:
        parser: Of the command.
        first: Whether they must be named, as the command's first word.
    """
    named = "the embedded umit-phantom{}, a name on the hub, or a folder"
    if first:
        parser.add_argument("checkpoint", metavar="MODEL", help=f"weights: {named.format('')}")
    else:
        parser.add_argument(
            "--checkpoint", metavar="NAME-OR-FOLDER", default=EMBEDDED, help=f"weights: {named.format(' (default)')}"
        )
    parser.add_argument("--card", metavar="NAME", help="card of weights that have none of their own")
    parser.add_argument(
        "--free", action="store_true", help="let the model write what it likes, in the form of an answer or not"
    )
    parser.add_argument("--device", default="auto", help="auto (default), cuda, mps or cpu")
    add_served(parser)


def add_served(parser: ArgumentParser) -> None:
    """Add what asks a server instead."""
    parser.add_argument(
        "--server", metavar="URL",
        help="ask a server, as umit serve starts one; --checkpoint then names what it serves, or its folder here; "
        "its key is taken from the variable UMIT_SERVER_KEY",
    )  # fmt: skip
    parser.add_argument("--concurrency", type=int, metavar="N", help="calls to the server at a time (default 16)")
    parser.add_argument("--plaintext", action="store_true", help="send pictures over http to another machine")


def check_served(given: Namespace) -> None:
    """Refuse what a server has no use for, and what only a server has.

    Raises:
        InputError: It would be ignored.
    """
    if given.server is None and (given.plaintext or given.concurrency is not None):
        raise InputError("expected --server beside --concurrency and --plaintext, got none", code="server")
    if given.server is not None and given.device != "auto":
        raise InputError("expected no --device beside --server, which has its own", code="server")


def load_model(given: Namespace) -> UMIT:
    """Load the weights, and say so where another machine is asked for them."""
    from umit.checkpoints import locate
    from umit.model import UMIT

    check_served(given)
    if given.server is not None:
        model = UMIT.from_server(
            given.server, given.checkpoint, card=given.card, plaintext=given.plaintext,
            concurrency=16 if given.concurrency is None else given.concurrency,
        )  # fmt: skip
        model.constrained = not given.free
        return model
    if given.checkpoint != EMBEDDED and not os.path.isdir(os.path.expanduser(given.checkpoint)):
        from umit.engine.hub import endpoint, offline

        locate(given.checkpoint, given.card)  # refuses a name without a card
        if not offline():
            tell(f"asking {endpoint()} for {given.checkpoint}; HF_HUB_OFFLINE=1 takes this disk's copy")
    return UMIT.from_pretrained(given.checkpoint, card=given.card, device=given.device, constrained=not given.free)


def reads_of_model(given: Namespace) -> list[str]:
    """Return the weights and the card as they were named, which may be files or folders."""
    named = [] if given.checkpoint == EMBEDDED else [given.checkpoint]
    return [*named, *([given.card] if given.card else [])]
