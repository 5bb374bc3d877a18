"""What a shell does to a command: streams that are closed, names that nobody would write, numbers out of range."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.checkpoints import PHANTOM
from umit.cli import main
from umit.cli.telling import document, printable
from umit.errors import BackendError
from umit.evaluation.journal import LINES, MANIFEST
from umit.model import UMIT

from ..datasets.layouts import layout

LONG = "a" * 5000
OBEYED = "film\x1b[31m\x9b\u202e.png"


@pytest.fixture
def nothing_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where weights are loaded."""

    def load(*given: object, **more: object) -> None:
        pytest.fail("weights were loaded")

    monkeypatch.setattr(UMIT, "from_pretrained", load)


@pytest.fixture
def slake(tmp_path: Path) -> str:
    (tmp_path / "in").mkdir()
    layout("slake").write(tmp_path / "in")
    return str(tmp_path / "in")


@pytest.mark.usefixtures("nothing_loads")
@pytest.mark.parametrize("files", [["no.png"], ["no.png", "neither.png"], ["words.png"]])
def test_a_row_for_each_file_when_none_can_be_read(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.png").write_text("no picture")
    names = ["--name", "Sella", "--name", "Gonion"]
    assert main(["landmarks", *files, *names, "--json", "--csv", "out.csv"]) == 2
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["file"] for row in rows] == files
    assert all(row["error"]["message"] and row["notice"] == PHANTOM.notice for row in rows)
    assert err == f"umit: table in out.csv\numit: {rows[0]['error']['message']}\n"
    with open("out.csv", encoding="utf-8", newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == files


LIMITS = [
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--limit", "-1"],
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--limit", "x"],
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--limit", "9" * 30],
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--limit", "9" * 5000],
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--shard", "1"],
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--shard", "1/x"],
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--shard", "1/" + "9" * 30],
    ["data", "show", "slake", "IN", "--limit", "9" * 30],
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--workers", "-1"],
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--variant", "nonesuch"],
    ["evaluate", "slake", "--root", "IN", "--run", "RUN", "--split", "nonesuch"],
    ["data", "show", "slake", "IN", "--limit", "-1"],
    ["demo", "--seed", "-1"],
    ["report", LONG],
    ["report", "IN", "--checkpoint", LONG],
    ["report", "IN", "--csv", LONG],
    ["report", "IN", "--out", LONG],
    ["data", "show", "slake", LONG],
    ["data", "check", LONG],
    ["data", "unpack", LONG, LONG],
    ["score", LONG],
    ["compare", LONG, LONG],
    ["evaluate", "slake", "--root", "IN", "--run", LONG],
]


@pytest.mark.usefixtures("nothing_loads")
@pytest.mark.parametrize("words", LIMITS, ids=lambda words: " ".join(words)[:60])
def test_out_of_range_is_bad_use(
    words: list[str], slake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"IN": slake, "RUN": str(tmp_path / "run")}
    assert main([named.get(word, word) for word in words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("umit: ") and err.count("\n") == 1


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000], ids=["empty", "list", "deep"])
@pytest.mark.parametrize("name", [MANIFEST, "expected.json"])
def test_a_file_of_a_run_that_says_nothing(
    name: str, text: str, script: Any, slake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(lambda request: "1:yes")
    run = tmp_path / "run"
    words = ["evaluate", "slake", "--root", slake, "--run", str(run), "--limit", "1"]
    main(words)
    (run / name).write_text(text)
    capsys.readouterr()
    for again in (words, ["score", str(run)], ["compare", str(run), str(run)]):
        if name == MANIFEST or again[0] == "score":
            assert main(again) == 2
            assert f"run: expected what the run was of in {name}" in capsys.readouterr().err


def test_a_table_that_was_edited_is_another_run(
    script: Any, film: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a run that goes on nor a shard beside others joins answers of two tables."""
    script()
    table, words = tmp_path / "table.csv", ["evaluate", str(tmp_path / "table.csv"), "--run"]
    table.write_text("image,question,answer\nfilm.png,Where?,left\nfilm.png,Which?,left\n")
    main([*words, str(tmp_path / "run"), "--limit", "1"])
    main([*words, str(tmp_path / "shards"), "--shard", "1/2"])
    table.write_text("image,question,answer\nfilm.png,Why?,right\nfilm.png,Which?,right\n")
    main([*words, str(tmp_path / "shards"), "--shard", "2/2"])
    capsys.readouterr()
    assert main([*words, str(tmp_path / "run"), "--limit", "1"]) == 2
    assert "expected a run of the same file" in capsys.readouterr().err
    assert main(["score", str(tmp_path / "shards")]) == 2
    assert "2-of-2 has another file" in capsys.readouterr().err


@pytest.mark.parametrize("theirs", [LINES, "umit.json", "expected.json", "robustness.json", "robustness.md"])
def test_a_run_takes_no_folder_of_something_else(
    theirs: str, script: Any, slake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script()
    (tmp_path / theirs).write_text('{"mine": 1}\n')
    assert main(["evaluate", "slake", "--root", slake, "--run", str(tmp_path)]) == 2
    assert "expected a folder of its own for a run" in capsys.readouterr().err
    assert (tmp_path / theirs).read_text() == '{"mine": 1}\n'


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_a_name_that_is_not_utf8(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script()
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"film\xff.png")
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(tmp_path / name)
    assert main(["report", name, "--csv", "out.csv", "--out", "pictures", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == name
    assert "film\\udcff.png" in Path("out.csv").read_text("utf-8")
    assert os.listdir(b"pictures") == [b"film\xff.png"]


def test_names_are_not_obeyed(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script()
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(tmp_path / OBEYED)
    commands = [
        ["report", OBEYED, "--out", f"{OBEYED}-out"],
        ["report", OBEYED, "--json"],
        ["report", f"no{OBEYED}", f"nor{OBEYED}"],
        ["report", OBEYED, "--csv", OBEYED],
        ["data", "show", "slake", f"no{OBEYED}"],
        ["data", "check", f"no{OBEYED}"],
        ["data", "unpack", OBEYED, f"{OBEYED}-new"],
        ["score", f"no{OBEYED}"],
        ["report", OBEYED, "--checkpoint", f"no{OBEYED}"],
        ["report", OBEYED, f"--{OBEYED}"],
    ]
    for words in commands:
        main(words)
        shown = "".join(capsys.readouterr())
        assert not {"\x1b", "\x9b", "\u202e"} & set(shown), words
        assert shown


@pytest.mark.parametrize("value", [OBEYED, {"a": ["\x7f", "\ud800", "\U000e0001", "结节　½"]}, None])
def test_documents_read_as_the_same_value(value: Any) -> None:
    assert json.loads(document(value)) == value
    assert document(value) == printable(document(value))


CLOSED = [
    ("info >&-", 0, ""),
    ("info 2>&-", 0, ""),
    ("info --json >&- 2>&- <&-", 0, ""),
    ("score nowhere >&-", 2, "umit: nowhere: "),
    ("score nowhere 2> /dev/full", 2, ""),
    ("info > /dev/full 2> /dev/full", 2, ""),
    ("score nowhere 2>&1 > /dev/null | head -c 0; exit ${PIPESTATUS[0]}", 2, ""),
    ("info > /dev/full", 2, "umit: output: No space left on device\n"),
    ("info | head -c 1 > /dev/null; exit ${PIPESTATUS[0]}", 0, ""),
]


@pytest.mark.skipif(sys.platform != "linux", reason="a shell and /dev/full")
@pytest.mark.parametrize(("line", "code", "said"), CLOSED)
def test_closed_streams(line: str, code: int, said: str) -> None:
    ran = subprocess.run(["bash", "-c", f'"$0" -m umit {line}', sys.executable], capture_output=True, text=True)
    assert ran.returncode == code
    assert ran.stderr.startswith(said) and "Traceback" not in ran.stderr
    assert said or not ran.stderr


@pytest.mark.parametrize("words", [
    ["report", "film.png", "--csv", "loop"], ["report", "film.png", "--out", "loop"], ["report", "loop", "--out", "new"],
    ["data", "convert", "slake", "in", "loop/x"], ["data", "show", "slake", "in", "--out", "loop"],
    ["evaluate", "slake", "--root", "in", "--run", "loop"], ["train", "film.png", "--out", "loop"],
], ids=" ".join)  # fmt: skip
def test_links_that_lead_to_each_other(
    words: list[str], script: Any, film: str, slake: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    script()
    monkeypatch.chdir(tmp_path)
    os.symlink("loop", "loop")
    assert main(words) == (0 if words[-2:] == ["--csv", "loop"] else 2)  # the link itself gives way to a table
    assert capsys.readouterr().err.startswith("umit: ")


def test_force_is_for_the_file_that_was_named(script: Any, film: str, tmp_path: Path) -> None:
    script()
    (tmp_path / "out.csv").write_text("theirs")
    (tmp_path / "out.csv.part").write_text("theirs too")
    assert main(["report", film, "--csv", str(tmp_path / "out.csv"), "--force"]) == 2
    assert (tmp_path / "out.csv.part").read_text() == "theirs too"


def test_outputs_are_named_at_the_end(
    script: Any, film: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script()
    out, table = str(tmp_path / "out"), str(tmp_path / "out.csv")
    for _ in range(2):  # what umit wrote, it may write again
        assert main(["report", film, "--out", out, "--csv", table]) == 0
        assert capsys.readouterr().err == f"umit: table in {table}\numit: pictures in {out}\n"


def test_a_table_that_is_not_whole_replaces_nothing(
    script: Any, film: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    script()
    table = tmp_path / "out.csv"
    words = ["report", film, "--csv", str(table)]
    assert main(words) == 0
    before = table.read_text()

    def stopped(self: object, items: Any, **more: object) -> Any:
        yield next(answered(self, items))
        raise KeyboardInterrupt

    answered = UMIT.predict
    monkeypatch.setattr(UMIT, "predict", stopped)
    assert main([*words[:2], film, *words[2:]]) == 130
    assert table.read_text() == before
    assert "out.csv is not whole; what came so far is in out.csv.part" in capsys.readouterr().err
    with (tmp_path / "out.csv.part").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 1


def test_a_hub_is_named_before_it_is_asked(
    film: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*given: object, **more: object) -> None:
        raise BackendError("expected an engine")

    monkeypatch.setattr(UMIT, "from_pretrained", load)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert main(["report", film, "--checkpoint", "dz-osamu/UMIT-B"]) == 2
    assert "asking" not in capsys.readouterr().err
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    assert main(["report", film, "--checkpoint", "dz-osamu/UMIT-B"]) == 2
    first, _ = capsys.readouterr().err.splitlines()
    assert first == ("umit: asking http://127.0.0.1:9 for dz-osamu/UMIT-B; HF_HUB_OFFLINE=1 takes this disk's copy")
    assert main(["report", film, "--checkpoint", "nobody/nothing"]) == 2
    assert "asking" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["score", ""], ["compare", "", ""], ["evaluate", "", "--run", "run"], ["evaluate", "slake", "--root", "", "--run", "r"],
        ["data", "check", ""], ["data", "show", ""], ["data", "unpack", "", "to"], ["report", "film.png", "--checkpoint", ""],
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_empty_name_is_not_the_working_folder(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert "got an empty one" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
