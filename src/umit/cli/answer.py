"""``umit answer``: one question about each file."""

from __future__ import annotations

from argparse import Namespace

from umit.cli.parse import Commands, add_abstaining, add_files

__all__ = ["add", "run"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("answer", help="answer a question", description=__doc__)
    parser.add_argument("--question", required=True, help="in your own words")
    parser.add_argument("--option", action="append", default=[], help="an answer to choose from; repeat it")
    add_abstaining(parser)
    add_files(parser)
    parser.set_defaults(run=run)


def run(given: Namespace) -> int:
    """Answer, and return the exit code."""
    from umit.cli.ask import ask
    from umit.errors import InputError
    from umit.queries import Ask

    if given.abstain_below is not None and not given.option:
        raise InputError("expected options beside --abstain-below, got none", code="abstain", where="--abstain-below")
    query = Ask(given.question, tuple(given.option), language=given.language)
    return ask(given, "answer", {"": query})
