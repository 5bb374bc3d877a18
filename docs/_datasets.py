"""Write ``reference/datasets.md``: every data set umit reads, and a training row built from each.

Run ``python docs/_datasets.py`` after changing a source; a test holds the page against the code. The rows come
from the small copies of each layout that the tests draw, so no line of real data is in the page.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

from umit.chat import spell
from umit.checkpoints import RELEASED
from umit.datasets import NAMES, Dataset, describe, load
from umit.datasets.ask import asked

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "datasets.md"
CARD = RELEASED["dz-osamu/UMIT-B"]

HEAD = """<!-- Written by docs/_datasets.py; do not edit by hand. -->

# Data sets

`umit.datasets.load(name, root, split=…, language=…)` reads the files of the original download and yields samples:
a question, its true answer in the coordinates of the file, and where its pictures are. Nothing is downloaded,
and no row of any data set comes with umit. [How to](../how-to/read-data-sets.md) shows it in use.

Sizes are those that were published. They are reported, never required: partial copies are common.
Licences are stated in short; read the owners' own.

"""
EACH = """
## {title}

| | |
|---|---|
| Name | `{name}` |
| Tasks | {tasks} |
| Languages | {languages} |
| Rows | {sizes} |
| Splits | {splitting} |
| Licence | {licence} |
| Where | {home} |
| Published | {citation} |
{more}
A training row, from a drawn copy of the layout:

```text
{row}
```
"""


def layouts() -> dict[str, object]:
    """Return what draws a copy of each data set."""
    sys.path.insert(0, str(ROOT))
    try:
        from tests.datasets.layouts import layout

        return {name: layout(name) for name in NAMES}
    finally:
        sys.path.remove(str(ROOT))


def row(name: str, made: object) -> str:
    """Return prompt and answer of the first sample, as training gets them."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.write(Path(folder))  # type: ignore[attr-defined]
        given = made.LOADS[0]  # type: ignore[attr-defined]
        sample = next(iter(load(name, folder, **given)))
        request, answer = next(iter(asked(sample, CARD.tasks)))
    pictures = len(request.frames)
    shown = f"({pictures} {'slices' if sample.source.is_volume else 'picture' + 's' * (pictures > 1)})"
    return f"{shown} {spell(request.words)}\n-> {answer}"


def section(dataset: Dataset, made: object) -> str:
    """Return the part of the page about one data set."""
    sizes = ", ".join(
        f"{split} {'unknown' if size is None else format(size, ',')}" for split, size in dataset.splits.items()
    )
    more = ""
    if dataset.variants:
        more += f"| Variants | {', '.join(f'`{v}`' for v in dataset.variants)} |\n"
    if dataset.fields:
        more += f"| Fields to name | {', '.join(f'`{f}`' for f in dataset.fields)} |\n"
    return EACH.format(
        title=dataset.title,
        name=dataset.name,
        tasks=", ".join(f"`{task}`" for task in dataset.tasks),
        languages=", ".join(dataset.languages),
        sizes=sizes or "as many as the files hold",
        splitting=dataset.splitting,
        licence=dataset.licence,
        home=dataset.home,
        citation=dataset.citation,
        more=more,
        row=row(dataset.name, made),
    )


def page() -> str:
    """Return the page."""
    made = layouts()
    return HEAD + "".join(section(describe(name), made[name]) for name in NAMES).lstrip("\n")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
