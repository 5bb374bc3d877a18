"""Archives: what is refused leaves nothing behind, inside the target or outside."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from umit.datasets.archive import unpack
from umit.errors import DatasetError


def _zip(path: Path, members: dict[str, bytes], *, kind: int = stat.S_IFREG) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, data)
    return path


def _tar(path: Path, name: str, kind: bytes, link: str = "") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, link, 0 if link else 3
        archive.addfile(info, None if link else io.BytesIO(b"abc"))
    return path


def test_whole_archives_are_unpacked(tmp_path: Path) -> None:
    files = {"imgs/xmlab1/source.jpg": b"1", "train.json": "结节".encode()}
    there = unpack(_zip(tmp_path / "a.zip", files), tmp_path / "out")
    assert {str(p.relative_to(there)): p.read_bytes() for p in there.rglob("*.*")} == files
    unpack(_tar(tmp_path / "b.tar.gz", "deep/er/file", tarfile.REGTYPE), tmp_path / "two")
    assert (tmp_path / "two" / "deep" / "er" / "file").read_bytes() == b"abc"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../up", "a/../../up", "C:\\x", "\\\\host\\x", "..\\up", "//host/x"]
)
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    inner = tmp_path / "in"
    inner.mkdir()
    archive = _zip(tmp_path / "a.zip", {"fine": b"1", name: b"2"})
    with pytest.raises(DatasetError, match="below the archive's own folder"):
        unpack(archive, inner / "out")
    assert not list(inner.iterdir()) and {p.name for p in tmp_path.iterdir()} == {"in", "a.zip"}


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        pytest.param(tarfile.SYMTYPE, "/etc/passwd", id="symbolic link"),
        pytest.param(tarfile.LNKTYPE, "../up", id="hard link"),
        pytest.param(tarfile.FIFOTYPE, "", id="pipe"),
        pytest.param(tarfile.CHRTYPE, "", id="device"),
    ],
)
def test_what_is_no_file(tmp_path: Path, kind: bytes, link: str) -> None:
    archive = _tar(tmp_path / "a.tar.gz", "x", kind, link)
    with pytest.raises(DatasetError, match="plain files"):
        unpack(archive, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar.gz"]


def test_a_link_in_a_zip(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "a.zip", {"x": b"/etc/passwd"}, kind=stat.S_IFLNK)
    with pytest.raises(DatasetError, match="plain files"):
        unpack(archive, tmp_path / "out")


def test_a_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("umit.datasets.archive._SMALL", 1_000_000)
    archive = _zip(tmp_path / "a.zip", {"x": bytes(5_000_000)})
    with pytest.raises(DatasetError, match="200 times"):
        unpack(archive, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_a_member_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x", b"1")
        archive.writestr("x", b"2")
    with pytest.raises(DatasetError, match="each member once"):
        unpack(path, tmp_path / "out")


def test_what_is_no_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"<html>")
    with pytest.raises(DatasetError, match="whole zip or tar"):
        unpack(path, tmp_path / "out")
    good = _zip(tmp_path / "b.zip", {"x": bytes(range(256)) * 99}).read_bytes()
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(DatasetError, match="whole zip or tar"):
        unpack(path, tmp_path / "out")


def test_an_existing_target(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="exists"):
        unpack(_zip(tmp_path / "a.zip", {"x": b"1"}), tmp_path)
