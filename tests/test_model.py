"""The facade: five verbs and predict, over a scripted backend."""

from __future__ import annotations

import math
import pickle
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import umit
from umit import asking as facade
from umit.chat import Completion, Request, spell
from umit.checkpoints import PHANTOM, RELEASED, Checkpoint, locate, places, write_card
from umit.errors import (
    BackendError,
    CheckpointError,
    CheckpointWarning,
    InputError,
    OutputError,
    ParseError,
    TruncatedError,
    UMITError,
    UnsupportedTaskError,
)
from umit.geometry import Box2D, Box3D, Point2D
from umit.imaging import prefetch
from umit.model import UMIT
from umit.queries import Ask, Choose, Compare, Describe, Find, Locate, Query
from umit.results import Answer, Classification, Detections, Findings, Landmarks, Marked, Report
from umit.testing import ScriptedBackend

FILM = umit.load(np.full((512, 256), 90, np.uint8), axes="yx", spacing=(0.2, 0.1))
OTHER = umit.load(np.full((100, 100), 30, np.uint8), axes="yx")
CT = umit.load(np.zeros((8, 64, 128), np.int16), axes="zyx", spacing=(5, 1, 1))
BOX = "<|box_start|>(200,400),(400,600)<|box_end|>"


def scored(*logprobs: float) -> Completion:
    return Completion(text="2:no", option_logprobs=logprobs)


def told(*replies: str) -> UMIT:
    return UMIT(ScriptedBackend(replies), PHANTOM)


def asked(one: UMIT) -> list[Request]:
    backend = one.backend
    assert isinstance(backend, ScriptedBackend)
    return backend.requests


# The verbs


def test_open_question() -> None:
    one = told("The lung.")
    found = one.answer(FILM, "Which organ?")
    assert found == Answer(text="The lung.")
    assert (found.raw, found.checkpoint) == ("The lung.", "umit-phantom")
    assert spell(asked(one)[0].words).endswith("Which organ?")
    assert asked(one)[0].frames[0].shape == (224, 224, 3)


def test_options_are_scored_and_probabilities_sum_to_one() -> None:
    one = UMIT(ScriptedBackend(lambda request: scored(math.log(0.2), math.log(0.6))), PHANTOM)
    found = one.answer(FILM, "Is it?", options=["yes", "no"])
    assert (found.text, found.option, found.calibrated) == ("no", 1, False)
    assert found.probabilities == pytest.approx((0.25, 0.75))


def test_generate_lets_the_model_write_freely() -> None:
    one = told("1：yes", "no", "0:b")
    assert one.answer(FILM, "Is it?", options=["yes", "no"], generate=True).option == 0
    assert one.classify(FILM, ["yes", "no"], generate=True).label == "no"
    with pytest.raises(ParseError, match="contradict"):
        one.classify(FILM, ["a", "b"], generate=True)
    assert [request.options for request in asked(one)] == [(), (), ()]


def test_classify_with_a_question_of_its_own() -> None:
    one = told("10:spleen")
    labels = [*"abcdefghij", "spleen"]
    assert one.classify(CT, labels, question="Which organ?").label == "spleen"
    assert len(asked(one)[0].frames) == 32
    assert "10:spleen" in spell(asked(one)[0].words)


def test_findings_ask_each_label_by_itself() -> None:
    def reply(request: Request) -> Completion:
        there = "effusion" in spell(request.words)
        return scored(math.log(0.9 if there else 0.2), math.log(0.1 if there else 0.8))

    one = UMIT(ScriptedBackend(lambda r: replace(reply(r), text=chosen(reply(r)))), PHANTOM)
    found = one.classify(FILM, ["mass", "effusion"], several=True)
    assert [(item.label, item.present) for item in found] == [("mass", False), ("effusion", True)]
    assert [item.probability for item in found] == pytest.approx([0.2, 0.9])
    assert (found.raw, found.checkpoint) == ("2:no\n1:yes", "umit-phantom")
    assert len(asked(one)) == 2
    assert asked(one)[0].frames is asked(one)[1].frames


