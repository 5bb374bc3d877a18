"""``umit serve`` prints one line that vLLM can be started with, and starts that one."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from umit.backends.server.form import TEMPLATE
from umit.chat import Request, prompt, spell
from umit.checkpoints import Checkpoint, write_card
from umit.cli import main


def line(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[list[str], dict[str, str]]:
    """Return the words before the options with their settings, and the options."""
    assert main(["serve", *words]) == 0
    said = shlex.split(capsys.readouterr().out)
    start = next(k for k, word in enumerate(said) if word.startswith("--"))
    return said[:start], dict(zip(said[start::2], said[start + 1 :: 2], strict=True))


def test_the_line_of_released_weights(capsys: pytest.CaptureFixture[str]) -> None:
    head, given = line(["dz-osamu/UMIT-B"], capsys)
    assert head == ["VLLM_NO_USAGE_STATS=1", "DO_NOT_TRACK=1", "vllm", "serve", "dz-osamu/UMIT-B"]
    assert given.pop("--chat-template") == TEMPLATE
    assert json.loads(given.pop("--limit-mm-per-prompt")) == {"image": 32}
    assert json.loads(given.pop("--mm-processor-kwargs")) == {"min_pixels": 3136, "max_pixels": 602112}
    assert given == {
        "--served-model-name": "dz-osamu/UMIT-B", "--host": "127.0.0.1", "--port": "8000", "--dtype": "bfloat16",
        "--generation-config": "vllm", "--allowed-media-domains": "nowhere.invalid",
        "--chat-template-content-format": "openai",
    }  # fmt: skip


def test_the_embedded_weights_and_more_words(capsys: pytest.CaptureFixture[str]) -> None:
    head, given = line(["--tensor-parallel-size", "2", "--vllm=--max-model-len 8192", "--port", "1"], capsys)
    assert (Path(head[-1]) / "umit.json").is_file()
    assert json.loads(given["--mm-processor-kwargs"]) == {"min_pixels": 3136, "max_pixels": 224 * 224}
    assert (given["--dtype"], given["--tensor-parallel-size"], given["--max-model-len"]) == ("float32", "2", "8192")


def test_a_card_that_leaves_the_system_line_to_the_template_keeps_the_folder_s(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    card = write_card(Checkpoint(name="somebody/else", system=None), tmp_path)
    _, given = line(["somebody/else", "--card", str(card)], capsys)
    assert "--chat-template" not in given


@pytest.mark.parametrize("system", ["", "Be short."])
def test_the_template_writes_our_chat_form(system: str) -> None:
    from jinja2 import Environment

    request = Request(lead=("Look: ",), words=("{{ 'x' }} which plane?\n",), frames=(None, None), system=system)  # type: ignore[arg-type]
    parts = [{"type": "text", "text": "Look: "}, {"type": "image"}, {"type": "image_url", "image_url": {}}]
    parts.append({"type": "text", "text": "{{ 'x' }} which plane?\n"})
    messages: list[object] = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": parts})
    template = Environment(trim_blocks=True, lstrip_blocks=True).from_string(TEMPLATE)
    assert template.render(messages=messages, add_generation_prompt=True) == spell(prompt(request))
    assert "'" not in TEMPLATE.replace("\\'", "") and "\n" not in TEMPLATE


@pytest.mark.skipif(sys.platform == "win32", reason="vLLM is not there")
def test_run_starts_that_very_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = tmp_path / "vllm"
    command.write_text('#!/bin/sh\nprintf "%s\\n" "$VLLM_NO_USAGE_STATS" "$0" "$@"\n')
    command.chmod(0o755)
    assert main(["serve", "dz-osamu/VQA", "--port", "7"]) == 0
    printed = shlex.split(capsys.readouterr().out)
    asked = [sys.executable, "-m", "umit", "serve", "dz-osamu/VQA", "--port", "7", "--run"]
    done = subprocess.run(asked, env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["1", "vllm", *printed[3:]] or done.stdout.splitlines()[2:] == printed[3:]
    assert done.returncode == 0 and "starting vllm serve dz-osamu/VQA at 127.0.0.1:7" in done.stderr


def test_run_without_vllm_tells_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["serve", "--run"]) == 2
    assert "pip install 'umit[vllm]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "65536"], "expected a port of 1 to 65535, got 65536"),
        (["--port", "0"], "expected a port of 1 to 65535, got 0"),
        (["--tensor-parallel-size", "0"], "expected at least one GPU, got 0"),
        (["--vllm", "--host '"], "expected words for --vllm as a shell reads them"),
    ],
)
def test_what_vllm_could_not_start_with_is_refused(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "dz-osamu/UMIT-B", *words]) == 2
    out, err = capsys.readouterr()
    assert told in err and out == ""
