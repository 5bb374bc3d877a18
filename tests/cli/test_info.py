"""Help and ``info``: quick, without torch and numpy, and true."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from umit.checkpoints import EMBEDDED, PHANTOM, RELEASED, write_card
from umit.cli import info, main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("words", [["--help"], ["info"], ["info", "--json"]])
def test_loads_nothing_heavy(words: list[str]) -> None:
    run = (
        "import sys; from umit.cli import main; code = main(sys.argv[1:]); "
        "heavy = [m for m in ('torch', 'numpy', 'transformers', 'PIL') if m in sys.modules]; "
        "sys.exit(f'loads {heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", run, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not a medical device" in done.stdout.replace("\n", " ")


def test_python_dash_m_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "umit", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("umit ")


def test_names_are_those_of_the_cards() -> None:
    assert info.RELEASED == tuple(RELEASED)


def test_versions_are_those_of_the_runtime_dependencies(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    if found["packages"]:  # umit is installed
        assert set(found["packages"]) == {line.split(">")[0] for line in needed}
        assert None not in found["packages"].values()
    assert [card["name"] for card in found["checkpoints"]] == [EMBEDDED, *RELEASED]


def test_embedded_weights_are_described_by_their_files(tmp_path: Path) -> None:
    assert info.embedded(tmp_path)["present"] is False
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    write_card(PHANTOM, tmp_path)
    build = {"seed": 0, "minutes": 61.5, "weights_sha256": "ab", "parameters": 3, "steps": {}}
    (tmp_path / "build.json").write_text(json.dumps(build), encoding="utf-8")
    found = info.embedded(tmp_path)
    assert found["present"] and found["build"] == build
    assert tuple(found["task_names"]) == PHANTOM.task_names and found["notice"] == PHANTOM.notice


def test_text_shows_what_json_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    write_card(PHANTOM, tmp_path)
    own = info.embedded(tmp_path)
    monkeypatch.setattr(info, "embedded", lambda: own)
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert "detect_3d" in out and "en, zh" in out and "dz-osamu/UMIT-B" in out
