"""Several processes train as one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from umit.training.hyperparameters import Hyperparameters
from umit.training.loop import agree, optimize, processes

SETTINGS = Hyperparameters(steps=5, learning_rate=0.05, warmup=1, log_every=1)

# One process of two: its own half of each step's rows.
TWIN = """
import sys
from pathlib import Path
import torch
from torch import distributed
sys.path.insert(0, sys.argv[3])
from test_loop import SETTINGS, line, rows_of, square
from umit.training.loop import agree, optimize
rank, folder = int(sys.argv[1]), Path(sys.argv[2])
store = f"file://{(folder / 'store').as_posix()}"
distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
module = line()
optimize(module, lambda step: {"x": rows_of(step)[rank::2]}, lambda b: square(module, b),
         settings=SETTINGS, folder=folder / "state", tell=lambda step, loss: rank == 0 or step < 4)
assert agree(rank == 1) and not agree(False)
torch.save(module.state_dict(), folder / f"{rank}.pt")
distributed.destroy_process_group()
"""


def line() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 1)


def rows_of(step: int) -> Tensor:
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(step))


def square(module: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    loss: Tensor = (module(batch["x"]) - batch["x"].sum(1, keepdim=True)).square().mean()
    return loss


@pytest.mark.slow  # two more processes with torch
def test_two_processes_equal_one_and_stop_together(tmp_path: Path) -> None:
    alone = line()
    optimize(
        alone,
        lambda step: {"x": rows_of(step)},
        lambda b: square(alone, b),
        settings=SETTINGS,
        folder=tmp_path / "alone",
        tell=lambda step, loss: step < 4,
    )
    here = str(Path(__file__).parent)
    twins = [
        subprocess.Popen([sys.executable, "-c", TWIN, str(rank), str(tmp_path), here])
        for rank in range(2)
    ]
    try:
        assert [twin.wait(timeout=300) for twin in twins] == [0, 0]
    finally:
        for twin in twins:  # one that waits for the other would outlive a failure
            twin.kill()
    state = torch.load(tmp_path / "state" / "step-00000004.pt", weights_only=True)
    assert state["step"] == 4  # one of them wanted to stop there
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for name, value in alone.state_dict().items():
            assert torch.allclose(found[name], value, atol=1e-6), name


def test_one_process_agrees_with_itself() -> None:
    assert processes() == (0, 1)
    assert agree(True) and not agree(False)
