"""``--server``: every verb asks what a server serves, as it would ask weights in this process."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from tests.backends.stand_in import StandIn

from umit.cli import main
from umit.testing import ScriptedBackend

from .conftest import whole
from .test_verbs import VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_asks_the_server(verb: str, script: object, film: str, capsys: pytest.CaptureFixture[str]) -> None:
    script()  # type: ignore[operator]
    assert main([verb, film, *VERBS[verb], "--json"]) == 0
    here = json.loads(capsys.readouterr().out)
    with StandIn(ScriptedBackend(whole)) as server:
        assert main([verb, film, *VERBS[verb], "--json", "--server", server.url]) == 0
    there = json.loads(capsys.readouterr().out)
    for result in (here, there):  # made-up scores, and the embedded weights' own card beside one that is not calibrated
        for name in ("probabilities", "presence", "items", "mean_logprob", "calibrated"):
            result.pop(name, None)
    assert server.bodies and there == here


def test_evaluate_asks_the_server(tmp_path: Path, film: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "own.csv"
    table.write_text("image,question,answer\nfilm.png,Which organ?,lung\nfilm.png,Which plane?,frontal\n")
    with StandIn(ScriptedBackend(lambda request: "lung"), key="k") as server, pytest.MonkeyPatch.context() as patch:
        words = ["evaluate", str(table), "--run", str(tmp_path / "run"), "--server", server.url]
        assert main(words) != 0, "no key"
        patch.setenv("UMIT_SERVER_KEY", "k")
        assert main(words) == 0
    kept = "".join(path.read_text("utf-8") for path in (tmp_path / "run").iterdir() if path.is_file())
    assert "lung" in kept and '"ok": true' in kept
    assert server.url not in kept and "Bearer" not in kept


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--server", "http://gpu.example"], "expected https to another machine"),
        (["--server", ""], "expected"),
        (["--server", "http://localhost:1", "--device", "cuda"], "expected no --device beside --server"),
        (["--plaintext"], "expected --server beside --concurrency and --plaintext"),
        (["--server", "http://localhost:1", "--concurrency", "0"], "expected a concurrency of 1 or more"),
        (["--server", "http://localhost:1", "--checkpoint", "some/one"], "pass card="),
    ],
)
def test_bad_use_is_told(words: list[str], told: str, film: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", film, *words]) == 2
    assert told in capsys.readouterr().err


def test_one_file_that_fails_says_why(film: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:  # a port that nobody answers at
        taken.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("umit.backends.server.line.time.sleep", lambda seconds: None)
            assert main(["detect", film, "--target", "nodule", "--target", "cavity", "--server", server]) == 3
    err = capsys.readouterr().err
    assert "umit: 1 of 1 items failed" in err
    assert "expected a server, the connection was refused; start it" in err
