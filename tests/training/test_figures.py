"""Which weights are best, what they do not beat, and how long nothing became better."""

from __future__ import annotations

from pathlib import Path

import pytest

from umit.training.figures import Figure, Figures


def _table(path: Path, values: dict[int, float], *, rising: bool = True) -> Figures:
    table = Figures(path / "figures.json", "accuracy", rising=rising)
    table.add([Figure("commonest answer", None, "accuracy", 0.5, 0.4, 0.6, 9)])
    for step, value in values.items():
        table.add([Figure(f"step {step}", step, name, value, 0.0, 1.0, 9) for name in ("accuracy", "AUC")])
    return table


WAITED = [
    ({0: 0.9}, 0, 0),
    ({0: 0.9, 5: 0.1}, 0, 0),  # the first taught one is better than none
    ({5: 0.5, 10: 0.5}, 0, 1),  # a tie is not better
    ({5: 0.5, 10: 0.4, 15: 0.6}, 0, 0),
    ({5: 0.5, 10: 0.4, 15: 0.3}, 0, 2),
    ({5: 0.5, 10: 0.4, 15: 0.3, 20: 0.1}, 12, 1),  # of a stage that began at 12
    ({5: float("nan"), 10: float("nan")}, 0, 2),
]


@pytest.mark.parametrize(("values", "after", "count"), WAITED)
def test_patience_counts_what_was_not_better(values: dict[int, float], after: int, count: int, tmp_path: Path) -> None:
    assert _table(tmp_path, values).waited(after) == count
    again = Figures(tmp_path / "figures.json", "accuracy", rising=True)
    assert again.waited(after) == count, "a later call counts on"


def test_the_last_of_equal_ones_is_best(tmp_path: Path) -> None:
    table = _table(tmp_path, {0: 0.9, 5: 0.5, 10: 0.7, 15: 0.7})
    assert (table.steps, table.best) == ([0, 5, 10, 15], 15)
    assert [one.who for one in table.beaten] == ["step 0"]


def test_less_is_better_where_the_best_is_none(tmp_path: Path) -> None:
    table = _table(tmp_path, {0: 0.9, 5: 0.5, 10: 0.7}, rising=False)
    assert table.best == 5 and table.waited() == 1
    assert [one.who for one in table.beaten] == ["commonest answer"]


def test_before_a_step_nothing_is_best(tmp_path: Path) -> None:
    table = _table(tmp_path, {0: 0.9})
    assert table.best is None and table.beaten == []
