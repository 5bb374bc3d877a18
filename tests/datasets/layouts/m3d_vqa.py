"""M3D-VQA: choices spelled NA or repeated, an answer "None", a path without its first folder, reports beside."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from .m3d_cap import volume

LOADS: list[dict[str, Any]] = [{}, {"split": "train", "variant": "open"}, {"split": "validation"}, {"split": "test"}]

_HEADER = ("Image Path", "Text", "Question Type", "Question", "Choice A", "Choice B", "Choice C", "Choice D", "Answer", "Answer Choice")  # fmt: skip
_ROWS = {
    "train": [
        ("M3D_Cap_npy/ct_quizze/000008/Axial.npy", 'A "round", cystic lesion.', 1, "Which plane?",
         "Axial", "Coronal", "Sagittal", "NA", "Axial", "A"),
        ("ct_quizze/000009/Axial.npy", "Clear.", 4, "Which abnormality is seen?",
         "Mass", "None", "Cyst", "Stone", "None", "B"),
        ("M3D_Cap_npy/ct_quizze/000009/Axial.npy", "Clear.", 4, "Is there a mass?",
         "yes", "no", "NA", "NA", "no", "B"),
        ("M3D_Cap_npy/ct_quizze/000009/Axial.npy", "Clear.", 3, "Which organ is enlarged?",
         "Liver", "liver", "Spleen", "Kidney", "Spleen", "C"),
    ],
    "val": [
        ("M3D_Cap_npy/ct_quizze/000008/Axial.npy", "", 5, "Where is it?",
         "left", "right", "both", "neither", "right", "B"),
    ],
    "test": [
        ("M3D_Cap_npy/ct_quizze/000009/Axial.npy", "", 3, "Which organ?",
         "Liver", "Spleen", "Kidney", "Lung", "Lung", "D"),
    ],
}  # fmt: skip


def write(root: Path) -> None:
    """Write three tables and two prepared volumes."""
    for split, rows in _ROWS.items():
        path = root / f"M3D_VQA_{split}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([_HEADER, *rows])
    for case in ("000008", "000009"):
        folder = root / "M3D_Cap_npy" / "ct_quizze" / case
        folder.mkdir(parents=True)
        np.save(folder / "Axial.npy", volume(int(case)))
