"""Words of the page of a run, in both languages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from umit.evaluation.score import FLOOR
from umit.tasks.task import TaskName

__all__ = ["METRICS", "TASKS", "VERDICTS", "Verdict", "Words", "cost_words", "metric_words"]

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
_CHINESE: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    Path(__file__).with_name("chinese.toml").read_text("utf-8")
)
#: Names of metrics that are words, in Chinese.
METRICS: Final = _CHINESE["metrics"]


def metric_words(name: str) -> Words:
    """Return a metric's name in both languages; one that is not in :data:`METRICS` is the same in both."""
    own = name.removesuffix(FLOOR)
    return name, METRICS.get(own, own) + ("（坐标网格极限）" if own != name else "")


def cost_words(cost: str) -> Words:
    """Return what a metric says of unreadable answers, in both languages; an unknown phrase stays English."""
    return cost, _CHINESE["costs"].get(cost, cost)
