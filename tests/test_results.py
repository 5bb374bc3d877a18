"""Results: plain values that survive JSON and pickle."""

from __future__ import annotations

import json
import pickle
from typing import Any, Final

import numpy as np
import pytest

from umit.cli.rows import ResultRow, as_json
from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Point2D, Space
from umit.results import (
    Answer,
    Classification,
    Detection,
    Detections,
    Findings,
    Landmark,
    Landmarks,
    Marked,
    Report,
    Result,
    from_dict,
    stamped,
)

FILM = Space(size=(200, 100), spacing=(0.1, 0.2))
CT = Space(
    size=(9, 8, 7),
    spacing=(1.0, 1.0, 5.0),
    affine=((1.0, 0.0, 0.0, -3.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 5.0, 2.5), (0.0, 0.0, 0.0, 1.0)),
)
SEEN = {"raw": "as written\n图", "checkpoint": "c", "warnings": ("one", "two")}
RESULTS = [
    Answer(text="no", option=1, probabilities=(0.25, 0.75), **SEEN),  # type: ignore[arg-type]
    Answer(text="free"),
    Report(text="Clear.", findings="Clear.", impression=None, raw="Clear."),
    Classification(label="spleen", probabilities=(0.5, 0.5), abstained=True),
    Detections(
        items=(
            Detection(label="nodule", box=Box2D(1, 2, 3.5, 4, space=FILM), view=1, score=-2.5),
            Detection(label="liver", box=Box3D(0, 1, 2, 3, 4, 5, space=CT)),
        ),
        presence=(("nodule", 0.9), ("liver", 0.1)),
    ),
    Detections(),
    Landmarks(items=(Landmark(name="Sella", point=Point2D(1.5, 2, space=FILM)),)),
    Landmarks(),
    Findings(
        items=(Marked(label="effusion", present=True, probability=0.75), Marked(label="mass", present=False)),
        **SEEN,  # type: ignore[arg-type]
    ),
    Findings(),
]


@pytest.mark.parametrize("result", RESULTS, ids=lambda r: type(r).__name__)
def test_json_and_back(result: Result) -> None:
    again = from_dict(json.loads(json.dumps(result.to_dict())))
    assert again == result
    for name in ("raw", "checkpoint", "warnings"):
        assert getattr(again, name) == getattr(result, name)
    assert again.to_dict() == result.to_dict()  # with the spaces, which are not compared
    assert hash(again) == hash(result)


@pytest.mark.parametrize("result", RESULTS, ids=lambda r: type(r).__name__)
def test_pickle_and_back(result: Result) -> None:
    assert pickle.loads(pickle.dumps(result)).to_dict() == result.to_dict()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"schema": 2, "type": "Report", "text": "x"},
        {"schema": 1, "type": "Space", "size": [1]},
        {"schema": 1, "type": "ParseError", "error": {"code": "ParseError", "message": "no"}},
        {"schema": 1, "type": ["Report"]},
        {"schema": 1, "type": "Report"},
        {"schema": 1, "type": "Report", "text": "x", "colour": "red"},
        {"schema": 1, "type": "Detections"},
        {"schema": 1, "type": "Detections", "items": [{"label": "x"}], "presence": None},
        {"schema": 1, "type": "Detections", "items": [], "presence": [1]},
        {"schema": 1, "type": "Findings", "items": None},
        {"schema": 1, "type": "Landmarks", "items": [{"name": "S", "point": {"type": "Box9"}}]},
        [],
        None,
    ],
)
def test_no_result_of_ours(data: Any) -> None:
    with pytest.raises(InputError) as caught:
        from_dict(data)
    assert caught.value.code == "schema"


@pytest.mark.parametrize("result", RESULTS, ids=lambda r: type(r).__name__)
def test_a_line_of_the_command_line_is_read(result: Result) -> None:
    row = ResultRow(file="f.png", task="report", name="x", kind="report_film", found=result, notice="n")
    assert from_dict(json.loads(as_json(row))).to_dict() == result.to_dict()


def test_provenance_is_not_compared() -> None:
    found = stamped(Report(text="x", warnings=("first",)), raw="x", checkpoint="c", warnings=("second",))
    assert found == Report(text="x")
    assert found.warnings == ("first", "second")


def test_nothing_found_is_falsy() -> None:
    assert not Detections()
    assert RESULTS[4]


def test_landmarks_by_name() -> None:
    points = RESULTS[6]
    assert isinstance(points, Landmarks)
    assert points["Sella"] == Point2D(1.5, 2)
    with pytest.raises(KeyError):
        points["Nasion"]


def test_findings_by_label() -> None:
    found = RESULTS[8]
    assert isinstance(found, Findings)
    assert (found["effusion"].present, found["mass"].probability) == (True, None)
    assert [item.label for item in found] == ["effusion", "mass"]
    with pytest.raises(KeyError):
        found["nodule"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Answer(text="a", probabilities=(float("nan"), 1.0)),
        lambda: Classification(label="a", probabilities=(float("inf"),)),
        lambda: Marked(label="a", present=True, probability=float("nan")),
        lambda: Detections(presence=(("a", float("nan")),)),
        lambda: Answer(text=5),  # type: ignore[arg-type]
        lambda: Landmark(name=None, point=Point2D(1, 1)),  # type: ignore[arg-type]
    ],
)
def test_what_json_cannot_hold_is_refused(make: Any) -> None:
    with pytest.raises(InputError):
        make()


_BOX: Final = Box2D(0, 0, 1, 1)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (Detection, {"label": "a", "box": (0, 0, 1, 1)}),
        (Detection, {"label": "a", "box": _BOX, "score": "0.5"}),
        (Detection, {"label": "a", "box": _BOX, "score": True}),
        (Detection, {"label": "a", "box": _BOX, "view": "0"}),
        (Detection, {"label": "a", "box": _BOX, "view": 0.5}),
        (Detections, {"items": Detection(label="a", box=_BOX)}),
        (Detections, {"items": (_BOX,)}),
        (Detections, {"items": None}),
        (Detections, {"items": (one for one in ())}),
        (Detections, {"presence": (("a",),)}),
        (Answer, {"text": "a", "option": "1"}),
        (Answer, {"text": "a", "option": True}),
        (Answer, {"text": "a", "probabilities": 0.5}),
        (Answer, {"text": "a", "probabilities": (0.5, "0.5")}),
        (Answer, {"text": "a", "calibrated": "no"}),
        (Answer, {"text": "a", "warnings": "clipped"}),
        (Report, {"text": "a", "impression": b"a"}),
        (Classification, {"label": "a", "probabilities": {"a": 1.0}}),
        (Findings, {"items": (("a", 0.5, False),)}),
        (Landmark, {"name": "a", "point": (1, 2)}),
    ],
)
def test_a_field_holds_what_it_says(kind: Any, given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"expected .*, got "):
        kind(**given)


def test_lists_and_arrays_become_tuples_of_plain_numbers() -> None:
    found = Answer(text="a", option=np.int64(0), probabilities=np.array([0.25, 0.75]))  # type: ignore[arg-type]
    assert found.probabilities == (0.25, 0.75) and type(found.option) is int
    assert from_dict(json.loads(json.dumps(found.to_dict()))) == found
    items = [Detection(label="a", box=Box2D(0, 0, 1, 1))]
    assert hash(Detections(items=items)) == hash(Detections(items=tuple(items)))  # type: ignore[arg-type]


def test_a_truth_of_another_kind_is_no_truth() -> None:
    with pytest.raises(InputError, match="expected Detections or None for truth, got Landmarks"):
        Detections().overlay("film.png", truth=Landmarks())  # type: ignore[arg-type]
