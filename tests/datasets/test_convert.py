"""What is written for other tools is what training gets, and reads back as the same samples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from umit.checkpoints import RELEASED, Checkpoint
from umit.datasets import NAMES, load
from umit.datasets.ask import asked
from umit.datasets.convert import Form, convert
from umit.datasets.dataset import Sample
from umit.datasets.pictures import ArrayRow, Files
from umit.datasets.swift_samples import swift_samples
from umit.errors import DatasetError, UMITError, UnsupportedTaskError
from umit.fanout import taught
from umit.geometry import Box2D, Box3D
from umit.imaging.read import load as umit_load
from umit.queries import Ask, Choose, Describe, Find
from umit.results import Answer, Classification, Detection, Detections, Landmarks, Report
from umit.tasks.dialect import Prompt

from ..conftest import examples
from .layouts import layout
from .layouts.draw import picture, pixels
from .told import told

CARD = RELEASED["dz-osamu/UMIT-B"]
TASKS = CARD.tasks
FEW = 3


def _some(name: str, root: Path) -> list[Any]:
    root.mkdir()
    layout(name).write(root)
    found: list[Any] = []
    for sample in told(name, root, **layout(name).LOADS[0])[0]:
        if len(found) == FEW:
            break
        try:
            sample.source.scans()
        except UMITError:  # a layout may hold a file that is none
            continue
        found.append(sample)
    return found


def _back(target: Path) -> list[Any]:
    missed: list[str] = []
    found = list(swift_samples(target, TASKS, root=target.parent, tell=missed.append))
    assert not missed
    return found


def _is_plain(path: Path) -> bool:
    if path.suffix not in (".png", ".jpg"):
        return False
    with Image.open(path) as opened:
        return opened.mode in ("L", "RGB")


def _step(sample: Any) -> float:
    """Return what a whole number of the frame is worth, in pixels or voxels."""
    size = [n for scan in sample.source.scans() for n in scan.size]
    return max(n / frame for n, frame in zip(size, (600, 800, 32), strict=False)) + 1e-6


def _alike(found: Any, true: Any, step: float) -> None:
    """Equal, or as near as whole numbers of the frame allow."""
    if not isinstance(true, Detections | Landmarks):
        option = getattr(found, "option", None)
        assert replace(found, option=None) == replace(true, option=None) if option is not None else found == true or found.text == true.text  # fmt: skip
        return
    assert len(found.items) == len(true.items)
    for one, other in zip(found.items, true.items, strict=True):
        marks = [getattr(item, "box", None) or item.point for item in (one, other)]
        corners = [m.corners if hasattr(m, "corners") else (m.x, m.y) for m in marks]
        np.testing.assert_allclose(*corners, atol=step)


@pytest.mark.slow  # every layout
@pytest.mark.parametrize("form", ["swift", "swift2"])
@pytest.mark.parametrize("name", NAMES)
def test_rows_read_back_as_the_same_samples(name: str, form: Any, tmp_path: Path) -> None:
    samples = _some(name, tmp_path / "in")
    count = convert(samples, tmp_path / "rows.jsonl", form=form, tasks=TASKS)
    wanted = [(sample, part.query, gold) for sample in samples for part, gold in taught(sample.query, sample.gold)]
    assert count == len(wanted)
    for (sample, query, gold), found in zip(wanted, _back(tmp_path / "rows.jsonl"), strict=True):
        assert found.query == query
        if not sample.source.is_volume:  # those come back in voxels of what was shown
            _alike(found.gold, gold, _step(sample))
        assert (found.group, found.facts) == (sample.group, sample.facts)
        assert found.id.startswith(sample.id)
        if isinstance(sample.source, Files) and all(map(_is_plain, sample.source.paths)):
            assert found.source == sample.source, "picture files stay where they are"


@pytest.mark.parametrize("form", ["swift", "swift2"])
def test_prompts_and_answers_are_those_of_training(form: Any, tmp_path: Path) -> None:
    samples = _some("slake", tmp_path / "in")
    convert(samples, tmp_path / "rows.jsonl", form=form, tasks=TASKS)
    text = (tmp_path / "rows.jsonl").read_text("utf-8")
    for sample, row in zip(samples, map(json.loads, text.splitlines()), strict=True):
        ((request, answer),) = asked(sample, TASKS)
        words = "<image>" + "".join(map(str, request.words))
        if form == "swift":
            turns = [{"role": "user", "content": words}, {"role": "assistant", "content": answer}]
            assert row["messages"] == turns
        else:
            assert (row["query"], row["response"]) == (words, answer)
        (image,) = row["images"]
        assert (tmp_path / image).is_file() and not Path(image).is_absolute()
    assert "图像" in text, "Chinese stays readable"


def test_another_system_line_is_written_out(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    tasks = Checkpoint(name="mine", system="You read films.").tasks
    for form in ("swift", "swift2"):
        convert([_open(tmp_path)], tmp_path / "r.jsonl", form=form, tasks=tasks)  # type: ignore[arg-type]
        row = json.loads((tmp_path / "r.jsonl").read_text())
        first = row["messages"][0]["content"] if form == "swift" else row["system"]
        assert first == "You read films."


def test_words_before_the_pictures_are_written_there(tmp_path: Path) -> None:
    """As MediX-R1 was taught: its instructions stand before the picture, the question behind it."""
    Image.fromarray(pixels(40, 50)).save(tmp_path / "a.png")
    prompt = Prompt(task="answer_open", language="en", text="Question: \n{pictures}{question}")
    card = replace(CARD, dialect=replace(CARD.dialect, prompts=(prompt,)))
    sample = Sample(
        id="1", query=Ask("Where?"), gold=Answer(text="left"), source=Files((tmp_path / "a.png",)), group="a"
    )
    convert([sample], tmp_path / "rows.jsonl", form="swift2", tasks=card.tasks)
    (row,) = map(json.loads, (tmp_path / "rows.jsonl").read_text("utf-8").splitlines())
    assert row["query"] == "Question: \n<image>Where?"


def test_files_elsewhere_are_named_whole(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "a.png", seed=1)
    target = tmp_path / "out" / "rows.jsonl"
    convert([_open(tmp_path / "in")], target, form="swift", tasks=TASKS)
    assert json.loads(target.read_text())["images"] == [(tmp_path / "in" / "a.png").as_posix()]
    (sample,) = swift_samples(target, TASKS, root=tmp_path / "in")
    assert sample.source == Files((tmp_path / "in" / "a.png",))


def test_pictures_without_a_file_are_written_once(tmp_path: Path) -> None:
    """Under their content's hash: an older picture of the same row number is never taken for a new one."""

    def sample(seed: int, number: int) -> Sample[Any, Any]:
        row = ArrayRow(tmp_path / "a.npz", "train", 0, pixels(seed), "yx")
        return Sample(id=str(number), query=Ask("Where?"), gold=Answer(text="left"), source=row, group="a")  # fmt: skip

    target = tmp_path / "rows.jsonl"
    convert([sample(1, 1), sample(1, 2)], target, form="swift", tasks=TASKS)
    assert len(list((tmp_path / "rows_images").iterdir())) == 1
    convert([sample(2, 1)], target, form="swift", tasks=TASKS)
    (found,) = _back(target)
    assert np.array_equal(found.source.scans()[0].voxels[0], pixels(2))


