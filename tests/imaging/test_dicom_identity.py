"""Nobody learns from umit whose DICOM file it read."""

from __future__ import annotations

import copy
import gc
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, FileDataset, Sequence, config
from pydicom.uid import JPEGBaseline8Bit

from umit.errors import UMITError
from umit.imaging.read import load
from umit.imaging.view import Rendering, render

FILM = np.random.default_rng(9).integers(0, 4096, (6, 8)).astype(np.uint16)
STACK = np.random.default_rng(2).integers(0, 2000, (5, 6, 8)).astype(np.int16)

# PS3.15 E.1: what identifies a person, a place or a day, in text of any kind.
_TEXTS = """
    PatientName PatientID OtherPatientNames PatientAddress PatientMotherBirthName PatientComments
    PatientTelephoneNumbers ReferringPhysicianName InstitutionName InstitutionAddress StationName
    OperatorsName AccessionNumber StudyID StudyDescription SeriesDescription ImageComments
    RequestingPhysician ProtocolName BodyPartExamined WindowCenterWidthExplanation DeviceSerialNumber
""".split()  # noqa: SIM905


def _mark(data: Dataset, canary: str, *, deep: bool = True) -> None:
    for name in _TEXTS:
        setattr(data, name, canary)
    block = data.private_block(0x0011, canary, create=True)
    block.add_new(0x01, "LO", canary)
    block.add_new(0x02, "UN", canary.encode())
    if deep:
        item = Dataset()
        _mark(item, canary, deep=False)
        inner = Dataset()
        inner.ReferencedPatientSequence = Sequence([item])
        data.RequestAttributesSequence = Sequence([inner])
        block.add_new(0x03, "SQ", Sequence([copy.deepcopy(item)]))


def _marked(dicom: Any, **fields: Any) -> FileDataset:
    data = dicom.header(FILM, WindowCenter=50, WindowWidth=101, **fields)
    _mark(data, dicom.CANARY)
    data.file_meta.SourceApplicationEntityTitle = dicom.CANARY
    return data


def _everything(error: BaseException) -> str:
    """All that a log, a crash report or a debugger may show of an error, but for the test itself."""
    assert error.__traceback__ is not None
    below = error.__traceback__.tb_next
    shown = traceback.TracebackException(type(error), error, below, capture_locals=True)
    chain = [error.__cause__, error.__context__]
    return "".join(shown.format()) + repr(error) + repr(vars(error)) + repr(chain)


def _short(data: FileDataset) -> None:
    data.PixelData = data.PixelData[:20]


def _number(data: FileDataset) -> None:
    data.add_new("RescaleSlope", "LO", "ZZPATIENT^CANARY")  # in a field that is read


def _colour(data: FileDataset) -> None:
    data.PhotometricInterpretation = "ZZPATIENT CANARY"


def _codec(data: FileDataset) -> None:
    from pydicom.encaps import encapsulate

    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data.PixelData = encapsulate([b"\xff\xd8 ZZPATIENT^CANARY "])
    data["PixelData"].VR = "OB"


def _no_pixels(data: FileDataset) -> None:
    del data.PixelData


@pytest.mark.parametrize("change", [_short, _number, _colour, _codec, _no_pixels])
def test_no_error_tells(
    dicom: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, change: Callable[[FileDataset], None]
) -> None:
    data = _marked(dicom)
    change(data)
    path = dicom.saved(tmp_path / "film.dcm", data)
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    with pytest.raises(UMITError) as caught:
        load(path)
    assert "CANARY" not in _everything(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert b"CANARY" not in pickle.dumps(caught.value)
    assert "CANARY" not in caplog.text


def test_nothing_that_is_kept_tells(
    dicom: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    path = dicom.saved(tmp_path / "film.dcm", _marked(dicom))
    folder = dicom.series(tmp_path / "ct", STACK, lambda _, data: _mark(data, dicom.CANARY))
    groups = dicom.enhanced(tmp_path, STACK, lambda _, frame: _mark(frame, dicom.CANARY))
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    for source, rendering in (
        (path, Rendering(frame=None)),
        (folder, Rendering(frame=(8, 6), depth=5)),
        (groups, Rendering(frame=(8, 6), depth=5)),
    ):
        scan = load(source)
        view = render(scan, rendering)
        shown = [scan, vars(scan), view, vars(view), scan.name, scan.warnings, scan.space]
        assert "CANARY" not in "".join(map(repr, shown)) + "".join(map(str, shown))
        assert b"CANARY" not in pickle.dumps(scan)
        assert scan.window is not None
    assert "CANARY" not in caplog.text + "".join(capfd.readouterr())
    gc.collect()
    assert not [kept for kept in gc.get_objects() if type(kept) is FileDataset and _is_of(kept, path)]


def _is_of(data: FileDataset, path: Path) -> bool:
    return str(data.filename) == str(path)


def test_not_even_pydicom_debugging_tells(dicom: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = _marked(dicom)
    data.PatientBirthDate, data.SeriesDate = "19010101", "X" * 9  # pydicom warns of bad dates
    path = dicom.saved(tmp_path / "film.dcm", data)
    config.debug(True, default_handler=False)
    try:
        caplog.clear()
        scan = load(path)
    finally:
        config.debug(False, default_handler=False)
    assert scan.size == (8, 6)
    assert caplog.text == ""


def test_no_damage_makes_it_tell(dicom: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = dicom.saved(tmp_path / "x.dcm", _marked(dicom))
    whole, rng = path.read_bytes(), np.random.default_rng(3)
    caplog.clear()  # pydicom's writer has warned of the canary
    for _ in range(200):
        damaged = bytearray(whole)
        for place in rng.integers(132, len(whole), 4):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            said = repr(load(path).warnings)
        except UMITError as error:
            said = _everything(error)
        assert "CANARY" not in said.upper()
    path.write_bytes(whole.replace(b"1.2.840", b"CANARY."))  # pydicom quotes bad UIDs
    with pytest.raises(UMITError) as caught:
        load(path)
    assert "CANARY" not in _everything(caught.value) + caplog.text
