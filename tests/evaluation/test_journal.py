"""The journal: killed at any moment it loses nothing, repeats nothing, and refuses to mix two runs."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from umit.errors import InputError
from umit.evaluation.journal import LINES, Journal, gaps, manifest_of, records

_WORKER = """
import sys
from pathlib import Path
from umit.evaluation.journal import Journal
with Journal(Path(sys.argv[1]), {"model": "a"}) as journal:
    for number in range(4000):
        name = f"图{number}"
        if name not in journal.done:
            journal.add(name, {"raw": "x" * (number % 700), "number": number})
            if number % 50 == 0:
                print(number, flush=True)
"""
KILLS = [5, pytest.param(25, marks=pytest.mark.long)]


def _lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / LINES).read_bytes().splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("kills", KILLS)
def test_killed_at_random_nothing_is_lost_and_nothing_twice(tmp_path: Path, kills: int) -> None:
    rng, seen = random.Random(7), set()
    for kill in range(kills + 1):
        worker = subprocess.Popen([sys.executable, "-c", _WORKER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        if kill < kills:
            for _ in range(rng.randint(1, 4)):
                worker.stdout.readline()  # each 50 answers later
            time.sleep(rng.random() * 0.002)
            worker.send_signal(signal.SIGKILL)
        worker.communicate()
        names = [str(line["id"]) for line in _whole(tmp_path)]
        assert len(names) == len(set(names)), "one answer twice"
        assert seen <= set(names), "an answer is gone"
        seen = set(names)
    assert len(seen) == 4000
    assert all(len(str(r["raw"])) == int(str(r["number"])) % 700 for r in records(tmp_path))


def _whole(folder: Path) -> list[dict[str, object]]:
    data = (folder / LINES).read_bytes()
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


@pytest.mark.parametrize("cut", [1, 5, 20, 31])
def test_a_torn_tail_is_moved_aside(tmp_path: Path, cut: int) -> None:
    with Journal(tmp_path, {}) as journal:
        for name in "ab":
            journal.add(name, {"raw": "结节 in the lung"})
    path = tmp_path / LINES
    path.write_bytes(path.read_bytes()[:-cut])
    with Journal(tmp_path, {}) as journal:
        assert journal.done == {"a"}
        journal.add("b", {"raw": "again"})
    assert [line["id"] for line in _lines(tmp_path)] == ["a", "b"]
    assert b"\n" in path.with_suffix(".torn").read_bytes()


def test_another_run_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path, {"model": "a", "window": [0, 1]}).close()
    with pytest.raises(InputError, match="same model, window"):
        Journal(tmp_path, {"model": "b", "window": (0, 2)})
    Journal(tmp_path, {"model": "a", "window": (0, 1)}).close()


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_two_writers_are_refused(tmp_path: Path) -> None:
    with Journal(tmp_path, {}), pytest.raises(InputError, match="another process"):
        Journal(tmp_path, {})


def test_failures_are_recorded_and_tried_again(tmp_path: Path) -> None:
    with Journal(tmp_path, {}) as journal:
        journal.add("a", {"error": "cut"}, ok=False)
    with Journal(tmp_path, {}) as journal:
        assert not journal.done
        journal.add("a", {"raw": "yes"})
        assert journal.done == {"a"}
    assert [record["raw"] for record in records(tmp_path)] == ["yes"]


def test_a_full_disk_stops_cleanly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    with Journal(tmp_path, {}) as journal:
        journal.add("a", {"raw": "yes"})
        monkeypatch.setattr(os, "write", lambda file, line: real(file, line[:9]))
        with pytest.raises(InputError, match="room"):
            journal.add("b", {"raw": "no"})
        monkeypatch.undo()
        journal.add("c", {"raw": "no"})
    assert [line["id"] for line in _lines(tmp_path)] == ["a", "c"]


def test_awkward_ids_come_back(tmp_path: Path) -> None:
    names = {'with "quotes"', "back\\slash", "line\nbreak", "图1", '", "ok": true', ""}
    with Journal(tmp_path, {}) as journal:
        for name in names:
            journal.add(name, {"text": '\n{"id": "false", "ok": true}'})
    with Journal(tmp_path, {}) as journal:
        assert journal.done == names


def test_shards_are_read_as_one_run(tmp_path: Path) -> None:
    for shard, names in (("1-of-2", "ac"), ("2-of-2", "b")):
        with Journal(tmp_path / shard, {}) as journal:
            for name in names:
                journal.add(name, {})
    assert sorted(r["id"] for r in records(tmp_path)) == ["a", "b", "c"]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a run"):
        list(records(tmp_path))


def _run(folder: Path, *ids: str, items: int | None = None, **manifest: str) -> Path:
    with Journal(folder, {"model": "a", **manifest}) as journal:
        for name in ids:
            journal.add(name, {"raw": "x"})
        journal.expect(items)
    return folder


def test_a_run_that_was_stopped_is_told_from_one_that_is_done(tmp_path: Path) -> None:
    assert gaps(_run(tmp_path / "whole", "1", "2", items=2)) == ()
    assert gaps(_run(tmp_path / "part", "1", "2", items=824)) == ("822 of 824 items have not been asked",)  # fmt: skip
    assert gaps(_run(tmp_path / "stream", "1")) == ("stopped after 1 items, how many are left is not known",)  # fmt: skip
    for items in (None, True, -1, "2"):
        (tmp_path / "whole" / "expected.json").write_text(json.dumps({"items": items}))
        assert gaps(tmp_path / "whole") == ("stopped after 2 items, how many are left is not known",)
    (tmp_path / "whole" / "expected.json").unlink()
    assert gaps(tmp_path / "whole") == (), "a run of before says nothing of it"


def test_shards_that_are_missing_or_stopped_are_told(tmp_path: Path) -> None:
    _run(tmp_path / "1-of-3", "1", items=1)
    _run(tmp_path / "3-of-3", "3", items=2)
    assert gaps(tmp_path) == ("shard 2 of 3 is missing", "3-of-3: 1 of 2 items have not been asked")
    assert [record["id"] for record in records(tmp_path)] == ["1", "3"]


def test_runs_that_are_not_one_are_not_joined(tmp_path: Path) -> None:
    _run(tmp_path / "other" / "1-of-2", "1", items=1)
    _run(tmp_path / "other" / "2-of-2", "2", items=1, weights="others")
    with pytest.raises(InputError, match="2-of-2 has another weights"):
        list(records(tmp_path / "other"))
    _run(tmp_path / "mixed" / "1-of-2", "1", items=1)
    _run(tmp_path / "mixed" / "2-of-3", "2", items=1)
    with pytest.raises(InputError, match="shards of one run, got 1-of-2, 2-of-3"):
        list(records(tmp_path / "mixed"))
    _run(tmp_path / "runs" / "a", "1", items=1)
    _run(tmp_path / "runs" / "b", "1", items=1)
    with pytest.raises(InputError, match="expected a run, got a folder of runs: a, b"):
        list(records(tmp_path / "runs"))
    _run(tmp_path / "copied" / "1-of-2", "1", "2", items=2)
    shutil.copytree(tmp_path / "copied" / "1-of-2", tmp_path / "copied" / "2-of-2")
    with pytest.raises(InputError, match="2-of-2 has '1', which another has too"):
        list(records(tmp_path / "copied"))
    _run(tmp_path / "beyond" / "1-of-2", "1", items=1)
    _run(tmp_path / "beyond" / "3-of-2", "3", items=1)
    with pytest.raises(InputError, match="shards of one run, got 1-of-2, 3-of-2"):
        list(records(tmp_path / "beyond"))
    (tmp_path / "runs" / "a" / "run.json").write_text("")
    with pytest.raises(InputError, match="what the run was of"):
        manifest_of(tmp_path / "runs" / "a")


DAMAGED = [
    ("[1]", "that is no JSON object"), ("NaN", "that is no JSON object"), ("", "that is no JSON object"),
    ("[" * 100_000, "that is no JSON object"), ({"id": "a"}, "without 'ok'"), ({"ok": True}, "without 'id'"),
    ({"id": ["a"], "ok": True}, "whose id is no str"), ({"id": "a", "ok": "false"}, "whose ok is no bool"),
    ({"id": "a", "ok": True, "task": ["x"]}, "whose task is no str"),
    ({"id": "a", "ok": True, "group": None}, "whose group is no str"),
    ({"id": "a", "ok": True, "facts": None}, "whose facts is no dict"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "why"), DAMAGED, ids=range(len(DAMAGED)))
def test_a_line_edited_by_hand_is_told(line: Any, why: str, tmp_path: Path) -> None:
    run = _run(tmp_path / "run", "1")
    with (run / LINES).open("a") as file:
        file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")
    with pytest.raises(InputError, match=f"{LINES} line 2: expected a record, got a line {why}"):
        list(records(run))
