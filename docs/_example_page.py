"""Ask the embedded checkpoint about a few phantoms and write the page of that run, the docs' example.

python docs/_example_page.py            # rewrite docs/examples/run.html
python docs/_example_page.py --out FILE
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np

from umit import UMIT
from umit.datasets import Sample
from umit.evaluation.evaluate import evaluate
from umit.evaluation.gallery import pictures_of
from umit.evaluation.page import shown, write_page
from umit.phantom import cases
from umit.phantom.samples import Drawn
from umit.queries import Language

OUT = Path(__file__).parent / "examples" / "run.html"
FILMS, SKULLS, VOLUMES = 24, 3, 4
POINTS = 4  # of each skull
MOST = 1  # cards of each task, language and verdict; the file is part of the repository


#: A phantom is asked many questions, and drawn once.
drawn = cache(cases.draw)


def samples() -> Iterator[Sample[Any, Any]]:
    """Yield the questions about every phantom, in both languages."""
    counts: dict[cases.Kind, int] = {
        "film": FILMS, "single": FILMS, "cephalogram": SKULLS, "volume": VOLUMES,
    }  # fmt: skip
    for kind, count in counts.items():
        for seed in range(cases.HELD_OUT, cases.HELD_OUT + count):
            source = Drawn(kind, seed)
            for language in get_args(Language):
                rng = np.random.default_rng(seed)
                for number, item in enumerate(questions(kind, seed, rng, language)):
                    yield Sample(
                        id=f"{source.names[0]}-{language}-{number}", query=item.query, gold=item.gold,
                        source=source, group=source.names[0],
                    )  # fmt: skip


def questions(kind: cases.Kind, seed: int, rng: np.random.Generator, language: Language) -> Iterable[cases.QAPair]:
    """Return the questions about one phantom."""
    truth: Any = drawn(kind, seed).truth
    if kind == "single":
        return [cases.film_class(truth, language)]
    if kind == "cephalogram":
        return cases.some_landmarks(truth, rng, POINTS, language)
    if kind == "volume":
        return [cases.volume_question(truth, language), *cases.volume_boxes(truth, language)[:2]]
    boxes = cases.film_boxes(truth, language)
    there = [item for item in boxes if item.gold]
    absent = next(item for item in boxes if not item.gold)
    return [*cases.film_questions(truth, rng, language)[:2], *there, absent, cases.film_report(truth, language)]


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        asked = list(samples())
        score = evaluate(UMIT.from_pretrained(), asked, folder)
        pictures = pictures_of(asked, shown(folder, most=MOST))
        write_page(folder, out, pictures=pictures, scored=score, most=MOST)
    print(f"{out}: {len(asked)} questions, {out.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
