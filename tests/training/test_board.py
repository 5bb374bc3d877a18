"""Losses by task and language: kept, counted on by later calls, and passed on once."""

from __future__ import annotations

from pathlib import Path

import pytest

from umit.errors import InputError
from umit.training.board import BEHIND, Board, curves
from umit.training.figures import Figure


def test_losses_are_kept_by_step(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.logged(5, 1.5)
    board.logged(10, 1.0)
    board.put(10, {BEHIND: 3.0, BEHIND + "caption zh": 4.0})
    assert (
        board.losses == Board(tmp_path).losses == {5: {"": 1.5}, 10: {"": 1.0, BEHIND: 3.0, BEHIND + "caption zh": 4.0}}
    )
    assert curves(board.losses)[""] == [(5, 1.5), (10, 1.0)]


def test_a_step_that_comes_again_takes_its_own_place(tmp_path: Path) -> None:
    Board(tmp_path).logged(5, 1.5)
    again = Board(tmp_path)
    again.logged(5, 1.25)
    assert again.losses == {5: {"": 1.25}}


def test_what_is_new_is_passed_on_once(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.logged(5, 1.5)
    board.put(5, {BEHIND: 3.0, BEHIND + "caption zh": 4.0})
    board.show([Figure("step 5", 5, "balanced accuracy", 0.5, 0.4, 0.6, 9)])
    assert board.fresh() == {
        "eval_loss": 3.0, "eval_loss_caption_zh": 4.0, "eval_balanced_accuracy": 0.5,
    }  # fmt: skip
    assert board.fresh() == {}


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "losses.json").write_text("[")
    with pytest.raises(InputError, match="expected JSON"):
        Board(tmp_path)
