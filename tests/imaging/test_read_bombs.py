"""Small files that claim gigabytes: refused by their header, in a child that could not hold them."""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest

pytest.importorskip("resource")  # the limits of a Unix process

#: Reads each file under 2 GB of address space; prints its code, processor seconds and MB of growth.
CHILD = """
import json, resource, sys, time
from umit.errors import InputError
from umit.imaging.read import load
import nibabel.nifti1, nibabel.nifti2

resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load(sys.argv[1])  # a first file: what is imported late is not counted
except InputError:
    pass
for path in sys.argv[2:]:
    before, start = peak(), time.process_time()  # its own: others may keep the machine busy
    try:
        code = "read: " + str(load(path).size)
    except InputError as error:
        code = error.code
    print(json.dumps([code, time.process_time() - start, (peak() - before) / 1024]))
"""


def header(*dims: int, kind: int = 4, bits: int = 16) -> bytes:
    """A NIfTI-1 header that claims any dimensions; ``kind`` is its datatype code."""
    raw = bytearray(352)
    raw[:4] = struct.pack("<i", 348)
    raw[40 : 40 + 2 * len(dims)] = np.array(dims).astype("<i2").tobytes()
    raw[70:74] = struct.pack("<hh", kind, bits)
    raw[76:108] = np.ones(8, "<f4").tobytes()
    raw[108:112] = struct.pack("<f", 352)
    raw[344:348] = b"n+1\0"
    return bytes(raw)


def zeros(first: bytes, megabytes: int) -> bytes:
    """Gzip ``first`` and then zeros: one flushed block, repeated, spells them all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = packer.compress(first) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + block * megabytes


def flat_png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + sum_

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


HUGE = (3, 32767, 32767, 32767)


@pytest.mark.parametrize(
    "row",
    [
        ("png.png", "pixel_limit", 0.2),  # 192 MP in 23 KB
        ("huge.nii", "header_dims", 0.5),
        ("huge.nii.gz", "header_dims", 0.5),
        ("minus.nii", "header_dims", 0.5),
        ("minus.nii.gz", "header_dims", 0.5),
        ("zero.nii", "header_dims", 0.5),
        ("zero.nii.gz", "header_dims", 0.5),
        ("none.nii", "header_dims", 0.5),
        ("none.nii.gz", "header_dims", 0.5),
        ("claims.nii.gz", "truncated", 0.5),  # room for 1 MB, claims 2 GB
        ("bomb.nii.gz", "volume_limit", 0.5),  # honest: 4.6 MB become 4.4 GB
        ("cut.nii.gz", "truncated", 9.0),  # honest size, data cut: only what came takes memory
    ],
    ids=lambda row: row[0],
)
def test_bombs(measured: dict[str, tuple[str, float, float]], row: tuple[str, str, float]) -> None:
    name, expected, most = row
    code, seconds, growth = measured[name]
    assert code == expected
    assert seconds < most
    assert growth < 50


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float, float]]:
    folder = tmp_path_factory.mktemp("bombs")
    files = {"warm.nii": header(3, 1, 1, 1) + b"\0\0", "png.png": flat_png(16000, 12000)}
    for name, dims in {"huge": HUGE, "minus": (3, -1, 5, 6), "zero": (3, 0, 5, 6), "none": (0, 4, 5, 6)}.items():
        files[f"{name}.nii"] = header(*dims) + bytes(64)
        files[f"{name}.nii.gz"] = gzip.compress(header(*dims) + bytes(64))
    files["claims.nii.gz"] = gzip.compress(header(3, 1000, 1000, 1000) + bytes(64))
    files["bomb.nii.gz"] = zeros(header(3, 1300, 1300, 1300), 4191)
    files["cut.nii.gz"] = zeros(header(3, 1000, 1000, 500), 10) + bytes(999_000)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    paths = [str(folder / name) for name in files]
    done = subprocess.run([sys.executable, "-c", CHILD, *paths], capture_output=True, text=True, timeout=60, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return dict(zip(list(files)[1:], map(tuple, rows), strict=True))
