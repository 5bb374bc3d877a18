r"""Where the answer stands in what a model writes: alone, or behind its reasoning.

Each form is read by one rule and written by its mirror image. Reasoning is kept apart and never read as an answer, so
that a letter or a box that a model only considers is none. What has no answer in it is an error: text that ends within
the reasoning was cut, whatever the engine says.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from umit.errors import ParseError, TruncatedError
from umit.patterns import until

__all__ = ["FORMS", "AnswerForm", "Parts", "joined", "parted", "pattern_of"]

#: ``plain``: all of it. ``think_answer``: ``<think>…</think><answer>…</answer>``. ``think``: what follows the last
#: ``</think>``, whose opener stands in the prompt. ``boxed``: the last ``\boxed{…}``. ``think_boxed``: both.
#: ``tag_answer``: ``<X_RAY><thinking>…</thinking><answer>…</answer>``. ``auto``: whichever of them is there.
AnswerForm: TypeAlias = Literal["plain", "think_answer", "think", "boxed", "think_boxed", "tag_answer", "auto"]
FORMS: Final[tuple[AnswerForm, ...]] = get_args(AnswerForm)

_ANSWER: Final = re.compile(r"<(/?)answer>", re.IGNORECASE)
_THOUGHT: Final = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_OPENED: Final = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_TAGS: Final = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_BOXED: Final = r"\boxed{"
#: LaTeX that wraps words and says nothing by itself.
_WORDS: Final = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|textrm)\s*\{")


class Parts(NamedTuple):
    """A model's text in two.

    Args:
        reasoning: Without its tags; ``""`` where there is none.
        answer: What is read as the answer.
    """

    reasoning: str
    answer: str


def parted(text: str, form: AnswerForm) -> Parts:
    r"""Return the reasoning and the answer in a model's text.

    Args:
        text: As the model wrote it.
        form: Where the answer stands.

    Raises:
        TruncatedError: The text ends before the answer does.
        ParseError: No answer is marked as one.

    Example:
        >>> parted("<think>No fracture line.</think> <answer> B </answer>", "think_answer")
        Parts(reasoning='No fracture line.', answer='B')
        >>> parted(r"The heart is large, so \boxed{\text{yes}}.", "boxed").answer
        'yes'
    """
    match form:
        case "plain":
            return Parts("", text)
        case "think_answer" | "tag_answer":
            return _answered(text)
        case "think":
            return _thought(text)
        case "boxed":
            return _boxed(text)
        case "think_boxed":
            return _thought_then_boxed(text)
        case "auto":
            return _any(text)


def joined(reasoning: str, answer: str, form: AnswerForm) -> str:
    r"""Write reasoning and answer as :func:`parted` reads them.

    Example:
        >>> joined("It is there.", "A", "think_answer")
        '<think>It is there.</think><answer>A</answer>'
    """
    match form:
        case "think_answer":
            return f"<think>{reasoning}</think><answer>{answer}</answer>"
        case "tag_answer":
            return f"<thinking>{reasoning}</thinking><answer>{answer}</answer>"
        case "think":
            return f"{reasoning}</think>\n\n{answer}"
        case "boxed":
            return f"{reasoning}{_BOXED}{answer}}}"
        case "think_boxed":
            return f"<think>{reasoning}</think>{_BOXED}{answer}}}"
        case _:
            return answer


def pattern_of(inner: str | None, form: AnswerForm) -> str | None:
    """Return the pattern of a whole text whose answer has a pattern: free reasoning, then the answer.

    The reasoning may hold anything but what opens the answer, so that an engine that writes under the pattern is
    held to it from there on.

    Args:
        inner: The answer's own; ``None`` where any words will do.
        form: Where the answer stands.
    """
    if inner is None or form == "auto":
        return None
    match form:
        case "plain":
            return inner
        case "think_answer" | "tag_answer":
            return rf"{until('<answer>')}[ \n]?({inner})[ \n]?</answer>"
        case "think":
            return rf"{until('</think>')}[ \n]{{0,2}}({inner})"
        case "boxed" | "think_boxed":
            return rf"{until(_BOXED)}({inner})\}}"


def _answered(text: str) -> Parts:
    """Return what stands in the last ``<answer>``."""
    tags = list(_ANSWER.finditer(text))
    if tags and not tags[-1][1]:
        raise _cut("</answer>", text)
    if not tags:
        if _OPENED.search(text) and not _THOUGHT.search(text):
            raise _cut("</think>", text)
        raise ParseError("expected an answer within <answer> and </answer>", text=text)
    opening = next((tag for tag in reversed(tags[:-1]) if not tag[1]), None)
    if opening is None:
        raise ParseError("expected <answer> before </answer>", text=text)
    # The first closer behind it: a stray one after that closes nothing.
    closing = next(tag for tag in tags if tag[1] and tag.start() >= opening.end())
    return Parts(_bare(text[: opening.start()]), text[opening.end() : closing.start()].strip())


def _thought(text: str) -> Parts:
    """Return what follows the last ``</think>``."""
    ends = list(_THOUGHT.finditer(text))
    if not ends:
        raise _cut("</think>", text)
    return Parts(_bare(text[: ends[-1].start()]), text[ends[-1].end() :].strip())


def _boxed(text: str, raw: str = "") -> Parts:
    r"""Return what stands in the last ``\boxed{…}``, without LaTeX that only wraps it."""
    raw = raw or text
    start = text.rfind(_BOXED)
    if start < 0:
        raise ParseError(rf"expected an answer within {_BOXED}…}}", text=raw)
    begin = start + len(_BOXED)
    end = _closing(text, begin)
    if end < 0:
        raise _cut("}", raw)
    return Parts(_bare(text[:start]), _unwrapped(text[begin:end]))


def _thought_then_boxed(text: str) -> Parts:
    """Return what is boxed behind the last ``</think>``, or in all of a text that has no such tags."""
    if not _TAGS.search(text):
        return _boxed(text)
    reasoning, said = _thought(text)
    before, answer = _boxed(said, text)
    return Parts("\n".join(part for part in (reasoning, before) if part), answer)


def _any(text: str) -> Parts:
    if _ANSWER.search(text):
        return _answered(text)
    if _BOXED in text[_last(text) :]:
        return _thought_then_boxed(text)
    return _thought(text) if _TAGS.search(text) else Parts("", text)


def _last(text: str) -> int:
    """Return where the last reasoning ends; 0 where there is none."""
    return max((match.end() for match in _THOUGHT.finditer(text)), default=0)


def _closing(text: str, begin: int) -> int:
    """Return where the brace opened before ``begin`` is closed; -1 if it is not."""
    depth = 1
    for match in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, begin):
        if len(match[0]) == 2:  # an escaped brace is a character
            continue
        depth += 1 if match[0] == "{" else -1
        if not depth:
            return match.start()
    return -1


def _unwrapped(answer: str) -> str:
    """Return an answer without braces or words of LaTeX around the whole of it."""
    for _ in range(8):
        answer = answer.strip().strip("$").strip()
        match = _WORDS.match(answer) or re.match(r"\{", answer)
        if match is None or _closing(answer, match.end()) != len(answer) - 1:
            break
        answer = answer[match.end() : -1]
    return answer


def _bare(reasoning: str) -> str:
    return _TAGS.sub("", reasoning).strip()


def _cut(wanted: str, text: str) -> TruncatedError:
    return TruncatedError(f"expected {wanted} after the reasoning, the text ends before it", text=text)
