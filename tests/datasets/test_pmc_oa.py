"""PMC-OA: both generations of files, articles as groups, and a million rows one at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from umit.datasets import load
from umit.errors import DatasetError

from .layouts import layout
from .layouts.draw import picture
from .told import told

FEW, MANY = 1_000, 50_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    layout("pmc-oa").write(tmp_path)
    return tmp_path


def _rows(file: Path, count: int, **fields: str) -> None:
    with file.open("w", encoding="utf-8") as out:
        for n in range(count):
            row = {"image": f"PMC{n % 700}_Fig1_{n}.jpg", "caption": f"Panel {n}. " + "word " * 40}
            out.write(json.dumps({**row, **fields}) + "\n")


def test_quirks_of_the_rows(root: Path) -> None:
    samples, messages = told("pmc-oa", root)
    first, second, valid, test = samples
    assert first.gold.text == "A. A film of the chest.\nB. The same after a week – no change."
    assert (first.query.purpose, first.task, first.query.language) == ("caption", "caption", "en")
    assert first.group == second.group == "PMC100", "the field, else what the name begins with"
    assert test.group == "figure_1.jpg", "no article in the name"
    assert messages == ["train.jsonl line 3: skipped, its caption is empty"]
    assert [s.id for s in samples] == ["train-1", "train-2", "valid-1", "test-1"]
    assert valid.source.scans()[0].voxels.shape == (1, 60, 80, 3)


@pytest.mark.parametrize("split", ["valid", "val", "validation"])
def test_one_name_for_the_split_in_the_middle(root: Path, split: str) -> None:
    assert [s.id for s in load("pmc-oa", root, split=split)] == ["valid-1"]


def test_one_file_is_divided_by_article(tmp_path: Path) -> None:
    _rows(tmp_path / "pmc_oa.jsonl", 2_000)
    parts = {s: list(load("pmc-oa", tmp_path, split=s)) for s in ("train", "validation", "test")}
    groups = {split: {sample.group for sample in part} for split, part in parts.items()}
    assert sum(map(len, parts.values())) == 2_000 and sum(map(len, groups.values())) == 700
    assert not groups["train"] & groups["test"] and not groups["train"] & groups["validation"]


def test_the_variant_picks_one_of_two_files(tmp_path: Path) -> None:
    _rows(tmp_path / "pmc_oa.jsonl", 1, caption="Panel B alone.")
    _rows(tmp_path / "pmc_oa_beta.jsonl", 1, caption="A. One. B. Two.")
    (whole,), (part,) = load("pmc-oa", tmp_path), load("pmc-oa", tmp_path, variant="pmc_oa")
    assert (whole.gold.text, part.gold.text) == ("A. One. B. Two.", "Panel B alone.")


@pytest.mark.parametrize("folder", ["", "images", "images/caption_T060_filtered_top4_sep_v0_subfigures"])
def test_pictures_lie_beside_the_rows_or_in_a_folder(tmp_path: Path, folder: str) -> None:
    _rows(tmp_path / "pmc_oa.jsonl", 1)
    picture(tmp_path / folder / "PMC0_Fig1_0.jpg", seed=1)
    (sample,) = load("pmc-oa", tmp_path)
    assert sample.source.scans()[0].size == (80, 60)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"image": "../a.jpg", "caption": "x"}', "inside the data set"),
        ('{"image": "https://a.b/c.jpg", "caption": "x"}', "inside the data set"),
        ('{"image": "a.jpg"}', "'caption' with text"),
        ('{"image": "a.jpg", "caption": "torn', "JSON object"),
        ('["a.jpg", "x"]', "JSON object|with names"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, line: str, message: str) -> None:
    good = '{"image": "PMC1_F1_1.jpg", "caption": "x"}'
    (tmp_path / "pmc_oa.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(DatasetError, match=rf"pmc_oa.jsonl line 2: .*({message})"):
        list(load("pmc-oa", tmp_path))


def test_no_file_of_rows(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DatasetError, match=r"pmc_oa_beta.jsonl.* found notes.txt"):
        list(load("pmc-oa", tmp_path))


#: Prints the peak of traced memory at the first and the last count, from a process that did nothing before:
#: the table in which Python keeps file names grows with all that a process has ever named.
_WATCH = """
import sys, tracemalloc
from umit.datasets import load
few, many = int(sys.argv[2]), int(sys.argv[3])
tracemalloc.start()
for count, _ in enumerate(load("pmc-oa", sys.argv[1], split="train"), start=1):
    if count in (few, many):
        print(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()
"""


@pytest.mark.slow  # memory is traced over 50,000 rows
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    _rows(tmp_path / "train.jsonl", MANY, url_name="x" * 300)
    assert (tmp_path / "train.jsonl").stat().st_size > 25_000_000
    command = [sys.executable, "-c", _WATCH, str(tmp_path), str(FEW), str(MANY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, last = map(int, done.stdout.split())
    assert last - first < 3_000_000, (first, last)


def test_the_real_row(shared: Path, tmp_path: Path) -> None:
    excerpt = shared / "samples" / "pmc_oa" / "pmc_oa_beta_excerpt.jsonl"
    (tmp_path / "pmc_oa_beta.jsonl").write_bytes(excerpt.read_bytes())
    (sample,) = load("pmc-oa", tmp_path)
    assert sample.group == "PMC212319" and sample.gold.text.startswith("A. Real time image")
    assert sample.source.names == (str(tmp_path / "PMC212319_Fig3_4.jpg"),)
