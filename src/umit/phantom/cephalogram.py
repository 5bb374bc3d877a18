"""Lateral skull radiographs drawn from a seed, with the nineteen landmarks of ISBI 2015.

A shape model moves the landmarks together (height of the face, length and turn of the mandible,
lips, and more) and then each a little alone. Every structure is drawn through its landmarks, so
each landmark is a tip, a corner, a centre or an extreme of something in the picture. The patient
faces right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from umit.geometry import Point2D, Space
from umit.phantom.canvas import (
    Outline,
    Plane,
    Points,
    Pose,
    Range,
    band,
    cloud,
    curve,
    draw_exposure,
    enlarge,
    expose,
    fill,
    to_bytes,
)

__all__ = ["CEPHALOGRAM", "LANDMARKS", "Cephalogram", "CephalogramSettings", "draw_cephalogram"]

LANDMARKS = (
    "Sella",
    "Nasion",
    "Orbitale",
    "Porion",
    "Subspinale",
    "Supramentale",
    "Pogonion",
    "Menton",
    "Gnathion",
    "Gonion",
    "Lower incisal incision",
    "Upper incisal incision",
    "Upper lip",
    "Lower lip",
    "Subnasale",
    "Soft tissue pogonion",
    "Posterior nasal spine",
    "Anterior nasal spine",
    "Articulare",
)
SE, NA, OR, PO, A, B, PG, ME, GN, GO, LI, UI, UL, LL, SN, SP, PNS, ANS, AR = range(19)
JAW = (B, PG, ME, GN, GO, LI, LL, SP)  # what moves when the mandible turns
MIDFACE = (A, UI, UL, SN, ANS)
LIPS = (UL, LL)
TAG = 0xCEF  # keeps these random streams apart from the other phantoms'

# Laid out by hand after the proportions of an adult skull, in units of the picture's width.
MEAN = np.array(
    [(-0.072, -0.218), (0.198, -0.204), (0.120, -0.098), (-0.170, -0.120), (0.157, 0.060)]
    + [(0.161, 0.212), (0.150, 0.275), (0.108, 0.322), (0.134, 0.306), (-0.132, 0.124)]
    + [(0.190, 0.158), (0.200, 0.150), (0.247, 0.102), (0.238, 0.204), (0.215, 0.046)]
    + [(0.196, 0.290), (-0.026, -0.002), (0.182, 0.024), (-0.144, -0.073)]
)


@dataclass(frozen=True, slots=True)
class CephalogramSettings:
    """Everything that is drawn at random for a cephalogram.

    Args:
        width: Width of the picture in pixels; always even.
        shape: Width over height.
        width_mm: Width of the picture on the patient, in mm.
        shift: Largest shift, as a share of the width.
        scale: Largest relative change of size.
        rotation: Largest rotation, in degrees.
        face: Largest relative change of the face's height.
        jaw: Largest relative change of the mandible's length.
        turn: Largest turn of the mandible about Articulare, in degrees.
        advance: Largest shift of the upper jaw, and of the lips, as a share of the width.
        jitter: Standard deviation of each landmark's own shift, as a share of the width.
        noise: Standard deviation of the white noise, in grey levels.
        grain: Factor on the noise that is really added; 0 draws the clean picture.
        gain: Largest relative change of exposure.
        gamma: Largest relative change of the exposure's exponent.
    """

    width: tuple[int, int] = (436, 532)
    shape: float = 0.806
    width_mm: Range = (185.0, 203.0)
    shift: float = 0.10
    scale: float = 0.10
    rotation: float = 6.0
    face: float = 0.06
    jaw: float = 0.06
    turn: float = 4.0
    advance: float = 0.012
    jitter: float = 0.003
    noise: Range = (4.0, 8.0)
    grain: float = 1.0
    gain: float = 0.30
    gamma: float = 0.15


CEPHALOGRAM = CephalogramSettings()


@dataclass(frozen=True)
class Cephalogram:
    """A lateral skull and its landmarks.

    Args:
        pixels: ``(row, column)``, uint8, bright where dense, the patient facing right.
        spacing: Millimetres per pixel along ``(x, y)``.
        landmarks: A point in source pixels for each of ``LANDMARKS``, in that order.
        seed: The seed that draws this picture again.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    spacing: tuple[float, float]
    landmarks: Mapping[str, Point2D]
    seed: int


