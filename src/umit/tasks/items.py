"""Lists of objects as language models write JSON: fenced or not, with single quotes, an unclosed list, or one object."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from umit.errors import ParseError

__all__ = ["items_of"]

_FENCE: Final = re.compile(r"```[ \t]*(?:json)?[ \t]*\n?(.*?)(?:```|$)", re.IGNORECASE | re.DOTALL)
_OBJECT: Final = re.compile(r"\{[^{}]*\}")
_BETWEEN: Final = re.compile(r"[\s,]*")
_PART: Final = re.compile(r"[\[{]")  # of another list, or of the same that is cut
_DEPTH: Final = 5  # a list of objects that hold lists of boxes


def items_of(text: str, raw: str, expected: str) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    r"""Return the objects of a list, and what had to be overlooked.

    Args:
        text: Folded.
        raw: As the model wrote it, for the error.
        expected: The form, for the error.

    Raises:
        ParseError: Text that is none; ``partial`` holds the objects before it.

    Example:
        >>> items_of("```JSON\n[{'bbox_2d': [1, 2, 3, 4]}\n```", "", "")
        ([{'bbox_2d': [1, 2, 3, 4]}], ('the list is not closed',))
    """
    body, around = _body(text)
    if _PART.search(around):
        raise ParseError("expected one list of objects, got more beside it", text=raw, expected=expected)
    warnings = ("words beside the list were left out",) if around else ()
    if '"' not in body:
        body = body.replace("'", '"')
    if _deep(body):
        raise ParseError("expected a list of objects, got deeper brackets", text=raw, expected=expected)
    try:
        whole = _loaded(body)
    except ValueError:
        found, more = _one_by_one(body, raw, expected)
        return found, warnings + more
    found = whole if isinstance(whole, list) else [whole]
    for number, one in enumerate(found):
        if not isinstance(one, dict):
            raise ParseError(
                f"expected objects, got {one!r:.80}", text=raw, expected=expected, partial=tuple(found[:number])
            )
    return found, warnings


def _body(text: str) -> tuple[str, str]:
    """Return what stands in the first fence, or from the first bracket to the last; and what stands around it."""
    fence = _FENCE.search(text)
    if fence:
        body, around = fence[1], text[: fence.start()] + text[fence.end() :]
    else:
        first = min((k for k in (text.find("["), text.find("{")) if k >= 0), default=0)
        end = max(text.rfind("]"), text.rfind("}")) + 1
        end = len(text) if _PART.search(text, end) else end  # what was cut is no word
        body, around = text[first:end], text[:first] + text[end:]
    return body.strip(), around.strip(" \n.。`")


def _one_by_one(body: str, raw: str, expected: str) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the objects of a list that is no JSON as a whole."""
    if not body.startswith("["):
        raise ParseError(f"expected a list of objects, got {(body or raw)[:40]!r}", text=raw, expected=expected)
    found: list[dict[str, Any]] = []
    position = 1
    while (position := _BETWEEN.match(body, position).end()) < len(body):  # type: ignore[union-attr]  # may be empty
        if found and body[position:] == "]":
            return found, ("the list is not well formed",)
        match = _OBJECT.match(body, position)
        try:
            if match is None:
                raise ValueError
            found.append(_loaded(match[0]))
        except ValueError:
            raise ParseError(
                f"expected an object, got {body[position:][:40]!r}", text=raw, expected=expected, partial=tuple(found)
            ) from None
        position = match.end()
    if not found:
        raise ParseError("expected a list of objects, got its beginning", text=raw, expected=expected)
    return found, ("the list is not closed",)


def _loaded(text: str) -> Any:
    def refused(name: str) -> None:
        raise ValueError(name)

    return json.loads(text, parse_constant=refused)


def _deep(text: str) -> bool:
    depth = 0
    for match in re.finditer(r"[\[{]|[\]}]", text):
        depth += 1 if match[0] in "[{" else -1
        if depth > _DEPTH:
            return True
    return False
