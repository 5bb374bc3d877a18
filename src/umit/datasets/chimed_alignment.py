"""CM-VL-A, the alignment part of ChiMed-VL: Chinese captions and contexts; the user brings the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from umit.datasets.chimed import exchanges, pictured
from umit.datasets.dataset import Choice, Dataset, Sample
from umit.datasets.rows import json_rows
from umit.queries import Describe
from umit.results import Report

__all__ = ["DATASET"]

_PART: Final = "ChiMed-VL-Alignment"
#: The hub's rows, and the list that they were turned into for Qilin-Med-VL's training.
_FILES: Final = (f"{_PART}.jsonl", f"{_PART}/{_PART}.jsonl", f"{_PART}/stage1_data.json", "stage1_data.json")  # fmt: skip


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the captions."""
    for place, row in json_rows(choice.root.first(_FILES)):
        for number, (name, (caption,)) in enumerate(exchanges(choice, row, place, ("caption",))):
            if not choice.wants(None, name):
                continue
            if not caption:
                choice.tell(f"{place}: skipped, its caption is empty")
                continue
            yield Sample(
                id=f"{place.rsplit(' ', 1)[1]}-{number}",
                query=Describe("caption", language="zh"),
                gold=Report(text=caption),
                source=pictured(choice, _PART, name, place),
                group=name,
                place=place,
            )


DATASET: Final = Dataset(
    name="cm-vl-a",
    title="ChiMed-VL, alignment (CM-VL-A)",
    tasks=("caption",),
    languages=("zh",),
    dimensions="2D",
    splits={},
    splitting="none official; by picture, 80 to 10 to 10, by a seed",
    licence="none stated",
    citation="Liu et al., arXiv:2310.17956 (2023)",
    home="Hugging Face: williamliu/ChiMed-VL, without pictures",
    read=read,
    fields=("image", "caption"),
)
