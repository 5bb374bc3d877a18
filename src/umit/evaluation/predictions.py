"""Answers of other programs as a run: read from their prediction files, scored like any other.

A file becomes records, records a journal, and everything that reads a journal reads it: scores under named
protocols, the page, the comparison of two runs. No model is loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast, get_args

from umit.chat import Completion
from umit.checkpoints import RELEASED, Checkpoint, locate, write_card
from umit.datasets.ask import NOWHERE, outline
from umit.datasets.dataset import Sample, warn
from umit.datasets.folder import Folder
from umit.datasets.pictures import Files, Pictures
from umit.datasets.rows import tried_rows
from umit.datasets.swift import Turn
from umit.datasets.swift_pictures import Places, as_volume
from umit.datasets.swift_samples import RowReader
from umit.datasets.swift_turns import IMAGE
from umit.errors import DatasetError, InputError, OutputError
from umit.evaluation.journal import Journal, damage
from umit.evaluation.prediction_findings import UNSCORED, Answered, as_findings, label_of
from umit.evaluation.prediction_rows import FORMATS, LLAVA_MED, OURS, Line, form_of, joined, line_of
from umit.evaluation.record import distinct, pair_of, record_of, unended
from umit.queries import Ask, Find, Language, Query
from umit.results import Answer, stamped
from umit.tasks.detect import presence
from umit.tasks.findings import FINDINGS
from umit.tasks.table import TASKS, choose
from umit.tasks.task import TaskName

__all__ = ["Predictions", "read_predictions"]

_Raw = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What was read of a file.

    Args:
        records: Id, whether it is an answer, and the journal's record, in the file's order.
        samples: Their questions, with pictures where these can be found; empty of a journal's own lines.
        left_out: Why rows are in no number, and how many each.
        manifest: What the numbers depend on.
        card: In whose words and frames the answers are; ``None`` if nobody said.
    """

    records: tuple[tuple[str, bool, Mapping[str, Any]], ...]
    samples: tuple[Sample[Any, Any], ...]
    left_out: Mapping[str, int]
    manifest: Mapping[str, Any]
    card: Checkpoint | None = None

    def keep(self, run: Path | str) -> None:
        """Write the journal of a run; the same file twice is the same run.

        Args:
            run: A folder; made if it does not exist.

        Raises:
            InputError: Another run is there, or another process writes it.
        """
        with Journal(Path(run), self.manifest) as journal:
            if self.card is not None:
                write_card(self.card, Path(run))
            journal.expect(len(self.records))
            for name, ok, record in self.records:
                if name not in journal.done:
                    journal.add(name, record, ok=ok)


def read_predictions(
    path: Path | str,
    *,
    form: str = "auto",
    root: Path | str | None = None,
    card: Checkpoint | str | Path | None = None,
    task: str | None = None,
    language: Language = "en",
    by: Sequence[str] = (),
    truth: Path | str | None = None,
    tell: Callable[[str], None] = warn,
) -> Predictions:
    """Read a prediction file: the model's texts are decoded by the tasks, as a model's own answers are.

    Args:
        path: One JSON object a line, or a JSON list of them.
        form: ``"umit"``, ``"swift"``, ``"lmms-eval"``, ``"llava-med"``, ``"jsonl"``, or ``"auto"``: by the first line's fields.
        root: Where pictures are; boxes and points need their sizes.
        card: In whose prompts, numbering and frames the texts are; ``None`` takes UMIT's for words, and leaves
            out boxes and points, whose frame nobody can guess.
        task: What a row asks whose words are no prompt of the card's and that names no task itself.
        language: Of such rows where they do not say.
        by: Fields of the rows to keep for breaking numbers down; no other field is kept.
        truth: The questions' own file, of formats whose answer files hold no truth: ``llava-med``.
        tell: Called with what is left out, and where.

    Raises:
        DatasetError: A row that is none of the format, an address, a path out of ``root``, or no row to score.
        InputError: An unknown format or task, or two rows of one id.
    """
    file = Path(path).expanduser()
    known = RELEASED["dz-osamu/UMIT-B"] if card is None else locate(file, card)[1]
    _check(form, FORMATS, "format")
    _check(task, list(known.tasks), "task")
    left = _LeftOut()
    form, rows = _formed(list(_rows(file, left)), form, truth, file.name)
    samples: tuple[Sample[Any, Any], ...] = ()
    if form == OURS:
        records = _ours(rows)
    else:
        reader = _Reader(known, file, root, card is not None, task, language, by, left)
        found = reader.answers(line_of(row, place, form) for place, row in rows)
        samples = tuple(distinct(sample for sample, _ in found))
        records = tuple((sample.id, True, record_of(sample, result)) for sample, result in found)
    left.tell(tell)
    if any(sample.task == FINDINGS.name for sample in samples):
        tell(f"{file.name}: findings have no {', '.join(UNSCORED)}: texts carry no probabilities")
    if not records:
        raise DatasetError("expected rows that can be scored, found none", file=file.name)
    counts = {why: count for why, (count, _) in left.found.items()}
    manifest = {
        "checkpoint": file.name, "dataset": "predictions", "format": form, "file": _digest(file),
        "card": known.name, "task": task or "", "language": language, "facts": sorted(by), "rows": len(rows),
        "left_out": [f"{count}: {why}" for why, count in counts.items()],
        **({} if truth is None else {"truth": _digest(Path(truth))}),
    }  # fmt: skip
    named = None if card is None else known
    return Predictions(records=records, samples=samples, left_out=counts, manifest=manifest, card=named)


