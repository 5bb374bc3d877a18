"""Reading ahead changes nothing but the time; progress knows what is left; ranks share a data set by themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.checkpoints import PHANTOM
from umit.cli import main
from umit.cli.evaluate import _rank
from umit.datasets import load
from umit.datasets.dataset import Sample
from umit.errors import DatasetError, InputError
from umit.evaluation.evaluate import ask
from umit.evaluation.journal import LINES, records
from umit.imaging.scan import Scan
from umit.model import UMIT
from umit.queries import Ask
from umit.results import Answer
from umit.testing import ScriptedBackend

from ..datasets.layouts import layout


@dataclass
class Counting:
    """Pictures that say how many were read."""

    name: str
    reads: list[str]
    broken: bool = False
    is_volume: bool = False
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.names = (self.name,)

    def scans(self) -> tuple[Scan, ...]:
        self.reads.append(self.name)
        if self.broken:
            raise InputError("expected a picture, got none", code="damaged")
        return (Scan(np.full((1, 40, 40), 90, np.uint8), name=self.name),)


def _samples(pictures: str, reads: list[str]) -> list[Sample[Any, Any]]:
    """A letter is a picture, a capital one that cannot be read; the same letter in a row shares one."""
    sources: dict[str, Any] = {p: Counting(p, reads, broken=p.isupper()) for p in set(pictures)}
    return [
        Sample(
            id=f"{number}-{p}", query=Ask(f"What is {number}?"), gold=Answer(text="a film"),
            source=sources[p], group=p,
        )
        for number, p in enumerate(pictures)
    ]  # fmt: skip


def _model() -> UMIT:
    return UMIT(ScriptedBackend(lambda request: "a film"), PHANTOM)


@pytest.mark.parametrize("pictures", ["", "a", "aaabbc", "aXbYYc", "XX", "abab", "abcdefghijkl"])
def test_every_number_of_workers_writes_the_same_journal(pictures: str, tmp_path: Path) -> None:
    written = set()
    for workers in (0, 1, 4):
        reads: list[str] = []
        run = ask(_model(), _samples(pictures, reads), tmp_path / str(workers), workers=workers)
        written.add((run / LINES).read_bytes() if pictures else b"")
        assert sorted(reads) == sorted(set(pictures)), "each is read once for all its questions"
    assert len(written) == 1
    lines = [json.loads(text) for text in written.pop().splitlines()]
    assert [line["id"] for line in lines] == [f"{k}-{p}" for k, p in enumerate(pictures)]
    assert all(line["ok"] is not line["id"].split("-")[1].isupper() for line in lines)


def test_fewer_than_no_workers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers from 0, got -1"):
        ask(_model(), _samples("a", []), tmp_path, workers=-1)


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What progress was told, bar by bar."""
    told: list[dict[str, Any]] = []
    evaluating = import_module("umit.evaluation.evaluate")  # the package's name is the function
    whole = evaluating.tqdm

    def watched(**given: Any) -> Any:
        told.append(given)
        return whole(**given)

    monkeypatch.setattr(evaluating, "tqdm", watched)
    return told


@pytest.mark.parametrize(
    ("limit", "shard", "total"),
    [(None, (1, 1), 7), (3, (1, 1), 3), (9, (1, 1), 7), (None, (1, 2), 4), (None, (2, 2), 3), (5, (2, 3), 2), (1, (2, 2), 0)],
)  # fmt: skip
def test_progress_knows_what_is_left(
    limit: int | None, shard: tuple[int, int], total: int, tmp_path: Path, bars: Any
) -> None:
    for _ in range(2):
        run = ask(_model(), _samples("aaabbcd", []), tmp_path, limit=limit, shard=shard)
    assert len(list(records(run))) == total
    assert [(bar["total"], bar["initial"]) for bar in bars] == [(total, 0), (total, total)]


def test_a_log_gets_a_line_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_module("umit.evaluation.evaluate"), "_EVERY", 0.0)
    told: list[str] = []
    ask(_model(), _samples("ab", []), tmp_path / "a", tell=told.append)
    assert told == ["1 of 2 answered", "2 of 2 answered"]
    assert capsys.readouterr().err == "", "no bar where there is no terminal"
    with pytest.raises(InputError, match="limit from 0, got -1"):
        ask(_model(), _samples("ab", []), tmp_path / "b", limit=-1)


def test_a_stream_has_no_total(tmp_path: Path, bars: Any) -> None:
    ask(_model(), iter(_samples("ab", [])), tmp_path)
    assert bars[0]["total"] is None


