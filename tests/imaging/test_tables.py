"""Palettes: what their descriptors say is looked at, and colours are those of the entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.errors import InputError
from umit.imaging.read import load

INDICES = np.arange(256, dtype=np.uint8).reshape(16, 16)
RAMP = np.arange(256, dtype="<u2")


def _film(dicom: Any, folder: Path, bits: int, entries: bytes, count: int = 256, first: int = 0) -> Path:
    data = dicom.header(INDICES, PhotometricInterpretation="PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTable"
        setattr(data, f"{name}Descriptor", [count, first, bits])
        setattr(data, f"{name}Data", entries)
        data[f"{name}Descriptor"].VR, data[f"{name}Data"].VR = "US", "OW"
    path: Path = dicom.saved(folder / "film.dcm", data)
    return path


@pytest.mark.parametrize(
    ("bits", "entries", "used"),
    [
        # PS3.3 C.7.6.3.1.5 and .6: 8 or 16 bits; 8-bit entries may be packed two in a word.
        (8, RAMP.astype("u1").tobytes(), 8),
        (16, (RAMP * 257).tobytes(), 16),
        (16, (RAMP << 8).tobytes(), 16),
        # Descriptors that contradict their data, shown black or as raw exceptions before.
        (16, RAMP.tobytes(), 8),
        (16, RAMP.astype("u1").tobytes(), 8),
        (8, RAMP.tobytes(), 8),
        (8, (RAMP << 8).tobytes(), 16),
        (12, (RAMP << 4).tobytes(), 12),
    ],
)
def test_a_palette_shows_the_bits_that_it_uses(
    dicom: Any, tmp_path: Path, bits: int, entries: bytes, used: int
) -> None:
    scan = load(_film(dicom, tmp_path, bits, entries))
    assert np.array_equal(scan.voxels[0], np.repeat(INDICES[..., None], 3, axis=-1))
    said = f"colours: a palette says {bits} bits and uses {used}, which are shown"
    assert (said in scan.warnings) == (bits != used)


def test_a_palette_may_start_later(dicom: Any, tmp_path: Path) -> None:
    scan = load(_film(dicom, tmp_path, 16, (RAMP[:100] << 8).tobytes(), 100, 50))
    assert scan.voxels[0, ..., 0].ravel().tolist() == [min(max(k - 50, 0), 99) for k in range(256)]


@pytest.mark.parametrize("entries", [b"", (RAMP[:100] << 8).tobytes()], ids=["none", "too few"])
def test_a_palette_without_all_entries_is_refused(dicom: Any, tmp_path: Path, entries: bytes) -> None:
    with pytest.raises(InputError, match="of 256 entries") as caught:
        load(_film(dicom, tmp_path, 16, entries))
    assert caught.value.code == "malformed"
