"""Time is told by device and over all calls; time that is up is told once it is."""

from __future__ import annotations

import json
import time
from pathlib import Path

from umit.phantom.build_log import BuildLog


def test_what_was_spent_is_told_by_device(tmp_path: Path) -> None:
    lines = [  # a call on a GPU between two on a processor; the clock of each begins at 0
        ("look", 3.0, "cpu"), ("look", 5.0, "cpu"), ("drill", 0.5, "a GPU"), ("drill", 2.5, "a GPU"),
        ("instruct", 0.25, "cpu"), ("instruct", 4.0, "cpu"),
    ]  # fmt: skip
    log = BuildLog(tmp_path / "log.jsonl", 0.0, None, processes=1)
    for stage, minutes, device in lines:
        line = {"stage": stage, "step": 1, "loss": 1.0, "minutes": minutes, "processes": 1}
        with log.path.open("a") as file:
            file.write(json.dumps({**line, "device": device}) + "\n")
    assert log.spent() == {"cpu": 9.0, "a GPU": 2.5}
    assert log.losses() == {"look": [1.0, 1.0], "drill": [1.0, 1.0], "instruct": [1.0, 1.0]}


def test_time_that_is_up_is_told_and_the_line_is_kept(tmp_path: Path) -> None:
    started = time.monotonic() - 90.0
    for minutes, goes_on in ((2.0, True), (1.0, False), (None, True)):
        log = BuildLog(tmp_path / "log.jsonl", started, minutes, processes=2, device="a GPU")
        log.stage = "look"
        assert log(25, 0.51234) is goes_on
        assert log.late is not goes_on
    last = log.lines()[-1]
    assert len(log.lines()) == 3 and last["loss"] == 0.5123 and last["device"] == "a GPU"
