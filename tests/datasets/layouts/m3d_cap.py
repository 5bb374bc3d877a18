"""M3D-Cap: raw slices by number, one of another size, beside prepared arrays whose names lost an accent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .draw import picture, pixels

LOADS: list[dict[str, Any]] = [{}, {"split": "train"}, {"split": "validation"}, {"split": "test"}]

_RAW = "title: A made-up case.\nstudy_findings: A round lesion\nin the liver.\ndiscussion: None.\n"
_SHORT = "title: Another one.\ndiscussion: The lungs are clear.\nstudy_findings: -\n"


def write(root: Path) -> None:
    """Write the index, ``M3D_Cap/`` with slices and ``M3D_Cap_npy/`` with arrays."""
    case = root / "M3D_Cap" / "ct_quizze" / "000008"
    for number in (1, 2, 9, 10, 11):  # sorted as text, 10 and 11 come before 2
        picture(case / "Axial_C__arterial_phase" / f"{number}.jpeg", seed=number)
        picture(case / "Coronal_Pöschl" / f"{number}.png", seed=20 + number, mode="L")
    picture(case / "Coronal_Pöschl" / "3.png", seed=3, height=40)
    (case / "Coronal_Pöschl" / ".DS_Store").write_bytes(b"")
    (case / "text.txt").write_text(_RAW, encoding="utf-8")

    case = root / "M3D_Cap_npy" / "ct_case" / "000123"
    case.mkdir(parents=True)
    np.save(case / "Sagittal_Potts_window.npy", volume(1))
    (case / "text.txt").write_text("Clear lungs. discussion: of nothing.", encoding="utf-8")

    case = root / "M3D_Cap" / "ct_case" / "000124"
    for number in (1, 2):
        picture(case / "Axial_bone_window" / f"{number}.png", seed=number, mode="L")
    (case / "text.txt").write_text(_SHORT, encoding="utf-8")

    rows = {
        "train": [
            _row("ct_quizze/000008", "Axial_C__arterial_phase", top="M3D_Cap"),
            _row("ct_quizze/000008", "Coronal_Poschl", top="M3D_Cap"),
            _row("ct_quizze/000009", "Axial_not_here", top="M3D_Cap"),
        ],
        "validation": [_row("ct_case/000123", "Sagittal_Pötts_window.npy")],
        "test": [_row("ct_case/000124", "Axial_bone_window.npy")],
        "test1k": [_row("ct_case/000124", "Axial_bone_window.npy")],
    }
    (root / "M3D_Cap" / "M3D_Cap.json").write_text(json.dumps(rows), encoding="utf-8")


def _row(case: str, series: str, top: str = "M3D_Cap_npy") -> dict[str, str]:
    return {"image": f"{top}/{case}/{series}", "text": f"{top}/{case}/text.txt"}


def volume(seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return 32 slices of 256 × 256 from 0 to 1, no two alike; the darkest rim is cropped nowhere."""
    slices = [pixels(100 * seed + k, 256, 256) for k in range(32)]
    array = np.stack(slices).astype(np.float32)[None] / np.float32(255)
    array[..., :9] = 0
    return array
