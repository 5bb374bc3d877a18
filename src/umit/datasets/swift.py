"""Rows as ms-swift reads them: messages, queries and responses, conversations; pictures and boxes beside them.

A row whose prompt is one of umit's wordings becomes a typed sample. Any other stays a row of text, and is said.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from umit.datasets.folder import Folder
from umit.datasets.rows import json_rows
from umit.errors import DatasetError

__all__ = ["TAG", "Row", "Turn", "row_of", "swift_rows"]

TAG: Final = "<image>"
#: Names that ms-swift takes for the two halves of a row (its documentation of custom data sets).
_ASKS: Final = ("query", "prompt", "input", "instruction", "question", "problem")
_ANSWERS: Final = (
    *("response", "answer", "output", "completion", "targets", "target", "answer_key"),
    *("answers", "solution", "text"),
)
_SPEAKERS: Final = {
    "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "system": "system",
}  # fmt: skip
_BOX_TYPES: Final = ("real", "norm1", "norm_1", "norm1000", "norm_1000")


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with its answer."""

    asked: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row, whatever form it came in.

    Args:
        turns: Questions with their answers, at least one.
        system: The system line, or ``None`` if the row has none.
        images: Names as the row writes them, or data URIs.
        boxes: ``[x1, y1, x2, y2]`` or points ``[x, y]``, in order.
        names: What the boxes are of, in order.
        box_type: Scale of the boxes: ``"real"``, ``"norm1"`` or ``"norm1000"``.
        label: The truth in words that a result file keeps beside the response: ``label`` in 2.x, ``labels`` in 3.x.
            Numbers are labels of ms-swift's classifiers, which umit has none of.
        place: File and line or row.
        raw: The row itself.
    """

    turns: tuple[Turn, ...]
    system: str | None = None
    images: tuple[str, ...] = ()
    boxes: tuple[tuple[float, ...], ...] = ()
    names: tuple[str, ...] = ()
    box_type: str = "real"
    label: str | None = None
    place: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def swift_rows(path: Path | str) -> Iterator[Row]:
    """Yield the rows of a ``.jsonl`` or ``.json`` file, whichever of the two it really is.

    Raises:
        DatasetError: A row that is none, with file and line.
    """
    for place, raw in json_rows(Path(path)):
        yield row_of(raw, place)


def row_of(raw: Mapping[str, Any], place: str = "") -> Row:
    """Read one row.

    Raises:
        DatasetError: No question and answer, an unknown speaker, tags that do not match the pictures, or
            boxes in an unknown scale.

    Example:
        >>> row_of({"query": "<image>Where?", "response": "left", "images": ["a.png"]}).turns
        (Turn(asked='Where?', answer='left'),)
    """
    system, turns = _turns(raw, place)
    images = _images(raw, place)
    _check_tags(turns, images, place)
    names, boxes, kind = _objects(raw, place)
    label = raw.get("labels", raw.get("label"))
    filled = _filled(turns, names, boxes, kind, place)
    return Row(
        turns=tuple(Turn(_untagged(a), b) for a, b in filled),
        system=system,
        images=images,
        boxes=boxes,
        names=names,
        box_type=kind,
        label=label if isinstance(label, str) else None,
        place=place,
        raw=raw,
    )


def _turns(raw: Mapping[str, Any], place: str) -> tuple[str | None, list[tuple[str, str]]]:
    system = raw.get("system")
    for key in ("messages", "conversations", "conversation"):
        if key in raw:
            said = _said(raw[key], place)
            if said and said[0][0] == "system":
                system, said = said[0][1], said[1:]
            return system, _paired(said, place)
    asked = [str(raw[k]) for k in _ASKS if isinstance(raw.get(k), str) and raw[k]]
    answer = next((raw[k] for k in _ANSWERS if isinstance(raw.get(k), str | int | float)), None)
    if not asked or answer is None:
        raise DatasetError(
            f"expected messages, or query and response, got the fields {', '.join(map(str, raw))[:300]}",
            file=place,
        )
    history = raw.get("history") or []
    if not isinstance(history, list) or any(
        not isinstance(h, list) or len(h) != 2 for h in history
    ):
        raise DatasetError("expected a history of pairs", file=place)
    # Alpaca has its question in two fields; all others have one.
    return system, [(str(a), str(b)) for a, b in history] + [("\n".join(asked), str(answer))]


def _said(turns: Any, place: str) -> list[tuple[str, str]]:
    if not isinstance(turns, list):
        raise DatasetError(f"expected a list of turns, got {type(turns).__name__}", file=place)
    found = []
    for turn in turns:
        if not isinstance(turn, dict):
            raise DatasetError(
                f"expected turns with a speaker, got {type(turn).__name__}", file=place
            )
        if set(turn) <= {"human", "assistant"} and turn:
            found += [("user" if k == "human" else k, str(v)) for k, v in turn.items()]
            continue
        who = _SPEAKERS.get(str(turn.get("role", turn.get("from"))))
        if who is None:
            raise DatasetError(
                f"expected system, user or assistant, got {turn.get('role', turn.get('from'))!r}",
                file=place,
            )
        found.append((who, _content(turn.get("content", turn.get("value")), place)))
    return found


def _content(value: Any, place: str) -> str:
    """Return a turn's words; typed parts become their text, and a tag for each picture."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        kinds = {part.get("type") for part in value}
        if kinds <= {"text", "image"}:
            return "".join(TAG if p["type"] == "image" else str(p.get("text", "")) for p in value)
    raise DatasetError("expected words, or parts of the types text and image", file=place)


