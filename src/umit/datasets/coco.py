"""Boxes on films as COCO's JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from umit.datasets.ask import Tasks
from umit.datasets.dataset import Sample
from umit.datasets.picture_files import as_paths
from umit.errors import DatasetError, InputError
from umit.geometry import Box2D
from umit.imaging.header import picture_size
from umit.queries import Find
from umit.results import Detections

__all__ = ["coco"]


def coco(
    samples: Iterable[Sample[Any, Any]],
    part: Path,
    path: Path,
    tasks: Tasks,
    tell: Callable[[str], None],
) -> int:
    """Write the boxes of detection samples on films: x, y, width and height in pixels of the picture.

    A category is a target in the words of its query. Pictures in which nothing was found are listed without
    boxes.

    Args:
        samples: Others than detections on films are left out, and told.
        part: Where to write.
        path: Where it will stand in the end; names of pictures inside its folder are relative to it.
        tasks: Not needed: COCO has no prompts.
        tell: Called with what is left out.

    Returns:
        The number of pictures.

    Raises:
        DatasetError: No sample has boxes on films.
    """
    table = _Table(path)
    others = 0
    for sample in samples:
        gold, query = sample.gold, sample.query
        if (
            not isinstance(gold, Detections)
            or not isinstance(query, Find)
            or sample.source.is_volume
        ):
            others += 1
            continue
        try:
            table.add(sample, query, gold)
        except (InputError, DatasetError) as error:
            tell(f"{sample.place or sample.id}: left out: {error.message}")
    if not table.images:
        raise DatasetError(f"expected boxes on films, got {others} samples of other kinds")
    if others:
        tell(f"{path.name}: {others} samples left out, they are no boxes on films")
    data = {
        "images": list(table.images.values()),
        "annotations": table.boxes,
        "categories": [{"id": n, "name": name} for name, n in table.categories.items()],
    }
    part.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return len(table.images)


class _Table:
    """The three lists of a COCO file; ids from 1."""

    def __init__(self, path: Path) -> None:
        self.folder, self.beside = path.parent, f"{path.stem}_images"
        self.images: dict[str, dict[str, Any]] = {}
        self.categories: dict[str, int] = {}
        self.boxes: list[dict[str, Any]] = []

    def add(self, sample: Sample[Any, Any], query: Find, gold: Detections) -> None:
        """Add the pictures and the boxes of one sample."""
        names = as_paths(sample.source, self.folder, self.beside)
        numbers = [self._image(name) for name in names]
        kinds = [self.categories.setdefault(t, len(self.categories) + 1) for t in query.targets]
        kind = dict(zip(query.targets, kinds, strict=True))
        for item in gold:
            if not isinstance(item.box, Box2D):
                raise DatasetError("expected boxes on films, got one in a volume")
            x1, y1, x2, y2 = item.box.corners
            self.boxes.append(
                {
                    "id": len(self.boxes) + 1,
                    "image_id": numbers[item.view or 0],
                    "category_id": kind.get(item.label, kinds[0]),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                }
            )

    def _image(self, name: str) -> int:
        if name not in self.images:
            width, height = picture_size(self.folder / name)[:2]
            number = len(self.images) + 1
            self.images[name] = {"id": number, "file_name": name, "width": width, "height": height}
        found: int = self.images[name]["id"]
        return found
