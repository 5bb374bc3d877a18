"""``umit train``: a folder of films to a checkpoint that loads, and whether it learned."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from umit.cli.adapters import add_lora, lora_of
from umit.cli.command import spoken
from umit.cli.parse import Commands, add_source, natural
from umit.cli.sets import HELP, DataSet, taught_and_asked
from umit.cli.telling import say, tell
from umit.cli.writing import folder_for
from umit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from umit.training.augment import Augmentation

__all__ = ["add"]

_STAGES = ("instruct", "align", "both")


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("train", help="teach a checkpoint your data, and tell whether it learned")
    parser.add_argument("data", nargs="+", metavar="DATA", help=HELP)
    parser.add_argument(
        "--model", default="umit-phantom", metavar="NAME-OR-FOLDER",
        help="weights to begin with: the embedded umit-phantom (default), a folder, or a name on the hub",
    )  # fmt: skip
    parser.add_argument("--card", metavar="NAME", help="card of weights that have none of their own")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the checkpoint; the same words go on")
    parser.add_argument("--name", help="of the checkpoint, in its card (default: the folder's)")
    parser.add_argument(
        "--licence", default="", metavar="NAME", help="of the new weights, for their card: cc-by-nc-4.0"
    )
    parser.add_argument(
        "--stage", choices=_STAGES, default="instruct",
        help="instruct (default) leaves the vision encoder as it is, align trains everything, both one after the other",
    )  # fmt: skip
    parser.add_argument(
        "--val", action="append", metavar="DATA-OR-SHARE",
        help="what to validate on: other data, more of it in more --val, a share of the patients, or none "
        "(default: of each DATA its own validation part, else 0.1)",
    )  # fmt: skip
    add_lora(parser)
    _add_length(parser)
    parser.add_argument(
        "--augment", choices=("light", "none"),
        help="light (default) draws small changes of exposure, cut, angle and noise anew in each pass; none changes "
        "nothing (default with --keep-features, which would keep every change)",
    )  # fmt: skip
    parser.add_argument("--flip", action="store_true", help="also mirror half of the films where no side is named")
    parser.add_argument("--root", help="where a table's pictures are, if not beside it")
    parser.add_argument(
        "--keep-features", metavar="DIR",
        help="keep on disk what the frozen vision encoder of stage instruct makes of each picture, for later passes",
    )  # fmt: skip
    parser.add_argument(
        "--keep-gib", type=natural, default=16, metavar="N", help="room for them in GiB (default 16); the oldest go"
    )
    parser.add_argument("--plain", action="store_true", help="train without TRL; the losses are the same")
    parser.add_argument(
        "--sft", action="append", default=[], metavar="KEY=VALUE", help="a setting of TRL's SFTConfig, such as optim=adafactor"
    )  # fmt: skip
    parser.add_argument(
        "--report-to", action="append", default=[], metavar="NAME",
        help="tensorboard, trackio, wandb or another that transformers has (default: nothing is told to anyone)",
    )  # fmt: skip
    parser.add_argument("--plan", action="store_true", help="say what it will take, and end before weights load")
    add_source(parser)
    parser.set_defaults(run=_train)


def _add_length(parser: Any) -> None:
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=float, metavar="N", help="passes over the data (default 3)")
    length.add_argument("--steps", type=natural, metavar="N", help="optimizer steps of a stage")
    length.add_argument("--minutes", type=float, metavar="N", help="as many steps as are done in N minutes")
    parser.add_argument("--batch", type=natural, default=8, metavar="N", help="samples a step (default 8)")
    parser.add_argument(
        "--accumulate", type=natural, default=1, metavar="N", help="batches a step (default 1); as if they were one batch"
    )  # fmt: skip
    parser.add_argument("--bf16", action="store_true", help="matrix products in bfloat16; weights stay in float32")
    parser.add_argument(
        "--checkpointing", action="store_true", help="make what the layers made again, not keep it: less memory, more time"
    )  # fmt: skip
    parser.add_argument(
        "--per", choices=("token", "answer"), default="token",
        help="what weighs the same in the loss: each taught token (default), or each answer however long it is",
    )  # fmt: skip
    parser.add_argument("--rate", type=float, metavar="R", help="peak learning rate (default by the model's size)")
    parser.add_argument("--every", type=natural, metavar="N", help="steps between validations (default a quarter)")
    parser.add_argument(
        "--patience", type=natural, metavar="N", help="end a stage after N validations that were no better (default never)"
    )  # fmt: skip
    parser.add_argument("--seed", type=natural, default=0, metavar="N", help="of everything that is drawn (default 0)")


def _train(given: Namespace) -> int:
    from umit.checkpoints import locate
    from umit.engine.load import load_shell
    from umit.training import ALIGN, INSTRUCT, Kept, default_settings, train
    from umit.training.parts import Part
    from umit.training.passed import with_sft
    from umit.training.plan import plan
    from umit.training.taught import parts_of

    sets = [DataSet.of(words).place for words in (*given.data, *(given.val or ()))]
    reads = [one for one in (*sets, given.root, given.model, given.card) if one]
    out = folder_for(given.out, reads=reads)
    kept = None
    if given.keep_features is not None:
        kept = Kept(folder_for(given.keep_features, reads=reads), given.keep_gib * 2**30)
    stages = {"instruct": (INSTRUCT,), "align": (ALIGN,), "both": (ALIGN, INSTRUCT)}[given.stage]
    lora = lora_of(given)
    if lora is not None:
        lora.check(stages)
    training, validation = taught_and_asked(given)
    place, card = locate(given.model, given.card)
    shell, encoder = load_shell(place)
    share = validation if isinstance(validation, float) else 0.0
    size = given.batch * given.accumulate
    settings = default_settings(
        max(1, round(training.seen * (1 - share))), batch=size, parameters=sum(p.numel() for p in shell.parameters()),
        epochs=given.epochs, steps=given.steps, rate=given.rate, seed=given.seed, lora=lora is not None,
    )  # fmt: skip
    settings = replace(
        settings, accumulate=given.accumulate, bf16=given.bf16, checkpointing=given.checkpointing, per=given.per
    )
    reports = {"report_to": given.report_to} if given.report_to else {}
    settings = with_sft(settings, dict(map(_setting, given.sft)) | reports)
    if given.plan:
        taught, asked = parts_of(training, validation, card, encoder, seed=given.seed)
        found = plan(
            Part.of(taught), asked, model=shell, card=card, encoder=encoder, stages=stages,
            settings=settings, batch=given.batch, lora=lora, processes=int(os.environ.get("WORLD_SIZE") or 1),
            shards=os.environ.get("ACCELERATE_USE_FSDP") == "true",
        )  # fmt: skip
        if not _speaks():
            return 0
        say(str(found))
        if given.minutes is not None:
            print(f"             --minutes {given.minutes:g}: as many steps as are measured to fit, not these")
        return 0
    train(
        training, model=given.model, out=out, settings=settings, stage=stages, lora=lora, val=validation,
        every=given.every, patience=given.patience, minutes=given.minutes, card=given.card, batch=given.batch,
        augment=_augmentation(given), plain=given.plain, name=given.name,
        tell=_told(settings.steps, given.minutes is None), say=say,
        command=spoken(sys.argv[1:]), licence=given.licence, kept=kept,
    )  # fmt: skip
    if _speaks():
        say(f"wrote {out}; try: umit evaluate DATA --checkpoint {out} --run RUN")
    return 0


def _setting(text: str) -> tuple[str, Any]:
    """Return the name and the value of a setting: JSON where it is some, else a word."""
    name, there, value = text.partition("=")
    if not there:
        raise InputError(f"expected KEY=VALUE, such as optim=adafactor, got {text!r}", where="sft")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, {"True": True, "False": False, "None": None}.get(value, value)


def _augmentation(given: Namespace) -> Augmentation | None:
    from umit.training.augment import LIGHT

    wanted = given.augment or ("none" if given.keep_features is not None and not given.flip else "light")
    if wanted == "none":
        if given.flip:
            raise InputError("expected --flip or --augment none, got both", code="augment", where="flip")
        return None
    return replace(LIGHT, flip=given.flip)


def _speaks() -> bool:
    """Return whether this is the one of torchrun's processes that speaks for all."""
    return os.environ.get("RANK", "0") == "0"


def _told(steps: int, known: bool) -> Callable[[int, float], bool]:
    """Return what prints each logged loss."""

    def logged(step: int, loss: float) -> bool:
        if _speaks() and not sys.stderr.isatty():  # on a terminal the bar does
            tell(f"step {step}{f' of {steps}' if known else ''}: loss {loss:.4f}")
        return True

    return logged
