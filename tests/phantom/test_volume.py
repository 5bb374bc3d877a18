"""CT volumes: the same seed, exact boxes, and one anatomy whatever the stored order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from umit.geometry import Box3D
from umit.phantom.abdomen import HOSTS, ORGANS
from umit.phantom.volume import CROWDED_VOLUME, VOLUME, Volume, draw_volume

CLEAN = replace(VOLUME, grain=0.0)


@pytest.fixture(scope="module")
def volumes() -> list[Volume]:
    return [draw_volume(seed, settings=CLEAN) for seed in range(24)]


def middle(box: Box3D) -> np.ndarray:
    return np.mean(box.to_mm(), axis=0)


def test_same_seed_same_volume() -> None:
    first, second = draw_volume(4), draw_volume(4)
    assert np.array_equal(first.voxels, second.voxels)
    assert first.organs == second.organs and first.affine == second.affine
    assert first.lesions == second.lesions
    assert first.voxels.dtype == np.int16


def test_grid(volumes: list[Volume]) -> None:
    for one in volumes:
        space = one.organs["liver"].space
        assert space is not None and space.size == one.voxels.shape[::-1]
        columns = np.array(one.affine)[:3, :3]
        assert np.allclose(np.linalg.norm(columns, axis=0), one.spacing)
        slices, *sides = sorted(one.voxels.shape)
        assert 40 <= slices <= 56 and 112 <= min(sides) <= max(sides) <= 128


def test_shares(volumes: list[Volume]) -> None:
    counts = [len(one.lesions) for one in volumes]
    assert set(counts) == {0, 1, 2} and 0.15 < np.mean([n == 0 for n in counts]) < 0.55
    coronal = np.mean([one.spacing[2] < 4 for one in volumes])
    assert 0.05 < coronal < 0.5


def test_crowded_volumes_hold_a_lesion_in_each_organ_or_none() -> None:
    drawn = [draw_volume(seed, settings=CROWDED_VOLUME) for seed in range(8)]
    hosts = {tuple(lesion.organ for lesion in one.lesions) for one in drawn}
    assert hosts == {(), HOSTS}


def test_boxes_lie_inside(volumes: list[Volume]) -> None:
    for one in volumes:
        assert set(one.organs) <= set(ORGANS)
        assert {"liver", "spleen", "kidney-left", "kidney-right"} <= set(one.organs)
        for box in (*one.organs.values(), *(lesion.box for lesion in one.lesions)):
            low, high = np.array(box.corners[:3]), np.array(box.corners[3:])
            assert (low >= 0).all() and (high <= one.voxels.shape[::-1]).all()


@pytest.mark.parametrize(
    ("axis", "low", "high"),
    [
        (0, "spleen", "liver"),
        (0, "kidney-left", "kidney-right"),
        (0, "lung-left", "lung-right"),
        (1, "aorta", "pancreas"),
        (1, "kidney-right", "liver"),
        (2, "kidney-left", "lung-left"),
    ],
)
def test_millimetres_do_not_depend_on_the_stored_order(volumes: list[Volume], axis: int, low: str, high: str) -> None:
    for one in volumes:  # RAS+: x grows to the patient's right, y to the front, z to the head
        if {low, high} <= set(one.organs):  # the scan may end below a lung
            assert middle(one.organs[low])[axis] < middle(one.organs[high])[axis]


def test_lesion_boxes_are_tight() -> None:
    seen = 0
    for seed in range(12):
        one = draw_volume(seed, settings=CLEAN)
        bare = draw_volume(seed, settings=replace(CLEAN, normal=1.0))
        changed = one.voxels != bare.voxels
        expected = np.zeros_like(changed)
        for lesion in one.lesions:
            x1, y1, z1, x2, y2, z2 = (int(v) for v in lesion.box.corners)
            part = (slice(z1, z2), slice(y1, y2), slice(x1, x2))
            expected[part] = True
            inside = changed[part]
            for k in range(3):
                span = inside.any(axis=tuple({0, 1, 2} - {k}))
                assert span[0] and span[-1]
            added = one.voxels[part][inside].astype(float) - bare.voxels[part][inside]
            assert added.mean() == pytest.approx(lesion.contrast, abs=2)
            seen += 1
        assert not (changed & ~expected).any()
    assert seen >= 5


def test_lesion_sizes_and_hosts(volumes: list[Volume]) -> None:
    for one in volumes:
        hosts = [lesion.organ for lesion in one.lesions]
        assert len(set(hosts)) == len(hosts)
        for lesion in one.lesions:
            low, high = np.array(lesion.box.corners[:3]), np.array(lesion.box.corners[3:])
            assert 20 < ((high - low) * one.spacing).max() < 90
            organ = one.organs[lesion.organ].corners
            assert (low >= organ[:3]).all() and (high <= organ[3:]).all()
            assert 50 <= abs(lesion.contrast) <= 120
