"""The answer within a text, as MedEvalKit takes it out (utils/utils.py, parse_response)."""

from __future__ import annotations

from typing import Final

__all__ = ["extracted"]

# parse_response's list, in its order: each in turn keeps what follows its last occurrence.
_LEADS: Final = (
    "**answer**:", "**answer**", "*answer*:", "**answer:**", "answer is", "answer:", "答案:",
    "final answer", "final answer is",
)  # fmt: skip


def _boxed(text: str) -> str:
    r"""Return what the last ``\boxed{}`` holds; the word "None" without one (mathruler's grader)."""
    start = text.rfind(r"\boxed{")
    if start >= 0:
        start += len(r"\boxed{")
        depth = 0
        for i in range(start, len(text)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth < 0:
                return text[start:i].strip()
    return "None"


def _between_tags(text: str) -> str:
    """Return what stands in answer tags, joined with blanks; the whole text if nothing does."""
    parts, rest = [], text
    while "<answer>" in rest:
        head, found, rest = rest.partition("<answer>")[2].partition("</answer>")
        if found:
            parts.append(head)
    return " ".join(parts).strip() or text


def extracted(text: str) -> str:
    r"""Return the answer that MedEvalKit takes out of a text, in lower case.

    What is boxed or in answer tags, then what follows the last "answer is", "答案:" and the like. "答案：" with
    the full-width colon is not known to it, and a text that says "boxed" without a box becomes "None".

    Args:
        text: The model's text.

    Returns:
        The answer; punctuation and blanks stay.

    Example:
        >>> extracted(r"So it is \boxed{Lung}."), extracted("The answer is Lung.")
        ('lung', ' lung.')
    """
    if "boxed" in text and (boxed := _boxed(text)) != "None":
        text = boxed
    elif "<answer>" in text:
        text = _between_tags(text)
    text = text.lower()
    if "boxed" in text:
        text = _boxed(text)
    elif "<answer>" in text:
        text = _between_tags(text)
    if "answer" in text or "答案:" in text:
        for lead in _LEADS:
            text = text.rpartition(lead)[2]
    return text
