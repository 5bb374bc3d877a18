"""RSNA: a film with two rows, one without a box, classes repeated for each box, DICOM of 1024 × 1024."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from .draw import pixels

LOADS: list[dict[str, Any]] = [{}, {"split": "train", "language": "en"}]

_TWO, _NONE = "00000000-0000-4000-8000-000000000002", "00000000-0000-4000-8000-000000000000"
_ROWS = [
    ("patientId", "x", "y", "width", "height", "Target"),
    (_TWO, "264.0", "152.0", "213.0", "379.0", "1"),
    (_NONE, "", "", "", "", "0"),
    (_TWO, "562.0", "152.0", "256.0", "453.0", "1"),
]
_CLASSES = [
    ("patientId", "class"),
    (_TWO, "Lung Opacity"),
    (_TWO, "Lung Opacity"),
    (_NONE, "No Lung Opacity / Not Normal"),
]


def write(root: Path, *, delimiter: str = ",") -> None:
    """Write both tables and a film for each patient."""
    for name, rows in (("stage_2_train_labels.csv", _ROWS), ("stage_2_detailed_class_info.csv", _CLASSES)):
        text = "\n".join(delimiter.join(row) for row in rows) + "\n"
        (root / name).write_text(text, encoding="utf-8")
    folder = root / "stage_2_train_images"
    folder.mkdir()
    for seed, name in enumerate((_TWO, _NONE)):
        film(seed).save_as(folder / f"{name}.dcm", enforce_file_format=True)


def film(seed: int) -> Dataset:
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID = film.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    film.Modality, film.PhotometricInterpretation = "CR", "MONOCHROME2"
    film.Rows, film.Columns, film.SamplesPerPixel = 1024, 1024, 1
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 8, 8, 7, 0
    film.PixelSpacing = [0.168, 0.168]
    film.PixelData = np.tile(pixels(seed, 128, 128), (8, 8)).tobytes()
    return film
