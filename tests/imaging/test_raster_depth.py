"""What Pillow changes without a word: 16-bit channels, white stored as zero, colours set clear."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from umit.errors import InputError
from umit.imaging.raster import read_raster
from umit.imaging.read import load
from umit.imaging.view import Rendering, render


def png(depth: int, colour: int, values: NDArray[np.generic], clear: tuple[int, ...] = ()) -> io.BytesIO:
    """A one-row PNG of any depth and colour type, big endian as its specification wants."""

    def chunk(name: bytes, data: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + sum_

    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    head = struct.pack(">IIBBBBB", values.size // channels, 1, depth, colour, 0, 0, 0)
    body = zlib.compress(b"\0" + values.astype(f">u{depth // 8}").tobytes())
    trns = chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear)) if clear else b""
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + trns + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def tiff(order: str, depth: int, photometric: int, values: NDArray[np.generic]) -> io.BytesIO:
    """A one-row grey TIFF; Pillow cannot write one whose white is 0."""
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    raw = values.astype(values.dtype.newbyteorder(order)).tobytes()
    fields = [(256, values.size), (257, 1), (258, depth), (259, 1), (262, photometric), (273, 8)]
    fields += [(277, 1), (278, 1), (279, len(raw)), (339, kind)]
    table = struct.pack(f"{order}H", len(fields))
    table += b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in fields)
    start = struct.pack(f"{order}HI", 42, 8 + len(raw))
    return io.BytesIO((b"II" if order == "<" else b"MM") + start + raw + table + bytes(4))


def saved(path: Path, content: io.BytesIO) -> Path:
    path.write_bytes(content.getvalue())
    return path


GREY16 = np.array([300, 4095, 65535], np.uint16)


def test_a_clear_level_of_16_bits_is_black_and_the_others_stay(tmp_path: Path) -> None:
    scan = load(saved(tmp_path / "a.png", png(16, 0, GREY16, clear=(4095,))))
    assert scan.voxels.tolist() == [[[300, 0, 65535]]]
    assert "transparency: composited on black" in scan.warnings


def test_16_bit_grey_with_alpha_is_refused(tmp_path: Path) -> None:
    """Pillow keeps the upper 8 bits: 16 levels of a film whose data lie in 0..4095."""
    with pytest.raises(InputError, match="without its alpha") as caught:
        load(saved(tmp_path / "a.png", png(16, 4, np.array([300, 65535, 4095, 0]))))
    assert caught.value.code == "depth"


@pytest.mark.parametrize(("colour", "rest"), [(2, ()), (6, (65535,))])
def test_16_bit_colours_are_cut_and_said(tmp_path: Path, colour: int, rest: tuple[int, ...]) -> None:
    scan = load(saved(tmp_path / "a.png", png(16, colour, np.array([256, 512, 65535, *rest]))))
    assert scan.voxels.tolist() == [[[[1, 2, 255]]]]
    assert "colours: the upper 8 of 16 bits are shown" in scan.warnings


@pytest.mark.parametrize(
    ("depth", "values"), [(8, np.array([0, 100, 255], np.uint8)), (16, GREY16), (32, np.array([0, 1, 2], np.float32))]
)
def test_white_stored_as_zero_is_shown_like_its_twin(tmp_path: Path, depth: int, values: NDArray[np.generic]) -> None:
    top = values.max()
    negative = load(saved(tmp_path / "n.tif", tiff("<", depth, 0, values)))
    twin = load(saved(tmp_path / "p.tif", tiff("<", depth, 1, (top - values).astype(values.dtype))))
    shown = [render(scan, Rendering(frame=None)).frames[0] for scan in (negative, twin)]
    assert np.abs(shown[0].astype(int) - shown[1]).max() <= 1
    assert (negative.inverted, twin.inverted) == (depth > 8, False)
    assert any("white as 0" in note for note in negative.warnings) == (depth > 8)


@pytest.mark.parametrize(
    "values", [GREY16, np.array([-5, 0, 300], np.int16), np.array([0.5, 2, -1], np.float32)], ids=["u2", "i2", "f4"]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_orders(tmp_path: Path, order: str, values: NDArray[np.generic]) -> None:
    scan = load(saved(tmp_path / "a.tif", tiff(order, values.itemsize * 8, 1, values)))
    assert scan.voxels.tolist() == [[values.tolist()]]
    assert scan.voxels.dtype.isnative


def test_reals_of_64_bits_are_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="8- or 16-bit") as caught:
        load(saved(tmp_path / "a.tif", tiff("<", 64, 1, np.array([0.5, 1.0]))))
    assert caught.value.code == "not_an_image"


@pytest.mark.parametrize(
    ("colour", "values", "clear", "expected"),
    [
        (2, [9, 8, 7, 1, 2, 3, 0, 0, 5], (1, 2, 3), [[9, 8, 7], [0, 0, 0], [0, 0, 5]]),
        (0, [9, 1, 255], (1,), [9, 0, 255]),
        (4, [9, 255, 9, 0, 200, 128], (), [9, 0, 100]),
        (6, [9, 8, 7, 255, 9, 8, 7, 0, 255, 255, 0, 51], (), [[9, 8, 7], [0, 0, 0], [51, 51, 0]]),
    ],
    ids=["clear-colour", "clear-grey", "grey-alpha", "colour-alpha"],
)
def test_transparency_golden_pixels(
    tmp_path: Path, colour: int, values: list[int], clear: tuple[int, ...], expected: list[object]
) -> None:
    scan = load(saved(tmp_path / "a.png", png(8, colour, np.array(values), clear)))
    assert scan.voxels.tolist() == [[expected]]


def test_adobe_cmyk_is_not_a_negative(tmp_path: Path) -> None:
    """Adobe writes ink turned round; red, white and black inks must stay what they are."""
    inks = np.repeat([[(0, 255, 255, 0), (0, 0, 0, 0), (0, 0, 0, 255)]], 8, axis=0)
    wide = np.repeat(inks, 8, axis=1).astype(np.uint8)
    Image.fromarray(wide, "CMYK").save(tmp_path / "a.jpg", quality=100)
    shown = load(tmp_path / "a.jpg").voxels[0, 4, 4::8].astype(int)
    assert np.abs(shown - [[255, 0, 0], [255, 255, 255], [0, 0, 0]]).max() <= 8


@pytest.mark.parametrize("turn", range(1, 9))
def test_boxes_are_of_the_displayed_frame(tmp_path: Path, turn: int) -> None:
    """One picture stored in eight ways: fed pixels and boxes are equal."""
    rng = np.random.default_rng(2)
    upright = Image.fromarray(rng.integers(0, 256, (6, 8), np.uint8)).resize((112, 84))
    undo = [None, None, 0, 3, 1, 5, 2, 6, 4][turn]  # what EXIF 2 to 8 undo, as Transpose values
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = turn
    stored.save(tmp_path / "a.png", exif=exif)
    scan, plain = load(tmp_path / "a.png"), read_raster(upright)
    views = [render(found, Rendering(frame=(50, 50))) for found in (scan, plain)]
    assert np.array_equal(views[0].frames[0], views[1].frames[0])
    boxes = [view.box_to_source((5, 10, 20, 30)).corners for view in views]
    assert boxes[0] == boxes[1] == pytest.approx((11.2, 16.8, 44.8, 50.4))


def test_ten_cuts_and_three_kinds_of_nothing(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    noise = np.random.default_rng(3).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    whole = buffer.getvalue()
    for cut in np.random.default_rng(4).integers(8, len(whole) - 12, 10):
        assert _code(tmp_path, whole[: int(cut)]) == "truncated"
    assert [_code(tmp_path, content) for content in (b"", b"<html>log in</html>")] == ["empty_file", "not_an_image"]


def _code(folder: Path, content: bytes) -> str:
    (folder / "a.png").write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(folder / "a.png")
    return caught.value.code


def test_a_chunk_that_claims_gigabytes(tmp_path: Path) -> None:
    """Pillow asks for a chunk's whole claim, and Python would take that memory first."""
    import tracemalloc

    path = tmp_path / "chunk.png"
    Image.new("L", (48, 40), 7).save(path)
    data = bytearray(path.read_bytes())
    data[33:37] = struct.pack(">I", 0x70000000)  # the length of IDAT
    path.write_bytes(data)
    tracemalloc.start()
    with contextlib.suppress(InputError):
        load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000
