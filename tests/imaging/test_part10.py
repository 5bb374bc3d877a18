"""DICOM files to headers: packed ones within limits, ones without a preamble, fields that cannot be read."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate

from umit.errors import InputError, UMITError
from umit.imaging import codecs, fragments, part10
from umit.imaging.dicom import read_dicom
from umit.imaging.read import load

resource = pytest.importorskip("resource")  # how much memory a Unix process took

FILM = np.random.default_rng(9).integers(0, 4096, (6, 8)).astype(np.uint16)
SYNTAXES = [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]


def _stored(dicom: Any, folder: Path, syntax: str, name: str = "film.dcm", **fields: Any) -> Path:
    data = dicom.header(FILM, **fields)
    data.file_meta.TransferSyntaxUID = syntax
    if syntax == uid.ExplicitVRBigEndian:
        data.PixelData = FILM.astype(">u2").tobytes()
    return dicom.saved(folder / name, data)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("name", ["film.dcm", "IM0001"])
@pytest.mark.parametrize("without", ["preamble", "preamble and group 2"])
def test_a_file_without_a_preamble(dicom: Any, tmp_path: Path, syntax: str, name: str, without: str) -> None:
    whole = _stored(dicom, tmp_path, syntax).read_bytes()
    start = 132
    if without != "preamble":
        first = b"\0\x08\0\x16" if syntax == uid.ExplicitVRBigEndian else b"\x08\0\x16\0"
        start = whole.index(first)
    (tmp_path / name).write_bytes(whole[start:])
    scan = load(tmp_path / name)
    assert np.array_equal(scan.voxels[0], FILM)
    said = "DICOM: no transfer syntax is stated, it is taken from the bytes" in scan.warnings
    assert said == (without != "preamble")


def test_a_gzipped_file_is_read_and_a_zip_is_named(dicom: Any, tmp_path: Path) -> None:
    path = _stored(dicom, tmp_path, uid.ExplicitVRLittleEndian)
    whole = path.read_bytes()
    for name in ("film.dcm.gz", "film.dcm"):
        (tmp_path / name).write_bytes(gzip.compress(whole))
        assert np.array_equal(load(tmp_path / name).voxels[0], FILM)
        (tmp_path / name).write_bytes(gzip.compress(whole)[:-40])
        with pytest.raises(InputError) as caught:
            load(tmp_path / name)
        assert caught.value.code == "truncated"
    for name in ("film.zip", "film.dcm"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("film.dcm", whole)
        with pytest.raises(InputError, match=r"a zip archive\. Unpack it first") as caught:
            load(tmp_path / name)
        assert caught.value.code == "not_an_image"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless])
def test_a_file_that_ends_within_its_pixels(dicom: Any, tmp_path: Path, syntax: str, share: float) -> None:
    data = dicom.header(np.tile(FILM, (8, 8)))
    if syntax == uid.RLELossless:
        data.compress(syntax)
    data.file_meta.TransferSyntaxUID = syntax
    path = dicom.saved(tmp_path / "film.dcm", data)
    whole = path.read_bytes()
    start = max(whole.find(b"\xe0\x7f\x10\0"), 400)
    path.write_bytes(whole[: start + int((len(whole) - start) * share)])
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == "truncated"


def _zeros(first: bytes, megabytes: int, wbits: int) -> bytes:
    """``first`` and then zeros, deflated: one flushed block, repeated, spells them all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    start = packer.compress(first) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * megabytes


def _bomb(dicom: Any, kind: str, megabytes: int, **fields: Any) -> bytes:
    file = BytesIO()
    data = dicom.header(FILM, **fields)
    data.PixelData = b""
    data.save_as(file, enforce_file_format=True)
    whole = file.getvalue()
    head = whole[: whole.rindex(b"\xe0\x7f\x10\0")]
    pixels = b"\xe0\x7f\x10\0OW\0\0" + (megabytes << 20).to_bytes(4, "little")
    if kind == "junk before":  # a private field instead of the pixels
        pixels = b"\x29\0\x10\x10OB\0\0" + (megabytes << 20).to_bytes(4, "little")
    if kind == "gzip":
        return _zeros(head + pixels, megabytes, 31)
    split = 132 + 12 + int.from_bytes(whole[140:144], "little")
    meta = head[:split].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    meta = meta.replace(b"\x10\0UI\x14\0", b"\x10\0UI\x16\0")
    size = int.from_bytes(meta[140:144], "little") + 2
    return meta[:140] + size.to_bytes(4, "little") + meta[144:] + _zeros(head[split:] + pixels, megabytes, -15)


