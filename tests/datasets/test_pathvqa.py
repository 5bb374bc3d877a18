"""PathVQA: three forms of the same questions, a look-alike, and pickles that hold more than values."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from umit.errors import DatasetError

from .layouts import pathvqa as files
from .told import told

FORMS = {"pickles": files.write, "tables": files.write_tables, "csv": files.write_csv}
EVERY = pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)


@EVERY
def test_every_form_asks_the_same(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path)
    samples, said = told("pathvqa", tmp_path)
    assert not said
    assert [(s.query.question, s.query.options, s.gold.text, s.gold.option) for s in samples] == [
        ("is this tissue normal?", ("yes", "no"), "yes", 0),
        ("where is the tumor?", (), "in the wall of the colon", None),
        ("does this image show fibrosis?", ("yes", "no"), "no", 1),
        ("what is present?", (), "a granuloma", None),
    ]
    assert [dict(s.facts)["answer_type"] for s in samples] == ["closed", "open", "closed", "open"]
    assert all(s.source.scans()[0].voxels.shape[:3] == (1, 60, 80) for s in samples)
    assert samples[0].group == samples[1].group != samples[2].group, "a group is a picture"
    split = [told("pathvqa", tmp_path, split=one)[0] for one in ("train", "validation", "test")]
    assert [s.id for part in split for s in part] == [s.id for s in samples]


def test_modes_of_pictures(tmp_path: Path) -> None:
    files.write(tmp_path)
    channels = [s.source.scans()[0].voxels.shape[3:] for s in told("pathvqa", tmp_path)[0]]
    assert channels == [(3,), (3,), (), (3,)], "CMYK is colour, grey stays grey"


def test_a_picture_is_a_group_whatever_its_name(tmp_path: Path) -> None:
    """Tables need not name their pictures: what is in them is the group, so that resplit divides none."""
    files.write_tables(tmp_path)
    groups = [s.group for s in told("pathvqa", tmp_path)[0]]
    assert groups[0] == hashlib.sha256(_first(tmp_path)).hexdigest()[:16] == groups[1]
    assert len(set(groups)) == 3


def _first(root: Path) -> bytes:
    data: bytes = told("pathvqa", root, split="train")[0][0].source.data
    return data


@pytest.mark.parametrize("below", [".", "data"])
def test_the_look_alike_is_refused(below: str, tmp_path: Path) -> None:
    (tmp_path / below).mkdir(exist_ok=True)
    file = tmp_path / below / "QA_pairs_vb.json"
    file.write_text('[{"Image_ID": "Fig.1", "Questions": "What?", "Answers": "a"}]')
    for root in (tmp_path, file):
        with pytest.raises(DatasetError, match=r"early raw release.*figures of a textbook"):
            told("pathvqa", root)
    files.write(tmp_path)
    assert told("pathvqa", tmp_path)[0], "beside the real one it does no harm"


def test_the_real_look_alike_is_refused(shared: Path) -> None:
    with pytest.raises(DatasetError, match=r"QA_pairs_vb\.json: .*early raw release"):
        told("pathvqa", shared / "samples" / "pathvqa")


def test_what_is_expected_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    said = r"train-\*.parquet or qas/train/train_qa.pkl or train_metadata.csv.*found notes.txt"
    with pytest.raises(DatasetError, match=said):
        told("pathvqa", tmp_path)


class _Calls:
    def __reduce__(self) -> Any:
        return (os.system, ("true",))


@pytest.mark.parametrize(
    ("held", "message"),
    [
        pytest.param([{"image": "a", "question": _Calls(), "answer": "b"}], "plain values: it names", id="call"),
        pytest.param([{"image": Path("a"), "question": "q", "answer": "b"}], "plain values: it names", id="class"),
        pytest.param({"train_0001": []}, "expected a list, got dict", id="no list"),
        pytest.param([["a", "q", "b"]], "row 1: expected an object with names", id="no names"),
        pytest.param([{"image": "a", "question": "q"}], "row 1: .*'answer'", id="no answer"),
        pytest.param([{"image": "../../../../a", "question": "q", "answer": "b"}], "row 1: .*inside the data set", id="leads out"),
        pytest.param([{"image": "/etc/a", "question": "q", "answer": "b"}], "row 1: .*inside the data set", id="absolute"),
    ],
)  # fmt: skip
def test_pickles_hold_plain_values_inside(held: Any, message: str, tmp_path: Path) -> None:
    files.write(tmp_path)
    (tmp_path / "pvqa/qas/train/train_qa.pkl").write_bytes(pickle.dumps(held))
    with pytest.raises(DatasetError, match=f"train_qa.pkl.*{message}"):
        told("pathvqa", tmp_path)


def test_a_torn_pickle_and_other_columns(tmp_path: Path) -> None:
    files.write(tmp_path)
    path = tmp_path / "pvqa/qas/train/train_qa.pkl"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DatasetError, match=r"train_qa\.pkl: expected a pickled list"):
        told("pathvqa", tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "train_metadata.csv").write_text("image,question,answer\na.jpg,q,b\n")
    with pytest.raises(DatasetError, match=r"train_metadata.csv.*missing: file_name"):
        told("pathvqa", other)


@pytest.mark.parametrize("image", [{"bytes": None, "path": "a.jpg"}, "a.jpg"])
def test_a_table_without_the_picture(image: Any, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_pylist([{"image": image, "question": "q", "answer": "b"}])
    parquet.write_table(table, tmp_path / "train-00000-of-00001.parquet")
    with pytest.raises(DatasetError, match=r"parquet row 1: expected a picture's bytes"):
        told("pathvqa", tmp_path)


def test_the_folder_of_the_questions_as_root(tmp_path: Path) -> None:
    files.write(tmp_path)
    assert told("pathvqa", tmp_path / "pvqa")[0]
    with pytest.raises(DatasetError, match="expected"):
        told("pathvqa", tmp_path / "pvqa" / "qas")
