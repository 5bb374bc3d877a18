"""Volumes with masks beside them, as nnU-Net and the Medical Segmentation Decathlon lay them out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from umit.datasets.mask_boxes import around
from umit.datasets.own.item import Boxed, Given, Item, natural
from umit.datasets.own.pictured import pictured
from umit.datasets.pictures import is_volume, stem
from umit.datasets.rows import json_object
from umit.errors import DatasetError
from umit.geometry import Box3D
from umit.imaging.read import load

__all__ = ["items", "there"]

#: Folders of volumes with those of their masks.
_FOLDERS: Final = (("imagesTr", "labelsTr"), ("images", "labels"), ("images", "masks"), ("image", "label"), ("image", "mask"))  # fmt: skip


def there(root: Path) -> bool:
    """Return whether two folders have volumes of the same names."""
    return next(_pairs(root), None) is not None


def items(given: Given) -> Iterator[Item]:
    """Yield a volume with the box around each label of its mask, as far as the label reaches."""
    root, tell = given.path, given.tell
    pairs = list(_pairs(root))
    names = _names(root) or {int(key): key for key in given.fields if key.isdecimal()}
    if not names:
        names = {value: f"label {value}" for value in _values(pairs)}
        tell(
            f"{root.name}: no dataset.json names the labels, they are asked for as {', '.join(names.values())}; "
            "name them as fields, such as 1=liver"
        )
    for image, mask in pairs:
        place = mask.relative_to(root).as_posix()
        yield Item(
            id=stem(image.name),
            source=pictured(image),
            truth=Boxed(known=tuple(names.values()), read=partial(_boxes, image, mask, names, place)),
            place=place,
            name=image.name,
        )
    paired = {image for image, _ in pairs}
    folders = {image.parent for image in paired}
    lost = sorted(p.name for folder in folders for p in folder.iterdir() if _is_volume(p) and p not in paired)
    if lost:
        tell(f"{root.name}: skipped {len(lost)} volumes without a mask, such as {lost[0]!r}")


def _pairs(root: Path) -> Iterator[tuple[Path, Path]]:
    for first, second in _FOLDERS:
        masks = {stem(p.name): p for p in (root / second).glob("*") if _is_volume(p)}
        for image in sorted((root / first).glob("*"), key=lambda p: natural(p.name)):
            name = stem(image.name)
            mask = masks.get(name) or masks.get(name.removesuffix("_0000"))  # nnU-Net's first channel
            if mask is not None and _is_volume(image):
                yield image, mask


def _is_volume(path: Path) -> bool:
    return is_volume(path.name) and not path.name.startswith(".")


def _names(root: Path) -> dict[int, str]:
    """Return what dataset.json calls each label: ``{"1": "liver"}``, or nnU-Net's ``{"liver": 1}``."""
    path = root / "dataset.json"
    if not path.is_file():
        return {}
    labels = json_object(path).get("labels")
    if not isinstance(labels, dict):
        raise DatasetError(f"expected labels with names, got {type(labels).__name__}", file=path.name)
    pairs = [(a, b) if str(a).isdecimal() else (b, a) for a, b in labels.items()]
    if not all(str(value).isdecimal() for value, _ in pairs):
        raise DatasetError("expected a whole number for each label", file=path.name)
    return {int(value): str(name) for value, name in pairs if int(value)}


def _values(pairs: list[tuple[Path, Path]]) -> list[int]:
    found = {int(value) for _, mask in pairs for value in np.unique(load(mask).voxels)}
    return sorted(found - {0})


def _boxes(image: Path, mask: Path, names: Mapping[int, str], place: str) -> dict[str, Box3D]:
    """Return the box around each label that is there, in voxels of the image.

    Raises:
        DatasetError: The mask lies on another grid, or has a label without a name.
    """
    labels, scan = load(mask), load(image)
    if labels.size != scan.size or labels.voxels.ndim != 3:
        raise DatasetError(f"expected a mask of {scan.size} voxels as the volume, got {labels.size}", file=place)
    if not (labels.affine is None) == (scan.affine is None) or not np.allclose(labels.affine or (), scan.affine or (), atol=1e-2):  # fmt: skip
        raise DatasetError("expected a mask on the volume's own grid, got another affine", file=place)
    values = np.unique(labels.voxels)
    unknown = [v for v in values.tolist() if v and v not in names]
    if unknown:
        raise DatasetError(f"expected the labels {', '.join(map(str, names))}, got {unknown[0]}", file=place)
    found = {name: around(np.nonzero(labels.voxels == value)[::-1]) for value, name in names.items()}
    return {name: replace(box, space=scan.space) for name, box in found.items() if box is not None}
