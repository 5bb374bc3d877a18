"""One task of a hospital's own, from a csv: bacterial or viral pneumonia, or neither, on films of children.

The data are Kermany's training part, ``NORMAL`` and ``PNEUMONIA``. Their file names hold patient and kind; they are written
into a csv as a department would keep it, ``film,patient,kind`` with letters for kinds, and read from it as any csv is. Every
third patient is taken, which is what a few minutes can go through. Research use only, not a medical device.
"""

from __future__ import annotations

import csv
import hashlib
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from PIL import Image

from recipes.recipe import Recipe, main, steps
from umit.datasets import load
from umit.phantom import draw_film
from umit.training.parts import Part

__all__ = ["RECIPE", "draw", "read", "write_table"]

_FIELDS: Final = {
    "image": "film", "group": "patient", "label": "kind",
    "B": "bacterial pneumonia", "V": "viral pneumonia", "N": "no pneumonia",
}  # fmt: skip
_NAME: Final = re.compile(r"(?:(?P<ill>person\d+)_(?P<kind>bacteria|virus)|(?P<well>(?:NORMAL2-)?IM-\d+))")
_ONE_OF: Final = 3  # patients is taken


def write_table(root: Path, path: Path) -> None:
    """Write the csv of a folder of films: a row a film, of every third patient; a copy of another's film is left out."""
    rows: dict[str, list[tuple[str, str, str]]] = {}
    seen: set[bytes] = set()
    for film in sorted(root.glob("*/*.*")):
        content = hashlib.sha256(film.read_bytes()).digest()
        if (found := _NAME.match(film.name)) is not None and content not in seen:
            seen.add(content)
            patient = found["ill"] or found["well"]
            kind = {"bacteria": "B", "virus": "V", None: "N"}[found["kind"]]
            rows.setdefault(patient, []).append((film.relative_to(root).as_posix(), patient, kind))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("film", "patient", "kind"))
        for patient in sorted(rows)[::_ONE_OF]:
            table.writerows(rows[patient])


def read(root: Path) -> Part:
    """Return a sample a film, through the csv."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "films.csv"
        write_table(root, path)
        return Part.of(load(path, root, fields=_FIELDS))


def draw(root: Path) -> None:
    """Draw films of 18 patients, a third of each kind."""
    for number in range(18):
        kind = ("bacteria", "virus", "normal")[number // 3 % 3]
        folder, name = (
            ("NORMAL", f"IM-{number:04d}-0001") if kind == "normal" else ("PNEUMONIA", f"person{number}_{kind}_1")
        )
        (root / folder).mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw_film(number).pixels).save(root / folder / f"{name}.png")


RECIPE: Final = Recipe(
    name="hospital",
    licence="CC BY 4.0, Kermany, Zhang and Goldbaum 2018 (doi:10.17632/rscbjbr9sj)",
    read=read,
    draw=draw,
    metrics=(("accuracy", ""), ("AUC", ""), ("macro F1", "")),
    settings=steps(600),
)

if __name__ == "__main__":
    sys.exit(main(RECIPE, __doc__))
