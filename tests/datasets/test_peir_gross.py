"""PEIR Gross: captions without quoting, the shipped split, and umit's own where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from umit.datasets import load
from umit.errors import DatasetError, UnsupportedFormatError

from .layouts import peir_gross as files
from .told import told

NUTMEG = files.CAPTIONS["00000001.jpg"]


def test_the_shipped_split(tmp_path: Path) -> None:
    files.write(tmp_path)
    samples, messages = told("peir-gross", tmp_path)
    torn, quoted, tab = samples
    assert torn.gold.text == "KIDNEY: Gross natural color, very good example", "a lone line feed"
    assert quoted.gold.text == NUTMEG, "quotation marks are text"
    assert tab.gold.text == "LIVER: Gross natural color, opened\tduct", "a tab inside a caption"
    assert tab.source.scans()[0].size == (80, 60), "a name with a blank, # and JPG"
    assert [s.id for s in samples] == [
        "train-1-00000003.jpg", "train-3-00000001.jpg", "test-1-liver #2 cut.JPG"
    ]  # fmt: skip
    assert {s.task for s in samples} == {"caption"}
    assert messages == [
        "train_images.tsv line 2: no tab, taken as the rest of the caption before it",
        "train_images.tsv line 4: skipped, its caption is empty",
    ]


@pytest.mark.parametrize("captions", [True, False])
def test_without_a_shipped_split(tmp_path: Path, captions: bool) -> None:
    files.write(tmp_path, shipped=False, captions=captions)
    samples, messages = told("peir-gross", tmp_path / "peir_gross")
    assert [s.group for s in samples] == ["00000001.jpg", "00000003.jpg", "liver #2 cut.JPG"]
    assert samples[0].gold.text == NUTMEG
    assert "umit's own split by name" in messages[0]
    # The JSON keeps the line break that the table has lost.
    assert samples[1].gold.text.split() == files.CAPTIONS["00000003.jpg"].split()


def test_the_own_split_does_not_hang_on_the_order_of_a_crawl(tmp_path: Path) -> None:
    names = [f"{n:08}.jpg" for n in range(400)]
    kept = {}
    for order, listed in (("forward", names), ("backward", names[::-1])):
        (tmp_path / order).mkdir()
        lines = "".join(f"{name}\tLUNG: Gross\n" for name in listed)
        (tmp_path / order / "peir_gross.tsv").write_text(lines)
        samples, _ = told("peir-gross", tmp_path / order, split="test")
        kept[order] = [s.group for s in samples]
    assert kept["forward"] == kept["backward"] and 20 < len(kept["forward"]) < 60


def test_a_page_saved_as_a_picture_is_the_readers_error(tmp_path: Path) -> None:
    files.write(tmp_path)
    page = tmp_path / "peir_gross" / "peir_gross_images" / "liver #2 cut.JPG"
    page.write_text("<html><title>404</title></html>")
    (sample,) = load("peir-gross", tmp_path, split="test")
    with pytest.raises(UnsupportedFormatError, match=r"liver #2 cut.JPG"):
        sample.source.scans()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("peir_gross.tsv", "a.jpg LUNG: Gross\n", r"peir_gross.tsv line 1: .*got no tab"),
        ("peir_gross.tsv", "../a.jpg\tLUNG: Gross\n", r"peir_gross.tsv line 1: .*inside the data"),
        ("peir_gross_captions.json", '["a.jpg"]', "object of picture and caption"),
        ("peir_gross_captions.json", '{"a.jpg": 3}', "object of picture and caption"),
        ("peir_gross_captions.json", '{"/a.jpg": "x"}', "captions.json row 1: .*inside the data"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        told("peir-gross", tmp_path)