def draw_cephalogram(seed: int, *, settings: CephalogramSettings = CEPHALOGRAM) -> Cephalogram:
    """Draw a lateral skull.

    Args:
        seed: Any integer from 0; the same seed draws the same picture.
        settings: Ranges of everything that is random.

    Returns:
        The picture and its landmarks.

    Example:
        >>> len(draw_cephalogram(1).landmarks)
        19
    """
    body, grain = (np.random.default_rng((TAG, seed, k)) for k in range(2))
    width = 2 * int(body.integers(settings.width[0] // 2, settings.width[1] // 2 + 1))
    size = (width, 2 * round(width / settings.shape / 2))
    mm = float(body.uniform(*settings.width_mm)) / width
    space = Space(size=size, spacing=(mm, mm))
    noise = float(body.uniform(*settings.noise))
    pose = Pose.draw(body, size, shift=settings.shift, scale=settings.scale, degrees=settings.rotation)
    exposure = draw_exposure(body, settings.gain, settings.gamma)
    marks = _shape(body, settings)
    picture = enlarge(expose(_paint(body, marks, pose), exposure), size)
    points = (Point2D(float(x), float(y), space) for x, y in pose(marks))
    return Cephalogram(
        pixels=to_bytes(picture, grain, noise * settings.grain),
        spacing=(mm, mm),
        landmarks=dict(zip(LANDMARKS, points, strict=True)),
        seed=seed,
    )


def _shape(rng: Generator, settings: CephalogramSettings) -> Points:
    """Return the landmarks of one patient in body units."""
    marks = MEAN.copy()
    taller = rng.uniform(-settings.face, settings.face)
    marks[:, 1] += taller * (marks[:, 1] - MEAN[NA, 1])
    marks[list(MIDFACE), 0] += rng.uniform(-settings.advance, settings.advance)
    marks[list(LIPS), 0] += rng.uniform(-settings.advance, settings.advance)
    marks[[SE, PO, AR]] += rng.uniform(-settings.advance, settings.advance, 2)
    angle = np.radians(rng.uniform(-settings.turn, settings.turn))
    longer = 1 + rng.uniform(-settings.jaw, settings.jaw)
    turn = longer * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    jaw = list(JAW)
    marks[jaw] = (marks[jaw] - marks[AR]) @ turn.T + marks[AR]
    return marks + rng.normal(0, settings.jitter, marks.shape)


def _paint(rng: Generator, marks: Points, pose: Pose) -> Plane:
    """Return the density at half size, 0..1, without noise."""
    size = pose.size
    soft = fill(size, [(pose(_profile(marks)), 255)], 1.5)
    skull = fill(size, _placed(pose, _skull(marks)), 1.2)
    face = fill(size, _placed(pose, _face(marks)), 0.7)
    jaw = fill(size, _placed(pose, _mandible(marks)), 0.7)
    teeth = fill(size, _placed(pose, _teeth(marks)), 0.5)
    plane: Plane = np.float32(0.04) + np.float32(0.24) * soft + np.float32(0.30) * skull
    plane += np.float32(0.24) * face + np.float32(0.24) * jaw + np.float32(0.28) * teeth
    return plane + np.float32(0.012) * soft * cloud(rng, soft.shape, 9, 40)


def _placed(pose: Pose, outlines: list[Outline]) -> list[Outline]:
    return [(pose(points), level) for points, level in outlines]


def _profile(m: Points) -> Points:
    """Return the skin: forehead, nose, lips, chin and neck, then round the back of the head."""
    nose = m[SN] + (0.062, -0.052)
    gap = (m[UL] + m[LL]) / 2 - (0.022, 0.0)
    fold = (m[LL] + m[SP]) / 2 - (0.030, 0.0)
    chin = m[ME] + (0.005, 0.030)
    top = _vault(m)
    front = [m[NA] + (0.030, -0.12), m[NA] + (0.042, -0.045), m[NA] + (0.028, 0.01)]
    bridge = [m[NA] + (0.045, 0.055), nose, nose + (-0.012, 0.030)]
    lips = [m[SN], (m[SN] + m[UL]) / 2 - (0.003, 0.0), m[UL], gap, m[LL], fold, m[SP], chin]
    neck = [m[GO] + (0.10, 0.17), m[GO] + (0.09, 0.8), m[GO] + (-0.26, 0.8), m[GO] + (-0.24, 0.1)]
    back = [top + (-0.315, 0.04), top + (-0.26, -0.15), top + (0.0, -0.255), top + (0.20, -0.18)]
    return curve(np.array([*front, *bridge, *lips, *neck, *back]), 6)


def _vault(m: Points) -> Points:
    """Return the centre of the brain's case."""
    centre: Points = (m[SE] + m[NA]) / 2 + (-0.125, -0.105)
    return centre


def _skull(m: Points) -> list[Outline]:
    """Return the vault, the skull's base, and the neck's spine."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    round_ = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    vault = _vault(m)
    base = curve([m[NA] + (-0.01, -0.02), m[SE] + (0.03, 0.0), m[AR] + (0.01, 0.01)])
    mastoid = curve([m[PO] + (-0.06, -0.03), m[PO] + (0.01, -0.03), m[AR], m[AR] + (-0.05, 0.05)])
    sinus = curve([m[NA], m[NA] + (0.008, -0.06), m[NA] + (-0.02, -0.08), m[NA] + (-0.035, -0.02)])
    spine = m[GO] + (-0.10, -0.07) + np.array([(0.004 * k, 0.066 * k) for k in range(9)])[:, None]
    block = np.array([(-0.045, 0.0), (0.035, 0.008), (0.035, 0.056), (-0.045, 0.048)])
    return [
        (vault + round_ * (0.292, 0.232), 235),
        (vault + round_ * (0.270, 0.210), 105),
        (base, 165),
        (mastoid, 215),
        (sinus, 185),
        *((piece, 150) for piece in spine + block),
    ]


def _face(m: Points) -> list[Outline]:
    """Return the upper jaw, nasal bone, orbit, sella and ear rod."""
    palate = [m[ANS], (m[ANS] + m[PNS]) / 2 - (0, 0.006), m[PNS], (m[ANS] + m[PNS]) / 2 + (0, 0.014)]
    root = m[UI] + (-0.014, -0.050)
    alveolus = np.array([m[ANS], m[A], m[UI] + (0.002, -0.042), root - (0.05, -0.01), palate[3]])
    nasal = np.array([m[NA], m[NA] + (0.040, 0.075), m[NA] + (0.026, 0.068), m[NA] + (-0.012, 0.03)])
    arc = np.linspace(-0.4, np.pi + 0.3, 18)
    orbit = m[OR] + (0, -0.065) + np.stack([0.058 * np.cos(arc), 0.065 * np.sin(arc)], axis=1)
    cup = np.linspace(-0.5, np.pi + 0.5, 16)
    sella = m[SE] + 0.024 * np.stack([np.cos(cup), np.sin(cup)], axis=1)
    ring = np.linspace(0, 2 * np.pi, 20)
    rod = m[PO] + 0.017 * np.stack([np.cos(ring), np.sin(ring)], axis=1)
    return [
        (np.array(palate), 200),
        (alveolus, 170),
        (nasal, 200),
        (band(orbit, 0.010), 190),
        (band(sella, 0.012), 255),
        (band(rod, 0.010), 255),
    ]


def _mandible(m: Points) -> list[Outline]:
    """Return the lower jaw with a bright rim; Articulare lies on its back border."""
    crest = m[LI] + (-0.012, 0.050)
    knots = [m[AR] + (-0.002, -0.028), m[AR] + (0.034, -0.018), m[AR] + (0.050, 0.05)]
    knots += [m[GO] + (0.105, -0.075), m[GO] + (0.16, -0.035), crest - (0.02, 0.0), crest]
    knots += [m[B], m[PG], m[GN], m[ME], (m[ME] * 0.5 + m[GO] * 0.5) + (0.0, 0.006)]
    outline = curve(np.array([*knots, m[GO], m[GO] * 0.5 + m[AR] * 0.5 + (0.008, 0.0), m[AR]]))
    return [(outline, 130), (band(np.concatenate([outline, outline[:1]]), 0.009), 220)]


def _teeth(m: Points) -> list[Outline]:
    """Return the incisors, whose edges are landmarks, and two rows of molars behind them."""
    upper = [m[UI], m[UI] + (0.002, -0.040), m[UI] + (-0.038, -0.098), m[UI] + (-0.022, -0.034)]
    lower = [m[LI], m[LI] + (0.002, 0.036), m[LI] + (-0.034, 0.092), m[LI] + (-0.018, 0.034)]
    found: list[Outline] = [(np.array(upper), 255), (np.array(lower), 225)]
    crown = np.array([(-0.014, -0.026), (0.014, -0.026), (0.015, 0.0), (-0.015, 0.0)])
    for k in range(4):
        place = m[UI] * (1 - 0.13 * k) + m[GO] * 0.13 * k + (-0.06, -0.004)
        found += [(place + crown, 190), (place + (0.0, 0.006) - crown, 165)]
    return found
