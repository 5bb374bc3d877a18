"""Data sets from their own files: the paper's by name, a user's by their path.

``umit.datasets.load("slake", root, split="test")``, ``umit.datasets.load("films/")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from umit.datasets.dataset import Choice, Dataset, Sample, Samples, Split, split_name, warn
from umit.datasets.folder import Folder
from umit.datasets.own import LAYOUTS, describe_own
from umit.datasets.pictures import Files
from umit.errors import DatasetError
from umit.queries import Language
from umit.tasks.table import TASKS

__all__ = ["LAYOUTS", "NAMES", "Dataset", "Files", "Sample", "Samples", "Split", "describe", "load"]

#: The module in which each data set is described, and its name there if it has several; the order is the paper's.
_MODULES: Final[Mapping[str, str]] = {
    "pmc-oa": "pmc_oa",
    "cm-vl-a": "chimed.ALIGNMENT",
    "cm-vl-i": "chimed.INSTRUCTION",
    "vqa-rad": "vqa_rad",
    "pathvqa": "pathvqa",
    "m3d-vqa": "m3d_vqa",
    "m3d-cap": "m3d_cap",
    "m3d-seg": "m3d_seg",
    "slake": "slake",
    "slake-boxes": "slake_boxes",
    "medmnist-2d": "medmnist.FILMS",
    "medmnist-3d": "medmnist.VOLUMES",
    "iu-xray": "iu_xray",
    "peir-gross": "peir_gross",
    "rsna": "rsna",
    "isbi-2015": "isbi_2015",
}
#: Names that :func:`load` takes.
NAMES: Final = tuple(_MODULES)


def describe(name: str) -> Dataset:
    """Return the description of a data set.

    Raises:
        DatasetError: No such data set.

    Example:
        >>> describe("vqa-rad").licence
        'CC0-1.0'
    """
    if name not in _MODULES:
        raise DatasetError(f"expected one of {', '.join(NAMES)}, got {name!r}")
    module, _, member = _MODULES[name].partition(".")
    found: Dataset = getattr(import_module(f"umit.datasets.{module}"), member or "DATASET")
    return found


def load(
    name: str | Path,
    root: Path | str | None = None,
    *,
    split: str | None = None,
    language: Language | None = None,
    variant: str | None = None,
    fields: Mapping[str, str] | None = None,
    task: str | None = None,
    resplit: bool = False,
    seed: int = 0,
) -> Samples:
    """Return the samples of a data set; its files are read as they are iterated.

    Args:
        name: One of :data:`NAMES`, or the path of files of your own: a table (jsonl, json, csv, parquet), a folder
            of classes, Pascal VOC, COCO, YOLO, or volumes with masks.
        root: The folder that a named download was unpacked to; of a table or a COCO file, where its pictures are.
        split: ``"train"``, ``"validation"`` or ``"test"``, or a source's own spelling; ``None`` for all.
        language: ``"en"`` or ``"zh"``; ``None`` for all that the data set has.
        variant: One of the data set's variants, such as MedMNIST's ``"pneumoniamnist"``; of your own files the
            layout, where it is not recognised: one of :data:`LAYOUTS`.
        fields: umit's names to the files', such as ``{"image": "path", "label": "dx"}``; of your own files also a
            class to its name in words (``{"0": "normal"}``), and ``group`` to a column or a regular expression
            that finds the patient in a path.
        task: Only the samples of one task.
        resplit: Split by group with ``seed`` instead of the official way.
        seed: Of a split that umit makes.

    Returns:
        Samples; what was skipped or assumed is warned of while reading, as ``DatasetWarning``.

    Raises:
        DatasetError: An unknown name, split, language, variant or layout, or nothing at the root.
    """
    dataset, place = _found(name, root, variant)
    if language is not None and language not in dataset.languages:
        raise DatasetError(f"expected {' or '.join(dataset.languages)}, got {language!r}", dataset=dataset.name)
    if variant is not None and variant not in dataset.variants:
        known = ", ".join(dataset.variants) or "no variant"
        raise DatasetError(f"expected {known}, got {variant!r}", dataset=dataset.name)
    if task is not None and task not in TASKS:
        raise DatasetError(f"expected one of {', '.join(TASKS)}, got {task!r}")
    choice = Choice(
        root=Folder.of(place),
        split=None if split is None else split_name(split),
        languages=dataset.languages if language is None else (language,),
        variant=variant or next(iter(dataset.variants), ""),
        fields=dict(fields or {}),
        task=task or "",
        resplit=resplit,
        seed=seed,
        tell=warn,
    )
    return Samples(dataset, choice)


def _found(name: str | Path, root: Path | str | None, variant: str | None) -> tuple[Dataset, Path | str]:
    """Return what a name or a path describes, and where its files are."""
    path = Path(name).expanduser()
    if name in _MODULES:
        if root is None:
            raise DatasetError(
                f"expected the folder of {name}'s files, got none; the path of a folder of your own that is "
                f"called so is ./{name}"
            )
        return describe(str(name)), root
    if not str(name) or not path.exists():
        raise DatasetError(f"expected one of {', '.join(NAMES)}, or the path of files of your own, got {str(name)!r}")
    pictures = None if root is None else Folder.of(root).path
    return describe_own(path, root=pictures, layout=variant), pictures or path
