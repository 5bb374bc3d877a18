"""Each change keeps its promise about the truth; the card comes from the journals and goes on after a stop."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.checkpoints import PHANTOM
from umit.datasets import describe, load
from umit.datasets.dataset import Choice, Sample, Samples
from umit.datasets.folder import Folder
from umit.errors import InputError
from umit.evaluation.journal import Journal, records
from umit.evaluation.perturb import CHANGES, Changed, Others, altered
from umit.evaluation.record import record_of
from umit.evaluation.robustness import FOLDER, perturb, robustness
from umit.geometry import Box2D, Box3D, Point2D
from umit.imaging.scan import Scan
from umit.model import UMIT
from umit.queries import Ask, Find, Locate
from umit.results import Answer, Detection, Detections, Landmark, Landmarks
from umit.testing import ScriptedBackend

from ..datasets.layouts import layout


@dataclass(frozen=True)
class Held:
    scan: Scan

    @property
    def names(self) -> tuple[str, ...]:
        return ("held",)

    @property
    def is_volume(self) -> bool:
        return self.scan.is_volume

    def scans(self) -> tuple[Scan, ...]:
        return (self.scan,)


def _film(x: int = 12, y: int = 30) -> Scan:
    pixels = np.zeros((1, 64, 100), np.uint8)
    pixels[0, y : y + 4, x : x + 4] = 255
    return Scan(pixels, spacing=(0.5, 0.5))


def _sample(query: Any, gold: Any, scan: Scan | None = None, **more: Any) -> Sample[Any, Any]:
    return Sample(id="1", query=query, gold=gold, source=Held(scan or _film()), group="g", **more)


def _box(sample: Sample[Any, Any]) -> tuple[float, ...]:
    (volume,) = sample.source.scans()
    z, y, x = np.nonzero(volume.voxels)
    ends = (x.min(), y.min(), z.min(), x.max() + 1, y.max() + 1, z.max() + 1)
    return tuple(map(float, ends))


BOX = _sample(Find("left nodule"), Detections(items=(Detection(label="left nodule", box=Box2D(12, 30, 16, 34)),)))
POINT = _sample(Locate("right eye"), Landmarks(items=(Landmark(name="right eye", point=Point2D(14, 32)),)))
CLOSED = _sample(
    Ask("Which lung?", ("left", "right", "both")), Answer(text="left", option=0)
)  # fmt: skip


def test_a_flipped_box_is_where_the_dot_is() -> None:
    found = altered(BOX, "flip")
    x1, y1, _, x2, y2, _ = _box(found)
    assert found.gold.items[0].box.corners == (x1, y1, x2, y2) == (84, 30, 88, 34)
    assert found.query == Find("right nodule") and found.gold.items[0].label == "right nodule"


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_volume_is_mirrored_along_the_patients_axis(axis: int) -> None:
    order = np.roll(np.eye(3), axis, axis=1)  # file axis `axis` runs between the sides
    affine = np.eye(4)
    affine[:3, :3] = order
    voxels = np.zeros((6, 8, 10), np.int16)
    voxels[1:3, 2:4, 3:5] = 9
    scan = Scan(voxels, affine=tuple(tuple(map(float, row)) for row in affine))
    gold = Detections(items=(Detection(label="a", box=Box3D(3, 2, 1, 5, 4, 3)),))
    found = altered(_sample(Find("a"), gold, scan), "flip")
    assert found.gold.items[0].box.corners == _box(found)
    moved = [a != b for a, b in zip(found.gold.items[0].box.corners[:3], (3, 2, 1), strict=True)]
    assert moved == [k == axis for k in range(3)]


@pytest.mark.parametrize("sample", [BOX, POINT, CLOSED])
def test_two_flips_are_none(sample: Any) -> None:
    twice = altered(altered(sample, "flip"), "flip")
    assert (twice.query, twice.gold) == (sample.query, sample.gold)
    assert (twice.source.scans()[0].voxels == sample.source.scans()[0].voxels).all()


@pytest.mark.parametrize("name", ["rotation", "crop"])
def test_a_moved_point_is_where_the_dot_is(name: str) -> None:
    found = altered(POINT, name)
    picture = found.source.scans()[0].voxels[0].astype(float)
    y, x = np.indices(picture.shape) + 0.5
    middle = (x * picture).sum() / picture.sum(), (y * picture).sum() / picture.sum()
    point = found.gold.items[0].point
    assert middle == pytest.approx((point.x, point.y), abs=0.1) and point.x != 14


def test_what_a_change_does_not_keep_is_left_out() -> None:
    whole = replace(BOX.gold.items[0], box=Box2D(0, 0, *BOX.source.scans()[0].size))
    for sample, name in ((BOX, "rotation"), (replace(BOX, gold=Detections(items=(whole,))), "crop")):
        with pytest.raises(InputError) as error:
            altered(sample, name)
        assert error.value.code == "not_applicable"


@pytest.mark.parametrize("name", ["window", "noise", "coarse", "rotation", "crop", "blank", "question-only"])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_pictures_change_the_same_way_each_time(name: str, kind: Any) -> None:
    window = None if kind is np.uint8 else (0.0, 255.0)
    scan = replace(_film(13, 31), voxels=_film(13, 31).voxels.astype(kind), window=window)
    sample = _sample(CLOSED.query, CLOSED.gold, scan)
    one, two = (altered(sample, name).source.scans()[0] for _ in range(2))
    assert (one.voxels == two.voxels).all() and one.voxels.dtype == kind and one.size == scan.size
    assert one.window != scan.window or (one.voxels != scan.voxels).any()
    assert altered(sample, name).source.names != sample.source.names


def test_noise_differs_between_samples() -> None:
    one, two = (altered(replace(CLOSED, id=i), "noise").source.scans()[0] for i in "ab")
    assert (one.voxels != two.voxels).any()


def test_shuffled_options_keep_the_right_words() -> None:
    found = altered(CLOSED, "shuffled-options")
    assert found.query.options != CLOSED.query.options
    assert found.query.options[found.gold.option] == found.gold.text == "left"
    with pytest.raises(InputError, match="options"):
        altered(POINT, "shuffled-options")


def test_a_side_that_is_not_certain_leaves_the_sample_out() -> None:
    """And is counted: the liver's left lobe may keep its name in a mirrored patient."""
    asked = [
        replace(CLOSED, id=str(n), query=Ask(q, ("left", "right")))
        for n, q in enumerate(
            ["Which lung?", "Which ventricle: left ventricle?", "Which lobe of the liver: left lobe?"]
        )
    ]
    dataset = replace(describe("slake"), read=lambda choice: iter(asked))
    changed = Changed(Samples(dataset, Choice(root=Folder(Path()))), "flip", CHANGES["flip"])
    assert [s.id for s in changed] == ["0"] and sum(changed.left_out.values()) == 2


