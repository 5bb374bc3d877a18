"""What a run will take, before weights load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.training.films import write_films

from umit.checkpoints import PHANTOM
from umit.datasets import load
from umit.engine.load import load_engine, load_shell
from umit.errors import InputError
from umit.testing import tiny_checkpoint
from umit.training import ALIGN, INSTRUCT, Hyperparameters, default_settings
from umit.training import plan as plans
from umit.training.batches import rows_of
from umit.training.parts import Part
from umit.training.plan import Plan, plan

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("start") / "tiny", card=PHANTOM)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Part:
    return Part.of(load(write_films(tmp_path_factory.mktemp("set") / "films", patients=4)))


def _plan(start: Path, films: Part, **how: Any) -> Plan:
    shell, encoder = load_shell(start)
    return plan(
        films, films[:4], model=shell, card=PHANTOM, encoder=encoder, stages=(ALIGN, INSTRUCT),
        settings=Hyperparameters(steps=6, **how), batch=8
    )  # fmt: skip


def test_it_counts_what_trains(start: Path, films: Part) -> None:
    found, engine = _plan(start, films), load_engine(start)
    sizes = {name: p.numel() for name, p in engine.model.named_parameters()}
    tower = sum(
        n for name, n in sizes.items()
        if name.startswith("model.visual.") and not name.startswith("model.visual.merger.")
    )  # fmt: skip
    whole = sum(sizes.values())
    assert found.parameters == whole
    assert found.trained == {"align": whole, "instruct": whole - tower}
    assert found.memory == 4 * whole + 12 * whole
    lengths = [len(rows_of(s, PHANTOM, engine.encoder)[0].ids) for s in films]
    assert found.tokens == (sum(lengths) / len(lengths), max(lengths))
    assert (found.samples, found.asked, found.rows) == (16, 4, 16)
    assert "6 a stage, of 8 samples: 3.0 passes" in str(found)
    assert "s at least on" in str(found)


def test_a_step_keeps_what_its_parts_do(start: Path, films: Part) -> None:
    whole, parts, again = (_plan(start, films, **how) for how in ({}, {"accumulate": 3}, {"checkpointing": True}))
    assert parts.kept == whole.kept > again.kept and parts.batch == 3 * whole.batch
    assert "that a batch keeps" in str(whole)


def test_it_needs_no_weights(start: Path, films: Part, tmp_path: Path) -> None:
    for path in start.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert _plan(tmp_path, films).parameters == _plan(start, films).parameters


def test_what_cannot_fit_is_refused(start: Path, films: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_device", lambda: ("a small machine", 1e9, 1000))
    with pytest.raises(InputError, match="a small machine has"):
        _plan(start, films)


def test_settings_follow_the_data() -> None:
    assert default_settings(200, batch=8, parameters=10, epochs=2).steps == 50
    assert default_settings(200, batch=8, parameters=10, steps=7).steps == 7
    small, large = (default_settings(9, batch=8, parameters=n) for n in (3_000_000, 2_000_000_000))
    assert small.learning_rate > large.learning_rate
    assert 1 <= small.warmup <= small.steps and small.log_every == 1
    for wrong in (
        {"steps": 0},
        {"epochs": -1.0},
        {"epochs": 0.0},
        {"epochs": float("inf")},
        {"epochs": 1.0, "steps": 3},
    ):
        with pytest.raises(InputError):
            default_settings(9, batch=8, parameters=10, **wrong)  # type: ignore[arg-type]
