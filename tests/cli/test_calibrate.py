"""``umit calibrate``: a card is written only where one frame fits; else 1, and nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.calibration.test_measure import canvas, scripted, whole

from umit.checkpoints import KNOWN, read_card
from umit.cli import main

from .conftest import Script

GENERIC = KNOWN["generic:qwen3_vl"]


def test_a_frame_is_told_and_its_card_written(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(scripted(canvas(1000, 1000), whole)._reply, GENERIC)
    card = tmp_path / "umit.json"
    assert main(["calibrate", "mine", "--card", "generic:qwen3_vl", "--out", str(card), "--pictures", "shapes"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("norm1000 fits, and no other frame does; 16 of 16") and "card in" in err
    assert "canvas of 1024 x 1024" in out and "answered as json" in out
    read = read_card(card)
    assert read.dialect.boxes.frame == (1000, 1000) and "detect_2d" in read.task_names


def test_a_model_that_refuses_ends_with_1(script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script(lambda request: "I cannot.", GENERIC)
    card = tmp_path / "umit.json"
    assert main(["calibrate", "mine", "--card", "generic:qwen3_vl", "--out", str(card), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["frame"], said["remaining"], said["read"]) == (None, [], 0)
    assert not card.exists()


def test_doubt_ends_with_1_and_names_what_remains(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(scripted(canvas(1024, 1024), whole, noise=0.03)._reply, GENERIC)
    assert (
        main(["calibrate", "mine", "--card", "generic:qwen3_vl", "--out", str(tmp_path), "--pictures", "shapes"]) == 1
    )
    assert "fit alike" in capsys.readouterr().out and not list(tmp_path.iterdir())


def test_weights_without_a_card_are_asked_with_a_generic_one(
    script: Script, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(scripted(canvas(1000, 1000), whole)._reply, GENERIC)
    (tmp_path / "config.json").write_text('{"model_type": "qwen3_vl"}')
    assert main(["calibrate", str(tmp_path), "--out", str(tmp_path), "--pictures", "shapes"]) == 0
    assert "asked with generic:qwen3_vl" in capsys.readouterr().err
    assert (tmp_path / "umit.json").is_file()


def test_a_file_of_somebody_else_is_kept(script: Script, tmp_path: Path) -> None:
    script(scripted(canvas(1000, 1000), whole)._reply, GENERIC)
    (tmp_path / "notes.json").write_text("{}")
    command = ["calibrate", "mine", "--card", "generic:qwen3_vl", "--out", str(tmp_path / "notes.json")]
    assert main(command) == 2
    assert (tmp_path / "notes.json").read_text() == "{}"


@pytest.mark.parametrize("kind", ["llava", "qwen3_vl_moe"])
def test_another_architecture_has_no_generic_card(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    assert main(["calibrate", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert f"its config.json says '{kind}'" in err and "asked with" not in err
