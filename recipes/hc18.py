"""Landmarks on another anatomy: the ends of both axes of a fetal head in ultrasound, and its circumference in mm.

The data are HC18's training part as ``landmarks.json`` with its pictures. The four points were computed from outlines, not
clicked; left and right are of the picture. Research use only, not a medical device.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from PIL import Image

from recipes.recipe import Figure, Recipe, main, numbered, steps
from umit.datasets import load
from umit.geometry import Point2D
from umit.metrics.landmarks import distance_mm
from umit.metrics.metric import Pair
from umit.phantom import draw_cephalogram
from umit.training.parts import Part

__all__ = ["RECIPE", "circumference", "draw"]

_POINTS: Final = ("OFD_left", "OFD_right", "BPD_top", "BPD_bottom")
#: What a drawn skull has in their place.
_STANDS_FOR: Final = dict(zip(_POINTS, ("Posterior nasal spine", "Pogonion", "Sella", "Menton"), strict=True))


def read(root: Path) -> Part:
    """Return a sample a point, which knows its picture and the measured circumference."""
    part = Part.of(load(root / "landmarks.json", fields={"landmarks": "landmarks"}))
    rows = json.loads((root / "landmarks.json").read_text("utf-8"))
    known = {Path(row["file"]).name: str(row["hc_mm"]) for row in rows}

    def names(sample: Any) -> Any:
        picture = Path(sample.source.names[0]).name
        return replace(sample, facts=(*sample.facts, ("picture", picture), ("hc_mm", known[picture])))

    return Part(map(names, part), part.described)


def circumference(points: Mapping[str, Point2D]) -> float:
    """Return the circumference in mm of the ellipse whose axes end at the points, by Ramanujan's second formula.

    The four points must know their picture's spacing.
    """
    left, right, top, bottom = (points[name] for name in _POINTS)
    a, b = distance_mm(left, right) / 2, distance_mm(top, bottom) / 2
    h = ((a - b) / (a + b)) ** 2
    return math.pi * (a + b) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))


def heads(pairs: Sequence[Pair[Any]], groups: Sequence[str]) -> Iterator[Figure]:
    """Yield how far the circumference is from the measured one; a head with a point that is no point is left out."""
    found: dict[str, dict[str, Point2D]] = defaultdict(dict)
    facts: dict[str, tuple[float, str]] = {}
    for pair, group in zip(pairs, groups, strict=True):
        picture = pair.facts["picture"]
        facts[picture] = float(pair.facts["hc_mm"]), group
        for one in pair.found or ():
            found[picture][one.name] = one.point
    whole = [picture for picture in facts if found[picture].keys() == set(_POINTS)]
    errors = [circumference(found[picture]) - facts[picture][0] for picture in whole]
    subjects = [facts[picture][1] for picture in whole]
    for name, values in (("mean absolute error", list(map(abs, errors))), ("mean error", errors)):
        yield numbered(
            f"head circumference, {name}", "mm", values, subjects, task="landmark", unreadable=len(facts) - len(whole)
        )


def draw(root: Path) -> None:
    """Draw ten skulls of eight subjects, four of their landmarks standing for the ends of the axes."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(10):
        skull = draw_cephalogram(number)
        name = f"images/{number:03d}_HC.png"
        Image.fromarray(skull.pixels).save(root / name)
        ends = {one: skull.landmarks[stands] for one, stands in _STANDS_FOR.items()}
        rows.append({
            "file": name, "subject": f"{number % 8:03d}", "size": list(skull.pixels.shape[::-1]),
            "pixel_mm": skull.spacing[0], "hc_mm": 400.0, "landmarks": {one: [p.x, p.y] for one, p in ends.items()},
        })  # fmt: skip
    (root / "landmarks.json").write_text(json.dumps(rows), "utf-8")


RECIPE: Final = Recipe(
    name="hc18",
    licence="CC BY 4.0, HC18 (van den Heuvel et al. 2018, doi:10.1371/journal.pone.0200412)",
    read=read,
    draw=draw,
    metrics=(("MRE", "mm"), ("SDR 2 mm", ""), ("SDR 4 mm", "")),
    by=("landmark",),
    own=heads,
    settings=steps(800),
)

if __name__ == "__main__":
    sys.exit(main(RECIPE, __doc__))
