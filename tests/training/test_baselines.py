"""Answers that cost nothing, which a model must beat."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.training.films import write_films

from umit.datasets import Sample, load
from umit.datasets.pictures import Files
from umit.geometry import Point2D
from umit.queries import Ask, Choose, Locate
from umit.results import Answer, Classification, Landmark, Landmarks
from umit.tasks.table import TASKS
from umit.training.baselines import by_pixels, commonest
from umit.training.parts import Part, divide

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")


def _asked(question: str, answer: str, options: tuple[str, ...] = ()) -> Sample[Ask, Answer]:
    option = options.index(answer) if options else None
    gold = Answer(text=answer, option=option)
    return Sample(id="", query=Ask(question, options), gold=gold, source=Files(()), group="")


def test_the_commonest_answer_is_each_questions_own() -> None:
    taught = [
        *(_asked("Is it?", "no", ("yes", "no")) for _ in range(3)),
        _asked("Is it?", "yes", ("yes", "no")),
        *(_asked("Was it?", "yes", ("yes", "no")) for _ in range(4)),
    ]
    asked = [
        _asked("Is it?", "no", ("no", "yes")),  # the other way round
        _asked("Was it?", "no", ("yes", "no")),
        _asked("Will it?", "no", ("yes", "no")),  # never taught: the commonest of all
    ]
    found = commonest(taught, asked)
    assert found is not None
    assert [(p.found.text, p.found.option) for p in found if p.found] == [("no", 0), ("yes", 0), ("yes", 0)]


def test_where_nothing_comes_twice_there_is_none() -> None:
    assert commonest([_asked("Where?", "left"), _asked("Where?", "right")], []) is None
    points = Landmarks(items=(Landmark(name="Sella", point=Point2D(1, 2)),))
    one = Sample(id="", query=Locate("Sella"), gold=points, source=Files(()), group="")
    assert commonest([one, one], [one]) is None


def test_pixels_tell_dark_from_light(tmp_path: Path) -> None:
    taught, asked = divide(Part.of(load(write_films(tmp_path / "films"))), 0.25)
    found = by_pixels(taught, asked)
    assert [*found] == ["nearest pictures (28 × 28)", "logistic regression (28 × 28)"]
    turned = by_pixels(taught, [replace(s, query=Choose(s.query.labels[::-1])) for s in asked])
    for who, pairs in found.items():
        numbers = {metric.name: metric(pairs) for metric in TASKS["classify"].metrics}
        assert numbers["accuracy"] == numbers["AUC"] == 1.0
        for one, other in zip(pairs, turned[who], strict=True):
            assert isinstance(one.found, Classification) and isinstance(other.found, Classification)
            assert one.found.label == other.found.label
            assert one.found.probabilities == (other.found.probabilities or ())[::-1]


def test_one_question_about_all_films_is_a_choice(tmp_path: Path) -> None:
    taught, asked = (
        [
            replace(s, query=Ask("Is it dark?", options), gold=Answer(text=said, option=options.index(said)))
            for s in part
            for options, said in [(("yes", "no"), "yes" if s.gold.label == "dark" else "no")]
        ]
        for part in divide(Part.of(load(write_films(tmp_path / "films"))), 0.25)
    )  # fmt: skip
    for pairs in by_pixels(taught, asked).values():
        assert [pair.found.option for pair in pairs if pair.found] == [pair.gold.option for pair in pairs]
    other = [*asked[1:], replace(asked[0], query=Ask("Is it light?", ("yes", "no")))]
    assert by_pixels(taught, other) == {}


def test_what_no_pixels_can_say(tmp_path: Path) -> None:
    films = Part.of(load(write_films(tmp_path / "films")))
    assert by_pixels([_asked("Where?", "left")], [_asked("Where?", "left")]) == {}
    assert by_pixels([s for s in films if s.gold.label == "dark"], films) == {}, "one class is taught"
    assert by_pixels([], films) == {}
    three = [replace(s, query=Choose(("grey", *s.query.labels))) for s in films]
    for pairs in by_pixels(films, three).values():
        assert all(pair.found.probabilities[0] == 0 for pair in pairs if pair.found)
