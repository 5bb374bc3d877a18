"""A score as a table for a model card."""

from __future__ import annotations

import math
from typing import Final

from umit.evaluation.score import FLOOR, Score

__all__ = ["FLOOR_NOTE", "as_markdown"]

#: What the rows of a frame's floor are.
FLOOR_NOTE: Final = (
    "Frame floor: what the exact truth gets in the whole numbers that the model writes."
)
_HEAD: Final = (
    "Task", "Part", "Metric", "Protocol", "Value", "95 % interval", "Answers", "Unreadable", "Unreadable costs",
)  # fmt: skip


def as_markdown(score: Score) -> str:
    r"""Return a score as a Markdown table: what was run, each number with its interval and its protocol.

    Args:
        score: From :func:`umit.evaluation.score.score`; numbers that do not exist are left out.

    Example:
        >>> print(as_markdown(Score(rows=(), failed=0, manifest={"dataset": "a|b"})).splitlines()[0])
        dataset a\|b
    """
    told = ("checkpoint", "dataset", "split", "variant", "limit")
    about = ", ".join(f"{n} {score.manifest[n]}" for n in told if score.manifest.get(n))
    lines = [_plain(about), "", _line(_HEAD), _line(["---"] * len(_HEAD))]
    for row in score.rows:
        if math.isnan(row.value):
            continue
        unit = f" {row.unit}" if row.unit else ""
        between = "" if math.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
        part = " ".join(filter(None, (row.language, row.part)))
        lines.append(
            _line([
                row.task, part, row.metric, row.protocol, f"{row.value:.3f}{unit}", between,
                str(row.n), str(row.unreadable), row.cost,
            ])
        )  # fmt: skip
    if score.failed:
        lines += ["", f"{score.failed} items have no answer yet and are in no number."]
    if left := score.manifest.get("left_out"):
        lines += ["", "Left out: " + "; ".join(map(_plain, left)) + "."]
    if any(row.metric.endswith(FLOOR) for row in score.rows):
        lines += ["", FLOOR_NOTE]
    lines += [
        "",
        "Intervals: bootstrap over pictures or patients. Research use only, not a medical device.",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    """Keep a text in its cell and from being read as markup."""
    for mark in ("\\", "|", "<", "`", "*", "_", "["):
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())
