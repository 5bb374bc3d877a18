"""The error tree: one root, messages that help, and a way across processes."""

from __future__ import annotations

import pickle

import pytest

from umit import errors
from umit.errors import (
    BackendError,
    CheckpointError,
    DatasetError,
    InputError,
    MissingExtraError,
    MissingMetadataError,
    ParseError,
    ServerError,
    TruncatedError,
    UMITError,
    UnsupportedFormatError,
    UnsupportedTaskError,
)

EXAMPLES = [
    UMITError("a"),
    InputError("a", code="truncated", where="film.png", hint="Copy it again"),
    UnsupportedFormatError("a", code="format"),
    MissingMetadataError("a", where="PixelSpacing"),
    UnsupportedTaskError("a"),
    ParseError("a", task="classify", text="x" * 300, expected="0:a", partial=(1, 2)),
    TruncatedError("a", text="x"),
    BackendError("a", engine="local", retryable=True),
    MissingExtraError("pip install x"),
    ServerError("a", engine="server"),
    CheckpointError("a"),
    DatasetError("a"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_pickled_and_back(error: UMITError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_every_error_has_the_one_root() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, UMITError | UserWarning)
    assert {type(e).__name__ for e in EXAMPLES} >= set(errors.__all__) - {
        "CheckpointWarning",
        "DatasetWarning",
        "OutputError",
    }


def test_input_error_is_a_value_error() -> None:
    assert issubclass(InputError, ValueError)
    assert str(EXAMPLES[1]) == "film.png: a. Copy it again"


def test_long_text_is_shown_in_part_and_kept_whole() -> None:
    error = EXAMPLES[5]
    assert isinstance(error, ParseError)
    assert len(str(error)) < 300
    assert len(error.text) == 300


def test_task_that_is_filled_in_later_is_shown() -> None:
    error = ParseError("expected boxes", text="x")
    error.task = "detect_2d"
    assert str(error) == "detect_2d: expected boxes; the model wrote 'x'"
