"""A run's states: whole or not there, of one run, and enough to go on as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from umit.errors import BackendError, CheckpointError, CheckpointWarning, DatasetError, InputError
from umit.training.hyperparameters import Hyperparameters
from umit.training.loop import optimize, processes

STEPS = 6


class Interrupted(Exception):
    """Stands for whatever ends a run between two steps."""


def net(seed: int = 0, width: int = 3) -> nn.Module:
    """Two layers with dropout between them, so that the random state matters."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, width), nn.Dropout(0.5), nn.Linear(width, 1))


def batch(step: int, shift: int = 0) -> dict[str, Tensor]:
    return {"x": torch.randn(8, 3, generator=torch.Generator().manual_seed(step + shift))}


def go(
    folder: Path,
    module: nn.Module | None = None,
    *,
    until: int = 99,
    shift: int = 0,
    broken: int = 99,
    log_every: int = 4,
    **settings: Any,
) -> list[tuple[int, float]]:
    """Train up to a step; the losses come with their steps. A broken step is no number."""
    module, told = module or net(), list[tuple[int, float]]()

    def prepare(step: int) -> dict[str, Tensor]:
        if step == until:
            raise Interrupted
        return batch(step, shift)

    calls = iter(range(10_000))

    def loss(one: dict[str, Tensor]) -> Tensor:
        found: Tensor = (module(one["x"]) - one["x"].sum(1, keepdim=True)).square().mean()
        return found * float("nan") if next(calls) == broken else found

    def tell(step: int, value: float) -> bool:
        told.append((step, value))
        return True

    kept = {"steps": STEPS, "learning_rate": 0.05, "warmup": 1, "save_every": 1, **settings}
    hyper = Hyperparameters(log_every=log_every, **kept)
    with suppress(Interrupted):
        optimize(
            module, prepare, loss, settings=hyper, folder=folder, tell=tell,
            names=lambda step: [f"film-{step}", ""],
        )  # fmt: skip
    return told


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("until", [0, 1, 3, 5, 6])
def test_an_interrupted_run_gives_the_same_losses(tmp_path: Path, until: int) -> None:
    """Also in the middle of a log interval, and with dropout."""
    whole, parts = net(), net()
    expected = go(tmp_path / "whole", whole, log_every=2)
    first = go(tmp_path / "parts", until=until, log_every=2)
    assert first + go(tmp_path / "parts", parts, log_every=2) == expected
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(a, b)


def test_two_states_are_kept_and_finished_is_finished(tmp_path: Path) -> None:
    go(tmp_path)
    found = contents(tmp_path)
    assert sorted(found) == [
        *(f"checkpoint-{step}/{name}" for step in (5, 6) for name in ("marker.json", "state.pt")),
        "run.json",
    ]
    assert go(tmp_path) == []
    assert contents(tmp_path) == found


def test_a_model_that_stayed_in_memory_goes_on(tmp_path: Path) -> None:
    module = net()
    go(tmp_path, module, until=3)
    assert go(tmp_path, module) == go(tmp_path / "whole")[-2:]


def _frozen() -> nn.Module:
    module: Any = net()
    module[0].bias.requires_grad_(False)
    return module


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"learning_rate": 0.1}, r"learning_rate \(0\.05 there, 0\.1 now"),
        ({"steps": 9}, r"steps \(6 there, 9 now\).*begin with it: --model"),
        ({"module": net(seed=5)}, "differs in start weights"),
        ({"module": _frozen()}, "trained parameters"),
        ({"shift": 100}, "differs in the data of step 3"),
        ({"shift": 100, "learning_rate": 0.1}, "learning_rate"),
    ],
)
def test_another_run_is_refused_and_nothing_touched(tmp_path: Path, other: dict[str, Any], why: str) -> None:
    go(tmp_path, until=3)
    found = contents(tmp_path)
    before = [p.clone() for p in other["module"].parameters()] if "module" in other else []
    with pytest.raises(InputError, match=why) as told:
        go(tmp_path, **other)
    assert "name another folder" in str(told.value)
    assert contents(tmp_path) == found
    for a, b in zip(before, other.get("module", nn.Module()).parameters(), strict=True):
        assert torch.equal(a, b)


def test_how_often_is_saved_and_logged_makes_no_other_run(tmp_path: Path) -> None:
    go(tmp_path, until=3)
    assert [step for step, _ in go(tmp_path, log_every=3, save_every=2)] == [6]


