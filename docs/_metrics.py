"""Write ``reference/metrics.md``: every number of every task, whose rule it is, and what an unreadable answer costs.

Run ``python docs/_metrics.py`` after changing a metric; a test holds the page against the code.
"""

from __future__ import annotations

from pathlib import Path

from umit.checkpoints import PHANTOM, RELEASED
from umit.evaluation.score import SOURCES, protocols
from umit.metrics.landmarks import canvas_floor_mm
from umit.metrics.metric import Metric
from umit.metrics.optional import OPTIONAL
from umit.metrics.sizes import SIZES
from umit.results import Result
from umit.tasks.table import TASKS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "metrics.md"
FILM, SPACING = (1935, 2400), (0.1, 0.1)  # of the ISBI 2015 challenge

HEAD = """<!-- Written by docs/_metrics.py; do not edit by hand. -->

# Metrics

One file of answers gives all of these side by side. The same name under two protocols is two numbers, and
neither can be compared with the other. [How to evaluate](../how-to/evaluate.md) shows them in use;
`umit score RUN --protocol NAME` keeps to one protocol.

Unreadable answers are in every count. What one costs differs, so it is stated for each number. Intervals are
bootstraps over pictures or patients, at 95 %. A number that needs probabilities, scores, spacing or another
language is left out where there are none.

## Protocols

| Protocol | Rule | Tasks |
|---|---|---|
"""
TABLE = """
| Metric | Protocol | Best | An unreadable answer | What is counted |
|---|---|---|---|---|
"""
OPEN = """
The first is an open question's one number: exact match is 0 for a right answer within a sentence, recall 1 for one that names
everything. F1 of words is what the field reports where it wants one number, such as MedGemma's "tokenized F1" of SLAKE and
VQA-RAD (arXiv:2507.05201).

Open METEOR is nltk's. **It is M3D's published number only where nltk finds WordNet on this machine**, for synonyms; umit
fetches nothing. Without WordNet stems count and synonyms do not, as a rule a lower number, and `umit score` says so on stderr.
`python -m nltk.downloader wordnet` puts it there. Without `umit[reports]` the number is left out.
"""
LANDMARKS = """
Each landmark by itself: `umit score RUN --by landmark`.

No model can be better than the whole numbers that it writes. `umit score` gives each radial error and rate a second row,
"frame floor": what the exact truth of the same answers gets, written and read back in the card's frame. On a film of {width} × {height} pixels at 0.1 mm, as in the
ISBI 2015 challenge, a perfect model has this mean radial error:

| Canvas | Cards | Floor |
|---|---|---|
"""
BOXES = """
By size of what is to be found: `umit score RUN --by size_px` or `--by size_mm`.

| Part | Sizes | Rule |
|---|---|---|
| `size_px` | {size_px} | area of the true box in pixels of the file, limits 32² and 96², as COCO has them; films |
| `size_mm` | {size_mm} | longest side of the true box where spacing is known; 10 mm is the least that RECIST 1.1 measures, beyond 30 mm the Fleischner Society says mass |

Each true box counts in its own size, so an answer about two sizes is in both. A found box that belongs to a true box of
another size is left out there. What is not there has no size: false boxes stand in the whole alone.

Mean IoU and Acc have a second row, "frame floor": what the exact truth gets in whole numbers of the card's frame. There is
none for volumes that the card crops, as UMIT's does, since a run does not keep what was cropped.

Intervals of mAP and AP@0.5 draw pictures 1,000 times like all others; boxes are matched once.
"""
EXTRAS = """
## Off by default

`umit score RUN --also METEOR` adds a score of reports, captions and comparisons that loads a model or starts a program.
It is METEOR 1.5, another number than nltk's. umit's tests run METEOR alone; the others need weights that you download, and were never run with those. BERTScore and
CheXbert were run with random weights. RadGraph and RaTEScore were compared with their packages' source only; RadGraph
0.1.18 calls tokenizer methods that transformers 5 no longer has, and may fail with it. What is shown is the mean over texts,
of METEOR too. A blank text has BERTScore 0.

| Score | Package | Languages | Extra |
|---|---|---|---|
"""


def best(metric: Metric[Result]) -> str:
    """Return a metric's best value with its unit; empty where it depends on the truth."""
    if metric.best is None:
        return metric.unit
    return f"{metric.best:g} {metric.unit}".strip()


def row(metric: Metric[Result]) -> str:
    """Return a metric's line."""
    return f"| {metric.name} | {metric.protocol} | {best(metric)} | {metric.unreadable} | {metric.note} |\n"


def tasks() -> dict[tuple[Metric[Result], ...], list[str]]:
    """Return what is scored, with the tasks that have it."""
    found: dict[tuple[Metric[Result], ...], list[str]] = {}
    for task, spec in TASKS.items():
        found.setdefault(spec.metrics, []).append(f"`{task}`")
    return found


def floors() -> str:
    """Return what each canvas of landmarks costs."""
    frames: dict[tuple[int, int], list[str]] = {}
    for card in (*RELEASED.values(), PHANTOM):
        task = card.tasks.get("landmark")
        if task is not None and task.film is not None:
            frames.setdefault(task.film.frame, []).append(card.name)
    lines = ""
    for frame, cards in frames.items():
        floor = canvas_floor_mm(frame, FILM, SPACING)
        lines += f"| {frame[0]} × {frame[1]} | {', '.join(cards)} | {floor:.3f} mm |\n"
    return LANDMARKS.format(width=FILM[0], height=FILM[1]) + lines


def page() -> str:
    """Return the page."""
    text = HEAD
    for name, scored in protocols().items():
        text += f"| {name} | {SOURCES[name]} | {', '.join(f'`{task}`' for task in scored)} |\n"
    for metrics, names in tasks().items():
        text += f"\n## {', '.join(names)}\n" + TABLE + "".join(map(row, metrics))
        if "`answer_open`" in names:
            text += OPEN
        if "`detect_2d`" in names:
            text += BOXES.format(**{rule: ", ".join(sizes) for rule, sizes in SIZES.items()})
        if "`landmark`" in names:
            text += floors()
    text += EXTRAS
    for name, scorer in OPTIONAL.items():
        text += f"| {name} | {scorer.protocol} | {', '.join(scorer.languages)} | `{scorer.extra}` |\n"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
