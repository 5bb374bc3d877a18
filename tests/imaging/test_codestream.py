"""Where a coded picture and the file's header differ: the picture is followed, and it is said."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate

from umit.errors import InputError
from umit.imaging.codestream import read_codestream
from umit.imaging.read import load

RED = np.full((16, 24, 3), (250, 20, 10), np.uint8)
J2K = {"format": "JPEG2000", "no_jp2": True}


def _pillow(pixels: NDArray[Any], **options: Any) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, **options)
    return file.getvalue()


def _cut_segment(stream: bytes, marker: int) -> bytes:
    at = stream.index(bytes((0xFF, marker)))
    length = int.from_bytes(stream[at + 2 : at + 4], "big")
    return stream[:at] + stream[at + 2 + length :]


def _marked(colours: str, marker: str, ids: bytes, **options: Any) -> bytes:
    """A JPEG whose samples are RGB or YCbCr, under any marker and any names of components."""
    stream = _pillow(RED, format="JPEG", quality=95, keep_rgb=colours == "RGB", **options)
    for segment in (0xE0, 0xEE):
        if bytes((0xFF, segment)) in stream[:200]:
            stream = _cut_segment(stream, segment)
    for code in (0xC0, 0xDA):
        at = stream.index(bytes((0xFF, code)))
        first, step = (10, 3) if code == 0xC0 else (5, 2)
        for k, name in enumerate(ids):
            place = at + first + step * k
            stream = stream[:place] + bytes((name,)) + stream[place + 1 :]
    segments = {
        "": b"",
        "JFIF": b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0",
        "Adobe 0": b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0",
        "Adobe 1": b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\x01",
    }
    return stream[:2] + segments[marker] + stream[2:]


JFIF_IDS = b"\x01\x02\x03"


# What libjpeg takes them for: default_decompress_parms in jdapimin.c. Where nothing tells (ids 0, 1
# and 2, as in pydicom's SC_jpeg_no_color_transform.dcm) the header does.
@pytest.mark.parametrize("label", ["RGB", "YBR_FULL_422", "YBR_FULL"])
@pytest.mark.parametrize(
    ("colours", "marker", "ids", "options"),
    [
        ("YBR", "", JFIF_IDS, {"subsampling": 0}),
        ("YBR", "", JFIF_IDS, {"subsampling": 2}),
        ("YBR", "", b"\x00\x01\x02", {"subsampling": 1}),
        ("YBR", "JFIF", JFIF_IDS, {}),
        ("YBR", "Adobe 1", JFIF_IDS, {}),
        ("YBR", "Adobe 1", b"\x00\x01\x02", {"subsampling": 0}),
        ("YBR", "", JFIF_IDS, {"progressive": True}),
        ("RGB", "", b"RGB", {}),
        ("RGB", "", b"rgb", {}),
        ("RGB", "Adobe 0", JFIF_IDS, {}),
        ("RGB", "Adobe 0", b"RGB", {}),
    ],
)
def test_red_is_red(
    dicom: Any, tmp_path: Path, colours: str, marker: str, ids: bytes, options: dict[str, Any], label: str
) -> None:
    if options.get("progressive"):
        stream = _cut_segment(_pillow(RED, format="JPEG", quality=95, progressive=True), 0xE0)
    else:
        stream = _marked(colours, marker, ids, **options)
    scan = _film(dicom, tmp_path, RED, uid.JPEGBaseline8Bit, stream, PhotometricInterpretation=label)
    assert np.abs(scan.voxels[0].astype(int) - RED).max() < 12
    differ = label[:3] != colours
    assert any("in the coded picture" in note for note in scan.warnings) == differ


@pytest.mark.parametrize(("label", "colours"), [("RGB", "RGB"), ("YBR_FULL", "YBR")])
def test_where_no_marker_tells_the_header_does(dicom: Any, tmp_path: Path, label: str, colours: str) -> None:
    stream = _marked(colours, "", b"\x00\x01\x02", subsampling=0)
    scan = _film(dicom, tmp_path, RED, uid.JPEGBaseline8Bit, stream, PhotometricInterpretation=label)
    assert np.abs(scan.voxels[0].astype(int) - RED).max() < 12
    assert not any("colours" in note for note in scan.warnings)


@pytest.mark.parametrize("label", ["RGB", "YBR_RCT", "YBR_ICT", "YBR_FULL"])
@pytest.mark.parametrize("mct", [0, 1])
def test_jpeg_2000_says_whether_it_mixed_its_colours(dicom: Any, tmp_path: Path, label: str, mct: int) -> None:
    if (label, mct) == ("YBR_FULL", 0):
        pytest.skip("samples that nothing mixed may be YBR")
    stream = _pillow(RED, mct=mct, **J2K)
    scan = _film(dicom, tmp_path, RED, uid.JPEG2000Lossless, stream, PhotometricInterpretation=label)
    assert np.array_equal(scan.voxels[0], RED)
    assert any("colours" in note for note in scan.warnings) == (label == "YBR_FULL")


def _film(dicom: Any, folder: Path, pixels: NDArray[Any], syntax: str, stream: bytes, **fields: Any) -> Any:
    data = dicom.header(pixels, **fields)
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate([stream])
    data["PixelData"].VR = "OB"
    return load(dicom.saved(folder / "film.dcm", data))


HU = np.tile(np.int16([[-2000, -1000, 0, 1000, 2000, 3000]]), (64, 11))


def _signed_stream(dicom: Any, bits: int) -> bytes:
    pytest.importorskip("openjpeg", reason='needs pip install "umit[codecs]"')
    from pydicom.encaps import get_frame

    data = dicom.header(HU, BitsStored=bits, HighBit=bits - 1)
    data.compress(uid.JPEG2000Lossless)
    frame = get_frame(data.PixelData, 0, number_of_frames=1)
    assert read_codestream(frame).signed
    return frame


@pytest.mark.parametrize("bits", [13, 16])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("said", [12, 13, 16])
def test_a_signed_jpeg_2000_is_signed(dicom: Any, tmp_path: Path, bits: int, signed: int, said: int) -> None:
    stream = _signed_stream(dicom, bits)
    fields = {"PixelRepresentation": signed, "BitsStored": said, "HighBit": said - 1}
    scan = _film(dicom, tmp_path, HU, uid.JPEG2000Lossless, stream, **fields)
    assert np.array_equal(scan.voxels[0], HU)
    assert any("taken as signed" in note for note in scan.warnings) == (not signed)
    # 3000 needs 13 bits with its sign; what fits is not worth a word.
    assert any("bits, its header says" in note for note in scan.warnings) == (said < 13)


RAMP = np.add.outer(np.arange(64), np.arange(64) * 1.5) * 415
RAMP = RAMP.clip(0, 65535).astype(np.uint16)


@pytest.mark.parametrize("said", [10, 12, 15, 16])
@pytest.mark.parametrize("syntax", ["native", "rle", "jpeg 2000", "jpeg-ls", "jpeg lossless"])
def test_numbers_beyond_the_bits_that_the_header_states(dicom: Any, tmp_path: Path, syntax: str, said: int) -> None:
    data = dicom.header(RAMP)
    if syntax == "rle":
        data.compress(uid.RLELossless)
    elif syntax == "jpeg-ls":
        pytest.importorskip("jpeg_ls", reason='needs pip install "umit[codecs]"')
        data.compress(uid.JPEGLSLossless)
    elif syntax != "native":
        from .test_dicom_syntaxes import jpeg_lossless

        if syntax == "jpeg lossless":
            pytest.importorskip("libjpeg", reason='needs pip install "umit[codecs]"')
        frame = jpeg_lossless(RAMP) if syntax == "jpeg lossless" else _pillow(RAMP, **J2K)
        kind = uid.JPEGLosslessSV1 if syntax == "jpeg lossless" else uid.JPEG2000Lossless
        data.file_meta.TransferSyntaxUID = kind
        data.PixelData = encapsulate([frame])
        data["PixelData"].VR = "OB"
    data.BitsStored, data.HighBit = said, said - 1
    scan = load(dicom.saved(tmp_path / "film.dcm", data))
    assert np.array_equal(scan.voxels[0], RAMP)
    assert any("bits" in note for note in scan.warnings) == (said < 16)


def test_another_size_or_number_of_samples_is_refused(dicom: Any, tmp_path: Path) -> None:
    for pixels, got in ((RED[:8], "24 × 8"), (RED[..., 0], "1")):
        with pytest.raises(InputError) as caught:
            stream = _pillow(np.ascontiguousarray(pixels), format="JPEG")
            _film(dicom, tmp_path, RED, uid.JPEGBaseline8Bit, stream)
        assert caught.value.code == "malformed"
        assert got in caught.value.message
        assert "Fetch" not in str(caught.value)


@pytest.mark.parametrize("segment", [0xC0, 0xC4, 0xDB, 0xDA])
def test_a_stream_that_ends_within_a_segment(segment: int) -> None:
    stream = _pillow(RED, format="JPEG")
    at = stream.index(bytes((0xFF, segment)))
    for end in (at + 2, at + 3, at + 7):
        with pytest.raises(InputError) as caught:
            read_codestream(stream[:end])
        assert caught.value.code == "truncated"


def test_a_thumbnail_s_end_is_not_the_picture_s() -> None:
    stream, small = _pillow(RED, format="JPEG"), _pillow(RED[:8, :8], format="JPEG")
    segment = b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small
    whole = stream[:2] + segment + stream[2:]
    found = read_codestream(whole)
    assert (found.columns, found.rows) == (24, 16)
    with pytest.raises(InputError):
        read_codestream(whole[:-2])


@pytest.mark.parametrize("signed", [0, 1])
def test_too_few_bits_for_the_header_s_sign(dicom: Any, tmp_path: Path, signed: int) -> None:
    small = np.tile(np.uint8([[0, 90, 200, 255]]), (16, 4)).repeat(4, axis=1)
    data = dicom.header(small.astype(np.uint16), BitsStored=12, HighBit=11)
    data.PixelRepresentation = signed
    data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    data.PixelData = encapsulate([_pillow(small, format="JPEG", quality=95)])
    data["PixelData"].VR = "OB"
    scan = load(dicom.saved(tmp_path / "film.dcm", data))
    assert np.abs(scan.voxels[0].astype(int) - small).max() < 12


# Neither is a file that breaks off, and none says so.
@pytest.mark.parametrize(
    ("syntax", "stream", "said"),
    [
        (uid.ExplicitVRLittleEndian, "jpeg", "without coding, and coded pictures"),
        (uid.RLELossless, "jpeg", "other bytes than RLE's"),
        (uid.JPEG2000, "text", "expected a JPEG, JPEG-LS or JPEG 2000 stream"),
        (uid.JPEGBaseline8Bit, "text", "expected a JPEG, JPEG-LS or JPEG 2000 stream"),
    ],
)
def test_a_syntax_that_is_not_the_stream_s(dicom: Any, tmp_path: Path, syntax: str, stream: str, said: str) -> None:
    grey = np.ascontiguousarray(RED[..., 0])
    data = dicom.header(grey)
    data.PixelData = encapsulate([_pillow(grey, format="JPEG") if stream == "jpeg" else b"no" * 99])
    data["PixelData"].VR = "OB"
    data.file_meta.TransferSyntaxUID = syntax
    with pytest.raises(InputError, match=said) as caught:
        load(dicom.saved(tmp_path / "film.dcm", data))
    assert caught.value.code == "malformed"
    assert "Fetch" not in str(caught.value)