def chosen(scored: Completion) -> str:
    """What an engine that scores writes: its best option."""
    yes, no = scored.option_logprobs or (0.0, 0.0)
    return "1:yes" if yes > no else "2:no"


def test_findings_without_scores_have_no_probability() -> None:
    one = told("no")
    found = one.classify(CT, ["lesion"], several=True, generate=True)
    assert found == Findings(items=(Marked(label="lesion", present=False),))
    assert asked(one)[0].options == ()
    assert len(asked(one)[0].frames) == 32


def test_findings_keep_what_could_be_read() -> None:
    with pytest.raises(ParseError, match="1 of 3") as caught:
        told("1:yes", "perhaps", "2:no").classify(FILM, ["a", "b", "c"], several=True)
    partial = caught.value.partial
    assert isinstance(partial, Findings)
    assert [(item.label, item.present) for item in partial] == [("a", True), ("c", False)]
    assert (caught.value.task, caught.value.text) == ("findings", "perhaps")


def test_report_of_two_views_shows_both() -> None:
    one = told("Clear lungs.")
    assert one.report([FILM, OTHER], language="zh").text == "Clear lungs."
    assert len(asked(one)[0].frames) == 2
    assert "胸部" in spell(asked(one)[0].words)


def test_report_of_a_volume_is_the_task_of_volumes() -> None:
    one = told("Normal.")
    assert "orientation: not recorded, shown as stored" in one.report(CT).warnings
    assert "series" in spell(asked(one)[0].words)


def test_detect_gives_boxes_of_the_file_and_presence() -> None:
    def reply(request: Request) -> str | Completion:
        return scored(math.log(0.9), math.log(0.1)) if request.options else BOX

    found = UMIT(ScriptedBackend(reply), PHANTOM).detect(FILM, "nodule")
    assert [item.box for item in found] == [Box2D(64, 256, 128, 384)]
    assert found.items[0].view is None
    assert found.items[0].box.to_mm()[0] == pytest.approx((6.4, 51.2))
    assert found.presence == (("nodule", pytest.approx(0.9)),)


def test_detect_in_a_volume() -> None:
    one = told("[(25,50,4),(49,99,7)]", "1:yes")
    found = one.detect(CT, "liver")
    assert [item.box for item in found] == [Box3D(16, 16, 1, 32, 32, 2)]
    assert found.presence is None  # the script gives no probabilities


def test_detect_several_targets_in_several_views() -> None:
    one = told(BOX, "There is no effusion in this image.", BOX, BOX, "1:yes", "1:yes")
    found = one.detect([FILM, OTHER], ["nodule", "effusion"])
    assert [(item.label, item.view) for item in found] == [("nodule", 0), ("nodule", 1), ("effusion", 1)]
    assert found.items[1].box == Box2D(25, 50, 50, 75)
    assert [len(request.frames) for request in asked(one)] == [1, 1, 1, 1, 2, 2]
    assert found.raw.count(BOX) == 3


def test_detect_without_closed_questions_asks_none() -> None:
    card = RELEASED["dz-osamu/Disease_Detection"]
    one = UMIT(ScriptedBackend(["There is no nodule in this image."]), card)
    found = one.detect(FILM, "nodule")
    assert not found
    assert found.presence is None


def test_detect_keeps_what_could_be_read() -> None:
    one = told("nonsense", BOX, "yes", "no")
    with pytest.raises(ParseError, match="1 of 2") as caught:
        one.detect(FILM, ["nodule", "mass"])
    assert isinstance(caught.value.partial, Detections)
    assert [item.label for item in caught.value.partial] == ["mass"]
    assert caught.value.text == "nonsense"


def test_unreadable_presence_spoils_no_boxes_and_is_said() -> None:
    found = told(BOX, "perhaps").detect(FILM, "nodule")
    assert len(found) == 1
    assert "presence of nodule: the answer could not be read" in found.warnings


@pytest.mark.parametrize("given", [("a", "b"), iter(("a", "b")), np.array(["a", "b"]), {"a": 1, "b": 2}])
def test_several_names_in_any_form(given: Any) -> None:
    found = told("[1,1]", "[2,2]").landmarks(FILM, given)
    assert [(item.name, type(item.name)) for item in found] == [("a", str), ("b", str)]


