"""Lines of other programs' prediction files: question, truth and the model's text, whatever they are called.

Nothing is guessed: a line whose fields are not those of its format is an error that names the fields it has.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from umit.datasets.rows import json_rows, text
from umit.datasets.swift import Row, Turn, row_of
from umit.datasets.swift_pictures import entries
from umit.datasets.swift_turns import IMAGE, talk
from umit.errors import DatasetError

__all__ = ["FORMATS", "LLAVA_MED", "OURS", "Line", "form_of", "joined", "line_of"]

#: The format of our own journal's lines.
OURS: Final = "umit"
LLAVA_MED: Final = "llava-med"
_FILTERED, _PLAIN_TEXT, _PLAIN_TRUTH = (("filtered_resps", "resps"), ("prediction", "answer"), ("truth", "label"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, whatever program wrote it.

    Args:
        row: The words with their pictures: the last turn is the question and its truth, the response is the model's.
        id: The line's own name, or its number.
        group: What answers are drawn together by; ``""`` where the line does not say.
        task: The task that the line names; ``""`` for none.
        fallback: The task of a line whose question is no prompt of the card's; ``""`` if the format has none.
        language: The language that the line names; ``""`` for none.
        options: What could be chosen from.
        fields: What numbers may be broken down by.
    """

    row: Row
    id: str
    group: str = ""
    task: str = ""
    fallback: str = ""
    language: str = ""
    options: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


def form_of(raw: Mapping[str, Any], place: str) -> str:
    """Return the name of the format whose fields a line has.

    Raises:
        DatasetError: None of them.

    Example:
        >>> form_of({"doc_id": 0, "target": "no", "input": "Fracture?", "filtered_resps": ["no"]}, "a line 1")
        'lmms-eval'
    """
    if {"id", "ok", "query", "gold"} <= raw.keys():
        return OURS
    if "doc_id" in raw and any(name in raw for name in _FILTERED):
        return "lmms-eval"
    if {"question_id", "text"} <= raw.keys():
        return LLAVA_MED
    if "response" in raw or "messages" in raw:
        return "swift"
    if any(name in raw for name in _PLAIN_TEXT):
        return "jsonl"
    raise DatasetError(
        "expected response and label or labels (ms-swift), doc_id and filtered_resps (lmms-eval), question_id and "
        f"text (LLaVA-Med), or question, prediction and truth, got the fields {_names(raw)}",
        file=place,
    )


def line_of(raw: Mapping[str, Any], place: str, form: str) -> Line:
    """Read one line; no file is opened.

    Args:
        raw: An object of the file.
        place: File and line, for messages.
        form: ``"swift"``, ``"lmms-eval"``, ``"llava-med"`` or ``"jsonl"``.

    Raises:
        DatasetError: Fields are missing, named twice, or of another kind; an address in place of a picture.

    Example:
        >>> line = line_of({"question": "Where?", "prediction": "left", "truth": "right"}, "a line 1", "jsonl")
        >>> line.row.turns[-1].answer, line.row.response, line.fallback
        ('right', 'left', 'answer_open')
    """
    line = _READERS[form](raw, place)
    answer = line.row.turns[-1].answer or ""
    if any("\ud800" <= c <= "\udfff" for c in answer + (line.row.response or "")):
        raise DatasetError("expected valid Unicode, got a lone surrogate", file=place)
    return line


def _swift(raw: Mapping[str, Any], place: str) -> Line:
    row = row_of(raw, place, scored=True)
    if row.response is None:
        raise DatasetError(
            "expected a result of swift infer, with response beside label or labels, got the fields " + _names(raw),
            file=place,
        )
    known, named, options = row.ours, _number(place), _options(raw, place)
    return Line(
        row=row,
        fallback="answer_closed" if options else "",
        options=options,
        id=str(known.get("id") or named),
        group=str(known.get("group") or ""),
        fields={**raw, **_pairs(known.get("facts"))},
    )


def _lmms(raw: Mapping[str, Any], place: str) -> Line:
    """Read a line of ``--log_samples``, of lmms-eval or of lm-evaluation-harness.

    The text is what those programs score, ``filtered_resps``. lmms-eval takes lists of one apart and leaves out ``doc``
    and ``arguments``; its prompt is ``input`` (loggers/evaluation_tracker.py at 75571cf). lm-evaluation-harness keeps
    them; its prompt is the first argument (the same file at 4e7e0d4).
    """
    doc = raw.get("doc")
    doc = doc if isinstance(doc, dict) else {}
    asked = next((p for p in (raw.get("input"), _prompt(raw), doc.get("question")) if p), None)
    if not isinstance(asked, str):
        raise DatasetError(f"expected the prompt as input, arguments or doc, got the fields {_names(raw)}", file=place)
    said = next(raw[name] for name in _FILTERED if name in raw) if _has(raw, _FILTERED) else None
    truth = _truth(raw, "target", place)
    if _is_list_of_texts(truth):
        raise DatasetError(f"expected one target, got the list {truth[:80]}", file=place)
    return Line(
        row=_row(raw, place, asked, truth, _lone(said, place), raw.get("input_media")),
        id=text(dict(raw), "doc_id", place),
        fields={**raw, **doc},
    )


