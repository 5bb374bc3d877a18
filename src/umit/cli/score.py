"""``umit score``: numbers from a journal, without a model."""

from __future__ import annotations

import json
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from umit.cli.parse import Commands
from umit.cli.table import table
from umit.errors import InputError

if TYPE_CHECKING:
    from umit.datasets import Sample
    from umit.evaluation.score import Score

__all__ = ["add", "add_output", "plain", "print_score", "write_page_of"]

_WIDTHS: Final = (14, 3, 16, 12, 24, 8, 17, 6, 10)
_HEAD: Final = ("task", "", "part", "protocol", "metric", "value", "95 %", "n", "unreadable")


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("score", help="score a run again, without a model")
    parser.add_argument("folder", metavar="DIR", help="the folder of a run, or of its shards")
    parser.add_argument(
        "--root", help="the folder of the data set's files, for the page's pictures"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print a Markdown table, for a model card"
    )
    parser.set_defaults(run=_score)
    add_output(parser)


def add_output(parser: ArgumentParser) -> None:
    """Add how numbers are broken down and shown."""
    parser.add_argument(
        "--by", action="append", default=[], metavar="FACT", help="such as modality"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--page", metavar="OUT", help="write one HTML file with scores, charts and items"
    )


def _score(given: Namespace) -> int:
    from umit.evaluation.markdown import as_markdown
    from umit.evaluation.score import score

    found = score(given.folder, by=given.by)
    if given.page:
        write_page_of(found, given, _samples(found, given.root) if given.root else None)
    if given.markdown and not given.json:
        print(as_markdown(found), end="")
        return 3 if found.failed else 0
    return print_score(found, given)


def _samples(found: Score, root: str) -> Iterable[Sample[Any, Any]]:
    """Return the samples that a run asked, by its manifest."""
    from umit.datasets import load

    said = found.manifest
    if "split" not in said:
        raise InputError(
            "expected a run of a named data set for --root, got one of samples from elsewhere",
            code="dataset",
            hint="Leave --root away; the page then has no pictures.",
        )
    languages = said["languages"]
    return load(
        said["dataset"], root, split=said["split"], variant=said["variant"] or None,
        language=languages[0] if len(languages) == 1 else None,
        resplit=said["resplit"], seed=said["seed"],
    )  # fmt: skip


def write_page_of(
    found: Score, given: Namespace, samples: Iterable[Sample[Any, Any]] | None
) -> None:
    """Write the page of a run, with pictures where the data set's files are given."""
    from umit.evaluation.gallery import pictures_of
    from umit.evaluation.page import shown, write_page

    pictures = None if samples is None else pictures_of(samples, shown(given.folder))
    write_page(given.folder, given.page, pictures=pictures, scored=found)


def print_score(found: Score, given: Namespace) -> int:
    """Print a score; 3 if items have no answer yet."""
    if given.json:
        print(json.dumps(plain(asdict(found)), ensure_ascii=False))
        return 3 if found.failed else 0
    rows = [_HEAD]
    for row in found.rows:
        if math.isnan(row.value):
            continue
        value = f"{row.value:.3f}{' ' + row.unit if row.unit else ''}"
        between = "" if math.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
        rows.append(
            (row.task, row.language, row.part, row.protocol, row.metric, value, between, str(row.n), str(row.unreadable))
        )  # fmt: skip
    print(table(rows, _WIDTHS))
    if found.failed:
        print(f"{found.failed} items have no answer yet; the same command asks them again")
    print(
        "Intervals: bootstrap over pictures or patients. Research use only, not a medical device."
    )
    return 3 if found.failed else 0


def plain(value: Any) -> Any:
    """Return JSON values; a number that is none becomes null."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