#: A query beside the verb of its kind, with what the engine is to reply.
SAME: list[Any] = [
    (Ask("What?"), lambda m: m.answer(FILM, "What?"), FILM),
    (Ask("Is it?", ("yes", "no")), lambda m: m.answer(FILM, "Is it?", options=["yes", "no"]), FILM),
    (Describe(language="zh"), lambda m: m.report([FILM, OTHER], language="zh"), [FILM, OTHER]),
    (Choose(("a", "b")), lambda m: m.classify(FILM, ["a", "b"]), FILM),
    (Choose(("a",), several=True), lambda m: m.classify(FILM, ["a"], several=True), FILM),
    (Choose(("a", "b"), several=True), lambda m: m.classify(CT, ["a", "b"], several=True), CT),
    (Find("mass"), lambda m: m.detect(FILM, "mass"), FILM),
    (Find(("mass", "clip")), lambda m: m.detect([FILM, OTHER], ["mass", "clip"]), [FILM, OTHER]),
    (Find("liver", language="zh"), lambda m: m.detect(CT, "liver", language="zh"), CT),
    (Locate("Sella"), lambda m: m.landmarks(FILM, ["Sella"]), FILM),
    (Locate(("Sella", "Gonion")), lambda m: m.landmarks(FILM, ["Sella", "Gonion"]), FILM),
]


@pytest.mark.parametrize(("query", "verb", "scan"), SAME, ids=[str(q) for q, *_ in SAME])
def test_a_verb_and_predict_of_the_same_query_are_equal(query: Any, verb: Any, scan: Any) -> None:
    def reply(request: Request) -> str | Completion:
        words = spell(request.words)
        if request.options:
            chances = [-1.0 - k for k in range(len(request.options))]
            text = spell(request.options[0])
            return Completion(text=text, option_logprobs=tuple(chances))
        if "<|object_ref_start|>" in words:
            return BOX
        if "边界框" in words or "bounding box" in words:
            return "[(25,50,4),(49,99,7)]"
        return "[3,4]" if "[x,y]" in words else "Words."

    told = (("detect_2d", "mass"), ("detect_2d", "clip"), ("detect_3d", "liver"))
    one = UMIT(ScriptedBackend(reply), replace(PHANTOM, presence=told))
    said = verb(one)
    (predicted,) = one.predict([(scan, query)])
    assert predicted == said
    assert (predicted.raw, predicted.warnings) == (said.raw, said.warnings)
    assert getattr(said, "presence", True), "a detection says how likely its target is"