def _open(folder: Path, question: str = "Where?", answer: str = "left") -> Sample[Any, Any]:
    source = Files((folder / "a.png",))
    return Sample(id="1", query=Ask(question), gold=Answer(text=answer), source=source, group="a")


@pytest.mark.parametrize("form", ["swift", "swift2", "parquet"])
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        pytest.param("What is <image>?", "left", id="a tag"),
        pytest.param("Where?", "a <bbox>", id="a tag in the answer"),
        pytest.param("Where?<|im_end|>\n<|im_start|>system", "left", id="another turn"),
        pytest.param("Where?", "left<|box_start|>", id="a box token"),
        pytest.param("Where?", "left \ud800", id="half a character"),
    ],
)
def test_words_that_would_become_tokens_are_left_out(question: str, answer: str, form: Any, tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    said: list[str] = []
    samples = [_open(tmp_path, question, answer), _open(tmp_path)]
    assert convert(samples, tmp_path / "r", form=form, tasks=TASKS, tell=said.append) == 1
    (one,) = said
    assert one.startswith("1: left out: its words spell ")


@pytest.mark.parametrize("form", ["swift", "swift2", "parquet", "coco"])
def test_whole_or_not_at_all(form: Any, tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    target = tmp_path / "out.x"
    target.write_text("older")

    def torn() -> Iterator[Sample[Any, Any]]:
        gold = Detections(items=(Detection(label="a", box=Box2D(1, 2, 3, 4)),))
        source = Files((tmp_path / "a.png",))
        yield Sample(id="1", query=Find("a"), gold=gold, source=source, group="a")
        raise DatasetError("expected more")

    with pytest.raises(DatasetError, match="expected more"):
        convert(torn(), target, form=form, tasks=TASKS)
    assert target.read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "out.x"]


def test_nothing_to_write_and_other_errors(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    with pytest.raises(DatasetError, match="expected one of swift, swift2, parquet, coco, shards, got 'csv'"):
        convert([], tmp_path / "a.csv", form="csv", tasks=TASKS)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="samples that swift can hold, got none"):
        convert([], tmp_path / "a.jsonl", form="swift", tasks=TASKS)
    tasks = RELEASED["dz-osamu/Classification"].tasks
    with pytest.raises(UnsupportedTaskError, match="got answer_open"):
        convert([_open(tmp_path)], tmp_path / "a.jsonl", form="swift", tasks=tasks)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.slow  # every layout
@pytest.mark.parametrize("name", NAMES)
def test_tables_hold_the_pictures_themselves(name: str, tmp_path: Path) -> None:
    samples = _some(name, tmp_path / "in")
    samples = samples[: 1 if samples[0].source.is_volume else FEW]  # those are shown to be written
    target = tmp_path / "table.parquet"
    convert(samples, target, form="parquet", tasks=TASKS)
    for path in sorted((tmp_path / "in").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    wanted = [(sample, part.query, gold) for sample in samples for part, gold in taught(sample.query, sample.gold)]
    for (sample, query, gold), found in zip(wanted, _back(target), strict=True):
        assert (found.query, found.group, found.facts) == (query, sample.group, sample.facts)
        assert found.source.is_volume == sample.source.is_volume
        assert found.source.names
        if not isinstance(gold, Detections | Landmarks):
            _alike(found.gold, gold, 0)


def test_a_table_is_one_of_hugging_face_datasets(tmp_path: Path) -> None:
    from datasets import load_dataset

    samples = _some("slake", tmp_path / "in")
    convert(samples, tmp_path / "t.parquet", form="parquet", tasks=TASKS)
    table = load_dataset("parquet", data_files=str(tmp_path / "t.parquet"), cache_dir=str(tmp_path), split="train")
    assert len(table) == len(samples)
    assert table[0]["images"][0].size == samples[0].source.scans()[0].size, "decoded by datasets"
    ((_, answer),) = asked(samples[0], TASKS)
    assert table[0]["messages"][-1] == {"role": "assistant", "content": answer}
    assert table["language"][:] == [sample.query.language for sample in samples]


@pytest.mark.parametrize("language", ["en", None])
def test_coco_boxes(language: Any, tmp_path: Path) -> None:
    """Each box once, though both languages ask for it."""
    (tmp_path / "in").mkdir()
    layout("rsna").write(tmp_path / "in")
    samples = list(load("rsna", tmp_path / "in", language=language))
    assert convert(samples, tmp_path / "coco.json", form="coco", tasks=TASKS) == 2
    data = json.loads((tmp_path / "coco.json").read_text("utf-8"))
    assert [a["bbox"] for a in data["annotations"]] == [[264, 152, 213, 379], [562, 152, 256, 453]]
    assert {(i["width"], i["height"]) for i in data["images"]} == {(1024, 1024)}
    assert data["categories"] == [{"id": 1, "name": "pneumonia"}]


def test_coco_lists_a_picture_once_and_tells_the_rest(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    source = Files((tmp_path / "a.png",))

    def boxes(target: str, *found: Box2D | Box3D, **more: Any) -> Sample[Any, Any]:
        items = tuple(Detection(label=target, box=box) for box in found)
        return Sample(id=target, query=Find(target), gold=Detections(items=items), group="a", **{"source": source, **more})  # fmt: skip

    samples = [
        boxes("肿块", Box2D(1, 2, 4, 6), Box2D(0.5, 0, 80, 60)),
        boxes("cyst"),
        boxes("mass", Box2D(1, 2, 3, 4)),
        boxes("lost", Box2D(1, 2, 3, 4), source=Files((tmp_path / "b.png",))),
        boxes("beyond", Box2D(1, 2, 81, 4)),
        boxes("tumor", Box3D(1, 2, 3, 4, 5, 6), source=Files((tmp_path / "c.nii",), is_volume=True)),
        _open(tmp_path),
    ]
    said: list[str] = []
    assert convert(samples, tmp_path / "c.json", form="coco", tasks=TASKS, tell=said.append) == 1
    text = (tmp_path / "c.json").read_text("utf-8")
    data = json.loads(text)
    assert data["images"] == [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}]
    assert "肿块" in text and [c["name"] for c in data["categories"]][:3] == ["肿块", "cyst", "mass"]
    assert [(a["category_id"], a["bbox"], a["area"]) for a in data["annotations"]] == [
        (1, [1, 2, 3, 4], 12), (1, [0.5, 0, 79.5, 60], 4770), (3, [1, 2, 2, 2], 4),
    ]  # fmt: skip
    assert [a["id"] for a in data["annotations"]] == [1, 2, 3]
    assert said[:2] == [
        "lost: left out: b.png: expected a file, found none",
        "beyond: left out: expected a place inside the picture of 80 × 60, got (1, 2, 81, 4)",
    ]
    assert "2 samples left out" in said[2]


def test_coco_needs_boxes(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected boxes on films"):
        convert(_some("slake", tmp_path / "in"), tmp_path / "c.json", form="coco", tasks=TASKS)


def test_coco_keeps_what_only_one_language_asks_for(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    source, box, other = Files((tmp_path / "a.png",)), Box2D(1, 2, 3, 4), Box2D(5, 6, 7, 8)

    def asked_for(target: str, language: Any, *found: Box2D) -> Sample[Any, Any]:
        items = tuple(Detection(label=target, box=box) for box in found)
        query = Find(target, language=language)
        return Sample(id=target, query=query, gold=Detections(items=items), source=source, group="a")  # fmt: skip

    samples = [
        asked_for("lung", "en", box, other),
        asked_for("肺", "zh", other, box),
        asked_for("结节", "zh", other),
        asked_for("left lung", "en", box),
        asked_for("heart", "en"),
        asked_for("心脏", "zh"),
    ]
    convert(samples, tmp_path / "c.json", form="coco", tasks=TASKS)
    data = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert [c["name"] for c in data["categories"]] == ["lung", "结节", "left lung", "heart"]
    assert [a["category_id"] for a in data["annotations"]] == [1, 1, 2, 3]


FORMS = get_args(Form)


@pytest.mark.parametrize("form", FORMS)
def test_a_torn_picture_is_told_and_the_rest_is_written(form: Any, tmp_path: Path) -> None:
    samples = []
    picture(tmp_path / "whole.jpg", seed=1)
    half = (tmp_path / "whole.jpg").read_bytes()[:2000]
    for number, data in enumerate([b"", None, b"\x89PNG\r\n\x1a\n", b"<html>", half]):
        path = tmp_path / f"{number}.png"
        picture(path, seed=1) if data is None else path.write_bytes(data)
        gold = Detections(items=(Detection(label="a", box=Box2D(1, 2, 3, 4)),))
        samples.append(Sample(id=str(number), query=Find("a"), gold=gold, source=Files((path,)), group="a", place=f"rows.json row {number}"))  # fmt: skip
    said: list[str] = []
    target = tmp_path / "out" / "rows.parquet"
    assert convert(samples, target, form=form, tasks=TASKS, tell=said.append) == 1
    assert [one.partition(": ")[0] for one in said] == [f"rows.json row {n}" for n in (0, 2, 3, 4)]
    assert said[0].endswith("0.png: expected a picture, got 0 bytes")


@pytest.mark.parametrize("form", FORMS)
def test_a_box_beyond_its_picture_is_no_row(form: Any, tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    source, samples = Files((tmp_path / "a.png",)), []
    for box in (
        Box2D(1, 2, 80, 60),
        Box2D(1, 2, 80.5, 60),
        Box2D(-1, 2, 3, 4),
        Box2D(90, 2, 95, 9),
        Box3D(1, 2, 3, 4, 5, 6),
    ):
        gold = Detections(items=(Detection(label="a", box=box),))
        samples.append(Sample(id="a", query=Find("a"), gold=gold, source=source, group="a", place=f"rows.csv row {len(samples)}"))  # fmt: skip
    said: list[str] = []
    assert convert(samples, tmp_path / "out", form=form, tasks=TASKS, tell=said.append) == 1
    assert [one.partition(": ")[0] for one in said] == [f"rows.csv row {n}" for n in (1, 2, 3, 4)]
    assert all("left out: expected" in one for one in said)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "coco"])
def test_the_same_samples_give_the_same_bytes(form: Any, tmp_path: Path) -> None:
    samples = [*_some("rsna", tmp_path / "in"), *_some("slake", tmp_path / "too")]
    for name in ("one", "two"):
        convert(samples, tmp_path / name / "rows", form=form, tasks=TASKS)
    one, two = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()}
        for n in ("one", "two")
    )  # fmt: skip
    assert one == two


@pytest.mark.parametrize("form", ["swift", "swift2", "parquet"])
def test_several_files_load_together(form: Any, tmp_path: Path) -> None:
    from datasets import load_dataset

    files, count = [], 0
    for name in ("slake", "rsna", "isbi-2015", "medmnist-2d", "m3d-seg", "pmc-oa"):
        target = tmp_path / f"{name}.{form}"
        count += convert(_some(name, tmp_path / name)[:2], target, form=form, tasks=TASKS)
        files.append(str(target))
    kind = "parquet" if form == "parquet" else "json"
    table = load_dataset(kind, data_files=files, cache_dir=str(tmp_path / "cache"), split="train")
    assert len(table) == count
    assert all(json.loads(text)["group"] for text in table["umit"])


# No control token, tag or brace; and no backslash, since rows of others may spell a line break as "\\n".
_PLAIN: Any = {ord("|"): "/", ord("<"): "(", ord("{"): "(", ord("\\"): "/"}
_WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Co")), min_size=1, max_size=30)
_TEXT = _WORDS.map(lambda t: t.translate(_PLAIN).strip()).filter(bool)
_NAME = _TEXT.map(lambda t: " ".join(t.split()))
_EDGES = st.tuples(st.floats(0, 75), st.floats(0, 55), st.floats(1, 5), st.floats(1, 5))


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    language: Any = draw(st.sampled_from(["en", "zh"]))
    words, target = draw(_TEXT), draw(_NAME.filter(bool))
    names = tuple(draw(st.lists(_NAME.filter(bool), min_size=2, max_size=5, unique_by=str.casefold)))
    index = draw(st.integers(0, len(names) - 1))
    boxes = [Box2D(x, y, x + w, y + h) for x, y, w, h in draw(st.lists(_EDGES, max_size=3))]
    found = Detections(items=tuple(Detection(label=target, box=box) for box in boxes))
    pairs = [
        (Ask(words, language=language), Answer(text=words)),
        (Ask(words, names, language=language), Answer(text=names[index], option=index)),
        (Choose(names, words, language=language), Classification(label=names[index])),
        (Find(target, language=language), found),
        (Describe(language=language), Report(text=words)),
    ]
    return draw(st.sampled_from(pairs))


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(_pairs(), min_size=1, max_size=4), form=st.sampled_from(["swift", "swift2"]))
def test_any_words_read_back(pairs: list[Any], form: Any, tmp_path: Path) -> None:
    if not (tmp_path / "a.png").exists():
        picture(tmp_path / "a.png", seed=1)
    source = Files((tmp_path / "a.png",))
    samples = [
        Sample(id=str(n), query=query, gold=gold, source=source, group=f"g{n}", facts=(("组", str(n)),))
        for n, (query, gold) in enumerate(pairs)
    ]  # fmt: skip
    convert(samples, tmp_path / "rows.jsonl", form=form, tasks=TASKS)
    for sample, found in zip(samples, _back(tmp_path / "rows.jsonl"), strict=True):
        assert replace(found, gold=sample.gold, place="") == sample
        _alike(found.gold, sample.gold, 80 / 1024)


def test_a_picture_is_read_once_for_its_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from umit.datasets import pictures

    read: list[Any] = []
    monkeypatch.setattr(pictures, "load", lambda *a, **k: read.append(a) or umit_load(*a, **k))
    Image.fromarray(pixels(1).astype(np.uint16) * 200).save(tmp_path / "a.png")
    source = Files((tmp_path / "a.png",))
    samples = [replace(_open(tmp_path), id=str(n), source=source) for n in range(3)]
    assert convert(samples, tmp_path / "r.jsonl", form="swift", tasks=TASKS) == 3
    assert len(read) == 1
    assert len(list((tmp_path / "r_images").iterdir())) == 1
