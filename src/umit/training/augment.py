"""Small changes of pictures while training, marks and all: other exposures, other cuts, a film laid askew, noise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import numpy as np

from umit.datasets.dataset import Sample
from umit.datasets.picture_files import moved
from umit.errors import InputError
from umit.evaluation.sides import swap_sides
from umit.geometry import Mark
from umit.imaging.scan import Scan
from umit.imaging.warp import Warp
from umit.results import Detections
from umit.tasks.table import TASKS
from umit.training.looks import Look, warped
from umit.training.shown import Store

__all__ = ["LIGHT", "Augmentation"]

_TRIES: Final = 8  # draws of a change that keeps every mark inside; then the picture stays in its place
#: Two numbers in brackets: coordinates in words, which would be of the unchanged picture.
_PLACES: Final = re.compile(r"[(\[（]\s*-?\d+(?:\.\d+)?\s*[,，]\s*-?\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How far pictures are changed; a change is drawn anew in each pass, evenly within these ranges.

    All of it happens to what is shown, after the window: Hounsfield units are never touched. Boxes and points move
    with their picture, and none leaves it. Boxes are not turned, since the tight box of a turned thing is not known
    from its box; nor are pictures that are asked about by coordinates in words moved at all. Volumes are changed
    within their slices, all slices alike.

    Args:
        turn: Degrees, either way.
        zoom: Smallest and largest.
        stretch: Largest share by which width and height come apart.
        shift: Share of the sides, either way.
        gamma: Smallest and largest exponent of the grey levels, ``1`` being none.
        contrast: Smallest and largest factor about the middle grey.
        brightness: Share of the shown range, either way.
        noise: Largest standard deviation of Gaussian noise, of the shown range; half of the pictures have none.
        flip: Whether half of the films are mirrored, where neither question nor answer names a side. Off unless it is
            asked for: a mirrored chest has its heart on the right.

    Raises:
        InputError: A range that is none.
    """

    turn: float = 7.0
    zoom: tuple[float, float] = (0.9, 1.15)
    stretch: float = 0.1
    shift: float = 0.05
    gamma: tuple[float, float] = (0.7, 1.5)  # nnU-Net (Isensee et al. 2021, Supplementary Note 4)
    contrast: tuple[float, float] = (0.75, 1.25)  # likewise
    brightness: float = 0.15
    noise: float = 0.06
    flip: bool = False

    def __post_init__(self) -> None:
        """Refuse ranges that no picture survives."""
        for name, (low, high) in {"zoom": self.zoom, "gamma": self.gamma, "contrast": self.contrast}.items():
            if not 0 < low <= high < np.inf:
                raise InputError(f"expected a range above 0, low before high, got {(low, high)}", where=name)
        for name, most in {"turn": 45, "stretch": 1, "shift": 0.5, "brightness": 1, "noise": 1}.items():
            if not 0 <= getattr(self, name) <= most:
                raise InputError(f"expected a number from 0 to {most}, got {getattr(self, name)}", where=name)

    def __str__(self) -> str:
        said = (f"{one.name} {getattr(self, one.name)}" for one in fields(self))
        return ", ".join(said)

    def __call__(self, sample: Sample[Any, Any], store: Store, drawn: Sequence[int]) -> Sample[Any, Any]:
        """Return a sample whose pictures are changed, and its true answer with them.

        Args:
            sample: Unchanged.
            store: Shows its pictures.
            drawn: What the change is drawn by, beside the pictures' names: all questions about them get the same,
                unless a mark would leave.

        Raises:
            InputError: A picture cannot be read.
            DatasetError: A mark lies outside its picture.
        """
        shown = store(sample)
        named = crc32("\n".join(Path(name).name for name in sample.source.names).encode())
        dice = np.random.default_rng((*drawn, named))
        looks = [self._look(dice) for _ in shown]
        gold = moved(sample.gold, [one.geometry for one in shown])
        warps, gold = self._placed(replace(sample, gold=gold), [one.size for one in shown], dice)
        scans = tuple(
            replace(one, pixels=look(warped(one.pixels, warp))).scan
            for one, warp, look in zip(shown, warps, looks, strict=True)
        )
        return replace(sample, source=_Changed(sample.source.names, sample.source.is_volume, scans), gold=gold)

    def _placed(
        self, sample: Sample[Any, Any], sizes: Sequence[tuple[int, int]], dice: np.random.Generator
    ) -> tuple[list[Warp], Any]:
        """Draw where each picture goes; return it with the true answer there."""
        mirror = bool(dice.integers(2)) and self.flip and not sample.source.is_volume and _sideless(sample)
        askew = TASKS[sample.task].result is not Detections
        for _ in range(_TRIES if not _coordinates(sample) else 0):
            warps = [self._warp(dice, size, askew=askew, mirror=mirror) for size in sizes]
            gold = sample.gold.moved(partial(_moved, warps=warps))
            if all(warps[view or 0].holds(mark) for mark, view in zip(gold.marks, gold.views, strict=True)):
                return warps, gold
        return [Warp(size=size) for size in sizes], sample.gold

    def _warp(self, dice: np.random.Generator, size: tuple[int, int], *, askew: bool, mirror: bool) -> Warp:
        degrees = dice.uniform(-self.turn, self.turn)
        zoom, apart = dice.uniform(*self.zoom), 1 + dice.uniform(-self.stretch, self.stretch) / 2
        right, down = dice.uniform(-self.shift, self.shift, 2)
        return Warp(
            size=size, degrees=degrees if askew else 0.0, zoom=(zoom * apart * (-1 if mirror else 1), zoom / apart),
            shift=(right * size[0], down * size[1]),
        )  # fmt: skip

    def _look(self, dice: np.random.Generator) -> Look:
        return Look(
            gamma=dice.uniform(*self.gamma), contrast=dice.uniform(*self.contrast),
            brightness=dice.uniform(-self.brightness, self.brightness), noise=dice.integers(2) * dice.uniform(0, self.noise), seed=int(dice.integers(1 << 32)),
        )  # fmt: skip


#: What `umit train` does unless it is told otherwise.
LIGHT: Final = Augmentation()


@dataclass(frozen=True, slots=True, eq=False)
class _Changed:
    """Pictures that are changed already."""

    names: tuple[str, ...]
    is_volume: bool
    changed: tuple[Scan, ...]

    def scans(self) -> tuple[Scan, ...]:
        return self.changed


def _moved(mark: Mark, view: int | None, *, warps: Sequence[Warp]) -> Mark:
    return warps[view or 0].mark(mark)


def _words(sample: Sample[Any, Any]) -> list[str]:
    found: list[str] = []

    def noted(text: str) -> str:
        found.append(text)
        return text

    sample.query.mapped(noted)
    sample.gold.mapped(noted)
    return found


def _coordinates(sample: Sample[Any, Any]) -> bool:
    return any(_PLACES.search(text) for text in _words(sample))


def _sideless(sample: Sample[Any, Any]) -> bool:
    """Tell whether no word of question, options and answer names a side, or may name one."""
    try:
        return all(swap_sides(text) == text for text in _words(sample))
    except InputError:
        return False
