"""Write a small DICOM series, read its folder, and get a box in the patient's millimetres.

The series is a phantom. Research use only, not a medical device.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

import umit
from umit import UMIT
from umit.phantom import Volume, draw_volume


def write_series(folder: Path, volume: Volume) -> None:
    """Write one file a slice; only what a reader of geometry needs."""
    to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.array(volume.affine)
    study, series = generate_uid(), generate_uid()
    for k, plane in enumerate(volume.voxels):
        header = _slice_header(to_lps, k)
        header.StudyInstanceUID, header.SeriesInstanceUID = study, series
        header.Rows, header.Columns = plane.shape
        header.PixelData = plane.astype("<i2").tobytes()
        header.save_as(folder / f"{k:03}.dcm", enforce_file_format=True)


def _slice_header(to_lps: np.ndarray, k: int) -> Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    header.Modality, header.InstanceNumber = "CT", k + 1
    along, down = to_lps[:3, 0], to_lps[:3, 1]  # a step to the next column, to the next row
    across_mm, down_mm = np.linalg.norm(along), np.linalg.norm(down)
    header.ImagePositionPatient = _decimal(to_lps[:3] @ (0, 0, k, 1))
    header.ImageOrientationPatient = _decimal((*(along / across_mm), *(down / down_mm)))
    header.PixelSpacing = _decimal((down_mm, across_mm))
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.PixelRepresentation = 1
    header.RescaleSlope, header.RescaleIntercept, header.RescaleType = "1", "0", "HU"
    header.WindowCenter, header.WindowWidth = "40", "400"
    return header


def _decimal(values: object) -> list[str]:
    """DICOM's decimal strings hold at most 16 characters."""
    return [f"{value:.9g}"[:16] for value in np.asarray(values, dtype=float)]


def main() -> None:
    volume = draw_volume(10_000_009)
    with tempfile.TemporaryDirectory() as name:
        write_series(Path(name), volume)
        scan = umit.load(name)
        print(scan)
        found = UMIT.from_pretrained().detect(scan, "liver")
    for item in found:
        print(item.label, "voxels:", item.box.corners)
        print(item.label, "first corner, LPS mm:", item.box.to_mm("LPS")[0])
    print("warnings:", found.warnings)


if __name__ == "__main__":
    main()
