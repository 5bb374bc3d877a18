"""TIFF's kinds of numbers (TIFF 6.0, section 19), colours in planes, and MPO's other pictures."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from umit.errors import UnsupportedFormatError
from umit.imaging.read import load

PLAIN, DEFLATE = 1, 8


def tiff(pixels: NDArray[Any], order: str, compression: int, *, white: int = 1, planes: int = 1) -> bytes:
    """A TIFF of one strip, or of one a plane, written by hand: no package here writes them all."""
    height, width = pixels.shape[:2]
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    stored = np.moveaxis(pixels, -1, 0) if planes == 2 else pixels[None]
    stored = stored.astype(pixels.dtype.newbyteorder(order))
    strips = [np.ascontiguousarray(part).tobytes() for part in stored]
    strips = [zlib.compress(strip) if compression == DEFLATE else strip for strip in strips]
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    starts = [8 + sum(map(len, strips[:k])) for k in range(len(strips))]
    tags = [
        (256, "I", [width]),
        (257, "I", [height]),
        (258, "H", [8 * pixels.itemsize] * samples),
        (259, "H", [compression]),
        (262, "H", [2 if samples > 1 else white]),
        (273, "I", starts),
        (277, "H", [samples]),
        (278, "I", [height]),
        (279, "I", [len(strip) for strip in strips]),
        (284, "H", [planes]),
        (339, "H", [kind] * samples),
    ]
    body = b"".join(strips)
    body += b"\0" * (len(body) % 2)
    behind = 8 + len(body) + 2 + 12 * len(tags) + 4
    table, values = struct.pack(f"{order}H", len(tags)), b""
    for tag, code, numbers in tags:
        raw = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        if len(raw) > 4:
            raw, values = struct.pack(f"{order}I", behind + len(values)), values + raw
        table += struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[code], len(numbers))
        table += raw.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body))
    return head + body + table + bytes(4) + values


GREYS = {
    "u1": [0, 5, 200, 255],
    "i1": [-5, 5, 100, -128],
    "u2": [0, 5, 40000, 65535],
    "i2": [-5, 5, 300, -32768],
    "u4": [0, 5, 3_000_000_000, 70000],
    "i4": [-5, 5, 70000, -(2**31)],
    "f4": [-0.5, 1, 2, 3],
    "f2": [-0.5, 1, 2, 3],
    "f8": [-0.5, 1, 2, 1e300],
    "u8": [1, 2, 3, 2**40],
}
# What Pillow 13 has no mode for is refused, and named.
UNKNOWN = {("<", "f2"), ("<", "f8"), ("<", "u8"), (">", "f2"), (">", "f8"), (">", "u8"), (">", "u4")}
NAMES = {"u": "unsigned", "i": "signed", "f": "real"}


@pytest.mark.parametrize("white", [1, 0])
@pytest.mark.parametrize("compression", [PLAIN, DEFLATE])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", GREYS)
def test_grey_numbers_are_as_stored_or_refused_by_name(
    tmp_path: Path, kind: str, order: str, compression: int, white: int
) -> None:
    pixels = np.array([GREYS[kind]] * 2, kind)
    path = tmp_path / "grey.tif"
    path.write_bytes(tiff(pixels, order, compression, white=white))
    try:
        scan = load(path)
    except UnsupportedFormatError as error:
        assert (order, kind) in UNKNOWN or white == 0
        assert f"{8 * pixels.itemsize}-bit {NAMES[kind[0]]}" in error.message
        return
    assert (order, kind) not in UNKNOWN
    if kind == "u1" and white == 0:
        pixels = 255 - pixels  # Pillow turns 8 bits itself
    assert scan.voxels[0].tolist() == pixels.tolist()
    assert scan.inverted == (white == 0 and kind != "u1")


@pytest.mark.parametrize("compression", [PLAIN, DEFLATE])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "f4"])
def test_colours_are_right_or_refused(tmp_path: Path, kind: str, planes: int, order: str, compression: int) -> None:
    pixels = (np.arange(2 * 3 * 3).reshape(2, 3, 3) * (14 if kind == "u1" else 3000)).astype(kind)
    path = tmp_path / "colour.tif"
    path.write_bytes(tiff(pixels, order, compression, planes=planes))
    try:
        scan = load(path)
    except UnsupportedFormatError as error:
        assert (kind, planes) not in (("u1", 1), ("u1", 2), ("u2", 1))
        assert "Fetch" not in str(error)
        return
    assert np.array_equal(scan.voxels[0], pixels >> 8 if kind == "u2" else pixels)
    assert any("upper 8 of 16" in note for note in scan.warnings) == (kind == "u2")


def test_every_picture_of_an_mpo_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "two.mpo"
    first, second = (Image.new("RGB", (8, 6), colour) for colour in ("red", "blue"))
    first.save(path, format="MPO", save_all=True, append_images=[second])
    main = load(path)
    assert main.voxels[0, 0, 0, 0] > 200
    assert any("MPO" in note for note in main.warnings)
    assert load(path, frame=0).voxels[0, 0, 0, 0] > 200
    other = load(path, frame=1)
    assert other.voxels[0, 0, 0, 2] > 200
    assert other.warnings == ()
