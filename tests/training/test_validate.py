"""Validation while training: what cannot be asked, and an early end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.training.films import write_films

from umit.checkpoints import PHANTOM
from umit.datasets import load
from umit.errors import DatasetError, InputError
from umit.testing import tiny_checkpoint
from umit.training import ALIGN, INSTRUCT, Hyperparameters, train
from umit.training.parts import Part, divide

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")
#: A rate at which no answer changes.
STILL = Hyperparameters(steps=6, learning_rate=1e-12, warmup=1, log_every=1)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("start") / "tiny", card=PHANTOM)


def _go(start: Path, films: Path, out: Path, **changed: Any) -> list[str]:
    said: list[str] = []
    words: dict[str, Any] = {"settings": STILL, "val": 0.25, "every": 1, "batch": 2, "plain": True, **changed}
    train(load(films), model=start, out=out, say=said.append, **words)
    return [line.partition(":")[0] for line in said if line.startswith("step") and "accuracy" in line]


def test_a_stage_ends_early_for_later_calls_too(start: Path, tmp_path: Path) -> None:
    films = write_films(tmp_path / "films", patients=4)
    words: dict[str, Any] = {"stage": (ALIGN, INSTRUCT), "patience": 1}
    assert _go(start, films, tmp_path / "mine", **words) == ["step 0", "step 1", "step 2", "step 7", "step 8"]
    assert json.loads((tmp_path / "mine" / "training.json").read_text("utf-8"))["best_step"] == 8
    weights = (tmp_path / "mine" / "model.safetensors").read_bytes()
    told: list[int] = []
    assert _go(start, films, tmp_path / "mine", **words, tell=lambda step, loss: told.append(step) is None) == []
    assert not told and (tmp_path / "mine" / "model.safetensors").read_bytes() == weights
    with pytest.raises(InputError, match="differs in patience"):
        _go(start, films, tmp_path / "mine", **(words | {"patience": 2}))


def test_a_later_call_counts_on(start: Path, tmp_path: Path) -> None:
    films = write_films(tmp_path / "films", patients=4)
    words: dict[str, Any] = {"patience": 2}
    assert _go(start, films, tmp_path / "mine", **words, tell=lambda step, loss: step < 2)[-1] == "step 2"
    assert _go(start, films, tmp_path / "mine", **words) == ["step 3"]


@pytest.mark.parametrize("changed", [{"patience": 0}, {"patience": 1, "val": None}], ids=["none", "nothing asked"])
def test_patience_needs_validations(changed: dict[str, Any], start: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected patience of one validation or more"):
        _go(start, write_films(tmp_path / "films", patients=2), tmp_path / "mine", **changed)
    assert not (tmp_path / "mine").exists()


def test_what_cannot_be_asked_is_named(start: Path, tmp_path: Path) -> None:
    """A picture that is cut off has a whole header: it is found out when it is asked about."""
    films = write_films(tmp_path / "films", patients=4)
    asked = divide(Part.of(load(films)), 0.25)[1]
    (broken,) = asked[0].source.paths
    whole, bad = broken.read_bytes(), 2

    def tell(step: int, loss: float) -> bool:
        broken.write_bytes(whole[:-40] if step == bad else whole)
        return True

    said: list[str] = []
    train(
        load(films), model=start, out=tmp_path / "mine", settings=STILL, val=0.25, every=1, batch=2, plain=True,
        tell=tell, say=said.append,
    )  # fmt: skip
    (line,) = (line for line in said if "could not be asked" in line)
    assert line.startswith("step 3: expected answers to all 4 validation samples, 1 could not be asked: ")
    assert broken.name in line and "no figures of this step" in line
    assert {"step 2", "step 4"} <= {line.partition(":")[0] for line in said} and "step 3: accuracy" not in "".join(said)
    bad = 5
    with pytest.raises(DatasetError, match=r"step 6: .* the same call again"):
        _go(start, films, tmp_path / "last", every=99, tell=tell)
    assert not (tmp_path / "last" / "config.json").exists()
    broken.write_bytes(whole)
    assert _go(start, films, tmp_path / "last", every=99) == ["step 6"]