def test_an_error_of_the_callers_own_comes_after_what_was_before_it() -> None:
    def items() -> Iterator[tuple[object, Query]]:
        yield from questions(3)
        raise BackendError("the caller's own", engine="elsewhere")

    found = UMIT(ScriptedBackend(lambda request: "x"), PHANTOM).predict(items())  # type: ignore[arg-type]
    assert [next(found).text for _ in range(3)] == ["x"] * 3  # type: ignore[union-attr]
    with pytest.raises(BackendError, match="the caller's own"):
        next(found)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("device-side assert"),
        ValueError("the prompt is too long"),
        ConnectionError("the server is gone"),
        TimeoutError("no answer"),
        MemoryError("of the host"),
        InputError("more pictures than the engine takes"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_engine_that_breaks_is_an_error_of_its_questions_alone(error: Exception) -> None:
    class Breaking:
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            for request in requests:
                if "1" in spell(request.words):
                    raise error
                yield Completion(text="x")

    first, broken, last = UMIT(Breaking(), PHANTOM).predict(questions(3))  # type: ignore[arg-type]
    assert isinstance(first, Answer) and isinstance(last, Answer)
    assert isinstance(broken, InputError if isinstance(error, InputError) else BackendError)
    assert str(error) in str(broken)


@pytest.mark.parametrize("taken", [list, iter], ids=["all requests at once", "one by one"])
def test_an_engine_that_says_more_than_it_was_asked_is_not_believed(taken: Callable[..., Iterable[Request]]) -> None:
    class Twice:
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            for count, _ in enumerate(taken(requests)):
                yield from (Completion(text=f"{count}"), Completion(text=f"{count} again"))

    with pytest.raises(BackendError, match="the engine gave more"):
        list(UMIT(Twice(), PHANTOM).predict(questions(3)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [None, "x", Completion(text=None), Completion(text=b"x"), Completion(text="x", logprob=math.nan)],  # type: ignore[arg-type]
)
def test_what_is_no_completion_is_an_error_of_its_question(said: Any) -> None:
    class Odd:
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            return (said for _ in requests)

    found = list(UMIT(Odd(), PHANTOM).predict(questions(2)))  # type: ignore[arg-type]
    assert [type(one) for one in found] == [BackendError, BackendError]


@pytest.mark.parametrize("reason", ["abort", "content_filter", "tool_calls", "", "other"])
def test_an_answer_that_the_engine_did_not_end_is_none(reason: str) -> None:
    cut = Completion(text="The lung.", finish_reason=reason)
    with pytest.raises(BackendError, match="ends by itself"):
        UMIT(ScriptedBackend(lambda request: cut), PHANTOM).answer(FILM, "Which?")


@pytest.mark.parametrize(
    "scores",
    [(math.nan, -1.0), (-math.inf, -1.0), (math.inf, -1.0), (), (-1.0,), (-1.0, -2.0, -3.0), (-1.0, None), "ab", 5],
    ids=["nan", "minus infinity", "infinity", "none", "too few", "too many", "one none", "text", "one number"],
)
def test_scores_that_do_not_tell_options_apart_are_no_probabilities(scores: Any) -> None:
    said = Completion(text="1:yes", option_logprobs=scores)
    with pytest.raises(BackendError, match="2 finite log-probabilities"):
        UMIT(ScriptedBackend(lambda request: said), PHANTOM).answer(FILM, "Is it?", options=["yes", "no"])


def test_landmarks_one_question_a_point() -> None:
    one = told("[300,400]", "[0,0]")
    found = one.landmarks(FILM, ["Sella", "My point"])
    assert found["Sella"] == Point2D(128, 256)
    assert [item.name for item in found] == ["Sella", "My point"]
    assert len(asked(one)) == 2


def test_nineteen_landmarks_unless_told_otherwise() -> None:
    assert len(told(*["[1,1]"] * 19).landmarks(FILM)) == 19


def test_landmarks_keep_what_could_be_read() -> None:
    with pytest.raises(ParseError, match="1 of 3") as caught:
        told("[1,1]", "[1]", "[2,2]").landmarks(FILM, ["a", "b", "c"])
    partial = pickle.loads(pickle.dumps(caught.value)).partial
    assert isinstance(partial, Landmarks)
    assert [item.name for item in partial] == ["a", "c"]


def test_text_cut_by_length() -> None:
    cut = Completion(text=BOX, finish_reason="length")
    with pytest.raises(TruncatedError, match="detect_2d"):
        UMIT(ScriptedBackend(lambda request: cut), PHANTOM).detect(FILM, "nodule")


def test_view_warnings_reach_the_result() -> None:
    scan = replace(FILM, warnings=("window: chosen",))
    assert "window: chosen" in told("x").answer(scan, "What?").warnings


# Bad input


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(lambda m: m.answer(FILM, " "), "empty", id="blank question"),
        pytest.param(lambda m: m.answer(FILM, "?", options=[]), "options", id="no options"),
        pytest.param(lambda m: m.answer(FILM, "?", options="ab"), "options", id="options as text"),
        pytest.param(lambda m: m.answer(FILM, "?", options=["a", "a"]), "repeated", id="twice"),
        pytest.param(lambda m: m.answer(FILM, "?", options=["a", "A "]), "repeated", id="same"),
        pytest.param(lambda m: m.answer(FILM, "?", language="de"), "language", id="language"),
        pytest.param(lambda m: m.answer([], "?"), "empty", id="no scan"),
        pytest.param(lambda m: m.answer("nowhere.png", "?"), "missing", id="no file"),
        pytest.param(lambda m: m.answer(np.zeros((4, 4)), "?"), "axes", id="bare array"),
        pytest.param(lambda m: m.answer(7, "?"), "type", id="a number"),
        pytest.param(lambda m: m.classify(FILM, ["a"]), "options", id="one label"),
        pytest.param(lambda m: m.classify(FILM, [], several=True), "options", id="no label"),
        pytest.param(lambda m: m.classify(7, ["a"], several=True), "type", id="findings of 7"),
        pytest.param(lambda m: m.detect(FILM, []), "options", id="no target"),
        pytest.param(lambda m: m.detect(FILM, 5), "options", id="target 5"),
        pytest.param(lambda m: m.detect(FILM, ["a", 5]), "empty", id="a target of 5"),
        pytest.param(lambda m: m.detect(FILM, None), "options", id="target None"),
        pytest.param(lambda m: m.landmarks(FILM, None), "options", id="names None"),
        pytest.param(lambda m: m.landmarks(None), "type", id="scan None"),
        pytest.param(lambda m: m.answer(FILM, 5), "empty", id="question 5"),
        pytest.param(lambda m: m.detect(FILM, "<|box_end|>"), "control_token", id="control"),
        pytest.param(lambda m: m.landmarks([FILM, FILM]), "views", id="two films"),
        pytest.param(lambda m: m.answer([FILM, CT], "?"), "film", id="film and volume"),
    ],
)
def test_bad_input_is_one_clear_error(call: object, code: str) -> None:
    with pytest.raises(InputError) as caught:
        call(told())  # type: ignore[operator]
    assert caught.value.code == code


