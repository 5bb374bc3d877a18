"""``umit calibrate``: in which frame a checkpoint writes boxes, or how sure its answers are, measured."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umit.cli.calibrate_answers import add_answers
from umit.cli.calibrate_answers import run as run_answers
from umit.cli.parse import Commands
from umit.cli.telling import document, say, tell
from umit.cli.weights import add_model, load_model, reads_of_model
from umit.cli.writing import add_force, writable
from umit.errors import CheckpointError

if TYPE_CHECKING:
    from umit.calibration import Measurement

__all__ = ["add", "run"]

_SHOWN = 6  # frames of the table


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "calibrate",
        help="measure in which frame a model writes boxes, or how sure its answers are",
        description=__doc__,
    )
    add_model(parser, first=True)
    parser.add_argument("--out", metavar="FILE", help="write the card there if one frame fits, such as DIR/umit.json")
    parser.add_argument(
        "--pictures", choices=("shapes", "phantoms"),
        help="what is shown: rectangles, or chest phantoms; default: rectangles, then phantoms if they decide nothing",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_answers(parser)
    add_force(parser)
    parser.set_defaults(run=run)


def run(given: Namespace) -> int:
    """Measure, tell what fits, write the card if one frame does; 1 if none does or several do."""
    if given.answers is not None:
        return run_answers(given)
    from umit.calibration import measure_frame
    from umit.checkpoints import write_card

    out = None if given.out is None else writable(_card(given.out), reads=_reads(given), force=given.force)
    given.card = given.card or _generic(given.checkpoint)
    model = load_model(given)
    tell("asking for things of known place on drawn pictures")
    found = measure_frame(model.backend, model.checkpoint, pictures=given.pictures)
    say(document(_values(found), indent=2) if given.json else _text(found))
    if found.card is None:
        return 1
    if out is not None:
        write_card(found.card, out)
        tell(f"card in {out}")
    else:
        tell("not written; name a file with --out, such as umit.json beside the weights")
    return 0


def _card(place: str) -> Path:
    path = Path(place).expanduser()
    return path / "umit.json" if path.is_dir() else path


def _reads(given: Namespace) -> list[str]:
    """Return what is read; a folder of weights may get its card."""
    return [one for one in reads_of_model(given) if not Path(one).expanduser().is_dir()]


def _generic(place: str) -> str | None:
    """Return the generic card of a folder without one of its own; ``None`` where there is one, or no folder."""
    from umit.checkpoints import CARD
    from umit.checkpoints.families import GENERIC
    from umit.checkpoints.known import model_type_in

    folder = Path(place).expanduser()
    kind = None if (folder / CARD).is_file() else model_type_in(folder)
    if kind is None:
        return None
    if f"generic:{kind}" not in GENERIC:
        loaded = ", ".join(one.removeprefix("generic:") for one in GENERIC)
        raise CheckpointError(f"expected weights of {loaded} in {folder.name!r:.80}, its config.json says {kind!r:.80}")
    tell(f"no card beside the weights; asked with generic:{kind}")
    return f"generic:{kind}"


def _values(found: Measurement) -> dict[str, Any]:
    return {
        "frame": None if found.frame is None else str(found.frame),
        "remaining": [str(one) for one in found.remaining],
        "reason": found.reason,
        "words": found.words,
        "syntax": found.syntax,
        "pictures": found.pictures,
        "asked": found.asked,
        "read": found.read,
        "frames": [
            {
                "frame": str(one.frame),
                "off": round(one.off, 4),
                "scales": one.scales and [round(s, 4) for s in one.scales],
            }
            for one in found.fits[:_SHOWN]
        ],
    }


def _text(found: Measurement) -> str:
    from umit.cli.table import table

    lines = [found.reason]
    if found.syntax is not None:
        lines.append(f"asked: {found.words!r}; answered as {found.syntax}")
    if found.fits:
        head = ("frame", "off by", "width", "height", "")
        rows = [
            (str(one.frame), f"{one.off:.1%}", *(f"{scale:.3f}" for scale in one.scales), "fits" if one.fits else "")
            for one in found.fits[:_SHOWN]
            if one.scales is not None
        ]
        lines += ["", table([head, *rows], (34, 8, 8, 8, 6))]
    return "\n".join(lines)
