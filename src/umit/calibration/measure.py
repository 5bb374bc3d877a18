"""An unknown checkpoint's frame: it is asked for things of known place, and one frame must fit what it writes.

No frame is ever taken from a base, a name or the size of numbers: 0 to 1000 also fits a picture of 1000 pixels. What is
asked are drawn rectangles, and chest phantoms where a medical checkpoint does not know rectangles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from umit.backends.backend import Backend
from umit.calibration.drawn import Drawn, phantoms, shapes
from umit.calibration.frames import Fit, Frame, Seen, fit
from umit.chat import Completion, Request
from umit.checkpoints.card import Checkpoint, Evidence
from umit.checkpoints.families import BASES
from umit.errors import OutputError, UMITError
from umit.imaging.view import Rendering, View, render
from umit.queries import Find
from umit.tasks.detect import DETECT_2D
from umit.tasks.dialect import BoxSyntax, Prompt
from umit.tasks.forms import parted
from umit.tasks.grammar import fold
from umit.tasks.spelling import BOXES

__all__ = ["Measurement", "Pictures", "measure_frame"]

Pictures: TypeAlias = Literal["shapes", "phantoms"]
_PIXELS: Final = 602112  # the most fed while measuring: pictures above it are fed smaller than they are
_TRIED: Final = 8  # answers by which a way of asking is judged
_SHARE: Final = 0.6  # of the answers that must be one box each
_DECIMALS: Final = 4
#: Sentences that other checkpoints were taught, after those of the architecture's own base.
_SENTENCES: Final = (
    "Detect and localize the {target} in this image.",
    "Locate the {target}.\nOutput format:\n<|ref|>target name<|/ref|><|box|>(x1,y1),(x2,y2)<|/box|>\n",
    "Find <|object_ref_start|>{target}<|object_ref_end|> in this image",
    "Return the coordinates of the bounding box for the {target} as [x1, y1, x2, y2].",
)


_Shown: TypeAlias = tuple[Drawn, View]


class _Asking(NamedTuple):
    """A way of asking: a card that has it, and its words; ``""`` where the card's own are used."""

    card: Checkpoint
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What came of asking.

    Args:
        frame: The one frame that fits; ``None`` if none does, or several.
        card: The card with it, for :func:`umit.checkpoints.write_card`; ``None`` without a frame.
        fits: Every frame, the best first.
        pictures: What was shown.
        words: How it was asked.
        syntax: How boxes came spelled; ``None`` where none came.
        asked: Questions.
        read: How many answers were one box.
        said: The first answers, as they were written.
    """

    frame: Frame | None
    card: Checkpoint | None
    fits: tuple[Fit, ...]
    pictures: Pictures
    words: str
    syntax: BoxSyntax | None
    asked: int
    read: int
    said: tuple[str, ...]

    @property
    def remaining(self) -> tuple[Frame, ...]:
        """The frames that nothing speaks against."""
        return tuple(one.frame for one in self.fits if one.fits)

    @property
    def reason(self) -> str:
        """What is known of the frame, in a sentence."""
        told = f"{self.read} of {self.asked} answers were one box"
        if self.frame is not None:
            return f"{self.frame} fits, and no other frame does; {told}, of {self.pictures}"
        if not self.fits:
            return f"the frame cannot be measured: {told}, of {self.pictures}; the model wrote {self.said[:2]!r:.300}"
        if self.remaining:
            names = " and ".join(map(str, self.remaining))
            return f"{names} fit alike, so that the frame is not known; {told}, of {self.pictures}"
        best = self.fits[0]
        return (
            f"no frame fits; {best.frame} is nearest and puts things off by {best.off:.0%} of the side; {told}, "
            f"of {self.pictures}"
        )


def measure_frame(engine: Backend, card: Checkpoint, *, pictures: Pictures | None = None) -> Measurement:
    """Measure the frame of boxes on films, with answers to questions about drawn pictures.

    Args:
        engine: Answers requests; the weights behind it.
        card: How the weights are asked and fed, such as a generic one. A frame that it has already is not looked at.
        pictures: What is shown; ``None`` shows rectangles, and phantoms if they decide nothing.

    Returns:
        The frame with its card if one fits and no other does; else what remains, without a card.

    Raises:
        BackendError: The engine failed.

    Example:
        >>> from umit.checkpoints import KNOWN
        >>> from umit.testing import ScriptedBackend
        >>> found = measure_frame(ScriptedBackend(lambda request: "I cannot."), KNOWN["generic:qwen2_vl"])
        >>> found.frame, found.read
        (None, 0)
    """
    kinds: tuple[Pictures, ...] = get_args(Pictures) if pictures is None else (pictures,)
    found = [_measured(engine, card, kind) for kind in kinds[:1]]
    if found[0].frame is None:
        found += [_measured(engine, card, kind) for kind in kinds[1:]]
    return max(found, key=lambda one: (one.frame is not None, bool(one.fits), one.read / max(one.asked, 1)))


def _measured(engine: Backend, card: Checkpoint, pictures: Pictures) -> Measurement:
    rendering = _rendering(card)
    drawn = [(one, render(one.scan, rendering)) for one in (shapes() if pictures == "shapes" else phantoms())]
    asking = _best(engine, card, drawn)
    answers = _asked(engine, asking, drawn)
    read = [(seen, syntax) for _, box in answers if box is not None for seen, syntax in [box]]
    counts: dict[BoxSyntax, int] = {syntax: sum(one == syntax for _, one in read) for syntax in BOXES}
    syntax = next(one for one in BOXES if counts[one] == max(counts.values())) if read else None
    enough = len(read) >= _SHARE * len(drawn) and len({one.original for one, _ in read}) == len(
        {one.size for one, _ in drawn}
    )
    fits = fit([one for one, _ in read], fixed=card.dialect.boxes.fed is not None) if enough else []
    good = [one for one in fits if one.fits]
    frame = good[0].frame if len(good) == 1 else None
    told = f"umit calibrate: {len(read)} of {len(drawn)} {pictures} read, {frame} alone fits"
    return Measurement(
        frame=frame,
        card=None if frame is None or syntax is None else _with(asking, frame, syntax, [one for one, _ in read], told),
        fits=tuple(fits), pictures=pictures, words=asking.words or "as its card asks", syntax=syntax, asked=len(drawn),
        read=len(read), said=tuple(text for text, _ in answers[:4]),
    )  # fmt: skip


def _best(engine: Backend, card: Checkpoint, drawn: Sequence[_Shown]) -> _Asking:
    """Return the way of asking that most answers to a few pictures of every shape follow; the first of several."""
    few = [drawn[k * len(drawn) // _TRIED] for k in range(_TRIED)]
    best, *others = _askings(card)
    most = sum(box is not None for _, box in _asked(engine, best, few)) if others else _TRIED
    for asking in others:
        if most == _TRIED:
            break
        count = sum(box is not None for _, box in _asked(engine, asking, few))
        best, most = (asking, count) if count > most else (best, most)
    return best


def _askings(card: Checkpoint) -> Iterator[_Asking]:
    """Yield the card's own way of asking; without one, that of its base, of other bases and of fine-tunes."""
    if DETECT_2D.name in card.task_names:
        yield _Asking(card, "")
        return
    known = [(base.model_type != card.model_type, prompt) for base in BASES.values() for prompt in base.dialect.prompts]
    sentences = [
        p.text for _, p in sorted(known, key=lambda one: one[0]) if (p.task, p.language) == (DETECT_2D.name, "en")
    ]
    for words in dict.fromkeys((*sentences, *_SENTENCES)):
        prompts = (*card.dialect.prompts, Prompt(task=DETECT_2D.name, language="en", text=words, max_new_tokens=1024))
        yield _Asking(
            replace(
                card, task_names=(*card.task_names, DETECT_2D.name), dialect=replace(card.dialect, prompts=prompts)
            ),
            words,
        )