@pytest.mark.parametrize(
    ("kind", "claims", "code"),
    [
        ("gzip", {"Rows": 22000, "Columns": 22000}, "pixel_limit"),  # limits.MAX_PIXELS
        ("deflated", {"Rows": 22000, "Columns": 22000}, "pixel_limit"),
        ("gzip", {"Rows": 9000, "Columns": 9000, "NumberOfFrames": 20}, "volume_limit"),  # MAX_BYTES
        ("deflated", {"Rows": 9000, "Columns": 9000, "NumberOfFrames": 20}, "volume_limit"),
        ("gzip", {}, "volume_limit"),  # 8 × 6 pixels, and a gigabyte of them
        ("deflated", {}, "volume_limit"),
        ("junk before", {}, "volume_limit"),
    ],
)
def test_a_bomb_is_refused_before_it_takes_memory(
    dicom: Any, tmp_path: Path, kind: str, claims: dict[str, int], code: str
) -> None:
    path = tmp_path / "bomb.dcm"
    path.write_bytes(_bomb(dicom, kind, 1000, **claims))
    assert path.stat().st_size < 2_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as caught:
        load(path)
    assert caught.value.code == code
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 250_000  # KB: the 64 MiB that a header may take, and its buffer's growth


def test_a_deflated_picture_is_read(dicom: Any, tmp_path: Path) -> None:
    data = dicom.header(np.zeros((1000, 2000), np.uint16))
    data.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    path = dicom.saved(tmp_path / "film.dcm", data)
    assert path.stat().st_size < 10_000
    assert load(path).size == (2000, 1000)
    path.write_bytes(path.read_bytes()[:-900] + bytes(900))
    with pytest.raises(InputError):
        load(path)


def test_fields_that_cannot_be_read(dicom: Any, tmp_path: Path) -> None:
    data = dicom.header(FILM)
    data.add_new("PixelSpacing", "LO", "none known")
    scan = load(dicom.saved(tmp_path / "film.dcm", data))
    assert scan.spacing is None
    assert "DICOM: PixelSpacing cannot be read, passed over" in scan.warnings
    for name in ("RescaleSlope", "NumberOfFrames", "BitsStored"):
        data = dicom.header(FILM)
        data.add_new(name, "LO", "none known")
        with pytest.raises(InputError, match=f"expected a number in {name}, got something else"):
            load(dicom.saved(tmp_path / "film.dcm", data))


@pytest.mark.parametrize("error", [TypeError, KeyError, AttributeError, ValueError, RuntimeError])
@pytest.mark.parametrize("place", ["dicom.film_spacing", "planes._units", "codecs._follow"])
def test_our_own_faults_do_not_read_as_broken_files(
    dicom: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, error: type[Exception]
) -> None:
    def fault(*_: Any) -> None:
        raise error("a fault of ours")

    monkeypatch.setattr(f"umit.imaging.{place}", fault)
    file = BytesIO()
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(file, format="JPEG")
    data = dicom.header(np.zeros((6, 8), np.uint8))
    data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    data.PixelData = encapsulate([file.getvalue()])
    data["PixelData"].VR = "OB"
    with pytest.raises(error, match="a fault of ours") as caught:
        load(dicom.saved(tmp_path / "film.dcm", data))
    assert not isinstance(caught.value, UMITError)


def _jpeg(level: int) -> bytes:
    file = BytesIO()
    Image.new("L", (16, 16), level).save(file, format="JPEG")
    return file.getvalue()


