"""``umit evaluate`` and ``umit score``: a data set asked into a journal, and numbers from the journal."""

from __future__ import annotations

import argparse
import json
import math
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from umit.cli.parse import LANGUAGES, Commands, add_model
from umit.cli.table import table
from umit.errors import InputError

if TYPE_CHECKING:
    from umit.datasets import Sample
    from umit.evaluation.score import Score

__all__ = ["add", "plain"]

_WIDTHS: Final = (14, 3, 16, 12, 24, 8, 17, 6, 10)
_HEAD: Final = ("task", "", "part", "protocol", "metric", "value", "95 %", "n", "unreadable")


def add(commands: Commands) -> None:
    """Add both commands."""
    parser = commands.add_parser("evaluate", help="ask a data set and score the answers")
    parser.add_argument("name", metavar="NAME", help="see umit data list")
    parser.add_argument("--root", required=True, help="the folder of its files")
    parser.add_argument(
        "--run", required=True, metavar="DIR", dest="folder", help="where answers are kept"
    )
    parser.add_argument("--split", help="train, validation or test")
    parser.add_argument("--language", choices=LANGUAGES)
    parser.add_argument("--variant", help="such as MedMNIST's pneumoniamnist")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N samples")
    parser.add_argument(
        "--shard", type=_shard, default=(1, 1), metavar="K/N", help="this process's share"
    )
    add_model(parser)
    parser.set_defaults(run=_evaluate)
    scored = commands.add_parser("score", help="score a run again, without a model")
    scored.add_argument("folder", metavar="DIR", help="the folder of a run, or of its shards")
    scored.add_argument(
        "--root", help="the folder of the data set's files, for the page's pictures"
    )
    scored.add_argument(
        "--markdown", action="store_true", help="print a Markdown table, for a model card"
    )
    scored.set_defaults(run=_score)
    for one in (parser, scored):
        one.add_argument(
            "--by", action="append", default=[], metavar="FACT", help="such as modality"
        )
        one.add_argument("--json", action="store_true", help="print one JSON document")
        one.add_argument(
            "--page", metavar="OUT", help="write one HTML file with scores, charts and items"
        )


def _shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isdecimal() and count.isdecimal()):
        raise argparse.ArgumentTypeError(f"expected K/N, got {text!r}")
    return int(number), int(count)


def _evaluate(given: Namespace) -> int:
    from umit.datasets import load
    from umit.evaluation.evaluate import evaluate
    from umit.evaluation.score import score
    from umit.model import UMIT

    if given.page and given.shard != (1, 1):
        raise InputError(
            "expected --page without --shard: the page is of all shards",
            code="shard",
            hint="When all are done: umit score DIR --page OUT",
        )
    samples = load(
        given.name, given.root, split=given.split, language=given.language, variant=given.variant
    )
    model = UMIT.from_pretrained(given.checkpoint, card=given.card, device=given.device)
    found = evaluate(model, samples, given.folder, limit=given.limit, shard=given.shard)
    if given.by and given.shard == (1, 1):
        found = score(given.folder, by=given.by)
    if given.page:
        _write_page(found, given, samples)
    return _print(found, given)


def _score(given: Namespace) -> int:
    from umit.evaluation.markdown import as_markdown
    from umit.evaluation.score import score

    found = score(given.folder, by=given.by)
    if given.page:
        _write_page(found, given, _samples(found, given.root) if given.root else None)
    if given.markdown and not given.json:
        print(as_markdown(found), end="")
        return 3 if found.failed else 0
    return _print(found, given)


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


def _write_page(found: Score, given: Namespace, samples: Iterable[Sample[Any, Any]] | None) -> None:
    from umit.evaluation.gallery import pictures_of
    from umit.evaluation.page import shown, write_page

    pictures = None if samples is None else pictures_of(samples, shown(given.folder))
    write_page(given.folder, given.page, pictures=pictures, scored=found)


def _print(found: Score, given: Namespace) -> int:
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
