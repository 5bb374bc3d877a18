"""TRL's SFTTrainer in several processes trains as one process does on the same rows."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from umit.chat import Request
from umit.errors import DatasetError, InputError
from umit.training.engines import path_of
from umit.training.hyperparameters import Hyperparameters
from umit.training.rows import PackedRow, Turn, pack
from umit.training.stages import ALIGN, train_stage

#: Two processes as torchrun starts them; forked, so that TRL is imported once.
TWINS = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
from umit.training import sft  # noqa: F401
from test_sft import twin
torch.set_num_threads(1)  # threads would not survive the fork
if os.environ.get("ACCELERATE_USE_FSDP"):  # it makes shards for GPUs only: these two are told to be such
    from accelerate import DistributedType, PartialState
    PartialState._prepare_backend = lambda *_: ("gloo", DistributedType.MULTI_GPU)
other = os.fork()
os.environ["RANK"] = os.environ["LOCAL_RANK"] = "0" if other else "1"
try:
    twin(Path(sys.argv[2]))
finally:
    if not other:
        os._exit(1 if sys.exc_info()[0] else 0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]))
"""
STEPS, ROWS = 3, 6  # a step


def rows_of(encoder: Any, step: int, rows: int = ROWS) -> list[PackedRow]:
    """Answers of different lengths; every third row has no picture, so that some process's part of a step has none."""
    made = []
    for number in range(step * rows, (step + 1) * rows):
        picture = np.random.default_rng(number).integers(0, 256, (28, 56, 3), np.uint8)
        frames = () if number % 3 == 0 else (picture,)
        turn = Turn(Request(frames=frames, words=("Which?",)), f"number {number} " * (1 + number % 4))
        made.append(pack([turn], encoder, f"row {number}"))
    return made


def run(
    start: Path,
    folder: Path,
    share: tuple[int, int] = (0, 1),
    stop: int = 99,
    until: int = 99,
    plain: bool = False,
    **settings: Any,
) -> list[float]:
    """Train the tiny checkpoint, and leave its weights where the losses are told."""
    from umit.engine.load import load_engine

    engine = load_engine(start, device="cpu", dtype="float32")
    hyper = Hyperparameters(steps=STEPS, learning_rate=1e-3, warmup=1, log_every=1, save_every=2, **settings)
    number, count = share

    def rows(part: int) -> list[PackedRow]:
        if number == 1 and part >= stop:
            raise DatasetError("film-7.png: expected a picture, got none")
        return rows_of(engine.encoder, part, ROWS // hyper.accumulate)[number::count]

    losses = train_stage(
        engine.model, rows, encoder=engine.encoder, stage=ALIGN, settings=hyper, folder=folder, plain=plain,
        tell=lambda step, loss: step < until,
    )  # fmt: skip
    torch.save([losses, engine.model.state_dict()], folder / f"trained-{number}.pt")
    return losses


def twin(folder: Path) -> None:
    """Train in one of two processes: whole steps, steps in parts that go on from a state, and one that fails."""
    from umit.training.processes import processes

    share, start = processes(), folder / "start"
    if os.environ.get("ACCELERATE_USE_FSDP"):
        run(start, folder / "shards", share)
        run(start, folder / "resumed", share, until=2)
        run(start, folder / "resumed", share)
        return
    run(start, folder / "ddp", share)
    run(start, folder / "parts", share, accumulate=3)
    try:  # one cannot make its rows: both say so
        run(start, folder / "broken", share, stop=1)
    except DatasetError as error:
        assert "film-7.png" in str(error), error
    else:
        raise AssertionError("the other process's error was not seen")
    torch.distributed.destroy_process_group()


def launch(folder: Path, **environment: str) -> None:
    """Run the two processes to their end."""
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TWINS, str(Path(__file__).parent), str(folder)],
        check=True, timeout=400,
        env={
            **os.environ, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(free_port()), "TOKENIZERS_PARALLELISM": "false", **environment,
        },
    )  # fmt: skip


def environment(name: str) -> dict[str, str]:
    """Return what ``accelerate launch`` would set for a packaged configuration."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    given = launch_command_parser().parse_args(["--config_file", str(path_of(name)), "train.py"])
    found: dict[str, str] = prepare_multi_gpu_env(_validate_launch_command(given)[0])
    return {key: value for key, value in found.items() if key.startswith(("ACCELERATE_", "FSDP_"))}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def losses_of(folder: Path, number: int = 0) -> list[float]:
    losses: list[float] = torch.load(folder / f"trained-{number}.pt", weights_only=True)[0]
    return losses


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The start weights, and what one process makes of them with all rows of a step at once."""
    from umit.testing import tiny_checkpoint

    folder = tmp_path_factory.mktemp("alone")
    tiny_checkpoint(folder / "start")
    run(folder / "start", folder / "alone")
    return folder


@pytest.mark.slow  # loads TRL
@pytest.mark.parametrize("plain", [False, True])
def test_a_step_in_parts_equals_the_whole(alone: Path, tmp_path: Path, plain: bool) -> None:
    """The parts differ in taught tokens, and one in three rows has no picture."""
    parts = run(alone / "start", tmp_path / "parts", plain=plain, accumulate=3)
    assert parts == pytest.approx(losses_of(alone / "alone"), rel=1e-6)
    same_weights(tmp_path / "parts", alone / "alone")


def same_weights(one: Path, other: Path) -> None:
    found, expected = (torch.load(path / "trained-0.pt", weights_only=True)[1] for path in (one, other))
    for name, value in expected.items():
        assert torch.allclose(found[name], value, atol=2e-6), name


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.slow  # two more processes with TRL
def test_two_processes_equal_one(alone: Path) -> None:
    launch(alone)
    for name in ("ddp", "parts"):
        for number in range(2):
            assert losses_of(alone / name, number) == pytest.approx(losses_of(alone / "alone"), rel=1e-6)
        same_weights(alone / name, alone / "alone")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.long
def test_shards_of_fsdp2_equal_one_process(alone: Path) -> None:
    """By the packaged configuration, in full float32; also going on from a state, which holds whole weights."""
    launch(alone, **{**environment("fsdp2"), "ACCELERATE_MIXED_PRECISION": "no", "ACCELERATE_TORCH_DEVICE": "cpu"})
    whole = losses_of(alone / "alone")
    for number in range(2):
        assert losses_of(alone / "shards", number) == pytest.approx(whole, rel=1e-6)
        assert losses_of(alone / "resumed", number) == pytest.approx(whole[2:], rel=1e-6)
    same_weights(alone / "shards", alone / "alone")
    same_weights(alone / "resumed", alone / "alone")


@pytest.mark.slow  # loads TRL
def test_engines_that_would_not_train_as_told_are_refused(
    alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(InputError, match=r"got DeepSpeed.*fsdp2"):
        run(alone / "start", tmp_path / "deepspeed")
    assert not (tmp_path / "deepspeed").exists()
    monkeypatch.delenv("ACCELERATE_USE_DEEPSPEED")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    with pytest.raises(InputError, match=r"expected mixed_precision no.*got bf16"):
        run(alone / "start", tmp_path / "half")
