"""The door to training: samples of any data set in, a checkpoint that loads and has learned out."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit import UMIT
from umit.checkpoints import PHANTOM
from umit.datasets.dataset import Sample
from umit.datasets.mixture import Mixture
from umit.engine.encode import Encoder
from umit.errors import CheckpointError, DatasetError, InputError
from umit.phantom.samples import Phantoms
from umit.queries import Ask
from umit.testing import tiny_checkpoint
from umit.training import ALIGN, Hyperparameters, train
from umit.training.rows import SampleBatches

SAMPLES = [
    sample for sample in Phantoms(first=0, count=3, languages=("en",)) if "film" in sample.id
]
SETTINGS = Hyperparameters(steps=4, learning_rate=3e-3, warmup=1, log_every=1)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("start") / "tiny", card=PHANTOM)


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_samples_become_a_checkpoint(start: Path, tmp_path: Path, plain: bool) -> None:
    mixture = Mixture({"films": SAMPLES, "more": SAMPLES[:2]}, {"films": 2.0, "more": 1.0})
    told: list[tuple[int, float]] = []

    def tell(step: int, loss: float) -> bool:
        told.append((step, loss))
        return True

    out = train(
        mixture, model=start, out=tmp_path, settings=SETTINGS, stage=ALIGN, batch=2, plain=plain, tell=tell
    )  # fmt: skip
    assert out == tmp_path
    assert [step for step, _ in told] == [1, 2, 3, 4]
    assert told[-1][1] < told[0][1]
    weights = (out / "model.safetensors").read_bytes()
    again = train(
        mixture, model=start, out=tmp_path, settings=SETTINGS, stage=ALIGN, batch=2, plain=plain, tell=tell
    )  # fmt: skip
    assert again == out and len(told) == 4, "what is finished is not trained on"
    assert (out / "model.safetensors").read_bytes() == weights
    model = UMIT.from_pretrained(out)
    assert model.checkpoint == PHANTOM
    (answer,) = model.predict(
        [(SAMPLES[0].source.scans()[0], Ask("Is it?", options=("yes", "no")))]
    )
    assert not isinstance(answer, Exception)


def test_a_stopped_call_goes_on(start: Path, tmp_path: Path) -> None:
    def go(folder: str, stop: int = 99) -> tuple[Path | None, list[float]]:
        losses: list[float] = []

        def tell(step: int, loss: float) -> bool:
            losses.append(loss)
            return step < stop

        out = train(
            SAMPLES, model=start, out=tmp_path / folder, settings=SETTINGS, batch=2, plain=True, tell=tell
        )  # fmt: skip
        return out, losses

    _, whole = go("whole")
    stopped, first = go("parts", stop=2)
    assert stopped is None and not (tmp_path / "parts" / "config.json").exists()
    finished, second = go("parts")
    assert finished == tmp_path / "parts"
    assert first + second == pytest.approx(whole, abs=1e-5)


def test_bad_use_is_told(start: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"expected umit\.json"):
        train(SAMPLES, model=tmp_path, out=tmp_path / "out", settings=SETTINGS)
    with pytest.raises(DatasetError, match="expected samples"):
        train([], model=start, out=tmp_path / "out", settings=SETTINGS, plain=True)
    with pytest.raises(InputError, match="one a process, got 0"):
        train(SAMPLES, model=start, out=tmp_path / "out", settings=SETTINGS, batch=0)


def _ids(batches: SampleBatches, step: int) -> list[list[int]]:
    return [row.ids.tolist() for row in batches(step)]


def test_a_step_is_a_function_of_its_number(encoder: Encoder) -> None:
    def new(share: tuple[int, int] = (0, 1)) -> SampleBatches:
        return SampleBatches(SAMPLES[:5], PHANTOM, encoder, 3, share)

    one = new()
    steps = [
        _ids(one, step) for step in range(4)
    ]  # twelve samples: twice over the five, and two more
    assert [_ids(one, step) for step in (2, 0, 3, 3)] == [steps[k] for k in (2, 0, 3, 3)]
    assert _ids(new(), 3) == steps[3], "a run that goes on at step 3"
    assert steps[0] != steps[1] and [*steps[0], *steps[1]][5] == steps[0][0], (
        "the stream begins again"
    )
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
        Sample(id=str(k), query=SAMPLES[0].query, gold=SAMPLES[0].gold, source=Counted(k), group="")
        for k in range(20)
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
