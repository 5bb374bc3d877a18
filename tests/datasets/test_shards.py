"""Shards hold samples with their pictures, stream in bounded memory, and are shared without overlap.

That they give back what was shown is a law: tests/laws/test_converters.py.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.checkpoints import RELEASED
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Files, Voxels
from umit.datasets.shards import read_shards, write_shards
from umit.errors import DatasetError
from umit.geometry import Box2D
from umit.queries import Find
from umit.results import Detection, Detections

from .layouts import layout
from .layouts.draw import picture
from .told import told

TASKS = RELEASED["dz-osamu/UMIT-B"].tasks


def _samples(name: str, root: Path) -> list[Any]:
    root.mkdir()
    layout(name).write(root)
    return told(name, root, **layout(name).LOADS[0])[0]


@pytest.mark.parametrize("name", ["slake", "medmnist-2d", "medmnist-3d", "rsna", "pathvqa"])
def test_samples_come_back_whole(name: str, tmp_path: Path) -> None:
    samples = _samples(name, tmp_path / "in")
    paths = write_shards(samples, tmp_path / "out", each=3)
    assert len(paths) == -(-len(samples) // 3)
    back = list(read_shards(paths))
    for one, other in zip(samples, back, strict=True):
        for field in ("id", "query", "gold", "group", "place", "facts", "task"):
            assert getattr(one, field) == getattr(other, field)
    first, again = samples[0].source.scans()[0], back[0].source.scans()[0]
    np.testing.assert_array_equal(first.voxels.squeeze(), again.voxels.squeeze())


def test_processes_share_shards_without_overlap(tmp_path: Path) -> None:
    samples = _samples("slake", tmp_path / "in")
    paths = write_shards(samples, tmp_path / "out", each=2)
    parts = [[s.id for s in read_shards(paths, rank=rank, world=2)] for rank in (0, 1)]
    assert not set(parts[0]) & set(parts[1])
    assert sorted(parts[0] + parts[1]) == sorted(s.id for s in samples)


@pytest.mark.parametrize("name", ["slake", "iu-xray", "m3d-seg"])
def test_others_read_them_as_web_datasets(name: str, tmp_path: Path) -> None:
    """By ``datasets``' own reader: one schema whatever is asked, and pictures that it decodes."""
    from datasets import load_dataset

    views = [s for s in _samples(name, tmp_path / "in") if name != "iu-xray" or len(s.source.names) > 1]  # fmt: skip
    paths = write_shards(views[:4], tmp_path / "out", each=2, tasks=TASKS)
    rows = load_dataset("webdataset", data_files=list(map(str, paths)), split="train", streaming=True)
    for row, sample in zip(rows, views[:4], strict=True):
        assert row["json"]["id"] == sample.id
        shown = [value for key, value in row.items() if key.rpartition(".")[2] in ("png", "jpg")]
        assert len(shown) == (32 if sample.source.is_volume else len(sample.source.names))
        assert min(shown[0].size) > 20


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", seed=1)
    (tmp_path / "b.png").write_bytes(b"")
    np.save(tmp_path / "c.npy", np.zeros((1, 4, 8, 8), np.float32))

    def found(source: Any, place: str, *corners: float) -> Sample[Any, Any]:
        gold = Detections(items=(Detection(label="a", box=Box2D(*corners)),) if corners else ())
        return Sample(id=place, query=Find("a"), gold=gold, source=source, group="a", place=place)

    film = Files((tmp_path / "a.png",))
    samples = [
        found(Files((tmp_path / "b.png",)), "empty"),
        found(film, "beyond", 1, 2, 3, 61),
        found(film, "fine", 1, 2, 80, 60),
        found(Voxels(tmp_path / "c.npy"), "a volume"),
    ]
    said: list[str] = []
    (path,) = write_shards(samples, tmp_path / "out", tell=said.append)
    assert [sample.id for sample in read_shards([path])] == ["fine"]
    assert said == [
        "empty: left out: b.png: expected a picture, got 0 bytes",
        "beyond: left out: expected a place inside the picture of 80 × 60, got (1, 2, 3, 61)",
        "a volume: left out: expected tasks= to show a volume of other than plain slices, got none",
    ]
    with pytest.raises(DatasetError, match=r"without shards, found samples-000000\.tar"):
        write_shards(samples, tmp_path / "out")
    with pytest.raises(DatasetError, match="at least one sample a shard, got 0"):
        write_shards(samples, tmp_path / "other", each=0)


def test_strangers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "strange.tar"
    with tarfile.open(path, "w") as shard:
        member = tarfile.TarInfo("000000.pkl")
        member.size = 3
        shard.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(DatasetError, match=r"000000\.pkl"):
        list(read_shards([path]))
