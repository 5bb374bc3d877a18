"""Phantoms as samples: lazy, distinct, the same in both languages, and asked as any data set is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from umit.checkpoints import PHANTOM
from umit.datasets.ask import asked
from umit.errors import InputError
from umit.evaluation.evaluate import evaluate
from umit.model import UMIT
from umit.phantom import samples as module
from umit.phantom.samples import Drawn, Phantoms
from umit.testing import ScriptedBackend

SOME = Phantoms(count=3)


def test_every_task_of_the_board_is_asked_in_each_language() -> None:
    found = list(SOME)
    tasks = {"answer_closed", "report_film", "detect_2d", "classify", "landmark", "detect_3d"}
    for language in ("en", "zh"):
        spoken = [s for s in found if s.query.language == language]
        assert {s.task for s in spoken} == tasks
        count = Counter(s.task for s in spoken)
        assert (count["answer_closed"], count["landmark"], count["detect_3d"]) == (3, 57, 6)
    assert len({s.id for s in found}) == len(found)


def test_both_languages_ask_the_same() -> None:
    parts = [[s for s in SOME if s.query.language == code] for code in ("en", "zh")]
    for one, other in zip(*parts, strict=True):
        assert one.id.replace("-en-", "-zh-") == other.id
        assert (one.source, one.group, one.facts) == (other.source, other.group, other.facts)


def test_questions_of_one_kind_about_one_picture_follow_each_other() -> None:
    order = [(s.task, s.source.names) for s in SOME]
    changes = sum(a != b for a, b in pairwise(order))
    assert changes == len(set(order)) - 1 == 6 * 3 - 1


def test_only_what_is_reached_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    draw = module.cases.draw
    monkeypatch.setattr(module.cases, "draw", lambda kind, seed: drawn.append(seed) or draw(kind, seed))
    module._case.cache_clear()
    for sample in islice(Phantoms(count=10**6), 20):
        sample.source.scans()
    assert len(drawn) == len(set(drawn)) == 10  # one question a film, in two languages


def test_a_target_that_is_there_is_a_fact() -> None:
    for sample in SOME:
        there = sample.task.startswith("detect") and bool(sample.gold)
        assert bool(sample.facts) == there


@pytest.mark.parametrize("shown", ["blank", "other"])
def test_another_picture_keeps_question_and_truth(shown: module.Shown) -> None:
    for one, other in zip(SOME, replace(SOME, shown=shown), strict=True):
        assert (one.id, one.query, one.gold) == (other.id, other.query, other.gold)
        assert one.source.names != other.source.names
    own, changed = next(iter(SOME)), next(iter(replace(SOME, shown=shown)))
    (mine,), (theirs,) = own.source.scans(), changed.source.scans()
    assert (np.ptp(theirs.voxels) == 0) == (shown == "blank")
    if shown == "other":
        assert changed.source == Drawn("film", SOME.first + 1) != own.source
    else:
        assert theirs.size == mine.size


def test_a_journal_of_other_phantoms_is_refused(tmp_path: Path) -> None:
    few = Phantoms(count=1, languages=("en",))
    texts = [text for sample in few for _, text in asked(sample, PHANTOM.tasks, scored=True)]
    found = evaluate(UMIT(ScriptedBackend(texts), PHANTOM), few, tmp_path)
    assert found.failed == 0 and found["accuracy"] == 1.0
    assert found.manifest["dataset"] == "phantoms"
    with pytest.raises(InputError, match="same count"):
        evaluate(UMIT(ScriptedBackend([]), PHANTOM), replace(few, count=2), tmp_path)
