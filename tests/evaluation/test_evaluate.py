"""Evaluation asks through the users' path, keeps every answer, goes on where it stopped, and scores."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from umit.chat import Request
from umit.checkpoints import PHANTOM, RELEASED
from umit.cli import main
from umit.datasets import load
from umit.datasets.ask import asked
from umit.errors import BackendError, InputError
from umit.evaluation.evaluate import evaluate
from umit.evaluation.journal import LINES, records
from umit.evaluation.score import score
from umit.model import UMIT
from umit.testing import ScriptedBackend

from ..datasets.layouts import layout

CARD = RELEASED["dz-osamu/UMIT-B"]


@pytest.fixture
def samples(tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "in").mkdir()
    layout("slake").write(tmp_path / "in")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield load("slake", tmp_path / "in")


def _oracle(samples: Any) -> ScriptedBackend:
    answers = {
        "".join(map(str, request.words)): answer for sample in samples for request, answer in asked(sample, CARD.tasks)
    }
    return ScriptedBackend(lambda request: answers["".join(map(str, request.words))])


def test_an_oracle_is_right_everywhere(samples: Any, tmp_path: Path) -> None:
    found = evaluate(UMIT(_oracle(samples), CARD), samples, tmp_path / "run")
    assert found["accuracy"] == found["exact match"] == 1.0 and found.failed == 0
    rows = [row for row in found.rows if row.metric == "accuracy"]
    assert {row.language for row in rows} == {"", "en", "zh"}
    assert all(row.low <= row.value <= row.high for row in rows if row.groups > 1)


def test_it_goes_on_where_it_stopped(samples: Any, tmp_path: Path) -> None:
    """An engine that dies half way loses nothing; the second call asks the rest only."""
    whole, asked_so_far = len(list(samples)), []
    good = _oracle(samples)

    class Dying:
        def generate(self, requests: Any) -> Iterator[Any]:
            for number, completion in enumerate(good.generate(requests)):
                if number == 3:
                    raise KeyboardInterrupt
                asked_so_far.append(number)
                yield completion

    with pytest.raises(KeyboardInterrupt):
        evaluate(UMIT(Dying(), CARD), samples, tmp_path / "run")
    done = [record["id"] for record in records(tmp_path / "run")]
    assert len(done) >= 2
    again = _oracle(samples)
    found = evaluate(UMIT(again, CARD), samples, tmp_path / "run")
    assert len(again.requests) == whole - len(done)
    ids = [record["id"] for record in records(tmp_path / "run")]
    assert len(ids) == len(set(ids)) == whole and found.failed == 0


def test_failures_are_asked_again_and_unreadable_answers_are_not(samples: Any, tmp_path: Path) -> None:
    def broken(request: Request) -> str:
        raise BackendError("no engine", engine="none")

    found = evaluate(UMIT(ScriptedBackend(broken), CARD), samples, tmp_path / "run")
    assert found.failed == len(list(samples)) and not found.rows
    vague = ScriptedBackend(lambda request: "[[?]]")
    found = evaluate(UMIT(vague, CARD), samples, tmp_path / "run")
    assert found.failed == 0 and found["accuracy"] == 0.0
    assert max(row.unreadable for row in found.rows) == sum(bool(s.query.options) for s in samples)
    silent = ScriptedBackend([])
    evaluate(UMIT(silent, CARD), samples, tmp_path / "run")
    assert not silent.requests


def test_shards_together_are_the_whole(samples: Any, tmp_path: Path) -> None:
    alone = evaluate(UMIT(_oracle(samples), CARD), samples, tmp_path / "one")
    for number in (1, 2, 3):
        evaluate(UMIT(_oracle(samples), CARD), samples, tmp_path / "many", shard=(number, 3))
    together = score(tmp_path / "many")
    assert {(r.metric, r.protocol, r.language, r.n) for r in together.rows} == {
        (r.metric, r.protocol, r.language, r.n) for r in alone.rows
    }
    with pytest.raises(InputError, match="shard"):
        evaluate(UMIT(_oracle(samples), CARD), samples, tmp_path / "many", shard=(4, 3))


@pytest.mark.parametrize("changed", ["card", "weights", "limit"])
def test_another_run_is_refused(samples: Any, tmp_path: Path, changed: str) -> None:
    evaluate(UMIT(_oracle(samples), CARD, fingerprint="a"), samples, tmp_path / "run", limit=2)
    card = replace(PHANTOM, name=CARD.name) if changed == "card" else CARD
    model = UMIT(_oracle(samples), card, fingerprint="b" if changed == "weights" else "a")
    with pytest.raises(InputError, match=f"same {changed}"):
        evaluate(model, samples, tmp_path / "run", limit=3 if changed == "limit" else 2)


def test_a_line_holds_what_scoring_needs(samples: Any, tmp_path: Path) -> None:
    evaluate(UMIT(_oracle(samples), CARD), samples, tmp_path / "run", limit=1)
    (line,) = (tmp_path / "run" / LINES).read_text("utf-8").splitlines()
    record = json.loads(line)
    assert {"id", "ok", "task", "group", "facts", "query", "gold", "raw", "found"} <= set(record)
    assert str(tmp_path) not in line, "no path of this machine"


def test_an_unreadable_picture_is_a_failure(samples: Any, tmp_path: Path) -> None:
    (tmp_path / "in" / "imgs" / "xmlab1" / "source.jpg").unlink()
    few = [next(s for s in samples if s.group == group) for group in ("xmlab1", "xmlab2")]
    found = evaluate(UMIT(_oracle(few[1:]), CARD), few, tmp_path / "run")
    assert found.failed == 1
    (error,) = [r["error"] for r in records(tmp_path / "run") if not r["ok"]]
    assert error["type"] == "InputError"


def test_two_samples_of_one_id_stop(samples: Any, tmp_path: Path) -> None:
    """The second would never be asked, and no number would say so."""
    few = list(samples)[:3]
    twice = [*few, replace(few[0], place="rows.json row 9")]
    for shard in ((1, 1), (2, 2)):
        with pytest.raises(InputError, match=r"rows\.json row 9: .* twice") as error:
            evaluate(UMIT(_oracle(few), CARD), twice, tmp_path / "run", shard=shard)
        assert error.value.code == "repeated"
    found = evaluate(UMIT(_oracle(few), CARD), few, tmp_path / "run")
    assert len(list(records(tmp_path / "run"))) == 3 and found.failed == 0


def test_scores_by_facts(samples: Any, tmp_path: Path) -> None:
    evaluate(UMIT(_oracle(samples), CARD), samples, tmp_path / "run")
    found = score(tmp_path / "run", by=["modality"])
    assert {row.part for row in found.rows} == {"", "modality=CT"}


def test_the_score_command(samples: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(UMIT(_oracle(samples), CARD), samples, tmp_path / "run")
    assert main(["score", str(tmp_path / "run"), "--by", "modality"]) == 0
    shown = capsys.readouterr().out
    assert "LLaVA-Med" in shown and "strict accuracy" in shown and "not a medical device" in shown
    assert main(["score", str(tmp_path / "run"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["manifest"]["dataset"] == "slake" and data["rows"]
    assert main(["score", str(tmp_path)]) == 2, "the folder above is no run"
    assert main(["score", str(tmp_path / "in")]) == 2


def test_a_stopped_run_says_so_on_every_table(samples: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    evaluate(UMIT(_oracle(samples), CARD), samples, run)
    lines = (run / "results.jsonl").read_bytes().splitlines(keepends=True)
    (run / "results.jsonl").write_bytes(b"".join(lines[:-2]))
    told = f"2 of {len(lines)} items have not been asked"
    for more in ([], ["--markdown"], ["--json"], ["--page", str(tmp_path / "page.html")]):
        assert main(["score", str(run), *more]) == 3
        assert told in capsys.readouterr().out
    assert told in (tmp_path / "page.html").read_text("utf-8")
    assert main(["score", str(run), "--by", "moon phase"]) == 2
    assert "expected facts of" in capsys.readouterr().err
    torn = [json.loads(line) for line in lines]
    for broken in ("task", "ok"):
        rows = [{k: v for k, v in row.items() if k != broken} for row in torn]
        (run / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert main(["score", str(run)]) == 2
        assert broken in capsys.readouterr().err
