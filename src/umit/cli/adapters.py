"""What of LoRA a command takes: ``--lora``, ``--lora-vision``, ``--lora-bits`` and ``--merge``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from umit.cli.parse import natural
from umit.errors import InputError

if TYPE_CHECKING:
    from umit.training.adapters import Lora

__all__ = ["add_lora", "lora_of"]


def add_lora(parser: ArgumentParser) -> None:
    """Add what chooses LoRA."""
    parser.add_argument(
        "--lora", nargs="?", type=natural, const=8, metavar="RANK",
        help='teach updates of low rank (default 8) beside the weights; needs pip install "umit[lora]"',
    )  # fmt: skip
    parser.add_argument("--lora-vision", action="store_true", help="of the vision encoder, too; with align or both")
    parser.add_argument(
        "--lora-bits", type=int, choices=(4, 8),
        help='keep the weights under them quantised while they are taught (QLoRA); needs pip install "umit[lora,bits]"',
    )  # fmt: skip
    parser.add_argument(
        "--merge", action="store_true", help="add them to the weights in the end, and write those whole"
    )


def lora_of(given: Namespace) -> Lora | None:
    """Return what was chosen; ``None`` if all parameters train.

    Raises:
        InputError: A choice about LoRA without it.
    """
    from umit.training.adapters import Lora

    if given.lora is None:
        for name in ("lora_vision", "lora_bits", "merge"):
            if getattr(given, name):
                raise InputError("expected it with --lora, got it alone", where=f"--{name.replace('_', '-')}")
        return None
    return Lora(rank=given.lora, vision=given.lora_vision, merge=given.merge, bits=given.lora_bits)
