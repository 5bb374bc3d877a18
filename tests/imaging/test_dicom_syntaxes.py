"""Transfer syntaxes, and what is said where a decoder is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import FileDataset, dcmread, uid
from pydicom.encaps import encapsulate, get_frame

from umit.errors import InputError, UnsupportedFormatError
from umit.imaging.read import load

DEEP = np.random.default_rng(1).integers(0, 2**16, (16, 24)).astype(np.uint16)
DEEP[0, :2] = 0, 2**15  # a step of 32768 has a code of its own in lossless JPEG
SIGNED = DEEP.view(np.int16)
RAMP = np.add.outer(np.arange(16) * 4, np.arange(24) * 5).astype(np.uint8)
BLOCKS = np.kron([[0, 4095, 2048], [1000, 17, 3000]], np.ones((8, 8))).astype(np.uint16)
COLOURS = np.stack([RAMP, 255 - RAMP, RAMP // 2], axis=-1)

# An 8 × 10 picture of 16 bits, 300 a row and 41 a column, written once by OpenJPH 0.26.3.
HTJ2K = bytes.fromhex(
    "ff4fff51002940000000000a0000000800000000000000000000000a00000008000000000000000000010f0101ff"
    "50000800020000000aff52000c00020001000504044001ff5c00132088909090909090909090909090888888ff64"
    "001700014f70656e4a50482056657220302e32362e332eff90000a0000000000690001ff93c0002659f90507740000"
    "c00013009efe02077400c00012c0001380f900477400b00aab00c23400c00012c0001540c90042740044258aa80018"
    "c0775600c0002a600015c0500882fed7e08b7500565ab162c5cae010464201ecb800ffd9"
)
STEPS = np.add.outer(np.arange(8) * 300, np.arange(10) * 41).astype(np.uint16)


# A small JPEG writer, for the two kinds that no package here writes: lossless, and 12 bits.


def _huffman(coded: Iterator[tuple[int, int]]) -> bytes:
    """Pack ``(value, bits)`` into bytes; 255 is followed by 0 (ISO/IEC 10918-1 F.1.2.3)."""
    text = "".join(f"{value:0{bits}b}" for value, bits in coded if bits)
    text += "1" * (-len(text) % 8)
    packed = bytes(int(text[k : k + 8], 2) for k in range(0, len(text), 8))
    return packed.replace(b"\xff", b"\xff\0")


def _difference(step: int) -> Iterator[tuple[int, int]]:
    """Code a step by how many bits it takes, in 5 bits, then those bits (F.1.2.1)."""
    size = abs(step).bit_length()
    yield size, 5
    yield (0, 0) if size == 16 else ((step if step > 0 else step + (1 << size) - 1), size)


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def _jpeg(pixels: NDArray[Any], frame: int, precision: int, scan: bytes, body: bytes, tables: bytes) -> bytes:
    rows, columns = (n.to_bytes(2, "big") for n in pixels.shape)
    head = bytes([precision]) + rows + columns + bytes([1, 1, 0x11, 0])
    start = _segment(0xDA, bytes([1, 1, 0]) + scan)
    return b"\xff\xd8" + tables + _segment(frame, head) + start + body + b"\xff\xd9"


def jpeg_lossless(pixels: NDArray[Any]) -> bytes:
    """Lossless JPEG with predictor 1, the sample to the left (H.1.2.1)."""
    values = pixels.astype(np.int64)
    before = np.roll(values, 1, axis=1)
    before[1:, 0], before[0, 0] = values[:-1, 0], 1 << 15
    steps = (values - before + 2**15 - 1) % 2**16 - 2**15 + 1  # -32767 to 32768
    body = _huffman(code for step in steps.ravel().tolist() for code in _difference(step))
    # 17 sizes of step, all with codes of 5 bits.
    tables = _segment(0xC4, bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(17)]))
    return _jpeg(pixels, 0xC3, 16, bytes([1, 0, 0]), body, tables)


def jpeg_12(pixels: NDArray[Any]) -> bytes:
    """Extended JPEG of 12 bits whose blocks are of one value each, so that nothing is lost."""
    levels = [0, *(pixels[::8, ::8].astype(int) - 2048).ravel().tolist()]

    def codes() -> Iterator[tuple[int, int]]:
        for before, level in pairwise(levels):
            yield from _difference(level - before)
            yield 0, 1  # end of block

    tables = _segment(0xDB, bytes([0, *[8] * 64]))  # the mean of a block times 8, divided by 8
    tables += _segment(0xC4, bytes([0x00, 0, 0, 0, 0, 16, *[0] * 11, *range(16)]))
    tables += _segment(0xC4, bytes([0x10, 1, *[0] * 15, 0]))
    return _jpeg(pixels, 0xC1, 12, bytes([0, 63, 0]), _huffman(codes()), tables)


def _pillow(pixels: NDArray[Any], **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, **options)
    return file.getvalue()


def _by_pydicom(syntax: str) -> Callable[[FileDataset], None]:
    return lambda data: data.compress(syntax)


def _coded(syntax: str, frame: bytes, **fields: Any) -> Callable[[FileDataset], None]:
    def change(data: FileDataset) -> None:
        data.file_meta.TransferSyntaxUID = syntax
        data.PixelData = encapsulate([frame])
        data["PixelData"].VR = "OB"
        for name, value in fields.items():
            setattr(data, name, value)

    return change


def _plain(syntax: str) -> Callable[[FileDataset], None]:
    def change(data: FileDataset) -> None:
        data.file_meta.TransferSyntaxUID = syntax
        if syntax == uid.ExplicitVRBigEndian and data.BitsAllocated == 16:
            pixels = np.frombuffer(data.PixelData, "<u2")
            data.PixelData = pixels.astype(">u2").tobytes()

    return change


J2K = {"format": "JPEG2000", "no_jp2": True}
YBR = {"PhotometricInterpretation": "YBR_FULL_422"}
RCT = {"PhotometricInterpretation": "YBR_RCT"}
NEEDS_BITS_12 = {"BitsStored": 12, "HighBit": 11}

# name: pixels, how they are stored, module that is needed beyond Pillow, largest difference
STORED: dict[str, tuple[NDArray[Any], Callable[[FileDataset], None], str, int]] = {
    "implicit": (DEEP, _plain(uid.ImplicitVRLittleEndian), "", 0),
    "explicit": (SIGNED, _plain(uid.ExplicitVRLittleEndian), "", 0),
    "big endian": (SIGNED, _plain(uid.ExplicitVRBigEndian), "", 0),
    "big endian bytes": (RAMP, _plain(uid.ExplicitVRBigEndian), "", 0),
    "deflated": (DEEP, _plain(uid.DeflatedExplicitVRLittleEndian), "", 0),
    "rle": (SIGNED, _by_pydicom(uid.RLELossless), "", 0),
    "rle colour": (COLOURS, _by_pydicom(uid.RLELossless), "", 0),
    "jpeg 8": (RAMP, _coded(uid.JPEGBaseline8Bit, _pillow(RAMP, format="JPEG", quality=95)), "", 4),
    "jpeg colour": (COLOURS, _coded(uid.JPEGBaseline8Bit, _pillow(COLOURS, format="JPEG", quality=95), **YBR), "", 12),
    "jpeg extended 8": (RAMP, _coded(uid.JPEGExtended12Bit, _pillow(RAMP, format="JPEG", quality=95)), "", 4),
    "jpeg extended 12": (BLOCKS, _coded(uid.JPEGExtended12Bit, jpeg_12(BLOCKS), **NEEDS_BITS_12), "libjpeg", 0),
    "jpeg lossless": (DEEP, _coded(uid.JPEGLossless, jpeg_lossless(DEEP)), "libjpeg", 0),
    "jpeg lossless sv1": (DEEP, _coded(uid.JPEGLosslessSV1, jpeg_lossless(DEEP)), "libjpeg", 0),
    "jpeg lossless signed": (SIGNED, _coded(uid.JPEGLosslessSV1, jpeg_lossless(SIGNED.view(np.uint16))), "libjpeg", 0),
    "jpeg-ls": (DEEP, _by_pydicom(uid.JPEGLSLossless), "jpeg_ls", 0),
    "jpeg-ls colour": (COLOURS, _by_pydicom(uid.JPEGLSLossless), "jpeg_ls", 0),
    "jpeg-ls near": (DEEP, lambda data: data.compress(uid.JPEGLSNearLossless, jls_error=2), "jpeg_ls", 2),
    "jpeg 2000": (DEEP, _coded(uid.JPEG2000Lossless, _pillow(DEEP, **J2K)), "", 0),
    "jpeg 2000 colour": (COLOURS, _coded(uid.JPEG2000Lossless, _pillow(COLOURS, mct=1, **J2K), **RCT), "", 0),
    "jpeg 2000 signed": (np.tile(SIGNED, (4, 4)), _by_pydicom(uid.JPEG2000Lossless), "openjpeg", 0),
    "htj2k": (STEPS, _coded(uid.HTJ2KLossless, HTJ2K), "openjpeg", 0),
    "htj2k lossy": (STEPS, _coded(uid.HTJ2K, HTJ2K), "openjpeg", 0),
}


def _write(dicom: Any, folder: Path, name: str) -> Path:
    pixels, change, _, _ = STORED[name]
    data = dicom.header(pixels)
    change(data)
    return dicom.saved(folder / f"{name.replace(' ', '_')}.dcm", data)


@pytest.mark.parametrize("name", STORED)
def test_every_syntax_gives_the_same_numbers(dicom: Any, tmp_path: Path, name: str) -> None:
    pixels, _, module, off = STORED[name]
    if module:
        pytest.importorskip(module, reason='needs pip install "umit[codecs]"')
    scan = load(_write(dicom, tmp_path, name))
    assert scan.voxels.dtype == pixels.dtype
    assert np.abs(scan.voxels[0].astype(int) - pixels).max() <= off


WITHOUT = """
import sys
for name in ("pylibjpeg", "libjpeg", "openjpeg", "rle", "jpeg_ls", "gdcm"):
    sys.modules[name] = None
