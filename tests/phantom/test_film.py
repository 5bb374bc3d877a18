"""Chest films: the same seed, the promised ranges, and boxes that agree with the pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from umit.geometry import Box2D
from umit.phantom.film import CROWDED, DISTRACTORS, FILM, FINDINGS, Film, Finding, draw_film

CLEAN = replace(FILM, grain=0.0, distracted=0.0)


@pytest.fixture(scope="module")
def films() -> list[Film]:
    return [draw_film(seed) for seed in range(90)]


def pairs(films: list[Film], kind: str) -> list[tuple[Film, Finding]]:
    return [(film, one) for film in films for one in film.findings if one.kind == kind]


def longest(box: Box2D) -> float:
    return max(box.x2 - box.x1, box.y2 - box.y1)


def heart_share(film: Film) -> float:
    heart, right, left = (film.anatomy[name] for name in ("heart", "right lung", "left lung"))
    return (heart.x2 - heart.x1) / (left.x2 - right.x1)


def test_same_seed_same_film() -> None:
    first, second = draw_film(7, lateral=True), draw_film(7, lateral=True)
    assert np.array_equal(first.pixels, second.pixels)
    assert first.lateral is not None and second.lateral is not None
    assert np.array_equal(first.lateral, second.lateral)
    assert first.findings == second.findings and first.anatomy == second.anatomy
    assert not np.array_equal(first.pixels, draw_film(8).pixels)


def test_lateral_leaves_the_frontal_film_alone() -> None:
    film = draw_film(3, lateral=True)
    assert np.array_equal(film.pixels, draw_film(3).pixels)
    assert film.lateral is not None and film.lateral.shape == film.pixels.shape


def test_shares(films: list[Film]) -> None:
    assert 0.2 < np.mean([not film.findings for film in films]) < 0.47
    assert 0.2 < np.mean([bool(film.distractors) for film in films]) < 0.47
    assert {name for film in films for name in film.distractors} == set(DISTRACTORS)
    assert all(len(film.findings) <= 3 for film in films)
    assert {one.kind for film in films for one in film.findings} == set(FINDINGS)


def test_crowded_films_hold_three_or_four() -> None:
    counts = [len(draw_film(seed, most=4, settings=CROWDED).findings) for seed in range(20)]
    assert set(counts) == {3, 4}


@pytest.mark.parametrize("most", [0, 1])
def test_most(most: int) -> None:
    assert max(len(draw_film(seed, most=most).findings) for seed in range(8)) == most


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("nodule", 0.02, 0.10), ("cavity", 0.045, 0.125), ("consolidation", 0.095, 0.23)]
)
def test_sizes(films: list[Film], kind: str, low: float, high: float) -> None:
    sizes = [longest(one.box) / film.pixels.shape[1] for film, one in pairs(films, kind)]
    assert low <= min(sizes) and max(sizes) <= high


def test_nodules_are_mostly_small(films: list[Film]) -> None:
    sizes = [longest(one.box) / film.pixels.shape[1] for film, one in pairs(films, "nodule")]
    assert 0.04 < np.median(sizes) <= 0.05


def test_hearts_leave_a_gap(films: list[Film]) -> None:
    enlarged = {film.seed for film, _ in pairs(films, "enlarged heart")}
    wide = [heart_share(film) for film in films if film.seed in enlarged]
    normal = [heart_share(film) for film in films if film.seed not in enlarged]
    assert max(normal) < 0.49 and min(wide) > 0.52


def test_truth_is_in_the_picture(films: list[Film]) -> None:
    for film in films:
        height, width = film.pixels.shape
        for box in (*film.anatomy.values(), *(one.box for one in film.findings)):
            assert 0 <= box.x1 and box.x2 <= width and 0 <= box.y1 and box.y2 <= height
            assert box.space is not None and box.space.size == (width, height)


def test_side_is_where_the_box_is(films: list[Film]) -> None:
    for film in films:
        for one in film.findings:
            if one.side is None:
                assert one.zone is None and one.box == film.anatomy["heart"]
                continue
            lung = film.anatomy[f"{one.side} lung"]
            assert lung.x1 - 12 <= (one.box.x1 + one.box.x2) / 2 <= lung.x2 + 12
            assert one.kind != "effusion" or one.zone == "lower"


def test_findings_are_sorted(films: list[Film]) -> None:
    for film in films:
        keys = [(FINDINGS.index(one.kind), one.box.x1) for one in film.findings]
        assert keys == sorted(keys)


@pytest.mark.parametrize("kind", ["nodule", "effusion", "consolidation"])
def test_box_and_contrast_agree_with_pixels(kind: str) -> None:
    seen = 0
    for seed in range(60):
        film = draw_film(seed, most=1, settings=CLEAN)
        if not film.findings or film.findings[0].kind != kind:
            continue
        one, seen = film.findings[0], seen + 1
        bare = draw_film(seed, most=0, settings=CLEAN).pixels.astype(float)
        added = film.pixels - bare
        noise = (draw_film(seed, most=0, settings=replace(CLEAN, grain=1.0)).pixels - bare).std()
        x1, y1, x2, y2 = (int(v) for v in one.box.corners)
        outside = added.copy()
        soft = 4 if kind != "consolidation" else (x2 - x1) // 4
        outside[max(y1 - soft, 0) : y2 + soft, max(x1 - soft, 0) : x2 + soft] = 0
        assert np.abs(outside).max() <= 1
        if kind == "nodule":
            hit = added > 0.5 * added.max()
            assert abs(np.flatnonzero(hit.any(axis=0))[0] - x1) <= 1
            assert abs(np.flatnonzero(hit.any(axis=1))[-1] + 1 - y2) <= 1
            assert added[hit].mean() / noise == pytest.approx(one.contrast, rel=0.2)
        if seen == 3:
            return
    pytest.fail("three films were expected")


def test_lesions_do_not_overlap(films: list[Film]) -> None:
    for film in films:
        boxes = [one.box for one in film.findings if one.kind in ("nodule", "cavity")]
        for k, a in enumerate(boxes):
            for b in boxes[k + 1 :]:
                assert a.x2 <= b.x1 or b.x2 <= a.x1 or a.y2 <= b.y1 or b.y2 <= a.y1
