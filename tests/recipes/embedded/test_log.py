"""Time is told by device and over all calls; time that is up is told once it is."""

from __future__ import annotations

import json
import time
from pathlib import Path

from recipes.embedded.log import BuildLog


def test_what_was_spent_is_told_by_device(tmp_path: Path) -> None:
    lines = [  # a call on a GPU between two on a processor; the clock of each begins at 0
        ("coordinates", 3.0, "cpu"), ("coordinates", 5.0, "cpu"), ("large-batch", 0.5, "a GPU"), ("large-batch", 2.5, "a GPU"),
        ("instruct", 0.25, "cpu"), ("instruct", 4.0, "cpu"),
    ]  # fmt: skip
    log = BuildLog(tmp_path / "log.jsonl", 0.0, None, processes=1, device="cpu")
    for stage, minutes, device in lines:
        line = {"stage": stage, "step": 1, "loss": 1.0, "minutes": minutes, "processes": 1}
        with log.path.open("a") as file:
            file.write(json.dumps({**line, "device": device}) + "\n")
    stages = ("coordinates", "large-batch", "instruct")
    assert log.summary() == {
        "minutes": {"cpu": 9.0, "a GPU": 2.5},
        "processes": 1,
        "losses": {stage: [1.0, 1.0] for stage in stages},
    }


def test_time_that_is_up_is_told_and_the_line_is_kept(tmp_path: Path) -> None:
    started = time.monotonic() - 90.0
    for minutes, goes_on in ((2.0, True), (1.0, False), (None, True)):
        log = BuildLog(tmp_path / "log.jsonl", started, minutes, processes=2, device="a GPU")
        log.stage = "coordinates"
        assert log(25, 0.51234) is goes_on
        assert log.late is not goes_on
    lines = [json.loads(text) for text in log.path.read_text("utf-8").splitlines()]
    assert len(lines) == 3 and lines[-1]["loss"] == 0.5123 and lines[-1]["device"] == "a GPU"
