"""Chest films drawn from a seed: frontal, and a lateral view of the same patient.

A patient is painted and exposed at half size and enlarged; lesions, distractors and white noise
are added at full size. A lesion's contrast is therefore measured in the noise that is really in
the film.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from umit.geometry import Box2D, Space
from umit.phantom.canvas import Plane, Pose, Range, band, curve, draw_exposure, enlarge, expose, to_bytes
from umit.phantom.chest import SIDES, Chest, Side, paint_front, paint_side
from umit.phantom.lesions import Patch, draw_effusion, draw_spot, find_room

__all__ = ["CROWDED", "DISTRACTORS", "FILM", "FINDINGS", "Film", "FilmSettings", "Finding", "draw_film"]

Zone: TypeAlias = Literal["upper", "middle", "lower"]
Plan: TypeAlias = Sequence[tuple[str, Side | None]]

FINDINGS = ("nodule", "cavity", "effusion", "consolidation", "enlarged heart")
DISTRACTORS = ("wire", "clip", "rib crossing")
ZONES: tuple[Zone, ...] = ("upper", "middle", "lower")
ENLARGED = ("enlarged heart", None)
TAG = 0xF11  # keeps these random streams apart from the other phantoms'


@dataclass(frozen=True, slots=True)
class FilmSettings:
    """Everything that is drawn at random for a film, as ranges.

    Args:
        height: Film height in pixels; always even.
        aspect: Width over height.
        width_mm: Width of the film on the patient, in mm.
        normal: Share of films without findings.
        fewest: The smallest number of findings of the others.
        twice: Share of films with several findings that show one kind on both sides.
        distracted: Share of films with a distractor.
        nodule: Smallest and largest diameter, as a share of the film's width.
        nodule_median: Median diameter, as a share of the film's width.
        nodule_spread: Standard deviation of the diameter's logarithm.
        cavity: Outer diameter, as a share of the film's width.
        consolidation: Larger side, as a share of the film's width.
        effusion: Height of the fluid, as a share of the lung's height.
        contrast: Mean lesion contrast over the noise's standard deviation.
        contrast_shape: Parameters of the beta distribution of the contrast over its range.
        noise: Standard deviation of the white noise, in grey levels.
        grain: Factor on the noise that is really added; 0 draws the clean film.
        shift: Largest shift, as a share of the film's width.
        scale: Largest relative change of size.
        rotation: Largest rotation, in degrees.
        gain: Largest relative change of exposure.
        gamma: Largest relative change of the exposure's exponent.
        heart: Cardiothoracic ratio of a normal heart.
        enlarged: Cardiothoracic ratio of an enlarged heart.
    """

    height: tuple[int, int] = (480, 560)
    aspect: Range = (0.9, 1.1)
    width_mm: Range = (340.0, 420.0)
    normal: float = 1 / 3
    fewest: int = 1
    twice: float = 0.10
    distracted: float = 1 / 3
    nodule: Range = (0.022, 0.10)
    nodule_median: float = 0.046
    nodule_spread: float = 0.28
    cavity: Range = (0.05, 0.12)
    consolidation: Range = (0.10, 0.22)
    effusion: Range = (0.15, 0.45)
    contrast: Range = (1.0, 5.0)
    contrast_shape: tuple[float, float] = (2.0, 1.4)
    noise: Range = (8.0, 13.0)
    grain: float = 1.0
    shift: float = 0.10
    scale: float = 0.10
    rotation: float = 5.0
    gain: float = 0.30
    gamma: float = 0.15
    heart: Range = (0.40, 0.47)
    enlarged: Range = (0.54, 0.63)


FILM = FilmSettings()
#: Films that teach to look: several findings at once, so that each film shows what is small and rare.
CROWDED = FilmSettings(normal=0.0, fewest=3, twice=0.3)


@dataclass(frozen=True, slots=True)
class Finding:
    """One abnormality that is visible in a film.

    Args:
        kind: One of ``FINDINGS``.
        side: The patient's side; ``None`` for an enlarged heart.
        zone: Vertical third of that lung; ``None`` for an enlarged heart.
        box: Tight half-open box in source pixels of the frontal film.
        contrast: Mean contrast over the noise's standard deviation; 0 for an enlarged heart.
    """

    kind: str
    side: Side | None
    zone: Zone | None
    box: Box2D
    contrast: float = 0.0


@dataclass(frozen=True)
class Film:
    """A chest film and all that is true about it.

    Args:
        pixels: Frontal film ``(row, column)``, uint8, bright where dense, patient right at left.
        lateral: Lateral view of the same size, or ``None``.
        spacing: Millimetres per pixel along ``(x, y)``.
        findings: In the order of ``FINDINGS``, then from left to right; empty if normal.
        anatomy: Boxes of ``"right lung"``, ``"left lung"`` and ``"heart"`` in source pixels.
        distractors: Names of what is drawn but is no finding.
        seed: The seed that draws this film again.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    lateral: NDArray[np.uint8] | None = field(repr=False)
    spacing: tuple[float, float]
    findings: tuple[Finding, ...]
    anatomy: Mapping[str, Box2D]
    distractors: tuple[str, ...]
    seed: int


