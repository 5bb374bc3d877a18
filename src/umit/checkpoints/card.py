"""A card: what a set of weights knows, how it is asked and how it writes, under which licence, and who says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias, get_args

from umit.chat import DEFAULT_SYSTEM
from umit.checkpoints.confidence import Confidence
from umit.errors import CheckpointError, UnsupportedTaskError
from umit.queries import Language
from umit.tasks.answer import ANSWER_CLOSED
from umit.tasks.dialect import UMIT, Dialect
from umit.tasks.prompts import in_dialect
from umit.tasks.table import TASKS
from umit.tasks.task import Task, TaskName

__all__ = ["TAGS", "Checkpoint", "Evidence", "Measured", "ModelType", "Origin", "nameable"]

#: What ``config.json`` calls the architectures that umit loads.
ModelType: TypeAlias = Literal["qwen2_vl", "qwen2_5_vl", "qwen3_vl"]
#: How a fact is known: read in the source, inferred from what was read, measured with the weights, or told by a user.
TAGS: Final = {"V": "read in the source", "I": "inferred", "M": "measured", "U": "told by the card's author"}
#: Licences that bind who may use weights, and for what.
_LIMITED: Final = re.compile(r"(^|[-\s])nc([-\s]|$)|non-?commercial|research|unverified", re.IGNORECASE)


def nameable() -> tuple[TaskName, ...]:
    """Return what a card may name; findings are closed questions, so they come with those and stand in no card."""
    return tuple(name for name, spec in TASKS.items() if not spec.known_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where one fact of a card comes from.

    Args:
        field: What it is about, such as ``"frame"``.
        tag: One of :data:`TAGS`.
        source: Where it can be read again.

    Raises:
        CheckpointError: Another tag, or no source.
    """

    field: str
    tag: str
    source: str

    def __post_init__(self) -> None:
        """Refuse what proves nothing."""
        if self.tag not in TAGS or not self.source.strip():
            raise CheckpointError(f"expected a tag of {', '.join(TAGS)} and a source, got {self!r:.200}")


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
    """What weights know, how they are asked and how they write.

    Args:
        name: Hub name, with its sub-folder if the weights lie in one, or the embedded one.
        version: Raised when a prompt or an answer form changes.
        task_names: What the weights were trained on.
        languages: Languages they were trained in.
        dialect: Words, frames and spelling.
        system: The system line that they saw in training; ``""`` for none, ``None`` for what their own chat template
            writes.
        notice: One sentence printed where results are shown.
        origin: Of weights that umit taught.
        model_type: Their architecture, as ``config.json`` names it.
        own_pixels: Whether the most and the fewest pixels fed a picture are those of the checkpoint's own files.
        sub_folder: Of the hub's repository that the weights lie in, the last part of ``name``.
        revision: Commit of the hub that the card was read for; ``""`` for whatever is there.
        licence: Of the weights; ``""`` where nobody told it.
        base_licence: Of the weights that they began as.
        evidence: Where its facts come from.
        refused: Tasks that these weights might be asked and are not, each with the reason.
        caution: A warning that every result carries; ``""`` for none.
        presence: Targets whose presence the weights were taught to tell, each with its task; of others none is given.
        confidence: What its probabilities mean; ``None`` if nobody measured it.

    Raises:
        CheckpointError: An architecture that umit does not load.
    """

    name: str
    version: int = 1
    task_names: tuple[TaskName, ...] = field(default_factory=nameable)
    languages: tuple[Language, ...] = ("en", "zh")
    dialect: Dialect = UMIT
    system: str | None = DEFAULT_SYSTEM
    notice: str = field(default="Research use only, not a medical device.")
    origin: Origin | None = None
    model_type: ModelType = "qwen2_vl"
    own_pixels: bool = False
    sub_folder: str = ""
    revision: str = ""
    licence: str = ""
    base_licence: str = ""
    evidence: tuple[Evidence, ...] = ()
    refused: tuple[tuple[TaskName, str], ...] = ()
    caution: str = ""
    presence: tuple[tuple[TaskName, str], ...] = ()
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        """Refuse what no engine loads."""
        if self.model_type not in get_args(ModelType):
            raise CheckpointError(
                f"expected model_type of {', '.join(get_args(ModelType))} in the card of {self.name}, "
                f"got {self.model_type!r:.80}"
            )

    @property
    def place(self) -> str:
        """Where the hub has the weights: its name for them, and behind a colon the sub-folder."""
        if not self.sub_folder:
            return self.name
        return f"{self.name.removesuffix('/' + self.sub_folder)}:{self.sub_folder}"

    @cached_property
    def tasks(self) -> Mapping[TaskName, Task[Any, Any]]:
        """The tasks, bound to this checkpoint's dialect and system line."""
        sure = self.confidence
        return {
            name: replace(
                in_dialect(spec.build(self.dialect, self.system), self.dialect, known_by=spec.known_by),
                temperature=None if sure is None else sure.temperature(spec.known_by or name),
            )
            for name, spec in TASKS.items()
            if (spec.known_by or name) in self.task_names
        }

    @property
    def scores_presence(self) -> bool:
        """Whether a detection is also asked whether each target is there: where closed questions are scored."""
        closed = self.tasks.get(ANSWER_CLOSED.name)
        return closed is not None and closed.form == "plain"

    @property
    def terms(self) -> str:
        """Who may use the weights, where their licence or their base's says so; ``""`` where it does not."""
        limits = {"weights": self.licence, "the weights that they began as": self.base_licence}
        said = [f"{whose}: {licence}" for whose, licence in limits.items() if _LIMITED.search(licence)]
        return f"licence of {', of '.join(said)}" if said else ""

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the tasks, whose functions cannot be pickled; they are bound again where they are asked for."""
        return {name: value for name, value in vars(self).items() if name != "tasks"}

    def task(self, name: TaskName, language: Language = "en") -> Task[Any, Any]:
        """Return a bound task.

        Raises:
            UnsupportedTaskError: These weights do not know the task or the language.
        """
        found = self.tasks.get(name)
        if found is None:
            raise UnsupportedTaskError(self._unknown(name))
        spoken = [one for one in self.languages if one in found.wording]
        if language not in spoken:
            raise UnsupportedTaskError(f"{self.name} knows {', '.join(spoken)}, not {language!r}")
        return found

    def _unknown(self, name: TaskName) -> str:
        from umit.checkpoints.known import released_for  # late: the released ones are cards

        known, others = ", ".join(self.task_names), " or ".join(released_for(name))
        reason = dict(self.refused).get(name)
        said = f"{name} is not asked of {self.name}: {reason}" if reason else f"{self.name} knows {known}, not {name}"
        return f"{said}; use {others}" if others else said