from umit.errors import UnsupportedFormatError
from umit.imaging.read import load
for path in sys.argv[1:]:
    try:
        load(path)
        print("read")
    except UnsupportedFormatError as error:
        print(error.code, "|", error)
"""


@pytest.mark.parametrize("name", [name for name in STORED if "colour" in name])
def test_the_planes_of_coded_colours_are_the_codecs_business(dicom: Any, tmp_path: Path, name: str) -> None:
    # PS3.5 8.2: PlanarConfiguration says nothing of a coded picture.
    _, _, module, _ = STORED[name]
    if module:
        pytest.importorskip(module)
    path = _write(dicom, tmp_path, name)
    data, right = dcmread(path), load(path).voxels
    data.PlanarConfiguration = 1 - data.PlanarConfiguration
    assert np.array_equal(load(dicom.saved(path, data)).voxels, right)


@pytest.mark.parametrize(("stream", "bits"), [(jpeg_12(BLOCKS), 12), (jpeg_lossless(DEEP), 16)], ids=["12", "lossless"])
def test_a_bare_stream_that_pillow_cannot_decode_is_not_called_damaged(
    tmp_path: Path, stream: bytes, bits: int
) -> None:
    (tmp_path / "a.jpg").write_bytes(stream)
    with pytest.raises(UnsupportedFormatError, match=f"JPEG of {bits}-bit numbers"):
        load(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(stream[:-9])
    with pytest.raises(InputError) as caught:
        load(tmp_path / "a.jpg")
    assert caught.value.code == "truncated"


def test_without_the_extra_the_command_is_named(dicom: Any, tmp_path: Path) -> None:
    # What pydicom encodes only with a codec needs no true stream: none is looked at.
    fake = {"jpeg-ls": uid.JPEGLSLossless, "jpeg-ls near": uid.JPEGLSNearLossless}
    paths = {n: _write(dicom, tmp_path, n) for n in STORED if STORED[n][2] in ("", "libjpeg")}
    for name, syntax in {**fake, "htj2k": uid.HTJ2KLosslessRPCL, "12": uid.JPEG2000}.items():
        data = dicom.header(COLOURS.astype(np.uint16) if name == "12" else DEEP)
        _coded(syntax, bytes(64), **(NEEDS_BITS_12 if name == "12" else {}))(data)
        paths[name] = dicom.saved(tmp_path / f"{name}.dcm", data)
    run = [sys.executable, "-c", WITHOUT, *map(str, paths.values())]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(said) == len(paths)
    for (name, path), line in zip(paths.items(), said, strict=True):
        if name in STORED and not STORED[name][2]:
            assert line == "read", name
        else:
            assert line.startswith(f"codec_missing | {path.name}: expected"), name
            assert line.endswith('Install its decoder: pip install "umit[codecs]".')


@pytest.mark.parametrize(
    ("syntax", "code"),
    [
        (uid.MPEG4HP41, "transfer_syntax"),  # a film, no still
        (uid.UID("1.2.840.113619.5.2"), "transfer_syntax"),  # private, of one vendor
    ],
)
@pytest.mark.parametrize("frames", [1, 100])  # a video is one fragment or a few, whatever its frames
def test_syntaxes_that_no_codec_reads(dicom: Any, tmp_path: Path, syntax: str, code: str, frames: int) -> None:
    data = dicom.header(RAMP, NumberOfFrames=frames)
    _coded(syntax, bytes(64))(data)
    path = dicom.saved(tmp_path / "film.dcm", data)
    for frame in (None, 0):
        with pytest.raises(UnsupportedFormatError) as caught:
            load(path, frame=frame)
        assert caught.value.code == code
        assert "codecs" not in str(caught.value)


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.RLELossless, uid.JPEG2000])
def test_frames_that_cannot_be_told_apart(dicom: Any, tmp_path: Path, syntax: str) -> None:
    data = dicom.header(RAMP, NumberOfFrames=3)
    _coded(syntax, bytes(64))(data)
    with pytest.raises(InputError, match="holds 0 of 3 frames"):
        load(dicom.saved(tmp_path / "film.dcm", data), frame=0)


def _lie(stream: bytes, size: bytes, lie: bytes) -> bytes:
    assert stream.count(size) == 1
    return stream.replace(size, lie)


@pytest.mark.parametrize(
    ("syntax", "frame"),
    [
        (uid.JPEGBaseline8Bit, _lie(_pillow(RAMP, format="JPEG"), b"\x08\0\x10\0\x18", b"\x08\xff\xf0\xff\xf0")),
        (uid.JPEG2000, _lie(_pillow(RAMP, **J2K)[:16], b"\0\0\0\x18\0\0\0\x10", b"\0\xff\0\0\0\xff\0\0")),
        (uid.JPEGBaseline8Bit, _pillow(RAMP[:8], format="JPEG")),
        (uid.JPEGBaseline8Bit, _pillow(RAMP, format="JPEG")[:-80]),
        (uid.JPEGBaseline8Bit, b"\xff\xd8"),
        (uid.JPEG2000, b"\xff\x4f\xff\x51"),
    ],
    ids=["huge jpeg", "huge jpeg 2000", "smaller", "cut", "empty", "cut header"],
)
def test_coded_pictures_that_lie_or_break_off(dicom: Any, tmp_path: Path, syntax: str, frame: bytes) -> None:
    data = dicom.header(RAMP)
    _coded(syntax, frame)(data)
    with pytest.raises(InputError) as caught:
        load(dicom.saved(tmp_path / "film.dcm", data))
    assert caught.value.code in ("truncated", "malformed")


def _tiles(pixels: NDArray[Any]) -> Callable[[FileDataset], None]:
    return _coded(uid.JPEG2000Lossless, _pillow(pixels, tile_size=(8, 8), **J2K))


CODED = {name: row for name, row in STORED.items() if row[1].__qualname__ != _plain(uid.JPEG2000).__qualname__}
CODED["jpeg progressive"] = (RAMP, _coded(uid.JPEGBaseline8Bit, _pillow(RAMP, format="JPEG", progressive=True)), "", 9)
CODED["jpeg 2000 tiles"] = (RAMP, _tiles(RAMP), "", 0)
# Without offsets two frames are told apart by how they start, or they are one fragment each.
LAYOUTS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "one": lambda frame, cut: encapsulate([cut]),
    "fragments": lambda frame, cut: encapsulate([cut], fragments_per_frame=2),
    "second frame": lambda frame, cut: encapsulate([frame, cut]),
    "second frame, no table": lambda frame, cut: encapsulate([frame, cut], fragments_per_frame=2, has_bot=False),
}


def _frame(data: FileDataset) -> bytes:
    """The coded picture without padding behind its end."""
    return get_frame(data.PixelData, 0, number_of_frames=1).rstrip(b"\0")


# ISO/IEC 10918-1 B.1.1.2: what EOI (15444-1: EOC) does not end is no whole picture; RLE, whose end no
# marker tells, must fill its segments (PS3.5 G.3.1).
@pytest.mark.parametrize("kept", [0.25, 0.5, 0.75, 0.99, -2, -1], ids=str)
@pytest.mark.parametrize("name", CODED)
def test_no_broken_off_picture_is_read(dicom: Any, tmp_path: Path, name: str, kept: float) -> None:
    pixels, change, module, _ = CODED[name]
    if module:
        pytest.importorskip(module, reason='needs pip install "umit[codecs]"')
    if "rle" in name and kept == -1:
        pytest.skip("an item is of even length: the byte that fills it up may be the lost one")
    data = dicom.header(pixels)
    change(data)
    frame = _frame(data)
    cut = frame[: int(len(frame) * kept) if kept > 0 else int(kept)]
    for layout, put in LAYOUTS.items():
        if "rle" in name and layout not in ("one", "second frame"):
            continue  # RLE has one fragment a frame: PS3.5 A.4.2
        data.PixelData = put(frame, cut)
        data.NumberOfFrames = 2 if "second" in layout else 1
        path = dicom.saved(tmp_path / "film.dcm", data)
        with pytest.raises(InputError) as caught:
            load(path, frame=1 if "second" in layout else None)
        assert caught.value.code == "truncated", (layout, caught.value)


@pytest.mark.parametrize("name", CODED)
@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0", b"\xff", b" \0"], ids=repr)
def test_padding_behind_the_end_marker(dicom: Any, tmp_path: Path, name: str, padding: bytes) -> None:
    pixels, change, module, off = CODED[name]
    if module:
        pytest.importorskip(module, reason='needs pip install "umit[codecs]"')
    data = dicom.header(pixels)
    change(data)
    if "rle" in name and set(padding) != {0}:
        pytest.skip("a run of RLE may start with any byte but 0 and 128")
    for fragments in (1, 1 if "rle" in name else 3):
        data.PixelData = encapsulate([_frame(data) + padding], fragments_per_frame=fragments)
        scan = load(dicom.saved(tmp_path / "film.dcm", data))
        assert np.abs(scan.voxels[0].astype(int) - pixels).max() <= off