@pytest.mark.parametrize("parts", [1, 3])
def test_frames_are_indexed_once(dicom: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    """Neither the items that are walked nor the bytes that are decoded grow with frames × frames."""
    walked, decoded = [0], [0]
    items, decode = fragments._items, codecs._decoded

    def counted(data: bytes) -> Iterator[Any]:
        for item in items(data):
            walked[0] += 1
            yield item

    def measured(syntax: Any, data: bytes, *others: Any) -> Any:
        decoded[0] += len(data)
        return decode(syntax, data, *others)

    monkeypatch.setattr(fragments, "_items", counted)
    monkeypatch.setattr(codecs, "_decoded", measured)
    for count in (20, 80):
        walked[0] = decoded[0] = 0
        frames = [_jpeg(k % 200) for k in range(count)]
        data = dicom.header(np.zeros((count, 16, 16), np.uint8), NumberOfFrames=count)
        data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
        data.PixelData = encapsulate(frames, has_bot=False, fragments_per_frame=parts)
        data["PixelData"].VR = "OB"
        path = dicom.saved(tmp_path / "cine.dcm", data)
        shown = [int(read_dicom(path, frame=k).voxels[0, 0, 0]) for k in (0, count - 1)]
        assert shown == [0, (count - 1) % 200]
        walked[0] = decoded[0] = 0
        header = part10.open_dicom(path, [])
        for k in range(count):
            codecs.decode(header, k, [])
        assert walked[0] == 1 + count * parts
        assert decoded[0] < sum(map(len, frames)) + 64 * count


@pytest.mark.parametrize("table", ["none", "basic", "extended", "wrong"])
@pytest.mark.parametrize("parts", [1, 2])
def test_frames_by_any_table(dicom: Any, tmp_path: Path, table: str, parts: int) -> None:
    from pydicom.encaps import encapsulate_extended

    frames = [_jpeg(level) for level in (10, 90, 200)]
    data = dicom.header(np.zeros((3, 16, 16), np.uint8), NumberOfFrames=3)
    data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    if table == "extended":
        coded, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(frames)
        data.PixelData = coded
    else:
        data.PixelData = encapsulate(frames, has_bot=table != "none", fragments_per_frame=parts)
    if table == "wrong":  # offsets that lead to no item
        data.PixelData = data.PixelData[:12] + b"\x05" + data.PixelData[13:]
    data["PixelData"].VR = "OB"
    path = dicom.saved(tmp_path / "cine.dcm", data)
    assert [int(read_dicom(path, frame=k).voxels.max()) for k in range(3)] == [10, 90, 200]


def test_more_or_fewer_frames_than_said(dicom: Any, tmp_path: Path) -> None:
    for said, held in ((3, 2), (1, 2), (2, 3)):
        data = dicom.header(np.zeros((16, 16), np.uint8), NumberOfFrames=said)
        data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
        data.PixelData = encapsulate([_jpeg(10 * k) for k in range(held)], has_bot=False)
        data["PixelData"].VR = "OB"
        path = dicom.saved(tmp_path / "cine.dcm", data)
        if said > held:
            with pytest.raises(InputError, match="holds 2 of 3 frames") as caught:
                read_dicom(path, frame=0)
            assert caught.value.code == "truncated"
        else:
            note = f"frames: the file holds {held} where its header says {said}"
            assert note in read_dicom(path, frame=0).warnings


def _run_length(raw: bytes) -> bytes:
    """RLE of one segment, every byte as it is (PS3.5 G.3)."""
    runs = [raw[k : k + 128] for k in range(0, len(raw), 128)]
    body = b"".join(bytes((len(run) - 1,)) + run for run in runs)
    return (1).to_bytes(4, "little") + (64).to_bytes(4, "little") + bytes(56) + body


@pytest.mark.parametrize("packed", [True, False])
def test_one_bit_in_rle(dicom: Any, tmp_path: Path, packed: bool) -> None:
    mask = np.random.default_rng(3).integers(0, 2, (7, 9)).astype(np.uint8)
    bits = np.packbits(mask.ravel(), bitorder="little").tobytes()
    data = dicom.header(mask, BitsAllocated=1, BitsStored=1, HighBit=0)
    data.file_meta.TransferSyntaxUID = uid.RLELossless
    frame = _run_length(bits if packed else mask.tobytes())
    data.PixelData = encapsulate([frame])
    data["PixelData"].VR = "OB"
    scan = load(dicom.saved(tmp_path / "mask.dcm", data))
    assert np.array_equal(scan.voxels[0], mask)
    data.PixelData = encapsulate([frame[: 64 + 4]])
    with pytest.raises(InputError) as caught:
        load(dicom.saved(tmp_path / "mask.dcm", data))
    assert caught.value.code == "truncated"
