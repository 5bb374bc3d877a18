"""``umit score``: numbers from a journal or from another program's answers, without a model."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from umit.cli.parse import LANGUAGES, Commands, Parser
from umit.cli.table import table
from umit.cli.telling import document, say, tell
from umit.cli.writing import add_force, folder_for, writable
from umit.errors import InputError

if TYPE_CHECKING:
    from umit.datasets import Sample
    from umit.evaluation.score import Score

__all__ = ["add", "add_output", "check_page", "plain", "print_score", "write_page_of"]

_WIDTHS: Final = (14, 3, 16, 12, 24, 8, 17, 6, 10)
_HEAD: Final = ("task", "", "part", "protocol", "metric", "value", "95 %", "n", "unreadable")


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("score", help="score a run again, or another program's answers, without a model")
    parser.add_argument(
        "place", nargs="?", metavar="DIR-OR-FILE",
        help="the folder of a run or of its shards, or a file of predictions",
    )  # fmt: skip
    parser.add_argument(
        "--protocol", action="append", default=[], metavar="NAME", help="only this protocol's numbers"
    )  # fmt: skip
    parser.add_argument(
        "--also", action="append", default=[], metavar="NAME",
        help="an optional score of reports, such as METEOR",
    )  # fmt: skip
    parser.add_argument("--protocols", action="store_true", help="list the protocols and end")
    parser.add_argument("--root", help="the folder of the pictures: for the page, and for a file's boxes and points")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table, for a model card")
    _add_file(parser)
    parser.set_defaults(run=_score)
    add_output(parser)


def _add_file(parser: Parser) -> None:
    """Add what says how a file of predictions is read."""
    more = parser.add_argument_group("for a file of predictions")
    more.add_argument(
        "--format", default="auto", choices=("auto", "umit", "swift", "lmms-eval", "llava-med", "jsonl"),
        help="default: by the fields of its first line",
    )  # fmt: skip
    more.add_argument("--truth", metavar="FILE", help="the questions' file, for LLaVA-Med's answers")
    more.add_argument("--card", metavar="NAME", help="whose prompts and frames the texts are in")
    more.add_argument("--task", help="what rows ask that do not say it, such as answer_open")
    more.add_argument("--language", choices=LANGUAGES, help="of such rows; default: en")
    more.add_argument("--run", metavar="DIR", dest="folder", help="keep the answers as a run")


def add_output(parser: Parser) -> None:
    """Add how numbers are broken down and shown."""
    parser.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="FACT",
        help="such as modality; size_px or size_mm of what is to be found",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--page", metavar="OUT", help="write one HTML file with scores, charts and items")
    add_force(parser)


def _score(given: Namespace) -> int:
    if given.protocols:
        return _list_protocols()
    if given.place is None:
        raise InputError("expected the folder of a run or a file, got none", code="place")
    reads = [one for one in (given.place, given.root, given.truth, given.card) if one]
    check_page(given, reads)
    if given.folder is not None:
        folder_for(given.folder, reads=reads)
    if Path(given.place).is_file():
        return _score_file(given)
    told = (given.folder is not None, given.truth, given.card, given.task, given.language, given.format != "auto")
    if any(told):
        raise InputError(
            "expected a file for --format, --truth, --card, --task, --language and --run, got a folder or nothing",
            code="place",
            where=Path(given.place).name,
        )
    given.folder = given.place
    return _show_score(given, None)


def _score_file(given: Namespace) -> int:
    """Score a file of predictions as the run that it becomes, kept only where --run says so."""
    from umit.evaluation.predictions import read_predictions

    found = read_predictions(
        given.place, form=given.format, root=given.root, card=given.card, task=given.task,
        language=given.language or "en", by=given.by, truth=given.truth,
    )  # fmt: skip
    with ExitStack() as stack:
        if given.folder is None:
            given.folder = stack.enter_context(TemporaryDirectory())
        found.keep(given.folder)
        code = _show_score(given, found.samples if given.root else ())
    return 3 if found.left_out else code


def _show_score(given: Namespace, samples: Sequence[Sample[Any, Any]] | None) -> int:
    from umit.evaluation.markdown import as_markdown
    from umit.evaluation.score import score

    found = score(given.folder, by=given.by, protocol=given.protocol, also=given.also)
    if given.page is not None:
        asked = _samples(found, given.root) if samples is None and given.root else samples
        write_page_of(found, given, asked or None)
    if given.markdown and not given.json:
        say(as_markdown(found), end="")
        return 0 if found.whole else 3
    return print_score(found, given)


def _list_protocols() -> int:
    from umit.evaluation.score import SOURCES, protocols

    rows = [("protocol", "whose rule it is", "tasks")]
    rows += [(name, SOURCES[name], ", ".join(tasks)) for name, tasks in protocols().items()]
    say(table(rows, (19, 40, 48)))
    return 0


def _samples(found: Score, root: str) -> Iterable[Sample[Any, Any]]:
    """Return the samples that a run asked, by its manifest."""
    from umit.datasets import load

    said = found.manifest
    if not said.keys() >= {"dataset", "split", "variant", "languages", "resplit", "seed"}:
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


def check_page(given: Namespace, reads: Iterable[str]) -> None:
    """Refuse a page over or within what is read, or over somebody else's file, before the work begins."""
    if given.page is not None:
        writable(given.page, reads=reads, force=given.force)


def write_page_of(found: Score, given: Namespace, samples: Iterable[Sample[Any, Any]] | None) -> None:
    """Write the page of a run, with pictures where the data set's files are given."""
    from umit.evaluation.gallery import pictures_of
    from umit.evaluation.page import shown, write_page

    pictures = None if samples is None else pictures_of(samples, shown(given.folder))
    page = Path(given.page).expanduser()
    write_page(given.folder, page, pictures=pictures, scored=found)
    tell(f"page in {given.page}")


def print_score(found: Score, given: Namespace) -> int:
    """Print a score; 3 if items have no answer yet."""
    from umit.evaluation.markdown import FLOOR_NOTE
    from umit.evaluation.score import FLOOR

    if given.json:
        say(document(plain(asdict(found))))
        return 0 if found.whole else 3
    rows = [_HEAD]
    for row in found.rows:
        if math.isnan(row.value):
            continue
        value = f"{row.value:.3f}{' ' + row.unit if row.unit else ''}"
        between = "" if math.isnan(row.low) else f"{row.low:.3f} to {row.high:.3f}"
        rows.append(
            (row.task, row.language, row.part, row.protocol, row.metric, value, between, str(row.n), str(row.unreadable))
        )  # fmt: skip
    say(table(rows, _WIDTHS))
    if any(row.metric.endswith(FLOOR) for row in found.rows):
        say(FLOOR_NOTE)
    if found.failed:
        say(f"{found.failed} items have no answer yet; the same command asks them again")
    for gap in found.gaps:
        say(f"Not whole: {gap}")
    say("Intervals: bootstrap over pictures or patients. Research use only, not a medical device.")
    return 0 if found.whole else 3


def plain(value: Any) -> Any:
    """Return JSON values; a number that is none becomes null."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
