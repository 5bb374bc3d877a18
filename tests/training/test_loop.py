"""Several processes train as one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from umit.training.hyperparameters import Hyperparameters
from umit.training.loop import agree, optimize, processes

SETTINGS = Hyperparameters(steps=5, learning_rate=0.05, warmup=1, log_every=1)

# One process of two: its own half of each step's rows.
TWIN = """
import sys, warnings
from pathlib import Path
import torch
from torch import distributed
sys.path.insert(0, sys.argv[3])
from test_loop import SETTINGS, by_part, line, rows_of, square, two_parts, uneven
from umit.errors import InputError
from umit.training.loop import agree, optimize
rank, folder = int(sys.argv[1]), Path(sys.argv[2])
store = f"file://{(folder / 'store').as_posix()}"
distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
module = line()
optimize(module, lambda step: {"x": rows_of(step)[rank::2]}, lambda b: square(module, b),
         settings=SETTINGS, folder=folder / "state", tell=lambda step, loss: rank == 0 or step < 4)
assert agree(rank == 1) and not agree(False)
torch.save(module.state_dict(), folder / f"{rank}.pt")
parts, seen = two_parts(seed=rank), []
optimize(parts, lambda step: uneven(step, rank), lambda b: by_part(parts, b), settings=SETTINGS,
         folder=folder / "parts", tell=lambda step, loss: not seen.append(loss), weight_of=lambda b: len(b["x"]))
torch.save([seen, parts.state_dict()], folder / f"parts-{rank}.pt")
try:  # the other data of one process are seen by both
    optimize(two_parts(seed=rank), lambda step: uneven(step + rank, rank), lambda b: None, settings=SETTINGS,
             folder=folder / "parts")
except InputError as error:
    assert "the data of step 5" in str(error), error
else:
    raise AssertionError("another run was taken for this one")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    optimize(line(), lambda step: {"x": rows_of(step)}, lambda b: square(line(), b) * parts["a"].weight.sum(),
             settings=SETTINGS, folder=folder / "same")
assert any("the same rows" in str(w.message) for w in caught) == (rank == 0)
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


def two_parts(seed: int) -> nn.ModuleDict:
    """Two layers, of which rows of one kind reach only one."""
    torch.manual_seed(seed)
    return nn.ModuleDict({"a": nn.Linear(3, 1), "b": nn.Linear(3, 1), "never": nn.Linear(3, 1)})


def uneven(step: int, rank: int | None = None) -> dict[str, Tensor]:
    """Three rows of one process that reach both layers, five of the other that reach the first."""
    rows, both = rows_of(step), torch.tensor([1.0] * 3 + [0.0] * 5)
    share = slice(None) if rank is None else slice(3) if rank == 0 else slice(3, None)
    return {"x": rows[share], "both": both[share]}


def by_part(module: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    parts: Any = module
    found = parts["a"](batch["x"])
    if batch["both"].any():
        found = found + parts["b"](batch["x"]) * batch["both"].unsqueeze(1)
    loss: Tensor = (found - batch["x"].sum(1, keepdim=True)).square().mean()
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
    twins = [subprocess.Popen([sys.executable, "-c", TWIN, str(rank), str(tmp_path), here]) for rank in range(2)]
    try:
        assert [twin.wait(timeout=300) for twin in twins] == [0, 0]
    finally:
        for twin in twins:  # one that waits for the other would outlive a failure
            twin.kill()
    state = torch.load(tmp_path / "state" / "checkpoint-4" / "state.pt", weights_only=True)
    assert state["step"] == 4  # one of them wanted to stop there
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for name, value in alone.state_dict().items():
            assert torch.allclose(found[name], value, atol=1e-6), name
    _check_parts(tmp_path)


def _check_parts(folder: Path) -> None:
    """Losses and weights are those of all rows at once, from the first process's start."""
    alone, expected = two_parts(seed=0), list[float]()
    optimize(
        alone,
        uneven,
        lambda b: by_part(alone, b),
        settings=SETTINGS,
        folder=folder / "alone-parts",
        tell=lambda step, loss: not expected.append(loss),  # type: ignore[func-returns-value]
    )
    for rank in range(2):
        seen, found = torch.load(folder / f"parts-{rank}.pt", weights_only=True)
        assert seen == pytest.approx(expected, abs=1e-6)
        for name, value in alone.state_dict().items():
            assert torch.allclose(found[name], value, atol=1e-6), name


def test_one_process_agrees_with_itself() -> None:
    assert processes() == (0, 1)
    assert agree(True) and not agree(False)