def _formed(rows: list[_Raw], form: str, truth: Path | str | None, name: str) -> tuple[str, list[_Raw]]:
    """Return the format, and the rows with the truth that another file has."""
    if form == "auto" and rows:
        form = form_of(rows[0][1], rows[0][0])
    if form == LLAVA_MED:
        return form, joined(rows, truth, name)
    if truth is not None:
        raise InputError(f"expected --truth with {LLAVA_MED} alone, got {form}", code="truth")
    return form, rows


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check(given: str | None, known: Sequence[str], what: str) -> None:
    if given not in (None, "auto", *known):
        raise InputError(f"expected one of {', '.join(known)}, got {given!r}", code=what, where=what)


@dataclass
class _LeftOut:
    """Rows that are in no number: by reason, how many, and where the first is."""

    found: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, why: str, place: str) -> None:
        count, first = self.found.get(why, (0, place))
        self.found[why] = (count + 1, first)

    def tell(self, tell: Callable[[str], None]) -> None:
        for why, (count, first) in self.found.items():
            tell(f"{first}: left out, {count} in all: {why}")


def _rows(file: Path, left: _LeftOut) -> Iterator[_Raw]:
    """Yield rows; the last line may be cut, as a program that was killed leaves it."""
    torn: DatasetError | None = None
    for place, raw in tried_rows(file):
        if torn is not None:
            raise torn
        if isinstance(raw, DatasetError):
            torn = raw
        else:
            yield place, raw
    if torn is not None:
        left.add(f"the last line is cut: {torn.message}", torn.file)


def _ours(rows: Sequence[_Raw]) -> tuple[tuple[str, bool, Mapping[str, Any]], ...]:
    """Return a journal's own lines; the last of an id counts, as in a run."""
    found: dict[str, tuple[str, bool, Mapping[str, Any]]] = {}
    for place, raw in rows:
        if not {"id", "ok", "task", "group"} <= raw.keys():
            raise DatasetError(
                f"expected a line of a journal, got the fields {', '.join(map(str, raw))[:300]}", file=place
            )
        if why := damage(raw):
            raise DatasetError(f"expected a line of a journal, got one {why}", file=place)
        try:
            pair_of(raw)
        except InputError as error:
            raise DatasetError(error.message, file=place) from error
        record = {"facts": {}, **{k: v for k, v in raw.items() if k not in ("id", "ok")}}
        found[str(raw["id"])] = (str(raw["id"]), bool(raw["ok"]), record)
    return tuple(found.values())


class _Names(Places):
    """Pictures by their names alone: without a root nothing is looked for, and nothing is opened."""

    def find(self, name: str, place: str) -> Path:
        return Path(name)


