"""Checkpoint cards: what a set of weights knows and how it writes.

A card is ``umit.json`` beside the weights. Weights without a card are refused: frames and prompts cannot
be guessed from them, and a wrong guess gives plausible boxes in wrong places.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, get_args

from umit.chat import DEFAULT_SYSTEM
from umit.embedded import EMBEDDED, embedded
from umit.errors import CheckpointError, CheckpointWarning, UnsupportedTaskError
from umit.imaging.view import Rendering
from umit.queries import Language
from umit.tasks.answer import ANSWER_CLOSED, ANSWER_OPEN
from umit.tasks.dialect import UMIT, Dialect
from umit.tasks.table import TASKS
from umit.tasks.task import Task, TaskName

__all__ = [
    "EMBEDDED", "PHANTOM", "RELEASED", "Checkpoint", "Measured", "Origin", "locate", "read_card", "write_card",
]  # fmt: skip

CARD: Final = "umit.json"
SCHEMA: Final = 1


def _all() -> tuple[TaskName, ...]:
    """Return what a card may name; findings are closed questions, so they come with those and stand in no card."""
    return tuple(name for name, spec in TASKS.items() if not spec.known_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One number that a checkpoint reached.

    Args:
        metric: Its name.
        value: The number.
        low: Lower end of its 95 % interval; ``None`` where it has none.
        high: Upper end.
        n: Answers.
        part: What was asked.
    """

    metric: str
    value: float
    low: float | None
    high: float | None
    n: int
    part: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where taught weights come from.

    Args:
        base: Name of the weights that they began as.
        data: What they were taught on: the title and the licence of each set.
        licence: Of the weights; ``""`` where nobody told it.
        measured: What they reached.
    """

    base: str
    data: tuple[tuple[str, str], ...] = ()
    licence: str = ""
    measured: tuple[Measured, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What weights know and how they write.

    Args:
        name: Hub name or the embedded one.
        version: Raised when a prompt or an answer form changes.
        task_names: What the weights were trained on.
        languages: Languages they were trained in.
        dialect: Frames and spelling.
        system: The system line that they saw in training; ``""`` for none.
        notice: One sentence printed where results are shown.
        origin: Of weights that umit taught.
    """

    name: str
    version: int = 1
    task_names: tuple[TaskName, ...] = field(default_factory=_all)
    languages: tuple[Language, ...] = ("en", "zh")
    dialect: Dialect = UMIT
    system: str = DEFAULT_SYSTEM
    notice: str = field(default="Research use only, not a medical device.")
    origin: Origin | None = None

    @cached_property
    def tasks(self) -> Mapping[TaskName, Task[Any, Any]]:
        """The tasks, bound to this checkpoint's dialect and system line."""
        return {
            name: spec.build(self.dialect, self.system)
            for name, spec in TASKS.items()
            if (spec.known_by or name) in self.task_names
        }

    @property
    def scores_presence(self) -> bool:
        """Whether a detection is also asked whether each target is there: where closed questions are known."""
        return ANSWER_CLOSED.name in self.tasks

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the tasks, whose functions cannot be pickled; they are bound again where they are asked for."""
        return {name: value for name, value in vars(self).items() if name != "tasks"}

    def task(self, name: TaskName, language: Language = "en") -> Task[Any, Any]:
        """Return a bound task.

        Raises:
            UnsupportedTaskError: These weights do not know the task or the language.
        """
        if name not in self.tasks:
            known = ", ".join(self.task_names)
            others = [c.name for c in RELEASED.values() if name in c.tasks]
            raise UnsupportedTaskError(f"{self.name} knows {known}, not {name}; use {' or '.join(others)}")
        if language not in self.languages:
            raise UnsupportedTaskError(f"{self.name} knows {', '.join(self.languages)}, not {language!r}")
        return self.tasks[name]


_PHANTOM_NOTICE: Final = "Research use only, not a medical device; this checkpoint knows synthetic phantoms only."

#: The embedded checkpoint. Its frames for boxes give each of its few tokens a hundred numbers a side, so that
#: the second digit of a coordinate depends on what one token sees and not on where that token lies.
PHANTOM: Final = Checkpoint(
    name=EMBEDDED,
    version=2,
    dialect=Dialect(
        # Every film is squeezed to one size, so that all questions of a picture share its encoding.
        film=Rendering(frame=(800, 800), fed=(224, 224)),
        boxes=Rendering(frame=(800, 800), fed=(224, 224)),
        points=Rendering(frame=(600, 800), fed=(224, 224)),
        volume=Rendering(frame=(200, 200), depth=32, fed=(56, 56)),
    ),
    notice=_PHANTOM_NOTICE,
)

#: The six released by the paper's authors; which tasks each knows is read from their names.
RELEASED: Final[dict[str, Checkpoint]] = {
    c.name: c
    for c in (
        Checkpoint(name="dz-osamu/UMIT-B"),
        Checkpoint(name="dz-osamu/Classification", task_names=("classify",)),
        Checkpoint(name="dz-osamu/VQA", task_names=(ANSWER_OPEN.name, ANSWER_CLOSED.name)),
        Checkpoint(name="dz-osamu/Report_Generation", task_names=("report_film", "report_ct")),
        Checkpoint(name="dz-osamu/Disease_Detection", task_names=("detect_2d", "detect_3d")),
        Checkpoint(name="dz-osamu/Landmark_Detection", task_names=("landmark",)),
    )
}


def write_card(card: Checkpoint, folder: Path) -> Path:
    """Write a card beside weights.

    Args:
        card: What to write.
        folder: An existing folder.

    Returns:
        The file written, ``umit.json``.
    """
    data = {"schema": SCHEMA, **asdict(card)}
    if card.origin is None:
        del data["origin"]
    path = folder / CARD
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_card(folder: Path) -> Checkpoint:
    """Read the card beside weights.

    Args:
        folder: The folder with ``umit.json``, or a card's own ``.json`` file.

    Raises:
        CheckpointError: No card, a newer one, or fields that this version does not know.
    """
    path = folder if folder.suffix == ".json" else folder / CARD
    if not path.is_file():
        raise CheckpointError(
            f"expected {path.name} in {path.parent.name!r}, beside the weights, found none; "
            f"pass card= with one of: {_names()}"
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        return _card(data)
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"expected a card of schema {SCHEMA} in {path.name}: {error}") from error


def _card(data: Any) -> Checkpoint:
    if not isinstance(data, dict):
        raise TypeError(f"it holds no object, but {type(data).__name__}")
    schema = data.pop("schema", None)
    if schema != SCHEMA:
        raise CheckpointError(f"expected a card of schema {SCHEMA}, got {schema!r}; a newer umit may read it")
    known = {f.name for f in fields(Checkpoint)}
    if unknown := set(data) - known:
        raise CheckpointError(f"expected the fields {sorted(known)}, got also {sorted(unknown)}")
    for name, kind in (("name", str), ("version", int), ("system", str), ("notice", str)):
        if not isinstance(data.get(name, kind()), kind):
            raise TypeError(f"its {name} is no {kind.__name__}")
    tasks, languages = tuple(data["task_names"]), tuple(data["languages"])
    if unknown := {*tasks} - {*_all()} | {*languages} - {*get_args(Language)}:
        raise CheckpointError(f"expected known tasks and languages, got {sorted(unknown)}")
    dialect = dict(data["dialect"])
    for name in ("film", "volume", "boxes", "points"):
        rendering: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in dialect[name].items()}
        dialect[name] = Rendering(**rendering)
    values = {**data, "task_names": tasks, "languages": languages, "dialect": Dialect(**dialect)}
    if data.get("origin") is not None:
        values["origin"] = _origin(data["origin"])
    return Checkpoint(**values)


def _origin(data: Any) -> Origin:
    sets = tuple((str(title), str(licence)) for title, licence in data["data"])
    measured = tuple(Measured(**one) for one in data["measured"])
    return Origin(**{**data, "data": sets, "measured": measured})


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
    if card is not None:
        return folder if folder.is_dir() else checkpoint, _given(card)
    if folder.is_dir():
        return folder, read_card(folder)
    if str(checkpoint) in RELEASED:
        return checkpoint, RELEASED[str(checkpoint)]
    raise CheckpointError(
        f"expected a folder of weights with {CARD} or one of {_names()}, "
        f"got {folder.name!r}; pass card= to load other weights from the hub"
    )


def _names() -> str:
    return ", ".join((EMBEDDED, *RELEASED))


def _given(card: Checkpoint | str | Path) -> Checkpoint:
    if isinstance(card, Checkpoint):
        return card
    known = {EMBEDDED: PHANTOM, **RELEASED}.get(str(card))
    if known is not None:
        return known
    path = Path(card).expanduser()
    if path.exists():
        return read_card(path)
    raise CheckpointError(f"expected card= of {_names()}, or a .json file, got {str(card)!r}")


@cache  # once a process
def _say_phantom() -> None:
    warnings.warn(f"{EMBEDDED}: {_PHANTOM_NOTICE}", CheckpointWarning, stacklevel=4)
