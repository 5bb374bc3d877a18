"""``umit data``: list the data sets that umit reads, show samples, check files, convert, unpack."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from umit.cli.parse import (
    Commands,
    Parser,
    add_fields,
    add_source,
    fields,
    natural,
    reads_of_source,
    samples,
)  # fmt: skip
from umit.cli.telling import document, say, tell
from umit.cli.writing import add_force, folder_for, save_picture, writable
from umit.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from umit.datasets import Dataset, Sample

__all__ = ["add"]

_NOTICE: Final = "Research use only, not a medical device. Licences are their owners'; read them."


def add(commands: Commands) -> None:
    """Add the command with its own commands."""
    parser = commands.add_parser("data", help="read data sets", description=__doc__)
    kinds = parser.add_subparsers(metavar="COMMAND", required=True)
    listed = kinds.add_parser("list", help="say what each data set holds and where to get it")
    listed.set_defaults(run=_list)
    shown = kinds.add_parser("show", help="print and draw a few samples")
    _add_source(shown)
    shown.add_argument("--limit", type=natural, default=3, metavar="N", help="how many (default: 3)")
    shown.add_argument("--out", metavar="DIR", help="write their pictures with the true marks")
    add_force(shown)
    shown.set_defaults(run=_show)
    checked = kinds.add_parser("check", help="find what is wrong in a folder or a table")
    checked.add_argument("root", metavar="PATH")
    checked.add_argument("--name", help="which data set it is, where its files do not say")
    checked.add_argument("--pictures", metavar="DIR", help="where the pictures of a file of rows are")
    checked.add_argument("--variant", help="the layout of your own files, if it is not recognised")
    add_fields(checked)
    checked.set_defaults(run=_check)
    for one in (listed, shown, checked):
        one.add_argument("--json", action="store_true", help="print JSON")
    made = kinds.add_parser("convert", help="write rows for training elsewhere; 3 if some could not be written")
    _add_source(made)
    made.add_argument("target", metavar="OUT", help="the file, or the folder of shards, to write")
    made.add_argument(
        "--to",
        choices=("swift", "swift2", "parquet", "coco", "shards"),
        default="swift",
        help="ms-swift's messages (default), its older queries, a parquet table, COCO boxes, or a folder of "
        "WebDataset shards",
    )
    add_force(made)
    made.set_defaults(run=_convert)
    unpacked = kinds.add_parser("unpack", help="unpack a download, nothing outside the folder")
    unpacked.add_argument("archive", metavar="ARCHIVE")
    unpacked.add_argument("target", metavar="FOLDER")
    unpacked.set_defaults(run=_unpack)


def _add_source(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME-OR-PATH", help="see umit data list, or your own files")
    parser.add_argument(
        "root", metavar="ROOT", nargs="?", help="the folder of a name's files; of a table or COCO file, its pictures'"
    )
    add_source(parser)


def _list(given: Namespace) -> int:
    from umit.datasets import NAMES, describe

    found = [_facts(describe(name)) for name in NAMES]
    if given.json:
        say(document(found, indent=2))
        return 0
    for one in found:
        say(f"{one['name']:<14}{one['title']}, {one['dimensions']}, {', '.join(one['languages'])}")
        sizes = ", ".join(
            f"{split} {'?' if size is None else format(size, ',')}" for split, size in one["splits"].items()
        )
        for label in ("tasks", "variants"):
            if one[label]:
                say(f"  {label:<10}{', '.join(one[label])}")
        say(f"  {'rows':<10}{sizes or 'as many as the files hold'} ({one['splitting']})")
        for label in ("licence", "home", "citation"):
            say(f"  {label:<10}{one[label]}")
    say(f"\n{len(found)} data sets. {_NOTICE}")
    return 0


def _facts(dataset: Dataset) -> dict[str, Any]:
    kept = (
        "name", "title", "tasks", "languages", "dimensions", "splits", "splitting", "licence", "citation", "home",
        "variants", "fields",
    )  # fmt: skip
    return {name: getattr(dataset, name) for name in kept}


def _show(given: Namespace) -> int:
    from umit.tasks.table import line

    reads = reads_of_source(given, given.out)
    folder = None if given.out is None else folder_for(given.out, reads=reads)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(islice(samples(given, given.root), given.limit), start=1):
        if given.json:
            say(document(_plain(sample)))
        else:
            say(f"{sample.id}\n  {'place':<10}{sample.place}\n  {'task':<10}{sample.task}")
            asked = {k: v for k, v in asdict(sample.query).items() if v and k != "language"}
            say(f"  {'query':<10}{type(sample.query).__name__} {asked}")
            say(f"  {'gold':<10}{line(sample.task, sample.gold)}")
            say(f"  {'pictures':<10}{', '.join(Path(n).name for n in sample.source.names[:3])}")
            say(f"  {'facts':<10}{dict(sample.facts)}")
        if folder is not None:
            name = f"{Path(given.name).stem or 'picture'}-{number}.png"
            path = writable(folder / name, reads=reads, force=given.force)
            try:
                picture = _picture(sample)
            except InputError as error:  # such as sides of 200 to 1; the next sample may be drawn
                tell(f"{sample.id}: not drawn: {error}")
            else:
                save_picture(picture, path)
                tell(f"drawn: {path}")
    return 0


def _plain(sample: Sample[Any, Any]) -> dict[str, Any]:
    from umit.queries import query_to_dict

    return {
        "id": sample.id,
        "task": sample.task,
        "query": query_to_dict(sample.query),
        "gold": sample.gold.to_dict(),
        "pictures": list(sample.source.names),
        "group": sample.group,
        "place": sample.place,
        "facts": dict(sample.facts),
    }


def _picture(sample: Sample[Any, Any]) -> Image.Image:
    from umit.results import Detections

    scans = sample.source.scans()
    marked = sample.gold if sample.gold.marks else Detections()
    drawn: Image.Image = marked.overlay(scans if len(scans) > 1 else scans[0])
    return drawn


def _check(given: Namespace) -> int:
    from umit.checkpoints import RELEASED
    from umit.datasets.check import check

    wrong = count = 0
    card = next(iter(RELEASED.values()))
    found = check(
        given.root, card.tasks, name=given.name, pictures=given.pictures, variant=given.variant,
        fields=fields(given),
    )  # fmt: skip
    for one in found:
        count += 1
        wrong += one.level == "error"
        if given.json:
            say(document(asdict(one)))
        else:
            say(f"{one.level:<8}{one.place}: {one.message} [{one.code}]")
    if not given.json:
        say(f"{wrong} errors, {count - wrong} warnings")
    return 1 if wrong else 0


def _convert(given: Namespace) -> int:
    from umit.checkpoints import RELEASED
    from umit.datasets.convert import convert

    card = next(iter(RELEASED.values()))
    missed = 0

    def miss(message: str) -> None:
        nonlocal missed
        missed += 1
        tell(message)

    reads, end = reads_of_source(given, given.target), Path(given.target).suffix.lower()
    if end in (".parquet", ".json", ".jsonl") and (end == ".parquet") != (given.to == "parquet"):
        raise InputError(f"expected a name that does not end as another form's, got {end} for {given.to}", code="out")
    if given.to == "shards":
        target = folder_for(given.target, reads=reads)
    else:
        target = writable(given.target, reads=reads, force=given.force)
        folder_for(target.with_name(f"{target.stem}_images"), reads=reads)  # lies beside it
    written = convert(samples(given, given.root), target, form=given.to, tasks=card.tasks, tell=miss)
    left = f", {missed} left out" if missed else ""
    say(f"wrote {written} rows to {given.target}{left}")
    return 3 if missed else 0


def _unpack(given: Namespace) -> int:
    from umit.datasets.archive import unpack

    place = unpack(given.archive, folder_for(given.target, reads=[given.archive]))
    say(f"unpacked {sum(1 for p in _files(place))} files to {given.target}")
    return 0


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
