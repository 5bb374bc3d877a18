"""The board: a perfect script gets the best number on every line, the controls are what they are called."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from umit.chat import Completion, Request
from umit.checkpoints import PHANTOM
from umit.datasets.ask import asked
from umit.errors import BackendError, InputError
from umit.evaluation.score import score
from umit.metrics.metric import Pair
from umit.model import UMIT
from umit.phantom import words
from umit.phantom.samples import Phantoms
from umit.queries import Describe
from umit.results import Report
from umit.testing import ScriptedBackend

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import board as module
import phantom as plain_board
import quality
from board import LINES, METRICS_OF, board

pytestmark = pytest.mark.slow  # draws whole cases

#: 3 is the fewest that have every target of a film that the assertions name.
SOME = Phantoms(count=3)


def _model(reply: Callable[[Request], str | Completion]) -> UMIT:
    return UMIT(ScriptedBackend(reply), PHANTOM)


@pytest.fixture(scope="module")
def truth() -> dict[Any, str]:
    return {
        module._content(request): text for sample in SOME for request, text in asked(sample, PHANTOM.tasks, scored=True)
    }


@pytest.fixture(scope="module")
def perfect(truth: dict[Any, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The board of a script that knows the truth of the phantoms' own pictures, and else says nonsense."""
    folder = tmp_path_factory.mktemp("perfect")
    model = _model(lambda request: truth.get(module._content(request), "[[?]]"))
    return board(model, folder, SOME, controls=3)


def test_the_truth_gets_the_best_of_every_line(perfect: dict[str, Any]) -> None:
    assert list(perfect["tasks"]) == list(LINES)
    for line, languages in perfect["tasks"].items():
        for numbers in languages.values():
            assert numbers["unreadable"]["value"] == 0.0
            if line.startswith("detect"):
                assert numbers["mean_iou"]["value"] > 0.7 and numbers["iou_over_50"]["value"] == 1.0
                assert numbers["answered_with_boxes"]["value"] == 1.0
                assert numbers.get("false_boxes", {"value": 0.0})["value"] == 0.0
            elif line == "landmarks":
                assert numbers["error_percent_of_height"]["value"] < 0.2
            else:
                assert numbers.get("accuracy", numbers.get("exact"))["value"] == 1.0


def test_controls_are_what_they_are_called(perfect: dict[str, Any]) -> None:
    against = perfect["controls"]
    for line, named in against.items():
        assert list(named) == ["majority", "blank_picture", "other_picture", "frame_floor"]
        placed = line.startswith("detect") or line == "landmarks"
        assert bool(named["majority"]) != placed and bool(named["frame_floor"]) == placed
        assert named["blank_picture"]["unreadable"]["value"] == 1.0
    own = perfect["tasks"]
    for line in ("detect_2d", "detect_3d"):  # the floor is what the truth got
        assert against[line]["frame_floor"]["mean_iou"] == own[line]["en"]["mean_iou"]
        assert against[line]["other_picture"]["mean_iou"]["value"] < 0.2
    assert 1 / 3 <= against["report"]["majority"]["exact"]["value"] <= 1.0


def test_targets_are_those_that_are_there(perfect: dict[str, Any]) -> None:
    for line in ("detect_2d", "detect_3d"):
        found = perfect["targets"][line]
        asked_for = [s.facts[0][1] for s in SOME if s.facts and s.task == line]
        assert {name: row["mean_iou"]["n"] for name, row in found.items()} == {
            name: asked_for.count(name) for name in asked_for
        }
        assert all(row["answered_with_boxes"]["value"] == 1.0 for row in found.values())


def test_nonsense_is_counted_and_costs(tmp_path: Path) -> None:
    found = board(_model(lambda request: "[[?]]"), tmp_path, Phantoms(count=2), controls=1)
    landmarks = found["tasks"]["landmarks"]["zh"]
    assert landmarks["error_percent_of_height"]["value"] == 50.0
    assert landmarks["unreadable"]["value"] == 1.0
    assert found["tasks"]["report"]["en"]["exact"]["value"] == 0.0
    assert found["tasks"]["report"]["en"]["unreadable"]["value"] == 1.0
    assert found["tasks"]["detect_2d"]["en"]["mean_iou"]["value"] == 0.0


