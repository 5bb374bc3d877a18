"""Pictures that are changed while training: marks go with them, left stays left, and nothing depends on chance."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.checkpoints import PHANTOM
from umit.datasets.dataset import Sample
from umit.engine.encode import Encoder
from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Point2D
from umit.imaging.scan import Scan
from umit.phantom.samples import Phantoms
from umit.queries import Ask, Choose, Find, Locate
from umit.results import Answer, Classification, Detection, Detections, Landmark, Landmarks
from umit.training import LIGHT, Augmentation, turns_of
from umit.training.batches import SampleBatches
from umit.training.parts import Part
from umit.training.shown import Store

SAMPLES = [sample for sample in Phantoms(first=0, count=3, languages=("en",)) if "film" in sample.id]
STILL = Augmentation(turn=0, zoom=(1, 1), stretch=0, shift=0, gamma=(1, 1), contrast=(1, 1), brightness=0, noise=0)
#: Curves and cut off whites move the edge between bright and dark.
SMOOTH = replace(LIGHT, noise=0, gamma=(1, 1), contrast=(1, 1), brightness=0)


class Held:
    """A picture in memory."""

    def __init__(self, voxels: Any, **about: Any) -> None:
        self.scan, self.is_volume, self.names = Scan(voxels, **about), len(voxels) > 1, ("held.png",)

    def scans(self) -> tuple[Scan, ...]:
        return (self.scan,)


def _sample(voxels: Any, query: Any, gold: Any, **about: Any) -> Sample[Any, Any]:
    return Sample(id="1", query=query, gold=gold, source=Held(voxels, **about), group="1")


def _landmark(voxels: Any, *marks: tuple[str, float, float]) -> Sample[Any, Any]:
    items = tuple(Landmark(name=name, point=Point2D(x, y)) for name, x, y in marks)
    return _sample(voxels, Locate(tuple(name for name, _, _ in marks)), Landmarks(items=items))


def _dot(width: int, height: int, x: float, y: float) -> Any:
    far = (np.arange(width) + 0.5 - x) ** 2 + (np.arange(height)[:, None] + 0.5 - y) ** 2
    return np.rint(255 * np.exp(-far / (2 * (min(width, height) / 40 + 1) ** 2))).astype(np.uint8)[None]


@given(st.integers(100, 700), st.integers(100, 700), st.floats(0.3, 0.7), st.floats(0.3, 0.7), st.integers(0, 1000))
def test_a_landmark_is_where_its_bright_dot_went(width: int, height: int, x: float, y: float, drawn: int) -> None:
    sample = _landmark(_dot(width, height, x * width, y * height), ("dot", x * width, y * height))
    changed = SMOOTH(sample, Store(PHANTOM), (drawn,))
    (scan,), (mark,) = changed.source.scans(), changed.gold.marks
    pixels = scan.voxels[0].astype(float)
    bright = pixels - (pixels.max() + np.median(pixels)) / 2
    rows, columns = np.nonzero(bright > 0)
    weight = bright[rows, columns]
    found = np.average(columns + 0.5, weights=weight), np.average(rows + 0.5, weights=weight)
    assert found == pytest.approx((mark.x, mark.y), abs=0.5)
    assert 0 <= mark.x <= scan.size[0] and 0 <= mark.y <= scan.size[1]


@given(st.integers(0, 1000), st.booleans())
def test_boxes_stay_tight_in_films_and_volumes(drawn: int, volume: bool) -> None:
    if volume:
        voxels, box = np.zeros((40, 120, 100), np.int16), Box3D(20, 30, 8, 60, 90, 31)
        voxels[8:31, 30:90, 20:60] = 200
        query, about = Find("lesion"), {"modality": "CT", "window": (-160.0, 240.0), "spacing": (1.0, 1.0, 1.0)}
    else:
        voxels, box = np.zeros((1, 300, 240), np.uint8), Box2D(60, 90, 140, 200)
        voxels[0, 90:200, 60:140] = 200
        query, about = Find("nodule"), {}
    items = (Detection(label=query.target, box=box),)
    changed = SMOOTH(_sample(voxels, query, Detections(items=items), **about), Store(PHANTOM), (drawn,))
    (scan,), (mark,) = changed.source.scans(), changed.gold.marks
    pixels = scan.voxels.astype(float)
    dark = np.median(pixels)  # of a volume what its preparation leaves of the surroundings
    z, y, x = np.nonzero(pixels > (pixels.max() + dark) / 2)
    tight = (x.min(), y.min(), x.max() + 1, y.max() + 1)
    assert tight == pytest.approx((mark.x1, mark.y1, mark.x2, mark.y2), abs=1)
    if volume:
        assert (z.min(), z.max() + 1) == pytest.approx((mark.z1, mark.z2), abs=1)


def test_left_never_becomes_right() -> None:
    film = np.random.default_rng(0).integers(0, 256, (1, 90, 90), np.uint8)
    sided = _landmark(film, ("left hilum", 60, 40), ("right hilum", 30, 40))
    plain = _landmark(film, ("a", 60, 40), ("b", 30, 40))

    def ordered(sample: Sample[Any, Any], how: Augmentation) -> set[bool]:
        every = [how(sample, Store(PHANTOM), (k,)).gold.marks for k in range(40)]
        return {first.x > second.x for first, second in every}

    flip = replace(LIGHT, flip=True)
    assert ordered(plain, LIGHT) == ordered(sided, LIGHT) == ordered(sided, flip) == {True}
    assert ordered(plain, flip) == {True, False}, "where no side is named, half are mirrored"


@pytest.mark.parametrize(
    ("query", "gold"),
    [
        (Ask("Which side is affected?"), Answer(text="左肺")),
        (Ask("左侧有积液吗？", language="zh"), Answer(text="有")),
        (Choose(("normal", "right effusion")), Classification(label="normal")),
        (Ask("Where is the catheter?"), Answer(text="in the RUL")),
        (Ask("Is the left ventricle large?"), Answer(text="no")),  # a mirror may not change it over
    ],
)
def test_no_film_is_mirrored_whose_words_name_a_side(query: Any, gold: Any) -> None:
    ramp = np.tile(np.arange(80, dtype=np.uint8), (1, 60, 1))
    sample, flip = _sample(ramp, query, gold), replace(STILL, flip=True)
    assert all(np.array_equal(flip(sample, Store(PHANTOM), (k,)).source.scans()[0].voxels, ramp) for k in range(20))


def test_a_mark_that_would_leave_keeps_its_picture_in_place() -> None:
    film = np.zeros((1, 90, 90), np.uint8)
    edge = _landmark(film, ("corner", 0.0, 0.0), ("other corner", 90.0, 90.0))
    larger = replace(STILL, zoom=(1.1, 1.2))
    assert [(m.x, m.y) for m in larger(edge, Store(PHANTOM), (0,)).gold.marks] == [(0, 0), (90, 90)]


def test_a_picture_that_is_asked_about_by_coordinates_is_not_moved() -> None:
    film = np.random.default_rng(0).integers(0, 256, (1, 90, 90), np.uint8)
    moves = replace(STILL, turn=7, shift=0.1)
    asked = [_sample(film, Ask(f"What is {at}?"), Answer(text="a nodule")) for at in ("at (12, 30)", "here")]
    same = [np.array_equal(moves(one, Store(PHANTOM), (0,)).source.scans()[0].voxels, film) for one in asked]
    assert same == [True, False]


def test_no_change_shows_what_would_be_shown() -> None:
    samples = list(Phantoms(first=0, count=1, languages=("en",)))
    for sample in [next(s for s in samples if s.id.startswith(kind)) for kind in ("film", "volume")]:
        plain, same = (turns_of(one, PHANTOM.tasks)[0] for one in (sample, STILL(sample, Store(PHANTOM), (0,))))
        assert plain.answer == same.answer
        apart = [
            np.abs(one.astype(int) - other).mean()
            for one, other in zip(plain.request.frames, same.request.frames, strict=True)
        ]
        assert max(apart) < 1.5, "they come to their size in two steps"


def test_hounsfield_units_are_shown_in_their_window_first() -> None:
    voxels = np.full((1, 60, 60), 1000, np.int16)
    voxels[:, :30], voxels[:, 30:40] = -1000, 40
    sample = _sample(voxels, Ask("What is it?"), Answer(text="CT"), modality="CT", window=(-160.0, 240.0))
    darker = replace(STILL, brightness=0.15)
    shown = {tuple(np.unique(darker(sample, Store(PHANTOM), (k,)).source.scans()[0].voxels)) for k in range(9)}
    assert len(shown) > 5 and all(min(one) >= 0 and max(one) <= 255 for one in shown)
    still = np.unique(STILL(sample, Store(PHANTOM), (0,)).source.scans()[0].voxels)
    assert still.tolist() == [0, 128, 255]  # air, 40 HU in the middle, bone


def test_a_step_is_changed_the_same_in_any_order_process_and_worker(encoder: Encoder, tokenizer: Any) -> None:
    def new(share: tuple[int, int] = (0, 1)) -> SampleBatches:
        return SampleBatches(SAMPLES[:4], PHANTOM, Encoder(tokenizer), 2, share, 7, LIGHT)

    def seen(batches: SampleBatches, step: int) -> list[bytes]:
        return [row.frames[0].tobytes() for row in batches(step)]

    one = new()
    steps = [seen(one, step) for step in range(4)]
    assert [seen(new(), step) for step in (3, 1)] == [steps[3], steps[1]]
    assert seen(new((0, 2)), 1) + seen(new((1, 2)), 1) == steps[1]
    assert seen(pickle.loads(pickle.dumps(one)), 2) == steps[2]
    passes = [sorted(steps[0] + steps[1]), sorted(steps[2] + steps[3])]
    assert not set(passes[0]) & set(passes[1]), "each pass draws anew"


def test_what_comes_several_times_in_a_pass_is_changed_anew(encoder: Encoder) -> None:
    part = Part(SAMPLES[:1], {}, weights=(3.0,))
    rows = SampleBatches(part, PHANTOM, encoder, 3, (0, 1), 7, LIGHT)(0)
    assert len({row.frames[0].tobytes() for row in rows}) == 3


def test_without_augmentation_rows_are_bit_equal(encoder: Encoder) -> None:
    off, before = (SampleBatches(SAMPLES[:4], PHANTOM, encoder, 2, (0, 1), 7, *a)(1) for a in ((None,), ()))
    for a, b in zip(off, before, strict=True):
        assert a.frames[0].tobytes() == b.frames[0].tobytes() and np.array_equal(a.ids, b.ids)


def test_all_questions_about_a_picture_get_the_same_change() -> None:
    film = np.random.default_rng(0).integers(0, 256, (1, 90, 90), np.uint8)
    asked = [_sample(film, Ask(words), Answer(text="yes")) for words in ("Is it a film?", "Is it old?")]
    one, other = (LIGHT(sample, Store(PHANTOM), (0,)).source.scans()[0].voxels for sample in asked)
    assert np.array_equal(one, other)


def test_a_strip_is_changed_as_it_is_fed() -> None:
    strip = _sample(np.zeros((1, 2, 900), np.uint8), Ask("What is it?"), Answer(text="a cable"))
    changed = turns_of(LIGHT(strip, Store(PHANTOM), (0,)), PHANTOM.tasks)[0]
    assert changed.request.frames[0].shape == turns_of(strip, PHANTOM.tasks)[0].request.frames[0].shape


def test_the_store_keeps_what_came_first_and_no_more() -> None:
    store = Store(PHANTOM, limit=200_000)
    shown = [store(sample) for sample in SAMPLES[:2]]
    assert store(SAMPLES[0]) is shown[0] and store(SAMPLES[1]) is not shown[1]


@pytest.mark.parametrize("wrong", [{"zoom": (1.2, 0.9)}, {"turn": 90}, {"gamma": (0, 1)}, {"noise": -1}])
def test_ranges_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected a"):
        Augmentation(**wrong)
