"""ms-swift rows as typed samples: the prompt read back into its query, the answer into its true result.

A row whose prompt is none of umit's wordings stays a row of words (:func:`umit.datasets.swift.swift_rows`), and
is told; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from umit.chat import OBJECT_END, OBJECT_START, Completion
from umit.datasets.ask import NOWHERE, Tasks, outline
from umit.datasets.dataset import Choice, Sample, Samples, users_own, warn
from umit.datasets.folder import Folder
from umit.datasets.picture_files import rebuilt
from umit.datasets.pictures import Files, Pictures, film_size
from umit.datasets.prompts import Prompts
from umit.datasets.swift import Row, Turn, swift_rows
from umit.datasets.swift_marks import Mark
from umit.datasets.swift_pictures import Places, as_volume, source_of
from umit.datasets.swift_turns import BOX, IMAGE
from umit.errors import DatasetError, InputError, OutputError
from umit.queries import Choose, Find, Locate, Query
from umit.results import Classification, Detection, Detections, Landmark, Landmarks, Result
from umit.tasks.task import TaskName

__all__ = ["RowReader", "swift_samples"]

_NAMED: Final = re.compile(rf"{re.escape(OBJECT_START.text)}(.*?){re.escape(OBJECT_END.text)}", re.DOTALL)
_BETWEEN: Final = " \t\r\n,，;；.。"


def swift_samples(
    path: Path | str,
    tasks: Tasks,
    *,
    root: Path | str | None = None,
    prepared: bool = True,
    tell: Callable[[str], None] = warn,
) -> Samples:
    """Return the samples of a file of ms-swift rows; the file is read as they are iterated.

    Args:
        path: A ``.jsonl``, ``.json`` or ``.parquet`` file.
        tasks: Of the checkpoint whose prompts and frames the rows are written in: ``card.tasks``.
        root: Where pictures are, besides the file's own folder; absolute paths of another machine are joined
            to it by their end.
        prepared: Whether volumes were cropped and stretched by M3D's scripts before, as UMIT's were; else
            they are shown as any other volume.
        tell: Called with what is left out or assumed, and where.

    Returns:
        Samples; each pass raises DatasetError at a row that is none, with file and line.
    """
    file = Path(path).expanduser()
    beside = Folder.of(file)
    folder = beside if root is None else Folder.of(root)

    def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
        reader = RowReader(tasks, Places(beside, folder), prepared=prepared, tell=choice.tell)
        for row in swift_rows(file):
            for sample in reader.samples(row):
                if sample.query.language in choice.languages:
                    yield sample
        reader.tell_plain()

    described = users_own(file.name, f"rows of {file.name}", "none; the file is read whole", read)
    return Samples(replace(described, tasks=tuple(tasks)), Choice(root=folder, tell=tell))


@dataclass
class RowReader:
    """Makes samples of rows.

    Args:
        tasks: Of the checkpoint whose prompts and frames the rows are written in.
        places: Where pictures are.
        prepared: Whether volumes were prepared by M3D's scripts.
        tell: Called with what is left out or assumed.
    """

    tasks: Tasks
    places: Places
    prepared: bool = True
    tell: Callable[[str], None] = warn
    #: Turns that are plain text, by reason: how many, and where the first is.
    _plain: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._prompts = Prompts(self.tasks)

    def samples(self, row: Row) -> Iterator[Sample[Any, Any]]:
        """Yield the samples of one row, one a turn; a turn that makes none is told.

        Raises:
            DatasetError: A path that leads out, or could be two files.
        """
        for note in row.notes:
            self.tell(f"{row.place}: {note}")
        source = self.source(row)
        known = row.ours
        for number, turn in enumerate(row.turns, start=1):
            found = None if source is None else self.read(turn, source)
            if found is None:
                self._keep_plain(row.place, source)
                continue
            name, query, shown = found
            if IMAGE in turn.asked:
                self.tell(f"{row.place}: a picture stands inside the words, umit puts it in front")
            try:
                gold = self.gold(row, turn, name, query, shown)
            except (OutputError, InputError, DatasetError) as error:
                # Its message alone: the text of an answer is no business of a log.
                self.tell(f"{row.place}: left out as an example of {name}: {error.message}")
                continue
            yield Sample(
                id=_word(known, "id") or _id(row.place, number, len(row.turns)),
                query=query,
                gold=gold,
                source=shown,
                group=_word(known, "group") or shown.names[0],
                place=row.place,
                facts=_facts(known),
            )

    def _keep_plain(self, place: str, source: Pictures | None) -> None:
        prompt = "their prompts are none of this checkpoint's"
        why = "they have no pictures" if source is None else prompt
        count, first = self._plain.get(why, (0, place))
        self._plain[why] = (count + 1, first)

    def tell_plain(self) -> None:
        """Tell how many turns are plain text, why, and where the first is."""
        for why, (count, first) in self._plain.items():
            self.tell(f"{first}: left out as plain text, {count} in all: {why}")
        self._plain.clear()

    def source(self, row: Row) -> Pictures | None:
        """Return a row's pictures; files are found, not read.

        Raises:
            DatasetError: A path that leads out, or could be two files.
        """
        source = source_of(row.images, row.slices, self.places, row.place, prepared=self.prepared)
        kept = row.ours.get("pictures")
        return source if kept is None or source is None else rebuilt(source, kept, row.place)

    def read(self, turn: Turn, source: Pictures) -> tuple[TaskName, Query, Pictures] | None:
        """Return task and query of a prompt, and the pictures as that task takes them."""
        asked = turn.asked.replace(IMAGE, " ")
        for words in dict.fromkeys([asked, _NAMED.sub(r"\1", asked)]):
            found = self._prompts.read(words, volume=source.is_volume)
            if found is not None:
                return *found, source
            several = isinstance(source, Files) and len(source.paths) > 1
            found = self._prompts.read(words, volume=True) if several else None
            if found is not None and isinstance(source, Files):  # its words speak of a volume
                return *found, as_volume(source.paths, prepared=self.prepared)
        return None

    def gold(self, row: Row, turn: Turn, name: TaskName, query: Query, source: Pictures) -> Result:
        """Return the true result of a turn, in the coordinates of its pictures.

        Raises:
            OutputError: The answer is not one that the task writes.
            InputError: A picture whose size is needed cannot be read.
            DatasetError: No answer, or marks of another kind than was asked for.
        """
        if turn.answer is None:
            if isinstance(query, Choose) and isinstance(row.label, int):
                return _labelled(query, row.label)
            raise DatasetError("expected an answer, got none")
        if BOX in turn.answer:
            return _marked(turn, query, source)
        task = self.tasks[name]
        view = NOWHERE  # no file is opened for words without coordinates
        if isinstance(query, Find | Locate):
            view = outline(source, task.rendering(volume=source.is_volume))
        result: Result = task.decode(Completion(text=turn.answer), query, view)
        return result


def _labelled(query: Choose, label: int) -> Classification:
    if not 0 <= label < len(query.labels):
        raise DatasetError(f"expected a label of 0 to {len(query.labels) - 1}, got {label}")
    return Classification(label=query.labels[label])


def _marked(turn: Turn, query: Query, source: Pictures) -> Result:
    """Return boxes or a point that stand beside the words, in pixels of the picture."""
    words = turn.answer or ""
    names = {name.strip().casefold() for name in _NAMED.findall(words)}
    if _NAMED.sub("", words).replace(BOX, "").strip(_BETWEEN) or source.is_volume:
        raise DatasetError(f"expected {BOX} alone, on a film, got words beside it or a volume")
    marks = [mark for several in turn.marks for mark in several]
    if isinstance(query, Locate) and len(marks) == 1:
        point = marks[0].point(_size(source, marks[0]))
        return Landmarks(items=(Landmark(name=query.names[0], point=point),))
    if not isinstance(query, Find) or not marks or names - {query.targets[0].strip().casefold()}:
        raise DatasetError("expected boxes of what was asked for, or one point, got others")
    views = len(source.names) > 1
    return Detections(
        items=tuple(
            Detection(label=query.targets[0], box=mark.box(_size(source, mark)), view=mark.picture if views else None)
            for mark in marks
        )
    )


def _size(source: Pictures, mark: Mark) -> tuple[int, ...] | None:
    """Return the size of a mark's picture where its scale needs it."""
    return None if mark.scale == "real" else film_size(source, mark.picture)


def _id(place: str, number: int, turns: int) -> str:
    line = place.rsplit(" ", 1)[-1]
    return line if turns == 1 else f"{line}-{number}"


def _word(known: Mapping[str, Any], key: str) -> str:
    found = known.get(key)
    return found if isinstance(found, str) else ""


def _facts(known: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found = known.get("facts")
    pairs = found if isinstance(found, list) else []
    return tuple(
        (pair[0], pair[1])
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(v, str) for v in pair)
    )
