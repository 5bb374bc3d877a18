"""Classes: numbered from 0, two digits included."""

from __future__ import annotations

import pytest

from umit.chat import Completion, spell
from umit.errors import ParseError
from umit.geometry import Space
from umit.imaging.frame import ViewGeometry
from umit.imaging.view import View
from umit.queries import Choose
from umit.results import Classification
from umit.tasks.classify import classify
from umit.tasks.dialect import UMIT

VIEW = View.of(ViewGeometry(source=Space(size=(10, 10)), frame=(10, 10)))
TASK = classify(UMIT, "")
#: MedMNIST's eleven organs.
ORGANS = Choose(
    (
        *("bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right"),
        *("liver", "lung-left", "lung-right", "pancreas", "spleen"),
    )
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("10:spleen", "spleen", id="two-digit number"),
        pytest.param("1:femur-left", "femur-left", id="its first digit"),
        pytest.param("0:bladder", "bladder", id="number nought"),
        pytest.param("10", "spleen", id="number alone"),
        pytest.param("Kidney-Left.", "kidney-left", id="words, upper case"),
        pytest.param("１０：spleen", "spleen", id="full-width number"),
        pytest.param("11:spleen", None, id="counted from 1"),
        pytest.param("1:spleen", None, id="number contradicts words"),
        pytest.param("kidney", None, id="half a label"),
        pytest.param("10:spleen 10:spleen", None, id="written twice"),
        pytest.param("10:", "spleen", id="colon, no words"),
        pytest.param("", None, id="nothing at all"),
    ],
)
def test_read(text: str, wanted: str | None) -> None:
    if wanted is None:
        with pytest.raises(ParseError, match="classify"):
            TASK.decode(Completion(text=text), ORGANS, VIEW)
    else:
        assert TASK.decode(Completion(text=text), ORGANS, VIEW).label == wanted


@pytest.mark.parametrize("label", ORGANS.labels)
def test_reads_what_it_writes(label: str) -> None:
    text = TASK.encode(Classification(label=label), ORGANS, VIEW)
    assert TASK.decode(Completion(text=text), ORGANS, VIEW).label == label


def test_words_asked() -> None:
    query = Choose(("normal", "pneumonia"), "Does this chest X-ray image show a normal lung?")
    assert spell(TASK.request(query, VIEW).words) == (
        "Given this image, choose one option from the 0:normal\n1:pneumonia,"
        "to answer the question: Does this chest X-ray image show a normal lung?"
    )
