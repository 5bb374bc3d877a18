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


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "C:\\x", "\\\\host\\x", "..\\up", "//host/x"])
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


@pytest.mark.parametrize("packed", ["zip", "tar"])
@pytest.mark.parametrize(
    ("names", "said"),
    [
        pytest.param(["a", "a/b"], "'a/b'", id="a file, then a folder"),
        pytest.param(["a/b", "a"], "each member once, 'a'", id="a folder, then a file"),
        pytest.param(["n" * 300], "File name too long", id="a long name"),
        pytest.param(["n/" * 2000 + "n"], "expected a member that can be written", id="a deep path"),
        pytest.param(["n" * 200 + "/" + "/".join("n" * 200 for _ in range(30))], "File name too long", id="a long path"),
    ],
)  # fmt: skip
def test_names_that_cannot_be_written(names: list[str], said: str, packed: str, tmp_path: Path) -> None:
    archive = _packed(tmp_path / f"a.{packed}", names)
    with pytest.raises(DatasetError, match=said) as caught:
        unpack(archive, tmp_path / "out")
    assert caught.value.file == archive.name
    assert [p.name for p in tmp_path.iterdir()] == [archive.name]


def _packed(path: Path, names: list[str]) -> Path:
    if path.suffix == ".zip":
        return _zip(path, {name: b"abc" for name in names})
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"abc"))
    return path


def test_the_folder_itself_is_a_member(tmp_path: Path) -> None:
    """As ``tar cf a.tar .`` writes it."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a").write_bytes(b"1")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "in", arcname=".")
    there = unpack(tmp_path / "a.tar", tmp_path / "out")
    assert (there / "deep" / "a").read_bytes() == b"1"
    file = _tar(tmp_path / "b.tar.gz", ".", tarfile.REGTYPE)
    with pytest.raises(DatasetError, match="plain files below"):
        unpack(file, tmp_path / "two")


@pytest.mark.parametrize(
    ("names", "there"),
    [
        pytest.param(["imgs/a/1.jpg"], "a/1.jpg", id="the folder's own name"),
        pytest.param(["imgs/a/1.jpg", "__MACOSX/imgs/._a"], "a/1.jpg", id="beside macOS's notes"),
        pytest.param(["imgs/imgs/1.jpg"], "imgs/1.jpg", id="twice: once is taken"),
        pytest.param(["imgs/a/1.jpg", "b.txt"], "imgs/a/1.jpg", id="beside others"),
        pytest.param(["pictures/a.jpg"], "pictures/a.jpg", id="another name"),
        pytest.param(["imgs"], "imgs", id="a file of that name"),
    ],
)
def test_a_folder_of_the_target_s_name(names: list[str], there: str, tmp_path: Path) -> None:
    unpack(_packed(tmp_path / "imgs.zip", names), tmp_path / "slake" / "imgs")
    assert (tmp_path / "slake" / "imgs" / there).read_bytes() == b"abc"
    assert [p.name for p in (tmp_path / "slake").iterdir()] == ["imgs"]


def test_windows_slashes_make_folders(tmp_path: Path) -> None:
    there = unpack(_packed(tmp_path / "a.zip", ["a\\b.txt"]), tmp_path / "out")
    assert (there / "a" / "b.txt").read_bytes() == b"abc"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found no file"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_bomb_in_a_tar_is_refused_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("umit.datasets.archive._SMALL", 1_000_000)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("x")
        info.size = 5_000_000
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    with pytest.raises(DatasetError, match="200 times"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    monkeypatch.setattr("umit.datasets.archive._MEMBERS", 1)
    with pytest.raises(DatasetError, match="at most 1 members"):
        unpack(_packed(tmp_path / "b.zip", ["a", "b"]), tmp_path / "out")


def test_a_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"x": bytes(5_000_000)})
    path.write_bytes(path.read_bytes().replace((5_000_000).to_bytes(4, "little"), b"\x0a\0\0\0"))
    with pytest.raises(DatasetError, match="whole zip or tar"):
        unpack(path, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]
