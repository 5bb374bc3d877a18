"""A score as a table for a model card."""

from __future__ import annotations

import math
from typing import Final

from umit.display.template import markdown
from umit.evaluation.score import FLOOR, Score

__all__ = ["FLOOR_NOTE", "as_markdown"]

#: What the rows of a frame's floor are.
FLOOR_NOTE: Final = "Frame floor: what the exact truth gets in the whole numbers that the model writes."


def as_markdown(score: Score) -> str:
    r"""Return a score as a Markdown table: what was run, each number with its interval and its protocol.

    Args:
        score: From :func:`umit.evaluation.score.score`; numbers that do not exist are left out.

    Example:
        >>> print(as_markdown(Score(rows=(), failed=0, manifest={"dataset": "a|b"})).splitlines()[0])
        dataset a\|b
    """
    told = ("checkpoint", "dataset", "split", "variant", "limit")
    return markdown(
        "evaluation/score.md",
        about=", ".join(f"{n} {score.manifest[n]}" for n in told if score.manifest.get(n)),
        rows=[row for row in score.rows if not math.isnan(row.value)],
        failed=score.failed,
        gaps=score.gaps,
        left_out=score.manifest.get("left_out"),
        floor=FLOOR_NOTE if any(row.metric.endswith(FLOOR) for row in score.rows) else "",
    )