def draw_film(seed: int, *, lateral: bool = False, most: int = 3, settings: FilmSettings = FILM) -> Film:
    """Draw a chest film.

    Args:
        seed: Any integer from 0; the same seed draws the same film.
        lateral: Whether to draw the lateral view too.
        most: The largest number of findings; 0 draws a normal film.
        settings: Ranges of everything that is random.

    Returns:
        The film and its truth.

    Example:
        >>> draw_film(1).pixels.dtype
        dtype('uint8')
    """
    # One stream a topic, so that the patient and the noise stay the same whatever is found.
    body, plan, place, extra, grain, other = (np.random.default_rng((TAG, seed, k)) for k in range(6))
    kinds = _plan(plan, most, settings)
    height = 2 * int(body.integers(settings.height[0] // 2, settings.height[1] // 2 + 1))
    width = 2 * round(height * body.uniform(*settings.aspect) / 2)
    mm = float(body.uniform(*settings.width_mm)) / width
    space = Space(size=(width, height), spacing=(mm, mm))
    noise = float(body.uniform(*settings.noise))
    pose = Pose.draw(body, space.size, shift=settings.shift, scale=settings.scale, degrees=settings.rotation)
    exposure = draw_exposure(body, settings.gain, settings.gamma)
    chest = Chest.draw(body, pose, settings.enlarged if ENLARGED in kinds else settings.heart)
    picture = enlarge(expose(paint_front(body, chest), exposure), space.size)
    patches = _place(place, kinds, chest, settings)
    for patch in patches:
        patch.add_to(picture, noise)
    distractors = _distract(extra, picture, chest, settings)
    sd = noise * settings.grain
    return Film(
        pixels=to_bytes(picture, grain, sd),
        lateral=to_bytes(_side(other, chest, patches, exposure, noise), other, sd) if lateral else None,
        spacing=(mm, mm),
        findings=_findings(patches, kinds, chest, space),
        anatomy={name: chest.box(name, space) for name in chest.outlines},
        distractors=distractors,
        seed=seed,
    )


def _plan(rng: Generator, most: int, settings: FilmSettings) -> Plan:
    """Return what to draw and on which side, large things first, as small ones fit beside them."""
    if rng.random() < settings.normal or most == 0:
        return ()
    wanted = int(rng.integers(min(settings.fewest, most), most + 1))
    plan: list[tuple[str, Side | None]] = []
    if wanted > 1 and rng.random() < settings.twice:
        kind = ("nodule", "effusion")[int(rng.integers(2))]
        plan = [(kind, "right"), (kind, "left")]
    others = [kind for kind in FINDINGS if kind not in dict(plan)]
    for k in rng.permutation(len(others))[: wanted - len(plan)]:
        side = SIDES[int(rng.integers(2))]
        plan.append((others[int(k)], None if others[int(k)] == "enlarged heart" else side))
    order = ("enlarged heart", "effusion", "consolidation", "cavity", "nodule")
    return sorted(plan, key=lambda item: order.index(item[0]))


def _place(rng: Generator, plan: Plan, chest: Chest, settings: FilmSettings) -> list[Patch]:
    """Draw the shape of each finding of the lungs; none covers another."""
    patches = []
    for kind, side in plan:
        if side is None:
            continue
        low, high = settings.contrast
        contrast = low + (high - low) * float(rng.beta(*settings.contrast_shape))
        if kind == "effusion":
            patch = draw_effusion(rng, side, contrast, chest, settings.effusion)
        else:
            radius = _diameter(rng, kind, settings) * chest.pose.size[0] / 2
            patch = draw_spot(rng, kind, side, radius, contrast, chest)
        patches.append(patch)
        chest.close(*patch.bounds())
    return patches


def _diameter(rng: Generator, kind: str, settings: FilmSettings) -> float:
    """Return a diameter as a share of the film's width."""
    if kind == "nodule":
        share = settings.nodule_median * np.exp(settings.nodule_spread * rng.standard_normal())
        return float(np.clip(share, *settings.nodule))
    return float(rng.uniform(*(settings.cavity if kind == "cavity" else settings.consolidation)))


def _findings(patches: Sequence[Patch], plan: Plan, chest: Chest, space: Space) -> tuple[Finding, ...]:
    found = []
    for patch in patches:
        box = Box2D(*patch.bounds(), space)
        lung = chest.box(f"{patch.side} lung", space)
        third = int(3 * ((box.y1 + box.y2) / 2 - lung.y1) / (lung.y2 - lung.y1))
        zone = "lower" if patch.kind == "effusion" else ZONES[min(max(third, 0), 2)]
        found.append(Finding(patch.kind, patch.side, zone, box, patch.contrast))
    if ENLARGED in plan:
        found.append(Finding(*ENLARGED, None, chest.box("heart", space)))
    return tuple(sorted(found, key=lambda one: (FINDINGS.index(one.kind), one.box.x1)))


def _distract(rng: Generator, picture: Plane, chest: Chest, settings: FilmSettings) -> tuple[str, ...]:
    """Draw one thing that is no finding on a share of the films, and return its name."""
    if rng.random() >= settings.distracted:
        return ()
    kind = DISTRACTORS[int(rng.integers(len(DISTRACTORS)))]
    width, height = chest.pose.size
    canvas = Image.new("L", (width, height))
    pen = ImageDraw.Draw(canvas)
    if kind == "wire":
        _wire(rng, pen, width, height)
    else:
        share = 0.03 if kind == "clip" else 0.02
        _, x, y, _ = find_room(rng, SIDES[int(rng.integers(2))], share * width, True, chest)
        (_clips if kind == "clip" else _crossing)(rng, pen, x, y, width)
    left, top, right, bottom = canvas.getbbox() or (0, 0, 1, 1)
    left, top, right, bottom = (max(left - 3, 0), max(top - 3, 0), min(right + 3, width), min(bottom + 3, height))
    part = canvas.crop((left, top, right, bottom)).filter(ImageFilter.BoxBlur(1))
    picture[top:bottom, left:right] += np.asarray(part, dtype=np.float32)
    return (kind,)


def _wire(rng: Generator, pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
    x = rng.uniform(0.25, 0.75) + np.cumsum(rng.uniform(-0.1, 0.1, 4))
    knots = np.stack([x, [0.0, 0.25, 0.5, rng.uniform(0.6, 0.9)]], axis=1) * (width, height)
    line = curve(knots, 12)[: 3 * 12 + 1]  # the last piece would close the curve
    pen.line(line.ravel().tolist(), fill=int(rng.integers(60, 110)), width=int(rng.integers(3, 6)))


def _clips(rng: Generator, pen: ImageDraw.ImageDraw, x: float, y: float, width: int) -> None:
    for _ in range(int(rng.integers(1, 4))):
        angle, reach = rng.uniform(0, np.pi), rng.uniform(0.006, 0.010) * width
        dx, dy = reach * np.cos(angle), reach * np.sin(angle)
        pen.line((x - dx, y - dy, x + dx, y + dy), fill=220, width=3)
        x, y = x + rng.uniform(-0.015, 0.015) * width, y + rng.uniform(-0.015, 0.015) * width


def _crossing(rng: Generator, pen: ImageDraw.ImageDraw, x: float, y: float, width: int) -> None:
    reach, slope = 0.05 * width, float(rng.choice((-0.5, 0.5)))
    ends = np.array([(x - reach, y - slope * reach), (x + reach, y + slope * reach)])
    pen.polygon(band(ends, 0.022 * width).ravel().tolist(), fill=int(rng.integers(12, 24)))


def _side(rng: Generator, chest: Chest, patches: Sequence[Patch], exposure: Range, noise: float) -> Plane:
    """Return the lateral view in grey levels, with each lesion at its height."""
    plane, pose = paint_side(rng, chest)
    picture = enlarge(expose(plane, exposure), chest.pose.size)
    for patch in patches:
        depth = 0.10 if patch.kind == "effusion" else rng.uniform(-0.06, 0.1)
        middle = int(pose(np.array([depth, 0.0]))[0])
        patch.add_to(picture, noise, max(middle - patch.mask.shape[1] // 2, 0))
    return picture
