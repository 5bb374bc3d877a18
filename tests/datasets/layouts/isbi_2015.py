"""ISBI 2015: two doctors who differ, 19 lines of points and 8 of classes, line ends of another system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from .draw import pixels

LOADS: list[dict[str, Any]] = [{}, {"split": "train", "language": "en"}, {"split": "test", "variant": "junior"}]


def point(number: int, landmark: int, doctor: str) -> tuple[int, int]:
    """Return a landmark in pixels of 1935 × 2400; the junior sees it 3 and 1 further."""
    apart = (3, 1) if doctor == "junior" else (0, 0)
    return 300 + 60 * landmark + number % 7 + apart[0], 500 + 90 * landmark + apart[1]


def write(root: Path) -> None:
    """Write three films, one a split, and what both doctors marked."""
    for number, folder in ((1, "TrainingData"), (151, "Test1Data"), (400, "Test2Data")):
        film = root / "RawImage" / folder / f"{number:03d}.bmp"
        film.parent.mkdir(parents=True)
        channels = 3 if number == 400 else 0  # grey ones are read and drawn three times as fast
        Image.fromarray(pixels(number, 60, 80, channels)).resize((1935, 2400), 0).save(film)
        for doctor in ("senior", "junior"):
            marks = root / "AnnotationsByMD" / f"400_{doctor}"
            marks.mkdir(parents=True, exist_ok=True)
            lines = ["{},{}".format(*point(number, k, doctor)) for k in range(19)]
            lines += ["1", "2", "3", "1", "1", "2", "1", "4", ""]
            (marks / f"{number:03d}.txt").write_bytes("\r\n".join(lines).encode())
