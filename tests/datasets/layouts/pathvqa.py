"""PathVQA as the authors' pickles: names without a suffix, double blanks, capitals; and in its other forms."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path
from typing import Any

from .draw import picture

LOADS: list[dict[str, Any]] = [{}, {"split": "train"}, {"split": "val"}, {"split": "test"}]

_ROWS = {
    "train": [
        ("train_0001", "Is  this  tissue normal ?", "Yes"),
        ("train_0001", "Where is the tumor ?", "In the wall of the colon"),
    ],
    "val": [("val_0001", "does this image show fibrosis?", "no")],
    "test": [("test_0001", "what is present?", "a granuloma")],
}
_COLUMNS = ("image", "question", "answer")


def write(root: Path) -> None:
    """Write ``pvqa/qas`` and ``pvqa/images``; one picture is CMYK, one is grey."""
    for split, rows in _ROWS.items():
        folder = root / "pvqa" / "qas" / split
        folder.mkdir(parents=True)
        listed = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
        (folder / f"{split}_qa.pkl").write_bytes(pickle.dumps(listed))
        mode = {"train": "CMYK", "val": "L", "test": "RGB"}[split]
        picture(root / "pvqa" / "images" / split / f"{split}_0001.jpg", seed=len(split), mode=mode)


def write_tables(root: Path) -> None:
    """Write ``data/*.parquet`` as the hub has it: pictures inside, some unnamed, text lower-cased."""
    import pyarrow
    from pyarrow import parquet

    (root / "data").mkdir(parents=True)
    for split, rows in _ROWS.items():
        name = {"val": "validation"}.get(split, split)
        picture(root / "one.jpg", seed=len(split))
        image = {"bytes": (root / "one.jpg").read_bytes(), "path": None}
        listed = [
            {"image": image, "question": " ".join(asked.split()).replace(" ?", "?").lower(), "answer": answer.lower()}
            for _, asked, answer in rows
        ]  # fmt: skip
        table = pyarrow.Table.from_pylist(listed)
        parquet.write_table(table, root / "data" / f"{name}-00000-of-00001-0123456789abcdef.parquet")
    (root / "one.jpg").unlink()


def write_csv(root: Path) -> None:
    """Write ``*_metadata.csv`` with pictures beside, in folders by split."""
    for split, rows in _ROWS.items():
        with (root / f"{split}_metadata.csv").open("w", encoding="utf-8", newline="") as file:
            lines = [(f"{split}/{name}.jpg", asked, answer) for name, asked, answer in rows]
            csv.writer(file).writerows([("file_name", "question", "answer"), *lines])
        picture(root / split / f"{split}_0001.jpg", seed=len(split))
