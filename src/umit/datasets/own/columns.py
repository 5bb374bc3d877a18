"""Which field of a row is which: by the names that people use, or as the user says."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from umit.errors import DatasetError

__all__ = ["FIELDS", "BoxForm", "boxed", "columns", "filled", "lettered", "pointed", "as_written"]

BoxForm: TypeAlias = Literal["corners", "sized", "centre"]
#: umit's names with those that people use, blanks and case aside; the first that a row has is taken.
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "image": (
        "image", "images", "imagepath", "imagepaths", "imagename", "imagefile", "imagefilename", "imageid",
        "imageindex", "img", "imgs", "imgpath", "imgname", "imgid", "filename", "file", "filepath", "path", "picture", "photo",
        "dicom", "dicompath", "dcm", "sopinstanceuid", "idcode", "isicid", "id", "patientid", "patient", "subject",
        "图像", "图片",
    ),
    "volume": (
        "volume", "volumepath", "nifti", "niftipath", "series", "seriespath", "seriesinstanceuid", "slices", "scan", "ct", "mri",
    ),
    "question": ("question", "query", "prompt", "instruction", "problem", "问题"),
    "answer": (
        "answer", "answers", "response", "output", "groundtruth", "gt", "gtanswer", "gold", "reference", "solution",
        "correctanswer", "correctoption", "答案", "回答",
    ),
    "options": ("options", "choices", "candidates", "选项"),
    "label": (
        "label", "labels", "class", "classes", "classname", "category", "diagnosis", "dx", "disease", "findinglabels",
        "target", "targets", "标签", "诊断",
    ),
    "report": ("report", "reporttext", "findings", "报告"),
    "impression": ("impression", "impressions"),
    "caption": ("caption", "captions", "description"),
    "boxes": ("boxes", "box", "bboxes", "bbox", "objects"),
    "landmarks": ("landmarks", "keypoints", "points"),
    "size": ("size", "imagesize"),
    "spacing": ("spacing", "pixelspacing", "pixelmm", "mmperpixel"),
    "group": ("group", "patientid", "patient", "subjectid", "subject", "personid", "caseid", "case"),
    "split": ("split", "subset", "partition", "fold", "set"),
    "language": ("language", "lang", "qlang"),
    "id": ("id", "qid", "questionid", "sampleid", "uid"),
    "answer_type": ("answertype", "questiontype"),
}  # fmt: skip
#: Four columns of a box, and what they are: two corners, a corner and a size, or a centre and a size.
_BOXES: Final[Mapping[tuple[str, str, str, str], BoxForm]] = {
    ("xmin", "ymin", "xmax", "ymax"): "corners", ("x1", "y1", "x2", "y2"): "corners",
    ("xcenter", "ycenter", "width", "height"): "centre", ("xcenter", "ycenter", "w", "h"): "centre",
    ("cx", "cy", "w", "h"): "centre", ("cx", "cy", "width", "height"): "centre",
    ("x", "y", "width", "height"): "sized", ("x", "y", "w", "h"): "sized",
}  # fmt: skip
_LETTERS: Final = "ABCDEFGHIJ"
_EMPTY: Final = ("", "nan", "none", "null", "n/a")


def columns(names: Iterable[str], fields: Mapping[str, str], place: str) -> dict[str, str]:
    """Return umit's names with a row's own.

    Args:
        names: The row's.
        fields: What the user says, umit's names to the row's; these go before.
        place: For the message.

    Raises:
        DatasetError: A field that the user names is not there.

    Example:
        >>> columns(["Image Index", "Finding Labels"], {}, "a.csv")
        {'image': 'Image Index', 'label': 'Finding Labels'}
    """
    there = {_folded(name): name for name in names}
    found: dict[str, str] = {}
    for name, known in FIELDS.items():
        if name in fields:
            found[name] = fields[name]
            missing = [one for one in fields[name].split("+") if one not in there.values()]
            if missing and name != "group":  # which may be a pattern
                got = ", ".join(there.values())[:500]
                raise DatasetError(f"expected the field {missing[0]!r} as {name}, got {got}", file=place)  # fmt: skip
            if missing:
                del found[name]
        elif (one := next((there[k] for k in known if k in there), None)) is not None:
            found[name] = one
    taken = {found.get("image"), found.get("volume")}
    if "id" in found and found["id"] in taken and "id" not in fields:
        del found["id"]
    return found


def boxed(names: Iterable[str]) -> tuple[list[str], BoxForm] | None:
    """Return a row's four columns of a box, and what they are."""
    there = {_folded(name): name for name in names}
    found = (([there[n] for n in four], form) for four, form in _BOXES.items() if there.keys() >= set(four))  # fmt: skip
    return next(found, None)


def pointed(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the landmarks whose x and y stand in columns ``<name>_x`` and ``<name>_y``."""
    there = list(names)
    found = {name[:-2]: (name, f"{name[:-2]}{name[-2]}{'y' if name[-1] == 'x' else 'Y'}") for name in there if re.search(r"[_ .-][xX]$", name)}  # fmt: skip
    return {name: pair for name, pair in found.items() if pair[1] in there}


def lettered(names: Iterable[str]) -> list[str]:
    """Return columns ``A``, ``B`` … or ``option_a``, ``Choice A`` … in their order, if there are two or more."""
    there = {re.sub("^(?:option|choice|opt)", "", _folded(name)).upper(): name for name in names}
    found = []
    for letter in _LETTERS:
        if letter not in there:
            break
        found.append(there[letter])
    return found if len(found) > 1 else []


def filled(value: Any) -> bool:
    """Return whether a field says anything; tables write an empty field in several ways."""
    words = str(value) if isinstance(value, float) else value  # NaN, in JSON and parquet
    return words is not None and not (isinstance(words, str) and words.strip().casefold() in _EMPTY)


def as_written(value: Any) -> Any:
    """Return a list or an object that a table holds as text, JSON's or Python's, as what it is."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{", "("):
        for read in (json.loads, ast.literal_eval):
            try:
                found = read(value.strip())
                return found if isinstance(found, list | dict | tuple) else value  # (5) is text
            except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                continue
    return value


def _folded(name: str) -> str:
    return re.sub(r"[\s_.\-]", "", str(name).casefold())