def joined(
    rows: Sequence[tuple[str, Mapping[str, Any]]], truth: Path | str | None, name: str
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return LLaVA-Med's answers, each with its question's row of the file that holds the truth.

    Its answer files have none; ``run_eval.py`` takes ``--gt`` beside ``--pred`` and wants the same ids in both.

    Args:
        rows: Lines with ``question_id`` and ``text``.
        truth: A list of objects with ``id``, ``conversations`` and ``answer_type``.
        name: The answers' file, for messages.

    Raises:
        DatasetError: No such file, or other ids than the answers'.
    """
    if truth is None:
        raise DatasetError(
            "expected the file of the questions with their true answers too, got answers alone; give it with --truth",
            file=name,
        )
    known = {str(row.get("id", row.get("question_id"))): row for _, row in json_rows(Path(truth))}
    ids = [str(row.get("question_id")) for _, row in rows]
    lost, more = sorted(known.keys() - set(ids)), sorted(set(ids) - known.keys())
    if lost or more:
        raise DatasetError(
            f"expected an answer to each question, got {len(lost)} questions without an answer and {len(more)} "
            f"answers without a question, the first {(lost + more)[0]!r}",
            file=name,
        )
    return [(place, {**known[one], **row}) for (place, row), one in zip(rows, ids, strict=True)]


def _llava_med(raw: Mapping[str, Any], place: str) -> Line:
    """Read a line of ``model_vqa_med.py`` beside its question; its older files spell ``conversatons``."""
    turns = raw.get("conversations", raw.get("conversatons"))
    said = raw.get("text")
    if not isinstance(said, str):
        raise DatasetError(f"expected the model's text, got {type(said).__name__}", file=place)
    if not isinstance(turns, list):
        raise DatasetError(f"expected conversations beside the question's id, got the fields {_names(raw)}", file=place)
    asked, truth = talk({"conversations": turns}, place).turns[0]
    images = raw.get("image")
    return Line(
        row=_row(raw, place, asked.replace(IMAGE, "").strip(), truth or "", said, images),
        id=text(dict(raw), "question_id", place),
        fallback="answer_open",
        fields=raw,
    )


def _plain(raw: Mapping[str, Any], place: str) -> Line:
    options = _options(raw, place)
    said = raw[_only(raw, _PLAIN_TEXT, place)]
    if isinstance(said, bool) or not isinstance(said, str | int | float | None):
        raise DatasetError(f"expected the model's text, got {type(said).__name__}", file=place)
    images = raw.get("image", raw.get("images"))
    words = {name: text(dict(raw), name, place, default="") for name in ("question", "task", "language", "group", "id")}
    if not words["question"] and not words["task"]:
        raise DatasetError(f"expected a question or a task, got the fields {_names(raw)}", file=place)
    truth = _truth(raw, _only(raw, _PLAIN_TRUTH, place), place)
    return Line(
        row=_row(raw, place, words["question"], truth, "" if said is None else str(said), images),
        id=words["id"] or _number(place),
        group=words["group"],
        task=words["task"],
        fallback="answer_closed" if options else "answer_open",
        language=words["language"],
        options=options,
        fields=raw,
    )


def _options(raw: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """Return what a line offers to choose from: a list, or an object by letters in their order."""
    options = raw.get("options") or ()
    if isinstance(options, dict) and list(options) == [chr(ord("A") + n) for n in range(len(options))]:
        options = list(options.values())
    if not isinstance(options, list | tuple) or not all(isinstance(o, str) for o in options):
        raise DatasetError("expected options as a list of texts, or an object by letters, got others", file=place)
    return tuple(options)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str], Line]]] = {
    "swift": _swift, "lmms-eval": _lmms, LLAVA_MED: _llava_med, "jsonl": _plain,
}  # fmt: skip
FORMATS: Final = (OURS, *_READERS)


def _row(raw: Mapping[str, Any], place: str, asked: str, truth: str, said: str, images: Any) -> Row:
    names, slices = entries({"images": images}, (), place)
    turn = Turn(asked, truth)
    return Row(turns=(turn,), images=names, slices=slices, response=said, place=place, raw=raw)


def _only(raw: Mapping[str, Any], names: Sequence[str], place: str) -> str:
    """Return which of several names of one thing a line uses."""
    found = [name for name in names if name in raw]
    if len(found) != 1:
        came = " and ".join(found) if found else f"the fields {_names(raw)}"
        raise DatasetError(f"expected one of {' or '.join(names)}, got {came}", file=place)
    return found[0]


def _truth(raw: Mapping[str, Any], name: str, place: str) -> str:
    return text(dict(raw), name, place, default="")


def _has(raw: Mapping[str, Any], names: Sequence[str]) -> bool:
    return any(name in raw for name in names)


def _lone(said: Any, place: str) -> str:
    """Return the one text inside lists of one."""
    while isinstance(said, list) and len(said) == 1:
        said = said[0]
    if isinstance(said, str):
        return said
    count = len(said) if isinstance(said, list) else 0
    raise DatasetError(
        f"expected one text of the model, got {count}; log-likelihoods of options are no text", file=place
    )


def _prompt(raw: Mapping[str, Any]) -> Any:
    found = raw.get("arguments")
    for name in ("gen_args_0", "arg_0"):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _is_list_of_texts(truth: str) -> bool:
    """Tell a list of texts, which those programs write as Python does; numbers may be a box or a point."""
    if not truth.startswith("["):
        return False
    try:
        found = ast.literal_eval(truth)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return isinstance(found, list) and any(isinstance(one, str) for one in found)


def _pairs(facts: Any) -> dict[str, Any]:
    pairs = facts if isinstance(facts, list) else []
    return {str(p[0]): p[1] for p in pairs if isinstance(p, list) and len(p) == 2}


def _number(place: str) -> str:
    return place.rsplit(" ", 1)[-1]


def _names(raw: Mapping[str, Any]) -> str:
    return ", ".join(map(str, raw))[:300] or "of an empty object"
