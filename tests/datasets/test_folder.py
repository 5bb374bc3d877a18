"""Names that rows may point to, and names that lead out."""

from __future__ import annotations

from pathlib import Path

import pytest

from umit.datasets.folder import Folder, suffixes
from umit.errors import DatasetError


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a/b.png", "a/b.png"),
        ("./a//b.png", "a/b.png"),  # dots and doubled slashes
        ("a\\b.png", "a/b.png"),  # the other slash
        ("liver #2 cut.JPG", "liver #2 cut.JPG"),  # blanks and signs
        ("..a/b..png", "..a/b..png"),  # dots in names
    ],
)
def test_names_inside(tmp_path: Path, name: str, found: str) -> None:
    assert Folder.of(tmp_path).inside(name) == tmp_path.resolve() / found


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "/a.png", "\\a.png", "\\\\host\\a.png", "C:\\a.png", "c:a.png", "../a.png", "a/../../b.png",
        "a\\..\\b.png", "https://a.b/c.png", "a\0.png", "out/a.png", "out", "link.png",
    ],
)  # fmt: skip
def test_names_that_lead_out(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    (tmp_path / "other").mkdir()
    root.mkdir()
    (root / "out").symlink_to(tmp_path / "other")
    (root / "link.png").symlink_to(tmp_path / "other" / "a.png")
    with pytest.raises(DatasetError, match=r"t.json row 3: expected a path inside the data set"):
        Folder.of(root).inside(name, place="t.json row 3")


def test_links_that_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    assert Folder.of(tmp_path).inside("b.png").is_file()


def test_the_first_folder_that_exists(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "images").write_bytes(b"")  # a file is no folder
    root = Folder.of(tmp_path)
    assert root.folder(["images", "pictures"]).path == tmp_path.resolve() / "pictures"
    assert root.folder(["images"]) == root


@pytest.mark.parametrize(
    ("name", "folders", "found"),
    [
        ("/elsewhere/a/0003/1/image.npy", ["0003"], ["1/image.npy"]),
        ("D:\\a\\0003\\1\\image.npy", ["0003"], ["1/image.npy"]),
        ("0003/0003/image.npy", ["0003"], ["0003/image.npy", "image.npy"]),  # a case like its set
        ("1/image.npy", ["0003"], ["1/image.npy"]),  # none of them
        ("a/0003", ["0003"], ["a/0003"]),  # nothing follows
        ("x/0003/../../b", ["0003"], ["../../b"]),  # still for inside() to refuse
    ],
)
def test_suffixes(name: str, folders: list[str], found: list[str]) -> None:
    assert suffixes(name, folders) == found
