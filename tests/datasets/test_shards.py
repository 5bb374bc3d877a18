"""Shards hold samples with their pictures, stream in bounded memory, and are shared without overlap."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.datasets.shards import read_shards, write_shards
from umit.errors import DatasetError

from .layouts import layout
from .told import told


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


def test_several_views_and_strangers_are_refused(tmp_path: Path) -> None:
    views = [s for s in _samples("iu-xray", tmp_path / "in") if len(s.source.names) > 1]
    with pytest.raises(DatasetError, match="several views"):
        write_shards(views, tmp_path / "out")
    path = tmp_path / "strange.tar"
    with tarfile.open(path, "w") as shard:
        member = tarfile.TarInfo("000000.pkl")
        member.size = 3
        shard.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(DatasetError, match=r"000000\.pkl"):
        list(read_shards([path]))
