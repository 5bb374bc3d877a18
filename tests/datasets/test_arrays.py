"""Arrays in an archive: rows one after the other, in little memory, and torn ones refused."""

from __future__ import annotations

import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.datasets.arrays import array_header, array_rows
from umit.errors import DatasetError


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "packed"])
def test_rows_are_those_of_the_array(save: Any, tmp_path: Path) -> None:
    wanted = np.arange(60, dtype=">u2").reshape(5, 4, 3)
    save(tmp_path / "a.npz", one=wanted, other=np.zeros(3))
    assert array_header(tmp_path / "a.npz", "one") == ((5, 4, 3), wanted.dtype)
    rows = list(array_rows(tmp_path / "a.npz", "one"))
    assert np.array_equal(np.stack(rows), wanted)
    assert all(row.flags.owndata and row.flags.writeable for row in rows)


def test_an_array_is_never_whole_in_memory(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", one=np.zeros((400, 224, 224), np.uint8))  # 20 MB
    tracemalloc.start()
    try:
        assert sum(1 for _ in array_rows(tmp_path / "a.npz", "one")) == 400
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def _npy(array: Any, **options: Any) -> bytes:
    file = BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), **options)
    return file.getvalue()


ROWS = np.ones((4, 6), np.uint8)
DAMAGE: dict[str, tuple[bytes, str]] = {
    "no array": (b"nothing of the kind", "magic"),
    "empty": (b"", "expected an .npz with the array one"),
    "cut in a row": (_npy(ROWS)[:-7], "ends in row 2 of 4"),
    "cut in its header": (_npy(ROWS)[:40], "expected an .npz"),
    "claims more rows": (_npy(ROWS).replace(b"(4, 6)", b"(9, 6)"), "ends in row 4 of 9"),
    "claims huge rows": (_npy(ROWS).replace(b"(4, 6), }  ", b"(4, 99999999), }"), "at most"),
    "objects": (_npy(np.array([{}], object), allow_pickle=True), "rows of numbers"),
    "one number": (_npy(3), "rows of numbers"),
    "columns first": (_npy(np.asfortranarray(np.zeros((3, 2)))), "rows of numbers"),
}


@pytest.mark.parametrize("why", DAMAGE)
def test_damage_is_refused(why: str, tmp_path: Path) -> None:
    data, message = DAMAGE[why]
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("one.npy", data)
    with pytest.raises(DatasetError, match=message) as caught:
        list(array_rows(tmp_path / "a.npz", "one"))
    assert caught.value.file == "a.npz"


def test_no_archive_and_no_such_array(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 torn")
    np.savez(tmp_path / "b.npz", other=ROWS)
    for name in ("a.npz", "b.npz", "c.npz"):
        with pytest.raises(DatasetError, match=r"expected an \.npz with the array one"):
            array_header(tmp_path / name, "one")


def test_damaged_packing_is_refused(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (50, 100), np.uint8)
    np.savez_compressed(tmp_path / "a.npz", one=rows)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[2000:2020] = bytes(20)
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DatasetError, match="one"):
        list(array_rows(tmp_path / "a.npz", "one"))
