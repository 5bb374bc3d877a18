"""``umit classify``: one label for each file, or each of several by itself."""

from __future__ import annotations

from argparse import Namespace

from umit.cli.parse import Commands, add_abstaining, add_files

__all__ = ["add", "run"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("classify", help="choose a label", description=__doc__)
    parser.add_argument("--label", action="append", required=True, help="a label to choose from; repeat it")
    parser.add_argument("--question", help="what is to be decided; default: the task's own words")
    parser.add_argument("--several", action="store_true", help="any number of labels may hold: each is asked by itself")
    add_abstaining(parser)
    add_files(parser)
    parser.set_defaults(run=run)


def run(given: Namespace) -> int:
    """Classify, and return the exit code."""
    from umit.cli.ask import ask
    from umit.errors import InputError
    from umit.queries import Choose

    if given.abstain_below is not None and given.several:
        raise InputError("expected --abstain-below without --several", code="abstain", where="--abstain-below")
    query = Choose(tuple(given.label), given.question, given.several, language=given.language)
    return ask(given, "classify", {"": query})
