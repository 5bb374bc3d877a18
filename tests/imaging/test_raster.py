"""Awkward pictures: depth, transparency, EXIF, pages, damage."""

from __future__ import annotations

import io
import struct
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.raster import read_raster
from umit.imaging.read import load
from umit.imaging.view import Rendering, render

GREY = np.random.default_rng(3).integers(0, 256, (20, 30), np.uint8)
COLOUR = np.random.default_rng(4).integers(0, 256, (20, 30, 3), np.uint8)


@pytest.mark.parametrize("kind", ["png", "bmp", "tif", "gif"])
def test_grey_is_kept_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"film.{kind}"
    Image.fromarray(GREY).save(path)
    scan = load(path)
    shown = scan.voxels[0] if scan.voxels.ndim == 3 else scan.voxels[0, ..., 0]
    assert np.array_equal(shown, GREY)
    assert (scan.size, scan.spacing, scan.window) == ((30, 20), None, None)


@pytest.mark.parametrize("kind", ["png", "bmp", "tif", "webp", "jpg"])
def test_colour(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"photo.{kind}"
    smooth = np.asarray(Image.fromarray(COLOUR).resize((2, 2)).resize((30, 20)))
    options: dict[str, object] = {"webp": {"lossless": True}, "jpg": {"quality": 100}}.get(kind, {})
    Image.fromarray(smooth).save(path, **options)
    assert np.abs(load(path).voxels[0].astype(int) - smooth).max() <= (12 if kind == "jpg" else 0)


@pytest.mark.parametrize(
    ("mode", "pixels", "expected"),
    [
        ("RGBA", [(200, 100, 50, 255), (200, 100, 50, 0)], [(200, 100, 50), (0, 0, 0)]),
        ("LA", [(200, 255), (200, 0)], [200, 0]),
        ("1", [0, 255], [0, 255]),
        ("CMYK", [(0, 0, 0, 0), (0, 255, 255, 0)], [(255, 255, 255), (255, 0, 0)]),
        ("YCbCr", [(0, 128, 128), (255, 128, 128)], [(0, 0, 0), (255, 255, 255)]),
    ],
)
def test_modes(mode: str, pixels: list[object], expected: list[object]) -> None:
    image = Image.new(mode, (2, 1))
    image.putdata(pixels)
    assert read_raster(image).voxels.tolist() == [[_plain(expected)]]


def _plain(values: list[object]) -> list[object]:
    return [list(v) if isinstance(v, tuple) else v for v in values]


def test_half_transparent_is_half_black_and_said() -> None:
    scan = read_raster(Image.new("RGBA", (1, 1), (255, 255, 255, 128)))
    assert scan.voxels.tolist() == [[[[128, 128, 128]]]]
    assert scan.warnings == ("transparency: composited on black",)


def test_a_transparent_palette_colour_is_black(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.save(tmp_path / "p.png", transparency=1)
    scan = load(tmp_path / "p.png")
    assert scan.voxels.tolist() == [[[[10, 20, 30], [0, 0, 0]]]]


@pytest.mark.parametrize("kind", ["png", "tif"])
@pytest.mark.parametrize("top", [4095, 65535])
def test_sixteen_bits_are_windowed_and_never_clipped_at_255(tmp_path: Path, kind: str, top: int) -> None:
    ramp = np.linspace(0, top, 120 * 100).astype(np.uint16).reshape(100, 120)
    path = tmp_path / f"deep.{kind}"
    Image.fromarray(ramp).save(path)
    scan = load(path)
    assert scan.voxels.max() == top
    assert "percentiles 0.5-99.5" in scan.warnings[0]
    shown = render(scan, Rendering(frame=None, min_pixels=784)).frames[0]
    assert len(np.unique(shown)) >= 200
    plain = Image.fromarray((ramp / top * 255).round().astype(np.uint8))
    twin = render(read_raster(plain), Rendering(frame=None, min_pixels=784)).frames[0]
    assert np.abs(shown.astype(int) - twin).mean() <= 2


def test_floats_and_a_window_of_one_s_own(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save(tmp_path / "f.tif")
    scan = load(tmp_path / "f.tif", window=(0.5, 0.5))
    assert scan.window == (0.25, 0.75)
    assert scan.warnings == ()


@pytest.mark.parametrize("kind", ["jpg", "png", "tif"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientations_are_one_picture(tmp_path: Path, turn: int, kind: str) -> None:
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :8], upright[8:, :8] = 255, 128
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.T,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = turn
    path = tmp_path / f"turned.{kind}"
    Image.fromarray(np.ascontiguousarray(undo[turn](upright))).save(path, exif=exif)
    scan = load(path)
    assert scan.size == (32, 16)
    assert np.abs(scan.voxels[0].astype(int) - upright).max() <= 2
    said = () if turn == 1 else (f"EXIF orientation {turn} applied",)
    assert scan.warnings == said


@pytest.mark.parametrize("kind", ["gif", "tif", "png", "webp"])
def test_several_frames_need_a_choice(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("L", (8, 8), level) for level in (0, 128, 255)]
    path = tmp_path / f"many.{kind}"
    options: dict[str, object] = {"lossless": True} if kind == "webp" else {}
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    with pytest.raises(InputError, match="frame=k") as caught:
        load(path)
    assert caught.value.code == "multi_frame"
    assert load(path, frame=1).voxels.reshape(-1)[0] == 128
    assert load(path, frame=0).voxels.reshape(-1)[0] == 0
    for wrong in (3, -1):
        with pytest.raises(InputError) as caught:
            load(path, frame=wrong)
        assert caught.value.code == "frame"


def test_the_only_frame_may_be_named(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "one.png")
    assert load(tmp_path / "one.png", frame=0).size == (30, 20)


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "gif", "webp", "bmp"])
def test_cut_files_are_refused(tmp_path: Path, kind: str) -> None:
    buffer = io.BytesIO()
    names = {"jpg": "JPEG", "tif": "TIFF"}
    Image.fromarray(COLOUR).save(buffer, names.get(kind, kind.upper()))
    whole = buffer.getvalue()
    path = tmp_path / f"cut.{kind}"
    for part in (0.1, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(InputError) as caught:
            load(path)
        assert caught.value.code in ("truncated", "not_an_image")
        assert caught.value.where == f"cut.{kind}"


def _bomb(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(16000, 12000), (10001, 10000), (50000, 50000)])
def test_bombs_are_refused_by_their_header(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_bomb(*size))
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with pytest.raises(InputError) as caught:
            load(path)
    assert caught.value.code == "pixel_limit"
    assert time.perf_counter() - start < 0.5


def test_flipped_bytes_never_escape_the_error_tree(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for kind in ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"):
        buffer = io.BytesIO()
        Image.fromarray(COLOUR).save(buffer, kind)
        whole = np.frombuffer(buffer.getvalue(), np.uint8)
        for _ in range(40):
            _survives(tmp_path / f"x.{kind.lower()}", whole, rng)


def _survives(path: Path, whole: NDArray[np.uint8], rng: np.random.Generator) -> None:
    damaged = whole.copy()
    damaged[rng.integers(0, min(len(whole), 400), 3)] = rng.integers(0, 256, 3)
    path.write_bytes(damaged.tobytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            load(path)
        except InputError:
            return


def test_other_formats_are_refused_even_under_a_known_name(tmp_path: Path) -> None:
    path = tmp_path / "icon.png"
    Image.fromarray(GREY).save(path, "ICO")
    with pytest.raises(UnsupportedFormatError) as caught:
        load(path)
    assert caught.value.code == "not_an_image"


def test_a_pillow_picture_is_read_like_its_file(tmp_path: Path) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "c.png")
    with Image.open(tmp_path / "c.png") as image:
        assert np.array_equal(load(image).voxels, load(tmp_path / "c.png").voxels)
    assert load(Image.fromarray(COLOUR)).name == ""


@pytest.mark.shared
def test_every_sample_picture_opens(shared: Path) -> None:
    files = sorted((shared / "samples/images2d").glob("*.[pj]*g"))
    files += sorted((shared / "samples/vqa_rad/images").glob("*.jpg"))[:6]
    assert len(files) == 9
    for path in files:
        scan = load(path)
        assert scan.voxels.dtype == np.uint8
        assert scan.warnings == ()
        assert render(scan, Rendering(frame=None)).frames[0].std() > 5


@pytest.mark.shared
def test_golden_modes(shared: Path) -> None:
    images = shared / "golden/images"
    upright = load(images / "exif6.jpg")
    assert (upright.size, upright.warnings) == ((153, 210), ("EXIF orientation 6 applied",))
    assert load(images / "gray16_full.png").voxels.dtype == np.uint16
    with Image.open(images / "cmyk.jpg") as image:
        assert np.array_equal(load(images / "cmyk.jpg").voxels[0], np.asarray(image.convert("RGB")))


def test_a_turned_tiff_that_pillow_scrambles_is_refused(tmp_path: Path) -> None:
    """Pillow 13.0.0 maps it into rows of the wrong length when it is opened by path."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(tmp_path / "t.tif", exif=exif)
    assert load(tmp_path / "t.tif").size == (20, 30)
    with Image.open(tmp_path / "t.tif") as image:
        try:
            assert np.array_equal(load(image).voxels, load(tmp_path / "t.tif").voxels)
        except InputError as error:
            assert error.code == "truncated"
