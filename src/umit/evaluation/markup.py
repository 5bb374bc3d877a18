"""Pieces of the page: text from outside made harmless, and the page's own words in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final, Literal, TypeAlias
from unicodedata import category

from umit.tasks.task import TaskName

__all__ = ["COSTS", "TASKS", "VERDICTS", "Verdict", "Words", "both", "cell", "table", "text"]

#: The same in English and in Chinese.
Words: TypeAlias = tuple[str, str]
Verdict: TypeAlias = Literal["right", "wrong", "unreadable", "open"]

TASKS: Final[Mapping[TaskName, Words]] = {
    "answer_open": ("open questions", "开放式问题"),
    "answer_closed": ("questions with options", "选择题"),
    "classify": ("classification", "分类"),
    "findings": ("findings", "多标签征象"),
    "report_film": ("reports on films", "平片报告"),
    "report_ct": ("reports on CT", "CT 报告"),
    "detect_2d": ("detection on films", "平片检测"),
    "detect_3d": ("detection in volumes", "三维检测"),
    "landmark": ("landmarks", "标志点"),
    "caption": ("captions", "图像描述"),
    "compare": ("comparison", "图像比较"),
}
VERDICTS: Final[Mapping[Verdict, Words]] = {
    "right": ("right", "正确"),
    "wrong": ("wrong", "错误"),
    "unreadable": ("unreadable", "无法解析"),
    "open": ("not judged", "未判定"),
}
#: What metrics say of unreadable answers; a phrase that is not here stays English.
COSTS: Final[Mapping[str, str]] = {
    "wrong": "算错",
    "counts as wrong": "算错",
    "0": "0 分",
    "a miss": "算未命中",
    "a miss for each true box": "每个真实框算未命中",
    "0 for each true box": "每个真实框计 0",
    "draws nothing": "视为未画框",
    "counts as an empty text": "按空文本计分",
    "probability 0": "概率计 0",
    "left out of the mean, a miss in the rates": "不计入均值，在命中率中算未命中",
    "scored as the text it is; an empty text is 0": "按原文计分；空文本计 0",
    "scored as the text it is; an empty text is 0, where the reference crashes": (
        "按原文计分；空文本计 0，参考程序在此崩溃"
    ),
    "scored as the text it is; an empty text is 0, where the kit's whole run crashes": (
        "按原文计分；空文本计 0，参考工具整体在此崩溃"
    ),
    "wrong, unless the right letter and a full stop occur in it": "算错，除非含有正确字母和句点",
    "wrong if it holds neither 'yes' nor 'no'; else left out where it is wrong": (
        "不含 yes 或 no 则算错；否则错误时不计入"
    ),
    "wrong, but a refusal that holds 'no', as 'cannot' does, is right where the answer is no": (
        "算错；但含 no 的拒答（如 cannot）在答案为 no 时算对"
    ),
}


def text(value: object) -> str:
    r"""Return any text for a page: markup escaped, and spelled what would be obeyed instead of shown.

    Line breaks stay; control characters, marks that turn the direction of writing, and halves of surrogate
    pairs, which no file in UTF-8 can hold, are spelled.

    Example:
        >>> text("<b>\u202e")
        '&lt;b&gt;\\u202e'
    """
    return escape("".join(ascii(c)[1:-1] if _obeyed(c) else c for c in str(value)))


def _obeyed(character: str) -> bool:
    return category(character).startswith("C") and character not in "\n\t"


def both(words: Words, *, tag: str = "span", more: str = "") -> str:
    """Return the page's own words; its switch shows one language and hides the other.

    Args:
        words: English and Chinese, as text.
        tag: Element that holds them.
        more: Further attributes, as markup.
    """
    return "".join(
        f'<{tag} class="own" lang="{language}"{more}>{text(said)}</{tag}>'
        for language, said in zip(("en", "zh"), words, strict=True)
    )


def cell(inner: str, *, tag: str = "td", more: str = "") -> str:
    """Return one cell of a table; ``inner`` is markup."""
    return f"<{tag}{more}>{inner}</{tag}>"


def table(head: Iterable[Words], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; cells are markup."""
    top = "".join(cell(both(words), tag="th") for words in head)
    body = "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div class="wide"><table>\n<tr>{top}</tr>\n{body}\n</table></div>'
