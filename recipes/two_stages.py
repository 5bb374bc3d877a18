"""The paper's two stages: captions and comparisons with everything trained, then the five tasks with the encoder frozen.

DATA is a folder with a folder for each data set, called as ``umit data list`` calls it (``pmc-oa``, ``slake``,
``medmnist-2d.bloodmnist`` …); folders of other names are read as files of one's own, and a folder ``phantoms-12`` stands for twelve drawn ones of each kind. With ``--model Qwen/Qwen2-VL-2B-Instruct
--card dz-osamu/UMIT-B`` it begins where the paper does. The paper's comparisons are not public: those of phantoms stand for
them. Research use only, not a medical device.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from recipes.recipe import Recipe, main, steps
from umit.datasets import NAMES, Sample, load
from umit.imaging.scan import Scan
from umit.phantom import draw_film
from umit.phantom.samples import LANGUAGES, Drawn, Phantoms
from umit.phantom.words import comparison, film_report
from umit.queries import Compare, Describe
from umit.results import Report
from umit.tasks.table import TASKS
from umit.training.parts import Part, joined
from umit.training.stages import INSTRUCT

__all__ = ["RECIPE", "captions", "draw", "read"]

_PHANTOMS: Final = "phantoms-"
_ALIGN: Final = ("caption", "compare")


@dataclass(frozen=True, slots=True)
class _Two:
    """Two drawn films beside each other."""

    first: Drawn
    second: Drawn
    is_volume: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.first.names, *self.second.names)

    def scans(self) -> tuple[Scan, ...]:
        return (*self.first.scans(), *self.second.scans())


def captions(count: int) -> Iterator[Sample[Any, Any]]:
    """Yield a caption of each drawn film, and a comparison with the next, in both languages; pairs share no film."""
    for seed in range(0, 2 * count, 2):
        films = draw_film(seed), draw_film(seed + 1)
        kinds = [[(one.kind, one.side, one.zone) for one in film.findings] for film in films]
        mine, other = Drawn("film", seed), Drawn("film", seed + 1)
        for language in LANGUAGES:
            caption = Report(text=film_report(kinds[0], language))
            compared = Report(text=comparison({k for k, *_ in kinds[0]}, {k for k, *_ in kinds[1]}, language))
            named = f"film-{seed}-{language}"
            yield Sample(id=f"{named}-caption", query=Describe("caption", language=language), gold=caption, source=mine, group=f"film-{seed}")  # fmt: skip
            yield Sample(id=f"{named}-compare", query=Compare(language=language), gold=compared, source=_Two(mine, other), group=f"film-{seed}")  # fmt: skip


def read(root: Path) -> Part:
    """Return the samples of all sets, each with the name of its set."""
    parts = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        if folder.name.startswith(_PHANTOMS):
            count = int(folder.name.removeprefix(_PHANTOMS))
            samples: Any = [*captions(count), *Phantoms(first=0, count=count)]
            part = Part(samples, {"dataset": folder.name, "title": "phantoms", "licence": "Apache-2.0"})
        else:
            name, _, variant = folder.name.partition(".")
            part = Part.of(load(name, folder, variant=variant or None) if name in NAMES else load(folder))
        named = (replace(one, facts=(*one.facts, ("set", folder.name))) for one in part)
        parts.append(Part(named, part.described))
    return joined(parts)


def align(part: Part) -> Part:
    """Return what the first stage is taught."""
    return Part((one for one in part if one.task in _ALIGN), part.described)


def draw(root: Path) -> None:
    """Say that three phantoms of each kind are wanted; they are drawn as they are read."""
    (root / f"{_PHANTOMS}3").mkdir(parents=True, exist_ok=True)


RECIPE: Final = Recipe(
    name="two_stages",
    licence="each set's own",
    read=read,
    draw=draw,
    metrics=tuple(dict.fromkeys((spec.headline.name, spec.headline.unit) for spec in TASKS.values())),
    align=align,
    stages=(INSTRUCT,),
    by=("set",),
    settings=steps(200),
)

if __name__ == "__main__":
    sys.exit(main(RECIPE, __doc__))
