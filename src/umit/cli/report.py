"""``umit report``: a report of each film or CT."""

from __future__ import annotations

from argparse import Namespace

from umit.cli.parse import Commands, add_files

__all__ = ["add", "run"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("report", help="write a report", description=__doc__)
    add_files(parser)
    parser.set_defaults(run=run)


def run(given: Namespace) -> int:
    """Report, and return the exit code."""
    from umit.cli.ask import ask
    from umit.queries import Describe

    return ask(given, "report", {"": Describe(language=given.language)})
