"""``umit train`` before its first step: what cannot be taught is refused by file and line, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.training.films import write_films

from umit.cli import main
from umit.testing import tiny_checkpoint

_ASKED: dict[str, Any] = {"image": "a.png", "question": "Where is it?", "answer": "left"}
_BOXED: dict[str, Any] = {"image": "a.png", "label": ["nodule"]}
_SWIFT: dict[str, Any] = {
    "messages": [{"role": "user", "content": "<image>Find it"}, {"role": "assistant", "content": "<bbox>"}],
    "images": ["a.png"], "objects": {"ref": [], "bbox": [[1, 2, 3, 4]]},
}  # fmt: skip
ROWS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no rows": ([], r"rows.jsonl: expected samples"),
    "picture missing": ([_ASKED, {**_ASKED, "image": "gone.png"}], "rows.jsonl line 2: gone.png: expected a file"),
    "picture cut short": ([_ASKED, {**_ASKED, "image": "cut.png"}], "rows.jsonl line 2: cut.png"),
    "answer too long": ([_ASKED, {**_ASKED, "answer": "left " * 99}], "rows.jsonl line 2: expected an answer of at most"),
    "answer empty": ([{**_ASKED, "answer": " "}], "rows.jsonl line 1: skipped, its answer is empty"),
    "report empty": ([{"image": "a.png", "report": ""}], "rows.jsonl line 1: skipped, its report is empty"),
    "no option": ([{**_ASKED, "options": ["up", "down"]}], "rows.jsonl line 1: skipped, its answer 'left' is none of"),
    "box beyond": ([{**_BOXED, "boxes": [[5, 5, 900, 40]]}], "rows.jsonl line 1: expected coordinates within the picture"),
    "box three times too large": ([{**_BOXED, "boxes": [[15, 15, 180, 120]]}], "coordinates within the picture"),
    "box before": ([{**_BOXED, "boxes": [[-9, -9, 5, 5]]}], "coordinates within the picture"),
    "box no number": ([{**_BOXED, "boxes": [[float("nan"), 5, 9, 40]]}], "rows.jsonl line 1: expected a number as box"),
    "one class": ([{"image": f"{n}.png", "label": "x"} for n in "ab"], "expected at least two labels"),
    "marks of ms-swift": ([_SWIFT], "rows.jsonl line 1: expected a conversation in plain words, got <bbox>"),
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    drawn = np.random.default_rng(0)
    for name in "ab":
        Image.fromarray(drawn.integers(0, 255, (48, 64), np.uint8)).save(folder / f"{name}.png")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:20])
    write_films(folder / "films", patients=2)
    tiny_checkpoint(folder / "tiny")
    return folder


def refused(place: Path, words: list[str], patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    patch.chdir(place)
    usual = {"--model": "tiny", "--out": "o", "--plain": "", "--val": "none", "--steps": "1"}
    if "--epochs" in words:
        del usual["--steps"]
    more = [part for name, value in usual.items() if name not in words for part in (name, value) if part]
    assert main(["train", *words, *more]) == 2
    assert not (place / "o").exists()
    return capsys.readouterr().err


@pytest.mark.parametrize("kind", ROWS)
def test_rows(place: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows, said = ROWS[kind]
    (place / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert said in refused(place, ["rows.jsonl"], monkeypatch, capsys)


@contextmanager
def _without(place: Path, *tokens: str) -> Iterator[None]:
    """Take tokens out of the tokenizer of tiny."""
    path = place / "tiny" / "tokenizer.json"
    kept = path.read_text("utf-8")
    said = json.loads(kept)
    said["added_tokens"] = [one for one in said["added_tokens"] if one["content"] not in tokens]
    path.write_text(json.dumps(said), "utf-8")
    try:
        yield
    finally:
        path.write_text(kept, "utf-8")


def test_a_tokenizer_without_box_tokens(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with _without(place, "<|box_start|>", "<|box_end|>"):
        assert "<|box_" in refused(place, ["films"], monkeypatch, capsys)


WORDS = [
    (["films", "--rate", "nan"], "learning_rate above 0"),
    (["films", "--rate", "0"], "learning_rate above 0"),
    (["films", "--rate", "-1"], "learning_rate above 0"),
    (["films", "--epochs", "0"], "epochs above 0"),
    (["films", "--epochs", "nan"], "epochs above 0"),
    (["films", "--batch", "0"], "one sample a step or more"),
    (["films", "--out", "films/inside"], "a place inside 'films'"),
    (["films@2", "--out", "films/inside"], "a place inside 'films'"),
    (["films", "--val", "films/dark", "--out", "films/dark/o"], "a place inside"),
    (["films", "--out", "tiny"], "what the command reads"),
    (["films", "--val", "0.9"], "patients enough"),
    (["films", "--val", ""], "expected"),
    (["", "--out", "o"], "expected"),
]


@pytest.mark.parametrize(("words", "said"), WORDS, ids=[" ".join(words) for words, _ in WORDS])
def test_words(
    place: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(place, words, monkeypatch, capsys)
