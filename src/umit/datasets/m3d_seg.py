"""M3D-Seg: boxes around the organs and lesions of 25 CT collections, raw or prepared by M3D."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample, Split, split_name
from umit.datasets.folder import Folder, suffixes
from umit.datasets.mask_boxes import box_of, sparse_boxes, sparse_shape
from umit.datasets.organ_names import chinese
from umit.datasets.pictures import Voxels, array
from umit.datasets.rows import json_object, text
from umit.errors import DatasetError
from umit.geometry import Box3D
from umit.queries import Find
from umit.results import Detection, Detections

__all__ = ["DATASET"]

_TOPS: Final = ("M3D_Seg_npy", "M3D_Seg")
_PREPARED: Final = re.compile(r"mask_(\d+)\.npy")

Boxes = list[tuple[int, Box3D | None]]


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield one question a class and case; a class that is not there has no boxes.

    In the prepared form that is also a class so small that M3D's resizing has lost it.
    """
    for code, path in sorted(_listings(choice.root).items()):
        listing = json_object(path)
        names = _names(choice, code, path, listing)
        kinds = listing.get("modality")
        modality = str(kinds.get("0", "CT")) if isinstance(kinds, dict) else "CT"
        for key in ("train", "validation", "test"):
            if choice.holds(split_name(key)) and listing.get(key):
                yield from _rows(choice, path, listing[key], split_name(key), names, modality)


def _listings(root: Folder) -> dict[str, Path]:
    """Return ``<code>/<code>.json`` of each collection; where both forms are there, the prepared one."""
    found: dict[str, Path] = {}
    for top in (*root.existing(_TOPS), root.path):
        for path in top.glob("*/*.json"):
            if path.stem == path.parent.name and path.resolve().is_relative_to(root.path):
                found.setdefault(path.stem, path)
    own = root.path / f"{root.path.name}.json"
    if own.is_file():
        found.setdefault(own.stem, own)
    if not found:
        raise DatasetError(f"expected <code>/<code>.json in {root.path.name!r}, found none")
    return found


def _names(choice: Choice, code: str, path: Path, listing: dict[str, Any]) -> list[str]:
    """Return the name of each class, ``""`` for one that cannot be asked for."""
    labels = listing.get("labels")
    if isinstance(labels, dict) and labels:
        numbers = range(1, len(labels) + ("0" not in labels))
        names = [text(labels, str(k), f"{path.name} labels", default="") for k in numbers]
    else:
        folder = path.parent.parent if path.parent != choice.root.path else path.parent
        found = json_object(folder / "dataset_info.json").get(code)
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise DatasetError(f"expected the names of {code}", file="dataset_info.json")
        names = [name.strip() for name in found]
    for k, name in enumerate(names):
        if not name or name not in names[:k]:
            continue
        told = f"{path.name}: class {k} is called {name!r} like one before it"
        if name == names[k - 1] == "lumbar spine L1" and "lumbar spine L2" not in names:
            # M3D's slip in VerSe, whose own numbering has L2 between L1 and L3.
            names[k] = "lumbar spine L2"
            choice.tell(f"{told}, taken as {names[k]!r}")
        else:
            names[k] = ""
            choice.tell(f"{told}, left out")
    if "zh" in choice.languages and (plain := [n for n in names if n and chinese(n) is None]):
        choice.tell(f"{path.name}: no Chinese name of {', '.join(plain)}; asked in English only")
    return names


def _rows(
    choice: Choice, path: Path, rows: Any, split: Split, names: list[str], modality: str
) -> Iterator[Sample[Any, Any]]:
    missing: list[int] = []
    code = path.stem
    for number, row in enumerate(rows, start=1):
        place = f"{path.name} {split} row {number}"
        if not isinstance(row, dict):
            raise DatasetError(f"expected image and label, got {type(row).__name__}", file=place)
        image, label = (_file(path, text(row, key, place), place) for key in ("image", "label"))
        group = f"{code}/{image.parent.relative_to(path.parent).as_posix()}"
        if not choice.wants(split, group):
            continue
        if not (image.is_file() and label.is_file()):
            missing.append(number)
            continue
        source, boxes = _volume(image, label, place)
        for index, box in boxes:
            if index >= len(names):
                raise DatasetError(f"expected a name of class {index}, got {len(names)} names", file=place)
            facts = (("modality", modality), ("organ", names[index]), ("collection", code))
            for language in choice.languages:
                target = chinese(names[index]) if language == "zh" else names[index]
                if target:
                    found = () if box is None else (Detection(label=target, box=box),)
                    yield Sample(
                        id=f"{code}-{split}-{number}-{index}-{language}",
                        query=Find(target, language=language),
                        gold=Detections(items=found),
                        source=source,
                        group=group,
                        place=place,
                        facts=facts,
                    )
    if missing:
        choice.tell(
            f"{path.name} {split}: skipped {len(missing)} of {len(rows)} rows, their volume or mask is "
            f"not in this copy; the first are {', '.join(map(str, missing[:3]))}"
        )


def _file(listing: Path, name: str, place: str) -> Path:
    """Return where a path of a listing leads: what follows the collection's folder, whoever's it was."""
    folder = Folder(listing.parent)
    found = [folder.inside(rest, place=place) for rest in suffixes(name, [listing.stem])]
    return next((path for path in found if path.is_file()), found[0])


def _volume(image: Path, label: Path, place: str) -> tuple[Voxels, Boxes]:
    """Return the volume and each class's box in it; z is the last axis of raw arrays, else the first."""
    shape, prepared = sparse_shape(label.name), _PREPARED.fullmatch(label.name)
    if shape is None and prepared is None:
        raise DatasetError(f"expected a mask_(C, X, Y, Z).npz or mask_<class>.npy, got {label.name!r}", file=place)
    size = array(image).shape[-3:]
    if prepared is not None and len(size) == 3:
        z, y, x = size
        return Voxels(image, as_stored=True), [(int(prepared[1]), box_of(label, (x, y, z)))]
    if shape is None or shape[1:] != size:
        raise DatasetError(f"expected a volume of the mask's shape, got {size}", file=place)
    return Voxels(image, axes="xyz"), list(enumerate(sparse_boxes(label, shape)))


DATASET: Final = Dataset(
    name="m3d-seg",
    title="M3D-Seg",
    tasks=("detect_3d",),
    languages=("en", "zh"),
    dimensions="3D",
    splits={"train": None, "test": None},
    splitting="official, by case; some collections contain others' cases, so train and test of different "
    "codes may share a patient",
    licence="Apache-2.0 on the collection; its 25 sources range from CC BY to challenge terms",
    citation="Bai et al., M3D, arXiv 2404.00578 (2024)",
    home="Hugging Face: GoodBaiBai88/M3D-Seg",
    read=read,
)
