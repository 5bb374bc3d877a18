"""M3D-Cap: CT volumes with reports, as folders of slices or as M3D's prepared arrays."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from umit.datasets.dataset import Choice, Dataset, Sample, Split, split_name
from umit.datasets.folder import Folder, suffixes
from umit.datasets.pictures import Pictures, Stack, Voxels
from umit.datasets.rows import json_object, text, whole_text
from umit.datasets.vqa import described
from umit.errors import DatasetError
from umit.results import Report

__all__ = ["DATASET", "section"]

_INDEX: Final = ("M3D_Cap.json", "M3D_Cap/M3D_Cap.json", "M3D_Cap_npy/M3D_Cap.json")
_TOPS: Final = ("M3D_Cap_npy", "M3D_Cap")
_SLICES: Final = {".jpeg", ".jpg", ".png"}
_PLANES: Final = {"axial", "coronal", "sagittal"}
#: What unidecode writes for letters that are no letter with an accent.
_LETTERS: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
)


def read(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield one report a series; a case's series share one text, so a case is a group."""
    path = choice.root.first(_INDEX)
    for key, rows in json_object(path, "the keys train, validation and test").items():
        try:
            split = split_name(key)
        except DatasetError:  # such as test1k, a cut of test
            choice.tell(f"{path.name}: {key!r} is no split and is left out")
            continue
        if choice.holds(split):
            yield from _split(choice, f"{path.name} {key}", rows, split)


def _split(choice: Choice, name: str, rows: Any, split: Split) -> Iterator[Sample[Any, Any]]:
    missing: list[str] = []
    if not isinstance(rows, list):
        raise DatasetError(f"expected a list, got {type(rows).__name__}", file=name)
    for number, row in enumerate(rows, start=1):
        place = f"{name} row {number}"
        if not isinstance(row, dict):
            raise DatasetError(f"expected image and text, got {type(row).__name__}", file=place)
        image, words = text(row, "image", place), text(row, "text", place)
        series = PurePosixPath(suffixes(image, _TOPS)[-1].removesuffix(".npy"))
        group = series.parent.as_posix()
        if not choice.wants(split, group):
            continue
        source = _volume(choice.root, image, place)
        file = next(places(choice.root, words, place), None)
        if source is None or file is None:
            missing.append(place)
            continue
        report = Report(text=section(whole_text(file, f"{file.parent.name}/{file.name}")))
        plane = series.name.partition("_")[0].casefold()
        facts = (("modality", "CT"), *((("plane", plane),) if plane in _PLANES else ()))
        yield from described(choice, report, place, source, f"{split}-{number}", group, facts)
    if missing:
        choice.tell(
            f"{name}: skipped {len(missing)} of {len(rows)}, their volume or text is not in this copy; "
            f"the first are {', '.join(place.rsplit(' ', 2)[-1] for place in missing[:3])}"
        )


def places(root: Folder, name: str, place: str) -> Iterator[Path]:
    """Yield where a file of the index lies: under either folder, or under the root itself."""
    for rest in suffixes(name, _TOPS):
        for top in (*_TOPS, "."):
            path = root.inside(f"{top}/{rest}", place=place)
            if path.exists():
                yield path
            elif path.parent.is_dir():
                # Prepared names have lost their accents, and systems differ in how they store them.
                alike = [p for p in path.parent.iterdir() if _plain(p.name) == _plain(path.name)]
                if len(alike) == 1:
                    yield root.inside(alike[0].relative_to(root.path).as_posix(), place=place)


def _plain(name: str) -> str:
    parts = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    return "".join(c for c in parts if not unicodedata.combining(c))


def _volume(root: Folder, name: str, place: str) -> Pictures | None:
    stem = name.removesuffix(".npy")
    for path in places(root, f"{stem}.npy", place):
        return Voxels(path, as_stored=True)
    for path in places(root, stem, place):
        files = path.iterdir() if path.is_dir() else ()
        slices = [p for p in files if p.suffix.casefold() in _SLICES and _number(p) >= 0]
        if len(slices) > 1:  # one slice is no volume
            return Stack(tuple(sorted(slices, key=_number)))
    return None


def _number(path: Path) -> int:
    return int(path.stem) if path.stem.isascii() and path.stem.isdecimal() else -1


def section(words: str) -> str:
    """Return what M3D takes of a case's text as its report (m3d_cap_data_prepare.py).

    That is all after ``study_findings:``; if that is next to nothing, all after ``discussion:``; the whole
    text if there is no such label, as in prepared copies, or next to nothing again.

    Args:
        words: Of ``text.txt``.

    Returns:
        One line.

    Example:
        >>> section("title: A case study_findings: Clear lungs.")
        'Clear lungs.'
    """
    for label in ("study_findings:", "discussion:"):
        _, found, rest = words.partition(label)
        if not found:
            break
        if len("".join(rest.split())) >= 5:
            return rest.replace("\n", " ").strip()
    return words.replace("\n", " ").strip()


DATASET: Final = Dataset(
    name="m3d-cap",
    title="M3D-Cap",
    tasks=("report_ct",),
    languages=("en",),
    dimensions="3D",
    splits={"train": None, "validation": None, "test": 2000},
    splitting="official, by series; a case's series share one text, and resplit divides by case",
    licence="Apache-2.0 stated; the material is Radiopaedia's, and a DMCA notice took the Hugging Face "
    "copy down: make sure that you may use it",
    citation="Bai et al., M3D, arXiv 2404.00578 (2024)",
    home="GoodBaiBai88/M3D-Cap; its Hugging Face copy is disabled by a DMCA notice",
    read=read,
)