REPORTS = [  # text, exact, unreadable
    ("The heart is enlarged. There is nodule in the right upper zone.", 1.0, 0.0),
    ("There is nodule in the right lower zone. The heart is enlarged.", 1.0, 0.0),  # zones are free
    ("The heart is enlarged. There is nodule in the left upper zone.", 0.0, 0.0),  # other side
    ("The heart is enlarged.", 0.0, 0.0),  # one left out
    ("The heart is huge. There is nodule in the right upper zone.", 0.0, 1.0),  # untaught sentence
    ("The heart is enlarged. There is", 0.0, 1.0),  # torn
]


@pytest.mark.parametrize(("text", "exact", "unreadable"), REPORTS)
def test_reports_state_every_finding_with_its_side(text: str, exact: float, unreadable: float) -> None:
    pair = Pair(Describe(), Report(text=REPORTS[0][0]), Report(text=text), text)
    assert [metric([pair]) for metric in METRICS_OF["report_film"]] == [exact, unreadable]


def test_the_journals_are_kept_and_give_every_protocol(truth: dict[Any, str], tmp_path: Path) -> None:
    few = Phantoms(count=1)
    model = _model(lambda request: truth.get(module._content(request), "[[?]]"))
    first = board(model, tmp_path, few, controls=1)
    silent = ScriptedBackend([])
    assert board(UMIT(silent, PHANTOM), tmp_path, few, controls=1) == first
    assert not silent.requests
    assert {"LLaVA-Med", "umit"} <= {row.protocol for row in score(tmp_path / "model").rows}
    with pytest.raises(InputError, match="same count"):
        board(model, tmp_path, SOME, controls=1)


def test_an_engine_that_fails_makes_no_board(tmp_path: Path) -> None:
    def broken(request: Request) -> str:
        raise BackendError("no engine", engine="none")

    with pytest.raises(BackendError, match="have none"):
        board(_model(broken), tmp_path, Phantoms(count=1), controls=1)


def test_the_tables_show_the_board(perfect: dict[str, Any]) -> None:
    record = {**perfect, "phantoms": {"first_seed": SOME.first, "n": 3, "controls": 3}}
    lines = quality.table(record).splitlines()
    assert len(lines) == 2 + sum(len(perfect["tasks"][line]["en"]) for line in LINES)
    assert len({line.count("|") for line in lines}) == 1
    assert "| answer | accuracy | 1 (1 to 1) | 1 (1 to 1) |" in "\n".join(lines)
    assert quality.targets(record).count("\n") == 1 + sum(map(len, perfect["targets"].values()))
    assert "3 held-out phantoms" in quality.note(record)


def test_the_plain_numbers_are_those_of_the_board() -> None:
    results = quality.RESULTS.parent
    record = json.loads((results / "quality.json").read_text("utf-8"))
    kept = json.loads((results / "phantom.json").read_text("utf-8"))
    assert plain_board.plain(record) == kept["tasks"]
    for languages in kept["tasks"].values():
        assert set(languages) == {"en", "zh"}
        for metrics in languages.values():
            assert metrics["n"] == record["phantoms"]["n"] and "unreadable" in metrics
            assert all(isinstance(value, float | int) for value in metrics.values())


LUNGS = [("nodule", "right", "upper"), ("effusion", "left", "lower"), ("enlarged heart", None, None)]
OTHERS = ("", "The heart is fine.", "There is nodule in the middle.", "There is tumour in the left upper zone.")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_is_read_back(language: Any) -> None:
    text = words.film_report(LUNGS, language)
    assert module._stated(text, language) == {("nodule", "right"), ("effusion", "left"), ("enlarged heart", "")}
    assert module._stated(words.film_report([], language), language) == frozenset()


@pytest.mark.parametrize("text", OTHERS)
def test_sentences_that_were_not_taught_state_nothing(text: str) -> None:
    assert module._stated(text, "en") is None