def _asked(
    engine: Backend, asking: _Asking, drawn: Sequence[_Shown]
) -> list[tuple[str, tuple[Seen, BoxSyntax] | None]]:
    """Ask for the thing on each picture; return what was written, and the box if it was one."""
    task = asking.card.tasks[DETECT_2D.name]
    requests = (_free(task.request(Find(one.target), view)) for one, view in drawn)
    found = list(islice(engine.generate(requests), len(drawn)))
    failures = [said for said in found if isinstance(said, UMITError)]
    if found and len(failures) == len(found):  # an engine that is not there says nothing of a frame
        raise failures[0]
    return [
        (str(said), None) if isinstance(said, UMITError) else (said.text, _one_box(said, task.form, *one))
        for said, one in zip(found, drawn, strict=True)
    ]


def _rendering(card: Checkpoint) -> Rendering:
    """Return how pictures are fed while measuring: as by the card, but never so large that nothing is resized."""
    shown = card.dialect.boxes
    return replace(shown, frame=None, in_fed=False, max_pixels=max(shown.min_pixels, min(shown.max_pixels, _PIXELS)))


def _free(request: Request) -> Request:
    """Return a request that no form of answer binds: which one the model has is being found out."""
    return replace(request, pattern=None, corners=None)


def _one_box(said: Completion, form: Any, drawn: Drawn, view: View) -> tuple[Seen, BoxSyntax] | None:
    """Return the box that an answer is, with its spelling; ``None`` if it is none or several."""
    if said.finish_reason != "stop":
        return None
    height, width = view.frames[0].shape[:2]
    for syntax, spelling in BOXES.items():
        try:
            text = fold(parted(said.text, form).answer, longest=spelling.longest).strip("\"' \n").rstrip(".。 \n")
            boxes = spelling.read(text, said.text, drawn.target).boxes
        except OutputError:
            continue
        if len(boxes) == 1:
            x1, y1, x2, y2 = boxes[0]
            return Seen(drawn.box, (x1, y1, x2, y2), drawn.size, (width, height)), syntax
    return None


def _with(asking: _Asking, frame: Frame, syntax: BoxSyntax, seen: Sequence[Seen], told: str) -> Checkpoint:
    """Return the card with a measured frame: how it was asked, fed and answered, and that it was measured."""
    card, dialect = asking.card, asking.card.dialect
    shown = replace(dialect.boxes, frame=frame.size, in_fed=frame.kind == "pixels_fed")
    written = [number for one in seen for number in one.numbers]
    decimals = max((len(f"{n:.{_DECIMALS}f}".rstrip("0").partition(".")[2]) for n in written), default=0)
    proof = Evidence(field="frame", tag="M", source=told)
    return replace(
        card,
        dialect=replace(dialect, boxes=shown, box_syntax=syntax, corner=frame.corner, decimals=decimals),
        evidence=(*(one for one in card.evidence if one.field != "frame"), proof),
        refused=tuple(one for one in card.refused if one[0] != DETECT_2D.name),
        caution=f"{card.caution}; boxes by a measured frame" if card.caution else "",
    )
