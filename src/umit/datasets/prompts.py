"""A prompt back into the query that it asks, by the tasks' own wordings; nothing else is understood."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from umit.chat import spell
from umit.datasets.ask import Tasks
from umit.errors import InputError
from umit.queries import Ask, Choose, Find, Language, Locate, Query
from umit.tasks.grammar import numbered
from umit.tasks.landmarks import CEPHALOMETRIC, spoken
from umit.tasks.table import TASKS, choose
from umit.tasks.task import Task, TaskName, TaskSpec

__all__ = ["Prompts"]

_LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
#: Landmarks by their Chinese names.
_CHINESE: Final = {spoken(name, "zh"): name for name in CEPHALOMETRIC}
#: Words that no prompt holds, put where a query's own words go.
_HOLE, _OTHER = "\ue000hole\ue000", "\ue001other\ue001"
_LONGEST: Final = 20_000  # characters; twice what a question may have
#: Where rows break lines is in doubt: a break, a blank, or a typed ``\n`` (umit-figure-evidence.md, 4).
_GAP: Final = r"(?:\s|\\n)"
_BY_LINE: Final = re.compile(r"(?:^|\n|\\n)\s*([0-9]{1,3})\s*[:：]")
_BY_BLANK: Final = re.compile(r"(?:^|\s)([0-9]{1,3})[:：]")


@dataclass(frozen=True, slots=True)
class _Form:
    task: TaskName
    probe: Query
    pattern: re.Pattern[str]
    first: int


class Prompts:
    """Reads prompts that a checkpoint's tasks write.

    Args:
        tasks: Of a checkpoint: ``card.tasks``.

    Example:
        >>> from umit.checkpoints import RELEASED
        >>> prompts = Prompts(RELEASED["dz-osamu/UMIT-B"].tasks)
        >>> prompts.read("Given this image, please answer the question: Where is it?", volume=False)
        ('answer_open', Ask(language='en', question='Where is it?', options=()))
    """

    def __init__(self, tasks: Tasks) -> None:
        self._forms = tuple(_forms(tasks))

    def read(self, words: str, *, volume: bool) -> tuple[TaskName, Query] | None:
        """Return task and query of a prompt, or ``None`` if no wording writes it.

        Args:
            words: The user turn without its pictures.
            volume: Whether a volume is shown.
        """
        text = words.strip()
        if len(text) > _LONGEST:
            return None
        for form in self._forms:
            if choose(form.probe, volume=volume) != form.task:
                continue  # such as the report of a film, where a volume is shown
            match = form.pattern.fullmatch(text)
            query = _query(form, match.groupdict()) if match else None
            if query is not None:
                return form.task, query
        return None


def _forms(tasks: Tasks) -> Iterator[_Form]:
    for name, task in tasks.items():
        for plain in _probes(TASKS[name]):
            for language in _LANGUAGES:
                probe = replace(plain, language=language)
                for phrasing in task.wording[language].phrasings:
                    yield _Form(name, probe, _pattern(spell(phrasing(probe)), probe, task), _first(task))


def _probes(spec: TaskSpec[Any, Any]) -> Iterator[Query]:
    """Yield queries that are asked to see what a task says around their words; findings are read as they are asked."""
    for words in ("", _HOLE) if not spec.known_by else ():
        with suppress(InputError):  # no query without words
            yield spec.query(words, (_HOLE, _OTHER), "en")


def _first(task: Task[Any, Any]) -> int:
    return int(getattr(task.grammar, "first", 0))


def _pattern(text: str, probe: Query, task: Task[Any, Any]) -> re.Pattern[str]:
    """Return the wording as an expression with a group where the query's words stand."""
    pieces: list[str] = []
    if choices := probe.choices:
        before, _, text = text.partition(numbered(choices, first=_first(task), language=probe.language))
        pieces += [_loose(before, probe.language), "(?P<choices>.+?)"]
    before, hole, after = text.partition(_HOLE)
    pieces += [_loose(before, probe.language)]
    if hole:  # the last group takes all it can, so that a question may hold what follows choices
        pieces += ["(?P<hole>.+)", _loose(after, probe.language)]
    return re.compile("".join(pieces), re.DOTALL)


def _loose(text: str, language: Language) -> str:
    """Return an expression in which blanks may differ; after a comma or colon, and in Chinese, be missing."""
    if language == "zh":  # which has no blanks of its own, so a row may break anywhere
        return "".join(re.escape(letter) + f"{_GAP}*" for letter in text if not letter.isspace())
    parts = re.findall(r"[,:]\s*|\s+|[^\s,:]+", text)
    return "".join(
        re.escape(part[0]) + f"{_GAP}*" if part[0] in ",:" else f"{_GAP}+" if part.isspace() else re.escape(part)
        for part in parts
    )


def _query(form: _Form, found: Mapping[str, str | None]) -> Query | None:
    """Return the probe with the words that were found, or ``None`` if they make no query."""
    hole, language = (found.get("hole") or "").strip(), form.probe.language
    choices = _listed(found.get("choices") or "", form.first)
    try:
        match form.probe:
            case Ask(options=options):
                return None if options and not choices else Ask(hole, choices, language=language)
            case Choose():
                return Choose(choices, hole or None, language=language)
            case Find():
                return Find(_bare(hole), language=language)
            case Locate():
                name = _bare(hole)
                name = _CHINESE.get(name, name) if language == "zh" else name
                return Locate(name, language=language)
            case plain:
                return plain
    except InputError:
        return None


def _bare(name: str) -> str:
    """Return a name without the braces that ms-swift rows of UMIT's prompts may have around it."""
    return name[1:-1].strip() if name.startswith("{") and name.endswith("}") else name


def _listed(text: str, first: int) -> tuple[str, ...]:
    """Return what is numbered one after the other from the first, by lines or else by blanks."""
    for mark in (_BY_LINE, _BY_BLANK):
        found = _split(text.strip(), mark, first)
        if len(found) > 1 and all(found):
            return found
    return ()


def _split(text: str, mark: re.Pattern[str], first: int) -> tuple[str, ...]:
    marks: list[re.Match[str]] = []
    for one in mark.finditer(text):
        if int(one[1]) == first + len(marks):
            marks.append(one)
        elif mark is _BY_LINE:
            return ()  # numbered, but not as this checkpoint does
    if not marks or marks[0].start() != 0:
        return ()
    ends = [*(one.start() for one in marks[1:]), len(text)]
    return tuple(text[one.end() : end].strip() for one, end in zip(marks, ends, strict=True))
