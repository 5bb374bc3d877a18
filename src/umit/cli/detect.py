"""``umit detect``: boxes around targets in each film or volume."""

from __future__ import annotations

from argparse import Namespace

from umit.cli.parse import Commands, add_files

__all__ = ["add", "run"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("detect", help="find targets", description=__doc__)
    parser.add_argument("--target", action="append", required=True, help="a plain name; repeat it for several")
    add_files(parser)
    parser.set_defaults(run=run)


def run(given: Namespace) -> int:
    """Detect, and return the exit code."""
    from umit.cli.ask import ask
    from umit.queries import Find

    targets = Find(given.target, language=given.language).targets
    return ask(given, "detect", {name: Find(name, language=given.language) for name in targets})
