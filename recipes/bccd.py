"""Boxes: every white cell, red cell and platelet of a smear of blood; up to 27 red cells in one answer.

The data are BCCD, in Pascal VOC's form. No patient is named in them, so each picture stands for itself. Research use only,
not a medical device.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from recipes.recipe import Figure, Recipe, main, numbered, steps
from umit.datasets import Sample, load
from umit.metrics.metric import Pair
from umit.training.parts import Part

__all__ = ["RECIPE", "counts", "draw", "read"]

_CELLS: Final = ("WBC", "RBC", "Platelets")


def read(root: Path) -> Part:
    """Return a sample a kind of cell and picture, its boxes from left to right: one right order is easier to learn."""
    part = Part.of(load(root, variant="voc"))

    def ordered(sample: Sample[Any, Any]) -> Sample[Any, Any]:
        items = tuple(sorted(sample.gold, key=lambda one: (one.box.x1, one.box.y1)))
        facts = (*sample.facts, ("target", str(sample.query.target)))
        return replace(sample, gold=replace(sample.gold, items=items), facts=facts)

    return Part(map(ordered, part), part.described)


def counts(pairs: Sequence[Pair[Any]], groups: Sequence[str]) -> Iterator[Figure]:
    """Yield how far the number of boxes is from the number of cells; an answer that can't be read has no count."""
    for cell in _CELLS:
        of = [(pair, group) for pair, group in zip(pairs, groups, strict=True) if pair.facts["target"] == cell]
        read = [(abs(len(pair.found) - len(pair.gold)), group) for pair, group in of if pair.found is not None]
        yield numbered(
            "count, mean absolute error", "", [error for error, _ in read], [group for _, group in read],
            task="detect_2d", part=f"target={cell}", unreadable=len(of) - len(read),
        )  # fmt: skip


def draw(root: Path) -> None:
    """Draw ten smears: pale discs, fewer dark ones and specks, with their boxes as VOC counts pixels."""
    drawn = np.random.default_rng(0)
    for folder in ("JPEGImages", "Annotations"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number in range(10):
        picture = Image.new("RGB", (160, 120), "white")
        boxes = []
        for cell, radius, shade in (*[("RBC", 10, "salmon")] * int(drawn.integers(3, 8)), ("WBC", 16, "purple"), ("Platelets", 4, "violet")):  # fmt: skip
            x, y = int(drawn.integers(20, 140)), int(drawn.integers(20, 100))
            ImageDraw.Draw(picture).ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade)
            edges = zip(("xmin", "ymin", "xmax", "ymax"), (x - radius, y - radius, x + radius, y + radius), strict=True)
            inner = "".join(f"<{name}>{value + 1}</{name}>" for name, value in edges)
            boxes.append(f"<object><name>{cell}</name><bndbox>{inner}</bndbox></object>")
        picture.save(root / "JPEGImages" / f"smear{number}.png")
        (root / "Annotations" / f"smear{number}.xml").write_text(f"<annotation>{''.join(boxes)}</annotation>", "utf-8")


RECIPE: Final = Recipe(
    name="bccd",
    licence="MIT, BCCD (Shenggan/BCCD_Dataset; pictures by cosmicad and akshaylamba)",
    read=read,
    draw=draw,
    metrics=(("mean IoU", ""), ("Acc@0.5", ""), ("AP@0.5", ""), ("false boxes", "")),
    by=("target",),
    own=counts,
    settings=steps(1000),
)

if __name__ == "__main__":
    sys.exit(main(RECIPE, __doc__))
