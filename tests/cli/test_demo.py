"""The demo: true answers are shown as right, unreadable ones as unreadable, and all is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from umit.checkpoints import PHANTOM
from umit.cli import main
from umit.cli.scenes import FIRST, scenes
from umit.cli.table import table, width
from umit.errors import InputError
from umit.fanout import taught
from umit.imaging.view import render
from umit.phantom.cases import HELD_OUT
from umit.results import Detections, Landmarks
from umit.tasks.table import choose

BOTH = ("en", "zh")


def truths() -> list[str]:
    """Return what a perfect model writes, in the order in which the demo asks."""
    found = []
    for scene in scenes(0, BOTH):
        volume = scene.case.kind == "volume"
        for item in scene.items:
            told = frozenset(t for name, t in PHANTOM.presence if name == ("detect_3d" if volume else "detect_2d"))
            for part, gold in taught(item.query, item.gold, scored=told):
                task = PHANTOM.task(choose(part.query, volume=volume), part.query.language)
                view = render(scene.case.scans, task.rendering(volume=volume))
                found.append(task.encode(gold, part.query, view))
    return found


@pytest.mark.slow  # the whole demo, in both languages
def test_a_perfect_model_is_right_everywhere(script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script(truths())
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out)]) == 0
    said, progress = capsys.readouterr()
    assert "unreadable" not in said and "wrong" not in said
    overlaps = [float(v) for v in re.findall(r"IoU (\d\.\d\d)", said)]
    assert len(overlaps) >= 8 and min(overlaps) > 0.75  # whole voxels of the frame cost the rest
    assert max(float(v) for v in re.findall(r"([\d.]+) mm", said)) <= 0.2
    assert PHANTOM.notice in said and said.endswith(f"{out / 'index.html'}\n")
    assert "umit: drawing phantoms" in progress
    names = {f"{key}-{language}.png" for key in ("film", "single", "skull", "ct") for language in BOTH}
    assert {path.name for path in out.iterdir()} == {*names, "demo.png", "index.html"}
    with Image.open(out / "demo.png") as picture:
        assert picture.height == 420 and picture.width > 800
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "蝶鞍点" in page and "Sella" in page and 'class="bad"' not in page
    numbers = re.findall(r'<td class="number">([^<]+)</td><td>(\w+)</td>', page)
    # Every point and box has the number of its mark; each picture counts from 1.
    assert {task for _, task in numbers} == {"detection", "landmark"}
    firsts = [number for number, _ in numbers if number.partition("–")[0] == "1"]
    marked = sum(
        any(item.gold and isinstance(item.gold, Detections | Landmarks) for item in scene.items)
        for scene in scenes(0, BOTH)
    )
    assert len(firsts) == marked > 3
    assert PHANTOM.notice in page and not re.search(r"(?:src|href)=.(?!data:)", page)


def test_what_cannot_be_read_is_shown_as_it_came(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(lambda request: "<b>!!" * 30)
    assert main(["demo", "--out", str(tmp_path), "--language", "zh"]) == 0
    said = capsys.readouterr().out
    assert said.count("unreadable:") > 20 and "'<b>!!" in said
    assert "Chinese" in said and "English" not in said
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;!!" in page and "<b>!!" not in page


def test_phantoms_were_never_trained_on_nor_are_they_the_boards() -> None:
    assert FIRST == HELD_OUT + 1_000_000
    found = scenes(3, ("en",))
    assert [scene.key for scene in found] == ["film", "single", "skull", "ct"]
    for scene in found:
        seed = int(scene.case.scans[0].name.rpartition("-")[2])
        assert FIRST + 3 <= seed < FIRST + 203
    with pytest.raises(InputError, match="seed of 0 or more"):
        scenes(-1, ("en",))


def test_every_task_is_asked_in_each_language() -> None:
    for language in BOTH:
        asked = {
            choose(item.query, volume=scene.case.kind == "volume")
            for scene in scenes(0, (language,))
            for item in scene.items
            if item.query.language == language
        }
        assert asked == set(PHANTOM.task_names) - {"caption", "compare"}


def test_output_that_is_a_file_is_bad_use(script: Any, film: str, capsys: pytest.CaptureFixture[str]) -> None:
    script()
    assert main(["demo", "--out", film]) == 2
    assert "umit: film.png: expected a folder, got a file\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "结节在右上肺野", "a-very-long-word-without-any-blank", "The heart 正常 is\nhere"]
)
def test_columns_line_up_and_lose_nothing(text: str) -> None:
    shown = table([(text, "end")], (10, 5))
    lines = shown.split("\n")
    assert width(lines[0].rpartition("end")[0]) == 12
    assert all(width(line) <= 10 for line in lines[1:])
    kept = shown.replace("end", "", 1)
    assert re.sub(r"\s", "", kept) == re.sub(r"\s", "", text)