def _paired(said: list[tuple[str, str]], place: str) -> list[tuple[str, str]]:
    speakers = [who for who, _ in said]
    if not said or len(said) % 2 or speakers != ["user", "assistant"] * (len(said) // 2):
        raise DatasetError(f"expected user and assistant in turn, got {speakers[:8]}", file=place)
    words = [text for _, text in said]
    return list(zip(words[::2], words[1::2], strict=True))


def _images(raw: Mapping[str, Any], place: str) -> tuple[str, ...]:
    value = raw.get("images", raw.get("image")) or []
    listed = value if isinstance(value, list) else [value]
    names = [one.get("path") or one.get("url") if isinstance(one, dict) else one for one in listed]
    if not all(isinstance(name, str) and name for name in names):
        raise DatasetError("expected names of pictures", file=place)
    return tuple(map(str, names))


def _check_tags(turns: list[tuple[str, str]], images: tuple[str, ...], place: str) -> None:
    """As many tags as pictures, or none: ms-swift then puts them in front."""
    count = sum(asked.count(TAG) + answer.count(TAG) for asked, answer in turns)
    if count and count != len(images):
        raise DatasetError(
            f"expected a tag {TAG} for each of {len(images)} pictures, got {count}", file=place
        )


def _untagged(words: str) -> str:
    return re.sub(rf"\s*{TAG}\s*", " ", words).strip() if TAG in words else words


def _objects(
    raw: Mapping[str, Any], place: str
) -> tuple[tuple[str, ...], tuple[tuple[float, ...], ...], str]:
    """Return names, boxes and scale of ``objects``, a JSON string or a value, in either version's form."""
    value = raw.get("objects")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"expected objects as JSON: {error}", file=place) from error
    if not value:
        return (), (), "real"
    if isinstance(value, list):  # 2.x: one object a box
        names = [str(one.get("caption", "")) for one in value if isinstance(one, dict)]
        boxes = [one.get("bbox") for one in value if isinstance(one, dict)]
        kinds = {str(one.get("bbox_type", "real")) for one in value if isinstance(one, dict)}
    elif isinstance(value, dict):
        names, boxes = list(map(str, value.get("ref") or [])), list(value.get("bbox") or [])
        kinds = {str(value.get("bbox_type", "real"))}
    else:
        raise DatasetError(f"expected objects, got {type(value).__name__}", file=place)
    if len(kinds) != 1 or not kinds <= set(_BOX_TYPES):
        raise DatasetError(
            f"expected one scale of {', '.join(_BOX_TYPES)}, got {sorted(kinds)}", file=place
        )
    kind = kinds.pop().replace("_", "")
    return tuple(names), tuple(_box(b, place) for b in _flat(boxes)), kind


def _flat(boxes: list[Any]) -> list[Any]:
    """2.x allows a list of boxes where one would stand."""
    found = []
    for box in boxes:
        found += box if isinstance(box, list) and box and isinstance(box[0], list) else [box]
    return found


def _box(value: Any, place: str) -> tuple[float, ...]:
    numbers = value if isinstance(value, list) else []
    plain = all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers)
    if len(numbers) not in (2, 4) or not plain:
        raise DatasetError(
            f"expected a box of four numbers or a point of two, got {value!r}", file=place
        )
    return tuple(float(n) for n in numbers)


def _filled(
    turns: list[tuple[str, str]],
    names: tuple[str, ...],
    boxes: tuple[tuple[float, ...], ...],
    kind: str,
    place: str,
) -> list[tuple[str, str]]:
    """Check that placeholders and objects are as many; names are put in, boxes are not: they are values."""
    whole = "\0".join(text for turn in turns for text in turn)
    for mark, given in (("<ref-object>", names), ("<bbox>", boxes)):
        count = whole.count(mark)
        if count and count != len(given):
            raise DatasetError(f"expected {count} objects for {mark}, got {len(given)}", file=place)
    waiting = iter(names)

    def named(text: str) -> str:
        return re.sub("<ref-object>", lambda _: next(waiting), text)

    return [(named(asked), named(answer)) for asked, answer in turns]


def picture(name: str, root: Folder, beside: Folder, place: str) -> Path | bytes:
    """Return where a picture is, or its bytes.

    A relative name is looked for beside the rows, then in the root; an absolute one of another machine is
    joined by its end.

    Raises:
        DatasetError: An address, or a path that leads out; nothing is fetched.
    """
    if name.startswith("data:"):
        head, _, data = name.partition(",")
        if not head.endswith(";base64"):
            raise DatasetError("expected a data URI in base64", file=place)
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise DatasetError(f"expected base64: {error}", file=place) from error
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", name):
        raise DatasetError(
            f"expected a file, got the address {name[:80]!r}; nothing is fetched", file=place
        )
    plain = name.replace("\\", "/")
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain):
        parts = [p for p in plain.split("/") if p and not p.endswith(":")]
        ends = ["/".join(parts[k:]) for k in range(len(parts))]
        for folder in (root, beside):
            found = next(
                (p for end in ends if (p := folder.inside(end, place=place)).exists()), None
            )
            if found is not None:
                return found
        return root.inside(parts[-1], place=place)
    here = beside.inside(name, place=place)
    return here if here.exists() else root.inside(name, place=place)