class _Reader:
    def __init__(
        self, card: Checkpoint, file: Path, root: Path | str | None, framed: bool,
        task: str | None, language: Language, by: Sequence[str], left: _LeftOut,
    ) -> None:  # fmt: skip
        folder = Folder.of(file if root is None else root)
        places = (_Names if root is None else Places)(folder, folder)
        missing = [flag for flag, there in (("--root", root is not None), ("--card", framed)) if not there]  # fmt: skip
        self._needs = " and ".join(missing)
        self._rows = RowReader(card.tasks, places)
        self._tasks = card.tasks
        self._task, self._language, self._by, self._left = task, language, by, left

    def answers(self, lines: Iterable[Line]) -> list[Answered]:
        """Return the questions with the model's answers; those about the labels of one picture as one."""
        read = ((line, self.answer(line)) for line in lines)
        known = [(line, answer) for line, answer in read if answer]
        return as_findings(known, stated=self._task == FINDINGS.name, leave=self._left.add)

    def answer(self, line: Line) -> Answered | None:
        """Return a line's question with the model's answer; ``None`` of one that cannot be scored."""
        try:
            return self._answer(line)
        except _Unscored as error:
            self._left.add(str(error), line.row.place)
            return None

    def _answer(self, line: Line) -> Answered:
        row, turn = line.row, line.row.turns[-1]
        if not turn.answer:
            raise _Unscored("they have no truth")
        name, query, source = self._query(line, turn, self._rows.source(row) or Files(()))
        task, view = self._tasks[name], NOWHERE
        placed = TASKS[name].placed
        if placed and (self._needs or not source.names):
            raise _Unscored(f"{name} needs {self._needs or 'pictures'} for its coordinates")
        try:
            true = replace(turn, answer=unended(turn.answer))
            gold = self._rows.gold(row, true, name, query, source)
            if placed:
                view = outline(source, task.rendering(volume=source.is_volume))
        except OutputError as error:
            raise _Unscored(f"their truth is no answer of {name}") from error
        except (InputError, DatasetError) as error:
            raise _Unscored(error.message) from error
        sample = Sample(
            id=line.id, query=query, gold=gold, source=source, place=row.place,
            group=line.group or _group(line, source),
            facts=_facts(line, turn, name, gold, self._by),
        )  # fmt: skip
        said = row.response or ""
        try:
            found = task.decode(Completion(text=unended(said)), query, view)
        except OutputError as error:
            error.text = said
            return sample, error
        return sample, stamped(found, raw=said, checkpoint="", warnings=view.warnings)

    def _query(self, line: Line, turn: Turn, source: Pictures) -> tuple[TaskName, Query, Pictures]:
        """Return what is asked: the card's prompt read back, else what the line or the user says it is."""
        read = self._rows.read(turn, source) if turn.asked else None
        if read is not None:
            findings = line.task == FINDINGS.name and label_of(read[1])
            said = FINDINGS.name if findings else read[0]
            if line.task and line.task != said:
                raise DatasetError(
                    f"expected a prompt of {line.task}, as the line says, got one of {read[0]}", file=line.row.place
                )
            return read
        name = line.task or self._task or line.fallback
        if not name:
            raise _Unscored("their words are none of the card's prompts; --task says what they ask")
        try:
            return self._stated(name, line, turn, source)
        except InputError as error:
            raise DatasetError(error.message, file=line.row.place) from error

    def _stated(self, name: str, line: Line, turn: Turn, source: Pictures) -> tuple[TaskName, Query, Pictures]:
        if name not in self._tasks:
            raise InputError(f"expected a task of {', '.join(self._tasks)}, got {name!r}")
        spoken = line.language or self._language
        if spoken not in get_args(Language):
            raise InputError(f"expected language 'en' or 'zh', got {spoken!r}")
        query = _asked(name, line, turn, cast(Language, spoken))
        if self._tasks[name].film is None and not source.is_volume:
            paths = source.paths if isinstance(source, Files) else ()
            source = as_volume(paths, prepared=True) if paths else Files((), is_volume=True)
        asked = choose(query, volume=source.is_volume)
        if asked != (TASKS[name].known_by or name):
            raise InputError(f"expected a film for {name}, got a volume")
        return asked, query, source


class _Unscored(Exception):
    """Why a row is in no number; told with the others of its kind."""


def _asked(name: TaskName, line: Line, turn: Turn, language: Language) -> Query:
    words = turn.asked.replace(IMAGE, " ").strip()
    if name == FINDINGS.name:  # each row is the closed question about its label
        return _label_asked(words, line.options, language)
    query: Query = TASKS[name].query(words, tuple(line.options), language)
    return query


def _label_asked(words: str, options: Sequence[str], language: Language) -> Ask:
    """Return the closed question about a label, which stands alone or in that question already."""
    whole = Ask(words, presence(Find("label", language=language)).options, language=language)
    asked = whole if label_of(whole) else presence(Find(words, language=language))
    if options and tuple(map(str.casefold, options)) != asked.options:
        raise InputError(f"expected options {', '.join(asked.options)} for findings, got others")
    return asked


#: A field that is always kept, since published scorers go by it.
_KIND: Final = "answer_type"


def _facts(line: Line, turn: Turn, task: TaskName, gold: Any, by: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return what numbers may be broken down by; the truth's own case, which a published scorer looks at."""
    kept = [(k, str(line.fields[k])) for k in dict.fromkeys([_KIND, *by]) if _is_plain(line.fields.get(k))]
    said = (turn.answer or "").strip()
    told = TASKS[task].result is Answer and said != gold.text and said.casefold() == gold.text.casefold()
    return (*kept, ("answer", said)) if told else tuple(kept)


def _group(line: Line, source: Pictures) -> str:
    """Return one name for answers about one picture, which keeps the path's own words out of the journal."""
    if not line.row.images:
        return line.id
    first = line.row.images[0]
    named = first if isinstance(first, str) else source.names[0]
    return hashlib.blake2b(named.encode(), digest_size=8).hexdigest()


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""
