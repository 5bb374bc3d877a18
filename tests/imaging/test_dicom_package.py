"""Every DICOM file inside the installed pydicom package is read, or refused with our own error."""

from __future__ import annotations

import importlib.util
import runpy
import socket
import time
from pathlib import Path
from typing import Any

import pydicom
import pytest

from umit.errors import InputError
from umit.imaging.dicom import read_dicom

_TABLE = Path(__file__).parents[2] / "docs" / "_dicom_files.py"
_SECONDS = 5  # for one file of at most 320 KB on a busy machine


@pytest.fixture(scope="module")
def table() -> dict[str, Any]:
    return runpy.run_path(str(_TABLE))


def test_each_is_read_or_refused_in_time(table: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object) -> None:
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr(socket, "socket", offline)
    files = table["files"]()
    assert len(files) > 150
    for path in files:
        began = time.monotonic()
        result, _ = table["outcome"](path)  # lets every other error through
        assert result == "read" or result.startswith("refused: ")
        assert time.monotonic() - began < _SECONDS, path.name


def test_each_frame_can_be_chosen(table: dict[str, Any]) -> None:
    for path in table["files"]():
        try:
            first = read_dicom(path, frame=0)
        except InputError as error:
            assert error.code not in ("multi_frame", "frame"), path.name
        else:
            assert first.voxels.shape[0] == 1


def test_the_page_is_what_the_code_does(table: dict[str, Any]) -> None:
    committed = table["PAGE"].read_text(encoding="utf-8")
    if f"inside pydicom {pydicom.__version__}'s" not in committed:
        pytest.skip(f"the page was written for another pydicom than {pydicom.__version__}")
    for module in ("libjpeg", "openjpeg", "jpeg_ls"):
        if importlib.util.find_spec(module) is None:
            pytest.skip('the page needs pip install "umit[codecs]"')
    assert table["page"]() == committed, "run python docs/_dicom_files.py"
