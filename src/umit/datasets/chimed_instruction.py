"""CM-VL-I, the instruction part of ChiMed-VL: Chinese questions; the user brings the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from umit.datasets.chimed import exchanges, pictured
from umit.datasets.dataset import Choice, Dataset, Sample
from umit.datasets.rows import json_rows
from umit.datasets.vqa import question

__all__ = ["DATASET"]

_PART: Final = "ChiMed-VL-Instruction"
#: The hub's list, and the one that Qilin-Med-VL's training takes.
_FILES: Final = (f"{_PART}.json", f"{_PART}/{_PART}.json", f"{_PART}/stage2_data.json")


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the questions; a record holds one or several, and each is asked by itself."""
    for place, row in json_rows(choice.root.first(_FILES)):
        asked = exchanges(choice, row, place, ("question", "answer"))
        for number, (name, (words, answer)) in enumerate(asked):
            if choice.wants(None, name):
                yield from question(
                    choice, {"question": words, "answer": answer}, place,
                    pictured(choice, _PART, name, place), f"{place.rsplit(' ', 1)[1]}-{number}", name,
                    language="zh",
                )  # fmt: skip


DATASET: Final = Dataset(
    name="cm-vl-i",
    title="ChiMed-VL, instruction (CM-VL-I)",
    tasks=("answer_open", "answer_closed"),
    languages=("zh",),
    dimensions="2D",
    splits={},
    splitting="none official; by picture, 80 to 10 to 10, by a seed",
    licence="none stated",
    citation="Liu et al., arXiv:2310.17956 (2023)",
    home="Hugging Face: williamliu/ChiMed-VL, without pictures",
    read=read,
    fields=("image", "question", "answer"),
)
