"""How one checkpoint is asked and how it writes: words, frames, what it is fed, spelling of answers, boxes and points."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from umit.errors import InputError
from umit.imaging.view import Rendering
from umit.queries import Language
from umit.tasks.forms import FORMS, AnswerForm
from umit.tasks.grammar import numbered, option_text

__all__ = ["SLOTS", "UMIT", "BoxSyntax", "Choices", "Corner", "Dialect", "PointSyntax", "Prompt"]

#: ``qwen``: ``<|box_start|>(x1,y1),(x2,y2)<|box_end|>``. ``json``: a list of ``{"bbox_2d": [x1, y1, x2, y2], "label":
#: …}``. ``bare``: ``x1, y1, x2, y2``. ``ref``: ``<|ref|>name<|/ref|><|box|>(x1,y1),(x2,y2)<|/box|>`` in plain text, as
#: CheXOne has it. ``lists``: ``name <box>[[x1, y1, x2, y2]]</box>``, as MedMO has it.
BoxSyntax: TypeAlias = Literal["qwen", "json", "bare", "ref", "lists"]
#: ``brackets``: ``[x,y]``. ``json``: a list of ``{"point_2d": [x, y], "label": …}``. ``xml``: ``<points x="…" y="…">``.
PointSyntax: TypeAlias = Literal["brackets", "json", "xml"]
#: Where the frame's numbers count from: the picture's top left, y down; or its lower left, y up.
Corner: TypeAlias = Literal["top-left", "lower-left"]

#: What a prompt may leave open, and where its pictures stand if not before it.
SLOTS: Final = ("question", "options", "target", "name", "pictures")
_SLOT: Final = re.compile(r"\{(" + "|".join(SLOTS) + r")\}")
_LETTERS: Final = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    r"""How options are listed in a question, and how one of them is answered.

    Args:
        letters: Whether they are marked A, B, C; else by numbers.
        shown: One of them as it is listed, with ``{mark}`` and ``{words}``.
        joint: What stands between two.
        said: One of them as it is answered.

    Example:
        >>> Choices().listed(("edema", "mass"), first=0)
        'A) edema\nB) mass'
    """

    letters: bool = True
    shown: str = "{mark}) {words}"
    joint: str = "\n"
    said: str = "{mark}"

    def listed(self, options: Sequence[str], *, first: int) -> str:
        """Return all options as a question lists them.

        Raises:
            InputError: More options than letters.
        """
        return self.joint.join(self._write(self.shown, k, words, first) for k, words in enumerate(options))

    def answer(self, index: int, words: str, *, first: int) -> str:
        """Return one option as it is answered.

        Raises:
            InputError: More options than letters.
        """
        return self._write(self.said, index, words, first)

    def _write(self, form: str, index: int, words: str, first: int) -> str:
        if self.letters and index >= _LETTERS:
            raise InputError(f"expected at most {_LETTERS} options, one a letter, got more", code="options")
        mark = chr(ord("A") + index) if self.letters else str(index + first)
        return form.replace("{mark}", mark).replace("{words}", words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The words of one task in one language, verbatim, as weights were trained with them.

    Args:
        task: Name of the task.
        language: Of the words.
        text: With what the question fills in: ``{question}``, ``{options}``, ``{target}``, ``{name}``; every other
            brace is a brace. ``{pictures}`` says where the pictures stand, which is before all words otherwise.
        form: Where the answer stands; ``None`` for the dialect's.
        max_new_tokens: Where generation stops; ``None`` for the dialect's.

    Raises:
        InputError: A form that is none, or fewer than one token.
    """

    task: str
    language: Language
    text: str
    form: AnswerForm | None = None
    max_new_tokens: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        _one_of("form", self.form, (None, *FORMS))
        if self.text.count("{pictures}") > 1 or not (self.max_new_tokens is None or self.max_new_tokens > 0):
            raise InputError(f"expected pictures once, and some tokens, got {self!r:.200}", code="prompt")

    @property
    def pieces(self) -> list[str]:
        """The text cut at its slots: words, the name of a slot, words, and so on."""
        return _SLOT.split(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The facts that weights were trained with and that their text cannot be read without.

    Args:
        film: How a film is shown for questions, classes, reports and captions.
        volume: How a volume is shown for everything; its frame is written in 3D boxes.
        boxes: How a film is shown for detection; its frame is written in 2D boxes.
        points: How a film is shown for landmarks; its frame is written in points.
        first_option: Number of the first option of a closed question.
        first_class: Number of the first label of a classification.
        inclusive_voxels: Whether 3D upper corners name the last voxel inside, not the edge after it.
        volumes: Whether volumes are taken at all.
        prompts: Words of tasks that are asked otherwise than UMIT was; several of a task and a language are phrasings.
        choices: How options are listed and answered; ``None``: numbered, as UMIT's are.
        form: Where the answer stands in what the model writes.
        max_new_tokens: Where generation stops; ``None``: each task's own length.
        box_syntax: How a box of a film is spelled.
        point_syntax: How a point is spelled.
        corner: Where coordinates on films count from.
        decimals: Of coordinates on films; 0 for whole numbers.

    Raises:
        InputError: A spelling that is none.
    """

    film: Rendering
    volume: Rendering
    boxes: Rendering
    points: Rendering
    first_option: int = 1
    first_class: int = 0
    inclusive_voxels: bool = True
    volumes: bool = True
    prompts: tuple[Prompt, ...] = ()
    choices: Choices | None = None
    form: AnswerForm = "plain"
    max_new_tokens: int | None = None
    box_syntax: BoxSyntax = "qwen"
    point_syntax: PointSyntax = "brackets"
    corner: Corner = "top-left"
    decimals: int = 0

    def __post_init__(self) -> None:
        """Refuse what no grammar here writes."""
        _one_of("form", self.form, FORMS)
        _one_of("box_syntax", self.box_syntax, get_args(BoxSyntax))
        _one_of("point_syntax", self.point_syntax, get_args(PointSyntax))
        _one_of("corner", self.corner, get_args(Corner))
        if not 0 <= self.decimals <= 4:
            raise InputError(f"expected 0 to 4 decimals, got {self.decimals}", code="dialect", where="decimals")

    def asked(self, task: str) -> tuple[Prompt, ...]:
        """Return the prompts of a task; none where it is asked as UMIT was."""
        return tuple(prompt for prompt in self.prompts if prompt.task == task)

    def listed(self, options: Sequence[str], *, first: int, language: Language) -> str:
        """Return the options of a question as it lists them, numbered from ``first`` where they have numbers.

        Raises:
            InputError: More options than letters.
        """
        if self.choices is None:
            return numbered(options, first=first, language=language)
        return self.choices.listed(options, first=first)

    def option(self, index: int, words: str, *, first: int, language: Language) -> str:
        """Return one option as it is answered.

        Raises:
            InputError: More options than letters.
        """
        if self.choices is None:
            return option_text(index, words, first=first, language=language)
        return self.choices.answer(index, words, first=first)


def _one_of(where: str, value: object, known: Sequence[object]) -> None:
    if value not in known:
        named = ", ".join(str(one) for one in known if one is not None)
        raise InputError(f"expected one of {named}, got {value!r:.80}", code="dialect", where=where)


#: UMIT's own. Frames are measured in the paper's figure: boxes on films are pixels of 1024 x 1024,
#: landmarks pixels of 600 x 800, volumes voxels of 256 x 256 x 32; never thousandths. Its volumes
#: were cropped and stretched by M3D's scripts before, so others are, too.
UMIT = Dialect(
    film=Rendering(frame=None),
    volume=Rendering(frame=(256, 256), depth=32, preparation="m3d"),
    boxes=Rendering(frame=(1024, 1024), fed=(1024, 1024)),
    points=Rendering(frame=(600, 800), fed=(600, 800)),
)