def test_the_wrong_organ_is_another() -> None:
    chest = replace(CLOSED, facts=(("organ", "lung"),))
    brain = replace(CLOSED, group="h", source=Held(_film(50)), facts=(("organ", "brain"),))
    assert Others([chest, brain])(chest).source == brain.source
    for lender in ([chest], [chest, replace(chest, group="h")]):
        with pytest.raises(InputError, match="another organ"):
            Others(lender)(chest)


@pytest.fixture
def samples(tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "in").mkdir()
    layout("slake").write(tmp_path / "in")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield load("slake", tmp_path / "in", split="validation")


def _first(request: Any) -> str:
    return "".join(map(str, request.options[0])) if request.options else "lung"


def test_the_card_goes_on_after_a_stop(samples: Any, tmp_path: Path) -> None:
    whole = perturb(UMIT(ScriptedBackend(_first), PHANTOM), samples, tmp_path / "whole")
    count = 0

    def dying(request: Any) -> str:
        nonlocal count
        count += 1
        if count == 9:
            raise KeyboardInterrupt
        return _first(request)

    with pytest.raises(KeyboardInterrupt):
        perturb(UMIT(ScriptedBackend(dying), PHANTOM), samples, tmp_path / "run")
    again = ScriptedBackend(_first)
    rows = perturb(UMIT(again, PHANTOM), samples, tmp_path / "run")
    assert repr(rows) == repr(whole) == repr(robustness(tmp_path / "run")), "repr: nan is not nan"
    done = [p for p in (tmp_path / "run").rglob("results.jsonl")]
    total = sum(len(list(records(p.parent))) for p in done)
    assert len(again.requests) < total and {r.change for r in rows} == {*CHANGES, "wrong-organ"}
    text = (tmp_path / "run" / "robustness.md").read_text("utf-8")
    assert "Research use only" in text and "left out" in text
    assert all(r.drop == 0 for r in rows if r.change == "blank"), "answers do not look"
    silent = ScriptedBackend([])
    perturb(UMIT(silent, PHANTOM), samples, tmp_path / "run")
    assert not silent.requests


def _kept(folder: Path, said: dict[str, str], options: tuple[str, ...]) -> None:
    """Write a run of one question a patient: the truth is the first option, the answers are as said."""
    with Journal(folder, {"dataset": "drawn"}) as journal:
        for name, text in said.items():
            gold, found = (Answer(text=w, option=options.index(w)) for w in (options[0], text))
            sample = replace(CLOSED, id=name, group=name, query=Ask("Which lung?", options), gold=gold)
            journal.add(name, record_of(sample, found), ok=True)


def test_the_numbers_of_the_card_are_those_of_its_answers(tmp_path: Path) -> None:
    sides = ("left", "right")
    _kept(tmp_path, dict.fromkeys("abcd", "left"), sides)
    _kept(tmp_path / FOLDER / "flip", {"a": "right", "b": "right", "c": "right", "d": "left"}, sides[::-1])
    _kept(tmp_path / FOLDER / "blank", {"a": "left", "b": "right"}, sides)
    blank, flip = sorted(robustness(tmp_path), key=lambda row: row.change)
    assert (flip.unchanged, flip.changed, flip.drop, flip.n) == (1.0, 0.75, 0.25, 4)
    assert (flip.consistent, flip.compared, flip.not_asked) == (0.75, 4, 0)
    assert (blank.changed, blank.drop, blank.n, blank.not_asked) == (0.5, 0.5, 2, 2)
    assert blank.compared == 0 and blank.low <= 0.5 <= blank.high
