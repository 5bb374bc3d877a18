"""Two runs are compared item by item, and only where they were asked the same."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from umit.cli import main
from umit.errors import BackendError, InputError
from umit.evaluation.compare import Difference, compare
from umit.evaluation.journal import LINES, Journal
from umit.metrics.significance import holm, mcnemar
from umit.queries import Ask, Choose, Locate
from umit.results import Answer, Classification, Landmarks

from .runs import MANIFEST, Case, case, every_task, point, write

SIDES = ("left", "right")


def _answer(option: int) -> Answer:
    return Answer(text=SIDES[option], option=option)


def _closed(right: str, *, groups: int = 100, language: Any = "en") -> list[Case]:
    """One question for each letter: r right, w wrong, u unreadable."""
    kinds = {"r": _answer(0), "w": _answer(1), "u": None}
    query = Ask("Which side?", SIDES, language=language)
    return [
        case(f"{language}{n}", query, _answer(0), kinds[letter], group=str(n % groups))
        for n, letter in enumerate(right)
    ]


def _row(rows: tuple[Difference, ...], metric: str, language: str = "", unit: str = "") -> Difference:
    return next(r for r in rows if (r.metric, r.language, r.unit) == (metric, language, unit))


def _compared(tmp_path: Path, a: list[Case], b: list[Case]) -> tuple[Difference, ...]:
    return compare(write(tmp_path / "a", a), write(tmp_path / "b", b)).rows


def test_a_difference_has_its_interval_and_its_test(tmp_path: Path) -> None:
    a, b = "r" * 4 + "w" * 10 + "r" * 6, "r" * 4 + "r" * 10 + "r" * 5 + "u"
    row = _row(_compared(tmp_path, _closed(a), _closed(b)), "accuracy")
    assert (row.a, row.b, row.n, row.groups) == (0.5, 0.95, 20, 20)
    assert row.difference == pytest.approx(0.45) and 0 < row.low < 0.45 < row.high
    assert row.p == mcnemar([True] + [False] * 10, [False] + [True] * 10) < 0.05


def test_a_run_equals_itself(tmp_path: Path) -> None:
    rows = _compared(tmp_path, every_task(), every_task())
    assert {row.task for row in rows} == {sample.task for sample, _ in every_task()}
    numbers = [row for row in rows if not math.isnan(row.difference)]
    assert all(row.difference == 0 for row in numbers)
    assert all(row.low == row.high == 0 for row in numbers if row.groups > 3 and row.metric != "AUC")
    assert all(row.p == 1 for row in rows if not math.isnan(row.p))


def test_answers_about_one_picture_are_drawn_together(tmp_path: Path) -> None:
    """Twenty questions about two pictures say less than about twenty."""
    a, b = "wr" * 10, "rr" * 10
    widths = []
    for groups in (20, 2):
        runs = _closed(a, groups=groups), _closed(b, groups=groups)
        row = _row(_compared(tmp_path / str(groups), *runs), "accuracy")
        widths.append(row.high - row.low)
    assert widths[1] > widths[0] > 0


def test_p_values_are_corrected_for_all_rows(tmp_path: Path) -> None:
    rows = _compared(tmp_path, _closed("r" * 2 + "w" * 9), _closed("w" + "r" * 10))
    known = [row for row in rows if not math.isnan(row.p)]
    tested = [row for row in known if row.a != row.b]
    assert 1 < len(tested) < len(known), "some rows never differ and are no test"
    assert tuple(row.p_holm for row in tested) == holm([row.p for row in tested])
    assert all(row.p_holm > row.p for row in tested)
    assert {row.p_holm for row in known if row not in tested} == {1.0}
    assert all(math.isnan(row.p_holm) for row in rows if math.isnan(row.p))


def test_an_even_split_is_a_test_too(tmp_path: Path) -> None:
    rows = _compared(tmp_path, _closed("rrwwrrrrrr"), _closed("wwrrrrrrrr"))
    assert {row.p for row in rows if row.metric == "accuracy" and row.protocol == "umit"} == {1.0}
    assert _row(rows, "accuracy").p_holm == 1.0


def test_a_test_swaps_answers_about_one_picture_together(tmp_path: Path) -> None:
    """Six right answers that were wrong are much, of two pictures they are little."""
    ps = []
    for groups in (6, 2):
        runs = _closed("wwwwww", groups=groups), _closed("rrrrrr", groups=groups)
        ps.append(_row(_compared(tmp_path / str(groups), *runs), "accuracy").p)
    assert ps == [2 / 2**6, 2 / 2**2]


def test_metrics_that_are_no_mean_have_no_such_test(tmp_path: Path) -> None:
    which = Choose(("normal", "nodule"))

    def run(found: str) -> list[Case]:
        gold = [Classification(label=label) for label in which.labels * 3]
        return [case(str(n), which, true, Classification(label=found)) for n, true in enumerate(gold)]

    rows = _compared(tmp_path, run("normal"), run("nodule"))
    row = _row(rows, "macro F1")
    assert math.isnan(row.p) and row.a == row.b and row.low < 0 < row.high
    assert _row(rows, "accuracy").p == 1.0


def test_what_one_run_leaves_out_is_left_out_of_both(tmp_path: Path) -> None:
    def run(*found: Landmarks | None) -> list[Case]:
        return [case(str(n), Locate("Sella"), point(5, 5), one) for n, one in enumerate(found)]

    rows = _compared(tmp_path, run(point(6, 5), None), run(point(8, 5), point(50, 5)))
    row = _row(rows, "MRE", unit="mm")
    assert (row.n, row.a, row.b, row.best) == (1, 1.0, 3.0, 0.0)
    assert _row(rows, "SDR 2 mm").n == 2, "a miss, which counts"


def test_languages_are_told_apart(tmp_path: Path) -> None:
    a, b = ([*_closed(en), *_closed(zh, language="zh")] for en, zh in (("rw", "rr"), ("rr", "rw")))
    rows = _compared(tmp_path, a, b)
    found = {language: _row(rows, "accuracy", language).difference for language in ("", "en", "zh")}
    assert found == {"": 0.0, "en": 0.5, "zh": -0.5}


def test_items_of_one_run_alone_are_counted(tmp_path: Path) -> None:
    broken = case("en9", Ask("Which side?", SIDES), _answer(0), BackendError("cut", engine="none"))
    a = write(tmp_path / "a", [*_closed("rrr"), broken], {**MANIFEST, "limit": 4})
    b = write(tmp_path / "b", [*_closed("rr"), case("more", Ask("Where?"), Answer(text="x"), None)])
    found = compare(a, b)
    assert (found.items, found.only_a, found.only_b) == (2, 1, 1)


def _another_truth() -> list[Case]:
    return [case("en0", Ask("Which side?", SIDES), _answer(1), _answer(0), group="0")]


@pytest.mark.parametrize(
    ("cases", "manifest", "code"),
    [
        (_closed("r"), {**MANIFEST, "dataset": "other"}, "data"),
        (_closed("r"), {**MANIFEST, "split": "train"}, "data"),
        (_closed("r"), {"dataset": "drawn"}, "data"),
        (_another_truth(), MANIFEST, "data"),
        (_closed("r", language="zh"), MANIFEST, "no_items"),
    ],
    ids=["another data set", "another split", "samples from elsewhere", "another truth", "no common item"],
)
def test_other_data_is_refused(tmp_path: Path, cases: list[Case], manifest: dict[str, Any], code: str) -> None:
    a, b = write(tmp_path / "a", _closed("r")), write(tmp_path / "b", cases, manifest)
    with pytest.raises(InputError) as caught:
        compare(a, b)
    assert caught.value.code == code


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = write(tmp_path / "a", _closed("rwwwwwww")), write(tmp_path / "b", _closed("rrrrrrrr"))
    assert main(["compare", str(a), str(b)]) == 0
    shown = capsys.readouterr().out
    assert "+0.875" in shown and "0.016" in shown and "not a medical device" in shown
    assert main(["compare", str(a), str(b), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["items"] == 8 and data["rows"][0]["difference"] == 0.875
    assert main(["compare", str(a), str(tmp_path / "none")]) == 2


@pytest.mark.parametrize(("kept", "asked", "code"), [(20, 20, 0), (10, 20, 3)])
def test_half_a_run_is_said_and_is_no_success(
    kept: int, asked: int, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write(tmp_path / "a", _closed("r" * kept))
    with Journal(run, MANIFEST) as journal:
        journal.expect(asked)
    for more in ([], ["--json"]):
        assert main(["compare", str(run), str(run), *more]) == code
        said = capsys.readouterr().out
        assert all((f"{side}: 10 of 20 items have not been asked" in said) == (code == 3) for side in "AB")


@pytest.mark.parametrize(
    ("name", "value"),
    [("task", None), ("task", "classify"), ("group", None), ("gold", "x"), ("query", None), ("raw", None),
     ("found", Landmarks().to_dict())],
)  # fmt: skip
def test_a_record_that_is_none_of_ours_is_told(
    name: str, value: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value of another kind, or nothing under a name."""
    run = write(tmp_path / "a", _closed("r"))
    record = json.loads((run / LINES).read_text())
    changed = {k: v for k, v in record.items() if k != name} | ({} if value is None else {name: value})
    (run / LINES).write_text(json.dumps(changed) + "\n")
    for words in (["score", str(run)], ["compare", str(run), str(run)], ["score", str(run / LINES)]):
        assert main(words) == 2
        assert "umit: " in capsys.readouterr().err
