"""Runs killed with ``kill -9`` at any moment, while saving too, give the losses of one that was not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

STEPS = 12
#: Forks run after run from a process that has imported torch and used none of it.
SERVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_kill import serve
serve(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
"""
WORDS = "train films --model start --batch 2 --val 0.25 --every 3 --plain"


def train(start: Path, folder: Path, plain: bool) -> None:
    """Train and write each step's loss behind those of the calls before."""
    from umit.chat import Request
    from umit.engine.load import load_engine
    from umit.training.hyperparameters import Hyperparameters
    from umit.training.rows import Turn, pack
    from umit.training.stages import ALIGN, train_stage

    engine = load_engine(start, device="cpu", dtype="float32")

    def rows(step: int) -> list[object]:
        picture = np.random.default_rng(step).integers(0, 256, (56, 56, 3), np.uint8)
        turn = Turn(Request(frames=(picture,), words=("Which?",)), f"number {step}")
        return [pack([turn], engine.encoder)]

    with (folder / "losses").open("a") as log:

        def tell(step: int, loss: float) -> bool:
            print(step, repr(loss), file=log, flush=True)
            return True

        train_stage(
            engine.model, rows, encoder=engine.encoder, stage=ALIGN, folder=folder / "state", tell=tell, plain=plain,
            settings=Hyperparameters(steps=STEPS, learning_rate=1e-3, warmup=2, log_every=1, save_every=1),
        )  # fmt: skip


def command(place: Path, folder: Path, more: str) -> None:
    """Do all that the command does, validation and the last write with it."""
    from umit.cli import main

    os.chdir(place)
    with (folder / "said").open("a") as said:
        sys.stdout = sys.stderr = said
        assert main([*WORDS.split(), *more.split(), "--out", f"{folder.name}/out"]) == 0


def serve(folder: Path, kills: int, kind: str) -> None:
    """Run once to the end, and once with kills: by turns while something is written, and at a random moment."""
    import torch
    import torchvision  # noqa: F401
    from torch import _dynamo  # noqa: F401
    from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer  # noqa: F401
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLModel  # noqa: F401

    import umit.evaluation
    import umit.training.loop
    import umit.training.loss

    if kind == "trl":
        import umit.training.sft  # noqa: F401
    torch.set_num_threads(1)  # nothing is computed before the fork: threads would not survive it

    draw = random.Random(kills)

    def run(name: str) -> int:
        (folder / name).mkdir(exist_ok=True)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                if kind.startswith("--"):
                    command(folder, folder / name, kind)
                else:
                    train(folder / "start", folder / name, kind == "plain")
                code = 0
            finally:
                os._exit(code)
        return child

    def ended(child: int) -> bool:
        return os.waitpid(child, os.WNOHANG) != (0, 0)

    began = time.monotonic()
    assert os.waitpid(run("whole"), 0)[1] == 0
    whole, killed = time.monotonic() - began, 0
    for number in range(kills):
        child, writes, wait = run("killed"), draw.randrange(1, 20), draw.uniform(0.05, 0.9) * whole
        parts, until = set[str](), time.monotonic() + wait
        while not ended(child):
            if number % 2 == 0:  # while a file is written
                walked = os.walk(folder / "killed")  # unlike rglob, over folders that vanish meanwhile
                parts |= {f"{at}/{name}" for at, _, names in walked if ".umit-" in at for name in names}
                now = len(parts) >= writes
            else:
                now = time.monotonic() > until
            if now:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                killed += 1
                break
            time.sleep(0.0005)
    print(f"killed {killed} times")
    assert killed
    assert os.waitpid(run("killed"), 0)[1] == 0


def losses(folder: Path) -> list[tuple[int, float]]:
    lines = (folder / "losses").read_text().splitlines()
    return [(int(step), float(loss)) for step, loss in map(str.split, lines)]


def served(folder: Path, kills: int, kind: str) -> None:
    here = str(Path(__file__).parent)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SERVER, here, str(folder), str(kills), kind],
        check=True, timeout=900, env={**os.environ, "TOKENIZERS_PARALLELISM": "false"},
    )  # fmt: skip


pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.slow,  # a process that loads torch and transformers
]


@pytest.mark.parametrize(
    ("kills", "loop"),
    [(3, "plain"), *(pytest.param(*case, marks=pytest.mark.long) for case in ((12, "plain"), (8, "trl")))],
)  # fmt: skip
def test_a_killed_run_gives_the_same_losses(tmp_path: Path, kills: int, loop: str) -> None:
    from umit.testing import tiny_checkpoint

    tiny_checkpoint(tmp_path / "start")
    served(tmp_path, kills, loop)
    expected = dict(losses(tmp_path / "whole"))
    found = losses(tmp_path / "killed")
    assert sorted(expected) == list(range(1, STEPS + 1))
    assert {step for step, _ in found} == set(expected), "every step was made"
    for step, loss in found:
        assert abs(loss - expected[step]) <= 1e-6


@pytest.mark.parametrize(
    ("kills", "words"),
    [(1, "--steps 4"), pytest.param(30, "--steps 8 --stage both", marks=pytest.mark.long)], ids=["1", "30"],
)  # fmt: skip
def test_a_killed_command_gives_the_same_checkpoint(tmp_path: Path, kills: int, words: str) -> None:
    from safetensors.numpy import load_file
    from tests.training.films import write_films

    from umit.testing import tiny_checkpoint

    tiny_checkpoint(tmp_path / "start")
    write_films(tmp_path / "films", patients=4)
    served(tmp_path, kills, words)
    whole, killed = (tmp_path / name / "out" for name in ("whole", "killed"))
    expected, found = (load_file(out / "model.safetensors") for out in (whole, killed))
    assert expected.keys() == found.keys()
    assert max(np.abs(expected[name] - found[name]).max() for name in expected) <= 1e-6
    records = [json.loads((out / "training.json").read_text("utf-8")) for out in (whole, killed)]
    assert records[0]["figures"] == records[1]["figures"] and records[0]["best_step"] == records[1]["best_step"]
    names = [sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) for out in (whole, killed)]
    assert names[0] == names[1], "nothing is left of what was killed"
    told = [
        {line for line in (out.parent / "said").read_text("utf-8").splitlines() if ": loss " in line}
        for out in (whole, killed)
    ]
    assert told[0] == told[1], "no step had another loss"
