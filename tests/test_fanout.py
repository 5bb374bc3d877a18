"""One query to its questions and back: what is taught apart joins to what is true."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from umit.errors import BackendError, InputError, OutputError, ParseError
from umit.fanout import Part, count, expand, join, joined, taught
from umit.geometry import Box2D, Point2D
from umit.queries import Ask, Choose, Compare, Describe, Find, Locate, Query
from umit.results import Answer, Classification, Detection, Detections, Findings, Landmark, Landmarks, Marked, Report
from umit.tasks.findings import marked


def box(label: str, x: float, view: int | None = None) -> Detection:
    return Detection(label=label, box=Box2D(x, 0, x + 1, 1), view=view)


MASS, CLIP = box("mass", 0), box("clip", 3)
POINTS = tuple(Landmark(name=name, point=Point2D(k, k)) for k, name in enumerate("ab"))
HOLDS = (Marked(label="a", present=True), Marked(label="b", present=False))
#: A query, how many views, how many questions with and without presence, and a true result.
CASES: list[Any] = [
    (Ask("What?"), 3, 1, 1, Answer(text="a film")),
    (Ask("Is it?", ("yes", "no")), 1, 1, 1, Answer(text="no", option=1)),
    (Describe(), 2, 1, 1, Report(text="Clear.")),
    (Compare(), 2, 1, 1, Report(text="Alike.")),
    (Choose(("a", "b")), 1, 1, 1, Classification(label="b")),
    (Choose(("a", "b"), several=True), 2, 2, 2, Findings(items=HOLDS)),
    (Find("mass"), 1, 1, 2, Detections(items=(MASS,))),
    (Find("mass"), 1, 1, 2, Detections()),
    (Find(("mass", "clip")), 1, 2, 4, Detections(items=(MASS, CLIP))),
    (Find("mass"), 2, 2, 3, Detections(items=(box("mass", 1, 0), box("mass", 2, 1)))),
    (Find(("mass", "clip")), 2, 4, 6, Detections(items=(box("mass", 1, 0), box("clip", 2, 1)))),
    (Locate("a"), 1, 1, 1, Landmarks(items=POINTS[:1])),
    (Locate(("a", "b")), 1, 2, 2, Landmarks(items=POINTS)),
]
EACH = pytest.mark.parametrize(("query", "views", "few", "many", "gold"), CASES, ids=lambda one: str(one)[:40])


@EACH
def test_as_many_questions_as_it_takes(query: Query, views: int, few: int, many: int, gold: Any) -> None:
    assert len(expand(query, views)) == few
    assert len(expand(query, views, scored=True)) == many
    assert count([([None] * views, query)], scored=True) == many


@EACH
def test_what_is_taught_apart_joins_to_the_truth(query: Query, views: int, few: int, many: int, gold: Any) -> None:
    """Law 1 for whole queries: an engine that writes what is taught gives the truth back."""
    for scored in (False, True):
        parts = expand(query, views, scored=scored)
        pairs = list(taught(query, gold, views, scored=scored))
        assert len(pairs) == len(parts)
        found = [share for _, share in pairs]
        if isinstance(query, Choose) and query.several:  # taught as the closed questions they are
            found = [marked(p.query.labels[0], a) for p, a in zip(parts, found, strict=True)]  # type: ignore[union-attr, arg-type]
        assert join(query, parts, found) == gold
        views_of = [part.of(tuple(range(views))) for part in parts]
        assert all(len(seen) in (1, views) for seen in views_of)


def test_presence_is_asked_of_each_target_over_all_views() -> None:
    parts = expand(Find(("mass", "clip"), language="zh"), 2, scored=True)
    assert [part.view for part in parts] == [0, 0, 1, 1, None, None]
    assert [part.query for part in parts[4:]] == [
        Ask(f"图像中有{name}吗？", ("是", "否"), language="zh") for name in ("mass", "clip")
    ]
    answers = [answer for _, answer in taught(Find(("mass", "clip")), Detections(items=(CLIP,)), scored=True)]  # fmt: skip
    assert [answer.option for answer in answers[2:]] == [1, 0]  # type: ignore[union-attr]


def test_a_failure_is_the_whole_and_an_unreadable_part_leaves_the_others() -> None:
    query = Find(("mass", "clip"))
    parts = expand(query, scored=True)
    unread, failed = ParseError("no box", task="detect_2d", text="?"), BackendError("down")
    yes = Answer(text="yes", option=0, probabilities=(0.9, 0.1))
    assert join(query, parts, [Detections(items=(MASS,)), unread, yes, failed]) is failed
    error = join(query, parts, [Detections(items=(MASS,)), unread, yes, yes])
    assert isinstance(error, OutputError) and "1 of 2" in error.message and error.text == "?"
    assert error.partial == Detections(items=(MASS,), presence=(("mass", 0.9), ("clip", 0.9)))
    alone = Find("mass")
    assert join(alone, expand(alone), [unread]) is unread


def test_results_stand_in_the_order_of_their_queries() -> None:
    plan = deque([(Locate(("a", "b")), expand(Locate(("a", "b")))), (Ask("?"), (Part(Ask("?")),))])
    stream = iter([Landmarks(items=POINTS[:1]), Landmarks(items=POINTS[1:]), Answer(text="x")])
    assert list(joined(stream, plan)) == [Landmarks(items=POINTS), Answer(text="x")]
    assert not plan


@pytest.mark.parametrize(
    ("query", "views", "code"),
    [
        ("Where?", 1, "query"),
        (None, 1, "query"),
        (Locate("a"), 2, "views"),
        (Compare(), 1, "views"),
        (Compare(), 3, "views"),
    ],
)
def test_what_cannot_be_asked(query: Any, views: int, code: str) -> None:
    with pytest.raises(InputError) as caught:
        expand(query, views)
    assert caught.value.code == code
    assert count([([None] * views, query)]) == 1, "it stands as one error"


def test_a_box_of_no_view_is_not_dropped_from_several() -> None:
    with pytest.raises(InputError, match="the view of each box of 'mass'"):
        list(taught(Find("mass"), Detections(items=(MASS,)), 2))
