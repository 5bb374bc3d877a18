"""Pieces of the page: text from outside made harmless, and the page's own words in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final, Literal, TypeAlias
from unicodedata import category

from umit.evaluation.score import FLOOR
from umit.tasks.task import TaskName

__all__ = [
    "COSTS", "METRICS", "TASKS", "VERDICTS", "Verdict", "Words", "both", "cell", "metric_words", "table", "text",
]  # fmt: skip

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
    "counts as wrong": "算错",
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
    (
        "scored as the text it is; an empty text is 0; a refusal that holds 'no', as 'cannot' does, is right "
        "where the answer is no"
    ): "按原文计分；空文本计 0；含 no 的拒答（如 cannot）在答案为 no 时算对",
    "lowers it: probability 0 and wrong": "使其降低：概率计 0，算错",
    "1": "计 1",
    "-1": "计 −1",
    "wrong, and the last to be given": "算错，且最先被扣下",
    "finds nothing": "视为未检出",
    "states nothing": "视为未描述任何征象",
    "counts as an empty text, of which the cleaning makes a full stop": "按空文本计分，清洗后为一个句点",
}
#: Names of metrics that are words; BLEU-1 and the like are the same in both languages.
METRICS: Final[Mapping[str, str]] = {
    "accuracy": "准确率", "accuracy by number": "准确率（按编号）", "accuracy by words": "准确率（按文字）",
    "strict accuracy": "严格准确率", "balanced accuracy": "平衡准确率", "presence accuracy": "有无判断准确率",
    "exact match": "完全匹配", "word F1": "词级 F1", "macro F1": "宏平均 F1", "micro F1": "微平均 F1", "false boxes": "误画框比例",
    "AP@0.5": "平均精度 AP@0.5", "mAP": "平均精度 mAP", "FROC": "FROC 平均灵敏度", "chrF2": "字符 n 元 F2（chrF2）",
    "ECE": "期望校准误差（ECE）", "Brier score": "Brier 评分", "risk-coverage area": "风险–覆盖率曲线下面积",
    "radial error SD": "径向误差标准差", "ROUGE-1": "ROUGE-1", "ROUGE-2": "ROUGE-2",
    "finding precision": "征象精确率", "finding recall": "征象召回率", "finding F1": "征象 F1",
    "finding F1, any side": "征象 F1（不分左右）",
    "mean IoU": "平均 IoU", "mean score": "平均得分", "IoU by enclosing box": "外接框 IoU",
    "closed accuracy": "封闭题准确率", "closed accuracy by choice": "封闭题准确率（按选项）",
    "closed accuracy by word": "封闭题准确率（按词）",
    "closed accuracy, run_eval_pvqa": "封闭题准确率（run_eval_pvqa）",
    "open equality": "开放题相等", "open exact match": "开放题完全匹配", "open METEOR": "开放题 METEOR",
    "open precision": "开放题精确率", "open precision, as printed": "开放题精确率（按原程序输出）",
    "open precision, clipped": "开放题精确率（截断计数）",
    "open recall": "开放题召回率", "open recall, as printed": "开放题召回率（按原程序输出）",
    "open recall, clipped": "开放题召回率（截断计数）",
    "open F1": "开放题 F1", "open F1, as printed": "开放题 F1（按原程序输出）", "open F1, clipped": "开放题 F1（截断计数）",
    "open BLEU": "开放题 BLEU", "open BLEU-1": "开放题 BLEU-1", "open BLEU-2": "开放题 BLEU-2",
    "open BLEU-3": "开放题 BLEU-3", "open BLEU-4": "开放题 BLEU-4",
    "open BLEU-2 alone": "开放题 BLEU-2（单独）", "open BLEU-3 alone": "开放题 BLEU-3（单独）",
    "open ROUGE-1": "开放题 ROUGE-1", "open ROUGE-2": "开放题 ROUGE-2", "open ROUGE-L": "开放题 ROUGE-L",
}  # fmt: skip


def metric_words(name: str) -> Words:
    """Return a metric's name in both languages; one that is not in :data:`METRICS` is the same in both."""
    own = name.removesuffix(FLOOR)
    return name, METRICS.get(own, own) + ("（坐标网格极限）" if own != name else "")


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

    Words that are the same in both languages stand there once.

    Args:
        words: English and Chinese, as text.
        tag: Element that holds them.
        more: Further attributes, as markup.
    """
    if words[0] == words[1]:
        return f"<{tag}{more}>{text(words[0])}</{tag}>"
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