@pytest.mark.parametrize("name", ["state.pt", "model.safetensors", "checkpoint-1/state.pt", "notes/mine.txt"])
def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"kept")
    with pytest.raises(InputError, match=f"one that holds {name.split('/')[0]}"):
        go(tmp_path)
    assert contents(tmp_path) == {name: b"kept"}


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_a_damaged_record_of_the_run_is_no_permission(tmp_path: Path, text: str) -> None:
    go(tmp_path, until=3)
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json: expected (JSON|what a run depends on)"):
        go(tmp_path)
    assert (tmp_path / "checkpoint-3" / "state.pt").exists()


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE: list[tuple[str, Callable[[Path], Any], str]] = [
    ("state.pt", _flip, "one bit"),
    ("state.pt", lambda path: path.write_bytes(path.read_bytes()[:-9]), "cut short"),
    ("state.pt", Path.unlink, "weights gone"),
    ("marker.json", Path.unlink, "killed before the marker"),
    ("marker.json", _flip, "one bit of the marker"),
    ("marker.json", lambda path: path.write_text("{"), "half a marker"),
    ("marker.json", lambda path: path.write_text("[]"), "another marker"),
]


@pytest.mark.parametrize(("kind", "damage", "why"), DAMAGE, ids=[row[2] for row in DAMAGE])
def test_a_damaged_newest_state_falls_back_and_says_so(
    tmp_path: Path, kind: str, damage: Callable[[Path], Any], why: str
) -> None:
    go(tmp_path, until=5, log_every=1)
    damage(tmp_path / "checkpoint-5" / kind)
    with pytest.warns(CheckpointWarning, match=r"step 5 is damaged.*goes on from step 4"):
        again = go(tmp_path, log_every=1)
    assert again == go(tmp_path / "whole", log_every=1)[4:]


def test_where_all_are_damaged_training_begins_anew_and_says_so(tmp_path: Path) -> None:
    go(tmp_path, until=5)
    for path in tmp_path.rglob("*.pt"):
        _flip(path)
    with pytest.warns(CheckpointWarning, match="begins anew"):
        assert go(tmp_path) == go(tmp_path / "whole")


def test_what_a_killed_save_left_is_cleared(tmp_path: Path) -> None:
    go(tmp_path, until=3)
    (tmp_path / ".umit-killed" / "checkpoint-4").mkdir(parents=True)
    (tmp_path / ".umit-killed" / "checkpoint-4" / "state.pt").write_bytes(b"half")
    go(tmp_path)
    assert not list(tmp_path.glob(".umit-*"))


def test_a_kill_before_the_first_file_leaves_a_folder_that_can_be_begun_in(tmp_path: Path) -> None:
    (tmp_path / ".umit-killed").mkdir()
    (tmp_path / ".umit-killed" / "run.json").write_text("{")
    assert go(tmp_path)
    assert not list(tmp_path.glob(".umit-*"))


def test_a_disk_without_room_is_told_and_leaves_the_state_before(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="this system limits no files")
    go(tmp_path, net(width=40_000), until=2)
    found = {name: data for name, data in contents(tmp_path).items() if name.startswith("checkpoint-2/")}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))  # the state takes 2 MB
    try:
        with pytest.raises(CheckpointError, match=r"state of step 3.*MiB are free.*make room"):
            go(tmp_path, net(width=40_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert found.items() <= contents(tmp_path).items()
    assert not list(tmp_path.glob(".umit-*"))
    rest = go(tmp_path, net(width=40_000), log_every=1)
    assert [step for step, _ in rest] == [3, 4, 5, 6]


def test_no_number_stops_and_names_the_rows(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"step 4 has loss nan.*rows: film-3\. States"):
        go(tmp_path, broken=3)
    assert json.loads((tmp_path / "checkpoint-3" / "marker.json").read_text())["about"]["step"] == 3
    assert not (tmp_path / "checkpoint-4").exists()


def test_gradients_that_are_no_numbers_stop_too(tmp_path: Path) -> None:
    module: Any = net()

    def loss(one: dict[str, Tensor]) -> Tensor:  # the root of zero: finite, its slope is not
        found: Tensor = module(one["x"]).mul(0).sum().sqrt()
        return found

    with pytest.raises(DatasetError, match="step 1 has loss 0 and gradient norm nan"):
        optimize(module, batch, loss, settings=Hyperparameters(steps=2), folder=tmp_path)


def test_weights_that_are_no_numbers_are_refused_before_the_rows_are_blamed(tmp_path: Path) -> None:
    module: Any = net()
    with torch.no_grad():
        module[0].bias[1] = float("nan")
    with pytest.raises(CheckpointError, match=r"got NaN or infinity in 0\.bias"):
        go(tmp_path, module)


def test_memory_that_runs_out_is_told(tmp_path: Path) -> None:
    module = net()

    def loss(one: dict[str, Tensor]) -> Tensor:
        return module(one["x"]).sum() + torch.empty(2**58).sum()

    with pytest.raises(BackendError, match="fewer samples a step"):
        optimize(module, batch, loss, settings=Hyperparameters(steps=2), folder=tmp_path)


def test_one_of_several_that_cannot_reach_the_others_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"one of 2 processes.*torchrun"):
        go(tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.delenv("WORLD_SIZE")
    assert processes() == (0, 1)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"save_every": 0}, {"log_every": -1}, {"learning_rate": float("nan")}])
def test_settings_that_train_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"expected .*{next(iter(wrong))}"):
        Hyperparameters(**{"steps": 1, **wrong})
