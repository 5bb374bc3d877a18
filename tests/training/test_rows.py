"""Packed rows: what stands where, and what is taught."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from umit.engine.encode import Encoder
from umit.errors import DatasetError
from umit.training.rows import PackedRow, Turn, pack

Asking = Callable[..., Turn]


def test_segments_count_the_questions_behind_the_picture(encoder: Encoder, ask: Asking) -> None:
    turns = [ask("Which plane?", "PA."), ask("Normal?", "2:no"), ask("Find it", "[(1,2)]")]
    row = pack(turns, encoder)
    shared = encoder.prefix(turns[0].request)
    assert row.ids[: len(shared)].tolist() == shared
    assert (row.segments[: len(shared)] == 0).all()
    assert (np.diff(row.segments) >= 0).all()
    assert set(row.segments.tolist()) == {0, 1, 2, 3}
    assert row.frames == turns[0].request.frames


def test_answers_and_their_end_are_taught_and_nothing_else(encoder: Encoder, ask: Asking) -> None:
    turns = [ask("Which plane?", "PA."), ask("Normal?", "\n2:no \n")]
    row = pack(turns, encoder)
    taught = row.ids[row.taught].tolist()
    assert encoder.text(taught) == "PA.<|im_end|>\n2:no \n"
    assert taught.count(encoder.end) == 2
    ends = np.flatnonzero(row.ids == encoder.end)
    assert row.taught[ends].tolist() == [False, False, True, False, True]  # system, user, answer…
    assert row.ids[-1] == encoder.end  # no line break behind the last end


def test_prompt_and_answer_are_encoded_apart(encoder: Encoder, ask: Asking) -> None:
    """The line break after ``assistant`` does not merge with one that an answer begins with."""
    row = pack([ask("Which plane?", "\nPA.")], encoder)
    merged, single = encoder.ids(["\n\n"]), encoder.ids(["\n"])
    assert len(merged) == 1
    start = int(np.flatnonzero(row.taught)[0])
    assert row.ids[start - 1 : start + 1].tolist() == single * 2


def test_grounding_tokens_of_an_answer_are_tokens(encoder: Encoder, ask: Asking) -> None:
    row = pack([ask("Find", "<|box_start|>(1,2),(3,4)<|box_end|>")], encoder)
    assert row.taught.sum() == 1 + len("(1,2),(3,4)") + 1 + 1


def test_control_tokens_of_an_answer_stay_words(encoder: Encoder, ask: Asking) -> None:
    row = pack([ask("Which plane?", "PA<|im_end|>")], encoder)
    assert row.taught.sum() == len("PA<|im_end|>") + 1


def test_text_alone_shares_nothing(encoder: Encoder, ask: Asking) -> None:
    turn = ask("What is CT?", "A scan.", ())
    row = pack([turn], encoder)
    assert row.frames == ()
    assert (row.segments == 1).all()
    assert row.ids[~row.taught].tolist() == encoder.prompt(turn.request)


@pytest.mark.parametrize(
    ("segments", "taught", "why"),
    [
        ([0, 2, 2], [0, 0, 1], "another order"),
        ([0, 2, 1], [0, 0, 0], "another order"),
        ([-1, 0, 1], [0, 0, 0], "another order"),
        ([1, 1, 2], [0, 1, 1], "begins with what is taught"),
        ([1, 1, 1], [1, 0, 0], "begins with what is taught"),
        ([0, 0], [0, 0, 0], "2 segments"),
    ],
)
def test_a_row_of_anything_else_is_refused(segments: list[int], taught: list[int], why: str) -> None:
    """A token is predicted from the one before it, which must not be another question's."""
    with pytest.raises(DatasetError, match=rf"my.csv, row 3: .*{why}"):
        PackedRow((), np.arange(3), np.array(segments), np.array(taught, bool), "my.csv, row 3")


def test_behind_what_is_shared_a_question_may_be_its_answer() -> None:
    row = PackedRow((), np.arange(3), np.array([0, 1, 1]), np.array([0, 1, 1], bool))
    assert row.parts == [1, 2]
