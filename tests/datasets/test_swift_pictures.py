"""Where the pictures of rows are: beside them, in a root, on another machine, or in the row itself."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.datasets.folder import Folder
from umit.datasets.pictures import Encoded, Files, Stack, Voxels
from umit.datasets.swift_pictures import Gathered, Places, entries, source_of
from umit.errors import DatasetError, InputError

from .layouts.draw import picture


def _places(beside: Path, root: Path | None = None) -> Places:
    return Places(Folder(beside.resolve()), Folder((root or beside).resolve()))


def _find(places: Places, name: str) -> str:
    return places.find(name, "a.jsonl line 1").relative_to(places.root.path).as_posix()


def test_relative_paths_are_beside_the_rows_then_in_the_root(tmp_path: Path) -> None:
    beside, root = tmp_path / "rows", tmp_path / "root"
    for path in (beside / "a.png", root / "a.png", root / "x" / "b.png"):
        picture(path, seed=1)
    places = _places(beside, root)
    assert places.find("a.png", "") == beside / "a.png"
    assert places.find("x\\b.png", "") == root / "x" / "b.png"
    assert places.find("c.png", "") == beside / "c.png", "missing: found out when it is read"


def test_absolute_paths_inside_are_taken_as_they_are(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    assert _find(_places(tmp_path), str(tmp_path.resolve() / "a.png")) == "a.png"


@pytest.mark.parametrize(
    "name", ["/iu_xray/image/CXR1/0.png", "/iu_xray/images/CXR1/0.png", "D:\\data\\iu_xray\\images\\CXR1\\0.png"]
)
@pytest.mark.parametrize("root", ["", "home/someone", "home/someone/iu_xray/images"])
def test_paths_of_another_machine_are_joined_by_their_end(tmp_path: Path, name: str, root: str) -> None:
    """The author's IU X-Ray rows say image where the archive says images, below a machine's own folders."""
    for case in ("CXR1", "CXR2"):
        picture(tmp_path / "home/someone/iu_xray/images" / case / "0.png", seed=1)
    places = _places(tmp_path / root)
    assert places.find(name, "") == tmp_path.resolve() / "home/someone/iu_xray/images/CXR1/0.png"
    other = name.replace("CXR1", "CXR2")
    assert places.find(other, "").parent.name == "CXR2"


def test_one_file_never_stands_for_two(tmp_path: Path) -> None:
    picture(tmp_path / "0.png", seed=1)
    places = _places(tmp_path)
    assert _find(places, "/data/CXR1/0.png") == "0.png"
    with pytest.raises(DatasetError, match=r"line 1.*one folder elsewhere"):
        places.find("/data/CXR2/0.png", "a.jsonl line 1")


def test_a_missing_picture_of_another_machine_is_not_replaced(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "CXR1" / "0.png", seed=1)
    picture(tmp_path / "images" / "CXR3" / "0.png", seed=1)
    places = _places(tmp_path)
    assert places.find("/data/images/CXR1/0.png", "").exists()
    assert not places.find("/data/images/CXR2/0.png", "").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("../a.png", "inside the data set", id="out by dots"),
        pytest.param("x/../../a.png", "inside the data set", id="dots later"),
        pytest.param("/data/../../etc/passwd", "a path to a file", id="absolute with dots"),
        pytest.param("out/a.png", "inside the data set", id="out by a link"),
        pytest.param("file:///etc/passwd", "nothing is fetched", id="a file address"),
        pytest.param("/", "a path to a file", id="nothing"),
    ],
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str, said: str) -> None:
    inside, outside = tmp_path / "in", tmp_path / "elsewhere"
    inside.mkdir()
    picture(outside / "a.png", seed=1)
    (inside / "out").symlink_to(outside)
    with pytest.raises(DatasetError, match=said):
        _places(inside).find(name, "a.jsonl line 1")


def test_a_link_does_not_hide_what_a_foreign_path_leads_to(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "elsewhere"
    inside.mkdir()
    picture(outside / "a.png", seed=1)
    (inside / "out").symlink_to(outside)
    with pytest.raises(DatasetError, match="inside the data set"):
        _places(inside).find("/data/out/a.png", "a.jsonl line 1")


def _source(folder: Path, row: dict[str, Any], *, prepared: bool = True) -> Any:
    names, slices = entries(row, (), "a.jsonl line 1")
    return source_of(names, slices, _places(folder), "a.jsonl line 1", prepared=prepared)


@pytest.mark.parametrize(
    ("row", "kind", "is_volume"),
    [
        pytest.param({}, type(None), False, id="none"),
        pytest.param({"images": []}, type(None), False, id="an empty list"),
        pytest.param({"images": "a.png"}, Files, False, id="a bare path"),
        pytest.param({"images": ["a.png", "b.png"]}, Files, False, id="two views"),
        pytest.param({"images": [{"path": "a.png", "bytes": None}]}, Files, False, id="path in an object"),
        pytest.param({"images": [{"path": None, "bytes": b"x"}]}, Encoded, False, id="bytes in an object"),
        pytest.param({"images": ["a.png", {"bytes": b"x"}]}, Gathered, False, id="a path and bytes"),
        pytest.param({"images": [["a.png", "b.png"]]}, Stack, True, id="slices"),
        pytest.param({"videos": [["a.png", "b.png"]]}, Stack, True, id="slices as a video"),
        pytest.param({"images": ["a.npy"]}, Voxels, True, id="an array"),
        pytest.param({"videos": ["a.nii.gz"]}, Files, True, id="NIfTI as a video"),
        pytest.param({"image": "A.NII.GZ"}, Files, True, id="NIfTI in capitals"),
    ],
)  # fmt: skip
def test_kinds_by_suffix(tmp_path: Path, row: Any, kind: type, is_volume: bool) -> None:
    found = _source(tmp_path, row)
    assert type(found) is kind
    assert found is None or found.is_volume == is_volume


def test_volumes_that_were_prepared_are_shown_as_stored(tmp_path: Path) -> None:
    for prepared in (True, False):
        assert _source(tmp_path, {"images": ["a.npy"]}, prepared=prepared).as_stored is prepared
        assert _source(tmp_path, {"images": [["1", "2"]]}, prepared=prepared).as_stored is prepared
    for number in (1, 2):
        picture(tmp_path / f"{number}.png", seed=number, mode="L")
    (scan,) = _source(tmp_path, {"images": [["1.png", "2.png"]]}).scans()
    assert scan.presentation.as_stored and scan.size == (80, 60, 2)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param({"images": ["a.npy", "b.npy"]}, "one volume", id="two volumes"),
        pytest.param({"images": ["a.png", "b.nii"]}, "one volume", id="a film and a volume"),
        pytest.param({"images": ["data:image/png,AAAA"]}, "in base64", id="a data URI as text"),
        pytest.param({"images": ["data:image/png;base64,A*"]}, "expected base64", id="torn base64"),
        pytest.param({"images": {"a": 1}}, "path of a picture", id="an object without path"),
        pytest.param({"images": 3}, "list as images", id="a number"),
        pytest.param({"images": [" "]}, "path of a picture", id="a blank"),
    ],
)
def test_refused(tmp_path: Path, row: Any, said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        _source(tmp_path, row)
    assert caught.value.file == "a.jsonl line 1"


def test_data_uris_are_read(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    data = base64.b64encode((tmp_path / "a.png").read_bytes()).decode()
    uri = f"data:image/png;base64,{data}"
    one = _source(tmp_path, {"images": [uri]})
    assert one.scans()[0].size == (80, 60)
    views = _source(tmp_path, {"images": [uri, "a.png"]}).scans()
    assert np.array_equal(views[0].voxels, views[1].voxels)
    (scan,) = _source(tmp_path, {"images": [[uri, uri]]}).scans()
    assert scan.size == (80, 60, 2)


def test_bytes_that_are_no_picture_are_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected the bytes"):
        _source(tmp_path, {"images": [{"bytes": b"nothing"}]}).scans()
