"""Lateral skulls: the same seed, landmarks inside the picture, and each one visible in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from umit.phantom.cephalogram import CEPHALOGRAM, LANDMARKS, Cephalogram, draw_cephalogram

CLEAN = replace(CEPHALOGRAM, grain=0.0)


@pytest.fixture(scope="module")
def skulls() -> list[Cephalogram]:
    return [draw_cephalogram(seed, settings=CLEAN) for seed in range(30)]


def test_same_seed_same_picture() -> None:
    first, second = draw_cephalogram(5), draw_cephalogram(5)
    assert np.array_equal(first.pixels, second.pixels)
    assert first.landmarks == second.landmarks
    assert first.landmarks != draw_cephalogram(6).landmarks


def test_size_and_order(skulls: list[Cephalogram]) -> None:
    for one in skulls:
        height, width = one.pixels.shape
        assert width / height == pytest.approx(0.806, abs=0.005)
        assert tuple(one.landmarks) == LANDMARKS and len(LANDMARKS) == 19
        assert 0.34 < one.spacing[0] < 0.47


def test_landmarks_lie_inside(skulls: list[Cephalogram]) -> None:
    for one in skulls:
        height, width = one.pixels.shape
        for point in one.landmarks.values():
            assert 0.03 * width < point.x < 0.97 * width
            assert 0.03 * height < point.y < 0.97 * height


@pytest.mark.parametrize("name", LANDMARKS)
def test_each_landmark_lies_on_structure(skulls: list[Cephalogram], name: str) -> None:
    for one in skulls:
        x, y = (int(v) for v in (one.landmarks[name].x, one.landmarks[name].y))
        around = one.pixels[y - 14 : y + 15, x - 14 : x + 15].astype(float)
        assert np.ptp(around) > 20


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Porion", "Orbitale"),
        ("Posterior nasal spine", "Anterior nasal spine"),
        ("Pogonion", "Soft tissue pogonion"),
        ("Gonion", "Menton"),
        ("Upper incisal incision", "Upper lip"),
    ],
)
def test_the_patient_faces_right(skulls: list[Cephalogram], left: str, right: str) -> None:
    assert all(one.landmarks[left].x < one.landmarks[right].x for one in skulls)


def test_landmarks_move_with_the_shape(skulls: list[Cephalogram]) -> None:
    shares = []
    for one in skulls:
        marks = one.landmarks
        jaw = np.hypot(marks["Gonion"].x - marks["Menton"].x, marks["Gonion"].y - marks["Menton"].y)
        base = np.hypot(marks["Sella"].x - marks["Nasion"].x, marks["Sella"].y - marks["Nasion"].y)
        shares.append(jaw / base)
    assert np.std(shares) > 0.02
