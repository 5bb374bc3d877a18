"""What holds for every data set: its samples say what they are, in the languages and tasks it claims."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest

from umit.datasets import NAMES, describe, load
from umit.datasets.dataset import Sample, split_name
from umit.errors import DatasetError, DatasetWarning

from .layouts import layout
from .told import told

EVERY = pytest.mark.parametrize("name", NAMES)
LOADS = pytest.mark.parametrize(
    ("name", "given"),
    [
        pytest.param(name, given, id=f"{name}-{number}")
        for name in NAMES
        for number, given in enumerate(layout(name).LOADS)
    ],
)


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every layout, written once."""
    found = {}
    for name in NAMES:
        found[name] = tmp_path_factory.mktemp(name)
        layout(name).write(found[name])
    return found


def test_there_are_sixteen() -> None:
    assert len(NAMES) == len(set(NAMES)) == 16
    assert all(describe(name).name == name for name in NAMES)


@LOADS
def test_samples_are_whole(name: str, given: dict[str, Any], roots: dict[str, Path]) -> None:
    dataset = describe(name)
    samples, _ = told(name, roots[name], **given)
    assert samples and len({sample.id for sample in samples}) == len(samples)
    for sample in samples:
        assert sample.task in dataset.tasks
        assert sample.query.language in (given.get("language") or dataset.languages)
        assert sample.group and sample.place
        assert sample.source.is_volume == (dataset.dimensions == "3D")
        assert pickle.loads(pickle.dumps(sample)).query == sample.query
        assert hash(sample.gold) == hash(sample.gold)


@EVERY
def test_pictures_are_read(name: str, roots: dict[str, Path]) -> None:
    samples, _ = told(name, roots[name], **layout(name).LOADS[0])
    readable = 0
    for sample in samples:
        try:
            scans = sample.source.scans()
        except Exception as error:  # a layout may hold a file that is none
            assert type(error).__module__ == "umit.errors", error
            continue
        readable += 1
        assert all(scan.has_depth == sample.source.is_volume for scan in scans)
    assert readable >= len(samples) / 2


@EVERY
def test_splits_divide_the_whole(name: str, roots: dict[str, Path]) -> None:
    """Each sample is in one split, official or made; nothing is lost and nothing twice."""
    given = {k: v for k, v in layout(name).LOADS[0].items() if k != "split"}
    whole = {sample.id for sample in told(name, roots[name], **given)[0]}
    for resplit in (False, True):
        parts: list[str] = []
        for split in ("train", "validation", "test"):
            try:
                samples, _ = told(name, roots[name], split=split, resplit=resplit, **given)
            except DatasetError:  # no sample, or no file, of this split
                continue
            parts += [sample.id for sample in samples]
        assert len(parts) == len(set(parts))
        assert set(parts) <= whole
        if resplit or not describe(name).splits:
            assert set(parts) == whole, "umit's own split leaves nothing out"


@EVERY
def test_a_split_by_group_divides_no_group(name: str, roots: dict[str, Path]) -> None:
    given = {k: v for k, v in layout(name).LOADS[0].items() if k != "split"}
    of_group: dict[str, str] = {}
    for split in ("train", "validation", "test"):
        try:
            samples, _ = told(name, roots[name], split=split, resplit=True, seed=3, **given)
        except DatasetError:
            continue
        for sample in samples:
            assert of_group.setdefault(sample.group, split) == split


@EVERY
def test_descriptions_say_everything(name: str) -> None:
    dataset = describe(name)
    for text in (dataset.title, dataset.splitting, dataset.licence, dataset.citation, dataset.home):
        assert text and "http" not in text
    assert all(split_name(split) == split for split in dataset.splits)


@EVERY
def test_an_empty_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected"):
        told(name, tmp_path)


@EVERY
def test_reading_is_lazy(name: str, roots: dict[str, Path], tmp_path: Path) -> None:
    """The first sample comes before the rest is read: it may not open a picture."""
    given = layout(name).LOADS[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DatasetWarning)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("umit.datasets.pictures.load", None)
            first: Sample[Any, Any] = next(iter(load(name, roots[name], **given)))
    assert first.source.scans()
