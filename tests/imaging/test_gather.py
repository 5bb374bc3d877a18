"""Folders and patterns become scans, in the order of their names; what is asked wrongly shows the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from umit import UMIT, Ask
from umit.checkpoints import PHANTOM
from umit.errors import InputError, UMITError
from umit.imaging.gather import gather
from umit.results import Answer
from umit.testing import ScriptedBackend

QUERY = Ask("Which organ?")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    for name in ("b.png", "a.png", "c d.png", "图.png", "below/e.png", ".hidden.png"):
        path = tmp_path / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((40, 60), np.uint8)).save(path)
    return tmp_path / "films"


def told(model: UMIT, *given: object) -> list[str]:
    found = list(model.predict(*given))  # type: ignore[arg-type]
    return [one.text if isinstance(one, Answer) else type(one).__name__ for one in found]


def model(count: int) -> UMIT:
    return UMIT(ScriptedBackend([str(k) for k in range(count)]), PHANTOM)


def test_a_folder_is_its_files_by_name(films: Path) -> None:
    assert [Path(str(one)).name for one in gather(films)] == ["a.png", "b.png", "c d.png", "图.png"]
    assert told(model(4), films, QUERY) == told(model(4), str(films), QUERY) == ["0", "1", "2", "3"]


def test_a_pattern_is_what_it_matches(films: Path) -> None:
    assert [Path(str(one)).name for one in gather(f"{films}/**/*.png")] == [
        "a.png",
        "b.png",
        "e.png",
        "c d.png",
        "图.png",
    ]
    assert told(model(2), f"{films}/[ab].png", QUERY) == ["0", "1"]
    named = films / "a[1].png"
    named.write_bytes((films / "a.png").read_bytes())
    assert list(gather(named)) == [named], "a file of that name is no pattern"


def test_scans_with_one_query(films: Path) -> None:
    views = [films / "a.png", films / "b.png"]
    film = np.asarray(Image.open(films / "a.png"))
    assert told(model(3), [films / "a.png", views, Image.fromarray(film)], QUERY) == ["0", "1", "2"]
    assert told(model(2), iter(views), QUERY) == ["0", "1"]
    assert told(model(1), films / "a.png", QUERY) == ["0"]


def test_what_is_no_picture_is_its_own_error(films: Path) -> None:
    (films / "a.md").write_text("about these films")
    assert told(model(4), films, QUERY) == ["UnsupportedFormatError", "0", "1", "2", "3"]


def test_a_folder_of_dicom_is_one_scan(tmp_path: Path) -> None:
    (tmp_path / "0.txt").write_text("about this study")
    for name in ("1.dcm", "2.dcm"):
        (tmp_path / name).write_bytes(b"\0" * 128 + b"DICM" + b"\0" * 200)
    assert list(gather(tmp_path)) == [tmp_path]


@pytest.mark.parametrize(
    ("items", "query", "said"),
    [
        (["a.png"], None, r"expected pairs of a scan and a query, got 'a\.png'.*predict\(paths, Ask"),
        ("films", None, r"expected pairs of a scan and a query, got 'films'.*predict\(paths, Ask"),
        ([("a.png", QUERY, 3)], None, "got 'tuple'"),
        ("nowhere/*.png", QUERY, r"expected files that match '\*\.png', got none"),
    ],
)
def test_what_is_asked_wrongly_shows_the_way(items: object, query: Ask | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        list(model(1).predict(items, query))  # type: ignore[arg-type]


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    with pytest.raises(InputError, match=r'such as "\S+/\*\*/\*\.png"'):
        list(gather(tmp_path))


def test_a_stream_that_ends_early_gives_what_came_before(films: Path) -> None:
    found = model(1).predict(iter([(films / "a.png", QUERY), films / "b.png"]))  # type: ignore[list-item]
    first = next(found)
    assert isinstance(first, Answer)
    with pytest.raises(InputError, match="expected pairs"):
        next(found)


def test_a_file_that_is_not_there_is_its_own_error(films: Path) -> None:
    found = list(model(1).predict([films / "none.png", films / "a.png"], QUERY))
    assert isinstance(found[0], UMITError) and isinstance(found[1], Answer)