@pytest.fixture
def slake(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "in"
    root.mkdir()
    layout("slake").write(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield root


def test_a_data_set_is_counted_before(slake: Path, tmp_path: Path, bars: Any) -> None:
    samples = load("slake", slake)
    whole = len(list(samples))
    assert samples.counted() == whole and samples.counted(2) == 2
    ask(_model(), samples, tmp_path / "run", shard=(1, 2))
    assert bars[0]["total"] == (whole + 1) // 2


def test_counting_tells_of_a_wrong_row(slake: Path) -> None:
    file = next(slake.rglob("*.json"))
    file.write_text(file.read_text("utf-8").replace('"question"', '"asked"'), "utf-8")
    with pytest.raises(DatasetError):
        load("slake", slake).counted()


@pytest.mark.parametrize(
    ("rank", "world", "given", "folder"),
    [
        ("1", "2", [], "2-of-2"), ("0", "2", [], "1-of-2"), ("0", "1", [], ""), ("", "", [], ""),
        ("", "", ["--shard", "1/3"], "1-of-3"), ("1", "2", ["--shard", "2/2"], "2-of-2"), ("x", "2", [], ""),
    ],
)  # fmt: skip
def test_ranks_are_shards(
    rank: str, world: str, given: list[str], folder: str, slake: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", world)
    monkeypatch.setattr(UMIT, "from_pretrained", lambda *args, **more: _model())
    run = tmp_path / "run"
    command = ["evaluate", "slake", "--root", str(slake), "--run", str(run), "--workers", "2"]
    assert main([*command, *given]) == 0
    assert (run / folder / LINES).is_file()
    told = capsys.readouterr().err
    assert (f"umit score {run}" in told) is bool(folder)
    if folder:
        assert main([*command, *given, "--page", str(tmp_path / "p.html")]) == 2
        assert main([*command, *given, "--perturb"]) == 2


def test_a_shard_against_the_rank_is_refused(
    slake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    command = ["evaluate", "slake", "--root", str(slake), "--run", str(tmp_path / "run")]
    assert main([*command, "--shard", "1/2"]) == 2
    assert "this rank's 2/2, got 1/2" in capsys.readouterr().err


@pytest.mark.parametrize("error", [DatasetError("expected x, got y"), OSError(5, "no"), None])
def test_what_ends_the_samples_ends_every_number_of_workers_alike(error: Any, tmp_path: Path) -> None:
    """All before a wrong row, or before an id that came before, are asked and kept."""

    def rows() -> Iterator[Sample[Any, Any]]:
        found = _samples("aabXccdd", [])
        yield from found[:7]
        if error is not None:
            raise error
        yield found[0]

    texts = set()
    for workers in (0, 1, 4):
        with pytest.raises(type(error) if error else InputError):
            ask(_model(), rows(), tmp_path / str(workers), workers=workers)
        texts.add((tmp_path / str(workers) / LINES).read_bytes())
    assert len(texts) == 1 and texts.pop().count(b"\n") == 7


@pytest.mark.parametrize(("world", "code"), [("1", 3), ("2", 0)])
def test_an_unreadable_picture_of_one_rank_leaves_the_others_alive(
    world: str, code: int, slake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launcher kills all ranks when one ends with another code than 0."""
    for picture in slake.rglob("*.jpg"):
        picture.unlink()
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", world)
    monkeypatch.setattr(UMIT, "from_pretrained", lambda *args, **more: _model())
    run = str(tmp_path / "run")
    assert main(["evaluate", "slake", "--root", str(slake), "--run", run]) == code
    assert main(["score", run]) == 3


@pytest.mark.parametrize("names", ["PMI", "OMPI_COMM_WORLD", "MV2_COMM_WORLD"])
def test_ranks_of_mpi_are_shards(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As accelerate takes them; torchrun's names come first."""
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(f"{names}_RANK", "1")
    monkeypatch.setenv(f"{names}_SIZE", "3")
    assert _rank() == (2, 3)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert _rank() == (1, 4)


_LAUNCHERS = {
    "torchrun": ["torch.distributed.run", "--nproc-per-node", "2"],
    "accelerate": [
        "accelerate.commands.launch", "--cpu", "--num_machines", "1", "--num_processes", "2",
        "--mpirun_hostfile", "hosts",
    ],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher", ["torchrun", pytest.param("accelerate", marks=[pytest.mark.tool("mpirun"), pytest.mark.long])]
)
def test_two_ranks_share_a_data_set(launcher: str, slake: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    (tmp_path / "hosts").write_text("localhost slots=2\n", "utf-8")
    command = [sys.executable, "-m", *_LAUNCHERS[launcher], "-m", "umit"]
    command += ["evaluate", "slake", "--root", str(slake), "--run-folder", str(run)]
    root = dict.fromkeys(("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"), "1")
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, cwd=tmp_path, env={**os.environ, **root}
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {path.name for path in run.iterdir()} == {"1-of-2", "2-of-2"}
    ids = [record["id"] for record in records(run)]
    assert sorted(ids) == sorted(sample.id for sample in load("slake", slake))
