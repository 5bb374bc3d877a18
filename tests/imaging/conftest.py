"""DICOM files made by code, with a patient in them whom nobody may ever see again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset, Sequence, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, generate_uid


class DicomFiles:
    """Builders for single films, series of slices and enhanced files."""

    CANARY = "ZZPATIENT^CANARY"
    SERIES = generate_uid()

    def header(self, pixels: NDArray[Any], **fields: Any) -> FileDataset:
        """A DICOM object around some pixels, with a patient in it."""
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
        data.PatientName = data.PatientID = self.CANARY
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        data.SeriesInstanceUID = self.SERIES
        data.Modality = "OT"
        colour = pixels.ndim > 2 and pixels.shape[-1] == 3
        data.SamplesPerPixel = 3 if colour else 1
        data.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
        if colour:
            data.PlanarConfiguration = 0
        data.Rows, data.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
        data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
        data.HighBit = data.BitsStored - 1
        data.PixelRepresentation = int(pixels.dtype.kind == "i")
        data.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
        data["PixelData"].VR = "OW" if pixels.itemsize > 1 else "OB"
        for name, value in fields.items():
            setattr(data, name, value)
        return data

    def saved(self, path: Path, data: FileDataset) -> Path:
        if data.file_meta.TransferSyntaxUID == ExplicitVRBigEndian:
            dcmwrite(path, data, implicit_vr=False, little_endian=False, force_encoding=True)
        else:
            data.save_as(path, enforce_file_format=True)
        return path

    def film(self, path: Path, pixels: NDArray[Any], **fields: Any) -> Path:
        return self.saved(path / "film.dcm", self.header(pixels, **fields))

    def series(self, folder: Path, zyx: NDArray[Any], change: Callable[[int, FileDataset], None] | None = None) -> Path:
        """A series whose files are named in another order than its slices lie."""
        folder.mkdir()
        for k, pixels in enumerate(zyx):
            data = self.header(
                pixels,
                Modality="CT",
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
                ImagePositionPatient=[-10, -20, 30 + 2.5 * k],
                PixelSpacing=[0.8, 0.5],
                RescaleSlope=1,
                RescaleIntercept=-1000,
            )
            if change:
                change(k, data)
            self.saved(folder / f"IM{(k * 7) % 11:03d}.dcm", data)
        return folder

    def enhanced(self, path: Path, zyx: NDArray[Any], change: Callable[[int, Dataset], None] | None = None) -> Path:
        """One file of slices with functional groups, stored head first."""
        data = self.header(zyx, NumberOfFrames=len(zyx))
        shared, frames = Dataset(), []
        measures, turn, values = Dataset(), Dataset(), Dataset()
        measures.PixelSpacing = [0.8, 0.5]
        turn.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        values.RescaleSlope, values.RescaleIntercept = 2, -1000
        shared.PixelMeasuresSequence = Sequence([measures])
        shared.PlaneOrientationSequence = Sequence([turn])
        shared.PixelValueTransformationSequence = Sequence([values])
        for k in range(len(zyx)):
            frame, place = Dataset(), Dataset()
            place.ImagePositionPatient = [-10, -20, 30 - 2.5 * k]
            frame.PlanePositionSequence = Sequence([place])
            if change:
                change(k, frame)
            frames.append(frame)
        data.SharedFunctionalGroupsSequence = Sequence([shared])
        data.PerFrameFunctionalGroupsSequence = Sequence(frames)
        return self.saved(path / "enhanced.dcm", data)


@pytest.fixture(scope="session")
def dicom() -> DicomFiles:
    """Builders of DICOM files."""
    return DicomFiles()
