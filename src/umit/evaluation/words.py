"""Words of the page of a run, in both languages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from umit.evaluation.score import FLOOR
from umit.tasks.task import Words

__all__ = ["METRICS", "VERDICTS", "Verdict", "Words", "cost_words", "metric_words"]

Verdict: TypeAlias = Literal["right", "wrong", "unreadable", "open"]

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
