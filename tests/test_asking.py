"""How sure answers are: likelihoods, bounds, temperatures, presence, abstaining; and lengths."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import umit
from umit.chat import Completion, Request
from umit.checkpoints import PHANTOM, Checkpoint
from umit.checkpoints.confidence import Confidence
from umit.errors import BackendError, CheckpointError, InputError, TruncatedError
from umit.model import UMIT
from umit.queries import Ask
from umit.testing import ScriptedBackend

FILM = umit.load(np.zeros((400, 400), np.uint8), axes="yx")
CT = umit.Scan(np.zeros((4, 40, 40), np.uint8))
BOX = "<|box_start|>(10,10),(20,20)<|box_end|>"
SURE = Confidence(
    data="a test", temperatures=(("answer_closed", 2.0),), bounds=(("answer_open", -0.5), ("detect_2d", -0.5))
)


def scored(*logprobs: float, box: str = BOX) -> ScriptedBackend:
    def reply(request: Request) -> Completion:
        if not request.options:
            return Completion(text=box, logprob=-3.0, tokens=10)
        best = max(range(len(logprobs)), key=logprobs.__getitem__)
        text = str(request.options[best][0])
        return Completion(text=text, logprob=logprobs[best], option_logprobs=logprobs, tokens=4)

    return ScriptedBackend(reply)


def with_card(backend: ScriptedBackend, **changed: object) -> UMIT:
    return UMIT(backend, replace(PHANTOM, **changed))  # type: ignore[arg-type]


def test_every_answer_carries_its_likelihood() -> None:
    model = UMIT(ScriptedBackend(lambda request: Completion(text="The lung.", logprob=-2.0, tokens=4)), PHANTOM)
    assert model.answer(FILM, "Which organ?").mean_logprob == -0.5
    assert model.report(FILM).mean_logprob == -0.5
    silent = UMIT(ScriptedBackend(["The lung."]), PHANTOM)
    assert silent.answer(FILM, "Which organ?").mean_logprob is None


@pytest.mark.parametrize(("logprob", "said"), [(-2.0, False), (-2.1, True)])
def test_below_the_bound_an_answer_is_uncertain(logprob: float, said: bool) -> None:
    backend = ScriptedBackend(lambda request: Completion(text="The lung.", logprob=logprob, tokens=4))
    found = with_card(backend, confidence=SURE).answer(FILM, "Which organ?")
    assert any(note.startswith("uncertain: ") for note in found.warnings) == said


def test_a_temperature_makes_probabilities_calibrated() -> None:
    backend = scored(math.log(0.9), math.log(0.1))
    plain = with_card(backend, confidence=None).answer(FILM, "Q?", options=["a", "b"])
    fitted = with_card(backend, confidence=SURE).answer(FILM, "Q?", options=["a", "b"])
    assert plain.probabilities == pytest.approx((0.9, 0.1)) and not plain.calibrated
    assert fitted.probabilities == pytest.approx((0.75, 0.25)) and fitted.calibrated
    several = with_card(backend, confidence=SURE).classify(FILM, ["nodule"], several=True)
    assert several["nodule"].calibrated and several["nodule"].probability == pytest.approx(0.75)
    detected = with_card(backend, confidence=SURE).detect(FILM, "nodule")
    assert detected.calibrated and detected.presence == (("nodule", pytest.approx(0.75)),)
    label = with_card(backend, confidence=SURE).classify(FILM, ["a", "b"])
    assert not label.calibrated, "no temperature was fitted for classes"


def test_presence_is_none_where_it_was_not_taught() -> None:
    backend = scored(math.log(0.9), math.log(0.1))
    assert UMIT(backend, PHANTOM).detect(FILM, ["heart", "Nodule"]).presence == (("Nodule", pytest.approx(0.9)),)
    assert UMIT(backend, PHANTOM).detect(FILM, "heart").presence is None
    assert UMIT(backend, Checkpoint(name="other")).detect(FILM, "nodule").presence is None
    boxes = scored(math.log(0.9), math.log(0.1), box="[(1,1,1),(2,2,2)]")
    assert UMIT(boxes, PHANTOM).detect(CT, "liver").presence is None
    assert UMIT(boxes, PHANTOM).detect(CT, "lesion").presence is not None


@pytest.mark.parametrize(
    ("chance", "box", "said"),
    [(0.9, BOX, ""), (0.1, BOX, "boxes were found"), (0.9, "There is no nodule in this image.", "no box was found"),
     (0.1, "There is no nodule in this image.", "")],
)  # fmt: skip
def test_a_presence_that_contradicts_the_boxes_is_said(chance: float, box: str, said: str) -> None:
    found = UMIT(scored(math.log(chance), math.log(1 - chance), box=box), PHANTOM).detect(FILM, "nodule")
    told = [note for note in found.warnings if note.startswith("presence: ")]
    assert (said in told[0] and f"{chance:.2f}" in told[0]) if said else told == []


def test_boxes_and_points_carry_a_likelihood_for_ranking() -> None:
    point = UMIT(ScriptedBackend(lambda request: Completion(text="[3,4]", logprob=-1.5)), PHANTOM)
    assert point.landmarks(FILM, ["Sella"]).items[0].score == -1.5
    assert UMIT(scored(-1.0, -2.0), PHANTOM).detect(FILM, "heart").items[0].score == -3.0


def test_below_a_probability_an_answer_abstains() -> None:
    model = UMIT(scored(math.log(0.6), math.log(0.4)), PHANTOM)
    given = model.answer(FILM, "Q?", options=["a", "b"], abstain_below=0.6 - 1e-9)
    assert (given.text, given.option, given.abstained) == ("a", 0, False)
    none = model.answer(FILM, "Q?", options=["a", "b"], abstain_below=0.7)
    assert (none.text, none.option, none.abstained, none.raw) == ("", None, True, "1:a")
    assert none.probabilities == pytest.approx((0.6, 0.4))
    label = model.classify(FILM, ["a", "b"], abstain_below=0.7)
    assert (label.label, label.abstained) == ("", True)


def test_abstaining_needs_probabilities() -> None:
    model = UMIT(ScriptedBackend(lambda request: Completion(text="1:a")), PHANTOM)
    with pytest.raises(InputError, match="scored options"):
        model.answer(FILM, "Q?", options=["a", "b"], abstain_below=0.7)
    with pytest.raises(InputError, match="scored options"):
        model.answer(FILM, "Q?", abstain_below=0.7)
    with pytest.raises(InputError, match="without several"):
        model.classify(FILM, ["a"], several=True, abstain_below=0.7)  # type: ignore[call-overload]
    with pytest.raises(InputError, match="from 0 to 1"):
        model.answer(FILM, "Q?", options=["a", "b"], abstain_below=1.5)


def test_a_length_of_ones_own() -> None:
    asked = ScriptedBackend(lambda request: Completion(text="The", finish_reason="length"))
    model = UMIT(asked, PHANTOM)
    with pytest.raises(TruncatedError, match="within 7 tokens"):
        model.report(FILM, max_new_tokens=7)
    (cut,) = model.predict([(FILM, Ask("Q?"))], max_new_tokens=9)
    assert isinstance(cut, TruncatedError) and "within 9 tokens" in str(cut)
    assert [request.max_new_tokens for request in asked.requests] == [7, 9]
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(InputError, match="max_new_tokens"):
            model.report(FILM, max_new_tokens=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", [IndexError("index out of range in self"), ZeroDivisionError("a")])
def test_an_engine_of_anyone_may_fail(fault: Exception) -> None:
    def reply(request: Request) -> Completion:
        if "second" in str(request.words):
            raise fault
        return Completion(text="The lung.")

    items = [(FILM, Ask(word)) for word in ("first", "second", "third")]
    first, second, third = UMIT(ScriptedBackend(reply), PHANTOM).predict(items, progress=False)
    assert isinstance(second, BackendError) and "the engine failed" in str(second)
    assert not isinstance(first, Exception) and not isinstance(third, Exception)


@pytest.mark.parametrize(
    "wrong",
    [{"data": ""}, {"data": "a", "temperatures": (("classify", 0.0),)}, {"data": "a", "bounds": (("classify", 0.1),)},
     {"data": "a", "temperatures": (("classify", float("nan")),)}],
)  # fmt: skip
def test_a_confidence_that_means_nothing(wrong: dict[str, object]) -> None:
    with pytest.raises(CheckpointError, match="temperatures above 0"):
        Confidence(**wrong)  # type: ignore[arg-type]
