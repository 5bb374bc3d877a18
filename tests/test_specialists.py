"""Several checkpoints as one model: each verb and each query to its own, in order, loaded when first asked."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import umit
from umit import UMIT
from umit.checkpoints import KNOWN, RELEASED
from umit.errors import BackendError, CheckpointError, InputError, UMITError, UnsupportedTaskError
from umit.queries import Ask, Choose, Describe, Find, Locate
from umit.specialists import Specialists
from umit.testing import ScriptedBackend, tiny_checkpoint

FILM = umit.load(np.full((512, 256), 90, np.uint8), axes="yx")
BOX = "<|box_start|>(200,400),(400,600)<|box_end|>"
NAMED = {"answer": "dz-osamu/VQA", "detect": "dz-osamu/Disease_Detection", "landmarks": "dz-osamu/Landmark_Detection"}
REPLIES = {"answer": "The lung.", "detect": BOX, "landmarks": "[300,400]"}


@pytest.fixture
def loaded() -> list[str]:
    return []


@pytest.fixture
def team(loaded: list[str]) -> UMIT:
    def load(verb: str, place: str | Path) -> UMIT:
        loaded.append(str(place))
        return UMIT(ScriptedBackend(lambda request: REPLIES[verb]), RELEASED[str(place)])

    return behind_one(NAMED, load)


def behind_one(named: dict[str, str], load: Any) -> UMIT:
    several = Specialists(named, load=load)
    return UMIT(several, several.card)


def of(team: UMIT, verb: str) -> UMIT:
    assert isinstance(team.backend, Specialists)
    found: UMIT = team.backend.of(verb)
    return found


def test_each_verb_asks_its_own_loaded_when_first_asked(team: UMIT, loaded: list[str]) -> None:
    assert loaded == []
    assert team.answer(FILM, "Which organ?").checkpoint == "dz-osamu/VQA"
    assert loaded == ["dz-osamu/VQA"]
    assert team.detect(FILM, "nodule").checkpoint == "dz-osamu/Disease_Detection"
    assert team.landmarks(FILM, ["Sella"]).checkpoint == "dz-osamu/Landmark_Detection"
    assert team.answer(FILM, "And now?").text == "The lung." and len(loaded) == 3


def test_predict_sorts_queries_and_keeps_their_order(team: UMIT) -> None:
    asked = [Ask("Which organ?"), Find("nodule"), Locate("Sella"), Ask("Which side?"), Describe(), Find("mass")] * 30
    found = list(team.predict([(FILM, query) for query in asked]))
    assert [type(one).__name__ for one in found[:6]] == [
        "Answer", "Detections", "Landmarks", "Answer", "UnsupportedTaskError", "Detections",
    ]  # fmt: skip
    assert [type(one) for one in found] == [type(one) for one in found[:6]] * 30
    backend: Any = of(team, "answer").backend
    assert len(backend.requests) == 60


def test_what_no_checkpoint_was_named_for_is_refused(team: UMIT) -> None:
    with pytest.raises(UnsupportedTaskError, match="no checkpoint was named for report, but for answer, detect"):
        team.report(FILM)
    with pytest.raises(UnsupportedTaskError, match="classify"):
        team.classify(FILM, ["a", "b"])
    assert isinstance(next(team.predict([(FILM, Choose(("a", "b")))])), UnsupportedTaskError)


def test_what_ends_the_items_is_raised_after_all_before_it(team: UMIT) -> None:
    def items() -> Iterator[Any]:
        yield FILM, Ask("Which organ?")
        raise RuntimeError("the list broke off")

    found = team.predict(items())
    assert getattr(next(found), "text", "") == "The lung."
    with pytest.raises(RuntimeError, match="broke off"):
        next(found)


def test_one_that_does_not_load_is_an_error_of_its_items(loaded: list[str]) -> None:
    def load(verb: str, place: str | Path) -> UMIT:
        if verb == "detect":
            raise CheckpointError("expected weights, found none")
        return UMIT(ScriptedBackend(lambda request: "The lung."), RELEASED[str(place)])

    found = list(behind_one(NAMED, load).predict([(FILM, Find("nodule")), (FILM, Ask("Which organ?"))]))
    assert isinstance(found[0], CheckpointError) and not isinstance(found[1], UMITError)


def test_one_checkpoint_of_several_verbs_is_loaded_once(loaded: list[str]) -> None:
    def load(verb: str, place: str | Path) -> UMIT:
        loaded.append(verb)
        return UMIT(ScriptedBackend(lambda request: "Clear."), KNOWN["dz-osamu/UMIT-B"])

    team = behind_one({"answer": "dz-osamu/UMIT-B", "report": "dz-osamu/UMIT-B"}, load)
    assert team.answer(FILM, "?").text == team.report(FILM).text == "Clear."
    assert loaded == ["answer"] and of(team, "answer") is of(team, "report")


def test_several_have_no_card_of_their_own(team: UMIT) -> None:
    """Whoever goes by the card, as an evaluation does, is refused instead of scoring by a wrong one."""
    assert team.checkpoint.name.startswith("answer: dz-osamu/VQA, detect: dz-osamu/Disease_Detection")
    with pytest.raises(UnsupportedTaskError):
        team.checkpoint.task("answer_open")
    assert of(team, "detect").checkpoint.name == "dz-osamu/Disease_Detection"
    with pytest.raises(BackendError, match="expected queries"):
        list(team.backend.generate([]))


@pytest.mark.parametrize("named", [{}, {"segment": "dz-osamu/VQA"}])
def test_unknown_verbs_are_refused(named: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected checkpoints for answer, report"):
        UMIT.from_pretrained(named)


@pytest.mark.parametrize("named", [None, 3, object()])
def test_what_is_no_model_is_refused_before_it_is_asked(named: Any) -> None:
    with pytest.raises(InputError, match="detect: expected a name, a folder or a model, got"):
        UMIT.from_pretrained({"answer": "dz-osamu/VQA", "detect": named})


def test_what_is_not_loaded_yet_can_be_pickled(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    team = UMIT.from_pretrained({"classify": folder}, device="cpu")
    there: UMIT = pickle.loads(pickle.dumps(team))
    assert there.classify(FILM, ["a", "b"]).probabilities == team.classify(FILM, ["a", "b"]).probabilities


def test_from_pretrained_takes_names_by_verb(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny")
    plain = tiny_checkpoint(tmp_path / "plain", card=None, family="qwen2_5_vl", processor=True)
    known: UMIT = UMIT(ScriptedBackend(lambda request: BOX), KNOWN["dz-osamu/Disease_Detection"])
    team = UMIT.from_pretrained(
        {"classify": folder, "report": plain, "detect": known}, card={"report": "generic:qwen2_5_vl"}, device="cpu"
    )
    assert team.classify(FILM, ["a", "b"]).label in ("a", "b")
    assert len(team.detect(FILM, "nodule")) == 1
    assert of(team, "report").checkpoint.name == "generic:qwen2_5_vl"
    for checkpoint, card in (({"classify": folder}, "dz-osamu/VQA"), (folder, {"classify": "dz-osamu/VQA"})):
        with pytest.raises(InputError, match="card"):
            UMIT.from_pretrained(checkpoint, card=card)  # type: ignore[arg-type]
