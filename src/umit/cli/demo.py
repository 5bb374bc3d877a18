"""``umit demo``: all tasks on synthetic phantoms, each answer beside the truth, as text and as a page."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from umit.cli.parse import LANGUAGES, Commands, natural
from umit.cli.telling import say, tell
from umit.cli.weights import add_model, load_model, reads_of_model
from umit.cli.writing import add_force, save_picture, writable_in
from umit.whole import write_whole

if TYPE_CHECKING:
    from PIL import Image

    from umit.cli.scenes import Scene
    from umit.display.overlay import Mark
    from umit.display.page import Line
    from umit.fanout import Outcome
    from umit.model import UMIT

__all__ = ["add", "run"]

_WIDTHS: Final = (14, 29, 26, 26, 13)
_README_HEIGHT: Final = 420  # pixels of demo.png
_NAMES: Final = {"en": "English", "zh": "Chinese"}


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("demo", help="see all tasks on phantoms", description=__doc__)
    parser.add_argument("--out", default="umit-demo", metavar="DIR", help="default: umit-demo")
    parser.add_argument("--seed", type=natural, default=0, help="other phantoms, from 0 (default)")
    parser.add_argument("--language", nargs="+", choices=LANGUAGES, default=list(LANGUAGES), help="default: both")
    add_force(parser)
    add_model(parser)
    parser.set_defaults(run=run)


def run(given: Namespace) -> int:
    """Draw, ask, print and write; answers may be wrong or unreadable, and are shown as they are."""
    from umit.cli.scenes import scenes

    tell("drawing phantoms")
    shown = scenes(given.seed, tuple(dict.fromkeys(given.language)))
    names = [*map(_name, shown), "demo.png", "index.html"]
    writable_in(given.out, names, reads=reads_of_model(given), force=given.force)
    out = Path(given.out).expanduser()
    out.mkdir(parents=True, exist_ok=True)
    tell("loading the checkpoint")
    model = load_model(given)
    tell(f"asking {sum(len(scene.items) for scene in shown)} questions")
    founds = _answers(model, shown)
    text = _write(out, model.checkpoint.notice, shown, founds)
    # Printed last, so that `umit demo | head` has written everything all the same.
    say(f"{model.checkpoint.notice}\n\n{text}")
    say(f"pictures and page: {out / 'index.html'}")
    return 0


def _answers(model: UMIT, shown: Sequence[Scene]) -> list[list[Outcome]]:
    """Ask everything in one stream, so that questions about one picture share its encoding."""
    from umit.errors import OutputError, UMITError

    pairs = [(list(scene.case.scans), item.query) for scene in shown for item in scene.items]
    found = list(model.predict(pairs))
    for one in found:
        if isinstance(one, UMITError) and not isinstance(one, OutputError):
            raise one
    waiting = iter(found)
    return [[next(waiting) for _ in scene.items] for scene in shown]


def _write(out: Path, notice: str, shown: Sequence[Scene], founds: Sequence[Sequence[Outcome]]) -> str:
    """Write a picture of each scene, one of several, and the page; return it all as text."""
    from umit.cli.beside_truth import beside_truth
    from umit.display.overlay import beside
    from umit.display.page import Section, page

    sections, composed, texts = [], [], []
    for scene, found in zip(shown, founds, strict=True):
        picture, numbers = _picture(scene, found)
        lines = [beside_truth(scene.case, *one) for one in zip(scene.items, found, numbers, strict=True)]
        title = f"{scene.title}, {_NAMES[scene.language]}"
        texts.append(_text(title, lines))
        save_picture(picture, out / _name(scene))
        sections.append(Section(title=title, lines=lines, picture=picture, note=_note(scene)))
        if scene.language == shown[0].language and scene.key != "single":
            composed.append(picture)
    save_picture(beside(composed, height=_README_HEIGHT), out / "demo.png")
    write_whole(out / "index.html", page(sections, title="umit demo", notices=[notice]))
    return "\n".join(texts)


def _text(title: str, lines: Sequence[Line]) -> str:
    from umit.cli.table import table

    head = ("task", "question", "answer", "truth", "")
    rows = [head, *((x.task, x.question, x.answer, x.truth, x.score) for x in lines)]
    return f"{title}\n{table(rows, _WIDTHS)}\n"


def _picture(scene: Scene, found: Sequence[Outcome]) -> tuple[Image.Image, list[str]]:
    """Draw answers over the truth, and return the numbers of each question's marks.

    What could not be read keeps its number free.
    """
    from umit.display.overlay import draw

    answered: list[Mark | None] = []
    true: list[Mark | None] = []
    numbers = []
    for item, one in zip(scene.items, found, strict=True):
        here, there = getattr(one, "marks", ()), item.gold.marks  # an error has none
        first, count = len(true) + 1, max(len(here), len(there))
        numbers.append(f"{first}–{len(true) + count}" if count > 1 else str(first) * count)
        answered += [*here, *[None] * (count - len(here))]
        true += [*there, *[None] * (count - len(there))]
    return draw(scene.case.scans[0], answered, true), numbers


def _note(scene: Scene) -> str:
    return f"Synthetic phantom {scene.case.scans[0].name}, never trained on. Orange: answer. Blue: truth."


def _name(scene: Scene) -> str:
    return f"{scene.key}-{scene.language}.png"
