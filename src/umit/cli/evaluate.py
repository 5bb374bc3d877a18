"""``umit evaluate``: a data set asked into a journal, and its numbers."""

from __future__ import annotations

import argparse
import os
from argparse import Namespace
from typing import TYPE_CHECKING

from umit.cli.parse import Commands, add_source, natural, reads_of_source, samples
from umit.cli.score import add_output, check_page, print_score, write_page_of
from umit.cli.telling import say, tell
from umit.cli.weights import add_model, load_model, reads_of_model
from umit.cli.writing import folder_for
from umit.errors import InputError

if TYPE_CHECKING:
    from umit.datasets import Samples
    from umit.model import UMIT

__all__ = ["add"]

#: Number and count of the processes, of torchrun and of MPI (PMI, Open MPI, MVAPICH), through which accelerate
#: starts several on CPUs; the names and their order are accelerate's (utils/environment.py of 1.15.0).
_RANKS = (
    ("RANK", "WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("evaluate", help="ask a data set and score the answers")
    parser.add_argument("name", metavar="NAME-OR-PATH", help="see umit data list, or your own files")
    parser.add_argument("--root", help="the folder of a name's files; of a table or COCO file, its pictures'")
    parser.add_argument(
        "--run", "--run-folder", required=True, metavar="DIR", dest="folder",
        help="where answers are kept; torchrun takes --run for an option of its own, not --run-folder",
    )  # fmt: skip
    add_source(parser)
    parser.add_argument("--limit", type=natural, metavar="N", help="only the first N samples")
    parser.add_argument(
        "--shard", type=_shard, metavar="K/N",
        help="this process's share; under torchrun, accelerate launch or mpirun, by default, its rank's",
    )  # fmt: skip
    parser.add_argument("--workers", type=natural, default=0, metavar="N", help="pictures read ahead (default 0)")
    parser.add_argument(
        "--perturb", action="store_true", help="ask also under each change, and write a robustness card"
    )
    add_model(parser)
    parser.set_defaults(run=_evaluate)
    add_output(parser)


def _shard(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not slash:
        raise argparse.ArgumentTypeError(f"expected K/N, got {text[:99]!r}")
    return natural(number), natural(count)


def _rank() -> tuple[int, int]:
    """Return this process's share among those that torchrun, accelerate or mpirun started, (1, 1) if it is alone."""
    for names in _RANKS:
        rank, world = (os.environ.get(name, "") for name in names)
        if rank.isdecimal() and world.isdecimal():
            return int(rank) + 1, int(world)
    return 1, 1


def _share(given: tuple[int, int] | None) -> tuple[int, int]:
    rank = _rank()
    if given is not None and rank[1] > 1 and given != rank:
        raise InputError(
            f"expected no --shard, or this rank's {rank[0]}/{rank[1]}, got {given[0]}/{given[1]}",
            code="shard",
            hint="All ranks get the same words; without --shard each takes its own share.",
        )
    return given or rank


def _evaluate(given: Namespace) -> int:
    from umit.evaluation.evaluate import ask
    from umit.evaluation.score import score

    shard = _share(given.shard)
    if given.page is not None and shard[1] > 1:
        raise InputError(
            "expected --page without shards: the page is of all of them",
            code="shard",
            hint="When all are done: umit score DIR --page OUT",
        )
    if given.perturb and (shard[1] > 1 or given.by):
        raise InputError("expected --perturb without shards and --by: the card is of the whole run", code="perturb")
    chosen = samples(given, given.root)
    _check_outputs(given)
    model = load_model(given)
    if given.perturb:
        return _perturb(model, chosen, given)
    folder = ask(model, chosen, given.folder, limit=given.limit, shard=shard, workers=given.workers, tell=tell)
    if shard[1] > 1:
        tell(f"shard {shard[0]} of {shard[1]}; all of them: umit score {given.folder}")
    found = score(folder, by=given.by)
    if given.page is not None:
        write_page_of(found, given, chosen)
    code = print_score(found, given)
    # A launcher kills every rank as soon as one ends with another code than 0; umit score tells what is missing.
    return code if _rank() == (1, 1) else 0


def _check_outputs(given: Namespace) -> None:
    """Refuse a run or a page in the data set, the weights or each other, before weights are loaded."""
    reads = [*reads_of_source(given, given.page), *reads_of_model(given)]
    given.folder = folder_for(given.folder, reads=reads)
    given.folder.mkdir(parents=True, exist_ok=True)
    check_page(given, [*reads, given.folder])


def _perturb(model: UMIT, chosen: Samples, given: Namespace) -> int:
    """Print the card; 3 if items have no answer yet, unchanged or under a change."""
    from umit.evaluation.journal import records
    from umit.evaluation.robustness import FOLDER, perturb
    from umit.evaluation.score import score

    perturb(model, chosen, given.folder, limit=given.limit, workers=given.workers, tell=tell)
    folder = given.folder
    if given.page is not None:
        write_page_of(score(folder), given, chosen)
    shown = "robustness.json" if given.json else "robustness.md"
    say((folder / shown).read_text("utf-8"), end="")
    runs = [folder, *sorted(p for p in (folder / FOLDER).iterdir() if p.is_dir())]
    missing = sum(not record["ok"] for run in runs for record in records(run))
    if missing and not given.json:
        say(f"{missing} items have no answer yet; the same command asks them again")
    return 3 if missing else 0
