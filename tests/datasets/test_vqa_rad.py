"""VQA-RAD: its forms, its quirks, and the real rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from umit.datasets import load
from umit.errors import DatasetError

from .layouts import layout
from .layouts.draw import picture
from .told import told


@pytest.fixture
def root(tmp_path: Path) -> Path:
    layout("vqa-rad").write(tmp_path)
    return tmp_path


def _facts(sample: Any) -> dict[str, str]:
    return dict(sample.facts)


def test_quirks_of_the_rows(root: Path) -> None:
    (closed, number, blank, other), said = told("vqa-rad", root, split="train")
    assert ["'CLOSED '" in said[0], "number 4" in said[1], "' left lobe'" in said[2]] == [True] * 3
    assert _facts(closed)["answer_type"] == "closed", "the trailing blank is gone"
    assert closed.query.options == ("yes", "no") and closed.gold.option == 0
    assert number.gold.text == "4", "a whole number is its digits"
    assert blank.gold.text == "left lobe" and _facts(blank)["question_type"] == "POS, PRES"
    assert _facts(other)["answer_type"] == "closed" and not other.query.options


def test_resplit_divides_by_picture(root: Path) -> None:
    official = told("vqa-rad", root, split="test")[0]
    assert {s.group for s in official} & {s.group for s in told("vqa-rad", root, split="train")[0]}
    for seed in range(20):
        parts = []
        for split in ("train", "validation", "test"):
            try:
                parts.append({s.group for s in told("vqa-rad", root, split=split, resplit=True, seed=seed)[0]})
            except DatasetError:  # three pictures do not fill three splits every time
                parts.append(set())
        assert not (parts[0] & parts[1] | parts[1] & parts[2] | parts[0] & parts[2])
        assert set.union(*parts) == {"synpic1.jpg", "synpic2.jpg", "synpic3.jpg"}


def test_a_name_that_leads_out_is_refused(root: Path) -> None:
    file = root / "testset.json"
    file.write_text(file.read_text().replace("synpic3.jpg", "../../secret.jpg"))
    with pytest.raises(DatasetError, match=r"testset.json row 2.*inside the data set"):
        list(load("vqa-rad", root, split="test"))


def test_the_real_rows(shared: Path) -> None:
    root = shared / "samples" / "vqa_rad"
    train, test = (told("vqa-rad", root, split=split)[0] for split in ("train", "test"))
    assert (len(train), len(test)) == (824, 115)
    assert Counter(_facts(s)["answer_type"] for s in test) == {"closed": 74, "open": 41}
    assert len({s.id for s in train + test}) == 939
    assert train[0].source.scans()[0].voxels.shape == (1, 503, 480, 3)


def test_the_hubs_tables_are_grouped_by_content(tmp_path: Path) -> None:
    """One path may stand for two pictures, and two paths for one; what is shown decides."""
    import pyarrow
    from pyarrow import parquet

    first, second = (_jpeg(tmp_path, seed) for seed in (1, 2))
    rows = [("a.jpg", first), ("b.jpg", first), ("a.jpg", second), (None, second)]
    table = [
        {"image": {"bytes": data, "path": path}, "question": f"Which {n}?", "answer": "left"}
        for n, (path, data) in enumerate(rows)
    ]
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "test-00000-of-00001.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(table), file)
    one, same, other, again = (s.group for s in told("vqa-rad", tmp_path, split="test")[0])
    assert one == same != other == again


def _jpeg(folder: Path, seed: int) -> bytes:
    picture(folder / "one.jpg", seed=seed)
    return (folder / "one.jpg").read_bytes()
