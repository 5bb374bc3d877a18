"""``umit evaluate --perturb``: the card is printed, written, and the same as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from umit.cli import main

from ..datasets.layouts import layout


@pytest.mark.filterwarnings("ignore")
def test_the_card(script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    layout("slake").write(tmp_path / "in")
    script()
    run = str(tmp_path / "run")
    line = ["evaluate", "slake", "--root", str(tmp_path / "in"), "--run", run, "--perturb", "--limit", "2"]
    assert main(line) == 0
    shown = capsys.readouterr().out
    assert "flip" in shown and "question-only" in shown and "not a medical device" in shown
    assert main([*line, "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card == json.loads((tmp_path / "run" / "robustness.json").read_text("utf-8"))
    assert card["rows"] and card["notice"].startswith("Research use only")
    assert main([*line, "--shard", "1/2"]) == 2
