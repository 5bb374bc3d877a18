"""ISBI 2015: two doctors and their mean, lenient ends of files, and the first film's real points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from umit.checkpoints import RELEASED
from umit.datasets import describe
from umit.datasets.ask import asked
from umit.errors import DatasetError
from umit.tasks.landmarks import CEPHALOMETRIC

from .layouts import isbi_2015, layout
from .told import told

LINES = [f"{100 + k},{200 + k}" for k in range(19)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn layout; nothing in it is changed."""
    root = tmp_path_factory.mktemp("isbi")
    layout("isbi-2015").write(root)
    return root


def _marked(root: Path, text: str, doctors: tuple[str, ...] = ("senior", "junior"), film: str = "001") -> Path:
    for doctor in doctors:
        folder = root / f"400_{doctor}"
        folder.mkdir(exist_ok=True)
        (folder / f"{film}.txt").write_text(text, encoding="utf-8", newline="")
    return root


def _points(samples: list[Any]) -> dict[str, tuple[float, float]]:
    return {s.query.name: (s.gold.items[0].point.x, s.gold.items[0].point.y) for s in samples}


@pytest.mark.parametrize(("variant", "apart"), [("mean", (1.5, 0.5)), ("senior", (0, 0)), ("junior", (3, 1))])
def test_whose_points(root: Path, variant: str, apart: tuple[float, float]) -> None:
    samples, _ = told("isbi-2015", root, split="train", language="en", variant=variant)
    assert [s.query.name for s in samples] == list(CEPHALOMETRIC)
    for number, (x, y) in enumerate(_points(samples).values()):
        wanted = isbi_2015.point(1, number, "senior")
        # Half a pixel more: the files name pixels, and points are where their centres are.
        assert (x, y) == (wanted[0] + apart[0] + 0.5, wanted[1] + apart[1] + 0.5)


def test_the_mean_is_the_default() -> None:
    assert describe("isbi-2015").variants[0] == "mean"


@pytest.mark.parametrize(
    ("split", "film", "part"), [("train", "001", "train"), ("validation", "151", "test1"), ("test", "400", "test2")]
)
def test_parts_of_the_challenge(root: Path, split: str, film: str, part: str) -> None:
    samples, _ = told("isbi-2015", root, split=split)
    assert {s.group for s in samples} == {film}
    assert len(samples) == 2 * 19
    assert dict(samples[0].facts) == {"landmark": CEPHALOMETRIC[0], "part": part}
    assert samples[0].source.names[0].endswith(f"{film}.bmp")


def test_films_are_in_millimetres(root: Path) -> None:
    sample = told("isbi-2015", root, split="train", language="zh")[0][0]
    (scan,) = sample.source.scans()
    assert scan.size == (1935, 2400)
    assert tuple(scan.spacing) == (0.1, 0.1)
    point = sample.gold.items[0].point
    assert point.to_mm() == pytest.approx((point.x / 10, point.y / 10))
    ((_, answer),) = asked(sample, RELEASED["dz-osamu/UMIT-B"].tasks)
    assert answer == f"[{int(point.x * 600 / 1935 + 0.5)},{int(point.y * 800 / 2400 + 0.5)}]"


def test_a_film_that_was_made_smaller_is_refused(tmp_path: Path) -> None:
    Image.new("L", (968, 1200)).save(tmp_path / "001.jpg")
    sample = told("isbi-2015", _marked(tmp_path, "\n".join(LINES)))[0][0]
    with pytest.raises(DatasetError, match=r"expected 1935 × 2400 .* got 968 × 1200"):
        sample.source.scans()


@pytest.mark.parametrize("place", ["001.bmp", "RawImage/001.png", "Test1Data/001.jpg"])
def test_where_films_may_lie(place: str, tmp_path: Path) -> None:
    path = _marked(tmp_path, "\n".join(LINES)) / place
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (1935, 2400)).save(path)
    sample = told("isbi-2015", tmp_path)[0][0]
    assert sample.source.scans()[0].size == (1935, 2400)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param("", id="nothing behind"),
        pytest.param("\n1\n2\n3\n1\n1\n2\n1\n4\n", id="eight classes"),
        pytest.param("\r\n1\r\n\r\n\r\n", id="blank lines"),
        pytest.param("\nwhatever, it is\n", id="words"),
    ],
)
def test_what_follows_the_points_may_be_anything(end: str, tmp_path: Path) -> None:
    points = _points(told("isbi-2015", _marked(tmp_path, "\n".join(LINES) + end), language="en")[0])
    assert points[CEPHALOMETRIC[18]] == (118.5, 218.5)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("", "expected x,y", id="a blank line"),
        pytest.param("12", "expected x,y, got '12'", id="one number"),
        pytest.param("1,2,3", "expected x,y", id="three numbers"),
        pytest.param("-1,2", "expected x,y", id="outside the film"),
        pytest.param("1;2", "expected x,y", id="another separator"),
        pytest.param("nan,2", "expected x,y", id="no number"),
    ],
)
def test_other_lines_are_refused(line: str, message: str, tmp_path: Path) -> None:
    lines = [*LINES[:2], line, *LINES[3:]]
    with pytest.raises(DatasetError, match=message) as caught:
        told("isbi-2015", _marked(tmp_path, "\n".join(lines)))
    assert caught.value.file == "400_senior/001.txt line 3"


def test_blanks_and_fractions_are_read(tmp_path: Path) -> None:
    text = "\n".join([" 10.25 , 20 ", *LINES[1:]])
    points = _points(told("isbi-2015", _marked(tmp_path, text), language="en")[0])
    assert points[CEPHALOMETRIC[0]] == (10.75, 20.5)


def test_fewer_lines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected 19 landmarks, got 18 lines"):
        told("isbi-2015", _marked(tmp_path, "\n".join(LINES[:18])))


def test_the_mean_needs_both_doctors(tmp_path: Path) -> None:
    _marked(tmp_path, "\n".join(LINES), doctors=("senior",))
    with pytest.raises(DatasetError, match=r"expected AnnotationsByMD/400_junior or 400_junior"):
        told("isbi-2015", tmp_path)
    assert len(told("isbi-2015", tmp_path, variant="senior", language="en")[0]) == 19


def test_a_film_of_one_doctor_is_told(tmp_path: Path) -> None:
    _marked(tmp_path, "\n".join(LINES), film="400")
    _marked(tmp_path, "\n".join(LINES), doctors=("junior",))
    samples, messages = told("isbi-2015", tmp_path)
    assert {s.group for s in samples} == {"400"}
    assert messages == ["001.txt: skipped, only 400_junior has it"]


def test_the_real_points(shared: Path, tmp_path: Path) -> None:
    text = (shared / "samples" / "isbi2015" / "001_landmarks_only.txt").read_text("utf-8")
    points = _points(told("isbi-2015", _marked(tmp_path, text), language="en")[0])
    sella, nasion, menton = (points[CEPHALOMETRIC[k]] for k in (0, 1, 7))
    assert (sella, nasion) == ((835.5, 996.5), (1473.5, 1029.5))
    assert nasion[0] > sella[0], "the face looks to the right"
    bony = [points[CEPHALOMETRIC[k]][1] for k in range(12)]
    assert menton[1] == max(bony) == 2272.5
