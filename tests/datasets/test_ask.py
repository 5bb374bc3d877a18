"""A sample as it is asked: through its task, with its pictures or without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.chat import Completion
from umit.checkpoints import RELEASED
from umit.datasets import NAMES
from umit.datasets.ask import asked, outline
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Files, Stack, Voxels
from umit.errors import InputError, UnsupportedTaskError
from umit.fanout import taught
from umit.geometry import Box2D
from umit.imaging.view import Rendering, render
from umit.queries import Ask, Choose, Find
from umit.results import Answer, Detection, Detections, Findings, Marked

from .layouts import layout
from .layouts.draw import picture
from .told import told

TASKS = RELEASED["dz-osamu/UMIT-B"].tasks


def _sample(query: Any, gold: Any, *paths: Path) -> Sample[Any, Any]:
    return Sample(id="1", query=query, gold=gold, source=Files(paths), group="a")


def test_it_is_the_tasks_own_request(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    sample = _sample(Ask("Where?"), Answer(text="left"), tmp_path / "a.png")
    ((request, answer),) = asked(sample, TASKS)
    task = TASKS["answer_open"]
    view = render(sample.source.scans(), task.rendering(volume=False))
    wanted = task.request(sample.query, view)
    assert (request.words, request.system) == (wanted.words, wanted.system)
    assert np.array_equal(request.frames[0], view.frames[0])
    assert answer == "left"


@pytest.mark.parametrize(("language", "options"), [("en", ("yes", "no")), ("zh", ("是", "否"))])
def test_several_labels_are_asked_one_by_one(tmp_path: Path, language: Any, options: Any) -> None:
    picture(tmp_path / "a.png", seed=1)
    query = Choose(("mass", "nodule"), several=True, language=language)
    gold = Findings(items=(Marked(label="mass", present=True), Marked(label="nodule", present=False)))
    sample = _sample(query, gold, tmp_path / "a.png")
    first, second = taught(query, gold)
    assert first[1] == Answer(text=options[0], option=0)
    assert second[1] == Answer(text=options[1], option=1)
    assert all("mass" in part.query.question or "nodule" in part.query.question for part, _ in (first, second))  # type: ignore[union-attr]
    mark = "：" if language == "zh" else ":"
    requests = list(asked(sample, TASKS))
    assert [answer for _, answer in requests] == [f"1{mark}{options[0]}", f"2{mark}{options[1]}"]
    assert len({id(request.frames[0]) for request, _ in requests}) == 1, "one picture for both"


def test_words_need_no_picture() -> None:
    sample = _sample(Ask("Where?"), Answer(text="left"), Path("nowhere.png"))
    ((request, answer),) = asked(sample, TASKS, pixels=False)
    assert not request.frames and answer == "left"
    with pytest.raises(InputError):
        list(asked(sample, TASKS))


def test_an_unknown_task_is_named() -> None:
    sample = _sample(Ask("Where?"), Answer(text="left"), Path("nowhere.png"))
    tasks = RELEASED["dz-osamu/Classification"].tasks
    with pytest.raises(UnsupportedTaskError, match="classify, got answer_open"):
        list(asked(sample, tasks, pixels=False))


@pytest.mark.parametrize("name", NAMES)
def test_answers_without_pixels_are_those_with(name: str, tmp_path: Path) -> None:
    layout(name).write(tmp_path)
    compared = 0
    for sample in told(name, tmp_path, **layout(name).LOADS[0])[0][:3]:
        try:
            whole = list(asked(sample, TASKS))
        except InputError:  # a layout may hold a file that is none
            continue
        bare = list(asked(sample, TASKS, pixels=False))
        assert [answer for _, answer in bare] == [answer for _, answer in whole]
        assert [r.words for r, _ in bare] == [r.words for r, _ in whole]
        compared += 1
    assert compared


@pytest.mark.parametrize(
    ("kind", "rendering"),
    [
        ("png", Rendering(frame=(1024, 1024))),
        ("png", Rendering(frame=None)),
        ("jpg turned by EXIF", Rendering(frame=(600, 800))),
        ("npy", Rendering(frame=(256, 256), depth=32, preparation="m3d")),
        ("slices", Rendering(frame=(256, 256), depth=32, preparation="m3d")),
    ],
)
def test_outlines_are_those_of_the_rendered_view(tmp_path: Path, kind: str, rendering: Rendering) -> None:
    source: Any
    if kind == "npy":
        voxels = np.linspace(0, 1, 8 * 40 * 50, dtype=np.float32).reshape(8, 40, 50)
        np.save(tmp_path / "a.npy", voxels)
        source = Voxels(tmp_path / "a.npy", as_stored=True)
    elif kind == "slices":
        for number in (1, 2, 3):
            picture(tmp_path / f"{number}.png", seed=number, mode="L")
        source = Stack(tuple(tmp_path / f"{number}.png" for number in (1, 2, 3)))
    elif kind == "png":
        picture(tmp_path / "a.png", seed=1)
        source = Files((tmp_path / "a.png",), spacing=(0.2, 0.1))
    else:
        from PIL import Image

        picture(tmp_path / "b.png", seed=1)
        with Image.open(tmp_path / "b.png") as image:
            exif = image.getexif()
            exif[274] = 6
            image.save(tmp_path / "a.jpg", exif=exif)
        source = Files((tmp_path / "a.jpg",))
    view = render(source.scans(), rendering)
    found = outline(source, rendering).geometry
    assert replace(found, slices=view.geometry.slices) == view.geometry, "slices are for pictures"


def test_a_turned_dicom_film_is_written_as_it_is_shown(tmp_path: Path) -> None:
    from ..imaging.conftest import DicomFiles

    pixels = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)
    path = DicomFiles().film(tmp_path, pixels, Modality="DX", PatientOrientation=["R", "F"])
    box = Box2D(0, 0, 30, 20)
    gold = Detections(items=(Detection(label="mass", box=box),))
    sample = _sample(Find("mass"), gold, path)
    ((_, whole),) = asked(sample, TASKS)
    ((_, bare),) = asked(sample, TASKS, pixels=False)
    assert whole == bare == "<|box_start|>(512,0),(1024,512)<|box_end|>", "shown from the other side"
    view = outline(sample.source, TASKS["detect_2d"].rendering(volume=False))
    (item,) = TASKS["detect_2d"].decode(Completion(text=bare), sample.query, view)
    assert item.box == box
