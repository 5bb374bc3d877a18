"""A task that is added by one file and one line is everywhere; the file and the line are those of the how-to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.chat import Request, spell
from umit.checkpoints import PHANTOM, Checkpoint, read_card, write_card
from umit.cli import main
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Files
from umit.errors import ParseError, UnsupportedTaskError
from umit.evaluation.evaluate import evaluate
from umit.evaluation.page import write_page
from umit.model import UMIT
from umit.queries import Ask
from umit.results import Answer
from umit.tasks.table import TASKS
from umit.testing import ScriptedBackend
from umit.training.rows import turns_of

PAGE = Path(__file__).resolve().parents[1] / "docs" / "how-to" / "add-a-task.md"
QUESTION = "How many cells are there?"


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run the page's blocks, and take the task away again."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    before = dict(TASKS)
    exec("\n".join(blocks), {"__name__": "count"})
    assert set(TASKS) - set(before) == {"count"}
    yield
    TASKS.clear()
    TASKS.update(before)


@pytest.fixture
def card() -> Checkpoint:
    return Checkpoint(name="own", task_names=("answer_open", "count"), dialect=PHANTOM.dialect)


def reply(request: Request) -> str:
    words = spell(request.words)
    return "12" if "Count" in words else "many" if "计数" in words else "cells"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    Image.fromarray(np.full((40, 40), 90, np.uint8)).save(tmp_path / "film.png")
    return tmp_path / "film.png"


def sample(film: Path, gold: str = "10", **more: Any) -> Sample[Any, Any]:
    name = f"{gold}-{more.get('language', 'en')}"
    query = Ask(QUESTION, **more)
    return Sample(id=name, query=query, gold=Answer(text=gold), source=Files((film,)), group="a")


def test_the_page_is_short() -> None:
    (code, line) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    body = [text for text in code.splitlines() if text.strip() and "import" not in text]
    assert len(body) <= 40 and line.count("\n") == 1


def test_it_is_predicted_taught_and_refused(card: Checkpoint, film: Path) -> None:
    model = UMIT(ScriptedBackend(reply), card)
    found = list(model.predict([(film, Ask(QUESTION)), (film, Ask("What?"))]))
    assert [one.text for one in found] == ["12", "cells"]  # type: ignore[union-attr]
    with pytest.raises(ParseError, match="whole number"):
        model.answer(film, QUESTION, language="zh")
    (turn,) = turns_of(sample(film), card.tasks)
    assert (turn.answer, turn.request.words[0]) == ("10", f"Count and answer with a number: {QUESTION}")  # fmt: skip
    with pytest.raises(UnsupportedTaskError, match="not count"):
        UMIT(ScriptedBackend(reply), PHANTOM).answer(film, QUESTION)


def test_a_card_names_it(card: Checkpoint, tmp_path: Path) -> None:
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card and "count" in card.tasks


def test_it_is_scored_shown_and_told(
    card: Checkpoint, film: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    model, run = UMIT(ScriptedBackend(reply), card), tmp_path / "run"
    samples = [sample(film), sample(film, "12"), sample(film, "12", language="zh")]
    found = evaluate(model, samples, run)
    assert found["count error"] == 1.0 and found.rows[0].unreadable == 1
    write_page(run, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "counting" in page and "计数" in page and "数目相同" in page
    assert page.count('data-verdict="right"') == page.count('data-verdict="unreadable"') == 1
    assert main(["score", str(run)]) == 0
    assert re.search(r"count +umit +count error +1\.000", capsys.readouterr().out)
    monkeypatch.setattr(UMIT, "from_pretrained", lambda *args, **more: model)
    assert main(["answer", str(film), "--question", QUESTION]) == 0
    assert capsys.readouterr().out.startswith(f"{film}: 12\n")
