"""The rows of a step: a function of its number, and of a seed."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.checkpoints import PHANTOM
from umit.datasets import load
from umit.datasets.dataset import Sample
from umit.datasets.mixture import Mixture
from umit.engine.encode import Encoder
from umit.errors import DatasetError
from umit.geometry import Box2D
from umit.phantom.samples import Phantoms
from umit.queries import Choose, Find
from umit.results import Classification, Detection, Detections
from umit.training.batches import SampleBatches, rows_of
from umit.training.parts import Part, joined

SAMPLES = [sample for sample in Phantoms(first=0, count=3, languages=("en",)) if "film" in sample.id]


def _ids(batches: SampleBatches, step: int) -> list[list[int]]:
    return [row.ids.tolist() for row in batches(step)]


def test_a_step_is_a_function_of_its_number(encoder: Encoder) -> None:
    def new(share: tuple[int, int] = (0, 1)) -> SampleBatches:
        return SampleBatches(SAMPLES[:5], PHANTOM, encoder, 3, share)

    one = new()
    steps = [_ids(one, step) for step in range(4)]  # twelve samples: twice over the five, and two more
    assert [_ids(one, step) for step in (2, 0, 3, 3)] == [steps[k] for k in (2, 0, 3, 3)]
    assert _ids(new(), 3) == steps[3], "a run that goes on at step 3"
    assert steps[0] != steps[1] and [*steps[0], *steps[1]][5] == steps[0][0], "the stream begins again"
    assert _ids(new((0, 2)), 1) == steps[1][0::2] and _ids(new((1, 2)), 1) == steps[1][1::2]


def test_samples_that_are_passed_over_are_not_read(encoder: Encoder) -> None:
    read: list[int] = []

    class Counted:
        names, is_volume = ("counted",), False

        def __init__(self, number: int) -> None:
            self.number = number

        def scans(self) -> Any:
            read.append(self.number)
            return SAMPLES[0].source.scans()

    samples = [
        Sample(id=str(k), query=SAMPLES[0].query, gold=SAMPLES[0].gold, source=Counted(k), group="") for k in range(20)
    ]
    SampleBatches(samples, PHANTOM, encoder, 2)(7)
    assert sorted(set(read)) == [14, 15]


def test_a_stream_that_is_read_up_is_told(encoder: Encoder) -> None:
    def once() -> Iterator[Sample[Any, Any]]:
        yield from SAMPLES[:2]

    batches = SampleBatches(once(), PHANTOM, encoder, 2)
    batches(0)
    with pytest.raises(DatasetError, match="passed over again"):
        batches(1)


def test_a_worker_process_begins_a_stream_of_its_own(tokenizer: Any) -> None:
    batches = SampleBatches(SAMPLES[:4], PHANTOM, Encoder(tokenizer), 1)
    batches(0)
    there = pickle.loads(pickle.dumps(batches))
    assert np.array_equal(there(2)[0].ids, batches(2)[0].ids)


def _classified() -> list[Sample[Any, Any]]:
    labels = ("clear", "nodule", "mass", "effusion")
    return [
        replace(SAMPLES[0], id=str(k), query=Choose(labels), gold=Classification(label=label))
        for k, label in enumerate(labels)
    ]


def test_a_seed_draws_the_order_of_samples_and_of_options(encoder: Encoder) -> None:
    def texts(seed: int | None, steps: range) -> list[list[str]]:
        batches = SampleBatches(_classified(), PHANTOM, encoder, 4, seed=seed)
        return [[encoder.text(row.ids[row.taught].tolist()) for row in batches(n)] for n in steps]

    plain = texts(None, range(2))
    assert plain[0] == plain[1] == ["0:clear", "1:nodule", "2:mass", "3:effusion"]
    drawn = texts(3, range(20))
    assert texts(3, range(20)) == drawn and texts(4, range(20)) != drawn
    said = [answer for step in drawn for answer in step]
    assert {one.partition(":")[0] for one in said if one.endswith("mass")} == set("0123")
    for step in drawn:
        assert sorted(one.partition(":")[2] for one in step) == ["clear", "effusion", "mass", "nodule"]
    assert len({tuple(one.partition(":")[2] for one in step) for step in drawn}) > 5


def test_the_truth_moves_with_its_options(encoder: Encoder) -> None:
    batches = SampleBatches(_classified(), PHANTOM, encoder, 4, seed=0)
    for step in range(5):
        for row in batches(step):
            question = encoder.text(row.ids[~row.taught].tolist())
            assert encoder.text(row.ids[row.taught].tolist()) in question


def test_a_detection_is_taught_as_it_is_asked(encoder: Encoder) -> None:
    """Boxes, and the question whether the target is there, whose "yes" is its probability."""
    gold = Detections(items=(Detection(label="nodule", box=Box2D(100, 100, 200, 200)),))
    there = replace(SAMPLES[0], query=Find(("nodule", "mass")), gold=gold)
    (row,) = rows_of(there, PHANTOM, encoder)
    said = [encoder.text(row.ids[row.taught & (row.segments == k)].tolist()) for k in range(1, row.segments.max() + 1)]
    assert len(said) == 4 and said[2:] == ["1:yes", "2:no"]


def test_boxes_of_two_views_are_two_rows(encoder: Encoder) -> None:
    """Each view is shown alone where its boxes are asked, and both together where presence is."""

    class Views:
        names, is_volume = ("front", "side"), False

        def scans(self) -> Any:
            (film,) = SAMPLES[0].source.scans()
            return film, replace(film, voxels=film.voxels[:, ::-1].copy())

    gold = Detections(items=(Detection(label="nodule", box=Box2D(100, 100, 200, 200), view=1),))
    both = replace(SAMPLES[0], query=Find("nodule"), gold=gold, source=Views())
    assert [len(row.frames) for row in rows_of(both, PHANTOM, encoder)] == [1, 1, 2]


def test_a_picture_that_went_away_is_named_with_its_row(tmp_path: Path, encoder: Encoder) -> None:
    Image.new("L", (64, 48), 90).save(tmp_path / "a.png")
    (tmp_path / "rows.jsonl").write_text('{"image": "a.png", "question": "Where?", "answer": "left"}')
    batches = SampleBatches(list(load(tmp_path / "rows.jsonl")), PHANTOM, encoder, 1, seed=0)
    assert batches(0)
    (tmp_path / "a.png").unlink()
    with pytest.raises(DatasetError, match=r"rows\.jsonl line 1: .*a\.png"):
        batches(1)


def test_weights_say_how_often_a_sample_is_seen(encoder: Encoder) -> None:
    part = joined([Part.of(SAMPLES[:2], 2.0), Part.of(SAMPLES[2:4])])
    batches = SampleBatches(part, PHANTOM, encoder, 6, seed=3)
    for step in range(2):  # a pass each
        assert sorted(batches._listed(part, 6 * step + k).id[:2] for k in range(6)) == ["1/"] * 4 + ["2/"] * 2
    halves = [SampleBatches(part, PHANTOM, encoder, 6, (number, 2), seed=3) for number in (0, 1)]
    together = [ids for pair in zip(*(_ids(half, 1) for half in halves), strict=True) for ids in pair]
    assert together == _ids(batches, 1), "processes share each step's samples out"


def test_processes_share_a_stream_and_go_on_in_it(encoder: Encoder) -> None:
    """Each reads the pictures of its own samples only, none twice; a later step is the same without those before."""
    samples = {
        name: [replace(SAMPLES[0], id=f"{name}{n}") for n in range(count)] for name, count in (("a", 9), ("b", 5))
    }

    def names(step: int, share: tuple[int, int], fresh: bool = True) -> list[str]:
        stream = Mixture(samples, {"a": 2.0, "b": 1.0}, seed=3)
        batches = SampleBatches(stream, PHANTOM, encoder, 4, share)
        for before in range(0 if fresh else step):
            batches(before)
        return [row.name for row in batches(step)]

    for step in range(4):
        whole = names(step, (0, 1))
        shares = [names(step, (number, 3)) for number in range(3)]
        assert [whole[place::3] for place in range(3)] == shares
        assert [names(step, (number, 3), fresh=False) for number in range(3)] == shares
