"""Which task a query is, and what every task keeps to."""

from __future__ import annotations

import pytest

from umit.checkpoints import PHANTOM, RELEASED
from umit.errors import UnsupportedTaskError
from umit.queries import Ask, Choose, Compare, Describe, Find, Locate, Query
from umit.tasks.table import choose
from umit.tasks.task import TaskName


@pytest.mark.parametrize(
    ("query", "film", "volume"),
    [
        (Ask("?"), "answer_open", "answer_open"),
        (Ask("?", ("a", "b")), "answer_closed", "answer_closed"),
        (Choose(("a", "b")), "classify", "classify"),
        (Choose(("a",), several=True), "findings", "findings"),
        (Describe(), "report_film", "report_ct"),
        (Describe(purpose="caption"), "caption", "caption"),
        (Find("a"), "detect_2d", "detect_3d"),
        (Locate("a"), "landmark", "landmark"),
        (Compare(), "compare", "compare"),
    ],
)
def test_choose(query: Query, film: TaskName, volume: TaskName) -> None:
    assert choose(query, volume=False) == film
    assert choose(query, volume=True) == volume


@pytest.mark.parametrize("name", PHANTOM.tasks)
def test_each_task_has_both_languages_and_a_rendering(name: TaskName) -> None:
    task = PHANTOM.task(name)
    assert set(task.wording) == {"en", "zh"}
    assert task.film or task.volume
    assert task.max_new_tokens >= 32


def test_kind_of_scan_that_a_task_does_not_take() -> None:
    with pytest.raises(UnsupportedTaskError, match="takes films, got a volume"):
        PHANTOM.task("landmark").rendering(volume=True)
    with pytest.raises(UnsupportedTaskError, match="takes volumes, got a film"):
        PHANTOM.task("report_ct").rendering(volume=False)


def test_task_or_language_that_weights_do_not_know() -> None:
    with pytest.raises(UnsupportedTaskError, match="use dz-osamu/UMIT-B"):
        RELEASED["dz-osamu/VQA"].task("landmark")
    with pytest.raises(UnsupportedTaskError, match="not findings; use dz-osamu/UMIT-B or dz-osamu/VQA"):
        RELEASED["dz-osamu/Classification"].task("findings")
