"""Reports, captions and comparisons: free text, never empty."""

from __future__ import annotations

import pytest

from umit.chat import Completion, spell
from umit.errors import ParseError, TruncatedError
from umit.geometry import Space
from umit.imaging.frame import ViewGeometry
from umit.imaging.view import View
from umit.queries import Compare, Describe
from umit.results import Report
from umit.tasks.dialect import UMIT
from umit.tasks.report import CAPTION, COMPARE, REPORT_CT, REPORT_FILM

VIEW = View.of(ViewGeometry(source=Space(size=(10, 10)), frame=(10, 10)))
TASKS = [
    (REPORT_FILM.build(UMIT, ""), Describe()),
    (REPORT_CT.build(UMIT, ""), Describe()),
    (CAPTION.build(UMIT, ""), Describe(purpose="caption")),
    (COMPARE.build(UMIT, ""), Compare()),
]


@pytest.mark.parametrize(("task", "query"), TASKS, ids=lambda t: getattr(t, "name", ""))
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("Clear lungs.", "Clear lungs.", id="as it is taught"),
        pytest.param("\nClear lungs. ", "Clear lungs.", id="blanks around it"),
        pytest.param("双肺清晰。", "双肺清晰。", id="in Chinese"),
        pytest.param("x" * 9000, "x" * 9000, id="very long text"),
        pytest.param("", None, id="nothing at all"),
        pytest.param(" \n", None, id="blanks only"),
    ],
)
def test_read(task: object, query: object, text: str, wanted: str | None) -> None:
    decode = task.decode  # type: ignore[attr-defined]
    if wanted is None:
        with pytest.raises(ParseError):
            decode(Completion(text=text), query, VIEW)
    else:
        assert decode(Completion(text=text), query, VIEW) == Report(text=wanted)


@pytest.mark.parametrize(("task", "query"), TASKS, ids=lambda t: getattr(t, "name", ""))
def test_cut_text_is_an_error(task: object, query: object) -> None:
    with pytest.raises(TruncatedError):
        task.decode(Completion(text="Clear", finish_reason="length"), query, VIEW)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("task", "query"), TASKS, ids=lambda t: getattr(t, "name", ""))
def test_both_languages_have_words(task: object, query: object) -> None:
    english = spell(task.request(query, VIEW).words)  # type: ignore[attr-defined]
    other = type(query)(language="zh")  # type: ignore[operator]
    assert spell(task.request(other, VIEW).words) != english  # type: ignore[attr-defined]


def test_words_of_the_figures() -> None:
    assert spell(TASKS[0][0].request(Describe(), VIEW).words) == (
        "Please review the chest X-ray image and generate a report that assesses any abnormalities."
    )
    assert "images,  generate" in spell(TASKS[1][0].request(Describe(), VIEW).words)
