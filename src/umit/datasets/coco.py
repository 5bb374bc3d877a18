"""Boxes on films as COCO's JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from umit.datasets.ask import Tasks
from umit.datasets.dataset import Sample
from umit.datasets.picture_files import Pictured, as_paths, made, moved
from umit.errors import DatasetError
from umit.geometry import Box2D
from umit.queries import Find, Language
from umit.results import Detections

__all__ = ["coco"]


def coco(
    samples: Iterable[Sample[Any, Any]], stage: Path, path: Path, tasks: Tasks, tell: Callable[[str], None]
) -> int:
    """Write the boxes of detection samples on films: x, y, width and height in pixels of the picture.

    A category is a target in the words of its query. Pictures in which nothing was found are listed without
    boxes. Where a picture's boxes are asked for in two languages, they are written once, in the first.

    Args:
        samples: Others than detections on films are left out, and told.
        stage: Of :func:`umit.whole.whole`.
        path: Where the file will stand in the end; names of pictures inside its folder are relative to it.
        tasks: Not needed: COCO has no prompts.
        tell: Called with what is left out.

    Returns:
        The number of pictures.

    Raises:
        DatasetError: No sample has boxes on films.
    """
    table = _Table(stage, path)
    others = 0

    def films() -> Iterator[Sample[Any, Any]]:
        nonlocal others
        for sample in samples:
            if isinstance(sample.query, Find) and not sample.source.is_volume:
                yield sample
            else:
                others += 1

    for _ in made(films(), None, tell, table.add):
        pass
    if not table.images:
        raise DatasetError(f"expected boxes on films, got {others} samples of other kinds")
    if others:
        tell(f"{path.name}: {others} samples left out, they are no boxes on films")
    data = {
        "info": {"umit": "written by umit data convert"},
        "images": list(table.images.values()),
        "annotations": table.boxes,
        "categories": [{"id": n, "name": name} for name, n in table.categories.items()],
    }
    (stage / path.name).write_text(json.dumps(data, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    return len(table.images)


class _Table:
    """The three lists of a COCO file; ids from 1."""

    def __init__(self, stage: Path, path: Path) -> None:
        self.stage, self.path = stage, path
        self.images: dict[str, dict[str, Any]] = {}
        self.categories: dict[str, int] = {}
        self.boxes: list[dict[str, Any]] = []
        #: Which boxes on which pictures were asked for in which language.
        self._spoken: dict[tuple[Any, ...], Language] = {}

    def add(self, sample: Sample[Find, Detections], pictures: Pictured) -> None:
        """Add the pictures and the boxes of one sample."""
        query, found = sample.query, moved(sample.gold, pictures.views)
        boxes = [(one.view or 0, one.box, one.label) for one in found if isinstance(one.box, Box2D)]
        key = (sample.source.names, *sorted((view, box.corners) for view, box, _ in boxes))
        if self._spoken.setdefault(key, query.language) != query.language:
            return
        paths = as_paths(pictures.files, self.stage, self.path)
        sizes = [view.frame for view in pictures.views]
        numbers = list(map(self._image, sample.source.names, paths, sizes))
        kinds = [self.categories.setdefault(t, len(self.categories) + 1) for t in query.targets]
        kind = dict(zip(query.targets, kinds, strict=True))
        for view, box, label in boxes:
            x1, y1, x2, y2 = box.corners
            self.boxes.append(
                {
                    "id": len(self.boxes) + 1,
                    "image_id": numbers[view],
                    "category_id": kind.get(label, kinds[0]),
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                }
            )

    def _image(self, source: str, path: str, size: tuple[int, ...]) -> int:
        new = {"id": len(self.images) + 1, "file_name": path, "width": size[0], "height": size[1]}
        number: int = self.images.setdefault(source, new)["id"]
        return number