def test_words_stay_words() -> None:
    one = told("x")
    one.answer(FILM, "<|im_end|><|image_pad|>")
    assert all(isinstance(word, str) for word in asked(one)[0].words)


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.landmarks(FILM),
        lambda m: m.answer(FILM, "?"),
        lambda m: m.report(CT),
        lambda m: m.classify(FILM, ["a", "b"], several=True),
    ],
)
def test_task_that_the_checkpoint_does_not_know(call: object) -> None:
    with pytest.raises(UnsupportedTaskError, match="UMIT-B"):
        call(UMIT(ScriptedBackend([]), RELEASED["dz-osamu/Classification"]))  # type: ignore[operator]


def test_landmarks_are_for_films() -> None:
    with pytest.raises(UnsupportedTaskError, match="takes films"):
        told().landmarks(CT)


# predict


def questions(count: int) -> list[tuple[object, Query]]:
    return [(FILM, Ask(f"Question {i}")) for i in range(count)]


def test_predict_keeps_order_and_yields_errors(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    items = [
        ("nowhere.png", Describe()),
        (FILM, Describe()),
        (tmp_path / "text.png", Describe()),
        (FILM, Locate("Sella")),
        (FILM, Find("nodule")),
        ([FILM, OTHER], Find("nodule")),
        (FILM, Compare()),
        ([FILM, OTHER], Compare()),
        (FILM, "What is it?"),
        (CT, Locate("Sella")),
    ]
    nothing = "There is no nodule in this image."
    one = told("Clear.", "[1", nothing, "no", BOX, nothing, "yes", "They differ.")
    found = list(one.predict(items))  # type: ignore[arg-type]
    kinds = [InputError, Report, InputError, ParseError, Detections, Detections, InputError]
    kinds += [Report, InputError, UnsupportedTaskError]
    assert all(isinstance(f, kind) for f, kind in zip(found, kinds, strict=True)), found
    assert "no picture" not in str(found[2])


def test_predict_puts_findings_together_in_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "film.png"
    Image.new("L", (50, 50)).save(path)
    read: list[object] = []

    def counted(source: Any) -> umit.Scan:
        read.append(source)
        return umit.load(source)

    monkeypatch.setattr(prefetch, "load", counted)
    three, two = Choose(("a", "b", "c"), several=True), Choose(("a", "b"), several=True)
    items = [
        (FILM, Ask("One?")),
        (path, three),
        ("nowhere.png", two),
        (FILM, Choose(("a", "b"))),
        (FILM, two),
        ([FILM, CT], two),
        (FILM, Ask("Two?")),
    ]
    one = told("first", "yes", "no", "yes", "0:a", "no", "maybe", "last")
    found = list(one.predict(items))  # type: ignore[arg-type]
    kinds = [Answer, Findings, InputError, Classification, ParseError, InputError, Answer]
    assert [type(f) for f in found] == kinds
    assert [item.present for item in found[1]] == [True, False, True]  # type: ignore[union-attr]
    assert found[6].text == "last"  # type: ignore[union-attr]
    assert read.count(path) == 1, "a file with many labels is read once"


def test_predict_of_nothing_and_of_errors_only() -> None:
    assert list(told().predict([])) == []
    found = list(told().predict([("nowhere.png", Describe())] * 600))
    assert len(found) == 600
    assert all(isinstance(error, InputError) for error in found)


def test_predict_is_lazy() -> None:
    pulled = 0

    def endless() -> Iterator[tuple[object, Query]]:
        nonlocal pulled
        for item in questions(10_000):
            pulled += 1
            yield item

    found = UMIT(ScriptedBackend(lambda request: "x"), PHANTOM).predict(endless())  # type: ignore[arg-type]
    assert pulled == 0
    next(found)
    next(found)
    assert pulled == 2


def test_errors_do_not_pile_up_before_the_first_answer() -> None:
    pulled = 0

    def endless() -> Iterator[tuple[object, Query]]:
        nonlocal pulled
        while True:
            pulled += 1
            yield "nowhere.png", Describe()

    next(told().predict(endless()))  # type: ignore[arg-type]
    assert pulled <= 256


class Failing:
    """Takes two requests, then fails; the third call and later ones work."""

    def __init__(self) -> None:
        self.calls = 0

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        self.calls += 1
        if self.calls < 3:
            next(iter(requests))
            next(iter(requests))
            raise BackendError("out of order", engine="test")
        for _ in requests:
            yield Completion(text="x")


def test_engine_that_fails_loses_what_it_took_and_no_more() -> None:
    found = list(UMIT(Failing(), PHANTOM).predict(questions(6)))  # type: ignore[arg-type]
    assert [isinstance(f, BackendError) for f in found] == [True] * 4 + [False] * 2


def test_engine_that_fails_among_findings_loses_these_and_no_more() -> None:
    five = Choose(tuple("abcde"), several=True)  # the engine fails after two and after four
    items: list[tuple[object, Query]] = [(FILM, five), *questions(2)]
    found = list(UMIT(Failing(), PHANTOM).predict(items))  # type: ignore[arg-type]
    assert [type(f) for f in found] == [BackendError, Answer, Answer]


@pytest.mark.parametrize("takes", [0, 1])
def test_engine_that_never_answers(takes: int) -> None:
    class Silent:
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            for _, _ in zip(range(takes), requests, strict=False):
                pass
            return iter(())

    found = list(UMIT(Silent(), PHANTOM).predict(questions(3)))  # type: ignore[arg-type]
    assert [type(f) for f in found] == [BackendError] * 3


def test_engine_that_refuses_before_it_looks() -> None:
    class Down:
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
            raise BackendError("no connection", engine="test", retryable=True)

    down = UMIT(Down(), PHANTOM)
    assert [str(f) for f in down.predict(questions(2))] == ["test: no connection"] * 2  # type: ignore[arg-type]
    with pytest.raises(BackendError, match="no connection"):
        down.report(FILM)


def test_each_scan_is_read_and_rendered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for module, name in ((prefetch, "load"), (facade, "render")):
        real = getattr(module, name)

        def counted(*given: object, name: str = name, real: object = real) -> object:
            calls.append(name)
            return real(*given)  # type: ignore[operator]

        monkeypatch.setattr(module, name, counted)
    path = tmp_path / "film.png"
    Image.new("L", (50, 50)).save(path)
    items = [(path, Ask("One?")), (str(path), Ask("Two?")), (path, Locate("Sella"))]
    one = told("a", "b", "[1,1]")
    assert not [f for f in one.predict(items) if isinstance(f, UMITError)]
    assert calls == ["load", "render", "render"]  # landmarks have a frame of their own
    assert asked(one)[0].frames is asked(one)[1].frames


def test_file_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "film.png"

    def written() -> Iterator[tuple[Path, Query]]:
        for width in (50, 60):
            Image.new("L", (width, 50)).save(path)
            yield path, Find("nodule")

    one = told(BOX, "yes", BOX, "yes")
    boxes = [f.items[0].box for f in one.predict(written())]  # type: ignore[union-attr]
    assert boxes[0] != boxes[1]


def test_progress_only_after_two_seconds(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told("[1,1]", "[1,1]").landmarks(FILM, ["a", "b"])
    assert capsys.readouterr().err == ""
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr("tqdm.std.time", lambda: next(clock))
    told("[1,1]", "[1,1]").landmarks(FILM, ["a", "b"])
    assert capsys.readouterr().err == "", "in a log each step would be a line"
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    told("[1,1]", "[1,1]").landmarks(FILM, ["a", "b"])
    assert "question" in capsys.readouterr().err


# Which weights, which card


def test_a_revision_of_a_folder_is_refused(tmp_path: Path) -> None:
    write_card(PHANTOM, tmp_path)
    with pytest.raises(InputError, match="revision for a name on the hub"):
        UMIT.from_pretrained(tmp_path, revision="main")


def test_embedded_weights_that_are_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("umit.embedded._PACKAGE", tmp_path)
    with pytest.raises(CheckpointError, match=r"recipes\.embedded"):
        UMIT.from_pretrained()


def test_embedded_weights_warn_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "phantom" / "weights"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    write_card(PHANTOM, folder)
    monkeypatch.setattr("umit.embedded._PACKAGE", tmp_path)
    places._say_phantom.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
                UMIT.from_pretrained()
    said = [w for w in caught if w.category is CheckpointWarning]
    assert len(said) == 1
    assert "phantoms only" in str(said[0].message)
    assert said[0].filename == __file__


def test_folder_without_a_card(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="dz-osamu/UMIT-B"):
        UMIT.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["somebody/something", "dz-osamu/umit-b", "no-such-folder"])
def test_name_without_a_card(name: str) -> None:
    with pytest.raises(CheckpointError, match="pass card="):
        UMIT.from_pretrained(name)


def test_cards_by_name_by_file_and_as_they_are(tmp_path: Path) -> None:
    own = Checkpoint(name="own", task_names=("classify",), languages=("en",))
    write_card(own, tmp_path)
    moved = (tmp_path / "umit.json").rename(tmp_path / "moved.json")
    for card in (own, moved, str(moved)):
        assert locate(tmp_path, card) == (tmp_path, own)
    assert locate(tmp_path, "umit-phantom")[1] is PHANTOM
    assert locate("a/b", "dz-osamu/VQA") == ("a/b", RELEASED["dz-osamu/VQA"])
    assert locate("dz-osamu/VQA") == ("dz-osamu/VQA", RELEASED["dz-osamu/VQA"])
    with pytest.raises(CheckpointError, match="expected card="):
        locate(tmp_path, "nonsense")


def test_errors_of_verbs_name_task_and_text() -> None:
    with pytest.raises(OutputError) as caught:
        told("maybe").answer(FILM, "Is it?", options=["yes", "no"])
    assert str(caught.value).startswith("answer_closed: expected one of the options")
    assert "'maybe'" in str(caught.value)


def test_an_error_in_a_completion_s_place_is_of_that_question_alone() -> None:
    class Half:
        def generate(self, requests: Iterable[Request]) -> Iterator[Completion | UMITError]:
            for number, _ in enumerate(requests):
                yield BackendError("no") if number == 1 else Completion(text=str(number))

    film = umit.load(np.zeros((64, 64), np.uint8), axes="yx")
    found = list(UMIT(Half(), PHANTOM).predict([(film, Ask("What?"))] * 3, progress=False))
    assert [str(one) if isinstance(one, UMITError) else one.text for one in found] == ["0", "no", "2"]  # type: ignore[union-attr]
