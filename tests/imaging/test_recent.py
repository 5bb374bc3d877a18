"""What is remembered is never taken for something else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from umit.errors import InputError
from umit.imaging.recent import Recent, listed
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering

PLAIN = Rendering(frame=None)
BYTES = np.random.default_rng(0).integers(0, 4000, 3000).astype(np.int16)


def test_the_same_bytes_in_two_shapes_are_two_pictures() -> None:
    """30 × 100 and 100 × 30: vLLM's CVE-2025-46722."""
    recent = Recent()
    wide, high = (
        Scan(BYTES.reshape(shape), window=(0.0, 4000.0)) for shape in ((1, 30, 100), (1, 100, 30))
    )
    views = [recent.view((scan,), PLAIN) for scan in (wide, high)]
    assert views[0].frame_size == (100, 30)
    assert views[1].frame_size == (30, 100)
    assert views[0].frames[0].shape != views[1].frames[0].shape


def test_the_same_pixels_in_another_window_are_another_picture() -> None:
    recent = Recent()
    scan = Scan(BYTES.reshape(1, 30, 100), window=(0.0, 4000.0))
    other = scan.windowed((500, 100))
    first, second = (recent.view((one,), PLAIN).frames[0] for one in (scan, other))
    assert not np.array_equal(first, second)
    dark = recent.view((replace(scan, inverted=True),), PLAIN).frames[0]
    assert not np.array_equal(first, dark)
    assert recent.view((scan,), PLAIN).frames[0] is first


def test_another_rendering_and_another_order_are_other_views() -> None:
    recent = Recent()
    one = Scan(BYTES.reshape(1, 30, 100), window=(0.0, 4000.0))
    two = one.windowed((500, 100))
    assert recent.view((one,), PLAIN) is not recent.view((one,), Rendering(frame=(5, 5)))
    both, turned = recent.view((one, two), PLAIN), recent.view((two, one), PLAIN)
    assert np.array_equal(both.frames[0], turned.frames[1])
    assert not np.array_equal(both.frames[0], turned.frames[0])


def test_scans_that_are_gone_are_not_mistaken_for_new_ones() -> None:
    """An id may be used again as soon as its object is gone; a kept view keeps its scan."""
    recent = Recent()
    seen = set()
    for level in range(40):
        scan = Scan(np.full((1, 4, 4), level, np.int16), window=(0.0, 255.0))
        seen.add(int(recent.view((scan,), PLAIN).frames[0][0, 0, 0]))
    assert seen == set(range(40))


def test_a_file_written_again_within_one_tick_of_the_clock_is_read_again(tmp_path: Path) -> None:
    path, recent = tmp_path / "film.bmp", Recent()
    for level in (10, 200, 90):
        Image.new("L", (8, 8), level).save(path)  # the same size in bytes
        os.utime(path, ns=(0, 1_700_000_000_000_000_000 + 10**18))  # and the same time
        (scan,) = recent.scans(path)
        assert int(scan.voxels[0, 0, 0]) == level


def test_a_file_is_read_once(tmp_path: Path) -> None:
    path, recent = tmp_path / "film.png", Recent()
    Image.new("L", (8, 8), 5).save(path)
    assert recent.scans(path)[0] is recent.scans(str(path))[0]
    old = 1_600_000_000 * 10**9
    os.utime(path, ns=(old, old))
    assert recent.scans(path)[0] is recent.scans(path)[0]


def test_one_scan_or_several_in_a_list() -> None:
    scan = Scan(np.zeros((1, 2, 2), np.uint8))
    assert listed(scan) == [scan]
    assert listed((scan, "a.png")) == [scan, "a.png"]
    with pytest.raises(InputError, match="at least one scan"):
        listed([])
