"""Small whole files of every kind, and the ways they are damaged."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LARGEST = 20_000  # bytes of a fixture
_RAMP = np.arange(48 * 40, dtype=np.uint16).reshape(40, 48) * 30


def fixtures(dicom: Any, folder: Path) -> dict[str, bytes]:
    """Return whole files by name, none larger than :data:`LARGEST`."""
    found = {f"picture.{kind}": _picture(kind) for kind in ("jpg", "bmp", "gif", "webp", "tif")}
    grey = Image.fromarray((_RAMP >> 8).astype(np.uint8))
    found["grey.png"] = _saved(grey, "PNG")
    found["deep.png"] = _saved(Image.fromarray(_RAMP), "PNG")
    found["raw.dcm"] = dicom.film(folder, _RAMP, PixelSpacing=[0.5, 0.5]).read_bytes()
    coded = dicom.header((_RAMP >> 8).astype(np.uint8))
    coded.compress("1.2.840.10008.1.2.5")  # RLE
    found["rle.dcm"] = dicom.saved(folder / "rle.dcm", coded).read_bytes()
    volume = np.arange(6 * 8 * 10, dtype=np.int16).reshape(6, 8, 10)
    found["enhanced.dcm"] = dicom.enhanced(folder, volume.astype(np.uint16)).read_bytes()
    found["volume.nii"] = _nifti(volume)
    found["volume.nii.gz"] = gzip.compress(_nifti(volume), mtime=0)
    found["volume.mgz"] = gzip.compress(_mgh(volume), mtime=0)
    found["volume.mha"] = _mha(volume)
    found["volume.nrrd"] = _nrrd(volume, "raw")
    found["packed.nrrd"] = _nrrd(volume, "gzip")
    return found


def damaged(whole: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield ``count`` copies: bytes flipped, mostly near the header, or the end cut off."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        data = bytearray(whole)
        if rng.random() < 0.3:
            yield bytes(data[: int(rng.integers(len(data)))])
            continue
        reach = len(data) if rng.random() < 0.5 else min(len(data), 512)
        for place in rng.integers(reach, size=int(rng.integers(1, 9))):
            data[place] = int(rng.integers(256))
        yield bytes(data)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _picture(kind: str) -> bytes:
    rgb = np.stack([_RAMP >> 8, _RAMP >> 9, _RAMP & 255], axis=-1).astype(np.uint8)
    image = Image.fromarray(rgb)
    names = {"jpg": "JPEG", "tif": "TIFF"}
    options = {"compression": "tiff_lzw"} if kind == "tif" else {}
    return _saved(image, names.get(kind, kind.upper()), **options)


def _nifti(volume: Any) -> bytes:
    import nibabel

    return nibabel.Nifti1Image(volume.T, np.diag([1.0, 1.0, 2.0, 1.0])).to_bytes()


def _mgh(volume: Any) -> bytes:
    import nibabel

    return nibabel.MGHImage(volume.T, np.diag([1.0, 1.0, 2.0, 1.0])).to_bytes()


def _mha(volume: Any) -> bytes:
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        "CompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n"
        "ElementSpacing = 1 1 2\nDimSize = 10 8 6\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    return header.encode("ascii") + volume.tobytes()


def _nrrd(volume: Any, encoding: str) -> bytes:
    header = (
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 10 8 6\n"
        "space directions: (1,0,0) (0,1,0) (0,0,2)\nkinds: domain domain domain\nendian: little\n"
        f"encoding: {encoding}\nspace origin: (0,0,0)\n\n"
    )
    data = volume.tobytes()
    return header.encode("ascii") + (data if encoding == "raw" else gzip.compress(data, mtime=0))
